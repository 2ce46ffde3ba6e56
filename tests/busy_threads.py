"""An application that has filled its event loop's threads with blocking calls, as those do that call boto3 there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["busy_threads"]


@asynccontextmanager
async def busy_threads(backend: str) -> AsyncIterator[None]:
    """Inside, whatever goes to the loop's own threads waits; for 20 s at most, so that a test that hangs ends."""
    done = Event()
    block = partial(done.wait, 20)
    async with anyio.create_task_group() as tasks:
        for _ in range(45):  # anyio's and trio's limit is 40, asyncio's is smaller
            tasks.start_soon(anyio.to_thread.run_sync, block)
            if backend == "asyncio":
                asyncio.get_running_loop().run_in_executor(None, block)
        await anyio.sleep(0.05)
        try:
            yield
        finally:
            done.set()
