"""Which event loop runs this code, asyncio's or trio's; a wait in it that ends; a call into it from elsewhere."""

from __future__ import annotations

import asyncio
import sys
from asyncio import current_task, get_running_loop
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["asyncio_task", "at_most", "call_in_loop", "running_loop"]

T = TypeVar("T")


def asyncio_task() -> asyncio.Task[Any] | None:
    """The running asyncio task; None under trio (also in its guest mode, where an asyncio loop runs underneath)."""
    try:
        return current_task()
    except RuntimeError:
        return None


def running_loop() -> Any:
    """The asyncio event loop, or the token of the trio run: the same object every time in one of them.

    Raises:
        RuntimeError: nothing runs.
    """
    if asyncio_task() is not None:
        return get_running_loop()
    trio: Any = sys.modules.get("trio")
    if hasattr(trio, "lowlevel"):  # it is there last, while another thread imports trio
        try:
            return trio.lowlevel.current_trio_token()
        except RuntimeError:
            pass  # a callback of asyncio's, then
    return get_running_loop()


async def at_most(seconds: float | None, wait: Callable[[], Awaitable[T]]) -> T | None:
    """The result of `await wait()`, or None if that takes longer.

    The caller's own cancellation is never mistaken for the end of the time, as anyio's scopes do before 4.15 when both
    come in one turn of the asyncio loop.
    """
    if asyncio_task() is None:
        import anyio

        with anyio.move_on_after(seconds):
            return await wait()
        return None
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await wait()
    except TimeoutError:
        if not limit.expired():
            raise
        return None


def call_in_loop(loop: Any, function: Callable[[], object]) -> bool:
    """Has the event loop call `function` soon, from any thread; False if it has ended."""
    call = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon  # asyncio's, or that of trio's token
    try:
        call(function)
    except RuntimeError:
        return False
    return True
