"""The fault tables over real TCP: a typed error or a permitted retry, never a success by mistake."""

from __future__ import annotations

import asyncio
import copy
import gzip
import pickle
import socket
import threading
import traceback
from contextlib import suppress
from typing import Any

import anyio.to_thread
import httpx
import pytest
from engine import EVENTS, FAST, KEYS, MODEL, REPLY_BODY, both, chunk, client_for, closed, every_way, run
from faults import (
    CHUNKED,
    EVIL,
    GZIP,
    HTML,
    LAST_CHUNK,
    OK,
    STREAMS,
    STREAMS_FORGIVEN,
    UNARY,
    UNARY_FORGIVEN,
    Fault,
    Forgiven,
    status,
    stream,
    whole,
)
from loopback import Peer, serve

from bedrock_converse import (
    APIError,
    BedrockClient,
    BedrockError,
    ConnectError,
    ProtocolError,
    RequestTimeout,
    ResponseInvalid,
    RetryPolicy,
    Timeout,
    TransportError,
)
from bedrock_converse.testing import FakeBedrock, reply


def peer_for(answers: tuple[bytes, ...], ending: str, good: bytes) -> Any:
    """A server that gives the answer whose number stands in the path; once `server.healthy`, everybody the good one."""

    async def script(peer: Peer) -> None:
        while request := await peer.request():
            if peer.server.healthy:  # type: ignore[attr-defined]
                await peer.send(good)
                continue
            with suppress(ConnectionError):  # the client has seen enough
                await peer.send(answers[int(request.line.split(b"/")[2])])
            if ending == "half-close":
                peer.half_close()
                await peer.gone()
            if ending != "open":
                peer.reset() if ending == "reset" else peer.writer.close()
                return

    server: Any = serve(script)
    return server


def check_facts(failure: BedrockError, fault: Fault, answer: bytes, operation: str) -> None:
    """Everything that is known stands in the error, and nothing that nobody should read."""
    assert type(failure).__module__ == "bedrock_converse.errors"
    assert (failure.attempts, failure.possibly_billed) == (fault.requests, fault.billed)
    assert (failure.operation, failure.region) == (operation, "us-east-1")
    head = answer.partition(b"\r\n\r\n")[0] if fault.head else b""
    assert failure.request_id == ("the-request" if b"the-request" in head else None)
    if isinstance(failure, TransportError):
        assert failure.status_code == (int(answer.split()[1]) if fault.head else None)
        if type(failure) in (TransportError, ProtocolError):
            assert failure.__cause__ is not None
    elif failure.code is None and not fault.billed:
        assert failure.status_code in (int(answer.split()[1]), None)
    shown = str(failure)
    assert "the prompt" not in shown
    assert len(shown) < 1000
    for copied in (pickle.loads(pickle.dumps(failure)), copy.deepcopy(failure)):
        assert (type(copied), str(copied)) == (type(failure), shown)
        assert copied.possibly_billed == failure.possibly_billed


async def ask(client: BedrockClient, model_id: str, streams: bool) -> Any:
    if not streams:
        return await client.converse(model_id, "the prompt")
    async with client.converse_stream(model_id, "the prompt") as stream:
        async for _ in stream.parts():
            pass
        return await stream.final()


TABLES = [
    *[pytest.param(fault, False, id=f"answer-{name}") for name, fault in UNARY.items()],
    *[pytest.param(fault, True, id=f"stream-{name}") for name, fault in STREAMS.items()],
]
FORGIVEN = [
    *[pytest.param(forgiven, False, id=f"answer-{name}") for name, forgiven in UNARY_FORGIVEN.items()],
    *[pytest.param(forgiven, True, id=f"stream-{name}") for name, forgiven in STREAMS_FORGIVEN.items()],
]


@pytest.mark.parametrize(("fault", "streams"), TABLES)
def test_the_fault_tables_on_connections_that_were_idle(fault: Fault, streams: bool) -> None:
    """The same, but that one which dies before the first byte of an answer is not the last word: one more request."""
    once_more = fault.answers == (b"",) and fault.kind is not RequestTimeout
    failures: dict[int, BedrockError] = {}

    async def call(client: BedrockClient, number: int) -> None:
        with pytest.raises(fault.kind) as caught:
            await ask(client, str(number), streams)
        failures[number] = caught.value

    async def main() -> None:
        with peer_for(fault.answers, fault.ending, whole(REPLY_BODY)) as server:
            server.healthy = False
            timeout = 0.3 if fault.kind is RequestTimeout else 3600
            limits = Timeout(connect=15, first_event=timeout, answer=timeout, idle=timeout)
            async with client_for(server.url, timeout=limits) as client:
                await client.warm_up(connections=len(fault.answers))
                async with anyio.create_task_group() as calls:
                    for number in range(len(fault.answers)):
                        calls.start_soon(call, client, number)
                for number in range(len(fault.answers)):
                    assert failures[number].attempts == fault.requests + once_more
                    assert failures[number].possibly_billed == fault.billed

    run("asyncio", main, seconds=40)


@every_way
@pytest.mark.parametrize(("fault", "streams"), TABLES)
def test_the_fault_tables(backend: str, own: bool, fault: Fault, streams: bool) -> None:
    """The right class with its facts, as many requests as are allowed, no connection kept, and the next call works."""
    if not own and fault.strict:
        pytest.skip("h11 is more generous than our own codec")
    good = stream(*EVENTS) if streams else whole(REPLY_BODY)
    failures: dict[int, BedrockError] = {}

    async def call(client: BedrockClient, number: int) -> None:
        with pytest.raises(fault.kind) as caught:
            await ask(client, str(number), streams)
        failures[number] = caught.value

    async def main() -> None:
        with peer_for(fault.answers, fault.ending, good) as server:
            server.healthy = False
            foreign = None if own else httpx.AsyncClient(trust_env=False)
            timeout = 0.3 if fault.kind is RequestTimeout else 3600
            limits = Timeout(connect=15, first_event=timeout, answer=timeout, idle=timeout)
            numbers = [str(number) for number in range(len(fault.answers))]
            places = dict.fromkeys(numbers, 1)
            async with client_for(server.url, http_client=foreign, timeout=limits, max_in_flight=places) as client:
                async with anyio.create_task_group() as calls:
                    for number in range(len(fault.answers)):
                        calls.start_soon(call, client, number)
                assert len(server.requests) == fault.requests * len(fault.answers)
                for number, answer in enumerate(fault.answers):
                    check_facts(failures[number], fault, answer, "ConverseStream" if streams else "Converse")
                    assert failures[number].model_id == str(number)
                assert client.stats.live_streams == 0
                if own and not any(getattr(failure, "code", None) for failure in failures.values()):
                    assert client.stats.open == 0
                server.healthy = True
                if own or fault.ending == "open":  # httpx may try a connection that has just been closed
                    for number in numbers:
                        assert (await ask(client, number, streams)).text == "Hello"
            if foreign is not None:
                await foreign.aclose()
            await closed(server)

    run(backend, main, seconds=40)


@every_way
@pytest.mark.parametrize(("forgiven", "streams"), FORGIVEN)
def test_what_is_forgiven(backend: str, own: bool, forgiven: Forgiven, streams: bool) -> None:
    """The whole reply, from one request; and what came behind it is nobody's answer."""
    if not own and forgiven.strict:
        pytest.skip("httpx cannot read it, or keeps the connection")
    answers = forgiven.answers
    good = stream(*EVENTS) if streams else whole(REPLY_BODY)

    async def main() -> None:
        with peer_for(answers, forgiven.ending, good) as server:
            for number in range(len(answers)):
                server.healthy = False
                foreign = None if own else httpx.AsyncClient(trust_env=False)
                async with client_for(server.url, http_client=foreign, timeout=15) as client:
                    reply = await ask(client, str(number), streams)
                    assert (reply.text, reply.stop_reason, reply.attempts) == ("Hello", "end_turn", 1)
                    server.healthy = True
                    if own or forgiven.ending == "open":
                        assert (await ask(client, MODEL, streams)).text == "Hello"
                if foreign is not None:
                    await foreign.aclose()
            await closed(server)

    run(backend, main, seconds=40)


CUTS = [
    pytest.param(whole(REPLY_BODY), len(whole(REPLY_BODY)), False, id="a length"),
    pytest.param(OK + CHUNKED + chunk(REPLY_BODY) + LAST_CHUNK, None, False, id="chunks"),
    pytest.param(stream(*EVENTS), len(stream(*EVENTS)) - len(LAST_CHUNK) - 2, True, id="stream"),
]


@pytest.mark.parametrize(
    ("backend", "ending", "step"), [("asyncio", "close", 1), ("asyncio", "reset", 5), ("trio", "close", 5)]
)
@pytest.mark.parametrize(("answer", "enough", "streams"), CUTS)
def test_cut_at_every_byte(
    backend: str, ending: str, step: int, answer: bytes, enough: int | None, streams: bool
) -> None:
    """Wherever an answer ends too early, it is an error; a reply comes of a whole one only."""
    enough = enough or len(answer)
    places = sorted({*range(0, len(answer), step), enough - 1, enough, len(answer)})
    outcomes: dict[int, Any] = {}

    async def call(client: BedrockClient, number: int, limit: anyio.CapacityLimiter) -> None:
        async with limit:
            try:
                outcomes[places[number]] = (await ask(client, str(number), streams)).text
            except TransportError as failure:
                outcomes[places[number]] = failure.attempts, failure.possibly_billed

    async def main() -> None:
        with peer_for(tuple(answer[:place] for place in places), ending, b"") as server:
            server.healthy = False
            limit = anyio.CapacityLimiter(20)
            too_short = places.index(enough)
            async with client_for(server.url, timeout=3600) as client:
                async with anyio.create_task_group() as calls:
                    for number in range(too_short):
                        calls.start_soon(call, client, number, limit)
                assert client.stats.open == 0
            for number in range(too_short, len(places)):  # each alone: a kept connection may die under the next call
                async with client_for(server.url, timeout=3600) as client:
                    await call(client, number, limit)
            assert len(server.requests) == len(places)

    run(backend, main, seconds=60)
    for place, outcome in outcomes.items():
        assert outcome == ("Hello" if place >= enough else (1, True)), place


@both
@pytest.mark.parametrize("streams", [False, True], ids=["answer", "stream"])
@pytest.mark.parametrize("busy", [False, True], ids=["the loop runs", "the loop is busy"])
def test_an_answer_to_no_question(backend: str, busy: bool, streams: bool) -> None:
    """What comes on an idle connection is never the answer to the next call, seen by the event loop or not."""
    came = threading.Event()

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(stream(*EVENTS) if streams else whole(REPLY_BODY))
            if len(peer.server.requests) == 1:
                await asyncio.sleep(0.02)
                await peer.send(EVIL)
                await asyncio.sleep(0.02)
                came.set()

    async def main() -> None:
        with serve(script) as server:
            async with client_for(server.url) as client:
                assert (await ask(client, MODEL, streams)).text == "Hello"
                if busy:
                    assert came.wait(5)
                else:
                    await anyio.to_thread.run_sync(came.wait, 5)
                reply = await ask(client, MODEL, streams)
                assert (reply.text, reply.attempts) == ("Hello", 1)
            assert server.accepted == 2

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


@every_way
def test_a_region_without_bedrock(backend: str, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host has no address: nothing was sent, it is tried again, and the hint asks for the region. Our own message
    names the host."""

    def nothing_found(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing_found)

    async def main() -> None:
        foreign = None if own else httpx.AsyncClient(trust_env=False)
        for streams in (False, True):
            async with BedrockClient(
                region="us-nowhere-1", credentials=KEYS, retry=FAST, http_client=foreign
            ) as client:
                named = r"bedrock-runtime\.us-nowhere-1\.amazonaws\.com" if own else "Name or service not known"
                with pytest.raises(ConnectError, match=named) as caught:
                    await ask(client, MODEL, streams)
                failure = caught.value
                assert (failure.reason, failure.attempts, failure.possibly_billed) == ("dns", 3, False)
                assert failure.retryable
                assert "region" in (failure.hint or "")
                assert (failure.region, client.stats.open) == ("us-nowhere-1", 0)
        if foreign:
            await foreign.aclose()

    run(backend, main)


PROXIES = {
    "asks who we are": b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n",
    "refuses": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\nsorr",
    "is no proxy": b"SSH-2.0-OpenSSH_9.2\r\n",
    "hangs up": b"",
    "hangs up inside the head": b"HTTP/1.1 200 Conn",
    "speaks before TLS": b"HTTP/1.1 200 Connected\r\n\r\nnonsense",
}


@both
@pytest.mark.parametrize("how", PROXIES)
def test_a_proxy_that(backend: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent to AWS, and the proxy's password is shown nowhere."""

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(PROXIES[how])
        peer.writer.close()

    async def main() -> None:
        with serve(script) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:s3cret@127.0.0.1:{proxy.port}")
            async with BedrockClient(region="us-east-1", credentials=KEYS, retry=FAST) as client:
                with pytest.raises(ConnectError) as caught:
                    await client.converse(MODEL, "x")
                failure = caught.value
                assert (failure.attempts, failure.possibly_billed, client.stats.open) == (proxy.accepted, False, 0)
                assert failure.reason in ("proxy", "tls", "reset")
                assert "s3cret" not in "".join(traceback.format_exception(failure))
            await closed(proxy)

    run(backend, main)


@every_way
def test_nobody_listens(backend: str, own: bool) -> None:
    """Refused: nothing was sent, so it is tried again; the error says why."""

    async def main() -> None:
        foreign = None if own else httpx.AsyncClient(trust_env=False)
        async with client_for("http://127.0.0.1:9", retry=FAST, http_client=foreign) as client:
            with pytest.raises(ConnectError) as caught:
                await client.converse(MODEL, "x")
        failure = caught.value
        assert (failure.reason, failure.attempts, failure.possibly_billed) == ("refused", 3, False)
        assert failure.retryable
        assert failure.__cause__ is not None
        assert len(failure.__notes__) == 2
        if foreign:
            await foreign.aclose()

    run(backend, main)


TARGETS = {
    "another host": ("http://localhost:{elsewhere}/", "localhost"),
    "another port": ("http://127.0.0.1:{elsewhere}/", "127.0.0.1"),
    "where we are": ("http://127.0.0.1:{here}/model/x/converse", "127.0.0.1"),
    "another path": ("/elsewhere", "another path"),
    "nowhere": (None, "nowhere"),
}
"""Where a redirect leads to, and what the error calls that."""


@every_way
@pytest.mark.parametrize("streams", [False, True], ids=["answer", "stream"])
@pytest.mark.parametrize("target", TARGETS)
def test_redirects_reach_nobody(backend: str, own: bool, target: str, streams: bool) -> None:
    """Whatever the status, even if the http_client would follow: one request, and neither prompt nor token goes
    anywhere else. The error says where they would have gone, and what to do."""
    location, named = TARGETS[target]

    async def main() -> None:
        with serve() as other:

            async def script(peer: Peer) -> None:
                while request := await peer.request():
                    code = request.line.split(b"/")[2]
                    there = (location or "").format(elsewhere=other.port, here=peer.server.port).encode()
                    await peer.send(status(code + b" Moved", b"", *([b"location: " + there] if there else [])))

            with serve(script) as server:
                foreign = None if own else httpx.AsyncClient(follow_redirects=True, trust_env=False)
                async with client_for(server.url, http_client=foreign) as client:
                    for code in range(300, 309):
                        with pytest.raises(APIError, match=f"redirects to {named};") as caught:
                            await ask(client, str(code), streams)
                        failure = caught.value
                        assert (type(failure), failure.status_code, failure.attempts) == (APIError, code, 1)
                        assert not failure.retryable
                        assert not failure.possibly_billed
                        assert "endpoint_url" in (failure.hint or "")
                if foreign:
                    await foreign.aclose()
                assert [request.line.split(b"/")[2] for request in server.requests] == [
                    b"%d" % n for n in range(300, 309)
                ]
            assert not other.accepted

    run(backend, main)


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

    answer = {"html": whole(HTML), "503": status(b"503 Busy", HTML), "closed": b"", "bad stream": b"nonsense\r\n\r\n"}

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
