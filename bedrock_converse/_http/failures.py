"""From an HTTP library's error to ours: one class per failure, and whether it may have cost money."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from bedrock_converse._http.connect_failures import classify_connect_error, root_causes, words_of
from bedrock_converse.errors import (
    BedrockError,
    ConfigError,
    ConnectError,
    PoolTimeout,
    ProtocolError,
    RequestInvalid,
    RequestTimeout,
    ResponseInvalid,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bedrock_converse._http.connection import Exchange
    from bedrock_converse.errors import ConnectReason

__all__ = ["map_error"]

NOT_WRITTEN = {
    "ConnectError",
    "ConnectTimeout",
    "LocalProtocolError",
    "PoolTimeout",
    "ProxyError",
    "UnsupportedProtocol",
}

DEAD_SHOWS_WITHIN = 2.0
"""Seconds. A peer that has closed an idle connection answers the request with a reset: a round trip, and TCP's second
try if that is lost. A connection that breaks later was alive when the request arrived, so a model was at work on it."""


TLS_HINTS = {
    "certificate has expired": "Renew the endpoint's (or the proxy's) certificate, or set this machine's clock right.",
    "not yet valid": "Is this machine's clock right? Else the endpoint's (or the proxy's) certificate is not.",
    "certificate is not valid for": "The certificate is for another host: is the host in endpoint_url right, and is it "
    "one of the names that the certificate is for?",
    "not trusted": "If a proxy opens your TLS connections, AWS_CA_BUNDLE (or SSL_CERT_FILE) must name a bundle with "
    "its authority.",
    "CERTIFICATE_VERIFY_FAILED": "The http_client does not trust the certificate's authority: give it an SSL context "
    "(verify=) that does.",
    "WRONG_VERSION_NUMBER": "Something that speaks no TLS listens there: is the endpoint http://, or the port another?",
}
"""What stands in OpenSSL's words, in ours around them (our own pool), or in Python's (an http_client), and what to do
then. The first that fits."""
DNS_HINT = "Is the region (or endpoint_url) spelled right, and is Bedrock there? Else it is this machine's network."


def map_error(error: Exception, exchange: Exchange, timeouts: Mapping[str, float | None]) -> BedrockError:
    """Our error for what a transport or a response body raised; `raise map_error(...) from error`.

    The library's error is told by its class name (httpx, httpx2 and httpcore use the same ones), so neither library is
    imported for it. An error of ours comes back as it is.
    """
    if isinstance(error, BedrockError):
        return error
    names = {base.__name__ for base in type(error).__mro__}
    message = next(words_of(error), type(error).__name__)
    if "TimeoutException" in names:
        return map_timeout(names, message, exchange, timeouts)
    if names & {"ConnectError", "ProxyError"}:
        reason = classify_connect_error(error)
        return ConnectError(message, reason=reason, retryable=reason != "tls", hint=connect_hint(reason, message))
    if "UnsupportedProtocol" in names:
        return ConfigError(message)
    if "LocalProtocolError" in names:
        if exchange.reused is None:  # not our pool: h11 quotes a header's value, which may be a key
            hide_words(error)
            message = "the http_client refuses to send the request: something in it is not what HTTP allows"
        return RequestInvalid(message)
    billed = possibly_billed(names, exchange)
    if "RemoteProtocolError" in names:
        return ProtocolError(message, retryable=True, possibly_billed=billed)
    if "DecodingError" in names:
        return ResponseInvalid(message, possibly_billed=billed)
    return TransportError(message, retryable=True, possibly_billed=billed)


def hide_words(error: BaseException) -> None:
    """Takes the words out of an error and out of those below it, which a traceback would show."""
    for below in root_causes(error):
        if any(base.__name__ == "LocalProtocolError" for base in type(below).__mro__):
            below.args = (f"{type(below).__name__}: its words may quote a header",)


def connect_hint(reason: ConnectReason, message: str) -> str | None:
    if reason == "tls":
        return next((hint for sign, hint in TLS_HINTS.items() if sign in message), None)
    return DNS_HINT if reason == "dns" else None


def map_timeout(
    names: set[str], message: str, exchange: Exchange, timeouts: Mapping[str, float | None]
) -> PoolTimeout | RequestTimeout:
    if "PoolTimeout" in names:
        return PoolTimeout(message)
    if "ConnectTimeout" in names:
        return RequestTimeout(message, phase="connect", seconds=timeouts.get("connect") or 0.0, retryable=True)
    if "WriteTimeout" in names:
        return RequestTimeout(message, phase="write", seconds=timeouts.get("write") or 0.0)
    phase = "idle" if exchange.answered else "first_event"
    return RequestTimeout(message, phase=phase, seconds=timeouts.get("read") or 0.0, possibly_billed=True)


def possibly_billed(names: set[str], exchange: Exchange) -> bool:
    """The request was written whole, and the connection was not an idle one that had died before."""
    if names & NOT_WRITTEN:
        return False
    if exchange.reused is None:  # not our pool: nobody has told, so assume the expensive case
        return True
    was_dead = exchange.reused and not exchange.answered and monotonic() - exchange.written_at < DEAD_SHOWS_WITHIN
    return exchange.written and not was_dead
