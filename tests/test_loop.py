"""`_loop`: a wait that ends, in either event loop."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from engine import both, run
from stepwise import WAYS, EveryAwait

from bedrock_converse._loop import at_most


async def something() -> str:
    await anyio.lowlevel.checkpoint()
    return "something"


@both
@pytest.mark.parametrize("seconds", [10, None])
def test_what_is_waited_for(backend: str, seconds: float | None) -> None:
    """Its result comes back, with a limit and without one."""
    assert run(backend, lambda: at_most(seconds, something)) == "something"


@both
@pytest.mark.parametrize("seconds", [0, 0.01])
def test_the_end_of_the_time(backend: str, seconds: float) -> None:
    """None, and what was waited for has been cancelled."""
    ended: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep(10)
        finally:
            ended.append("cancelled")

    assert run(backend, lambda: at_most(seconds, wait)) is None
    assert ended == ["cancelled"]


@both
def test_an_error_of_its_own(backend: str) -> None:
    """A `TimeoutError` that somebody else raises within the time is no end of the time."""

    async def wait() -> None:
        raise TimeoutError("the reader's own")

    async def main() -> None:
        with pytest.raises(TimeoutError, match="the reader's own"):
            await at_most(10, wait)

    run(backend, main)


@both
def test_cancelled_as_the_time_ends(backend: str) -> None:
    """A cancellation of the caller's goes through, in whatever turn of the loop it comes, that of the end included."""

    async def waiting() -> Any:
        return await at_most(0.002, anyio.Event().wait)

    async def main() -> None:
        for way in WAYS[backend]:
            for run_cancelled in EveryAwait(way):
                await run_cancelled(waiting)

    run(backend, main)
