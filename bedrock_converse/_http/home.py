"""Where a stream lives: the event loop, and the process, that its connection belongs to."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ELSEWHERE", "home"]

ELSEWHERE = "the stream belongs to another event loop, or to the process that this one was forked from"


def home() -> Callable[[], object]:
    """A function that tells where it is called: the same object every time in this event loop and process, another one
    anywhere else."""
    trio: Any = sys.modules.get("trio")
    if hasattr(trio, "lowlevel") and trio.lowlevel.in_trio_task():
        process = os.getpid()

        def in_trio() -> object:
            here = os.getpid() == process and trio.lowlevel.in_trio_run()
            return trio.lowlevel.current_trio_token() if here else None

        return in_trio
    from asyncio import get_running_loop

    def in_asyncio() -> object:
        try:
            return get_running_loop()  # which raises in a forked process
        except RuntimeError:
            return None

    return in_asyncio
