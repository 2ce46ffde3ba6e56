"""Why a connection did not come to be: one word for it, and a message that says what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bedrock_converse.errors import ConnectReason

__all__ = ["classify_connect_error", "connect_error", "most_telling", "words_of"]

REASONS: dict[int, ConnectReason] = {
    errno.EMFILE: "files",
    errno.ENFILE: "files",
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.ETIMEDOUT: "unreachable",
    errno.EAFNOSUPPORT: "unreachable",
}


def classify_connect_error(error: BaseException) -> ConnectReason:
    """One word for why connecting failed, from the error itself or from what caused it.

    Understands httpx's and httpcore's wrappers, and the groups that trio makes of several addresses' failures. A
    handshake that the peer cut short is `reset`, any other TLS failure is `tls`.
    """
    found: ConnectReason = "other"
    for cause in root_causes(error):
        reason = reason_of(cause)
        if reason not in (None, "unreachable"):  # two addresses may fail for two reasons: no route is the duller one
            return reason
        found = reason or ("reset" if is_broken(cause) else found)
    return found


def reason_of(cause: BaseException) -> ConnectReason | None:
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "reset"
    if isinstance(cause, ssl.SSLError | ssl.CertificateError):
        return "tls"
    if isinstance(cause, socket.gaierror):
        return "dns"
    if isinstance(cause, OSError) and cause.errno is not None:
        return REASONS.get(cause.errno)
    if type(cause).__name__ == "ProxyError":  # httpx, httpx2 and httpcore each have one
        return "proxy"
    return None


def root_causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on; every member of a group."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        members: Sequence[BaseException] = getattr(cause, "exceptions", ())  # of an exception group
        for member in members:
            yield from root_causes(member)
        # httpcore's pool raises its errors `from None`, which hides what they came from, but does not forget it
        cause = cause.__cause__ or (cause.__context__ if cause.__suppress_context__ else None)


def words_of(error: BaseException) -> Iterator[str]:
    """What the error says, and what the system and OpenSSL say below it. The wrappers in between often say nothing."""
    causes = list(root_causes(error))
    yield from filter(None, (str(cause) for cause in causes if cause is error or isinstance(cause, OSError)))
    if any(map(is_broken, causes)):
        yield "the connection broke"


def is_broken(cause: BaseException) -> bool:
    """anyio's and trio's word for a connection that broke, or for a TLS failure that is their cause then."""
    return type(cause).__name__ == "BrokenResourceError"


def most_telling(errors: Sequence[OSError]) -> OSError:
    """Of the failures of several addresses, the one to show."""
    return next((error for error in errors if reason_of(error) not in ("unreachable", None)), errors[0])


def connect_error(host: str, port: int, error: BaseException) -> httpcore.ConnectError:
    """The error to raise from `error`, with a message for people."""
    reason = classify_connect_error(error)
    detail = next((cause.strerror for cause in root_causes(error) if isinstance(cause, OSError) and cause.strerror), "")
    detail = detail or str(error) or type(error).__name__
    if reason == "files":
        return httpcore.ConnectError(
            f"cannot open a connection to {host}:{port}: {detail} ({open_file_limit()}). "
            "Raise the limit (`ulimit -n`, LimitNOFILE= in systemd) or lower max_connections"
        )
    if reason == "dns":
        return httpcore.ConnectError(f"cannot find the address of {host}: {detail}")
    return httpcore.ConnectError(f"cannot connect to {host}:{port}: {detail}")


def open_file_limit() -> str:
    try:
        import resource
    except ImportError:  # Windows has no such limit to name
        return "too many open files"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"RLIMIT_NOFILE is {soft}, at most {'unlimited' if hard == resource.RLIM_INFINITY else hard}"
