"""Cancelled at every await point of `converse` and of a stream, on asyncio and trio: nothing is left, nothing is lost.

Each scenario is a call that waits in another way: for a retry, for credentials, in a queue, for a handshake, for a big
body to go out, for each kind of reading. It is run again and again, cancelled one await later each time, until it gets
through (`stepwise`).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from engine import (
    EVENTS,
    FAST,
    KEYS,
    MODEL,
    REPLY_BODY,
    STREAM_HEAD,
    Seen,
    both,
    chunk,
    client_for,
    closed,
    converse,
    run,
)
from loopback import Peer, Received, serve
from stepwise import WAYS, EveryAwait, living_tasks, no_threads

from bedrock_converse import BedrockClient, Credentials
from bedrock_converse._http import tls
from bedrock_converse._wire.eventstream import encode_exception

if TYPE_CHECKING:
    import ssl

# --- what the server says ---------------------------------------------------------------------------------------------

THROTTLED = encode_exception("throttlingException", b'{"message":"slow down"}')


def attempt_of(received: Received) -> int:
    """Which attempt of its call a request is, counted from 1."""
    told = received.header(b"amz-sdk-request") or b"attempt=1"
    return int(told.removeprefix(b"attempt=").partition(b";")[0])


def failing_first(status: bytes, code: bytes, times: int = 1) -> Callable[[Peer], Awaitable[None]]:
    """The first `times` attempts of a call are refused, the next one gets its answer."""

    async def script(peer: Peer) -> None:
        while received := await peer.request():
            if attempt_of(received) <= times:
                await peer.reply(b"{}", status, b"x-amzn-errortype: " + code)
            elif b"stream" in received.line:
                await peer.send(STREAM_HEAD, *map(chunk, EVENTS), b"0\r\n\r\n", pause=0.001)
            else:
                await peer.reply(REPLY_BODY)

    return script


async def throttling_first(peer: Peer) -> None:
    """The first attempt's stream begins with an exception."""
    while received := await peer.request():
        events = EVENTS if attempt_of(received) > 1 else [THROTTLED]
        await peer.send(STREAM_HEAD, *map(chunk, events), b"0\r\n\r\n", pause=0.001)


async def answering(peer: Peer) -> None:
    """Everything well, in pieces: the client waits wherever it can."""
    while received := await peer.request():
        if b"stream" in received.line:
            await peer.send(STREAM_HEAD, *map(chunk, EVENTS), b"0\r\n\r\n", pause=0.005)
        else:
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(REPLY_BODY)
            await peer.send(head[:20], head[20:], REPLY_BODY[:9], REPLY_BODY[9:], pause=0.005)


async def closing(peer: Peer) -> None:
    """One answer for each connection: every call has to connect."""
    if await peer.request():
        await peer.reply(REPLY_BODY, b"200 OK", b"connection: close")


# --- what the client does ---------------------------------------------------------------------------------------------

Use = Callable[[BedrockClient], Awaitable[Any]]


async def events(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, "x") as stream:
        assert [event async for event in stream]


async def text(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, "x") as stream:
        assert "".join([piece async for piece in stream.text()]) == "Hello"


async def parts(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, "x") as stream:
        assert [part async for part in stream.parts()]


async def final(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, "x") as stream:
        assert (await stream.final()).text == "Hello"


async def left_early(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, "x") as stream:
        async for _ in stream.text():
            break


async def closed_by_hand(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, "x") as stream:
        await anext(stream.parts())
        await stream.aclose()


def fresh_keys() -> Any:
    """A blocking provider: asked in a thread, for as long as a renewal takes."""
    asked = itertools.count()

    def provide() -> Credentials:
        time.sleep(0.002)
        return Credentials(f"AKIA{next(asked):016}", "secret")

    return provide


def fresh_keys_awaited() -> Any:
    """A provider that is awaited on the event loop."""
    asked = itertools.count()

    async def provide() -> Credentials:
        await anyio.sleep(0.001)
        await anyio.sleep(0.001)
        return Credentials(f"AKIA{next(asked):016}", "secret")

    return provide


@asynccontextmanager
async def one_call_ahead(client: BedrockClient) -> AsyncIterator[None]:
    """A stream that holds the only slot for a moment, so that the call has to queue."""
    taken = anyio.Event()

    async def hold() -> None:
        async with client.converse_stream(MODEL, "x"):
            taken.set()
            await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        await taken.wait()
        yield


@dataclass
class Scenario:
    script: Callable[[Peer], Awaitable[Any]]
    use: Use
    secure: bool = False
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    keys: Callable[[], Any] = lambda: KEYS
    beside: Callable[[BedrockClient], AbstractAsyncContextManager[None]] = lambda _: nullcontext()
    at_least: int = 2
    """So many awaits there must have been, or the scenario does not try what it says."""


BUSY = failing_first(b"500 Oops", b"InternalServerException")
EXPIRED = failing_first(b"403 No", b"ExpiredTokenException")

SCENARIOS = {
    "an answer in pieces": Scenario(answering, converse, at_least=4),
    "an answer in pieces, TLS": Scenario(answering, converse, secure=True, at_least=4),
    "a retry": Scenario(BUSY, converse, at_least=3),
    "a retry of a stream": Scenario(BUSY, parts, at_least=6),
    "a retry after the first frame": Scenario(throttling_first, parts, at_least=6),
    "connecting": Scenario(closing, converse, at_least=3),
    "shaking hands": Scenario(closing, converse, secure=True, at_least=4),
    "renewing in a thread": Scenario(EXPIRED, converse, keys=fresh_keys, at_least=3),
    "renewing by awaiting": Scenario(EXPIRED, final, keys=fresh_keys_awaited, at_least=5),
    "waiting for a slot": Scenario(answering, converse, options={"max_in_flight": 1}, beside=one_call_ahead),
    "waiting for a slot, stream": Scenario(answering, text, options={"max_in_flight": 1}, beside=one_call_ahead),
    "waiting for a connection": Scenario(answering, converse, options={"max_connections": 1}, beside=one_call_ahead),
    "a big request": Scenario(answering, partial(converse, text="x" * 2_000_000), at_least=6),
    "a big request, TLS": Scenario(answering, partial(converse, text="x" * 2_000_000), secure=True, at_least=6),
    "events": Scenario(answering, events, at_least=5),
    "text": Scenario(answering, text, at_least=5),
    "text, TLS": Scenario(answering, text, secure=True, at_least=5),
    "parts": Scenario(answering, parts, at_least=5),
    "final": Scenario(answering, final, at_least=5),
    "final under a total": Scenario(answering, final, options={"timeout": 30}, at_least=5),
    "left early": Scenario(answering, left_early, at_least=3),
    "left early, TLS": Scenario(answering, left_early, secure=True, at_least=3),
    "closed by hand": Scenario(answering, closed_by_hand, at_least=3),
}


@both
@pytest.mark.parametrize("name", SCENARIOS)
def test_cancelled_at_every_await(backend: str, name: str, authority: tuple[ssl.SSLContext, str]) -> None:
    """No connection open at the server but the idle ones, no task, no thread, no slot, no quota lost, one end for every
    start; and the next call works."""
    scenario, seen = SCENARIOS[name], Seen()
    context, authorities = authority

    async def main() -> None:
        with serve(scenario.script, context if scenario.secure else None) as server:
            async with client_for(
                server.url,
                credentials=scenario.keys(),
                observers=[seen],
                verify=authorities,
                **scenario.options,
            ) as client:
                await scenario.use(client)
                before = await living_tasks()
                for way in WAYS[backend]:
                    for run_cancelled in EveryAwait(way, scenario.at_least):
                        async with scenario.beside(client):
                            await run_cancelled(lambda: scenario.use(client))
                        await nothing_left(client, server, before)
                        assert client.stats.quota == 500
                await scenario.use(client)
                assert seen.names.count("CallStarted") == len(seen.outcomes)
                assert "cancelled" in seen.outcomes
            await no_threads()

    run(backend, main, 60)


FIRSTS: dict[str, tuple[Use, int]] = {
    "converse": (converse, 6),
    "stream": (text, 8),
    "warm up": (lambda client: client.warm_up(3), 3),
    "close with a drain": (lambda client: client.aclose(drain=1), 6),
}


@both
@pytest.mark.parametrize("name", FIRSTS)
def test_a_new_client_cancelled_at_every_await(
    backend: str, name: str, authority: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings, the default chain, authorities, the first handshake, closing: no connection stays open, no thread and
    no task goes on, and the next client works."""
    use, at_least = FIRSTS[name]
    context, authorities = authority
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)

    async def main() -> None:
        with serve(answering, context) as server:

            async def first() -> None:
                url = server.url.rstrip("/")
                async with BedrockClient(
                    region="us-east-1", endpoint_url=url, verify=authorities, retry=FAST
                ) as client:
                    if name == "close with a drain":
                        await client.converse(MODEL, "x")
                    await use(client)

            await first()
            before = await living_tasks()
            for way in WAYS[backend]:
                for run_cancelled in EveryAwait(way, at_least):
                    tls._contexts.clear()
                    await run_cancelled(first)
                    assert await living_tasks() <= before
            await first()
            await closed(server)
        await no_threads()

    run(backend, main, 60)


async def nothing_left(client: BedrockClient, server: Any, tasks: int) -> None:
    stats = client.stats
    assert (stats.open, stats.queued, stats.live_streams) == (stats.idle, 0, 0)
    limiter = client._hub.limiter
    assert limiter is None or (limiter.in_flight(MODEL), limiter.waiting(MODEL)) == (0, 0)
    with anyio.move_on_after(2):
        while server.open != stats.idle:  # noqa: ASYNC110 - the server is in another thread
            await anyio.sleep(0.001)
    assert server.open == stats.idle
    assert await living_tasks() <= tasks


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's TLS context, and the file with the authority to trust."""
    import ssl

    import trustme

    made = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("127.0.0.1").configure_cert(context)
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    made.cert_pem.write_to_path(str(path))
    return context, str(path)
