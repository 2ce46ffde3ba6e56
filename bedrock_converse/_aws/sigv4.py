"""AWS Signature Version 4 for Bedrock Runtime, over exactly the bytes that are sent, and the clock that it signs with.

What is signed, and how (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html):

    canonical request           string to sign                   signature
    ─────────────────           ──────────────                   ─────────
    POST                        AWS4-HMAC-SHA256                 HMAC(signing key, string to sign), in hex
    path, encoded once more     20260102T030405Z
    query (we never send one)   20260102/REGION/bedrock/aws4_request
    name:value, sorted          sha256(canonical request)
    (an empty line)
    name;name, sorted                                            signing key = HMAC over the secret, the date,
    sha256(body)                                                 the region, "bedrock", "aws4_request"

The oracle is botocore's `SigV4Auth`: the tests hold the two equal over the recorded vectors and thousands of generated
requests. It is not called at run time for three reasons: it needs eight times as long, importing it costs 200 ms (which
a client with keys of its own would pay for nothing else), and at DEBUG it logs the session token.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from bedrock_converse.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bedrock_converse._aws.credentials import Credentials

__all__ = ["SKEW_THRESHOLD", "UNSIGNED_HEADERS", "Clock", "Signer"]

SERVICE = "bedrock"
"""The name in the signature: not `bedrock-runtime`, which is only in the host."""

UNSIGNED_HEADERS = frozenset(
    {
        # What hops between client and server may add or change: botocore's list.
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
        # botocore never has this one when it signs; we do, and proxies rewrite it.
        "accept-encoding",
    }
)
"""Headers that go out unsigned, in lower case."""

_OWN_HEADERS = frozenset({"authorization", "host", "x-amz-date", "x-amz-security-token"})


class Signer:
    """Signs requests. Holds the signing keys of the last 256 pairs of credentials and region, for the day.

    Free to construct, safe to share between threads and event loops, does no I/O and imports nothing late.
    """

    def __init__(self) -> None:
        self._signing_key = lru_cache(maxsize=256)(_signing_key)

    def sign(
        self,
        *,
        method: str,
        host: str,
        path: str,
        headers: Mapping[str, str],
        payload_hash: str,
        credentials: Credentials,
        region: str,
        now: datetime,
    ) -> dict[str, str]:
        """Give the headers to add: `X-Amz-Date`, `X-Amz-Security-Token` (with temporary credentials), `Authorization`.

        Args:
            method: The HTTP method, in capitals.
            host: The `Host` header as it is sent.
            path: The path as it is sent: percent-encoded already, base path included, without a query.
            headers: Every other header that is sent; those in `UNSIGNED_HEADERS` are left out of the signature.
            payload_hash: The SHA-256 of the body, in lower-case hex.
            credentials: Whose signature.
            region: The region that the endpoint belongs to.
            now: The time in UTC, corrected for clock skew. AWS accepts five minutes to either side.

        Raises:
            RequestInvalid: `headers` has a header that the signer sets itself, or text that is not ASCII.
        """
        # 2026-01-02T03:04:05+00:00 -> 20260102T030405Z, in a third of the time that strftime takes.
        timestamp = now.isoformat()[:19].replace("-", "").replace(":", "") + "Z"
        date = timestamp[:8]
        signed = _canonical_values(headers)  # may raise: no secret is in a local variable yet
        signed["host"] = host
        signed["x-amz-date"] = timestamp
        added = {"X-Amz-Date": timestamp}
        if credentials.session_token:
            signed["x-amz-security-token"] = added["X-Amz-Security-Token"] = credentials.session_token
        names = sorted(signed)
        signed_names = ";".join(names)
        lines = "\n".join([f"{name}:{signed[name]}" for name in names])
        request = f"{method}\n{_canonical_path(path)}\n\n{lines}\n\n{signed_names}\n{payload_hash}"
        scope = f"{date}/{region}/{SERVICE}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = self._signing_key(credentials.secret_access_key, date, region)
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        added["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
            f"SignedHeaders={signed_names}, Signature={signature}"
        )
        return added


def _canonical_values(headers: Mapping[str, str]) -> dict[str, str]:
    """Lower-case names; values trimmed, with inner runs of blanks as one blank; equal names joined by commas."""
    values: dict[str, str] = {}
    for name, value in headers.items():
        lowered = name.lower()
        if lowered in UNSIGNED_HEADERS:
            continue
        if lowered in _OWN_HEADERS:
            raise RequestInvalid(path=f"headers[{name!r}]", problem="this header is set by the signature itself")
        if not (name.isascii() and value.isascii()):
            raise RequestInvalid(path=f"headers[{name!r}]", problem="a header may hold ASCII text only")
        trimmed = " ".join(value.split())
        values[lowered] = f"{values[lowered]},{trimmed}" if lowered in values else trimmed
    return values


@lru_cache(maxsize=1024)
def _canonical_path(path: str) -> str:
    """The path with its dot segments and doubled slashes resolved, and percent-encoded once more: `%3A` is `%253A`."""
    if "//" in path or "/." in path:
        segments: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                segments[-1:] = []
            elif segment not in ("", "."):
                segments.append(segment)
        path = f"/{'/'.join(segments)}{'/' if segments and path.endswith('/') else ''}"
    return quote(path or "/", safe="/~")


def _signing_key(secret_access_key: str, date: str, region: str) -> bytes:
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, SERVICE, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


SKEW_THRESHOLD = 240.0
"""Seconds. AWS refuses a signature more than 300 s old or early; a smaller difference is not why it said no."""


class Clock:
    """The time at one endpoint: this machine's clock plus what the endpoint's `Date` headers say it is wrong by.

    One per endpoint, shared by all views of a client, so that one refused request corrects all later ones. A
    correction changes only when an answer contradicts it by more than `SKEW_THRESHOLD`; when the machine's clock is set
    right, the next refused request removes it in the same way.
    """

    def __init__(self, time_source: Callable[[], float] = time.time) -> None:
        self._time = time_source
        self.skew = 0.0
        """The correction in use: seconds that the endpoint is ahead of this machine."""

    def now(self) -> datetime:
        """Give the corrected time, in UTC: what to sign with."""
        return datetime.fromtimestamp(self._time() + self.skew, UTC)

    def learn(self, date_header: str | None, *, sent_at: float, received_at: float) -> float | None:
        """Take in the `Date` header of an answer; give the skew that it shows, or None if it shows nothing.

        Args:
            date_header: The header's value, or None when the answer had none.
            sent_at: When the request went out, by `time.time()`.
            received_at: When the answer's head came, by `time.time()`.

        A model may think for minutes, and the header does not tell when in between it was written. So a date anywhere
        from `sent_at` to `received_at` means that the clocks agree, and only the distance beyond counts as skew.
        """
        server = _timestamp(date_header)
        if server is None or abs(server - received_at) > _IMPLAUSIBLE:
            return None
        candidate = 0.0
        if server > received_at:
            candidate = server - received_at
        elif server + 1 < sent_at:  # the header counts whole seconds, cut off: it may be one second behind its clock
            candidate = server + 1 - sent_at
        if abs(candidate - self.skew) > SKEW_THRESHOLD:
            self.skew = candidate
        return candidate


_IMPLAUSIBLE = 3650 * 86400.0
"""Seconds. A clock may have lost its battery; a `Date` that is ten years off is more likely nonsense."""


def _timestamp(date_header: str | None) -> float | None:
    from email.utils import parsedate_to_datetime

    if not date_header:
        return None
    try:
        parsed = parsedate_to_datetime(date_header)
        if parsed.tzinfo is None:  # "-0000", which HTTP does not write, means UTC too
            parsed = parsed.replace(tzinfo=UTC)
        return parsed.timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
