"""Watching calls: subclass `Observer`, override what you care about, pass it as `BedrockClient(observers=[...])`.

    class Slow(Observer):
        def call_ended(self, call: CallEnded) -> None:
            if call.duration > 30:
                print(call.operation, call.model_id, call.duration, call.request_id)

A call is seen as `call_started`, then `attempt_failed` for every request that failed (also the last one), then
`first_event` (streams only), then `call_ended`, which comes exactly once, whatever happened. The records of one call
share its `call_id`. They hold sizes, times and ids, never a prompt, a completion or a credential.

The methods are plain functions and run on the event loop between two steps of the call, so they must be quick: count,
log, put into a queue. What they raise is logged once per observer and changes nothing for the call. Facts may be added
to the records; none will be removed within a major version.
"""

from __future__ import annotations

import logging
import weakref
from contextlib import suppress
from dataclasses import dataclass
from inspect import iscoroutine, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Literal

from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bedrock_converse.errors import BedrockError
    from bedrock_converse.types import TokenUsage

__all__ = ["AttemptFailed", "CallEnded", "CallRecord", "CallStarted", "FirstEvent", "LoggingObserver", "Observer"]

_logger = logging.getLogger("bedrock_converse")

Outcome = Literal["success", "error", "cancelled", "left"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """What every record says about the call that it belongs to."""

    call_id: str
    """One id per call, the same over its attempts; AWS sees it as `amz-sdk-invocation-id`."""
    operation: str
    """The AWS operation: `"Converse"`, `"ConverseStream"`, ..."""
    model_id: str | None
    """The model id as it was given to the call; None for an operation without one."""
    region: str | None
    """The region that the call goes to, where it is known."""
    streaming: bool
    """The answer comes as a stream of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallRecord):
    """A call is about to make its first attempt."""

    max_attempts: int
    """How many requests the retry policy allows in all."""
    request_bytes: int | None = None
    """The size of the request body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed(CallRecord):
    """One request failed. `retry` tells whether another follows."""

    attempt: int
    """Which one it was, counted from 1."""
    max_attempts: int
    """How many requests the retry policy allows in all."""
    duration: float
    """How long this attempt took, in seconds, without the wait before it."""
    error: BedrockError
    """What went wrong."""
    retry: bool
    """Another attempt follows."""
    delay: float
    """The wait before the next attempt, in seconds; 0 when there is none."""
    reason: str | None
    """Why no attempt follows (`RetryPolicy` lists the words); None when one does."""

    @property
    def request_id(self) -> str | None:
        """AWS's id of the failed request."""
        return self.error.request_id

    @property
    def status_code(self) -> int | None:
        """The HTTP status of the failed request; None when no answer came."""
        return self.error.status_code


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstEvent(CallRecord):
    """The first event of a stream has arrived. From here on nothing is retried."""

    attempt: int
    """Which attempt brought it, counted from 1."""
    duration: float
    """Seconds from the start of the call, retries and waits included, to this event: the time to first event."""
    request_id: str | None
    """AWS's id of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallRecord):
    """The call is over, one way or another."""

    outcome: Outcome
    """`success`; `error`; `cancelled` (the caller's task was cancelled, or its own timeout struck); `left` (the caller
    left the stream before its end)."""
    attempts: int
    """How many requests were sent."""
    duration: float
    """Seconds from the start of the call to its end; for a stream the caller's own time between events counts too."""
    time_to_first_event: float | None = None
    """Seconds from the start of the call to the first event of a stream."""
    error: BedrockError | None = None
    """What the call raised, when the outcome is `error`."""
    request_id: str | None = None
    """AWS's id of the last request."""
    status_code: int | None = None
    """The HTTP status of the last answer."""
    usage: TokenUsage | None = None
    """The tokens that AWS counted, where it said so."""
    stop_reason: str | None = None
    """Why the model stopped."""
    request_bytes: int | None = None
    """The size of the request body."""
    response_bytes: int | None = None
    """The size of the answer's body, as far as it was read."""


class Observer:
    """Sees every call of a client. Each method does nothing until you override it."""

    def call_started(self, call: CallStarted) -> None:
        """A call begins."""

    def attempt_failed(self, attempt: AttemptFailed) -> None:
        """A request failed; another may follow."""

    def first_event(self, event: FirstEvent) -> None:
        """The first event of a stream arrived."""

    def call_ended(self, call: CallEnded) -> None:
        """The call is over. Comes once for every `call_started`."""


class LoggingObserver(Observer):
    """Writes one line per call, and one per failed attempt, to the logger `"bedrock_converse"` (or the one you give).

    A call that ends well is logged at `level`, its start and first event at DEBUG, a failed attempt that is tried
    again at WARNING, a call that fails at ERROR. The lines hold ids, sizes and times; of an error its class, status and
    code, since the text that AWS sends may quote the request.
    """

    def __init__(self, level: int = logging.INFO, *, logger: logging.Logger | None = None) -> None:
        self._level = level
        self._logger = logger or _logger

    def call_started(self, call: CallStarted) -> None:
        self._logger.debug("%s started: %s", _name(call), _facts(request_bytes=call.request_bytes, call=call.call_id))

    def attempt_failed(self, attempt: AttemptFailed) -> None:
        if attempt.retry:
            self._logger.warning(
                "%s attempt %d of %d failed after %.3f s, next one in %.3f s: %s",
                _name(attempt),
                attempt.attempt,
                attempt.max_attempts,
                attempt.duration,
                attempt.delay,
                _facts(error=error_label(attempt.error), request=attempt.request_id, call=attempt.call_id),
            )

    def first_event(self, event: FirstEvent) -> None:
        self._logger.debug(
            "%s first event after %.3f s: %s",
            _name(event),
            event.duration,
            _facts(attempt=event.attempt, request=event.request_id, call=event.call_id),
        )

    def call_ended(self, call: CallEnded) -> None:
        level = logging.ERROR if call.outcome == "error" else self._level
        if not self._logger.isEnabledFor(level):
            return
        first = call.time_to_first_event
        facts = _facts(
            error=None if call.error is None else error_label(call.error),
            attempts=call.attempts,
            first_event=None if first is None else f"{first:.3f}s",
            input_tokens=getattr(call.usage, "input_tokens", None),
            output_tokens=getattr(call.usage, "output_tokens", None),
            stop_reason=call.stop_reason,
            sent=call.request_bytes,
            received=call.response_bytes,
            request=call.request_id,
            call=call.call_id,
        )
        self._logger.log(level, "%s %s after %.3f s: %s", _name(call), call.outcome, call.duration, facts)


def error_label(error: BedrockError) -> str:
    """An error in one short line, without its message: `ThrottlingError 429 ThrottlingException`."""
    parts = [type(error).__name__]
    for fact in ("status_code", "code", "reason", "phase", "kind"):
        value = getattr(error, fact, None)
        if value is not None:
            parts.append(str(value))
    return " ".join(parts)


def _name(call: CallRecord) -> str:
    return " ".join(part for part in (call.operation, call.model_id, call.region) if part)


def _facts(**facts: Any) -> str:
    return " ".join(f"{name}={value}" for name, value in facts.items() if value is not None)


# --- for the client ---------------------------------------------------------------------------------------------------

METHODS = ("call_started", "attempt_failed", "first_event", "call_ended")


class FanOut(Observer):
    """Hands each record to several observers, and keeps what they raise away from the call."""

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self._observers = observers

    def call_started(self, call: CallStarted) -> None:
        for observer in self._observers:
            notify(observer.call_started, call)

    def attempt_failed(self, attempt: AttemptFailed) -> None:
        for observer in self._observers:
            notify(observer.attempt_failed, attempt)

    def first_event(self, event: FirstEvent) -> None:
        for observer in self._observers:
            notify(observer.first_event, event)

    def call_ended(self, call: CallEnded) -> None:
        for observer in self._observers:
            notify(observer.call_ended, call)


def fan_out(observers: Iterable[Observer]) -> FanOut | None:
    """What the client keeps: None when nobody watches, so that it need not even build the records.

    Raises `ConfigError` for what is no observer, and for `async def` methods, which nobody would await.
    """
    known = tuple(observers)
    for observer in known:
        for name in METHODS:
            check_hook(getattr(observer, name, None), f"{type(observer).__name__}.{name}")
    return FanOut(known) if known else None


def check_hook(hook: object, name: str) -> None:
    """Raise `ConfigError` unless `hook` is a plain callable."""
    if not callable(hook):
        raise ConfigError(f"{name} is missing or cannot be called; an observer derives from `Observer`")
    if iscoroutinefunction(hook) or iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004 - not a test for callability
        raise ConfigError(f"{name} is an async function; hooks are plain functions, called between two steps of a call")


_complained: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
"""Hooks that have raised, by id. An entry goes with its hook, so an id that is used again starts clean."""


def notify(hook: Callable[[Any], object], record: object) -> None:
    """Call a user's hook. What it raises is logged once per observer (or function) and goes no further."""
    try:
        returned = hook(record)
        if iscoroutine(returned):  # a lambda around an async function, which `check_hook` cannot see
            returned.close()
            raise TypeError("the hook is asynchronous; nobody awaits it")
    except Exception as error:  # somebody else's code must not break the call
        owner = getattr(hook, "__self__", hook)
        if id(owner) in _complained:
            return
        with suppress(TypeError):  # an object without weak references is logged each time
            _complained[id(owner)] = owner
        error.__suppress_context__ = True  # the context is the call's own failure, whose text does not belong in a log
        _logger.exception("%r raised; later failures of it are not logged", type(owner).__qualname__)
