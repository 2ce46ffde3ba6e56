"""Byte streams under asyncio and trio: limits on memory and time, pieces, ends, addresses."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import sys
import threading
import time
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import httpcore
import pytest
from busy_threads import busy_threads
from loopback import Peer, Server, serve
from steady import run_steadily
from stepwise import WAYS, EveryAwait, living_tasks

from bedrock_converse._http import network_asyncio, network_trio
from bedrock_converse._http.connect_failures import classify_connect_error
from bedrock_converse._http.names import interleave
from bedrock_converse._http.network import HIGH_WATER, PIECE, Stream, backend_for_this_loop, current_time
from bedrock_converse._http.network_asyncio import AsyncioStream
from bedrock_converse._loop import running_loop

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: str, main: Any) -> None:
    run_steadily(main, backend=backend)


async def connect(server: Server) -> Stream:
    return await backend_for_this_loop().connect_tcp("127.0.0.1", server.port, timeout=5)


def soon(seconds: float = 0.02) -> float:
    return current_time() + seconds


async def echo(peer: Peer) -> None:
    while data := await peer.reader.read(65536):
        await peer.send(data)


async def silence(peer: Peer) -> None:
    await asyncio.sleep(30)


@BACKENDS
def test_bytes_go_and_come(backend: str) -> None:
    """What is sent comes back, more than either buffer holds, and the socket is closed at once."""

    async def main() -> None:
        stream = await connect(server)
        data = bytes(range(256)) * 8000
        received = bytearray()

        async def reader() -> None:
            while len(received) < len(data):
                part = await stream.receive(soon(5))
                assert 0 < len(part) <= HIGH_WATER
                received.extend(part)

        await stream.send(data[:100], 5)
        await stream.send(bytearray(data[100:200]), 5)
        for start in range(200, len(data), 100_000):
            await stream.send(memoryview(data)[start : start + 100_000], 5)
            while len(received) < start:
                received.extend(await stream.receive(soon(5)))
        await reader()
        assert received == data
        stream.close()
        await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(echo) as server:
        run(backend, main)


@BACKENDS
def test_the_socket_has_no_delay_and_probes_a_quiet_peer(backend: str) -> None:
    """TCP_NODELAY; keep-alive after 60 s of silence, every 60 s, five times."""

    async def main() -> None:
        stream = await connect(server)
        sock = stream.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
            if hasattr(socket, name):
                assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
        assert stream.get_extra_info("server_addr")[1] == server.port
        stream.close()
        await anyio.lowlevel.checkpoint()

    with serve(echo) as server:
        run(backend, main)


@BACKENDS
def test_a_read_that_takes_too_long(backend: str) -> None:
    """The deadline is kept, a later read has a deadline of its own, and data in time is no timeout."""

    async def main() -> None:
        stream = await connect(server)
        for seconds in (0.01, 0.05, 0.01):
            begin = time.monotonic()
            with pytest.raises(httpcore.ReadTimeout):
                await stream.receive(soon(seconds))
            assert time.monotonic() - begin >= seconds * 0.9
        await stream.send(b"x")
        assert await stream.receive(soon(5)) == b"x"
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, timeout=0.01)
        stream.abort()
        await anyio.lowlevel.checkpoint()

    with serve(echo) as server:
        run(backend, main)


@BACKENDS
def test_a_write_that_nobody_takes(backend: str) -> None:
    """The peer reads nothing: the write gives up, though the peer is alive."""

    async def main() -> None:
        stream = await connect(server)
        with pytest.raises(httpcore.WriteTimeout):
            await stream.send(b"x" * 30_000_000, 0.05)
        stream.abort()
        await anyio.lowlevel.checkpoint()

    with serve(silence) as server:
        run(backend, main)


@BACKENDS
def test_a_big_write_to_a_slow_peer_is_not_too_slow(backend: str) -> None:
    """The limit is for each piece: as long as something moves, the whole may take longer."""

    async def slow_reader(peer: Peer) -> None:
        size = 0
        while size < 6_000_000:
            size += len(await peer.reader.read(200_000))
            await asyncio.sleep(0.01)
        await peer.send(b"done")

    async def main() -> None:
        stream = await connect(server)
        begin = time.monotonic()
        await stream.send(b"x" * 6_000_000, 0.15)
        assert await stream.receive(soon(5)) == b"done"
        assert time.monotonic() - begin > 0.15
        stream.abort()
        await anyio.lowlevel.checkpoint()

    with serve(slow_reader) as server:
        run(backend, main)


@BACKENDS
@pytest.mark.parametrize("how", ["bytes", "close", "reset"])
def test_what_comes_while_the_loop_is_busy_is_noticed(backend: str, how: str) -> None:
    """Without a turn of the event loop in between: `readable` asks the system."""
    came = threading.Event()

    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await asyncio.sleep(0.02)
        if how == "bytes":
            await peer.send(b"unasked")
        elif how == "close":
            peer.writer.close()
        else:
            peer.reset()
        await asyncio.sleep(0.02)
        came.set()

    async def main() -> None:
        stream = await connect(server)
        await stream.send(b"x")
        assert not stream.readable
        assert came.wait(5)
        assert stream.readable
        stream.close()
        await anyio.lowlevel.checkpoint()

    with serve(script) as server:
        run(backend, main)


@BACKENDS
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_the_peer_ends(backend: str, how: str) -> None:
    """The last bytes first, then the end, for ever; a reset is an error with the system's as its cause."""

    async def ends(peer: Peer) -> None:
        await peer.send(b"last")
        await peer.reader.read(1)
        match how:
            case "close":
                peer.writer.close()
            case "half-close":
                peer.half_close()
                await peer.gone()
            case _:
                peer.reset()

    async def main() -> None:
        stream = await connect(server)
        assert await stream.receive(soon(5)) == b"last"
        assert stream.receive_nowait() is None
        assert not stream.readable
        await stream.send(b"x")
        if how == "reset":
            for _ in range(2):
                with pytest.raises(httpcore.ReadError) as caught:
                    await stream.receive(soon(5))
                if backend == "asyncio":
                    assert isinstance(caught.value.__cause__, ConnectionResetError)
                    assert stream.readable
                else:
                    break  # the kernel reports a reset once
        else:
            assert await stream.receive(soon(5)) == b""
            assert await stream.receive(soon(5)) == b""
            assert stream.readable
        stream.close()
        await anyio.lowlevel.checkpoint()

    with serve(ends) as server:
        run(backend, main)


@BACKENDS
def test_writing_to_a_peer_that_is_gone(backend: str) -> None:
    """A write error, not a success: the request did not go out whole."""

    async def gone(peer: Peer) -> None:
        await peer.reader.read(1)
        peer.reset()

    async def main() -> None:
        stream = await connect(server)
        await stream.send(b"x")
        await anyio.sleep(0.05)
        with pytest.raises(httpcore.WriteError):
            await stream.send(b"x" * 10_000_000, 1)
        stream.abort()
        await anyio.lowlevel.checkpoint()

    with serve(gone) as server:
        run(backend, main)


@BACKENDS
def test_giving_up_wakes_whoever_waits(backend: str) -> None:
    """Aborted from another task: the read and the write in progress are errors, and so is the next one."""

    async def main() -> None:
        def read(stream: Stream) -> Any:
            return stream.receive(None)

        def write(stream: Stream) -> Any:
            return stream.send(b"x" * 30_000_000, None)

        for act in (read, write):
            stream = await connect(server)
            async with anyio.create_task_group() as tasks:

                async def later(stream: Stream = stream) -> None:
                    await anyio.sleep(0.02)
                    stream.abort()

                tasks.start_soon(later)
                with pytest.raises((httpcore.ReadError, httpcore.WriteError)):
                    await act(stream)
            with pytest.raises((httpcore.ReadError, httpcore.WriteError)):
                await act(stream)
            stream.abort()

    with serve(silence) as server:
        run(backend, main)


def test_unread_bytes_are_bounded() -> None:
    """Nobody reads: at most `HIGH_WATER` bytes are held, the rest waits in the kernel and at the sender."""
    total = 20_000_000

    async def flood(peer: Peer) -> None:
        await peer.send(b"x" * total)

    async def main() -> None:
        stream = await connect(server)
        assert isinstance(stream, AsyncioStream)
        async with asyncio.timeout(10):
            while stream._unread <= HIGH_WATER // 2:  # noqa: ASYNC110 - what arrives says nothing of how much
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # for more to come, if it may
        assert stream._unread <= HIGH_WATER
        got = 0
        while got < total:
            got += len(await stream.receive(soon(5)))
            assert stream._unread <= HIGH_WATER
        assert got == total
        stream.abort()
        await asyncio.sleep(0)

    with serve(flood) as server:
        asyncio.run(main())


def test_a_reader_with_small_bites() -> None:
    """`max_bytes` is kept, and nothing is lost between two bites."""

    async def main() -> None:
        stream = await connect(server)
        await stream.send(b"0123456789")
        got = b""
        while len(got) < 10:
            part = await stream.read(3, timeout=5)
            assert len(part) <= 3
            got += part
        assert got == b"0123456789"
        stream.close()
        await asyncio.sleep(0)

    with serve(echo) as server:
        asyncio.run(main())


def test_one_timer_serves_many_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand reads with a timeout set at most a few timers: that is what makes the timeouts cheap."""

    async def main() -> None:
        stream = await connect(server)
        loop = asyncio.get_running_loop()
        real, timers = loop.call_at, list[float]()

        def counting(when: float, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
            timers.append(when)
            return real(when, *args, **kwargs)

        monkeypatch.setattr(loop, "call_at", counting)
        for _ in range(1000):
            await stream.send(b"x")
            assert await stream.receive(soon(60)) == b"x"
        assert len(timers) == 1
        stream.close()
        await asyncio.sleep(0)

    with serve(echo) as server:
        asyncio.run(main())


def test_the_loop_runs_between_the_pieces_of_a_write() -> None:
    """A big body does not hold the loop: others get their turn at least once per piece."""
    turns = 0

    async def reader(peer: Peer) -> None:
        while await peer.reader.read(1 << 20):
            pass

    async def main() -> None:
        nonlocal turns
        stream = await connect(server)

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await stream.send(b"x" * (20 * PIECE), 5)
        task.cancel()
        stream.abort()
        await asyncio.sleep(0)

    with serve(reader) as server:
        asyncio.run(main())
    assert turns >= 20


@BACKENDS
def test_the_loop_is_known(backend: str) -> None:
    """The same object all through one loop, another one in the next."""

    async def main() -> None:
        assert running_loop() is running_loop()
        loops.append(running_loop())

    loops: list[object] = []
    run(backend, main)
    run(backend, main)
    assert loops[0] is not loops[1]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
def test_other_event_loops() -> None:
    """uvloop has transports of its own, which look alike and are no asyncio transports."""

    async def main() -> None:
        stream = await connect(server)
        await stream.send(b"x" * 1_000_000)
        got = 0
        while got < 1_000_000:
            got += len(await stream.receive(soon(5)))
        with pytest.raises(httpcore.ReadTimeout):
            await stream.receive(soon(0.01))
        stream.abort()
        await asyncio.sleep(0.01)

    with serve(echo) as server:
        anyio.run(main, backend_options={"use_uvloop": True})


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
def test_the_last_word_on_other_event_loops() -> None:
    """uvloop puts closing off and may put writing off: what is written last goes out all the same."""
    heard: list[bytes] = []

    async def listen(peer: Peer) -> None:
        heard.append(await peer.reader.read())

    async def main() -> None:
        stream = await connect(server)
        stream.close(b"goodbye")

    with serve(listen) as server:
        anyio.run(main, backend_options={"use_uvloop": True})
        server.wait_until_open(0)
    assert heard == [b"goodbye"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
def test_dropped_on_other_event_loops() -> None:
    """uvloop keeps sockets open until it runs again or is closed, and then closes their numbers, whosever they are."""
    import uvloop

    with serve(echo) as server:
        loop = uvloop.new_event_loop()
        stream = loop.run_until_complete(connect(server))
        number = stream.socket.fileno()
        server.wait_until_open(1)
        stream.drop()
        server.wait_until_open(0)
        os.fstat(number)  # nobody else can have got it
        with pytest.warns(ResourceWarning, match="TCPTransport"):
            loop.close()
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(number)


def test_trio_as_a_guest_of_asyncio() -> None:
    """Trio's tasks run in an asyncio loop there, and are still trio's."""
    import trio

    found: list[object] = []

    async def guest() -> None:
        found.append(running_loop())
        found.append(trio.lowlevel.current_trio_token())

    async def host() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        trio.lowlevel.start_guest_run(
            guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=lambda _: done.set()
        )
        await done.wait()
        assert running_loop() is loop

    asyncio.run(host())
    assert found[0] is found[1]


# Connecting.


@BACKENDS
def test_the_systems_own_timeout_is_not_ours(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """ETIMEDOUT is a `TimeoutError` too, but no limit of ours has run out."""

    async def give_up(*_: object) -> socket.socket:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    async def main() -> None:
        network = backend_for_this_loop()
        monkeypatch.setattr(network, "_attempt", give_up)
        with pytest.raises(httpcore.ConnectError, match="Connection timed out") as caught:
            await network.connect_tcp("127.0.0.1", 9, timeout=5)
        assert classify_connect_error(caught.value) == "unreachable"

    run(backend, main)


@BACKENDS
def test_refused(backend: str) -> None:
    """Nobody listens: `ConnectError` with the system's error as its cause, and the address in the message."""

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError, match=r"cannot connect to 127\.0\.0\.1:") as caught:
            await backend_for_this_loop().connect_tcp("127.0.0.1", port, timeout=5)
        assert isinstance(caught.value.__cause__, OSError)

    with serve() as server:
        port = server.port
    run(backend, main)


@BACKENDS
def test_an_unknown_name(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver says no: the message names the host."""

    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError, match=r"address of nowhere\.invalid: Name or service"):
            await backend_for_this_loop().connect_tcp("nowhere.invalid", 443, timeout=5)

    run(backend, main)


@BACKENDS
def test_connecting_takes_too_long(backend: str) -> None:
    """A listener whose queue is full answers nothing."""

    async def main() -> None:
        with pytest.raises(httpcore.ConnectTimeout, match=f"127.0.0.1:{port}"):
            await backend_for_this_loop().connect_tcp("127.0.0.1", port, timeout=0.05)

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        run(backend, main)
        for filler in fillers:
            filler.close()


def test_a_timeout_of_the_callers_own_is_his() -> None:
    """`asyncio.timeout` around a connect is not mistaken for our limit."""

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await backend_for_this_loop().connect_tcp("127.0.0.1", port, timeout=5)

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        asyncio.run(main())
        for filler in fillers:
            filler.close()


@BACKENDS
def test_one_look_up_serves_all_who_ask_at_once(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many connections to one name: the resolver is asked once, and one caller's cancellation is not another's."""
    real, asked = socket.getaddrinfo, list[str]()

    def slow(host: str, port: int, *args: Any, flags: int = 0, **kwargs: Any) -> Any:
        if host == "localhost" and not flags:
            asked.append(host)
            time.sleep(0.2)
            return real("127.0.0.1", port, *args, **kwargs)
        return real(host, port, *args, flags=flags, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def main() -> None:
        streams: list[Stream] = []

        async def connect() -> None:
            streams.append(await backend_for_this_loop().connect_tcp("localhost", server.port))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(connect)
            with anyio.move_on_after(0.01):
                await connect()
        assert len(streams) == 20
        assert asked == ["localhost"]
        await connect()
        assert asked == ["localhost"] * 2
        for stream in streams:
            stream.abort()
        await anyio.sleep(0.01)

    with serve() as server:
        run(backend, main)


@BACKENDS
def test_names_are_looked_up_when_the_threads_are_taken(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that fills its event loop's threads with blocking calls does not keep us from connecting."""
    real = socket.getaddrinfo

    def local(host: str, port: int, *args: Any, flags: int = 0, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host == "localhost" and not flags else host, port, *args, flags=flags, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", local)

    async def main() -> None:
        async with busy_threads(backend):
            (await backend_for_this_loop().connect_tcp("localhost", server.port, timeout=3)).abort()

    with serve() as server:
        run(backend, main)


def addresses(*hosts: str, port: int) -> Any:
    return [
        (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts
    ]


def test_families_take_turns() -> None:
    """IPv6 and IPv4 in turn, beginning with what the system prefers."""
    given = addresses("::1", "::2", "::3", "1.1.1.1", port=1)
    assert [address[4][0] for address in interleave(given)] == ["::1", "1.1.1.1", "::2", "::3"]


class Resolved:
    """A backend with a resolver and a network of our own: some addresses answer late, some refuse."""

    def __init__(self, server_port: int, behaviour: dict[str, float | OSError], patch: pytest.MonkeyPatch) -> None:
        self.behaviour = behaviour
        self.tried: list[str] = []
        self.sockets: list[socket.socket] = []
        self.backend: Any = backend_for_this_loop()
        self.connect = partial(self.backend.connect_tcp, "name", server_port, timeout=5)
        self._attempt = self.backend._attempt
        patch.setattr(sys.modules[type(self.backend).__module__], "resolve", self.resolve)
        patch.setattr(self.backend, "_attempt", self.attempt)

    async def resolve(self, host: str, port: int) -> Any:
        return addresses(*self.behaviour, port=port)

    async def attempt(self, address: Any, local_address: str | None) -> socket.socket:
        host, port = address[4]
        self.tried.append(host)
        behaviour = self.behaviour[host]
        if isinstance(behaviour, OSError):
            raise behaviour
        await anyio.sleep(behaviour)
        sock = await self._attempt(addresses("127.0.0.1", port=port)[0], local_address)
        self.sockets.append(sock)
        return sock


@BACKENDS
@pytest.mark.parametrize(
    ("behaviour", "tried"),
    [
        ({"::1": 0.0, "1.1.1.1": 0.0}, ["::1"]),
        ({"::1": OSError(101, "Network is unreachable"), "1.1.1.1": 0.0}, ["::1", "1.1.1.1"]),
        ({"::1": 5.0, "1.1.1.1": 0.0}, ["::1", "1.1.1.1"]),
        ({"::1": 0.03, "1.1.1.1": 0.03, "2.2.2.2": 5.0}, ["::1", "1.1.1.1"]),
    ],
    ids=["first", "first refuses", "first is silent", "both answer"],
)
def test_the_first_address_that_answers_wins(
    backend: str, behaviour: dict[str, float | OSError], tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another address is tried when one refuses or keeps silent; those that lose leave no socket and no task."""

    async def main() -> None:
        before = await living_tasks()
        resolved = Resolved(server.port, behaviour, monkeypatch)
        stream = await resolved.connect()
        assert resolved.tried == tried
        await anyio.sleep(0.05)
        assert [sock.fileno() >= 0 for sock in resolved.sockets].count(True) == 1
        assert await living_tasks() == before
        stream.abort()
        await anyio.lowlevel.checkpoint()
        server.wait_until_open(0)

    slow_down(monkeypatch, 0.02)
    with serve() as server:
        run(backend, main)


def slow_down(patch: pytest.MonkeyPatch, seconds: float) -> None:
    for module in (network_asyncio, network_trio):
        patch.setattr(module, "ATTEMPT_DELAY", seconds)


@BACKENDS
def test_all_addresses_fail(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The most telling of the errors: that a family has no route says nothing when the other refuses."""
    behaviour: dict[str, float | OSError] = {
        "::1": OSError(101, "Network is unreachable"),
        "1.1.1.1": ConnectionRefusedError(111, "Connection refused"),
        "::2": OSError(101, "Network is unreachable"),
    }

    async def main() -> None:
        with pytest.raises(httpcore.ConnectError, match="Connection refused"):
            await Resolved(1, behaviour, monkeypatch).connect()

    run(backend, main)


@BACKENDS
def test_cancelled_while_racing(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every await point, with several addresses in flight: no socket, no task."""
    behaviour: dict[str, float | OSError] = {"::1": 0.004, "1.1.1.1": 0.004, "::2": 0.004}

    async def main() -> None:
        before = await living_tasks()
        for way in WAYS[backend]:
            for run_cancelled in EveryAwait(way):
                resolved = Resolved(server.port, behaviour, monkeypatch)
                streams: list[Stream] = []

                async def connect(resolved: Resolved = resolved, streams: list[Stream] = streams) -> None:
                    streams.append(await resolved.connect())

                await run_cancelled(connect)
                for stream in streams:
                    stream.abort()
                await anyio.sleep(0.01)
                assert await living_tasks() == before
                assert all(sock.fileno() < 0 for sock in resolved.sockets)
        server.wait_until_open(0)

    slow_down(monkeypatch, 0.002)
    with serve() as server:
        run(backend, main)


@BACKENDS
def test_httpcores_own_pool_can_use_the_backend(backend: str) -> None:
    """It is an httpcore network backend like any other, TLS included."""
    import trustme

    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)

    async def main() -> None:
        backend = backend_for_this_loop()
        async with httpcore.AsyncConnectionPool(client_side, network_backend=backend) as pool:
            for _ in range(2):
                response = await pool.request("POST", server.url, content=b"x" * 1_000_000)
                assert response.content == b"hello"
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(tls=server_side) as server:
        run(backend, main)
    assert server.accepted == 1
