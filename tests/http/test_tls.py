"""TLS over our streams: whom we trust, handshakes that fail, and closing without waiting."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpcore
import pytest
import trustme
from loopback import Peer, serve
from steady import run_steadily
from stepwise import WAYS, EveryAwait, living_tasks

from bedrock_converse._http import tls
from bedrock_converse._http.connect_failures import classify_connect_error
from bedrock_converse._http.network import HIGH_WATER, Stream, backend_for_this_loop, current_time
from bedrock_converse._http.tls import TLSStream, load_tls_context, start_tls
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
AUTHORITY = trustme.CA()


def server_context(*names: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    AUTHORITY.issue_cert(*(names or ("localhost",))).configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


async def connect(port: int, context: ssl.SSLContext | None = None, name: str = "localhost") -> Stream:
    stream = await backend_for_this_loop().connect_tcp("127.0.0.1", port, timeout=5)
    return await start_tls(stream, context or client_context(), name, soon(5))


def soon(seconds: float) -> float:
    return current_time() + seconds


async def echo(peer: Peer) -> None:
    while data := await peer.reader.read(65536):
        await peer.send(data)


@BACKENDS
@VERSIONS
def test_bytes_go_and_come(backend: str, version: ssl.TLSVersion) -> None:
    """Small and large, and the goodbye: the server sees a clean end."""

    async def main() -> None:
        stream = await connect(server.port)
        assert stream.get_extra_info("ssl_object").version() == {3: "TLSv1.2", 4: "TLSv1.3"}[version - 768]
        data = bytes(range(256)) * 2000
        received = bytearray()
        for start in range(0, len(data), 60_000):
            await stream.send(data[start : start + 60_000], 5)
            while len(received) < min(start + 60_000, len(data)):
                part = await stream.receive(soon(5))
                assert 0 < len(part) <= HIGH_WATER
                received.extend(part)
        assert received == data
        stream.close()
        await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(echo, server_context(version=version)) as server:
        run(backend, main)


def run(backend: str, main: Any) -> None:
    run_steadily(main, backend=backend)


@BACKENDS
def test_a_certificate_that_is_not_trusted(backend: str) -> None:
    """The error says so, its cause is the verification's, its reason `tls`, and the server is told why."""

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError, match="certificate is not trusted") as caught:
            await connect(server.port, ssl.create_default_context())
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert classify_connect_error(caught.value) == "tls"
        await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(echo, server_context()) as server:
        run(backend, main)


@BACKENDS
def test_a_certificate_for_another_name(backend: str) -> None:
    """Trusted, but somebody else's."""

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError, match=r"not trusted .*Hostname mismatch") as caught:
            await connect(server.port)
        assert classify_connect_error(caught.value) == "tls"
        await anyio.lowlevel.checkpoint()

    with serve(echo, server_context("other.example")) as server:
        run(backend, main)


@BACKENDS
def test_a_peer_that_speaks_no_tls(backend: str) -> None:
    """An HTTP server on the port: a TLS failure, not a hang."""

    async def plain(peer: Peer) -> None:
        await peer.reader.read(10)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError) as caught:
            await connect(server.port)
        assert isinstance(caught.value.__cause__, ssl.SSLError)
        assert classify_connect_error(caught.value) == "tls"
        await anyio.lowlevel.checkpoint()

    with serve(plain) as server:
        run(backend, main)


@BACKENDS
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_peer_that_goes_away_in_the_handshake(backend: str, how: str) -> None:
    """A broken connection, which may be tried again, is told from a failed check, which may not."""

    async def goes(peer: Peer) -> None:
        await peer.reader.read(10)
        if how == "close":
            peer.writer.close()
        else:
            peer.reset()

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError) as caught:
            await connect(server.port)
        assert classify_connect_error(caught.value) == "reset"
        await anyio.lowlevel.checkpoint()

    with serve(goes) as server:
        run(backend, main)


@BACKENDS
def test_a_handshake_that_takes_too_long(backend: str) -> None:
    """Connected, but no answer: the time limit holds and the socket is closed."""

    async def silent(peer: Peer) -> None:
        await peer.gone()

    async def main() -> None:
        stream = await backend_for_this_loop().connect_tcp("127.0.0.1", server.port, timeout=5)
        with pytest.raises(httpcore.ConnectTimeout, match="TLS handshake with localhost"):
            await start_tls(stream, client_context(), "localhost", soon(0.05))
        await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(silent) as server:
        run(backend, main)


@BACKENDS
def test_cancelled_at_every_await_of_the_handshake(backend: str) -> None:
    """No socket and no task is left."""

    async def main() -> None:
        for way in WAYS[backend]:
            await anyio.to_thread.run_sync(int)
            tasks = await living_tasks()
            for run_cancelled in EveryAwait(way, at_least=3):
                streams: list[Stream] = []

                async def shake_hands(streams: list[Stream] = streams) -> None:
                    streams.append(await connect(server.port))

                await run_cancelled(shake_hands)
                for stream in streams:
                    stream.abort()
                assert await living_tasks() == tasks
                await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(echo, server_context()) as server:
        run(backend, main)


@BACKENDS
@VERSIONS
@pytest.mark.parametrize("polite", [True, False], ids=["close_notify", "without a word"])
def test_the_peer_ends(backend: str, version: ssl.TLSVersion, polite: bool) -> None:
    """With or without TLS's goodbye: the last bytes, then the end."""

    async def ends(peer: Peer) -> None:
        await peer.send(b"last")
        await peer.reader.read(1)
        if polite:
            peer.writer.close()
        else:
            peer.writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def main() -> None:
        stream = await connect(server.port)
        with anyio.fail_after(4):  # a deadline of its own would be a second chance: it looks again when that has come
            assert await stream.receive() == b"last"
            assert not stream.readable
            await stream.send(b"x")
            assert await stream.receive() == b""
            assert await stream.receive() == b""
        assert stream.readable
        stream.close()
        await anyio.lowlevel.checkpoint()

    with serve(ends, server_context(version=version)) as server:
        run(backend, main)


@BACKENDS
def test_closing_does_not_wait_for_the_peer(backend: str) -> None:
    """A peer that is stuck does not say goodbye; we are gone all the same."""

    is_stuck, closed = threading.Event(), threading.Event()
    waited: list[bool] = []

    async def stuck(peer: Peer) -> None:
        await peer.reader.read(1)
        is_stuck.set()
        waited.append(closed.wait(10))  # the server's loop is what is stuck

    async def main() -> None:
        stream = await connect(server.port)
        await stream.send(b"x")
        await anyio.to_thread.run_sync(is_stuck.wait, 5)
        stream.close()
        await anyio.lowlevel.checkpoint()
        assert stream.socket.fileno() < 0
        closed.set()

    with serve(stuck, server_context()) as server:
        run(backend, main)
    assert waited == [True]


@BACKENDS
@pytest.mark.parametrize("busy", [False, True], ids=["the loop runs", "the loop is busy"])
def test_session_tickets_are_not_an_answer(backend: str, busy: bool) -> None:
    """TLS 1.3 sends them unasked: an idle connection on which they have come is as good as before."""

    async def pause() -> None:
        if busy:
            time.sleep(0.05)  # noqa: ASYNC251 - that is the point
        else:
            await anyio.sleep(0.05)

    async def main() -> None:
        stream = await connect(server.port)
        await pause()
        assert not stream.readable
        await stream.send(b"x")
        assert await stream.receive(soon(5)) == b"x"
        await stream.send(b"yz")
        await pause()
        assert stream.readable
        stream.close()
        await anyio.lowlevel.checkpoint()

    with serve(echo, server_context()) as server:
        run(backend, main)


@BACKENDS
def test_garbage_on_the_wire_is_a_read_error(backend: str) -> None:
    """A record that was changed on its way: an error with OpenSSL's as its cause."""

    async def relay(peer: Peer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)

        async def back() -> None:
            while data := await reader.read(65536):
                if spoil.is_set():
                    data = data[:-1] + bytes([data[-1] ^ 1])
                await peer.send(data)

        task = asyncio.create_task(back())
        while data := await peer.reader.read(65536):
            writer.write(data)
        task.cancel()
        writer.transport.abort()

    async def main() -> None:
        stream = await connect(front.port)
        await stream.send(b"x")
        assert await stream.receive(soon(5)) == b"x"
        spoil.set()
        await stream.send(b"y")
        with pytest.raises(httpcore.ReadError) as caught:
            await stream.receive(soon(5))
        assert isinstance(caught.value.__cause__, ssl.SSLError)
        stream.abort()
        await anyio.lowlevel.checkpoint()

    spoil = threading.Event()
    with serve(echo, server_context()) as behind, serve(relay) as front:
        run(backend, main)


@BACKENDS
def test_tls_inside_tls(backend: str) -> None:
    """As through an https proxy: the inner handshake goes over the outer connection."""

    async def relay(peer: Peer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)

        async def back() -> None:
            while data := await reader.read(65536):
                await peer.send(data)

        task = asyncio.create_task(back())
        while data := await peer.reader.read(65536):
            writer.write(data)
        task.cancel()
        writer.transport.abort()

    async def main() -> None:
        outer = await connect(front.port)
        inner = await start_tls(outer, client_context(), "localhost", soon(5))
        await inner.send(b"hello" * 20_000)
        got = b""
        while len(got) < 100_000:
            got += await inner.receive(soon(5))
        assert got == b"hello" * 20_000
        inner.close()
        await anyio.lowlevel.checkpoint()

    with serve(echo, server_context()) as behind, serve(relay, server_context()) as front:
        run(backend, main)


def test_unread_bytes_are_bounded() -> None:
    """Nobody reads: what is held is bounded as it is without TLS."""

    async def flood(peer: Peer) -> None:
        await peer.send(b"x" * 5_000_000)

    async def main() -> None:
        stream = await connect(server.port)
        assert isinstance(stream, TLSStream)
        await asyncio.sleep(0.1)
        assert stream._inner._unread <= HIGH_WATER  # type: ignore[attr-defined]
        got = 0
        while got < 5_000_000:
            got += len(await stream.receive(soon(5)))
            assert stream._incoming.pending <= HIGH_WATER
        stream.abort()
        await asyncio.sleep(0)

    with serve(flood, server_context()) as server:
        asyncio.run(main())


# Whom to trust.


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_contexts", {})
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("how", ["verify", "AWS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bundle_of_ones_own(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument or the environment names the file; its authority is trusted then, and was not before."""
    bundle = tmp_path / "authorities.pem"
    AUTHORITY.cert_pem.write_to_path(str(bundle))

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError):
            await connect(server.port, await load_tls_context())
        if how != "verify":
            monkeypatch.setenv(how, str(bundle))
        stream = await connect(server.port, await load_tls_context(bundle if how == "verify" else None))
        assert stream.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        stream.close()
        await asyncio.sleep(0)

    context = server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with serve(echo, context) as server:
        asyncio.run(main())


@pytest.mark.usefixtures("no_cache")
async def test_the_argument_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`verify`, then AWS's variable, then OpenSSL's: the first that is given is taken, and an empty one is none."""
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, f"/nowhere/{name}")
    good = tmp_path / "good.pem"
    AUTHORITY.cert_pem.write_to_path(str(good))
    await load_tls_context(good)
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        with pytest.raises(ConfigError, match=f"{name} names: /nowhere/{name}"):
            await load_tls_context()
        monkeypatch.setenv(name, "")


@pytest.mark.usefixtures("no_cache")
async def test_a_file_that_is_no_bundle(tmp_path: Path) -> None:
    """Not PEM: a `ConfigError` that says which file, not OpenSSL's riddle."""
    bad = tmp_path / "bad.pem"
    bad.write_text("certainly no certificate")
    with pytest.raises(ConfigError, match=r"verify names: .*bad\.pem") as caught:
        await load_tls_context(bad)
    assert isinstance(caught.value.__cause__, ssl.SSLError)


@pytest.mark.usefixtures("no_cache")
async def test_a_directory_of_authorities(tmp_path: Path) -> None:
    """A directory is taken for OpenSSL's hashed kind."""
    await load_tls_context(tmp_path)


@pytest.mark.usefixtures("no_cache")
def test_one_context_for_all_loops_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by many at once: built once, and not in the event loop's thread."""
    built: list[str] = []
    real = tls._build

    def counting(name: str | None, path: str | None) -> ssl.SSLContext:
        built.append(threading.current_thread().name)
        time.sleep(0.02)
        return real(name, path)

    monkeypatch.setattr(tls, "_build", counting)
    contexts: list[ssl.SSLContext] = []

    async def main() -> None:
        async def load() -> None:
            contexts.append(await load_tls_context())

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(load)

    threads = [
        threading.Thread(target=anyio.run, args=(main,), kwargs={"backend": backend}, name=f"loop {backend}")
        for backend in ("asyncio", "trio")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(contexts) == 10
    assert len(set(map(id, contexts))) == 1
    assert len(built) == 1
    assert not built[0].startswith("loop")
