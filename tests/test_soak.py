"""Hundreds of calls at once for a while, one in twenty with a fault: nothing is lost, mixed up or kept.

`make soak` runs it for five minutes, `make test` for a few seconds (`SOAK_SECONDS`); under trio for a quarter of that.
"""

from __future__ import annotations

import os
import random
import resource
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import anyio
import pytest

from bedrock_converse import BedrockClient, BedrockError, RetryPolicy, Timeout
from bedrock_converse.testing import FakeBedrock, html_503, internal_error, reply, throttled

if TYPE_CHECKING:
    from bedrock_converse.testing import Answer, ReceivedRequest

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
CALLS_AT_ONCE = 500
FAULTS = 0.05
LEFT = 0.01
"""How many streams are left before their end."""
LIMITS = Timeout(first_event=20, answer=20, idle=2, total=60)
STATM = Path("/proc/self/statm")


def expected(text: str) -> str:
    """What the server says to this: it tells every call from every other."""
    return f"{text}: " + "all is well " * (int(text) % 50)


def fault(answer: Answer, streams: bool, chance: random.Random) -> Answer:
    """One way or another to go wrong."""
    ways = [throttled(), internal_error(), html_503(), answer.reset(), answer.closed(), answer.empty_body()]
    if not streams:
        ways += [answer.cut(after_bytes=20), answer.wrong_length(5), answer.malformed_json(), answer.gzip()]
    else:
        ways += [
            answer.hang(after_events=1),
            answer.cut(after_events=1, cleanly=True),
            answer.cut(inside_event=1),
            answer.reset(after_events=2),
            answer.bad_crc(1),
            answer.malformed_json(1),
            answer.fails(throttled(), after_events=1),
            throttled().in_stream(),
        ]
    return chance.choice(ways)


def resident_megabytes() -> float:
    """This process's memory, client and server; 0 where the system does not tell."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize() / 1e6 if STATM.exists() else 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "seconds"), [("asyncio", SECONDS), ("trio", SECONDS / 4)], ids=["asyncio", "trio"])
def test_soak(backend: str, seconds: float) -> None:
    """Every call ends in its own reply or in an error of ours; connections, streams and memory do not grow."""
    chance = random.Random(5)
    fake = FakeBedrock(remember=0)

    def answer(request: ReceivedRequest) -> Answer:
        good = reply(expected(request.text))
        return fault(good, request.streams, chance) if chance.random() < FAULTS else good

    outcomes: Counter[str] = Counter()
    started = 0
    begin = monotonic()
    memory: dict[float, float] = {0.0: resident_megabytes()}

    async def caller(bedrock: BedrockClient) -> None:
        nonlocal started
        while monotonic() < begin + seconds:
            started += 1
            text = str(started)
            try:
                if started % 2:
                    got = await bedrock.converse("soak", text)
                else:
                    async with bedrock.converse_stream("soak", text) as stream:
                        if chance.random() < LEFT:
                            await anext(stream)
                            outcomes["streams left"] += 1
                            continue
                        pieces = [piece async for piece in stream.text()]
                        got = await stream.final()
                        assert "".join(pieces) == got.text
            except BedrockError as error:
                outcomes[type(error).__name__] += 1
            else:
                assert got.text == expected(text)
                outcomes["answers" if int(text) % 2 else "streams"] += 1

    async def main() -> None:
        retry = RetryPolicy(base_delay_transient=0.01, base_delay_throttling=0.01)
        async with BedrockClient(
            region="us-east-1", credentials=fake.credentials, endpoint_url=url, retry=retry, timeout=LIMITS
        ) as bedrock:
            async with anyio.create_task_group() as group:
                for _ in range(CALLS_AT_ONCE):
                    group.start_soon(caller, bedrock)
                while monotonic() < begin + seconds:
                    await anyio.sleep(min(1.0, seconds / 20))
                    memory[monotonic() - begin] = resident_megabytes()
            stats = bedrock.stats
            assert (stats.queued, stats.live_streams, stats.open - stats.idle) == (0, 0, 0)
            assert stats.open <= CALLS_AT_ONCE

    fake.on("soak").always(answer)
    with fake.serve() as url:
        anyio.run(main, backend=backend)

    settled = {when: size for when, size in memory.items() if when > 0.4 * seconds}
    first, last = next(iter(settled.values())), settled[max(settled)]
    print(f"\n{backend}, {seconds:g} s, {started} calls: {dict(outcomes.most_common())}")
    print(f"MB at the start {memory[0.0]:.1f}, after two fifths {first:.1f}, at the end {last:.1f}")
    print(f"between: {min(settled.values()):.1f} to {max(settled.values()):.1f}")
    assert started == outcomes.total()
    assert outcomes["answers"] > 0.45 * started
    assert outcomes["streams"] > 0.45 * started
    assert last <= (1.05 if seconds >= 120 else 1.2) * first  # a short run has not warmed up
