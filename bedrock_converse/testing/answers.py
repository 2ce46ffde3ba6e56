"""`Answer`: what the fake says to one request, and everything that can be done to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from bedrock_converse.testing import faults
from bedrock_converse.testing.plan import Plan

if TYPE_CHECKING:
    from bedrock_converse.testing.errors import ErrorAnswer

__all__ = ["ALL_OPERATIONS", "CONVERSE", "EVENT_STREAM", "Answer"]

EVENT_STREAM = "application/vnd.amazon.eventstream"

CONVERSE = frozenset({"Converse", "ConverseStream"})
ALL_OPERATIONS = CONVERSE | {
    "CountTokens",
    "ApplyGuardrail",
    "InvokeModel",
    "InvokeModelWithResponseStream",
    "InvokeGuardrailChecks",
}


@dataclass(frozen=True)
class Answer(ABC):
    """An answer, which never changes: each method gives a new one. Made by `reply()`, `throttled()` and the others.

    The methods combine, in the order in which they are written: `reply("Hello").paced(tokens_per_second=20).cut(...)`.
    Events are counted from 0, the `messageStart` included. For an operation that does not stream the whole answer is
    one event.
    """

    faults: tuple[faults.Fault, ...] = field(default=(), kw_only=True)
    _plans: dict[Any, Plan] = field(default_factory=dict[Any, Plan], init=False, repr=False, compare=False)

    @property
    def operations(self) -> frozenset[str]:
        """The operations that it can answer, by AWS's names."""
        return ALL_OPERATIONS

    @abstractmethod
    def _flawless(self, operation: str) -> Plan:
        """The answer before anything was done to it."""

    @abstractmethod
    def _described(self) -> str: ...

    def plan(self, operation: str, pace: faults.Paced | None = None) -> Plan:
        """What to send for an operation, at a pace if it has none of its own. The plan is shared: do not change it."""
        plan = self._plans.get((operation, pace))
        if plan is None:
            plan = self._flawless(operation)
            for fault in self.faults:
                fault.apply(plan)
            if pace is not None and not plan.paced and plan.status == 200:
                pace.apply(plan)
            self._plans[operation, pace] = plan
        return plan

    def __str__(self) -> str:
        return ".".join([self._described(), *map(str, self.faults)])

    def _with(self, fault: faults.Fault) -> Self:
        return replace(self, faults=(*self.faults, fault))

    # --- how fast -----------------------------------------------------------------------------------------------------

    def paced(self, *, tokens_per_second: float | None = None, time_to_first_token: float = 0.0) -> Self:
        """Comes as fast as a model would send it, in real or virtual time."""
        return self._with(faults.Paced(tokens_per_second, time_to_first_token))

    def delayed(self, seconds: float) -> Self:
        """Nothing comes for that long, not even the status line."""
        return self._with(faults.Delay(seconds))

    def slow_drip(self, bytes_per_second: float = 10.0) -> Self:
        """The body comes a few bytes at a time, so that no single read takes long."""
        return self._with(faults.SlowDrip(bytes_per_second))

    # --- how it ends early --------------------------------------------------------------------------------------------

    def cut(
        self,
        *,
        after_events: int | None = None,
        after_bytes: int | None = None,
        inside_event: int | None = None,
        cleanly: bool = False,
    ) -> Self:
        """The rest never comes: the connection closes after so many events, so many bytes, or in the middle of a frame.

        `cleanly=True` ends the HTTP body as if it were whole, so that only the missing `messageStop` tells: what
        proxies do. Without it, HTTP itself can tell that bytes are missing.
        """
        return self._with(faults.Cut(after_events, after_bytes, inside_event, cleanly))

    def reset(self, *, after_events: int | None = None) -> Self:
        """The connection is reset (TCP RST): before the response, or (`after_events=0`) after its head, or later."""
        return self._with(faults.Reset(after_events))

    def closed(self) -> Self:
        """The connection is closed without any response."""
        return self._with(faults.Close())

    def hang(self, *, after_events: int | None = None) -> Self:
        """Nothing more comes, and the connection stays open: before the response, or after so many events."""
        return self._with(faults.Hang(after_events))

    def fails(self, error: ErrorAnswer, *, after_events: int = 0) -> Self:
        """An error inside the stream, as AWS sends it: 0 makes it the first frame of an HTTP 200.

        Without a stream, the error is the whole answer.
        """
        whole = error.plan
        return self._with(faults.Fails(str(error), error.frame, lambda: whole("Converse"), after_events))

    # --- how it is wrong ----------------------------------------------------------------------------------------------

    def bad_crc(self, event: int = 1) -> Self:
        """The checksum of that event's frame is wrong."""
        return self._with(faults.BadChecksum(event))

    def malformed_json(self, event: int = 1) -> Self:
        """That event is a good frame whose payload is no JSON. For a whole answer: the body is no JSON."""
        return self._with(faults.MalformedJson(event))

    def huge_frame(self, event: int = 1, announced: int = 0xFFFF_FFFF) -> Self:
        """Instead of that event a frame begins that says it is `announced` bytes long; it never comes."""
        return self._with(faults.HugeFrame(event, announced))

    def empty_body(self) -> Self:
        """The head says that all is well, and there is no body."""
        return self._with(faults.EmptyBody())

    def content_type(self, value: str) -> Self:
        """Another Content-Type than the body has."""
        return self._with(faults.ContentType(value))

    def headers(self, headers: dict[str, str]) -> Self:
        """More response headers, or others."""
        return self._with(faults.ResponseHeaders(tuple(headers.items())))

    def wrong_length(self, by: int) -> Self:
        """A Content-Length that promises `by` bytes more than come, or (negative) fewer; then the connection closes."""
        return self._with(faults.WrongLength(by))

    def gzip(self) -> Self:
        """The body is compressed, which nobody asked for."""
        return self._with(faults.Gzip())
