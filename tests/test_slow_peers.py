"""A peer that sends a little now and then gets no more time than one that is silent; and whose time limit it was.

Every row is a server that drips for ever, in another place each; all rows run at once. Beside them: our limit and the
caller's own, running out at the same moment.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
import trustme
from engine import EVENTS, MODEL, STREAM_HEAD, both, chunk, client_for, closed, run
from loopback import Peer, black_hole, serve

from bedrock_converse import BedrockClient, BedrockError, RequestTimeout, RetryPolicy, Timeout
from bedrock_converse._wire.eventstream import encode_event

if TYPE_CHECKING:
    from pathlib import Path

    from bedrock_converse.errors import TimeoutPhase

LIMIT = 0.5
Script = Callable[[Peer], Awaitable[Any]]


def dripping(beginning: bytes, drop: bytes | None = None, piece: int = 1, pause: float = 0.01) -> Script:
    """Answers with `beginning`, so many bytes at a time; then `drop` for ever, or nothing."""

    async def script(peer: Peer) -> None:
        for start in range(0, len(beginning), piece):
            await peer.send(beginning[start : start + piece], pause=pause)
        while drop is not None:
            await peer.send(drop, pause=pause)
        await peer.gone()

    return script


COUNTED = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
GZIPPED = STREAM_HEAD.replace(b"transfer", b"content-encoding: gzip\r\ntransfer") + chunk(
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
)
ONE_BYTE_CHUNKS = b"".join(chunk(bytes([byte])) for byte in EVENTS[1] * 20)

WHOLE: dict[str, Script] = {
    "status line": dripping(b"HTTP/1.1 200 ", b"O"),
    "headers": dripping(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", pause=0.02),
    "interim answers": dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n", pause=0.1),  # many more are refused
    "body": dripping(COUNTED % b"200 OK", b" ", piece=1000),
    "chunks": dripping(CHUNKED, b"1\r\n \r\n", piece=1000),
    "a chunk's extension": dripping(CHUNKED + b"5;", b"a", piece=1000),
    "trailers": dripping(CHUNKED + chunk(b"{}") + b"0\r\n", b"a: b\r\n", piece=1000),
    "an error's body": dripping(COUNTED % b"400 Bad Request", b" ", piece=1000),
}
STREAMED: dict[str, Script] = {
    "a frame in chunks of one byte": dripping(STREAM_HEAD + ONE_BYTE_CHUNKS, piece=6),
    "frames that are no event": dripping(STREAM_HEAD, chunk(encode_event("initial-response", b"{}")), piece=1000),
    "an exception's head": dripping(COUNTED % b"503 Busy", b" ", piece=1000),
    "gzip of nothing": dripping(GZIPPED, chunk(b"\0\0\0\xff\xff"), piece=1000),  # empty blocks
}
LATER: dict[str, Script] = {
    "a frame in chunks of one byte": dripping(STREAM_HEAD + chunk(EVENTS[0]) + ONE_BYTE_CHUNKS, piece=400),
    "frames that are no event": dripping(
        STREAM_HEAD + chunk(EVENTS[0]), chunk(encode_event("initial-response", b"{}")), piece=1000
    ),
}


async def whole(client: BedrockClient, model: str = MODEL, timeout: Any = LIMIT) -> None:
    await client.converse(model, "x", timeout=timeout)


async def streamed(client: BedrockClient, model: str = MODEL, timeout: Any = LIMIT) -> None:
    async with client.converse_stream(model, "x", timeout=timeout) as stream:
        await stream.final()


Row = tuple[str, Script, Any, Timeout | float, "TimeoutPhase"]
ROWS: list[Row] = [
    *((name, script, whole, Timeout(answer=LIMIT), "first_event") for name, script in WHOLE.items()),
    *((name, script, whole, LIMIT, "total") for name, script in WHOLE.items()),
    *((name, script, streamed, Timeout(first_event=LIMIT), "first_event") for name, script in STREAMED.items()),
    *((name, script, streamed, LIMIT, "total") for name, script in STREAMED.items()),
    *((name, script, streamed, Timeout(idle=LIMIT), "idle") for name, script in LATER.items()),
    *((name, script, streamed, LIMIT, "total") for name, script in LATER.items()),
]


async def any_row(peer: Peer) -> None:
    """The model's id says which row it is."""
    if received := await peer.request():
        await ROWS[int(received.line.split(b"/")[2])][1](peer)


@both
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_dripping_answers(backend: str, secure: bool, tmp_path: Path) -> None:
    """The limit of the phase, or the total, ends each of them, says which it was and how long, and the connection is
    cut. An error's body is no generation; everything else may have been billed."""
    context = server_context(tmp_path)
    ended = Counter[str]()

    async def main() -> None:
        async def row(number: int) -> None:
            name, _, use, timeout, phase = ROWS[number]
            with pytest.raises(RequestTimeout) as caught:
                await use(client, str(number), timeout)
            assert (caught.value.phase, caught.value.seconds) == (phase, LIMIT), name
            assert caught.value.possibly_billed == (not name.startswith("an e")), name
            ended[phase] += 1

        with serve(any_row, context if secure else None) as server:
            async with client_for(server.url, retry=RetryPolicy.none(), verify=tmp_path / "authority.pem") as client:
                await client.warm_up(len(ROWS))
                async with anyio.create_task_group() as tasks:
                    for number in range(len(ROWS)):
                        tasks.start_soon(row, number)
                assert client.stats.open == 0
                await closed(server)

    run(backend, main, 30)
    assert ended.total() == len(ROWS)


async def handshake(peer: Peer) -> None:
    """The beginning of a TLS record that is a long time coming."""
    await peer.send(b"\x16\x03\x03\x40\x00")
    while True:
        await peer.send(b"\x02", pause=0.01)


async def tunnel(peer: Peer) -> None:
    """A proxy that never ends its headers."""
    await peer.reader.readuntil(b"\r\n\r\n")
    await peer.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await peer.send(b"a: b\r\n", pause=0.01)


@both
@pytest.mark.parametrize("total", [False, True], ids=["connect", "total"])
@pytest.mark.parametrize("where", ["tcp", "tls", "proxy"])
def test_connections_that_do_not_come_about(backend: str, where: str, total: bool) -> None:
    """Nothing was sent, so nothing was billed; and the limit of connecting is for each attempt, the total for all."""

    async def main() -> None:
        with black_hole() as hole, serve(handshake) as talker, serve(tunnel) as proxy:
            url = {
                "tcp": f"http://{hole}",
                "tls": f"https://127.0.0.1:{talker.port}",
                "proxy": f"https://{hole}",
            }[where]
            options: dict[str, Any] = {"proxy": proxy.url} if where == "proxy" else {}
            timeout = Timeout(connect=10, total=LIMIT) if total else Timeout(connect=0.1)
            async with client_for(url, timeout=timeout, **options) as client:
                with pytest.raises(RequestTimeout) as caught:
                    await client.converse(MODEL, "x")
                failure = caught.value
                expected = ("total", LIMIT, 1) if total else ("connect", 0.1, 3)
                assert (failure.phase, failure.seconds, failure.attempts) == expected
                assert not failure.possibly_billed
                assert client.stats.open == 0
            await closed(talker)
            await closed(proxy)

    run(backend, main)


def server_context(folder: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return context


# --- whose limit it was -----------------------------------------------------------------------------------------------


async def held(peer: Peer) -> None:
    """Streams begin, answers do not; then nothing comes."""
    received = await peer.request()
    if received is not None and b"stream" in received.line:
        await peer.send(STREAM_HEAD, chunk(EVENTS[0]))
    await peer.gone()


async def bounded(how: str, seconds: float, use: Callable[[], Any]) -> str:
    """Under a limit of the caller's: what came out."""
    try:
        if how == "fail_after":
            with anyio.fail_after(seconds):
                await use()
        elif how == "move_on_after":
            with anyio.move_on_after(seconds) as scope:
                await use()
            return "the caller's" if scope.cancelled_caught else "nobody's"
        elif how == "asyncio.timeout":
            async with asyncio.timeout(seconds):
                await use()
        elif how == "wait_for":
            await asyncio.wait_for(use(), seconds)
        elif how == "cancel":
            task = asyncio.create_task(use())
            asyncio.get_running_loop().call_later(seconds, task.cancel)
            await asyncio.wait([task])
            return "the caller's" if task.cancelled() else f"ours: {type(task.exception()).__name__}"
    except BedrockError as error:
        return f"ours: {type(error).__name__}"
    except TimeoutError:
        return "the caller's"
    return "nobody's"


@both
def test_two_limits_at_the_same_moment(backend: str) -> None:
    """Either may win, and it is said which: theirs is never reported as ours nor ours as theirs; nothing of ours stays
    behind in the task (its count of cancellations), and no connection."""
    ways = ["fail_after", "move_on_after", "asyncio.timeout", "wait_for", "cancel"][
        : None if backend == "asyncio" else 2
    ]
    chance = random.Random(3)
    outcomes = Counter[str]()

    async def main() -> None:
        async def one(how: str, stream: bool, total: bool) -> None:
            limit = 0.1 + 0.2 * chance.random()
            theirs = limit + chance.choice([0.0, 0.0, chance.uniform(-0.003, 0.003)])
            timeout: Any = limit if total else Timeout(answer=limit, idle=limit)
            use = streamed if stream else whole
            outcomes[await bounded(how, theirs, lambda: use(client, timeout=timeout))] += 1
            if backend == "asyncio":
                task = asyncio.current_task()
                assert task is not None
                assert task.cancelling() == 0
            await anyio.lowlevel.checkpoint()  # nothing is on its way to this task

        with serve(held) as server:
            async with client_for(server.url) as client:
                async with anyio.create_task_group() as tasks:
                    for number in range(200):
                        way, rest = ways[number % len(ways)], number // len(ways)
                        tasks.start_soon(one, way, bool(rest % 2), bool(rest // 2 % 2))
                stats = client.stats
                assert (stats.open, stats.queued, stats.live_streams, stats.quota) == (0, 0, 0, 500)

    run(backend, main)
    assert outcomes.keys() <= {"the caller's", "ours: RequestTimeout"}
    assert outcomes["the caller's"]
