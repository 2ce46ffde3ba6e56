"""Bytes to events, without a socket: any cut of the bytes, the end, errors in between."""

from __future__ import annotations

from typing import Any

import pytest
from engine import EVENTS

from bedrock_converse._http.deadline import Timeout
from bedrock_converse._http.events import EventSource
from bedrock_converse._http.timer import call_timer
from bedrock_converse._wire.eventstream import encode_event, encode_exception
from bedrock_converse._wire.operations import OPERATIONS
from bedrock_converse.errors import (
    ClientClosed,
    EventStreamError,
    ProtocolError,
    RequestTimeout,
    ResponseInvalid,
    StreamIncomplete,
    ThrottlingError,
    TransportError,
)


class FakeAnswer:
    """Gives these pieces, then the end, or raises."""

    status = 200
    request_id = "the-request"
    ended = False

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = list(pieces)
        self.distrusted = False

    def distrust(self) -> None:
        self.distrusted = True

    async def read_within(self, timer: object) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece


class FakeCall:
    operation = OPERATIONS["ConverseStream"]


def source(*pieces: bytes | Exception) -> EventSource:
    call: Any = FakeCall()
    answer: Any = FakeAnswer(*pieces)
    return EventSource(call, answer, call_timer(Timeout.of(None)))


async def names(events: EventSource) -> list[str]:
    got: list[str] = []
    while (event := events.poll() or await events.next()) is not None:
        got.append(type(event).__name__)
    return got


WHOLE = b"".join(EVENTS)


@pytest.mark.parametrize("size", [1, 7, 100, len(WHOLE)])
async def test_however_it_is_cut(size: int) -> None:
    """The same events in the same order."""
    pieces = [WHOLE[at : at + size] for at in range(0, len(WHOLE), size)]
    assert await names(source(*pieces)) == [
        "MessageStartEvent",
        "ContentBlockDeltaEvent",
        "ContentBlockDeltaEvent",
        "ContentBlockStopEvent",
        "MessageStopEvent",
        "ConverseStreamMetadataEvent",
    ]


async def test_the_first_event_is_kept() -> None:
    """Waiting for it takes nothing from who reads."""
    events = source(WHOLE)
    await events.first()
    assert len(await names(events)) == 6


async def test_initial_response_is_no_event() -> None:
    """Some services send it first."""
    assert await names(source(encode_event("initial-response", b"{}"), EVENTS[0])) == ["MessageStartEvent"]


async def test_no_event_at_all() -> None:
    """An end right away."""
    with pytest.raises(StreamIncomplete, match="without a single event"):
        await source().first()


async def test_an_end_inside_a_frame() -> None:
    """The events before stay valid."""
    events = source(EVENTS[0] + EVENTS[1][:20])
    assert type(await events.next()).__name__ == "MessageStartEvent"
    with pytest.raises(StreamIncomplete) as caught:
        await events.next()
    assert isinstance(caught.value.__cause__, EventStreamError)


@pytest.mark.parametrize("kind", [TransportError, ProtocolError])
async def test_a_connection_that_breaks(kind: type[TransportError]) -> None:
    """However it was cut, one class."""
    with pytest.raises(StreamIncomplete) as caught:
        await names(source(EVENTS[0], kind("gone")))
    assert caught.value.possibly_billed


async def test_other_errors_stay_what_they_are() -> None:
    """A closed client is no cut stream."""
    with pytest.raises(ClientClosed):
        await names(source(EVENTS[0], ClientClosed("closed")))


async def test_an_exception_in_between() -> None:
    """It comes in its turn, not before the events in front of it."""
    events = source(EVENTS[0] + encode_exception("throttlingException", b'{"message":"slow"}'))
    assert type(await events.next()).__name__ == "MessageStartEvent"
    with pytest.raises(ThrottlingError):
        await events.next()


async def test_explaining() -> None:
    """Where it was in the middle of a stream, an answer may have been billed; nonsense costs the connection."""
    events: Any = source()
    error = ThrottlingError("slow", code="ThrottlingException")
    events.explain(error)
    assert error.possibly_billed
    assert error.request_id == "the-request"
    assert error.status_code is None  # the answer's own is 200, which is not what this means
    assert not events.answer.distrusted
    for late in (RequestTimeout("late", phase="idle", seconds=1), EventStreamError("bad", offset=0, kind="payload")):
        events.explain(late)
        assert late.status_code == 200
    assert events.answer.distrusted


async def test_lingering() -> None:
    """The end is waited for, broken ends are forgiven, a late event is given."""
    assert await source().linger() is None
    assert await source(ProtocolError("gone")).linger() is None
    assert type(await source(EVENTS[5]).linger()).__name__ == "ConverseStreamMetadataEvent"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([WHOLE[:20]], None),
        ([WHOLE[:20], ProtocolError("gone")], None),
        ([b"nonsense in 12"], EventStreamError),
        ([encode_event("messageStop", b"{}")], ResponseInvalid),
        ([encode_exception("throttlingException", b"{}")], ThrottlingError),
    ],
)
async def test_what_comes_behind_the_last_event(pieces: list[bytes | Exception], expected: Any) -> None:
    """What breaks off there is forgiven; what is wrong is as wrong as if it had come together with the last event."""
    if expected is None:
        assert await source(*pieces).linger() is None
    else:
        with pytest.raises(expected):
            await source(*pieces).linger()
