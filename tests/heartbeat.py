"""How long an event loop is held, seen by a task on it that only wants to run again soon.

pulse = Pulse()
while True:
    await asyncio.sleep(0.001)
    pulse.beat()
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

__all__ = ["Pulse"]

THREADS = "/proc/self/task"


def standing_in_line() -> dict[str, float]:
    """Seconds that each thread of this process could have run, but others did; empty where the system does not tell."""
    waited: dict[str, float] = {}
    for thread in os.listdir(THREADS) if os.path.isdir(THREADS) else ():
        # It may have ended meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError), open(f"{THREADS}/{thread}/schedstat") as file:
            waited[thread] = int(file.read().split()[1]) / 1e9
    return waited


class Pulse:
    """The longest gap between two beats, in seconds, without what a busy machine gave to other processes in it.

    Our own threads wait for a processor then, and the loop perhaps for one of them, which holds Python's lock. All else
    counts: a blocking sleep as much as a long computation.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Forget what was; the next gap begins now."""
        self.worst = 0.0
        self._waited = standing_in_line()
        self._last = time.perf_counter()

    def beat(self) -> None:
        gap = time.perf_counter() - self._last
        waited = standing_in_line()
        theirs = sum(seconds - self._waited.get(thread, 0.0) for thread, seconds in waited.items())
        self.worst = max(self.worst, gap - theirs)
        self._waited = waited
        self._last = time.perf_counter()
