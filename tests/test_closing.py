"""Closing: what a client does after it, what becomes of calls and streams in the middle of something, from wherever it
is closed; and clients that nobody closes."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
from engine import (
    EVENTS,
    KEYS,
    MODEL,
    REPLY_BODY,
    STREAM_HEAD,
    both,
    carrier,
    chunk,
    client_for,
    closed,
    converse,
    every_way,
    run,
)
from loopback import Peer, Server, black_hole, serve
from operations import OPERATIONS
from stepwise import living_tasks, no_threads

from bedrock_converse import BedrockClient, BedrockError, ClientClosed, Credentials, RequestTimeout, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bedrock_converse import ConverseStream


async def answering(peer: Peer) -> None:
    """An answer, or the beginning of a stream."""
    while received := await peer.request():
        if b"stream" in received.line:
            await peer.send(STREAM_HEAD + chunk(EVENTS[0] + EVENTS[1]))
        else:
            await peer.reply(REPLY_BODY)


# --- afterwards -------------------------------------------------------------------------------------------------------

ENTRIES = {**OPERATIONS, "warm_up": lambda client: client.warm_up()}


def test_every_method_is_tried() -> None:
    """Those that a release adds too."""
    methods = {name for name, value in vars(BedrockClient).items() if callable(value) and not name.startswith("_")}
    assert methods - {"aclose", "with_options"} == {entry.partition(",")[0] for entry in ENTRIES}


@every_way
@pytest.mark.parametrize("entry", ENTRIES)
def test_use_after_closing(backend: str, own: bool, entry: str) -> None:
    """`ClientClosed`, whether the client was used before or not, and from its views, old and new: nothing is sent, so
    nothing can have been billed. Closing once more does nothing."""

    async def main() -> None:
        with serve(answering) as server:
            async with carrier(own) as http_client:
                used = client_for(server.url, http_client=http_client)
                await used.converse(MODEL, "x")
                for client in (used, client_for(server.url, http_client=http_client)):
                    view = client.with_options(max_tokens=3)
                    await client.aclose()
                    await client.aclose()
                    for shut in (client, view, client.with_options(max_tokens=3)):
                        with pytest.raises(ClientClosed, match="the client is closed") as caught:
                            await ENTRIES[entry](shut)
                        assert (caught.value.attempts, caught.value.possibly_billed) == (0, False)
                    assert (client.stats.open, client.stats.live_streams) == (0, 0)
            assert (server.accepted, len(server.requests)) == (1, 1)

    run(backend, main)


READERS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "an event": lambda stream: anext(stream),
    "text": lambda stream: anext(stream.text()),
    "parts": lambda stream: anext(stream.parts()),
    "final": lambda stream: stream.final(),
}


@every_way
@pytest.mark.parametrize("reader", READERS)
def test_an_open_stream_after_closing(backend: str, own: bool, reader: str) -> None:
    """What has come can still be read; then it raises `ClientClosed`, as often as one asks, with all that is known."""

    async def main() -> None:
        with serve(answering) as server:
            async with carrier(own) as http_client:
                client = client_for(server.url, http_client=http_client)
                async with client.converse_stream(MODEL, "x") as stream:
                    await client.aclose()
                    assert [type(await anext(stream)).__name__ for _ in range(2)][1] == "ContentBlockDeltaEvent"
                    for _ in range(2):
                        with pytest.raises(ClientClosed) as caught:
                            await READERS[reader](stream)
                        failure = caught.value
                        assert (failure.request_id, failure.attempts) == ("the-request", 1)
                        assert failure.possibly_billed
                        assert failure.partial is not None
                        assert failure.partial.text == stream.partial.text == "Hel"
                    assert client.stats.live_streams == 0
                await closed(server)
            assert len(server.requests) == 1

    run(backend, main)


# --- in the middle ----------------------------------------------------------------------------------------------------


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


async def half_an_answer(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")
    await peer.gone()


async def throttling(peer: Peer) -> None:
    while await peer.request():
        await peer.reply(b"{}", b"429 No", b"x-amzn-errortype: ThrottlingException", b"x-amz-retry-after: 60000")


async def deaf(peer: Peer) -> None:
    """Takes nothing before the client is closed."""
    server: Any = peer.server
    while server.deaf:  # noqa: ASYNC110 - set in another thread
        await asyncio.sleep(0.01)
    await peer.gone()


async def read(client: BedrockClient, text: str = "x") -> None:
    async with client.converse_stream(MODEL, text) as stream:
        await stream.final()


@dataclass
class Wait:
    """Where calls are when the client is closed, and what each of them has sent, and been billed for perhaps."""

    script: Callable[[Peer], Awaitable[Any]] | None
    """None: nobody accepts the connection."""
    there: Callable[[BedrockClient, Server], bool]
    use: Callable[[BedrockClient], Awaitable[None]] = converse
    expected: list[tuple[int, bool]] = field(default_factory=lambda: [(1, True)])
    unknown: bool = False
    """Nobody tells us how far an http_client has come: it counts as sent and billed."""
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    scheme: str = "http:"


def asked(_: BedrockClient, server: Server) -> bool:
    return len(server.requests) == 1


def accepted(_: BedrockClient, server: Server) -> bool:
    return server.accepted == 1


def under_way(client: BedrockClient, _: Any) -> bool:
    hub = client._made_hub
    return client.stats.open == 1 or (hub is not None and any(loop.running._scopes for loop in hub._loops.values()))


async def never() -> Credentials:
    await anyio.sleep(60)
    raise AssertionError


def providing(ended: threading.Event) -> Callable[[], Credentials]:
    """A blocking provider of credentials, that takes its time."""

    def provide() -> Credentials:
        assert ended.wait(5)
        return KEYS

    return provide


NOTHING_SENT = [(0, False)]
ONE_OF_TWO = [(0, False), (1, True)]
WAITS = {
    "an answer": Wait(silent, asked),
    "the rest of an answer": Wait(half_an_answer, asked),
    "an event": Wait(answering, lambda client, _: client.stats.live_streams == 1, read),
    "the peer to take the request": Wait(deaf, accepted, partial(converse, text="x" * 12_000_000), NOTHING_SENT),
    "a retry": Wait(throttling, asked, expected=[(1, False)], options={"retry": RetryPolicy()}),
    "a connection": Wait(
        silent, lambda client, _: client.stats.queued == 1, expected=ONE_OF_TWO, options={"max_connections": 1}
    ),
    "a place in flight": Wait(silent, asked, expected=ONE_OF_TWO, options={"max_in_flight": 1}),
    "credentials": Wait(silent, under_way, expected=NOTHING_SENT, options={"credentials": never}),
    "connecting": Wait(None, under_way, expected=NOTHING_SENT, unknown=True),
    "shaking hands": Wait(deaf, accepted, expected=NOTHING_SENT, scheme="https:"),
}


NOT_OURS = {
    "a connection": "an http_client has a queue of its own",
    "the peer to take the request": "httpx leaves generators to the garbage collector, of which trio warns",
    "shaking hands": "httpx loses the socket whose handshake is cancelled, whoever cancels it",
}


async def in_this_loop(client: BedrockClient) -> None:
    await client.aclose()


async def in_a_loop_of_another_thread(client: BedrockClient) -> None:
    await anyio.to_thread.run_sync(asyncio.run, client.aclose())


@every_way
@pytest.mark.parametrize("close", [in_this_loop, in_a_loop_of_another_thread])
@pytest.mark.parametrize("where", WAITS)
def test_closing_ends_the_wait_for(backend: str, own: bool, where: str, close: Any) -> None:
    """`ClientClosed` at once, which says what was sent and whether it may have been billed; nothing is left."""
    wait = WAITS[where]
    if not own and where in NOT_OURS:
        pytest.skip(NOT_OURS[where])
    failures: list[BedrockError] = []

    async def call(client: BedrockClient) -> None:
        with pytest.raises(ClientClosed) as caught:
            await wait.use(client)
        failures.append(caught.value)

    async def main() -> None:
        before = await living_tasks()
        with ExitStack() as servers:
            server: Any = servers.enter_context(serve(wait.script or silent))
            server.deaf = True
            url = server.url if wait.script else f"http://{servers.enter_context(black_hole())}"
            options = {"timeout": None, **wait.options}
            async with carrier(own, timeout=None) as http_client:
                client = client_for(url.replace("http:", wait.scheme), http_client=http_client, **options)
                async with anyio.create_task_group() as tasks:
                    for _ in wait.expected:
                        tasks.start_soon(call, client)
                    while not wait.there(client, server):  # noqa: ASYNC110 - nothing tells
                        await anyio.sleep(0.005)
                    await anyio.sleep(0.05)
                    assert not failures
                    with anyio.fail_after(2):
                        await close(client)
                server.deaf = False
                stats = client.stats
                assert (stats.open, stats.queued, stats.live_streams, stats.quota) == (0, 0, 0, 500)
                if own or wait.expected != [(1, False)]:  # whose connection is idle, and httpx's
                    await closed(server)
            await closed(server)
        assert await living_tasks() <= before
        await no_threads()

    run(backend, main, 10)
    expected = [(1, True)] if wait.unknown and not own else wait.expected
    assert sorted((failure.attempts, failure.possibly_billed) for failure in failures) == expected


@every_way
@pytest.mark.parametrize("streams", [False, True], ids=["answer", "stream"])
def test_credentials_that_come_after_the_end(backend: str, own: bool, streams: bool) -> None:
    """From a provider that nobody can interrupt: they are for no request any more."""
    ended = threading.Event()

    async def main() -> None:
        with serve(answering) as server:
            async with carrier(own) as http_client:
                client = client_for(server.url, http_client=http_client, credentials=providing(ended))
                async with anyio.create_task_group() as tasks:

                    async def call() -> None:
                        with pytest.raises(ClientClosed):
                            await (read if streams else converse)(client)

                    tasks.start_soon(call)
                    while not under_way(client, server):  # noqa: ASYNC110 - nothing tells
                        await anyio.sleep(0.005)
                    with anyio.fail_after(2):
                        await client.aclose()
            ended.set()
            await no_threads()
            assert not server.accepted

    run(backend, main)


@every_way
def test_closing_ends_a_warm_up(backend: str, own: bool) -> None:
    """That waits for credentials; a closed client is not warm."""

    async def main() -> None:
        with serve(answering) as server:
            async with carrier(own) as http_client:
                client = client_for(server.url, http_client=http_client, credentials=never, timeout=None)
                async with anyio.create_task_group() as tasks:

                    async def warm_up() -> None:
                        with pytest.raises(ClientClosed):
                            await client.warm_up()

                    tasks.start_soon(warm_up)
                    while not client._made_hub or not client._made_hub._loops:  # noqa: ASYNC110 - nothing tells
                        await anyio.sleep(0.005)
                    await anyio.sleep(0.05)
                    await client.aclose()
            assert not server.accepted

    run(backend, main, 10)


@every_way
def test_a_warm_up_during_a_drain(backend: str, own: bool) -> None:
    """Its credentials come when the client is closed already, and a call still runs: that is no success."""

    async def main() -> None:
        with serve(silent) as server:
            async with carrier(own) as http_client:
                arrived, come = anyio.Event(), anyio.Event()

                async def provide() -> Credentials:
                    arrived.set()
                    await come.wait()
                    return KEYS

                client = client_for(server.url, http_client=http_client)
                late = client.with_options(credentials=provide)
                async with anyio.create_task_group() as tasks:

                    async def call() -> None:
                        with pytest.raises(ClientClosed):
                            await client.converse(MODEL, "x")

                    async def warm_up() -> None:
                        with pytest.raises(ClientClosed):
                            await late.warm_up()

                    tasks.start_soon(call)
                    tasks.start_soon(warm_up)
                    await arrived.wait()
                    while not server.requests:  # noqa: ASYNC110 - nothing tells
                        await anyio.sleep(0.005)
                    tasks.start_soon(client.aclose, 0.2)
                    await anyio.sleep(0.02)
                    come.set()

    run(backend, main, 10)


@every_way
def test_a_warm_up_is_under_the_clients_limit(backend: str, own: bool) -> None:
    """As a call is: however long the credentials take."""

    async def main() -> None:
        with serve(answering) as server:
            async with carrier(own) as http_client:
                client = client_for(server.url, http_client=http_client, credentials=never, timeout=0.1)
                with pytest.raises(RequestTimeout) as caught:
                    await client.warm_up()
                assert (caught.value.phase, caught.value.seconds) == ("total", 0.1)
                await client.aclose()

    run(backend, main, 10)


async def held(peer: Peer) -> None:
    """The rest of an answer comes when its prompt is let go."""
    server: Any = peer.server
    received = await peer.request()
    assert received is not None
    streams = b"stream" in received.line
    if streams:
        await peer.send(STREAM_HEAD + chunk(EVENTS[0] + EVENTS[1]))
    while any(word in received.body for word in server.holds):  # noqa: ASYNC110 - set in another thread
        await asyncio.sleep(0.005)
    if streams:
        await peer.send(*(chunk(event) for event in EVENTS[2:]), b"0\r\n\r\n")
    else:
        await peer.reply(REPLY_BODY)


class Elsewhere:
    """A use of the client in another thread, in an event loop of its own."""

    def __init__(self, backend: str, use: Callable[[], Awaitable[None]]) -> None:
        self.error: BaseException | None = None
        self._backend = backend
        self._use = use
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            run(self._backend, self._use, 10)
        except BaseException as error:  # noqa: BLE001 - for the test to look at
            self.error = error

    async def ended(self) -> None:
        await anyio.to_thread.run_sync(self._thread.join, 10)


@both
@pytest.mark.parametrize("there", ["asyncio", "trio"])
@pytest.mark.parametrize("use", [converse, read], ids=["answer", "stream"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle here", "busy here too"])
def test_a_drain_waits_for_other_threads(backend: str, there: str, use: Any, busy: bool) -> None:
    """Their calls and streams end as they would have, whether or not there is a call in the loop that closes."""

    async def main() -> None:
        with serve(held) as server:
            switch: Any = server
            switch.holds = {b"ours", b"theirs"}
            client = client_for(server.url)
            other = Elsewhere(there, partial(use, client, "theirs"))
            closed = anyio.Event()

            async def close() -> None:
                await client.aclose(drain=60)
                closed.set()

            async with anyio.create_task_group() as tasks:
                if busy:
                    tasks.start_soon(use, client, "ours")
                while len(server.requests) < 1 + busy:  # noqa: ASYNC110 - nothing tells
                    await anyio.sleep(0.005)
                tasks.start_soon(close)
                for held_on in ({b"ours", b"theirs"}, {b"theirs"}):
                    switch.holds = held_on
                    await anyio.sleep(0.1)
                    assert not closed.is_set()
                switch.holds = set()
                with anyio.fail_after(5):
                    await closed.wait()
            await other.ended()
            assert other.error is None

    run(backend, main)


@both
@pytest.mark.parametrize("there", ["asyncio", "trio"])
def test_a_drain_ends(backend: str, there: str) -> None:
    """After its seconds, the calls of other threads end with `ClientClosed`."""

    async def main() -> None:
        with serve(silent) as server:
            client = client_for(server.url, timeout=None)
            other = Elsewhere(there, partial(converse, client))
            while not server.requests:  # noqa: ASYNC110 - nothing tells
                await anyio.sleep(0.005)
            with anyio.fail_after(5):
                await client.aclose(drain=0.1)
            await other.ended()
            assert isinstance(other.error, ClientClosed)
            assert other.error.possibly_billed

    run(backend, main)


async def opened(client: BedrockClient) -> ConverseStream:
    """A stream that nobody closes."""
    stream = client.converse_stream(MODEL, "x")
    await stream.__aenter__()
    await anext(stream)
    return stream


def complaints(caught: list[warnings.WarningMessage]) -> list[str]:
    """What was said, once: the warnings hold what they warn of."""
    said = [str(warning.message).partition(";")[0] for warning in caught]
    caught.clear()
    gc.collect()
    return said


DROPPED = "a ConverseStream was dropped without being closed"


@both
@pytest.mark.parametrize("how", ["normally", "by an exception", "cancelled"])
def test_leaving_the_client_with_open_streams(backend: str, how: str) -> None:
    """Their connections are closed, no task or thread is left; each stream that was never closed says so, once."""

    async def use(server: Server, scope: anyio.CancelScope) -> None:
        async with client_for(server.url) as client:
            streams = [await opened(client) for _ in range(3)]
            assert client.stats.live_streams == 3
            if how == "by an exception":
                raise KeyError
            if how == "cancelled":
                scope.cancel()
                await anyio.sleep(5)
        del streams

    async def main() -> None:
        before = await living_tasks()
        with serve(answering) as server:
            with warnings.catch_warnings(record=True, action="always") as caught:
                with anyio.CancelScope() as scope:
                    try:
                        await use(server, scope)
                    except KeyError:
                        assert how == "by an exception"
                await closed(server)
                gc.collect()
                assert await living_tasks() <= before
            assert complaints(caught) == [DROPPED] * 3
        await no_threads()

    run(backend, main)


# --- nobody closes it -------------------------------------------------------------------------------------------------


def forget(kept: list[Any]) -> None:
    """In this thread; a client in a circle of references goes with the next collection."""
    kept.clear()
    gc.collect()


async def forget_in_a_thread(kept: list[Any]) -> None:
    await anyio.to_thread.run_sync(forget, kept)


async def forget_here(kept: list[Any]) -> None:
    forget(kept)


@both
@pytest.mark.parametrize("streams", [0, 2])
@pytest.mark.parametrize("circle", [False, True], ids=["", "in a circle"])
@pytest.mark.parametrize("go", [forget_here, forget_in_a_thread])
def test_a_client_that_nobody_closes(backend: str, go: Any, circle: bool, streams: int) -> None:
    """When it is collected, in any thread, its connections are closed, and nothing but its open streams complains."""

    async def kept_things(server: Server) -> list[Any]:
        client = client_for(server.url)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.converse, MODEL, "x")
        kept: list[Any] = [client, *[await opened(client) for _ in range(streams)]]
        if circle:
            ring: list[Any] = [client]
            ring.append(ring)
            kept = [[ring, *kept]]
        return kept

    async def main() -> None:
        before = await living_tasks()
        with serve(answering) as server:
            with warnings.catch_warnings(record=True, action="always") as caught:
                kept = await kept_things(server)
                assert server.open
                await go(kept)
                assert complaints(caught) == [DROPPED] * streams
                await closed(server)
                assert await living_tasks() <= before
                assert not caught
            async with client_for(server.url) as client:
                await client.converse(MODEL, "x")
        await no_threads()

    run(backend, main)


@both
def test_a_stream_outlives_the_name_of_its_client(backend: str) -> None:
    """The client may be forgotten while its stream is read: the connection is the stream's."""

    async def main() -> None:
        with serve(answering) as server:
            stream = await opened(client_for(server.url))
            gc.collect()
            assert (await anext(stream)).delta == "Hel"
            await stream.aclose()
            del stream
            await closed(server)

    run(backend, main)
