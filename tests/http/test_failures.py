"""The fault table, whole answers, over real TCP: a typed error or a permitted retry, never a success by mistake."""

from __future__ import annotations

import copy
import gzip
import pickle
import traceback
from typing import Any

import httpx
import pytest
from engine import FAST, MODEL, REPLY_BODY, both, chunk, client_for, closed, run
from loopback import Peer, serve

from bedrock_converse import (
    AccessDeniedError,
    APIError,
    BedrockError,
    ConnectError,
    InternalServerError,
    InvalidRequestError,
    ProtocolError,
    ResponseInvalid,
    RetryPolicy,
    ServiceUnavailableError,
    ThrottlingError,
    TransportError,
)
from bedrock_converse.testing import FakeBedrock, reply

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: the-request\r\n"


def whole(body: bytes, head: bytes = OK) -> bytes:
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def status(line: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    # the server closes after it and says so: httpx's pool would race its next request against the end otherwise
    lines = [b"HTTP/1.1 " + line, b"content-length: %d" % len(body), b"connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


PACKED = gzip.compress(REPLY_BODY)
GZIP = OK + b"content-encoding: gzip\r\n"
# answer, then close -> error class, requests sent, possibly billed
FAULTS: dict[str, tuple[bytes, type[BedrockError], int, bool]] = {
    "closed before the response": (b"", TransportError, 1, True),
    "closed inside the head": (b"HTTP/1.1 200 OK\r\ncontent-", TransportError, 1, True),
    "short content-length": (OK + b"content-length: 500\r\n\r\n" + REPLY_BODY, ProtocolError, 1, True),
    "chunked body cut": (OK + b"transfer-encoding: chunked\r\n\r\n" + chunk(REPLY_BODY), ProtocolError, 1, True),
    "chunked garbage": (OK + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n", ProtocolError, 1, True),
    "truncated JSON": (whole(REPLY_BODY[:50]), ResponseInvalid, 1, True),
    "empty body": (whole(b""), ResponseInvalid, 1, True),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", ResponseInvalid, 1, True),
    "html": (whole(b"<html>", b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"), ResponseInvalid, 1, True),
    "null": (whole(b"null"), ResponseInvalid, 1, True),
    "list": (whole(b"[]"), ResponseInvalid, 1, True),
    "empty object": (whole(b"{}"), ResponseInvalid, 1, True),
    "invalid UTF-8": (whole(b'{"output":"\xff\xfe"}'), ResponseInvalid, 1, True),
    "bad gzip": (whole(b"no gzip", GZIP), ProtocolError, 1, True),
    "cut gzip": (whole(PACKED[:-10], GZIP), ProtocolError, 1, True),
    "unknown encoding": (whole(b"x", OK + b"content-encoding: br\r\n"), ProtocolError, 1, True),
    "garbage": (b"\x00\x01 nonsense \r\n\r\n", ProtocolError, 1, True),
    "a 2 MB header": (OK + b"x-big: " + b"x" * 2_000_000 + b"\r\n\r\n", ProtocolError, 1, True),
    "HTML 429": (status(b"429 Slow", b"<html>"), ThrottlingError, 3, False),
    "empty 429": (status(b"429 Slow"), ThrottlingError, 3, False),
    "HTML 503": (status(b"503 Busy", b"<html>"), ServiceUnavailableError, 3, False),
    "502": (status(b"502 Bad"), InternalServerError, 3, False),
    "500 with a list": (status(b"500 Oops", b'["x"]'), InternalServerError, 3, False),
    "400 with a string": (status(b"400 Bad", b'"oops"'), InvalidRequestError, 1, False),
    "403 with garbage": (status(b"403 No", b"\xff\xfe"), AccessDeniedError, 1, False),
    "error body cut": (b"HTTP/1.1 503 Busy\r\ncontent-length: 99\r\n\r\n{", ServiceUnavailableError, 3, False),
    "huge error body": (status(b"400 Bad", b"x" * 3_000_000), InvalidRequestError, 1, False),
    **{
        f"redirect {code}": (
            status(b"%d Elsewhere" % code, b"", b"location: http://127.0.0.1:1/secret?x=y"),
            APIError,
            1,
            False,
        )
        for code in (301, 302, 303, 307, 308)
    },
}


def faulty(answer: bytes, *, then: bytes | None = None) -> Any:
    """A server that gives this answer and closes; `then` is for the requests after the first three."""

    async def script(peer: Peer) -> None:
        if await peer.request():
            good = then is not None and peer.server.good  # type: ignore[attr-defined]
            await peer.send(then if good and then else answer)
            peer.writer.close()

    return serve(script)


@both
@pytest.mark.parametrize("own", [True, False], ids=["own pool", "http_client"])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_table(backend: str, fault: str, own: bool) -> None:
    """The right class with its facts, as many requests as are allowed, and the next call works."""
    answer, kind, requests, billed = FAULTS[fault]
    if backend == "trio" and fault in ("bad gzip", "huge error body") and not own:
        pytest.skip("httpx leaves an async generator to the garbage collector, of which trio warns")

    async def main() -> None:
        with faulty(answer, then=whole(REPLY_BODY)) as server:
            server.good = False
            foreign = None if own else httpx.AsyncClient(trust_env=False)
            async with client_for(server.url, http_client=foreign) as client:
                with pytest.raises(kind) as caught:
                    await client.converse(MODEL, "the prompt")
                failure = caught.value
                assert type(failure).__module__ == "bedrock_converse.errors"
                assert len(server.requests) == requests == failure.attempts
                assert failure.possibly_billed == billed
                assert (failure.operation, failure.model_id, failure.region) == ("Converse", MODEL, "us-east-1")
                if answer.startswith(OK) and fault != "a 2 MB header":
                    assert failure.request_id == "the-request"
                    assert failure.status_code == 200
                if isinstance(failure, APIError):
                    assert failure.status_code == int(answer.split()[1])
                    assert len(str(failure)) < 1000
                for copied in (pickle.loads(pickle.dumps(failure)), copy.deepcopy(failure)):
                    assert type(copied) is type(failure)
                    assert str(copied) == str(failure)
                    assert copied.possibly_billed == failure.possibly_billed
                assert "the prompt" not in str(failure)
                server.good = True
                if own:  # httpx may try a connection that has just been closed
                    assert (await client.converse(MODEL, "x")).text == "Hello"
            if foreign is not None:
                await foreign.aclose()
            await closed(server)

    run(backend, main)


@both
def test_a_reset(backend: str) -> None:
    """After the request was written on a new connection: AWS may have run it."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async def main() -> None:
        with serve(script) as server:
            async with client_for(server.url) as client:
                with pytest.raises(TransportError) as caught:
                    await client.converse(MODEL, "x")
            assert caught.value.possibly_billed
            assert caught.value.__cause__ is not None
            assert len(server.requests) == 1
            with serve(script) as server:
                twice = RetryPolicy(max_attempts=2, base_delay_transient=0.001, retry_possibly_billed=True)
                async with client_for(server.url, retry=twice) as client:
                    with pytest.raises(TransportError) as caught:
                        await client.converse(MODEL, "x")
                assert len(server.requests) == 2 == caught.value.attempts

    run(backend, main)


@both
@pytest.mark.parametrize("how", ["reset", "close"])
def test_an_idle_connection_that_dies(backend: str, how: str) -> None:
    """The server had hung up on it before it saw the request: retried, on a new connection."""

    async def script(peer: Peer) -> None:
        served = 0
        while await peer.request():
            served += 1
            if served == 2:
                if how == "reset":
                    peer.reset()
                else:
                    peer.writer.close()
                return
            await peer.reply(REPLY_BODY)

    async def main() -> None:
        with serve(script) as server:
            async with client_for(server.url) as client:
                await client.converse(MODEL, "x")
                reply = await client.converse(MODEL, "x")
                assert reply.attempts == 2
            assert server.accepted == 2
            assert len(server.requests) == 3

    run(backend, main)


@both
def test_a_reused_connection_that_dies_in_the_answer(backend: str) -> None:
    """The first byte of an answer proves that AWS got the request: not retried."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.reply(REPLY_BODY)
        await peer.request()
        await peer.send(b"HTTP/1.1 2")
        peer.writer.close()

    async def main() -> None:
        with serve(script) as server:
            async with client_for(server.url) as client:
                await client.converse(MODEL, "x")
                with pytest.raises(TransportError) as caught:
                    await client.converse(MODEL, "x")
            assert caught.value.possibly_billed
            assert len(server.requests) == 2

    run(backend, main)


@both
def test_nobody_listens(backend: str) -> None:
    """Refused: nothing was sent, so it is tried again; the error says why."""

    async def main() -> None:
        async with client_for("http://127.0.0.1:9", retry=FAST) as client:
            with pytest.raises(ConnectError) as caught:
                await client.converse(MODEL, "x")
        failure = caught.value
        assert (failure.reason, failure.attempts, failure.possibly_billed) == ("refused", 3, False)
        assert failure.__cause__ is not None
        assert len(failure.__notes__) == 2

    run(backend, main)


@pytest.mark.parametrize("own", [True, False], ids=["own pool", "http_client"])
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_reach_nobody(code: int, own: bool) -> None:
    """Neither prompt nor token goes to another origin, even if the http_client would follow."""

    async def elsewhere(peer: Peer) -> None:
        await peer.request()
        await peer.reply(REPLY_BODY)

    with serve(elsewhere) as other:

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(status(b"%d Moved" % code, b"", b"location: " + other.url.encode()))

        with serve(script) as server:
            foreign = None if own else httpx.AsyncClient(follow_redirects=True, trust_env=False)
            async with client_for(server.url, http_client=foreign) as client:
                with pytest.raises(APIError, match=r"redirects to 127\.0\.0\.1") as caught:
                    await client.converse(MODEL, "x")
            if foreign:
                await foreign.aclose()
    assert caught.value.status_code == code
    assert not other.accepted


@both
def test_an_answer_without_end(backend: str) -> None:
    """What is larger than the cap is given up, plain or compressed."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(70):
            await peer.send(chunk(b"x" * 1_000_000))

    bomb = gzip.compress(gzip.compress(b"\0" * 80_000_000, 9), 0)

    async def small(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(gzip.decompress(bomb), GZIP))

    async def main() -> None:
        for server_script in (script, small):
            with serve(server_script) as server:
                async with client_for(server.url) as client:
                    with pytest.raises(ResponseInvalid, match="larger than"):
                        await client.converse(MODEL, "x")
                    assert client.stats.open == 0

    run(backend, main)


CANARIES = ["canarySecretKey", "canarySessionToken", "canary-api-key", "canary prompt"]


@pytest.mark.parametrize("own", [True, False], ids=["own pool", "http_client"])
@pytest.mark.parametrize("auth", ["keys", "api key"])
@pytest.mark.parametrize("fault", ["html", "503", "closed", "bad stream", "dead", "timeout"])
async def test_reports_with_locals_show_no_secret(fault: str, auth: str, own: bool) -> None:
    """What error reporters collect: message, repr, notes, the locals of every frame of ours, pickles."""
    from bedrock_converse import Credentials

    answer = {"html": FAULTS["html"][0], "503": FAULTS["HTML 503"][0], "closed": b"", "bad stream": b"nonsense\r\n\r\n"}

    async def script(peer: Peer) -> None:
        await peer.request()
        if fault == "timeout":
            await peer.gone()
        await peer.send(answer.get(fault, b""))
        peer.writer.close()

    secret: dict[str, Any] = {"api_key": "canary-api-key"}
    if auth == "keys":
        secret = {"credentials": Credentials("AKIAIOSFODNN7EXAMPLE", "canarySecretKey", "canarySessionToken")}
    with serve(script) as server:
        foreign = None if own else httpx.AsyncClient(trust_env=False)
        url = "http://127.0.0.1:9" if fault == "dead" else server.url
        timeout = 0.1 if fault == "timeout" else 10
        async with client_for(url, http_client=foreign, timeout=timeout, **secret) as client:
            for streams in (False, True):
                try:
                    if streams:
                        async with client.converse_stream(MODEL, "canary prompt"):
                            pass
                    else:
                        await client.converse(MODEL, "canary prompt")
                except BedrockError as error:
                    failure: BaseException | None = error
                assert failure is not None
                shown = [repr(failure), str(failure), repr(pickle.dumps(failure))]
                while failure is not None:
                    for frame, _ in traceback.walk_tb(failure.__traceback__):
                        if "/bedrock_converse/" in frame.f_code.co_filename:
                            place = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
                            shown += [f"{place} {name}={value!r}" for name, value in frame.f_locals.items()]
                    failure = failure.__cause__ or failure.__context__
                leaks = [text[:160] for text in shown for canary in CANARIES if canary in text]
                assert not leaks, "\n".join(leaks)
        if foreign:
            await foreign.aclose()


async def test_an_error_in_the_fakes_own_words() -> None:
    """`reply(...).wrong_length` and the kit's other faults are typed errors as well."""
    fake = FakeBedrock()
    answers = [
        reply("x").wrong_length(5),
        reply("x").wrong_length(-5),
        reply("x").closed(),
        reply("x").reset(),
        reply("x").cut(after_bytes=10),
        reply("x").cut(after_bytes=10, cleanly=True),
        reply("x").malformed_json(),
        reply("x").empty_body(),
    ]
    fake.on(MODEL).then(*answers)
    async with fake.serve() as url, client_for(fake, url) as client:
        for _ in answers:
            with pytest.raises(TransportError):
                await client.converse(MODEL, "x")
    fake.check()
