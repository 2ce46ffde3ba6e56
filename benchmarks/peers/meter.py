"""How much CPU a piece of work uses (`Meter`), and in which layer it goes (`Sampler`)."""

from __future__ import annotations

import resource
import signal
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

LAYERS = {
    "bedrock_converse/_wire/eventstream": "event stream frames",
    "bedrock_converse/_wire/eventheaders": "event stream frames",
    "bedrock_converse/_wire/deserialize": "deserialize",
    "bedrock_converse/_wire/accumulate": "deserialize",
    "bedrock_converse/_wire/blocks": "deserialize",
    "bedrock_converse/_wire/": "check and serialize",
    "bedrock_converse/_aws/": "sign, credentials, endpoint",
    "bedrock_converse/_http/http11": "HTTP/1.1 codec",
    "bedrock_converse/_http/network": "sockets",
    "bedrock_converse/_http/tls": "TLS",
    "bedrock_converse/_http/connection": "pool and connections",
    "bedrock_converse/_http/pool": "pool and connections",
    "bedrock_converse/_http/slots": "pool and connections",
    "bedrock_converse/_http/body": "pool and connections",
    "bedrock_converse/_http/transport": "one attempt",
    "bedrock_converse/_http/call": "one attempt",
    "bedrock_converse/_http/events": "one attempt",
    "bedrock_converse/_http/": "limits, retries, deadlines",
    "bedrock_converse/types/": "models",
    "bedrock_converse/": "client and stream",
}
"""By the beginning of a module's path, the first that fits. Any other library is a layer of its own."""
TRANSPARENT = ("pydantic", "annotated_types/", "typing_extensions.py", "typing_inspection/")
"""Counted for the caller, as the standard library is: they work on behalf of a layer."""


def cpu() -> float:
    """CPU seconds of this process so far, all its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """What the block has used, in CPU seconds."""

    seconds = 0.0

    def __enter__(self) -> Meter:
        self.began = cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = cpu() - self.began


class Sampler(Meter):
    """Also looks, every few milliseconds of CPU time, at what the main thread is doing.

    Samples, because a tracing profiler charges by the call: it would double the cost of small functions and leave that
    of JSON, hashing and system calls as it is. Time in C counts for the function that called it.
    """

    def __init__(self) -> None:
        self.samples: Counter[str] = Counter()

    def __enter__(self) -> Meter:
        signal.signal(signal.SIGPROF, lambda _, frame: self.samples.update([layer(frame)]))
        signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        signal.setitimer(signal.ITIMER_PROF, 0)

    def shares(self) -> dict[str, float]:
        """Layer -> its share of the samples, the greatest first."""
        return {name: count / self.samples.total() for name, count in self.samples.most_common()}


def layer(frame: FrameType | None) -> str:
    """That of the innermost function which belongs to one."""
    while frame is not None:
        path = frame.f_code.co_filename
        before, _, module = path.rpartition("/site-packages/")
        if before and not module.startswith(TRANSPARENT):
            library = module.partition("/")[0]
            return next((name for beginning, name in LAYERS.items() if module.startswith(beginning)), library)
        if "/benchmarks/peers/" in path:
            return "the benchmark itself"
        if "/asyncio/" in path or path.endswith("/selectors.py"):
            return "asyncio and its system calls"
        frame = frame.f_back
    return "Python itself"
