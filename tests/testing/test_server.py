"""The loopback server: HTTP/1.1 as clients know it, in the caller's loop or in a thread, and nothing left behind."""

from __future__ import annotations

import socket
import subprocess
import threading
from shutil import which
from typing import Any

import anyio
import httpx
import pytest
from steady import run_steadily

from bedrock_converse.testing import FakeBedrock, ReceivedRequest, reply

BODY = b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}'
HEAD = b"POST /model/m/converse HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY)
BACKENDS = ["asyncio", "trio"]


def fake_with(*answers: Any) -> FakeBedrock:
    fake = FakeBedrock(verify=False)
    fake.then(*answers)
    return fake


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def read_answer(connection: socket.socket) -> bytes:
    """One answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def test_keep_alive_and_pipelining() -> None:
    """One connection serves one request after the other, also when they come at once."""
    fake = fake_with("one", "two", "three")
    server = fake.serve()
    with server as url, connect(url) as connection:
        connection.sendall(HEAD + BODY)
        assert b'"one"' in read_answer(connection)
        connection.sendall(HEAD + BODY + HEAD + BODY)
        answers = connection.recv(65536)
        while answers.count(b'"stopReason"') < 2:
            answers += connection.recv(65536)
        assert b'"two"' in answers
        assert b'"three"' in answers
        assert (server.accepted, server.connections) == (1, 1)
    assert server.connections == 0


def test_byte_by_byte_and_continue() -> None:
    """A request may come in pieces, chunked, and ask before it sends its body."""
    fake = fake_with("one")
    with fake.serve() as url, connect(url) as connection:
        for byte in b"POST /model/m/converse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n":
            connection.send(bytes([byte]))
        connection.sendall(b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        assert b'"one"' in read_answer(connection)
    assert fake.requests[0].body == BODY


def test_connection_close() -> None:
    """Who asks for the connection to be closed gets that."""
    fake = fake_with("one")
    with fake.serve() as url, connect(url) as connection:
        connection.sendall(HEAD.replace(b"Host: x", b"Host: x\r\nConnection: close") + BODY)
        assert b'"one"' in read_answer(connection)
        assert connection.recv(10) == b""


def test_garbage() -> None:
    """What is no HTTP gets a 400, and the server goes on."""
    fake = fake_with("one")
    with fake.serve() as url:
        with connect(url) as connection:
            connection.sendall(b"\x16\x03\x01 this is TLS, say\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 400")
        with connect(url) as connection:
            connection.sendall(HEAD + BODY)
            assert b'"one"' in read_answer(connection)


def test_broken_answer() -> None:
    """An answer that cannot be sent fails the check, and the server goes on."""
    fake = fake_with(reply("x").headers({"Bad": "\u4f60"}), "one")
    with fake.serve() as url:
        with connect(url) as connection:
            connection.sendall(HEAD + BODY)
            with pytest.raises(ConnectionResetError):
                connection.recv(1000)
        with connect(url) as connection:
            connection.sendall(HEAD + BODY)
            assert b'"one"' in read_answer(connection)
    with pytest.raises(AssertionError, match="could not be given"):
        fake.check()


def test_real_reset() -> None:
    """A reset is a TCP RST and no polite end."""
    fake = fake_with(reply("x").reset())
    with fake.serve() as url, connect(url) as connection:
        connection.sendall(HEAD + BODY)
        with pytest.raises(ConnectionResetError):
            connection.recv(1000)


def test_big_bodies() -> None:
    """20 MB come in whole."""
    fake = fake_with("one")
    body = b'{"messages":[{"role":"user","content":[{"text":"%b"}]}]}' % (b"x" * 20_000_000)
    with fake.serve() as url, connect(url) as connection:
        connection.sendall(HEAD.replace(str(len(BODY)).encode(), str(len(body)).encode()) + body)
        assert b'"one"' in read_answer(connection)
    assert len(fake.requests[0].body) == len(body)


@pytest.mark.skipif(which("curl") is None, reason="needs curl")
def test_curl() -> None:
    """curl can talk to it with an API key."""
    fake = FakeBedrock()
    fake.reply("Hello")
    with fake.serve() as url:
        command = ["curl", "-s", "-f", f"{url}/model/m/converse", "-d", BODY.decode()]
        key = ["-H", f"Authorization: Bearer {fake.api_key}", "-H", "Content-Type: application/json"]
        done = subprocess.run([*command, *key], capture_output=True, timeout=20, check=True)
    assert b'"Hello"' in done.stdout
    fake.check()


@pytest.mark.parametrize("backend", BACKENDS)
def test_leaves_nothing_behind(backend: str) -> None:
    """At the end all connections are closed and the port is free, streams and hanging answers or not."""
    fake = fake_with(reply("x").hang(), reply("a b c d e f", tokens_per_second=0.01), reply("x").hang(after_events=1))

    async def hold(url: str) -> None:
        async with httpx.AsyncClient(timeout=10, verify=False) as client:
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                await client.post(f"{url}/model/m/converse-stream", content=BODY)

    async def main() -> None:
        server = fake.serve()
        async with anyio.create_task_group() as tasks, server as url:
            for _ in range(3):
                tasks.start_soon(hold, url)
            while len(fake.requests) < 3:  # noqa: ASYNC110 - the fake has no event for it
                await anyio.sleep(0.01)
        assert server.connections == 0
        with pytest.raises(OSError, match="refused"):
            connect(url).close()

    run_steadily(main, backend=backend)


async def test_set_up_and_torn_down_by_different_tasks() -> None:
    """As fixtures of pytest-asyncio do: no cancel scope spans the two."""
    fake = fake_with("one")
    server = fake.serve()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.__aenter__)
    async with httpx.AsyncClient(verify=False) as client:
        assert (await client.post(f"{server.url}/model/m/converse", content=BODY)).status_code == 200
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.__aexit__, None, None, None)


@pytest.mark.parametrize("backend", BACKENDS)
def test_leaving_at_once(backend: str) -> None:
    """Whatever the block does, or does not do: it ends, and nobody listens any more."""

    async def main() -> None:
        for _ in range(20):  # trio picks by lot which task runs first
            server = fake_with().serve()
            with pytest.raises(ZeroDivisionError):
                async with server:
                    raise ZeroDivisionError
            with pytest.raises(OSError, match="refused"):
                connect(server.url).close()

    run_steadily(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_cancelled_while_entering(backend: str) -> None:
    """Nobody listens any more then either."""

    async def main() -> None:
        for _ in range(20):
            server = fake_with().serve()
            with anyio.CancelScope() as scope:
                scope.cancel()
                async with server:
                    raise AssertionError
            await anyio.sleep(0.01)
            with pytest.raises(OSError, match="refused"):
                connect(server.url).close()

    run_steadily(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_refusing(backend: str) -> None:
    """While it refuses, connecting fails and idle connections are gone; then the same port works again."""
    fake = fake_with("one", "two")

    async def main() -> None:
        async with fake.serve() as url, httpx.AsyncClient(verify=False) as client:
            path = f"{url}/model/m/converse"
            assert (await client.post(path, content=BODY)).status_code == 200
            async with fake.refusing():
                with pytest.raises(httpx.ConnectError):
                    await client.post(path, content=BODY)
            assert (await client.post(path, content=BODY)).status_code == 200
        async with httpx.AsyncClient(transport=fake.transport()) as client, fake.refusing():
            with pytest.raises(httpx.ConnectError):
                await client.post("https://x/model/m/converse", content=BODY)

    run_steadily(main, backend=backend)
    fake.check()


def test_refusing_from_another_loop() -> None:
    """It also works for a server in a thread of its own."""
    fake = fake_with("one")

    async def main(url: str) -> None:
        async with fake.refusing():
            with pytest.raises(OSError, match="refused"):
                connect(url).close()
        async with httpx.AsyncClient(verify=False) as client:
            assert (await client.post(f"{url}/model/m/converse", content=BODY)).status_code == 200

    with fake.serve() as url:
        anyio.run(main, url)


def test_own_thread() -> None:
    """`with` runs it in a thread that is gone afterwards; functions of the script are called there."""
    names: list[str] = []

    def note(request: ReceivedRequest) -> str:
        names.append(threading.current_thread().name)
        return "one"

    with fake_with(note).serve() as url, connect(url) as connection:
        connection.sendall(HEAD + BODY)
        read_answer(connection)
    assert names == ["FakeBedrock"]
    assert not any(thread.name == "FakeBedrock" for thread in threading.enumerate())


def test_port_taken() -> None:
    """A port that is taken is an error at once."""
    with fake_with().serve() as url, pytest.raises(OSError, match="in use"):
        FakeBedrock().serve(port=int(url.rpartition(":")[2])).__enter__()


def test_many_paced_streams() -> None:
    """100 streams at once keep their pace (1,000 by `benchmarks/paced_streams.py`)."""
    fake = FakeBedrock(verify=False)
    fake.always(reply("one two three four five six seven eight nine ten", tokens_per_second=10))
    times: list[float] = []

    async def read(client: httpx.AsyncClient, url: str) -> None:
        started = anyio.current_time()
        async with client.stream("POST", url, content=BODY) as response:
            async for _ in response.aiter_raw():
                pass
        times.append(anyio.current_time() - started)

    async def main() -> None:
        limits = httpx.Limits(max_connections=None)
        with fake.serve() as url:
            async with (
                httpx.AsyncClient(timeout=20, limits=limits, verify=False) as client,
                anyio.create_task_group() as tasks,
            ):
                for _ in range(100):
                    tasks.start_soon(read, client, f"{url}/model/m/converse-stream")

    anyio.run(main)
    assert len(times) == 100
    assert min(times) >= 0.99
