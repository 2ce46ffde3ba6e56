"""Streams over real sockets: one cursor, parts, ends of every kind, leaving early, dropping, what observers hear."""

# ruff: noqa: PT012, PT031, SIM117 - opening a stream is what raises; nesting shows what is inside of what

from __future__ import annotations

import gc
import pickle
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from engine import EVENTS, MODEL, STREAM_HEAD, Seen, both, carrier, chunk, client_for, closed, every_way, run
from loopback import Peer, serve
from stepwise import WAYS, EveryAwait, living_tasks

from bedrock_converse import (
    APIError,
    BedrockClient,
    BedrockError,
    ClientClosed,
    EventStreamError,
    ModelStreamError,
    ProtocolError,
    RequestTimeout,
    ResponseInvalid,
    StreamIncomplete,
    ThrottlingError,
    Timeout,
    ToolUseBlock,
    TransportError,
)
from bedrock_converse._wire.eventstream import encode_event
from bedrock_converse.stream import BlockDone, Done, ReasoningDelta, TextDelta, ToolInputDelta
from bedrock_converse.testing import (
    FakeBedrock,
    chunks,
    internal_error,
    model_stream_error,
    reasoning,
    reply,
    throttled,
    tool_call,
    validation_error,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WHOLE = b"".join(EVENTS)


def streaming(*pieces: bytes, end: bool = True, head: bytes = STREAM_HEAD, pause: float = 0) -> Any:
    """A server whose streams consist of these chunks; without an end they are held open."""

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(head, *(chunk(piece) for piece in pieces), pause=pause)
            if not end:
                await peer.gone()
                return
            await peer.send(b"0\r\n\r\n")

    return serve(script)


# --- one cursor -------------------------------------------------------------------------------------------------------


@both
def test_events_text_and_final_share_a_cursor(backend: str) -> None:
    """Each event comes once, whoever reads it; `final()` drains, and may be called again."""

    async def main() -> None:
        with streaming(*EVENTS) as server:
            async with client_for(server.url) as client, client.converse_stream(MODEL, "x") as stream:
                assert stream.request_id == "the-request"
                assert stream.status_code == 200
                assert stream.attempts == 1
                assert stream.headers["content-type"] == "application/vnd.amazon.eventstream"
                first = await anext(aiter(stream))
                assert first.role == "assistant"
                assert await anext(stream.text()) == "Hel"
                assert stream.partial.text == "Hel"
                reply = await stream.final()
                assert reply.text == "Hello"
                assert reply is await stream.final()
                assert (reply.request_id, reply.attempts, reply.usage.output_tokens) == ("the-request", 1, 2)
                with pytest.raises(RuntimeError, match="over"):
                    aiter(stream)
                with pytest.raises(RuntimeError, match="over"):
                    stream.text()
                with pytest.raises(RuntimeError, match="over"):
                    stream.parts()

    run(backend, main)


@both
def test_parts(backend: str) -> None:
    """Text, reasoning and tool input as they come, each block when it is whole, the reply at the end."""
    fake = FakeBedrock()
    fake.on(MODEL).reply(reasoning("Hm."), "Let me see.", tool_call("weather", city="Oslo", id="t1"))

    async def main() -> list[Any]:
        async with fake.serve() as url, client_for(fake, url) as client:
            async with client.converse_stream(MODEL, "x") as stream:
                parts = [part async for part in stream.parts()]
                assert (await stream.final()) == parts[-1].reply
                return parts

    parts = run(backend, main)
    assert "".join(part.text for part in parts if isinstance(part, TextDelta)) == "Let me see."
    assert "".join(part.text for part in parts if isinstance(part, ReasoningDelta)) == "Hm."
    inputs = [part for part in parts if isinstance(part, ToolInputDelta)]
    assert "".join(part.input for part in inputs).replace(" ", "") == '{"city":"Oslo"}'
    assert {(part.tool_use_id, part.name) for part in inputs} == {("t1", "weather")}
    blocks = [part.block for part in parts if isinstance(part, BlockDone)]
    assert blocks[1] == "Let me see."
    assert isinstance(blocks[2], ToolUseBlock)
    assert blocks[2].input == {"city": "Oslo"}
    assert isinstance(parts[-1], Done)
    assert parts[-1].reply.content == blocks
    assert [type(part) for part in parts].count(Done) == 1


async def test_the_stream_must_be_opened() -> None:
    """Reading before `async with` says what to write; a stream opens once."""
    with streaming(*EVENTS) as server:
        async with client_for(server.url) as client:
            stream = client.converse_stream(MODEL, "x")
            with pytest.raises(RuntimeError, match="async with"):
                await stream.final()
            assert stream.request_id is None
            assert stream.attempts == 0
            await stream.aclose()
            async with stream:
                with pytest.raises(RuntimeError, match="once"):
                    await stream.__aenter__()
    assert len(server.requests) == 1


@both
def test_two_readers_at_once(backend: str) -> None:
    """There is one cursor: the second task is told, the first goes on."""

    async def main() -> None:
        with streaming(EVENTS[0], end=False) as server:
            async with client_for(server.url) as client, client.converse_stream(MODEL, "x") as stream:
                await anext(stream)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(stream.final)
                    await anyio.sleep(0.05)
                    with pytest.raises(RuntimeError, match="another task"):
                        await anext(stream)
                    tasks.cancel_scope.cancel()

    run(backend, main)


# --- ends -------------------------------------------------------------------------------------------------------------


@both
def test_no_metadata_is_success(backend: str) -> None:
    """`messageStop` and the end: a whole reply without usage."""

    async def main() -> None:
        with streaming(*EVENTS[:-1]) as server:
            async with client_for(server.url) as client, client.converse_stream(MODEL, "x") as stream:
                reply = await stream.final()
                assert reply.usage is None
                assert reply.text == "Hello"

    run(backend, main)


@both
@pytest.mark.parametrize("whole", [True, False])
def test_an_end_that_does_not_come_is_not_waited_for(backend: str, whole: bool) -> None:
    """After the metadata a connection that is held open is cut; one that ends properly is used again."""

    async def main() -> None:
        with streaming(WHOLE, end=whole) as server:
            async with client_for(server.url) as client:
                async with client.converse_stream(MODEL, "x") as stream:
                    assert (await stream.final()).text == "Hello"
                    assert client.stats.open == int(whole)
                assert client.stats.live_streams == 0

    run(backend, main, 5)


async def test_an_event_after_the_metadata_is_not_lost() -> None:
    """Whatever AWS may invent to send last."""
    late = encode_event("somethingNew", b'{"a":1}')
    for pieces in ([WHOLE + late], [WHOLE, late], [WHOLE[:-5], WHOLE[-5:] + late[:7], late[7:]]):
        with streaming(*pieces, pause=0.01) as server:
            async with client_for(server.url) as client, client.converse_stream(MODEL, "x") as stream:
                got = [event async for event in stream]
                assert type(got[-1]).__name__ == "UnknownEvent"
                assert len(got) == 7


CUTS = {
    "nothing": b"",
    "between frames": b"".join(EVENTS[:3]),
    "inside a frame": b"".join(EVENTS[:3]) + EVENTS[3][:9],
    "metadata without messageStop": b"".join([*EVENTS[:4], EVENTS[5]]),
}


@both
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("cleanly", [True, False])
def test_cut_streams(backend: str, cut: str, cleanly: bool) -> None:
    """Never a success: typed, with what had come, possibly billed, not retried, and nothing stays open."""
    seen = Seen()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, *([chunk(CUTS[cut])] if CUTS[cut] else []))
        if cleanly:
            await peer.send(b"0\r\n\r\n")
        peer.writer.close()

    async def main() -> None:
        with serve(script) as server:
            async with client_for(server.url, observers=[seen]) as client:
                with pytest.raises(TransportError) as caught:
                    async with client.converse_stream(MODEL, "x") as stream:
                        await stream.final()
                failure = caught.value
                assert type(failure) is StreamIncomplete
                assert cleanly or failure.__cause__ is not None
                assert failure.possibly_billed
                assert failure.attempts == 1
                assert failure.request_id == "the-request"
                assert failure.operation == "ConverseStream"
                assert failure.status_code == 200
                assert client.stats.open == client.stats.idle
                if cut != "nothing":
                    assert failure.partial.text == "Hello"
                    with pytest.raises(TransportError):
                        await stream.final()
            await closed(server)
            assert len(server.requests) == 1

    run(backend, main)
    assert seen.outcomes == ["error"]


@both
def test_exceptions_in_the_stream(backend: str) -> None:
    """As the first frame they are retried like any error; later they are raised where the stream is read."""
    fake = FakeBedrock()
    fake.on(MODEL).then(
        throttled().in_stream(),
        internal_error().in_stream(),
        reply("Hello").fails(model_stream_error(), after_events=2),
        validation_error("no").in_stream(),
    )

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            async with client.converse_stream(MODEL, "x") as stream:
                assert stream.attempts == 3
                with pytest.raises(ModelStreamError) as caught:
                    await stream.final()
            assert caught.value.attempts == 3
            assert caught.value.possibly_billed
            assert caught.value.partial is not None
            assert caught.value.request_id
            with pytest.raises(APIError) as refused:
                async with client.converse_stream(MODEL, "x"):
                    pass
            assert refused.value.status_code == 400

    run(backend, main)
    assert len(fake.requests) == 4


@both
def test_a_throttled_stream_after_its_first_event_is_not_retried(backend: str) -> None:
    """The reader has seen something: a second generation would be another answer."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hello").fails(throttled(), after_events=1))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            with pytest.raises(ThrottlingError):
                async with client.converse_stream(MODEL, "x") as stream:
                    await stream.final()

    run(backend, main)
    assert len(fake.requests) == 1


NO_STREAMS: dict[str, tuple[bytes, type[BedrockError]]] = {
    "html": (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<htm>", ResponseInvalid),
    "json": (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}", ResponseInvalid),
    "no content type": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", ResponseInvalid),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", ResponseInvalid),
    "empty": (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ncontent-length: 0\r\n\r\n",
        StreamIncomplete,
    ),
    "garbage": (STREAM_HEAD + chunk(b"x" * 50) + b"0\r\n\r\n", EventStreamError),
    "bad checksum": (STREAM_HEAD + chunk(EVENTS[0][:-1] + b"\0") + b"0\r\n\r\n", EventStreamError),
    "bad json": (STREAM_HEAD + chunk(encode_event("messageStart", b'{"ro')) + b"0\r\n\r\n", EventStreamError),
    "member missing": (STREAM_HEAD + chunk(encode_event("messageStart", b"{}")) + b"0\r\n\r\n", ResponseInvalid),
    "gzip that is none": (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ncontent-encoding: gzip\r\n"
        b"content-length: 4\r\n\r\nnope",
        ProtocolError,
    ),
}


@both
@pytest.mark.parametrize("case", NO_STREAMS)
def test_what_is_no_stream(backend: str, case: str) -> None:
    """A 200 that is no event stream is a typed error, possibly billed and not retried."""
    answer, kind = NO_STREAMS[case]

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)

    async def main() -> None:
        with serve(script) as server:
            async with client_for(server.url) as client:
                with pytest.raises(kind) as caught:
                    async with client.converse_stream(MODEL, "x"):
                        pass
                assert caught.value.possibly_billed
                assert caught.value.status_code
                assert pickle.loads(pickle.dumps(caught.value)).status_code == caught.value.status_code
            assert len(server.requests) == 1

    run(backend, main)


async def test_gzip_is_decoded() -> None:
    """Nobody asked for it, but a proxy may do it."""
    fake = FakeBedrock()
    fake.on(MODEL).then(reply("Hello").gzip(), reply("Hello").gzip())
    async with fake.serve() as url, client_for(fake, url) as client:
        async with client.converse_stream(MODEL, "x") as stream:
            assert (await stream.final()).text == "Hello"
        assert (await client.converse(MODEL, "x")).text == "Hello"


# --- timeouts ---------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("first", [True, False])
def test_silence(backend: str, first: bool) -> None:
    """The first event and each later one have limits of their own."""
    pieces = [] if first else EVENTS[:2]

    async def main() -> None:
        with streaming(*pieces, end=False) as server:
            timeout = Timeout(first_event=0.1, idle=0.15)
            async with client_for(server.url, timeout=timeout) as client:
                with pytest.raises(RequestTimeout) as caught:
                    async with client.converse_stream(MODEL, "x") as stream:
                        await stream.final()
                failure = caught.value
                assert failure.phase == ("first_event" if first else "idle")
                assert failure.seconds == (0.1 if first else 0.15)
                assert failure.possibly_billed
                assert failure.__cause__ is None
                assert (failure.partial is None) == first
            await closed(server)
            assert len(server.requests) == 1

    run(backend, main)


@both
def test_bytes_that_complete_no_event_do_not_count(backend: str) -> None:
    """A frame that drips in cannot stretch the idle limit."""
    pieces = [EVENTS[0], *(bytes([byte]) for byte in EVENTS[1][:60])]

    async def main() -> None:
        with streaming(*pieces, end=False, pause=0.03) as server:
            async with client_for(server.url, timeout=Timeout(idle=0.2)) as client:
                with pytest.raises(RequestTimeout) as caught:
                    async with client.converse_stream(MODEL, "x") as stream:
                        await stream.final()
                assert caught.value.phase == "idle"

    run(backend, main, 1.5)


@both
def test_the_total_counts_the_readers_own_time(backend: str) -> None:
    """A slow reader has the total to keep, but nothing else."""

    async def main() -> None:
        with streaming(*EVENTS[:2], end=False) as server:
            async with client_for(server.url, timeout=Timeout(total=0.3, idle=0.2)) as client:
                with pytest.raises(RequestTimeout) as caught:
                    async with client.converse_stream(MODEL, "x") as stream:
                        await anext(stream)
                        await anyio.sleep(0.25)
                        await stream.final()
                assert caught.value.phase == "total"

    run(backend, main, 5)


@every_way
def test_the_total_is_over_while_events_are_there(backend: str, own: bool) -> None:
    """No more of them then; but once they are all read, the end may be asked for at any time."""

    async def main() -> None:
        with streaming(b"".join(EVENTS)) as server:
            async with carrier(own) as http_client, client_for(server.url, http_client=http_client) as client:
                with pytest.raises(RequestTimeout) as caught:
                    async with client.converse_stream(MODEL, "x", timeout=0.6) as stream:
                        async for _ in stream:
                            await anyio.sleep(0.25)
                failure = caught.value
                assert (failure.phase, failure.seconds, failure.possibly_billed) == ("total", 0.6, True)
                assert failure.partial is not None
                assert failure.partial.text == "Hello"
                async with client.converse_stream(MODEL, "x", timeout=0.6) as stream:
                    for _ in EVENTS:
                        await anext(stream)
                    await anyio.sleep(0.7)
                    with pytest.raises(StopAsyncIteration):
                        await anext(stream)

    run(backend, main)


@both
def test_a_wait_given_up_over_an_http_client(backend: str) -> None:
    """httpx closes the connection then, and what it gives afterwards looks like the end: an error all the same."""

    async def main() -> None:
        with streaming(*EVENTS, pause=0.2) as server:
            async with carrier(False) as http_client, client_for(server.url, http_client=http_client) as client:
                async with client.converse_stream(MODEL, "x") as stream:
                    await anext(stream)
                    with anyio.move_on_after(0.05) as scope:
                        await anext(stream)
                    assert scope.cancelled_caught
                    with pytest.raises(StreamIncomplete, match="was given up") as caught:
                        await stream.final()
                    assert caught.value.possibly_billed

    run(backend, main)


@both
def test_a_readers_own_deadline(backend: str) -> None:
    """`move_on_after` around a read is the reader's own: nothing is lost, and the stream can be read on."""

    async def main() -> None:
        with streaming(*EVENTS, pause=0.05) as server:
            async with client_for(server.url) as client, client.converse_stream(MODEL, "x") as stream:
                given_up = 0
                reply = None
                while reply is None:
                    with anyio.move_on_after(0.02) as scope:
                        reply = await stream.final()
                    given_up += scope.cancelled_caught
                assert given_up >= 3
                assert reply.text == "Hello"
                assert reply.usage.output_tokens == 2

    run(backend, main, 5)


@both
def test_a_readers_own_deadline_is_not_ours(backend: str) -> None:
    """What it raises is the reader's TimeoutError, and the connection goes with the stream."""

    async def main() -> None:
        with streaming(*EVENTS[:2], end=False) as server:
            async with client_for(server.url) as client, client.converse_stream(MODEL, "x") as stream:
                with pytest.raises(TimeoutError) as caught, anyio.fail_after(0.05):
                    await stream.final()
                assert not isinstance(caught.value, BedrockError)
                assert stream.partial.text == "Hel"
            await closed(server)

    run(backend, main, 5)


# --- leaving, dropping, cancelling ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("how", ["break", "exception", "aclose", "cancelled"])
def test_leaving_early(backend: str, how: str) -> None:
    """The server sees the connection close at once, and observers hear one end."""
    seen = Seen()

    async def main() -> None:
        with streaming(*EVENTS[:2], end=False) as server:
            async with client_for(server.url, observers=[seen]) as client:
                with anyio.CancelScope() as scope:
                    try:
                        async with client.converse_stream(MODEL, "x") as stream:
                            async for _ in stream:
                                if how == "break":
                                    break
                                if how == "exception":
                                    raise KeyError
                                if how == "cancelled":
                                    scope.cancel()
                                    await anyio.sleep(5)
                                await stream.aclose()
                                await stream.aclose()
                                break
                            assert client.stats.live_streams == int(how == "break")
                    except KeyError:
                        pass
                await closed(server)
                assert client.stats.live_streams == 0
                assert client.stats.open == 0
                with pytest.raises(RuntimeError, match="closed before its end"):
                    await stream.final()
                assert stream.partial.content == []

    run(backend, main)
    assert seen.outcomes == ["cancelled" if how == "cancelled" else "left"]
    assert seen.names == ["CallStarted", "FirstEvent", "CallEnded"]


@both
def test_a_dropped_stream(backend: str) -> None:
    """Dropping without closing warns, closes the connection, frees its slot, and does not hang."""
    seen = Seen()

    async def main() -> None:
        with streaming(*EVENTS[:2], end=False) as server:
            async with client_for(server.url, observers=[seen], max_in_flight=1) as client:
                with pytest.warns(ResourceWarning, match="without being closed"):
                    stream = client.converse_stream(MODEL, "x")
                    await stream.__aenter__()
                    await anext(stream)
                    del stream
                    gc.collect()
                    await anyio.sleep(0.02)
                await closed(server)
                assert client.stats.live_streams == 0
                async with client.converse_stream(MODEL, "x"):
                    pass

    run(backend, main)
    assert seen.outcomes == ["left", "left"]


@both
def test_cancelled_at_every_await(backend: str) -> None:
    """Whenever it is cancelled, nothing stays open, no slot is lost, and the next call works."""
    seen = Seen()

    async def main() -> None:
        with streaming(*EVENTS, pause=0.001) as server:
            async with client_for(server.url, observers=[seen], max_in_flight=1, max_connections=1) as client:

                async def call() -> None:
                    async with client.converse_stream(MODEL, "x") as stream:
                        async for _ in stream.parts():
                            pass

                await call()
                before = await living_tasks()
                for way in WAYS[backend]:
                    for run_cancelled in EveryAwait(way, at_least=3):
                        await run_cancelled(call)
                        assert client.stats.live_streams == 0
                        assert client.stats.open == client.stats.idle
                        assert await living_tasks() <= before
                await call()
            await closed(server)

    run(backend, main, 60)
    assert seen.names.count("CallStarted") == seen.names.count("CallEnded")
    assert set(seen.outcomes) == {"success", "cancelled"}


@both
def test_closing_the_client_ends_streams(backend: str) -> None:
    """At once without a drain; with one, a stream that ends in time is whole."""

    async def main() -> None:
        with streaming(*EVENTS, pause=0.03) as server:
            client = client_for(server.url)
            async with client.converse_stream(MODEL, "x") as stream:
                await client.aclose()
                with pytest.raises(ClientClosed):
                    await stream.final()
            client = client_for(server.url)
            async with client.converse_stream(MODEL, "x") as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(client.aclose, 5)
                await anyio.sleep(0.01)
                with pytest.raises(ClientClosed):
                    await client.converse(MODEL, "x")
                assert (await stream.final()).text == "Hello"
            client = client_for(server.url)
            async with client.converse_stream(MODEL, "x") as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(client.aclose, 0.02)
                with pytest.raises(ClientClosed):
                    await stream.final()
            await closed(server)

    run(backend, main)


@both
def test_the_chunks_of_another_format(backend: str) -> None:
    """`invoke_model_stream` gives bytes, and has the same life."""
    fake = FakeBedrock()
    fake.on(MODEL).then(chunks(b"one", b"two"), chunks(b"one", b"two"))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            async with client.invoke_model_stream(MODEL, {"a": 1}) as stream:
                assert [piece async for piece in stream] == [b"one", b"two"]
                with pytest.raises(RuntimeError, match="over"):
                    aiter(stream)
            async with client.invoke_model_stream(MODEL, {"a": 1}) as stream:
                async for piece in stream:
                    assert piece == b"one"
                    break
            assert client.stats.live_streams == 0

    run(backend, main)


async def test_observers_of_a_stream() -> None:
    """Start, first event, end; the end has times, sizes and usage."""
    seen = Seen()
    with streaming(*EVENTS) as server:
        async with client_for(server.url, observers=[seen]) as client, client.converse_stream(MODEL, "x") as stream:
            await stream.final()
            assert seen.names == ["CallStarted", "FirstEvent", "CallEnded"]
    ended = seen.records[-1]
    assert (ended.outcome, ended.stop_reason, ended.usage.total_tokens) == ("success", "end_turn", 3)
    assert 0 < ended.time_to_first_event <= ended.duration
    assert ended.response_bytes == len(WHOLE)
    assert seen.names.count("CallEnded") == 1


async def test_max_in_flight_holds_for_the_life_of_a_stream() -> None:
    """The slot is free when the stream is over, not when it begins."""
    with streaming(*EVENTS) as server:
        async with client_for(server.url, max_in_flight=1) as client, client.converse_stream(MODEL, "x") as stream:
            await anext(stream)
            with pytest.raises(RequestTimeout):
                await client.converse(MODEL, "x", timeout=0.05)
            await stream.final()
            async with client.converse_stream(MODEL, "x"):
                pass


# --- scopes and tasks -------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("how", ["events", "text", "parts"])
def test_no_scope_is_held_across_a_yield(backend: str, how: str) -> None:
    """A generator around a stream may be stepped by a different task each time, each in a scope of its own that ends
    before the next: with a scope of ours still open, leaving any of them would raise."""

    async def generator(client: BedrockClient) -> AsyncIterator[Any]:
        async with client.converse_stream(MODEL, "x") as stream:
            async for item in {"events": stream.__aiter__, "text": stream.text, "parts": stream.parts}[how]():
                yield item

    async def main() -> None:
        with streaming(*EVENTS, pause=0.002) as server:
            async with client_for(server.url, timeout=Timeout(total=20)) as client:
                for leave_early in (False, True):
                    items, got = generator(client), list[Any]()

                    async def step(items: AsyncIterator[Any] = items, got: list[Any] = got) -> None:
                        with anyio.fail_after(5), suppress(StopAsyncIteration):
                            got.append(await anext(items))

                    for _ in range(2 if leave_early else 20):
                        async with anyio.create_task_group() as tasks:
                            tasks.start_soon(step)
                    assert len(got) >= 2

                    async def close(items: Any = items) -> None:
                        await items.aclose()

                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(close)
                    assert client.stats.live_streams == 0
            await closed(server)

    run(backend, main)


@both
def test_a_generator_that_is_closed_has_left(backend: str) -> None:
    """A web handler's reader went away: that is no cancellation."""
    seen = Seen()

    async def main() -> None:
        with streaming(*EVENTS[:2], end=False) as server:
            async with client_for(server.url, observers=[seen]) as client:

                async def generator() -> AsyncIterator[Any]:
                    async with client.converse_stream(MODEL, "x") as stream:
                        async for event in stream:
                            yield event

                items = generator()
                await anext(items)
                await items.aclose()  # type: ignore[attr-defined]
                assert client.stats.open == 0

    run(backend, main)
    assert seen.outcomes == ["left"]


@both
@pytest.mark.parametrize("how", ["events", "text", "parts"])
def test_breaking_out_of_a_stream_that_nobody_closes(backend: str, how: str) -> None:
    """Out of the loop and out of the function: it warns, its connection goes, and its slot comes back to the one call
    that waits for it, though the garbage collector ran in another thread."""

    async def main() -> None:
        with streaming(*EVENTS[:3], end=False) as server:
            async with client_for(server.url, max_in_flight=1) as client:
                kept = list[Any]()

                async def read() -> None:
                    stream = client.converse_stream(MODEL, "x")
                    await stream.__aenter__()
                    items = {"events": stream.__aiter__, "text": stream.text, "parts": stream.parts}[how]()
                    async for _ in items:
                        break
                    kept.append(items)

                def collect() -> None:
                    time.sleep(0.05)
                    kept.clear()
                    gc.collect()

                async def wait_for_the_slot() -> None:
                    with anyio.fail_after(2):
                        async with client.converse_stream(MODEL, "x"):
                            pass

                with pytest.warns(ResourceWarning, match="without being closed"):
                    await read()
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(wait_for_the_slot)
                        await anyio.to_thread.run_sync(collect)
                assert client.stats.live_streams == 0
                await closed(server)

    run(backend, main)
