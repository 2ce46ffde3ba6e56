"""`_http/failures.py`: the HTTP libraries' errors as ours, and which of them may have cost money."""

from __future__ import annotations

import errno
import ssl
from typing import Any

import h11
import httpcore
import httpx
import pytest

from bedrock_converse._http.connection import Exchange
from bedrock_converse._http.failures import map_error
from bedrock_converse.errors import (
    BedrockError,
    ClientClosed,
    ConfigError,
    ConnectError,
    PoolTimeout,
    ProtocolError,
    RequestInvalid,
    RequestTimeout,
    ResponseInvalid,
    TransportError,
)

TIMEOUTS = {"connect": 1.0, "read": 2.0, "write": 3.0, "pool": 4.0}

FOREIGN: dict[str, Any] = {}  # nobody has filled in what happened
NEW: dict[str, Any] = {"reused": False, "written": True}
STALE: dict[str, Any] = {"reused": True, "written": True}
PARTLY: dict[str, Any] = {"reused": False, "written": False}
LATE: dict[str, Any] = {**STALE, "written_at": 0.0}  # it was alive long enough for a model to answer
ANSWERING: dict[str, Any] = {"reused": True, "written": True, "answered": True}


def exchange(facts: dict[str, Any]) -> Exchange:
    record = Exchange()
    for name, value in facts.items():
        setattr(record, name, value)
    return record


@pytest.mark.parametrize("library", [httpx, httpcore], ids=["httpx", "httpcore"])
@pytest.mark.parametrize(
    ("name", "kind", "retryable"),
    [
        ("ConnectError", ConnectError, True),
        ("ProxyError", ConnectError, True),
        ("ConnectTimeout", RequestTimeout, True),
        ("PoolTimeout", PoolTimeout, True),
        ("ReadTimeout", RequestTimeout, False),
        ("WriteTimeout", RequestTimeout, False),
        ("ReadError", TransportError, True),
        ("WriteError", TransportError, True),
        ("RemoteProtocolError", ProtocolError, True),
        ("LocalProtocolError", RequestInvalid, False),
        ("UnsupportedProtocol", ConfigError, False),
    ],
)
def test_each_error_has_its_class(library: Any, name: str, kind: type[BedrockError], retryable: bool) -> None:
    """The same for httpx and httpcore, whose classes have the same names."""
    error = map_error(getattr(library, name)("the message"), exchange(NEW), TIMEOUTS)
    assert type(error) is kind
    assert error.retryable is retryable
    assert "the message" in str(error)


@pytest.mark.parametrize("library", [httpx, httpcore, h11], ids=["httpx", "httpcore", "h11"])
def test_what_h11_quotes_is_not_shown(library: Any) -> None:
    """Not by our error, nor by those below it. Our own pool quotes no values, so its words are kept."""
    failed, below = library.LocalProtocolError("b' canary'"), h11.LocalProtocolError("b' canary'")
    failed.__cause__ = below
    error = map_error(failed, exchange(FOREIGN), TIMEOUTS)
    assert type(error) is RequestInvalid
    assert "http_client" in str(error)
    assert not any("canary" in f"{shown}{shown!r}" for shown in (error, failed, below))
    assert "canary" in str(map_error(library.LocalProtocolError("canary"), exchange(PARTLY), TIMEOUTS))


@pytest.mark.parametrize(
    ("name", "facts", "phase", "seconds"),
    [
        ("ConnectTimeout", FOREIGN, "connect", 1.0),
        ("ReadTimeout", NEW, "first_event", 2.0),
        ("ReadTimeout", ANSWERING, "idle", 2.0),
        ("WriteTimeout", PARTLY, "write", 3.0),
    ],
)
def test_a_timeout_says_which(name: str, facts: dict[str, Any], phase: str, seconds: float) -> None:
    """Phase and limit."""
    error = map_error(getattr(httpx, name)(""), exchange(facts), TIMEOUTS)
    assert isinstance(error, RequestTimeout)
    assert (error.phase, error.seconds) == (phase, seconds)


@pytest.mark.parametrize(
    ("name", "facts", "billed"),
    [
        ("ReadError", NEW, True),
        ("ReadError", STALE, False),
        ("ReadError", LATE, True),
        ("RemoteProtocolError", LATE, True),
        ("ReadError", ANSWERING, True),
        ("ReadError", PARTLY, False),
        ("RemoteProtocolError", NEW, True),
        ("RemoteProtocolError", STALE, False),
        ("WriteError", PARTLY, False),
        ("ReadTimeout", NEW, True),
        ("ReadTimeout", STALE, True),
        ("WriteTimeout", PARTLY, False),
        ("ConnectError", FOREIGN, False),
        ("ConnectTimeout", FOREIGN, False),
        ("PoolTimeout", FOREIGN, False),
        ("ProxyError", FOREIGN, False),
        ("LocalProtocolError", PARTLY, False),
        ("ReadError", FOREIGN, True),
        ("RemoteProtocolError", FOREIGN, True),
        ("DecodingError", FOREIGN, True),
    ],
)
def test_what_may_have_been_billed(name: str, facts: dict[str, Any], billed: bool) -> None:
    """Written whole, and not on an idle connection that had died; a foreign client's failure counts as yes."""
    assert map_error(getattr(httpx, name)(""), exchange(facts), TIMEOUTS).possibly_billed is billed


def test_why_a_connection_failed() -> None:
    """`reason` is in the error; a certificate that is not trusted is not worth a retry."""
    for cause, reason, retryable in (
        (ConnectionRefusedError(errno.ECONNREFUSED, "no"), "refused", True),
        (ssl.SSLCertVerificationError(1, "no"), "tls", False),
    ):
        failed = httpx.ConnectError("no")
        failed.__cause__ = cause
        error = map_error(failed, Exchange(), TIMEOUTS)
        assert isinstance(error, ConnectError)
        assert (error.reason, error.retryable) == (reason, retryable)


def test_our_own_errors_pass() -> None:
    """The pool raises some of them itself."""
    ours = ClientClosed("closed")
    assert map_error(ours, Exchange(), TIMEOUTS) is ours


def test_a_broken_encoding_is_a_broken_answer() -> None:
    """httpx decodes what a proxy compressed, and fails."""
    assert isinstance(map_error(httpx.DecodingError("bad gzip"), exchange(NEW), TIMEOUTS), ResponseInvalid)


def test_an_unknown_error_is_still_ours() -> None:
    """A class that nobody knows: `TransportError`, with its name when it says nothing."""

    class OddError(Exception):
        pass

    error = map_error(OddError(), exchange(NEW), TIMEOUTS)
    assert type(error) is TransportError
    assert "OddError" in str(error)
    assert error.possibly_billed
