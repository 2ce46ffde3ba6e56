"""A storm of cancellations over a whole client: afterwards every slot is free, and nothing was lost on the way.

Two hundred tasks call and stream, over plain TCP and TLS, through one pool that is too small for them, and are
cancelled at random in every way there is. `STORM_SECONDS=30` makes it long.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trustme
from engine import EVENTS, REPLY_BODY, STREAM_HEAD, both, chunk, client_for, run
from loopback import Peer, serve
from stepwise import living_tasks

from bedrock_converse import (
    BedrockClient,
    BedrockError,
    InternalServerError,
    RequestTimeout,
    RetryPolicy,
    ThrottlingError,
)
from bedrock_converse._wire.eventstream import encode_exception

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = float(os.environ.get("STORM_SECONDS", "5"))
CALLS_AT_ONCE = 200
CONNECTIONS = 60
THROTTLED = encode_exception("throttlingException", b'{"message":"slow down"}')


async def hurried(peer: Peer) -> None:
    """Answers in pieces, and refuses a first attempt now and then: the second one is never refused."""
    chance = random.Random(peer.server.accepted)
    while request := await peer.request():
        streams, first = b"stream" in request.line, b"attempt=1" in (request.header(b"amz-sdk-request") or b"")
        pause = chance.choice([0, 0, 0.001, 0.005, 0.02])
        if first and chance.random() < 0.1:
            if streams and chance.random() < 0.5:
                await peer.send(STREAM_HEAD, chunk(THROTTLED) + b"0\r\n\r\n", pause=pause)
            else:
                await peer.reply(b"{}", chance.choice([b"429 Slow", b"500 Oops"]))
        elif streams:
            await peer.send(STREAM_HEAD, *map(chunk, EVENTS), b"0\r\n\r\n", pause=pause)
        else:
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(REPLY_BODY)
            await peer.send(head, REPLY_BODY[:9], REPLY_BODY[9:], pause=pause)
        peer.server.requests.clear()


async def call(client: BedrockClient, model: str, streams: bool, leave: bool, **options: Any) -> None:
    if not streams:
        assert (await client.converse(model, "x", **options)).text == "Hello"
        return
    async with client.converse_stream(model, "x", **options) as stream:
        async for text in stream.text():
            assert text in ("Hel", "lo")
            if leave:
                return
        assert (await stream.final()).text == "Hello"


async def cut_short(backend: str, how: int, seconds: float, client: BedrockClient, *what: Any) -> str:
    """One call that may have `seconds`, cancelled in one of the ways that there are; how it ended."""
    if how == 0:
        with anyio.move_on_after(seconds):
            await call(client, *what)
            return "done"
        return "cancelled"
    if how == 1:
        try:
            await call(client, *what, timeout=seconds, retry=RetryPolicy.none())  # a retry that fails is not paid back
        except RequestTimeout as error:
            return f"timeout, {error.phase}"
        except (ThrottlingError, InternalServerError):
            return "refused"
        return "done"
    if backend == "trio" or how == 2:
        try:
            with anyio.fail_after(seconds):
                await call(client, *what)
        except TimeoutError as error:
            return "an error of ours" if isinstance(error, BedrockError) else "cancelled"
        return "done"
    task = asyncio.get_running_loop().create_task(call(client, *what))
    asyncio.get_running_loop().call_later(seconds, task.cancel)
    await asyncio.wait([task])
    return "cancelled" if task.cancelled() else str(task.result() or "done")


@both
@pytest.mark.slow
def test_a_storm_of_cancellations(backend: str, tmp_path: Path) -> None:
    """All slots and connections are free, no task is left, the quota is whole, and calls work."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    outcomes: Counter[str] = Counter()
    chance = random.Random(11)

    async def storm(views: list[BedrockClient], until: float) -> None:
        while monotonic() < until:
            seconds = chance.choice([0, 0.0005, 0.002, 0.01, 0.05, 0.2, 1])
            what = (chance.choice("ab"), chance.random() < 0.5, chance.random() < 0.2)
            how = 0 if seconds == 0 else chance.randrange(4)  # a timeout of ours must be positive
            outcomes[await cut_short(backend, how, seconds, chance.choice(views), *what)] += 1

    async def main() -> None:
        with serve(hurried) as plain, serve(hurried, context) as secure:
            options: dict[str, Any] = {"max_connections": CONNECTIONS, "max_in_flight": 50}
            async with client_for(plain.url, verify=tmp_path / "authority.pem", **options) as client:
                views = [client, client.with_options(endpoint_url=secure.url.rstrip("/"))]
                await call(client, "a", streams=False, leave=False)
                tasks_before = await living_tasks()
                async with anyio.create_task_group() as group:
                    for _ in range(CALLS_AT_ONCE):
                        group.start_soon(storm, views, monotonic() + SECONDS)

                stats = client.stats
                assert (stats.open, stats.queued, stats.live_streams, stats.quota) == (stats.idle, 0, 0, 500)
                assert await living_tasks() <= tasks_before
                with anyio.move_on_after(5):
                    while plain.open + secure.open != stats.idle:  # noqa: ASYNC110 - the servers have their threads
                        await anyio.sleep(0.01)
                assert plain.open + secure.open == stats.idle
                await all_slots_are_free(views)
            plain.wait_until_open(0)
            secure.wait_until_open(0)
            print(f"\n{backend}: {dict(outcomes)}, {plain.accepted} plain and {secure.accepted} TLS connections")

    run(backend, main, SECONDS + 60)
    assert outcomes.keys() <= {"done", "cancelled", "refused", "timeout, total"}
    assert outcomes["done"] > 50
    assert outcomes["cancelled"] > 50


async def all_slots_are_free(views: list[BedrockClient]) -> None:
    """As many streams can be open at once as there are connections."""
    together = anyio.Event()
    opened = 0

    async def hold(client: BedrockClient, model: str) -> None:
        nonlocal opened
        async with client.converse_stream(model, "x", timeout=20):
            opened += 1
            if opened == CONNECTIONS:
                together.set()
            await together.wait()

    async with anyio.create_task_group() as group:
        for number in range(CONNECTIONS):
            group.start_soon(hold, views[number % 2], "ab"[number // 2 % 2])
