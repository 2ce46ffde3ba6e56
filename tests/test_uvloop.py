"""uvloop, on which uvicorn runs applications by default: other transports, timers and sockets than asyncio's own."""

from __future__ import annotations

import asyncio
import functools
import ssl
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trustme
from engine import EVENTS, MODEL, REPLY_BODY, STREAM_HEAD, chunk, client_for, closed
from loopback import Peer, serve

from bedrock_converse import ClientClosed, PoolTimeout, RequestTimeout, Timeout, TransportError
from bedrock_converse.testing import FakeBedrock, reply, run_in_virtual_time, virtual_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")

LARGE = [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": bytes(9_000_000)}}}]}]
"""More than the sockets' buffers hold."""


def on_uvloop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs a test on uvloop; a hang fails."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        async def limited() -> None:
            assert type(asyncio.get_running_loop()).__module__ == "uvloop"
            with anyio.fail_after(10):
                await test(**fixtures)

        anyio.run(limited, backend_options={"use_uvloop": True})

    return run


async def answering(peer: Peer) -> None:
    while await peer.request():
        await peer.reply(REPLY_BODY)


async def streaming(peer: Peer) -> None:
    while await peer.request():
        await peer.send(STREAM_HEAD, *map(chunk, EVENTS), b"0\r\n\r\n")


async def falling_silent(peer: Peer) -> None:
    """After the first words."""
    await peer.request()
    await peer.send(STREAM_HEAD, *map(chunk, EVENTS[:2]))
    await peer.gone()


async def silent(peer: Peer) -> None:
    await peer.gone()


# --- calls and streams ------------------------------------------------------------------------------------------------


@on_uvloop
async def test_a_call() -> None:
    """The second one goes over the connection of the first."""
    with serve(answering) as server:
        async with client_for(server.url) as client:
            assert (await client.converse(MODEL, "x")).text == "Hello"
            assert (await client.converse(MODEL, "x")).text == "Hello"
    assert server.accepted == 1


@on_uvloop
async def test_a_stream() -> None:
    """Read to its end, it leaves its connection to the next one."""
    with serve(streaming) as server:
        async with client_for(server.url) as client:
            for _ in range(2):
                async with client.converse_stream(MODEL, "x") as stream:
                    assert [text async for text in stream.text()] == ["Hel", "lo"]
    assert server.accepted == 1


@on_uvloop
async def test_a_large_request() -> None:
    """Every byte arrives."""
    with serve(answering) as server:
        async with client_for(server.url) as client:
            await client.converse(MODEL, LARGE)
    assert len(server.requests[0].body) > 12_000_000


@on_uvloop
async def test_a_cancelled_stream() -> None:
    """The peer sees at once that nobody listens any more, and the slot is free."""
    with serve(falling_silent) as server:
        async with client_for(server.url, max_connections=1) as client:
            with anyio.move_on_after(0.05) as scope:
                async with client.converse_stream(MODEL, "x") as stream:
                    async for _ in stream:
                        pass
            assert scope.cancelled_caught
            assert client.stats.open == 0
            await closed(server)


@on_uvloop
async def test_a_reset_in_mid_stream() -> None:
    """A typed error with what had come."""

    async def breaking(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, *map(chunk, EVENTS[:2]), pause=0.01)
        peer.reset()

    with serve(breaking) as server:
        async with client_for(server.url) as client, client.converse_stream(MODEL, "x") as stream:
            with pytest.raises(TransportError) as caught:
                await stream.final()
    assert isinstance(caught.value.__cause__, Exception)
    assert caught.value.partial.text == "Hel"


@on_uvloop
async def test_tls(tmp_path: Path) -> None:
    """Over TLS, from a server that a private authority vouches for."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with serve(answering, context) as server:
        async with client_for(server.url, verify=tmp_path / "authority.pem") as client:
            assert (await client.converse(MODEL, "x")).text == "Hello"
        await closed(server)


# --- limits -----------------------------------------------------------------------------------------------------------


@on_uvloop
async def test_no_connection_in_time() -> None:
    """A TLS handshake that nobody answers."""
    with serve(silent) as server:
        url = server.url.replace("http:", "https:")
        async with client_for(url, retry=None, timeout=Timeout(connect=0.05)) as client:
            with pytest.raises(RequestTimeout) as caught:
                await client.converse(MODEL, "x")
            assert caught.value.phase == "connect"
            await closed(server)


@pytest.mark.parametrize(
    ("phase", "script", "limits"),
    [
        ("first_event", silent, Timeout(first_event=0.05)),
        ("idle", falling_silent, Timeout(idle=0.05)),
        ("total", falling_silent, Timeout(total=0.05)),
    ],
)
@on_uvloop
async def test_no_events_in_time(phase: str, script: Any, limits: Timeout) -> None:
    """Whatever runs out first is named, and the connection is closed."""
    with serve(script) as server:
        async with client_for(server.url, timeout=limits) as client:
            with pytest.raises(RequestTimeout) as caught:
                async with client.converse_stream(MODEL, "x") as stream:
                    await stream.final()
            assert caught.value.phase == phase
            await closed(server)


@on_uvloop
async def test_a_request_that_is_not_taken() -> None:
    """Writing waits for the peer: what has not gone out whole cannot have been billed."""

    async def deaf(peer: Peer) -> None:
        peer.writer.transport.pause_reading()
        await asyncio.sleep(5)

    with serve(deaf) as server:
        async with client_for(server.url, timeout=Timeout(total=0.3)) as client:
            with pytest.raises(RequestTimeout) as caught:
                await client.converse(MODEL, LARGE)
    assert not caught.value.possibly_billed


@on_uvloop
async def test_a_full_pool() -> None:
    """No connection in time."""
    with serve(falling_silent) as server:
        async with client_for(server.url, max_connections=1) as client, client.converse_stream(MODEL, "x"):
            with pytest.raises(PoolTimeout):
                await client.converse(MODEL, "x", timeout=Timeout(answer=0.3))


# --- the end ----------------------------------------------------------------------------------------------------------


@on_uvloop
async def test_a_drain() -> None:
    """Closing lets the call end that runs, and no new one begin."""
    asked = asyncio.Event()

    async def slowly(peer: Peer) -> None:
        await peer.request()
        loop.call_soon_threadsafe(asked.set)
        await asyncio.sleep(0.05)
        await peer.reply(REPLY_BODY)

    loop = asyncio.get_running_loop()
    with serve(slowly) as server:
        client = client_for(server.url)
        call = asyncio.create_task(client.converse(MODEL, "x"))
        await asked.wait()
        closing = asyncio.create_task(client.aclose(drain=5))
        await asyncio.sleep(0)
        with pytest.raises(ClientClosed):
            await client.converse(MODEL, "x")
        await closing
        assert (await call).text == "Hello"
        await closed(server)


@on_uvloop
async def test_a_stream_that_nobody_closes() -> None:
    """Dropping it closes its connection."""
    with serve(falling_silent) as server:
        async with client_for(server.url) as client:
            stream = client.converse_stream(MODEL, "x")
            await stream.__aenter__()
            with pytest.warns(ResourceWarning, match="without being closed"):
                del stream
            await closed(server)


def test_a_client_that_nobody_closes() -> None:
    """It works in one loop after another, whose sockets end with them."""
    with serve(answering) as server:
        client = client_for(server.url)
        for _ in range(2):
            assert anyio.run(client.converse, MODEL, "x", backend_options={"use_uvloop": True}).text == "Hello"
            server.wait_until_open(0)


# --- the testing kit --------------------------------------------------------------------------------------------------


@on_uvloop
async def test_the_fake_server() -> None:
    """It serves in the application's own loop."""
    fake = FakeBedrock()
    fake.on(MODEL).reply("Hello").then(reply("Once upon a time"))
    async with fake.serve() as url, client_for(fake, url) as client:
        assert (await client.converse(MODEL, "x")).text == "Hello"
        async with client.converse_stream(MODEL, "x") as stream:
            assert (await stream.final()).text == "Once upon a time"
    fake.check()


@on_uvloop
async def test_its_clock_cannot_be_replaced() -> None:
    """`virtual_time` says so, and what to do."""
    with pytest.raises(RuntimeError, match=r"uvloop\.Loop .* run_in_virtual_time"), virtual_time():
        pass


def test_virtual_time_where_uvloop_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`run_in_virtual_time` starts a loop whose clock can jump, whichever the application has chosen."""
    import uvloop

    monkeypatch.setattr("asyncio.events.new_event_loop", uvloop.new_event_loop)  # as its policy does
    run_in_virtual_time(asyncio.sleep, 3600)
