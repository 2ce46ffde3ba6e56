"""A peer that sends anything: generated and damaged answers, over real TCP, through the whole client."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import h11
import pytest
from engine import EVENTS, MODEL, REPLY, REPLY_BODY, STREAM_HEAD, chunk, client_for, run
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Peer, Server, serve
from wire.raw_frames import decode

from bedrock_converse import BedrockError, RetryPolicy
from bedrock_converse._wire.eventstream import encode_error, encode_event, encode_exception, encode_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

GENERATED = settings(max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: the-request\r\n"
ONCE = RetryPolicy.none()
SECOND = json.dumps(REPLY).replace("Hello", "the second").encode()
OTHER_HEADERS = [
    b"content-encoding: gzip\r\n",
    b"connection: close\r\n",
    b"content-length: 5\r\n",
    b"transfer-encoding: chunked\r\n",
    b"content-type: text/html\r\n",
    b"date: yesterday\r\n",
]
PIECES = [
    b"\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"\0",
    b"{",
    b"}",
    b'"',
    b"\xff",
    b"null",
    b"HTTP/1.1 200 OK\r\n",
    *EVENTS,
]
OTHER_FRAMES = [
    encode_event("messageStop", b'{"stopReason":"end_turn"}'),
    encode_event("messageStop", b"{}"),
    encode_event("metadata", b"{}"),
    encode_event("metadata", b'{"usage":{"inputTokens":null}}'),
    encode_event("contentBlockDelta", b'{"delta":{"text":"?"}}'),
    encode_event("contentBlockDelta", b'{"contentBlockIndex":-1,"delta":{"text":"?"}}'),
    encode_event("contentBlockDelta", b'{"contentBlockIndex":1e99,"delta":{"text":"?"}}'),
    encode_event("contentBlockDelta", b'{"contentBlockIndex":2147483648,"delta":{"toolUse":{"input":"{"}}}'),
    encode_event("contentBlockStart", b'{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"n"}}}'),
    encode_event("contentBlockStart", b"[]"),
    encode_event("initial-response", b"{}"),
    encode_event("brandNew", b'{"a":[1]}'),
    encode_event("brandNew", b"{"),
    encode_exception("throttlingException", b'{"message":"slow down"}'),
    encode_exception("modelStreamErrorException", b'{"originalStatusCode":"x"}'),
    encode_exception("", b""),
    encode_error("Whatever", "text"),
    encode_frame({":message-type": "ping"}, b""),
    encode_frame({":message-type": 5, ":event-type": b"x"}, b"{}"),
    encode_frame({}, b"{}"),
    encode_frame({":message-type": "event"}, b"{}"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Answers the first request with `server.first` (and then `server.ending`), every other with SECOND."""

    async def script(peer: Peer) -> None:
        served: Any = peer.server
        while await peer.request():
            if len(served.requests) > 1:
                await peer.reply(SECOND)
                continue
            await peer.send(*served.first, pause=0.001 if len(served.first) > 1 else 0)
            peer.reset() if served.ending == "reset" else peer.writer.close()
            return

    with serve(script) as server:
        yield server


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The data after up to three accidents."""
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(data)))
        until = min(len(data), at + draw(st.sampled_from([0, 1, 2, 10, 100])))
        match draw(st.integers(0, 4)):
            case 0:
                data = data[:at] + draw(st.sampled_from(PIECES)) + data[until:]
            case 1:
                data = data[:at] + draw(st.binary(max_size=4)) + data[until:]
            case 2:
                data = data[:at] + data[until:]
            case 3:
                data = data[:until] + data[at:]
            case _:
                data = data[:at]
    return data


@st.composite
def framed(draw: st.DrawFn, head: bytes, body: bytes) -> bytes:
    """The body under a head, with a length, in chunks, or up to the end; more headers, and other statuses."""
    if draw(st.integers(0, 5)) == 0:
        head = head.replace(
            b"200 OK", draw(st.sampled_from([b"204 None", b"206 Part", b"299 ?", b"304 Same", b"400 No"]))
        )
    if draw(st.integers(0, 5)) == 0:
        head += draw(st.sampled_from(OTHER_HEADERS))
    match draw(st.integers(0, 3)):
        case 0:
            return head + b"content-length: %d\r\n\r\n" % len(body) + body
        case 1:
            return head + b"\r\n" + body
        case _:
            size = draw(st.integers(1, len(body) + 1))
            pieces = [chunk(body[start : start + size]) for start in range(0, len(body), size)]
            return head + b"transfer-encoding: chunked\r\n\r\n" + b"".join(pieces) + b"0\r\n\r\n"


BODIES = st.sampled_from([REPLY_BODY, REPLY_BODY, REPLY_BODY, gzip.compress(REPLY_BODY), b"", b"{}", b"[1]", b"<html>"])
WHOLE_ANSWERS = BODIES.flatmap(damaged).flatmap(lambda body: framed(JSON_HEAD, body)).flatmap(damaged)


@st.composite
def event_streams(draw: st.DrawFn) -> bytes:
    """A good stream after events were dropped, doubled, moved and put in, then bytes damaged."""
    frames = list(EVENTS)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(frames)))
        match draw(st.integers(0, 3)):
            case 0:
                frames.insert(at, draw(st.sampled_from(OTHER_FRAMES)))
            case 1:
                del frames[at : at + draw(st.integers(1, 2))]
            case 2:
                frames[at:at] = frames[at : at + 1]
            case _:
                frames[at : at + 1] = [draw(damaged(b"".join(frames[at : at + 1])))]
    head = STREAM_HEAD.replace(b"transfer-encoding: chunked\r\n\r\n", b"")
    return draw(damaged(draw(framed(head, b"".join(frames)))))


def read_by_h11(data: bytes) -> tuple[int, bytes, bool]:
    """Status and body as h11 reads them up to where the peer closes, and whether that is a whole answer."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=b"POST", target=b"/", headers=[(b"host", b"x")]))
    connection.send(h11.EndOfMessage())
    status, body, packed, whole, rest = 0, b"", False, False, [data, b""]
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
            if event is h11.NEED_DATA:
                connection.receive_data(rest.pop(0))
            elif isinstance(event, h11.Response):
                status, packed = event.status_code, (b"content-encoding", b"gzip") in event.headers
            elif isinstance(event, h11.Data):
                body += event.data
        whole = True
    except h11.RemoteProtocolError:
        pass
    return status, gzip.decompress(body) if packed and whole else body, whole


def first_then_second(backend: str, server: Any, answer: bytes, ending: str, streams: bool, *cuts: int) -> Any:
    """What came of a call that got this answer: a reply or an error of ours. The call after it gets its own answer."""
    marks = sorted({0, len(answer), *(cut % (len(answer) + 1) for cut in cuts)})
    server.first, server.ending = [answer[start:end] for start, end in pairwise(marks)], ending
    server.requests.clear()

    async def main() -> Any:
        got: Any
        async with client_for(server.url, timeout=10) as client:
            try:
                if streams:
                    async with client.converse_stream(MODEL, "first", retry=ONCE) as stream:
                        async for _ in stream.parts():
                            pass
                        got = await stream.final()
                else:
                    got = await client.converse(MODEL, "first", retry=ONCE)
            except BedrockError as error:
                got = error
            assert (await client.converse(MODEL, "second")).text == "the second"
            stats = client.stats
            assert (stats.open - stats.idle, stats.queued, stats.live_streams) == (0, 0, 0)
        assert len(server.requests) == 2
        return got

    return run(backend, main)


BACKENDS = st.sampled_from(["asyncio", "trio"])
ENDINGS = st.sampled_from(["close", "close", "reset"])


@GENERATED
@given(backend=BACKENDS, answer=WHOLE_ANSWERS, ending=ENDINGS)
def test_any_answer(server: Server, backend: str, answer: bytes, ending: str) -> None:
    """An error of ours, or the reply that h11 and a JSON parser find in the bytes."""
    got = first_then_second(backend, server, answer, ending, streams=False)
    if isinstance(got, BedrockError):
        assert got.attempts == 1
    else:
        status, body, whole = read_by_h11(answer)
        assert (status, whole) == (200, True)
        sent = json.loads(body)
        assert got.stop_reason == sent["stopReason"]
        if got.text == "Hello":
            assert sent["output"]["message"]["content"] == [{"text": "Hello"}]


@GENERATED
@given(backend=BACKENDS, answer=event_streams(), ending=ENDINGS)
def test_any_stream(server: Server, backend: str, answer: bytes, ending: str) -> None:
    """An error of ours, or the reply of a stream that h11 reads, all of whose frames are good."""
    got = first_then_second(backend, server, answer, ending, streams=True)
    if isinstance(got, BedrockError):
        assert got.attempts == 1
    else:
        status, body, whole = read_by_h11(answer)
        frames, problem = decode([body] if body else [])
        assert status == 200
        assert {frame.headers[":message-type"] for frame in frames} == {"event"}
        events = {frame.headers[":event-type"] for frame in frames}
        assert "messageStop" in events
        # what breaks off behind the last event is forgiven: the reply is whole
        assert (whole and problem is None) or "metadata" in events
        assert problem is None or problem[0] == "truncated"


@settings(GENERATED, max_examples=examples(80))
@given(
    backend=BACKENDS,
    answer=st.one_of(WHOLE_ANSWERS.map(lambda answer: (answer, False)), event_streams().map(lambda data: (data, True))),
    cuts=st.lists(st.integers(0, 2000), min_size=1, max_size=4),
)
def test_the_pieces_do_not_matter(server: Server, backend: str, answer: tuple[bytes, bool], cuts: list[int]) -> None:
    """At once or in pieces: the same reply, or the same error behind the same events."""

    def outcome(*cuts: int) -> tuple[Any, ...]:
        got = first_then_second(backend, server, answer[0], "close", answer[1], *cuts)
        if not isinstance(got, BedrockError):
            return got.text, got.stop_reason, got.usage
        return type(got), got.request_id, got.status_code, got.partial and got.partial.text

    assert outcome() == outcome(*cuts)
