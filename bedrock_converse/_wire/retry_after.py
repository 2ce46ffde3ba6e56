"""How long the server asks us to wait: the two headers that say so, as one number that knows where it came from.

x-amz-retry-after: 1500                             AWS's own: whole milliseconds
Retry-After: 120                                    HTTP's, in seconds (RFC 9110, section 10.2.3)
Retry-After: Fri, 31 Dec 2027 23:59:59 GMT          ... or as a date
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ServiceRetryAfter", "parse_http_date", "parse_http_retry_after", "parse_service_retry_after", "retry_after"]

_MILLISECONDS = re.compile(r"[0-9]{1,18}", re.ASCII)  # what 64 bits hold, as in AWS's own SDKs
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_VERY_LONG = 1e9
"""Seconds, thirty years. A larger number means "not again" just as well, and RFC 9110 sets no limit to the digits."""


class ServiceRetryAfter(float):
    """Seconds from `x-amz-retry-after`. For users a plain float; the type tells `RetryPolicy` which rule applies.

    AWS's own header moves a wait by at most 5 seconds; a proxy's `Retry-After` is honoured up to a cap of its own.
    """

    __slots__ = ()


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """What the headers of an error answer ask for, in seconds; None when they do not ask, or not intelligibly.

    `headers` must find names in lower case (`httpx.Headers` does). AWS's own header wins. `now` is the time of the
    answer as a Unix time; without it the answer's own `Date`, so that a wrong clock here does not move the wait.
    """
    asked = headers.get("x-amz-retry-after")
    if asked is not None and (wait := parse_service_retry_after(asked)) is not None:
        return wait
    asked = headers.get("retry-after")
    if asked is None:
        return None
    if now is None:
        now = parse_http_date(headers.get("date", ""))
    return parse_http_retry_after(asked, now=now)


def parse_service_retry_after(value: str) -> ServiceRetryAfter | None:
    """The value of `x-amz-retry-after`; None for anything but a whole number of milliseconds, as AWS's table wants."""
    value = value.strip()
    return ServiceRetryAfter(int(value) / 1000) if _MILLISECONDS.fullmatch(value) else None


def parse_http_retry_after(value: str, *, now: float | None = None) -> float | None:
    """The value of `Retry-After` in seconds; a date in the past is 0, and None is what neither form can be read as.

    Fractions are accepted: RFC 9110 knows only whole seconds, but proxies send them.
    """
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), _VERY_LONG)
    date = parse_http_date(value)
    return None if date is None else max(0.0, date - (time() if now is None else now))


def parse_http_date(value: str) -> float | None:
    """The Unix time of an HTTP date (`Date`, `Retry-After`), or None when it is not one."""
    try:
        date = parsedate_to_datetime(value)
        # An HTTP date is always in GMT, also in the obsolete form that does not say so.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
