"""Hundreds of calls at once for a while, one in twenty with a fault: nothing is lost, mixed up or kept.

`make soak` runs it for five minutes, `make test` for a few seconds (`SOAK_SECONDS`).
"""

from __future__ import annotations

import os
import random
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
STATM = Path("/proc/self/statm")


def expected(text: str) -> str:
    """What the server says to this: it tells every call from every other."""
    return f"{text}: " + "all is well " * (int(text) % 50)


def fault(answer: Answer, streams: bool, chance: random.Random) -> Answer:
    """One way or another to go wrong."""
    ways = [throttled(), internal_error(), html_503(), answer.reset(), answer.closed(), answer.empty_body()]
    if streams:
        ways += [
            answer.cut(after_events=1, cleanly=True),
            answer.cut(inside_event=1),
            answer.reset(after_events=2),
            answer.bad_crc(1),
            answer.malformed_json(1),
            answer.fails(throttled(), after_events=1),
            throttled().in_stream(),
        ]
    return chance.choice(ways)


def resident_pages() -> int:
    """This process's memory, client and server; 0 where the system does not tell."""
    return int(STATM.read_text().split()[1]) if STATM.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["asyncio"])
def test_soak(backend: str) -> None:
    """Every call ends in its own reply or in an error of ours; connections, streams and memory do not grow."""
    chance = random.Random(5)
    fake = FakeBedrock(remember=0)

    def answer(request: ReceivedRequest) -> Answer:
        good = reply(expected(request.text))
        return fault(good, request.streams, chance) if chance.random() < FAULTS else good

    outcomes: Counter[str] = Counter()
    started = 0
    memory: list[tuple[float, int]] = []
    end = monotonic() + SECONDS

    async def caller(bedrock: BedrockClient) -> None:
        nonlocal started
        while monotonic() < end:
            started += 1
            text = str(started)
            try:
                if started % 2:
                    got = await bedrock.converse("soak", text)
                else:
                    async with bedrock.converse_stream("soak", text) as stream:
                        pieces = [piece async for piece in stream.text()]
                        got = await stream.final()
                        assert "".join(pieces) == got.text
            except BedrockError as error:
                outcomes[type(error).__name__] += 1
            else:
                assert got.text == expected(text)
                outcomes["replies"] += 1

    async def main() -> None:
        retry = RetryPolicy(base_delay_transient=0.01, base_delay_throttling=0.01)
        async with BedrockClient(
            region="us-east-1", credentials=fake.credentials, endpoint_url=url, retry=retry, timeout=Timeout(total=60)
        ) as bedrock:
            async with anyio.create_task_group() as group:
                for _ in range(CALLS_AT_ONCE):
                    group.start_soon(caller, bedrock)
                while monotonic() < end:
                    await anyio.sleep(min(1.0, SECONDS / 20))
                    memory.append((monotonic(), resident_pages()))
            stats = bedrock.stats
            assert (stats.queued, stats.live_streams, stats.open - stats.idle) == (0, 0, 0)
            assert stats.open <= CALLS_AT_ONCE

    fake.on("soak").always(answer)
    with fake.serve() as url:
        anyio.run(main, backend=backend)

    print(f"\n{started} calls: {dict(outcomes)}")
    assert started == outcomes.total()
    assert outcomes["replies"] > 0.9 * started
    settled = [pages for when, pages in memory if when > end - 0.6 * SECONDS]
    print(f"pages of memory over the last three fifths: {min(settled)} to {max(settled)}")
    assert settled[-1] <= 1.05 * settled[0]
