"""Faults of TLS, through the whole client: nothing was sent, or the stream broke off; never a success by mistake."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme
from engine import EVENTS, MODEL, REPLY_BODY, both, client_for, closed, every_way, run
from faults import headed, stream, whole
from loopback import serve

from bedrock_converse import (
    BedrockError,
    ConnectError,
    ProtocolError,
    RequestTimeout,
    StreamIncomplete,
    Timeout,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from loopback import Peer


@dataclass
class Contexts:
    """The client trusts what `good` and `elsewhere` show."""

    good: ssl.SSLContext
    elsewhere: ssl.SSLContext
    """A certificate for another name."""
    unknown: ssl.SSLContext
    """A certificate of an authority that nobody trusts."""
    expired: ssl.SSLContext
    early: ssl.SSLContext
    """A certificate that is not valid yet."""
    authorities: Path


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATE = datetime(2130, 1, 1, tzinfo=UTC)


def shows(authority: trustme.CA, name: str, **validity: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **validity).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def contexts(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contexts:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    return Contexts(
        good=shows(authority, "127.0.0.1"),
        elsewhere=shows(authority, "example.com"),
        unknown=shows(trustme.CA(), "127.0.0.1"),
        expired=shows(authority, "127.0.0.1", not_after=LONG_AGO),
        early=shows(authority, "127.0.0.1", not_before=LATE, not_after=LATE + timedelta(days=1)),
        authorities=tmp_path / "authority.pem",
    )


def answers(answer: bytes, ending: str = "") -> Callable[[Peer], Awaitable[None]]:
    """Answers, and breaks off in one of TLS's ways."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        raw = peer.writer.get_extra_info("socket")
        if ending == "a spoiled record":
            os.write(raw.fileno(), b"\x17\x03\x03\x00\x20" + b"z" * 32)
        elif ending == "no goodbye":
            with socket.socket(fileno=os.dup(raw.fileno())) as same:
                same.shutdown(socket.SHUT_WR)
        else:
            peer.writer.close()
        await asyncio.sleep(0.05)

    return script


async def hello(peer: Peer) -> None:
    await peer.reader.read(10)


async def hello_reset(peer: Peer) -> None:
    await hello(peer)
    peer.reset()


async def hello_close(peer: Peer) -> None:
    await hello(peer)
    peer.writer.close()


async def hello_in_plain(peer: Peer) -> None:
    await hello(peer)
    await peer.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


async def ask(url: str, streams: bool = False, **options: Any) -> tuple[Any, Any]:
    """What came of a call, and the client's books after it."""
    async with client_for(url, **options) as client:
        got: Any
        try:
            if streams:
                async with client.converse_stream(MODEL, "x") as events:
                    got = await events.final()
            else:
                got = await client.converse(MODEL, "x")
        except BedrockError as failure:
            got = failure
        return got, client.stats


@every_way
@pytest.mark.parametrize("streams", [False, True], ids=["answer", "stream"])
@pytest.mark.parametrize(
    ("script", "shown", "reason", "attempts", "hint"),
    [
        (hello, "unknown", "tls", 1, "authority"),
        (hello, "elsewhere", "tls", 1, "another host"),
        (hello, "expired", "tls", 1, "Renew"),
        (hello, "early", "tls", 1, "clock"),
        (hello_in_plain, None, "tls", 1, "http://"),
        (hello_close, None, "reset", 3, None),
        (hello_reset, None, "reset", 3, None),
    ],
    ids=[
        "unknown authority",
        "another name",
        "expired",
        "not valid yet",
        "no TLS",
        "closed in the handshake",
        "reset in the handshake",
    ],
)
def test_no_handshake(
    contexts: Contexts,
    backend: str,
    own: bool,
    streams: bool,
    script: Any,
    shown: str | None,
    reason: str,
    attempts: int,
    hint: str | None,
) -> None:
    """Nothing was sent; a certificate that does not verify is not tried again, and the hint says what to do."""

    async def main() -> None:
        trusted = ssl.create_default_context(cafile=contexts.authorities)
        foreign = None if own else httpx.AsyncClient(verify=trusted, trust_env=False)
        with serve(script, tls=getattr(contexts, shown) if shown else None) as server:
            failure, stats = await ask(f"https://127.0.0.1:{server.port}", streams, http_client=foreign)
            assert isinstance(failure, ConnectError)
            assert (failure.reason, failure.attempts, failure.possibly_billed) == (reason, attempts, False)
            assert failure.retryable == (reason == "reset")
            assert failure.message not in ("", "ConnectError")
            assert failure.__cause__ is not None
            assert hint in (failure.hint or "") if hint else failure.hint is None
            assert stats.open == 0
            if foreign:
                await foreign.aclose()
            await closed(server)

    run(backend, main)


@both
def test_a_handshake_that_never_ends(contexts: Contexts, backend: str) -> None:
    """It is under the limit for connecting."""

    async def main() -> None:
        with serve(hello) as server:
            failure, stats = await ask(f"https://127.0.0.1:{server.port}", timeout=Timeout(connect=0.1))
            assert isinstance(failure, RequestTimeout)
            assert (failure.phase, failure.attempts, failure.possibly_billed) == ("connect", 3, False)
            assert stats.open == 0
            await closed(server)

    run(backend, main)


@both
def test_http_to_a_server_of_https(contexts: Contexts, backend: str) -> None:
    """It cannot read the request and says so in its own language, or hangs up."""

    async def main() -> None:
        with serve(hello, tls=contexts.good) as server:
            failure, stats = await ask(f"http://127.0.0.1:{server.port}")
            assert isinstance(failure, TransportError)
            assert (failure.attempts, stats.open) == (1, 0)

    run(backend, main)


@both
@pytest.mark.parametrize("ending", ["a goodbye", "no goodbye", "a spoiled record"])
@pytest.mark.parametrize("streams", [False, True], ids=["answer", "stream"])
def test_broken_off(contexts: Contexts, backend: str, ending: str, streams: bool) -> None:
    """In the middle: what had come before is known, whether it came together with the end or not."""
    cut = stream(*EVENTS[:3], end=b"") if streams else whole(REPLY_BODY)[:-20]

    async def main() -> None:
        with serve(answers(cut, ending), tls=contexts.good) as server:
            failure, stats = await ask(f"https://127.0.0.1:{server.port}", streams)
            expected = StreamIncomplete if streams else TransportError if "spoiled" in ending else ProtocolError
            assert type(failure) is expected
            assert (failure.request_id, failure.status_code, failure.attempts) == ("the-request", 200, 1)
            assert failure.possibly_billed
            assert failure.__cause__ is not None
            assert not streams or failure.partial.text == "Hello"
            assert stats.open == 0

    run(backend, main)


@both
@pytest.mark.parametrize("ending", ["a goodbye", "no goodbye"])
@pytest.mark.parametrize("answer", [whole(REPLY_BODY), headed()], ids=["a length", "no length"])
def test_how_a_whole_answer_ends(contexts: Contexts, backend: str, ending: str, answer: bytes) -> None:
    """HTTP and JSON tell that it is whole: TLS's goodbye is not needed."""

    async def main() -> None:
        with serve(answers(answer, ending), tls=contexts.good) as server:
            reply, _ = await ask(f"https://127.0.0.1:{server.port}")
            assert reply.text == "Hello"

    run(backend, main)
