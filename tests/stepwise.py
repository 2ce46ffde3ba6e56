"""Cancel a coroutine at each of its await points in turn, on asyncio and trio.

for way in WAYS[backend]:
    for run_cancelled in EveryAwait(way, at_least=3):
        await run_cancelled(lambda: call(...))
        ... assert that nothing is left ...
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Literal

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterator

__all__ = ["WAYS", "EveryAwait", "Way", "cancelled_at", "living_tasks", "no_threads"]

Way = Literal["task", "task twice", "task late", "scope"]
WAYS: dict[str, tuple[Way, ...]] = {"asyncio": ("task", "task twice", "task late", "scope"), "trio": ("scope",)}
"""asyncio's own cancellation hits once, or again in the middle of the clean-up, or late: in the same turn of the loop
as what was waited for, which is there already then and goes to nobody. A scope hits until it is left."""


class Stepped:
    """Drives a coroutine by hand and calls `cancel` just before its suspensions of the numbers `steps`, or when what it
    waits for there has come."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], steps: set[int], cancel: Callable[[], object], late: bool = False
    ) -> None:
        self.coroutine = coroutine
        self.steps = steps
        self.cancel = cancel
        self.late = late
        self.cancelled = 0
        """How often."""

    def __await__(self) -> Generator[Any, Any, Any]:
        resume: Callable[[Any], Any] = self.coroutine.send
        value: Any = None
        step = 0
        while True:
            try:
                waiting_for = resume(value)
            except StopIteration as finished:
                return finished.value
            step += 1
            if step in self.steps:
                if self.late and isinstance(waiting_for, asyncio.Future):
                    waiting_for.add_done_callback(self._cancel)  # before the task's own, which wakes it
                else:
                    self._cancel()
            try:
                value = yield waiting_for
                resume = self.coroutine.send
            except BaseException as error:  # noqa: BLE001 - it goes on into the coroutine
                value = error
                resume = self.coroutine.throw

    def _cancel(self, _: Any = None) -> None:
        self.cancelled += 1
        self.cancel()


async def cancelled_at(step: int, way: Way, make: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
    """Run `make()` and cancel it at its `step`-th suspension. False if it was over by then.

    Fails if the coroutine swallows the cancellation.
    """
    if way == "scope":
        with anyio.CancelScope() as scope:
            stepped = Stepped(make(), {step}, scope.cancel)
            await stepped
            await anyio.lowlevel.checkpoint()  # a clean-up at the end may have been shielded
        assert scope.cancelled_caught == bool(stepped.cancelled), "the cancellation was swallowed"
        return bool(stepped.cancelled)

    async def body() -> bool:
        task = asyncio.current_task()
        assert task is not None
        steps = {step, step + 1} if way == "task twice" else {step}
        stepped = Stepped(make(), steps, task.cancel, late=way == "task late")
        try:
            await stepped
        finally:
            assert task.cancelling() == stepped.cancelled, "a cancellation of somebody else's was taken back"
        return bool(stepped.cancelled)

    task = asyncio.get_running_loop().create_task(body())
    await asyncio.wait([task])
    assert task.cancelled() or not task.result(), "the cancellation was swallowed"
    return task.cancelled()


class EveryAwait:
    """Runs of something, each of them cancelled one await later, until three in a row get through before their turn.

    One would not be enough: a busy machine hands over at once what otherwise takes two awaits.

    Fails in the end if there were not `at_least` so many awaits, and it does not try what it says.
    """

    def __init__(self, way: Way, at_least: int = 1) -> None:
        self._way: Way = way
        self._at_least = at_least
        self._step = 1
        self._through = 0

    def __iter__(self) -> Iterator[Callable[[Callable[[], Coroutine[Any, Any, Any]]], Coroutine[Any, Any, bool]]]:
        while self._through < 3:
            yield self._run
        awaits = self._step - 1
        assert awaits >= self._at_least, f"there are {awaits} awaits instead of {self._at_least} or more"

    async def _run(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
        cancelled = await cancelled_at(self._step, self._way, make)
        self._step += cancelled
        self._through = 0 if cancelled else self._through + 1
        return cancelled


async def living_tasks() -> int:
    """How many tasks there are, once those that are ending have ended."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # no asyncio loop runs
        import trio

        return trio.lowlevel.current_statistics().tasks_living


async def no_threads() -> None:
    """None of ours is left, once those that are ending have ended."""
    with anyio.move_on_after(2):
        while our_threads():  # noqa: ASYNC110
            await anyio.sleep(0.001)
    assert our_threads() == []


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("bedrock-converse")]
