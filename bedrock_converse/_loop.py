"""Which event loop runs this code, asyncio's or trio's, and how to have it do something from elsewhere."""

from __future__ import annotations

import sys
from asyncio import current_task, get_running_loop
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["call_in_loop", "running_loop"]


def running_loop() -> Any:
    """The asyncio event loop, or the token of the trio run: the same object every time in one of them.

    Raises:
        RuntimeError: nothing runs.
    """
    try:
        # There is no loop under trio, and no task in a loop that has trio as its guest.
        if current_task() is not None:
            return get_running_loop()
    except RuntimeError:
        pass  # trio's, then
    trio: Any = sys.modules.get("trio")
    if hasattr(trio, "lowlevel"):  # it is there last, while another thread imports trio
        try:
            return trio.lowlevel.current_trio_token()
        except RuntimeError:
            pass  # a callback of asyncio's, then
    return get_running_loop()


def call_in_loop(loop: Any, function: Callable[[], object]) -> bool:
    """Has the event loop call `function` soon, from any thread; False if it has ended."""
    call = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon  # asyncio's, or that of trio's token
    try:
        call(function)
    except RuntimeError:
        return False
    return True
