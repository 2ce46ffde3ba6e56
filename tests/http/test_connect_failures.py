"""Why a connection did not come to be: one word, from any library's error and through any wrapping."""

from __future__ import annotations

import errno
import socket
import ssl

import anyio
import httpcore
import httpx
import pytest

from bedrock_converse._http.connect_failures import classify_connect_error, connect_error, most_telling, words_of


def caused(error: BaseException, *causes: BaseException) -> BaseException:
    """`error`, raised from the first cause, which was raised from the second, and so on."""
    current = error
    for cause in causes:
        current.__cause__ = cause
        current = cause
    return error


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
NO_ROUTE = OSError(errno.ENETUNREACH, "Network is unreachable")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (REFUSED, "refused"),
        (OSError(errno.ECONNRESET, "reset"), "reset"),
        (NO_ROUTE, "unreachable"),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable"),
        (OSError(errno.EMFILE, "Too many open files"), "files"),
        (OSError(errno.ENFILE, "Too many open files in system"), "files"),
        (OSError(errno.EPERM, "not permitted"), "other"),
        (OSError("no number"), "other"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "dns"),
        (ssl.SSLCertVerificationError(1, "no"), "tls"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "tls"),
        (ssl.SSLEOFError(8, "EOF"), "reset"),
        (httpx.ProxyError("403"), "proxy"),
        (httpcore.ProxyError("403"), "proxy"),
        (httpx.ConnectError("who knows"), "other"),
        (caused(httpx.ConnectError("x"), httpcore.ConnectError("x"), REFUSED), "refused"),
        (caused(httpx.ConnectError("x"), httpcore.ConnectError("x"), OSError("all failed"), REFUSED), "refused"),
        (caused(httpx.ProxyError("x"), httpcore.ProxyError("x"), httpcore.ConnectError("x"), REFUSED), "proxy"),
        (ExceptionGroup("all", [NO_ROUTE, REFUSED]), "refused"),
        (ExceptionGroup("all", [NO_ROUTE, ExceptionGroup("more", [NO_ROUTE])]), "unreachable"),
        (caused(OSError("all"), ExceptionGroup("all", [NO_ROUTE, socket.gaierror(1, "x")])), "dns"),
    ],
)
def test_one_word(error: BaseException, reason: str) -> None:
    """The nearest cause that says anything; that one of several addresses has no route says least."""
    assert classify_connect_error(error) == reason


def hidden(error: BaseException, cause: BaseException) -> BaseException:
    """`error`, raised as httpcore's pool does: `from None` while the cause is handled."""
    try:
        raise cause
    except type(cause):
        try:
            raise error from None
        except type(error) as raised:
            return raised


def test_a_cause_that_was_hidden() -> None:
    """It is found; an exception that the caller was just handling is not our cause."""
    assert classify_connect_error(hidden(httpcore.ConnectError(""), REFUSED)) == "refused"
    assert list(words_of(caused(httpx.ConnectError(""), hidden(httpcore.ConnectError(""), REFUSED)))) == [str(REFUSED)]
    unrelated = httpx.ConnectError("who knows")
    unrelated.__context__ = REFUSED
    assert classify_connect_error(unrelated) == "other"


def test_a_wrapper_that_says_nothing() -> None:
    """anyio's and trio's: below it stands the reason, or nothing that people should read."""
    alone = hidden(anyio.BrokenResourceError(), IndexError("pop from an empty deque"))
    assert classify_connect_error(caused(httpx.ConnectError(""), alone)) == "reset"
    assert list(words_of(caused(httpx.ConnectError(""), alone))) == ["the connection broke"]
    expired = ssl.SSLCertVerificationError(1, "expired")
    wrapped = caused(httpx.ConnectError(""), anyio.BrokenResourceError(), expired)
    assert classify_connect_error(wrapped) == "tls"
    assert next(words_of(wrapped)) == str(expired)


def test_a_circle_of_causes_ends() -> None:
    """Somebody raised an error from itself."""
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert classify_connect_error(first) == "other"


def test_the_most_telling_of_several() -> None:
    """Not the address without a route, if another one said more."""
    assert most_telling([NO_ROUTE, REFUSED]) is REFUSED
    assert most_telling([NO_ROUTE]) is NO_ROUTE


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (REFUSED, "cannot connect to host:443: Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name not known"), "cannot find the address of host: Name not known"),
        (OSError(errno.EMFILE, "Too many open files"), "RLIMIT_NOFILE is"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (ExceptionGroup("all", [REFUSED]), "Connection refused"),
        (OSError(), "cannot connect to host:443: OSError"),
    ],
)
def test_messages_for_people(error: BaseException, message: str) -> None:
    """Where to, what happened, and what to do if there is something to do."""
    assert message in str(connect_error("host", 443, error))
