"""When to try again: `RetryPolicy` (your choice), `decide` (a pure function) and `run_attempts` (the loop).

The rules are those of AWS's "standard" retry mode in its 2.1 revision, which becomes the default of the AWS SDKs in
November 2026:

    kind          what                                         costs   waits up to
    throttling    a throttling code, or any 429                5       1 s, 2 s, 4 s, ...
    transient     500, 502, 503, 504, a request timeout code,  14      0.05 s, 0.1 s, 0.2 s, ...
                  ModelNotReadyException, a broken connection

The wait is a random share of those figures ("full jitter"), cut at `max_backoff`. What it costs is taken from a quota
of 500 that all calls of one identity share; a call that succeeds at its first attempt puts 1 back, one that succeeds
later puts its last cost back. So retries dry up when most calls fail, instead of multiplying the load.

One rule stands above the table: a failure that AWS may have generated (and billed) an answer for is not retried, unless
the policy says `retry_possibly_billed=True`. Converse is not idempotent: a retry of a slow call is a new generation.
Beyond AWS's table: a 429 without a known code (a gateway's) is throttling; HTTP's `Retry-After` is honoured; a daily
token quota, a certificate that does not verify and whatever its maker calls not retryable are never retried.
"""

from __future__ import annotations

import os
import random as _random
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from sys import float_info
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from bedrock_converse._http.classify import Kind, classify
from bedrock_converse._http.tracebacks import forget_locals
from bedrock_converse._wire.retry_after import ServiceRetryAfter
from bedrock_converse.errors import (
    APIError,
    BedrockError,
    ClientClosed,
    ConfigError,
    PoolTimeout,
    RequestInvalid,
)
from bedrock_converse.observe import check_hook, error_label, notify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

__all__ = ["Attempt", "Decision", "RetryPolicy", "RetryQuota", "decide", "run_attempts"]

T = TypeVar("T")

Reason = Literal[
    "not_retryable", "possibly_billed", "max_attempts_exceeded", "deadline_exceeded", "retry_quota_exceeded"
]

INFINITY = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a call is tried, and how long it waits in between. Give one to the client, a view or a call.

    The defaults are AWS's. Raises `ConfigError` for a value that makes no sense. Survives pickle if `on_attempt` does.
    """

    max_attempts: int = 3
    """Requests per call in all, the first one included; 1 turns retries off."""
    base_delay_transient: float = 0.05
    """The longest wait before the first retry of a transient failure, in seconds; doubles with every attempt."""
    base_delay_throttling: float = 1.0
    """The same after throttling."""
    max_backoff: float = 20.0
    """No wait of our own choosing is longer than this, in seconds."""
    retry_after_cap: float = 60.0
    """The longest wait that an HTTP `Retry-After` can cause, in seconds. (AWS's own `x-amz-retry-after` adds at most 5
    seconds to the wait that we chose; that much is fixed by AWS.)"""
    retry_possibly_billed: bool = False
    """Retry also what AWS may already have generated an answer for: a timeout or a broken connection after the request
    went out whole. Each such retry may be billed again."""
    on_attempt: Callable[[Attempt], object] | None = None
    """A plain function that sees each attempt when it is over. What it raises is logged once and changes nothing."""

    def __post_init__(self) -> None:
        _require(self, "max_attempts", "a whole number of at least 1", lambda n: _is_number(n, int) and n >= 1)
        for name in ("base_delay_transient", "base_delay_throttling", "max_backoff", "retry_after_cap"):
            _require(self, name, "a number of seconds, 0 or more", lambda n: _is_number(n, int, float) and n >= 0)
        _require(self, "retry_possibly_billed", "True or False", lambda flag: isinstance(flag, bool))
        if self.on_attempt is not None:
            check_hook(self.on_attempt, "RetryPolicy(on_attempt=...)")

    @classmethod
    def none(cls) -> RetryPolicy:
        """One attempt, no retries."""
        return cls(max_attempts=1)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> RetryPolicy:
        """The default policy with `AWS_MAX_ATTEMPTS`, where it is set; what a client uses that is given no policy.

        `AWS_RETRY_MODE` has no effect: the standard mode is the only one here. `legacy` retries what may have been
        billed, and `adaptive` lets one throttled model slow down all others. Raises `ConfigError` for a value that is
        not a number.
        """
        return _policy_of(environ.get("AWS_MAX_ATTEMPTS", "").strip())


@lru_cache(maxsize=1)  # every call of a client without a policy of its own asks
def _policy_of(max_attempts: str) -> RetryPolicy:
    if not max_attempts:
        return RetryPolicy()
    if not (max_attempts.isascii() and max_attempts.isdigit() and len(max_attempts) < 10 and int(max_attempts) >= 1):
        raise ConfigError(f"AWS_MAX_ATTEMPTS must be a whole number of at least 1, not {max_attempts!r}")
    return RetryPolicy(max_attempts=int(max_attempts))


def _require(policy: RetryPolicy, name: str, meaning: str, holds: Callable[[Any], bool]) -> None:
    value: object = getattr(policy, name)
    if not holds(value):
        raise ConfigError(f"RetryPolicy({name}=...) must be {meaning}, not {value!r:.50}")


def _is_number(value: object, *types: type) -> bool:
    # The largest float, not infinity: an int may lie between the two, and nobody can count with it.
    return isinstance(value, types) and not isinstance(value, bool) and abs(value) <= float_info.max  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt that is over, as `RetryPolicy.on_attempt` sees it."""

    number: int
    """Counted from 1."""
    max_attempts: int
    """What the policy allows."""
    duration: float
    """Seconds that the attempt took, without the wait before it."""
    error: BedrockError | None
    """What went wrong; None when it succeeded."""
    retry: bool
    """Another attempt follows."""
    delay: float
    """The wait before that, in seconds."""
    reason: Reason | None
    """Why none follows after a failure: `not_retryable`, `possibly_billed` (it would be, but it may have been billed),
    `max_attempts_exceeded`, `deadline_exceeded` (the wait would outlast the total timeout), `retry_quota_exceeded`."""


# --- the quota --------------------------------------------------------------------------------------------------------

COSTS: dict[Kind, int] = {"transient": 14, "throttling": 5}
REWARD = 1


class RetryQuota:
    """How many retries the calls of one identity may still make. One per identity, shared by all its calls.

    Safe to share between threads, so a client may serve an event loop in each of several.
    """

    __slots__ = ("_available", "_lock", "capacity")

    def __init__(self, capacity: int = 500, *, available: int | None = None) -> None:
        self.capacity = capacity
        self._available = capacity if available is None else available
        self._lock = Lock()

    @property
    def available(self) -> int:
        """What is left, from 0 to `capacity`."""
        return self._available

    def acquire(self, cost: int) -> bool:
        """Take `cost` if there is that much."""
        with self._lock:
            if cost > self._available:
                return False
            self._available -= cost
            return True

    def release(self, amount: int) -> None:
        """Put `amount` back; what exceeds the capacity is dropped."""
        with self._lock:
            self._available = min(self.capacity, self._available + amount)


# --- the decision -----------------------------------------------------------------------------------------------------


class Decision(NamedTuple):
    """Retry after `delay` seconds, having taken `cost` from the quota; or stop, for a `reason`."""

    delay: float = 0.0
    cost: int = 0
    reason: Reason | None = None

    @property
    def retry(self) -> bool:
        return self.reason is None


def decide(
    error: BedrockError,
    attempt: int,
    policy: RetryPolicy,
    quota: RetryQuota,
    *,
    random: Callable[[], float] = _random.random,
    remaining: float = INFINITY,
) -> Decision:
    """What to do after attempt number `attempt` failed with `error`, when `remaining` seconds are left for the call.

    No clock, no I/O; `random` gives the jitter, from 0 to 1. The one effect: a retry has been paid for from `quota`.
    """
    kind = classify(error)
    if kind is None:
        return Decision(reason="not_retryable")
    if error.possibly_billed and not policy.retry_possibly_billed:
        return Decision(reason="possibly_billed")
    if attempt >= policy.max_attempts:
        return Decision(reason="max_attempts_exceeded")
    delay = _delay(error, kind, attempt, policy, random())
    if delay >= remaining:
        return Decision(reason="deadline_exceeded")
    if not quota.acquire(COSTS[kind]):
        return Decision(reason="retry_quota_exceeded")
    return Decision(delay=delay, cost=COSTS[kind])


def _delay(error: BedrockError, kind: Kind, attempt: int, policy: RetryPolicy, jitter: float) -> float:
    base = policy.base_delay_throttling if kind == "throttling" else policy.base_delay_transient
    # 2**63 exceeds every cap; an unbounded power would overflow instead.
    backoff = jitter * min(base * 2.0 ** min(attempt - 1, 63), policy.max_backoff)
    asked = error.retry_after if isinstance(error, APIError) else None
    if asked is None:
        return backoff
    longest = backoff + 5.0 if isinstance(asked, ServiceRetryAfter) else policy.retry_after_cap
    return max(backoff, min(asked, longest))


# --- the loop ---------------------------------------------------------------------------------------------------------


async def run_attempts(
    attempt: Callable[[int], Awaitable[T]],
    *,
    policy: RetryPolicy,
    quota: RetryQuota,
    recoveries: Sequence[Callable[[BedrockError], Awaitable[bool]]] = (),
    on_attempt: Callable[[Attempt], object] | None = None,
    remaining: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[object]] | None = None,
    random: Callable[[], float] = _random.random,
) -> T:
    """Call `attempt(1)`, `attempt(2)`, ... until one succeeds or `policy` says stop; then raise the last error.

    The error has `.attempts` set, and a note (PEP 678) on each earlier failure of the call.

    `recoveries` repair what made AWS refuse the request (refresh credentials, learn the clock skew). Each is asked
    about every refusal (an `APIError`) until it returns True once in this call; that grants the next attempt at once,
    without wait or quota. They are asked after the last attempt too, since the repair serves the next call. What they
    raise ends the call. `on_attempt` sees each attempt, as the policy's own hook does. `remaining` tells how many
    seconds are left for the whole call: a wait that would not fit is not begun. A cancellation takes nothing from the
    quota.
    """
    hooks = [hook for hook in (policy.on_attempt, on_attempt) if hook is not None]
    untried = list(recoveries)
    earlier: list[str] = []
    decision = Decision()
    paid = 0  # from the quota, for the retry under way; its outcome says what becomes of it
    try:
        for number in count(1):
            if decision.delay:
                try:
                    await (sleep or _anyio_sleep())(decision.delay)
                except BedrockError as error:  # no time is left after all: a hook took it
                    quota.release(paid)
                    error.attempts = number - 1
                    _add_notes(error, earlier)
                    raise
            started = monotonic()
            try:
                result = await attempt(number)
            except BedrockError as error:
                forget_locals(error)  # before anybody looks at it
                duration = monotonic() - started
                error.attempts = number - (isinstance(error, _NOTHING_SENT) and not error.possibly_billed)
                repaired = await _recovered(error, untried)
                left = remaining() if remaining else INFINITY
                if repaired and number < policy.max_attempts and left > 0:
                    decision = Decision(cost=paid)
                else:
                    decision = decide(error, number, policy, quota, random=random, remaining=left)
                paid = decision.cost
                _report(hooks, number, policy, duration, error, decision)
                if not decision.retry:
                    _add_notes(error, earlier)
                    raise
                earlier.append(_note(error, number, decision))
            else:
                duration = monotonic() - started
                quota.release(REWARD if number == 1 else paid)
                paid = 0
                _report(hooks, number, policy, duration, None, decision)
                return result
    except BedrockError:
        raise
    except BaseException:
        quota.release(paid)  # cancelled: the retry that was paid for has proved nothing
        raise
    raise AssertionError("unreachable")


def _add_notes(error: BedrockError, notes: list[str]) -> None:
    for note in notes:
        error.add_note(note)


_NOTHING_SENT = (ClientClosed, ConfigError, PoolTimeout, RequestInvalid)


def _anyio_sleep() -> Callable[[float], Awaitable[object]]:
    from anyio import sleep

    return sleep


async def _recovered(error: BedrockError, untried: list[Callable[[BedrockError], Awaitable[bool]]]) -> bool:
    if not isinstance(error, APIError) or error.possibly_billed:
        return False
    for recovery in untried:
        try:
            repaired = await recovery(error)
        except BedrockError as failure:
            failure.attempts = error.attempts
            raise
        if repaired:
            untried.remove(recovery)
            return True
    return False


def _report(
    hooks: list[Callable[[Attempt], object]],
    number: int,
    policy: RetryPolicy,
    duration: float,
    error: BedrockError | None,
    decision: Decision,
) -> None:
    if not hooks:
        return
    record = Attempt(
        number=number,
        max_attempts=policy.max_attempts,
        duration=duration,
        error=error,
        retry=error is not None and decision.retry,
        delay=0.0 if error is None else decision.delay,
        reason=decision.reason,
    )
    for hook in hooks:
        notify(hook, record)


def _note(error: BedrockError, number: int, decision: Decision) -> str:
    request = f", request id {error.request_id}" if error.request_id else ""
    return f"attempt {number} failed with {error_label(error)}{request}; tried again after {decision.delay:.2f} s"
