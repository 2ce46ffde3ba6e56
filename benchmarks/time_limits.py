"""What a time limit costs per stream event and per call: `python benchmarks/time_limits.py`.

Compares `CallTimer` with a fresh `asyncio.timeout` or anyio scope per wait, around an await that is ready at once, so
that what remains is the cost of the limit itself. Figures in microseconds, best of five.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import anyio

from bedrock_converse._http.deadline import Timeout
from bedrock_converse._http.timer import call_timer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 20_000


async def ready() -> None:
    """An await that does not suspend."""


async def plain() -> None:
    for _ in range(ROUNDS):
        await ready()


async def event_timer() -> None:
    timer = call_timer(Timeout())
    for _ in range(ROUNDS):
        timer.start("idle")
        await timer.wait(ready)
    timer.close()


async def anyio_scope() -> None:
    for _ in range(ROUNDS):
        with anyio.fail_after(120):
            await ready()


async def asyncio_timeout() -> None:
    for _ in range(ROUNDS):
        async with asyncio.timeout(120):
            await ready()


async def whole_call() -> None:
    for _ in range(ROUNDS):
        timer = call_timer(Timeout())
        timer.start("connect")
        await timer.wait(ready)
        timer.start("answer")
        await timer.wait(ready)
        timer.close()


async def two_scopes() -> None:
    for _ in range(ROUNDS):
        with anyio.fail_after(5):
            await ready()
        with anyio.fail_after(600):
            await ready()


async def best(run: Callable[[], Awaitable[None]]) -> float:
    figures: list[float] = []
    for _ in range(5):
        begin = time.perf_counter()
        await run()
        figures.append((time.perf_counter() - begin) / ROUNDS * 1e6)
    return min(figures)


async def report(backend: str) -> None:
    base = await best(plain)
    rows: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("per event: CallTimer start + wait", event_timer),
        ("per event: anyio.fail_after", anyio_scope),
        ("per call:  CallTimer, two phases, close", whole_call),
        ("per call:  anyio.fail_after twice", two_scopes),
    ]
    if backend == "asyncio":
        rows.insert(2, ("per event: asyncio.timeout", asyncio_timeout))
    print(f"{backend} (a bare await: {base:.2f} µs, subtracted)")
    for name, run in rows:
        print(f"  {name:42}{await best(run) - base:6.2f} µs")


if __name__ == "__main__":
    for backend in ("asyncio", "trio"):
        anyio.run(report, backend, backend=backend)
