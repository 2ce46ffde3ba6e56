"""How long a call may take: `Timeout` is the user's choice; `timer` enforces it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from sys import float_info
from typing import Literal

from bedrock_converse.errors import ConfigError

__all__ = ["Phase", "Timeout", "TimeoutLike"]

Phase = Literal["connect", "first_event", "answer", "idle", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """The time limits of a call, in seconds. None means no limit. Give one to the client, a view or a call.

    The defaults are long because models are slow: a large reasoning model may think for minutes before its first token,
    and a call that is cut off has usually been billed already. They are there so that nothing hangs for ever. What
    users want shorter is mostly `total`, so a plain number means just that: `timeout=30` is `Timeout(total=30)`, and
    `timeout=None` takes every limit away.

    Whatever runs out, the call raises `RequestTimeout`, whose `.phase` says which limit it was. Raises `ConfigError`
    for what is not a positive, finite number.
    """

    connect: float | None = 5.0
    """Name lookup, TCP and TLS, together. AWS answers within a fraction of a second or not at all."""
    first_event: float | None = 300.0
    """From sending the request of a stream to its first event, which may come after minutes of reasoning."""
    answer: float | None = 600.0
    """From sending the request of a call that does not stream to the end of its answer (phase `first_event` in errors):
    here the whole generation counts. Longer answers belong in a stream: proxies and NAT gateways cut connections that
    stay silent for minutes."""
    idle: float | None = 120.0
    """Between two events of a stream, while you wait for the next. Bytes that complete no event do not count."""
    total: float | None = None
    """Everything together: credentials, waits for a connection, retries, and your own time during a stream."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            if value is not None:
                _check(value, f"Timeout({field.name}=...)")

    @classmethod
    def of(cls, value: TimeoutLike) -> Timeout:
        """What `timeout=` accepts: a `Timeout`; seconds or a `timedelta`, the total; None, no limits at all."""
        if isinstance(value, Timeout):
            return value
        if value is None:
            return cls(connect=None, first_event=None, answer=None, idle=None, total=None)
        if isinstance(value, timedelta):
            value = value.total_seconds()
        return cls(total=_check(value, "timeout"))


TimeoutLike = Timeout | float | timedelta | None


def _check(value: object, name: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= float_info.max:
        raise ConfigError(f"{name} must be a positive number of seconds, or None for no limit; not {value!r:.50}")
    return value
