from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from engine import KEYS, MODEL

from bedrock_converse import BedrockClient, RequestInvalid
from bedrock_converse._http.turns import AT_ONCE, TURNS, take_turn

if TYPE_CHECKING:
    from collections.abc import Iterator


class Counted:
    """Counts the turns of the event loop."""

    def __init__(self) -> None:
        self.number = 0
        asyncio.get_running_loop().call_soon(self._count)

    def _count(self) -> None:
        self.number += 1
        asyncio.get_running_loop().call_soon(self._count)


async def test_many_begin_a_few_at_a_time() -> None:
    """In the order in which they came, and none is left behind."""
    loop, begun = Counted(), list[tuple[int, int]]()

    async def call(number: int) -> None:
        await take_turn()
        begun.append((loop.number, number))

    await asyncio.gather(*(call(number) for number in range(20 * AT_ONCE)))
    assert [number for _, number in begun] == list(range(20 * AT_ONCE))
    assert max(Counter(turn for turn, _ in begun).values()) <= AT_ONCE


async def test_a_large_burst() -> None:
    """More at a time, so that it is over soon; the next burst begins a few at a time again."""
    loop, begun = Counted(), list[int]()

    async def call() -> None:
        await take_turn()
        begun.append(loop.number)

    many = 4 * TURNS * AT_ONCE
    await asyncio.gather(*(call() for _ in range(many)))
    assert TURNS <= begun[-1] - begun[0] <= TURNS + 2
    assert max(Counter(begun).values()) <= many // TURNS
    begun.clear()
    await asyncio.gather(*(call() for _ in range(3 * AT_ONCE)))
    assert max(Counter(begun).values()) <= AT_ONCE


async def test_calls_take_turns() -> None:
    """From their very start: not even the arguments are looked at before it is a call's turn."""
    loop, looked_at = Counted(), dict[int, int]()

    class Messages(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            looked_at.setdefault(id(self), loop.number)
            return super().__iter__()

    async def call(client: BedrockClient, messages: Messages) -> None:
        with pytest.raises(RequestInvalid):
            await client.converse(MODEL, messages)

    wrong = [Messages([3]) for _ in range(4 * AT_ONCE)]
    async with BedrockClient(region="us-east-1", credentials=KEYS) as client:
        await call(client, Messages([3]))  # the first one has more to do
        looked_at.clear()
        await asyncio.gather(*(call(client, messages) for messages in wrong))
    assert len(looked_at) == len(wrong)
    assert max(Counter(looked_at.values()).values()) <= AT_ONCE


async def test_a_newcomer_does_not_overtake() -> None:
    """Who comes while others wait comes after them."""
    order: list[str] = []

    async def call(name: str) -> None:
        await take_turn()
        order.append(name)

    early = [asyncio.create_task(call("early")) for _ in range(3 * AT_ONCE)]
    await asyncio.sleep(0)
    late = asyncio.create_task(call("late"))
    await asyncio.gather(*early, late)
    assert order.index("late") == 3 * AT_ONCE


async def test_alone_it_waits_for_nothing() -> None:
    """No turn of the event loop passes."""
    with pytest.raises(StopIteration):
        take_turn().send(None)


async def test_those_who_give_up_do_not_hold_up_the_others() -> None:
    """A cancelled wait costs nobody a turn for good."""
    tasks = [asyncio.create_task(take_turn()) for _ in range(5 * AT_ONCE)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks[2 * AT_ONCE :: 2])
    assert not any(task.cancelled() for task in tasks[1::2])


def test_each_event_loop_has_its_own() -> None:
    """One that ended in the middle leaves nothing to the next."""

    async def left() -> None:
        tasks = [asyncio.create_task(take_turn()) for _ in range(5 * AT_ONCE)]
        await asyncio.sleep(0)
        assert not tasks[-1].done()

    async def whole() -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(*(take_turn() for _ in range(5 * AT_ONCE)))

    asyncio.run(left())
    asyncio.run(whole())


def test_trio() -> None:
    """There everybody begins at once."""

    async def main() -> None:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(5 * AT_ONCE):
                    tasks.start_soon(take_turn)

    anyio.run(main, backend="trio")
