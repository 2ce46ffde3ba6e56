"""Loops, threads, forks, an http_client of the user's, cancellation of whole calls, closing."""

# ruff: noqa: SIM117 - nesting shows what is inside of what

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import pickle
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpx
import pytest
import respx
from engine import EVENTS, FAST, KEYS, MODEL, REPLY_BODY, STREAM_HEAD, both, chunk, client_for, run
from loopback import Peer, serve
from stepwise import WAYS, EveryAwait, living_tasks

from bedrock_converse import (
    BedrockClient,
    BedrockError,
    ClientClosed,
    ConfigError,
    ConverseStream,
    Credentials,
    PoolTimeout,
    RequestTimeout,
    ResponseInvalid,
    Timeout,
)
from bedrock_converse.testing import FakeBedrock, reply, throttled

if TYPE_CHECKING:
    from pathlib import Path


async def answering(peer: Peer) -> None:
    while await peer.request():
        await peer.reply(REPLY_BODY)


# --- loops, threads, processes ----------------------------------------------------------------------------------------


@both
def test_a_second_event_loop(backend: str) -> None:
    """A client at module level and a run per job, as in Lambda and Celery; sockets of ended loops are gone."""
    with serve(answering) as server:
        client = client_for(server.url)

        async def job() -> None:
            assert (await client.converse(MODEL, "x")).text == "Hello"
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.converse, MODEL, "x")
                tasks.start_soon(client.converse, MODEL, "x")

        for _ in range(3):
            run(backend, job)
        server.wait_until_open(0)

        async def last() -> None:
            await client.converse(MODEL, "x")
            await client.aclose()

        run(backend, last)
        server.wait_until_open(0)


def test_asyncio_and_trio_in_turns() -> None:
    """One client, both backends."""
    with serve(answering) as server:
        client = client_for(server.url)

        async def job() -> None:
            await client.converse(MODEL, "x")

        for backend in ("asyncio", "trio", "asyncio"):
            run(backend, job)


def test_two_threads_with_a_client_each() -> None:
    """And with one client: each thread has its loop, credentials are fetched once."""
    asked: list[int] = []

    def provide() -> Credentials:
        asked.append(1)
        return KEYS

    with serve(answering) as server:
        client = client_for(server.url, credentials=provide)
        failures: list[BaseException] = []
        begin = threading.Barrier(4)

        async def job() -> None:
            for _ in range(20):
                await client.converse(MODEL, "x")

        def work(backend: str) -> None:
            try:
                begin.wait(5)
                run(backend, job)
            except BaseException as failure:  # noqa: BLE001 - reported below
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(backend,)) for backend in ["asyncio", "trio"] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert not failures
    assert len(asked) == 1
    assert len(server.requests) == 80


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork() -> None:
    """A client that was used before the fork says so in the child, and the parent's goes on."""
    with serve(answering) as server:
        client = client_for(server.url)

        async def job() -> None:
            await client.converse(MODEL, "x")

        async def child() -> None:
            with pytest.raises(ClientClosed, match="forked") as caught:
                await client.converse(MODEL, "x")
            assert caught.value.hint
            with pytest.raises(ClientClosed, match="forked"):
                async with client.converse_stream(MODEL, "x"):
                    pass
            await client.aclose()

        asyncio.run(job())
        process = os.fork()
        if not process:
            status = 1
            try:
                asyncio.run(asyncio.wait_for(child(), 5))
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(process, 0)[1] == 0
        asyncio.run(job())


async def paced(peer: Peer) -> None:
    while await peer.request():
        await peer.send(STREAM_HEAD)
        for event in EVENTS:
            await peer.send(chunk(event))
            await asyncio.sleep(0.05)
        await peer.send(b"0\r\n\r\n")


async def read_elsewhere(stream: ConverseStream) -> None:
    with anyio.fail_after(5):
        with pytest.raises(ClientClosed, match="another event loop"):
            await stream.final()


async def close_elsewhere(stream: ConverseStream) -> None:
    with anyio.fail_after(5):
        await stream.aclose()


@both
@pytest.mark.parametrize("use", [read_elsewhere, close_elsewhere])
def test_a_stream_in_another_loop(backend: str, use: Any) -> None:
    """It can be closed from there, but not read: the error is typed, and the stream goes on where it lives."""
    failures: list[BaseException] = []

    def elsewhere(stream: ConverseStream) -> None:
        try:
            anyio.run(use, stream, backend=backend)
        except BaseException as failure:  # noqa: BLE001 - reported below
            failures.append(failure)

    async def main() -> None:
        async with client_for(server.url, timeout=30) as client:  # on a clock that is not the other loop's
            async with client.converse_stream(MODEL, "x") as stream:
                await anext(stream)
                thread = threading.Thread(target=elsewhere, args=(stream,))
                thread.start()
                while thread.is_alive():  # noqa: ASYNC110 - nothing tells when a thread ends
                    await anyio.sleep(0.01)
                assert not failures
                if use is read_elsewhere:
                    assert (await stream.final()).text == "Hello"
            assert client.stats.live_streams == 0
            async with client.converse_stream(MODEL, "x") as stream:
                assert (await stream.final()).text == "Hello"
        server.wait_until_open(0)

    with serve(paced) as server:
        run(backend, main)


@both
@pytest.mark.parametrize("use", [read_elsewhere, close_elsewhere, None])
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_fork_with_an_open_stream(backend: str, use: Any) -> None:
    """Whatever the child does with it (None: it lets go of it), the parent reads on: they share socket and epoll."""

    def child(stream: ConverseStream) -> None:
        status = 1
        try:
            if use is not None:
                thread = threading.Thread(target=anyio.run, args=(use, stream), kwargs={"backend": backend})
                failed: list[object] = []
                threading.excepthook = failed.append
                thread.start()
                thread.join(8)
                assert not failed
                assert not thread.is_alive()
            status = 0
        finally:
            del stream
            gc.collect()
            os._exit(status)

    async def main() -> None:
        async with client_for(server.url) as client:
            async with client.converse_stream(MODEL, "x") as stream:
                await anext(stream)
                process = os.fork()
                if not process:
                    child(stream)
                assert (await anyio.to_thread.run_sync(os.waitpid, process, 0))[1] == 0
                assert (await stream.final()).text == "Hello"
            async with client.converse_stream(MODEL, "x") as stream:
                assert (await stream.final()).text == "Hello"

    with serve(paced) as server:
        run(backend, main)


def test_a_client_refuses_pickling() -> None:
    """It holds credentials; the error says what to do instead."""
    with pytest.raises(ConfigError, match="pickled"):
        pickle.dumps(BedrockClient(region="us-east-1", credentials=KEYS))


def test_repr_shows_no_secret() -> None:
    """Region, profile and endpoint, not who one is."""
    shown = repr(BedrockClient(region="us-east-1", api_key="canary", extra_headers={"x-key": "canary"}))
    assert shown == "BedrockClient(region='us-east-1')"


# --- cancellation -----------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("model", [MODEL, "busy"])
def test_cancelled_at_every_await(backend: str, model: str) -> None:
    """Whatever the call was at (a slot, a connection, a retry's wait): nothing is left, the next call works."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi"))
    fake.on("busy").always(throttled())

    async def main() -> None:
        server = fake.serve()
        with server as url:
            client = client_for(fake, url, max_in_flight=1, max_connections=1)

            async def call() -> None:
                try:
                    await client.converse(model, "x")
                except BedrockError:
                    assert model == "busy"

            await call()
            before = await living_tasks()
            for way in WAYS[backend]:
                for run_cancelled in EveryAwait(way):
                    await run_cancelled(call)
                    assert client.stats.open == client.stats.idle
                    assert client.stats.queued == 0
                    assert await living_tasks() <= before
            assert (await client.converse(MODEL, "x")).text == "Hi"
            await client.aclose()

    run(backend, main, 60)


@both
def test_a_new_clients_first_call_cancelled_at_every_await(backend: str) -> None:
    """Settings, credentials, connecting, closing: no connection stays open, no task goes on."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi"))

    async def main() -> None:
        server = fake.serve()
        with server as url:

            async def call() -> None:
                async with client_for(fake, url) as client:
                    await client.converse(MODEL, "x")

            await call()
            before = await living_tasks()
            for way in WAYS[backend]:
                for run_cancelled in EveryAwait(way, at_least=4):
                    await run_cancelled(call)
                    assert await living_tasks() <= before
            with anyio.move_on_after(2):
                while server.connections:  # noqa: ASYNC110 - the server is in another thread
                    await anyio.sleep(0.01)
            assert server.connections == 0

    run(backend, main, 60)


async def test_a_cancelled_first_call() -> None:
    """Cancelled while settings and credentials are looked up: they are there for the next one, asked for once."""
    asked: list[int] = []

    def provide() -> Credentials:
        asked.append(1)
        time.sleep(0.1)
        return KEYS

    with serve(answering) as server:
        async with client_for(server.url, credentials=provide) as client:
            task = asyncio.create_task(client.converse(MODEL, "x"))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.converse(MODEL, "x")
    assert len(asked) == 1


async def test_a_hundred_first_calls_ask_once() -> None:
    """One refresh of the credentials and one look at the settings, however many calls wait."""
    asked: list[int] = []

    def provide() -> Credentials:
        asked.append(1)
        return KEYS

    with serve(answering) as server:
        async with client_for(server.url, credentials=provide) as client:
            await asyncio.gather(*(client.converse(MODEL, "x") for _ in range(100)))
            assert client.stats.idle == client.stats.open <= 100
    assert len(asked) == 1


# --- closing ----------------------------------------------------------------------------------------------------------


@both
def test_closing_ends_calls(backend: str) -> None:
    """Calls that run raise `ClientClosed` when the drain is over, and may have been billed; the ones that wait for a
    connection raise it too, and cannot."""
    sent: list[tuple[int, bool]] = []
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi").hang())

    async def main() -> None:
        async with fake.serve() as url:
            client = client_for(fake, url, max_connections=1)

            async def call() -> None:
                with pytest.raises(ClientClosed) as caught:
                    await client.converse(MODEL, "x")
                sent.append((caught.value.attempts, caught.value.possibly_billed))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                tasks.start_soon(call)
                while client.stats.queued < 1 or not fake.requests:  # noqa: ASYNC110 - nothing tells
                    await anyio.sleep(0.01)
                await client.aclose(drain=0.05)
            assert sorted(sent) == [(0, False), (1, True)]

    run(backend, main, 5)


@both
@pytest.mark.parametrize("drain", [None, "x", True, -1, -0.1, float("nan"), float("-inf"), [1]])
def test_a_drain_that_is_none_closes_nothing(backend: str, drain: Any) -> None:
    """It is refused before anything else happens, by a view too: the client goes on."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi"))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            await client.converse(MODEL, "x")
            for asked in (client, client.with_options(max_tokens=5)):
                with pytest.raises(ConfigError, match="drain must be a number of seconds"):
                    await asked.aclose(drain=drain)
            assert client.stats.idle == 1
            await client.converse(MODEL, "x")
        with pytest.raises(ConfigError):
            await client.aclose(drain=drain)

    run(backend, main)


@both
@pytest.mark.parametrize("drain", [0, 0.0, 5, float("inf"), sys.float_info.max, 10**400])
def test_a_drain_can_be_long(backend: str, drain: float) -> None:
    """As long as the calls take, which is not for ever."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi").delayed(0.05))

    async def main() -> None:
        async with fake.serve() as url:
            client = client_for(fake, url)

            async def call() -> None:
                if drain:
                    assert (await client.converse(MODEL, "x")).text == "Hi"
                else:
                    with pytest.raises(ClientClosed):
                        await client.converse(MODEL, "x")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                while not fake.requests:  # noqa: ASYNC110 - nothing tells
                    await anyio.sleep(0.001)
                await client.aclose(drain=drain)

    run(backend, main)


@both
def test_a_full_pool(backend: str) -> None:
    """No connection in time: typed, not billed, and the message counts streams and waiters."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi").hang(after_events=1))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, max_connections=1) as client:
            async with client.converse_stream(MODEL, "x"):
                with pytest.raises((PoolTimeout, RequestTimeout)) as caught:
                    await client.converse(MODEL, "x", timeout=Timeout(answer=0.6))
                assert isinstance(caught.value, PoolTimeout)
                assert "open streams" in str(caught.value)
                assert not caught.value.possibly_billed
                assert caught.value.attempts == 0

    run(backend, main, 5)


# --- an http_client of the user's -------------------------------------------------------------------------------------


@both
def test_a_users_http_client(backend: str) -> None:
    """It carries calls and streams, gets its connections back, and is never closed by us."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hello"))

    async def main() -> None:
        async with fake.serve() as url:
            limits = httpx.Limits(max_connections=1)
            async with httpx.AsyncClient(limits=limits, timeout=2, trust_env=False) as carrier:
                async with client_for(fake, url, http_client=carrier) as client:
                    for _ in range(3):
                        assert (await client.converse(MODEL, "x")).text == "Hello"
                        async with client.converse_stream(MODEL, "x") as stream:
                            assert (await stream.final()).text == "Hello"
                    assert client.stats.open == 0
                    assert await client.warm_up() == 0
                assert not carrier.is_closed
            with pytest.raises(ClientClosed, match="http_client"):
                await client_for(fake, url, http_client=carrier).converse(MODEL, "x")

    run(backend, main)


async def test_a_big_body_through_a_users_http_client() -> None:
    """Sent in pieces, with a length."""
    with serve(answering) as server:
        async with httpx.AsyncClient(trust_env=False) as carrier:
            client = client_for(server.url, http_client=carrier)
            image = {"image": {"format": "png", "source": {"bytes": bytes(3_000_000)}}}
            await client.converse(MODEL, [{"role": "user", "content": [image]}])
        received = server.requests[0]
        assert received.header(b"transfer-encoding") is None
        assert len(received.body) > 4_000_000


@both
def test_a_stream_left_early_through_a_users_http_client(backend: str) -> None:
    """Its connection is cut, and httpx's generators end: trio warns of those that the garbage collector finds."""

    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as http_client:
            client = client_for(server.url, http_client=http_client)
            async with client.converse_stream(MODEL, "x") as stream:
                await anext(stream)
            await anyio.sleep(0.05)
            server.wait_until_open(0)
            gc.collect()
            assert (await stream_text(client)) == "Hello"

    async def stream_text(client: BedrockClient) -> str:
        async with client.converse_stream(MODEL, "x") as stream:
            return (await stream.final()).text

    with serve(paced) as server:
        run(backend, main)


@both
def test_a_bomb_through_a_users_http_client(backend: str) -> None:
    """What was packed twice grows a million times: httpx would unpack it all at once. It is refused, with one request;
    what was packed once is unpacked."""
    packed = gzip.compress(REPLY_BODY)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed
        )
        await peer.request()
        body = gzip.compress(packed)
        await peer.send(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )

    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as http_client:
            client = client_for(server.url, http_client=http_client)
            assert (await client.converse(MODEL, "x")).text == "Hello"
            with pytest.raises(ResponseInvalid, match="nobody asked for"):
                await client.converse(MODEL, "x")
        assert len(server.requests) == 2

    with serve(script) as server:
        run(backend, main)


async def test_a_packed_answer_of_a_mock() -> None:
    """A mock's response has been read before we get it, and unpacked."""
    headers = {"content-encoding": "gzip"}
    response = httpx.Response(200, headers=headers, content=gzip.compress(REPLY_BODY))
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: response)) as http_client:
        client = client_for("http://127.0.0.1:1", http_client=http_client)
        assert (await client.converse(MODEL, "x")).text == "Hello"


async def test_a_client_that_changes_the_url() -> None:
    """Parameters of its own would break the signature: said before anything is sent."""
    with serve(answering) as server:
        async with httpx.AsyncClient(params={"a": "b"}, trust_env=False) as carrier:
            with pytest.raises(ConfigError, match="params"):
                await client_for(server.url, http_client=carrier).converse(MODEL, "x")
        assert not server.requests


async def test_the_users_auth_and_redirects_are_not_used() -> None:
    """Our Authorization goes out, whatever the client would put there."""
    with serve(answering) as server:
        async with httpx.AsyncClient(auth=("user", "password"), trust_env=False) as carrier:
            await client_for(server.url, http_client=carrier).converse(MODEL, "x")
        assert server.requests[0].header(b"authorization").startswith(b"AWS4-HMAC-SHA256")


async def test_netrc_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even by a client of the user's, which reads it for requests of its own."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(answering) as server:
        async with httpx.AsyncClient(auth=httpx.NetRCAuth(str(tmp_path / "netrc"))) as http_client:
            for settings in ({}, {"http_client": http_client}):
                async with client_for(server.url, api_key="the-key", **settings) as client:
                    await client.converse(MODEL, "x")
    assert [request.header(b"authorization") for request in server.requests] == [b"Bearer the-key"] * 2


async def test_a_mock_transport() -> None:
    """The plainest way to test: the answer is an httpx.Response."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=REPLY_BODY)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as carrier:
        client = client_for("https://bedrock.example", http_client=carrier)
        assert (await client.converse(MODEL, "x")).text == "Hello"


async def test_respx() -> None:
    """respx sees the calls of a client of our own."""
    with respx.mock(base_url="http://127.0.0.1:1") as mock:
        route = mock.post(path__regex=r"/model/.+/converse").respond(200, content=REPLY_BODY)
        async with client_for("http://127.0.0.1:1") as client:
            assert (await client.converse(MODEL, "x")).text == "Hello"
        assert route.called


class DuckClient:
    """What httpx2 has in common with httpx, and nothing more."""

    is_closed = False

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.closed = 0

    def build_request(self, method: str, url: Any, **options: Any) -> Any:
        assert options["extensions"]["timeout"].keys() == {"pool", "connect", "write", "read"}
        request = type("Request", (), {})()
        request.url = httpx.URL(url)
        return request

    async def send(self, request: Any, **options: Any) -> Any:
        assert options == {"stream": True, "follow_redirects": False, "auth": None}
        if self.failure:
            raise self.failure
        duck = self

        class Response:
            status_code = 200
            headers = {"X-Amzn-RequestId": "duck"}  # noqa: RUF012

            async def aiter_raw(self) -> Any:
                yield REPLY_BODY

            async def aclose(self) -> None:
                duck.closed += 1

        return Response()


async def test_a_client_by_duck_type() -> None:
    """httpx2, by what it can do; its errors are told by their names."""
    duck = DuckClient()
    reply = await client_for("http://127.0.0.1:1", http_client=duck).converse(MODEL, "x")
    assert (reply.text, reply.request_id) == ("Hello", "duck")
    assert duck.closed
    timeout = type("ReadTimeout", (type("TimeoutException", (Exception,), {}),), {})
    broken = type("ReadError", (Exception,), {})
    for failure, kind in ((timeout("t"), RequestTimeout), (broken("b"), BedrockError), (ValueError("v"), BedrockError)):
        with pytest.raises(kind) as caught:
            await client_for("http://127.0.0.1:1", http_client=DuckClient(failure), retry=FAST).converse(MODEL, "x")
        assert caught.value.__cause__ is failure
        assert caught.value.possibly_billed
