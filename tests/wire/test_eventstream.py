"""The event-stream decoder and encoder."""

from __future__ import annotations

import base64
import gc
import json
import sys
import time
import traceback
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from botocore.eventstream import EventStreamBuffer
from wire.raw_frames import cut, decode, frame, header, prelude, sized, text_headers

from bedrock_converse._wire import eventstream
from bedrock_converse._wire.eventstream import (
    MAX_PAYLOAD,
    Byte,
    Frame,
    FrameDecoder,
    Long,
    Short,
    encode_error,
    encode_event,
    encode_exception,
    encode_frame,
)
from bedrock_converse.errors import EventStreamError, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MIB = 1024 * 1024

EVENT = text_headers(event_type="contentBlockDelta", content_type="application/json", message_type="event")
ALL_TYPES = b"".join(
    [
        header(b"true", 0),
        header(b"false", 1),
        header(b"byte", 2, b"\xfe"),
        header(b"short", 3, b"\xff\xfe"),
        header(b"integer", 4, b"\xff\xff\xff\xfe"),
        header(b"long", 5, b"\xff" * 7 + b"\xfe"),
        header(b"bytes", 6, sized(b"\x00\xff")),
        header(b"text", 7, sized("naïve".encode())),
        header(b"time", 8, bytes(8)),
        header(b"uuid", 9, bytes(range(16))),
    ]
)

# Streams that must decode: name, the bytes, and for each frame its header block and payload.
GOOD: dict[str, list[tuple[bytes, bytes]]] = {
    "empty": [(b"", b"")],
    "payload_only": [(b"", b"payload")],
    "headers_only": [(EVENT, b"")],
    "event": [(EVENT, b'{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abc"}')],
    "all_types": [(ALL_TYPES, b"\x00\x01\x02")],
    "many_headers": [(b"".join(header(b"h%d" % i, 4, bytes(4)) for i in range(60)), b"x" * 40)],
    "three": [(EVENT, b"{}"), (b"", b""), (EVENT, b"{}")],
    "repeated": [(EVENT, b"one"), (EVENT, b"two"), (EVENT, b"six"), (EVENT, b"three")],
    "types_take_turns": [(EVENT, b"a" * 30), (ALL_TYPES, b"b" * 30), (EVENT, b"c" * 30), (ALL_TYPES, b"d" * 30)],
}

# Frames as they are on the wire, byte for byte, so that the helpers of these tests are held to something too.
LITERAL_EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
LITERAL = bytes.fromhex(
    "000000200000000dda528cd0"  # prelude
    "046d6f646507000570726f62"  # mode: probe
    "65686921cb600afc"  # hi!, checksum
)


def stream_of(frames: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(frame(*parts) for parts in frames)


def contents(frames: Iterable[Frame]) -> list[tuple[dict[str, Any], bytes]]:
    return [(dict(one.headers), one.payload) for one in frames]


def botocore_contents(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def plain(headers: dict[str, Any]) -> dict[str, Any]:
    """Our header values as botocore has them: a timestamp as milliseconds, a UUID as bytes."""
    return {
        name: value.bytes
        if isinstance(value, UUID)
        else round(value.timestamp() * 1000)
        if hasattr(value, "timestamp")
        else value
        for name, value in headers.items()
    }


def error_of(data: bytes, **options: Any) -> EventStreamError:
    decoder = FrameDecoder(**options)
    decoder.receive_data(data)
    with pytest.raises(EventStreamError) as caught:
        list(decoder.frames())
    return caught.value


# Decoding


def test_the_helpers_make_what_is_on_the_wire() -> None:
    """The frames that these tests build are those that a peer would send."""
    assert frame() == LITERAL_EMPTY
    assert frame(header(b"mode", 7, sized(b"probe")), b"hi!") == LITERAL
    assert botocore_contents(LITERAL_EMPTY + LITERAL) == [({}, b""), ({"mode": "probe"}, b"hi!")]


@pytest.mark.parametrize("name", GOOD)
def test_frames_are_what_botocore_reads(name: str) -> None:
    """Headers, payloads and offsets, against botocore's decoder."""
    data = stream_of(GOOD[name])
    frames, error = decode([data])
    assert error is None
    assert [(plain(dict(one.headers)), one.payload) for one in frames] == botocore_contents(data)
    lengths = [len(frame(*parts)) for parts in GOOD[name]]
    assert [one.offset for one in frames] == [sum(lengths[:index]) for index in range(len(lengths))]


@pytest.mark.parametrize("name", GOOD)
def test_frames_do_not_depend_on_the_cuts(name: str) -> None:
    """Whole, at every split in two, and in pieces of every size, byte by byte included."""
    data = stream_of(GOOD[name])
    expected = decode([data])
    assert len(expected[0]) == len(GOOD[name])
    for at in range(1, len(data)):
        assert decode([data[:at], data[at:]]) == expected
    for size in range(1, len(data) + 1):
        assert decode(cut(data, size)) == expected


@pytest.mark.parametrize("name", GOOD)
def test_all_chunks_may_come_before_the_first_look(name: str) -> None:
    """Storing and reading are apart: the frames are the same when everything is stored first."""
    data = stream_of(GOOD[name])
    for size in (1, 7, 16, 100):
        decoder = FrameDecoder()
        for piece in cut(data, size):
            decoder.receive_data(piece)
        assert list(decoder.frames()) == decode([data])[0]


def test_a_frame_inside_a_payload_is_payload() -> None:
    """Wherever the cut falls, also just before what looks like a frame that was seen before."""
    inner = stream_of(GOOD["event"])
    data = inner + frame(EVENT, inner * 3)
    assert len(decode([inner])[0]) == 1
    for at in range(1, len(data)):
        frames, error = decode([data[:at], data[at:]])
        assert error is None
        assert [one.payload for one in frames] == [GOOD["event"][0][1], inner * 3]


def test_offsets_count_from_the_beginning_however_frames_are_fetched() -> None:
    """Also for a caller who asks once per chunk, never until there is None."""
    data = stream_of(GOOD["event"])
    decoder = FrameDecoder()
    for number in range(5):
        decoder.receive_data(data)
        one = decoder.next_frame()
        assert one is not None
        assert one.offset == number * len(data)


def test_two_streams_in_a_row_give_the_frames_of_both() -> None:
    """messages(a + b) == messages(a) + messages(b)."""
    for first in GOOD.values():
        for second in GOOD.values():
            both = contents(decode([stream_of(first) + stream_of(second)])[0])
            assert both == contents(decode([stream_of(first)])[0]) + contents(decode([stream_of(second)])[0])


def test_a_frame_is_handed_out_as_soon_as_its_last_byte_is_there() -> None:
    """No frame waits for the one behind it."""
    data = stream_of(GOOD["event"])
    decoder = FrameDecoder()
    decoder.receive_data(data[:-1])
    assert decoder.next_frame() is None
    assert decoder.next_frame() is None
    decoder.receive_data(data[-1:])
    assert decoder.next_frame() is not None
    assert decoder.next_frame() is None


def test_a_decoder_without_data_has_no_frame() -> None:
    """Nothing in, nothing out, before and after the end."""
    decoder = FrameDecoder()
    assert decoder.next_frame() is None
    decoder.receive_eof()
    decoder.receive_eof()
    assert decoder.next_frame() is None


def test_the_end_between_two_frames_is_clean() -> None:
    """Frames that came before the end are still handed out; then there are none."""
    decoder = FrameDecoder()
    decoder.receive_data(stream_of(GOOD["three"]))
    decoder.receive_data(b"")
    assert len(list(decoder.frames())) == 3
    assert decoder.next_frame() is None


def test_an_end_inside_a_frame_is_an_error_at_every_byte() -> None:
    """Cut off anywhere but between frames: the frames before it, then `truncated` with the place of the cut frame."""
    data = stream_of(GOOD["three"])
    expected, _ = decode([data])
    starts = [one.offset for one in expected] + [len(data)]
    for length in range(len(data) + 1):
        whole = sum(start <= length for start in starts) - 1
        error = None if length in starts else ("truncated", starts[whole])
        assert decode([data[:length]]) == (expected[:whole], error)
        assert decode(cut(data[:length], 1)) == (expected[:whole], error)


@pytest.mark.parametrize("make", [bytearray, memoryview, lambda data: memoryview(bytearray(data))])
def test_any_buffer_can_be_given(make: Any) -> None:
    """bytearray and memoryview are taken like bytes, an empty one as the end."""
    data = stream_of(GOOD["event"])
    decoder = FrameDecoder()
    decoder.receive_data(make(data + data[:20]))
    assert [one.payload for one in decoder.frames()] == [GOOD["event"][0][1]]
    decoder.receive_data(make(b""))
    with pytest.raises(EventStreamError, match="ended inside"):
        decoder.next_frame()


def test_a_buffer_may_be_used_again_at_once() -> None:
    """What was handed in is not touched by what the caller writes into its buffer afterwards."""
    data = bytearray(stream_of(GOOD["event"]))
    decoder = FrameDecoder()
    decoder.receive_data(data)
    data[:] = bytes(len(data))
    assert decoder.next_frame() is not None


@pytest.mark.parametrize("wrong", ["text", 5, None])
def test_what_is_no_bytes_is_refused(wrong: Any) -> None:
    """A mistake of the caller is told at once, not taken for zeros."""
    with pytest.raises(TypeError):
        FrameDecoder().receive_data(wrong)


def test_data_after_the_end_is_a_mistake_of_the_caller() -> None:
    """It is not taken for a frame, nor thrown away in silence."""
    decoder = FrameDecoder()
    decoder.receive_eof()
    decoder.receive_data(b"")
    with pytest.raises(RuntimeError, match="after the end"):
        decoder.receive_data(b"x")


# Refusing


def flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes((data[index] ^ 1,)) + data[index + 1 :]


@pytest.mark.parametrize("warm", [False, True])
def test_one_wrong_bit_anywhere_is_found(warm: bool) -> None:
    """In the lengths or their checksum: `prelude_checksum`; elsewhere: `message_checksum`. Also in frames whose kind
    was seen a moment ago, and however the bytes were cut."""
    before = stream_of([(EVENT, b"{}")])
    data = stream_of(GOOD["event"])
    for index in range(len(data)):
        stream = (data if warm else before) + flipped(data, index)
        kind = "prelude_checksum" if index < 12 else "message_checksum"
        start = len(stream) - len(data)
        for chunks in ([stream], [stream[:start], stream[start:]], [stream[: start + 5], stream[start + 5 :]]):
            frames, error = decode(chunks)
            assert len(frames) == 1
            assert error == (kind, start)


@pytest.mark.parametrize(
    ("total_length", "headers_length", "kind"),
    [
        (0, 0, "total_length"),
        (12, 0, "total_length"),
        (15, 0, "total_length"),
        (15, 4000, "total_length"),
        (16, 1, "headers_length"),
        (100, 85, "headers_length"),
        (100, 2**32 - 1, "headers_length"),
        (2**32 - 1, 2**32 - 1, "headers_length"),
        (MIB, 128 * 1024 + 1, "headers_length"),
        (16 + MAX_PAYLOAD + 1, 0, "payload_length"),
        (16 + 128 * 1024 + MAX_PAYLOAD + 1, 128 * 1024, "payload_length"),
        (2**32 - 1, 0, "payload_length"),
    ],
)
def test_impossible_lengths_are_refused_on_the_prelude_alone(total_length: int, headers_length: int, kind: str) -> None:
    """With the twelfth byte, before anything of the frame is gathered; not earlier."""
    data = prelude(total_length, headers_length)
    assert error_of(data).kind == kind
    assert error_of(data + bytes(100)).kind == kind
    decoder = FrameDecoder()
    decoder.receive_data(data[:11])
    assert decoder.next_frame() is None
    decoder.receive_data(data[11:])
    with pytest.raises(EventStreamError) as caught:
        decoder.next_frame()
    assert caught.value.kind == kind


def test_the_largest_lengths_are_accepted() -> None:
    """The limits themselves are allowed."""
    decoder = FrameDecoder()
    decoder.receive_data(prelude(16 + 128 * 1024 + MAX_PAYLOAD, 128 * 1024))
    assert decoder.next_frame() is None


def test_the_payload_limit_can_be_set() -> None:
    """`max_payload` holds for this decoder, though another has just read the same frame."""
    data = stream_of([(EVENT, b"x" * 101)])
    assert decode([data])[1] is None
    assert error_of(data, max_payload=100).kind == "payload_length"
    decoder = FrameDecoder(max_payload=101)
    decoder.receive_data(data)
    assert decoder.next_frame() is not None


@pytest.mark.parametrize(
    ("header_block", "kind"),
    [
        (header(b"", 0), "header_name"),
        (header(b"a", 11), "header_type"),
        (header(b"a", 7, b"\x00\x01\xff"), "header_value"),
        (header(b"a", 0) * 2, "duplicate_header"),
        (b"".join(header(b"%04d" % i, 0) for i in range(1025)), "header_count"),
    ],
)
def test_broken_headers_are_refused_where_they_are(header_block: bytes, kind: str) -> None:
    """The error names the kind and the place of the frame, at every cut."""
    before = stream_of(GOOD["event"])
    data = before + frame(header_block, b"{}")
    for size in (1, 3, 50, len(data)):
        frames, error = decode(cut(data, size))
        assert len(frames) == 1
        assert error == (kind, len(before))


def test_the_checksum_goes_before_the_headers() -> None:
    """Headers that arrived damaged are a wrong checksum, not whatever they look like."""
    data = frame(header(b"a", 11), b"{}")
    assert error_of(flipped(data, len(data) - 1)).kind == "message_checksum"


def test_every_further_call_raises_the_same() -> None:
    """A broken stream stays broken, whatever else comes; the error is as informative the third time."""
    decoder = FrameDecoder()
    good = stream_of(GOOD["event"])
    decoder.receive_data(good + flipped(good, 50) + good)
    assert decoder.next_frame() is not None
    seen = set()
    for _ in range(3):
        with pytest.raises(EventStreamError) as caught:
            decoder.next_frame()
        seen.add((caught.value.kind, caught.value.offset, str(caught.value)))
        decoder.receive_data(good)
    decoder.receive_eof()
    with pytest.raises(EventStreamError):
        decoder.next_frame()
    message = f"the checksum of the frame does not match its bytes (in the frame at byte {len(good)})"
    assert seen == {("message_checksum", len(good), message)}


def test_a_page_of_a_proxy_is_no_event_stream() -> None:
    """HTML, or anything else, fails in its first 12 bytes."""
    error = error_of(b"<html><body>502 Bad Gateway</body></html>")
    assert (error.kind, error.offset) == ("prelude_checksum", 0)
    assert "no event stream" in str(error)


def test_nothing_of_the_reply_is_in_an_error() -> None:
    """Neither in its message nor in the local variables of our frames, which some tools send elsewhere."""
    secret = b"Patient has three months left"
    good = frame(EVENT, secret)
    streams = [
        [good + flipped(good, len(good) - 1)],
        [good, flipped(good, len(good) - 1)],
        [good, flipped(good, 2)],
        [good + frame(header(b"a", 7, sized(secret + b"\xff")), secret)],
        [good, good[:40], flipped(good, len(good) - 1)[40:]],
        [good, good[:-6]],
        [good + b"\x00" * 20 + secret],
    ]
    for chunks in streams:
        decoder = FrameDecoder()
        for chunk in chunks:
            decoder.receive_data(chunk)
        decoder.receive_eof()
        assert decoder.next_frame() is not None
        for _ in range(2):
            with pytest.raises(EventStreamError) as caught:
                decoder.next_frame()
            report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            del report.stack[0]  # this test's own frame, which holds the secret
            text = "".join(report.format())
            assert "next_frame" in text
            assert "Patient" not in text
            assert caught.value.__context__ is None


# What it costs


def test_the_time_is_linear() -> None:
    """A 24 MiB frame in pieces of 1 KiB takes under 0.3 s of CPU (a buffer that is copied for each takes 20 s)."""
    data = encode_frame({}, bytes(MAX_PAYLOAD))
    pieces = cut(data, 1024)
    decoder = FrameDecoder()
    found = None
    started = time.process_time()
    for piece in pieces:
        decoder.receive_data(piece)
        found = decoder.next_frame()
    elapsed = time.process_time() - started
    assert found is not None
    assert found.payload == bytes(MAX_PAYLOAD)
    assert elapsed < 0.3


def peak_while_decoding(chunks: Iterator[bytes]) -> int:
    decoder = FrameDecoder()
    tracemalloc.start()
    try:
        for chunk in chunks:
            decoder.receive_data(chunk)
            found = decoder.next_frame()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found is not None
    assert len(found.payload) == 4 * MIB
    return peak


@pytest.mark.parametrize("size", [64, 1024, 65536, MIB])
def test_the_memory_is_at_most_twice_the_message(size: int) -> None:
    """However small the pieces: they are gathered, not kept."""
    data = memoryview(encode_frame({}, bytes(4 * MIB)))
    pieces = (bytes(data[start : start + size]) for start in range(0, len(data), size))
    assert peak_while_decoding(pieces) < 2 * len(data)


def test_a_frame_in_one_piece_is_copied_once() -> None:
    """The payload, and nothing else."""
    data = encode_frame({}, bytes(4 * MIB))
    assert peak_while_decoding(iter([data])) < len(data) + 10_000


def test_an_announced_length_takes_no_memory() -> None:
    """A prelude that promises 24 MiB costs nothing until they come."""
    decoder = FrameDecoder()
    tracemalloc.start()
    try:
        decoder.receive_data(prelude(16 + MAX_PAYLOAD, 0) + bytes(100))
        assert decoder.next_frame() is None
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


def test_a_decoder_that_is_dropped_frees_its_data_at_once() -> None:
    """No reference cycle keeps megabytes until the garbage collector comes: not in mid-frame, not after an error."""
    chunk = stream_of(GOOD["event"])[:-5]
    held = sys.getrefcount(chunk)
    gc.disable()
    try:
        for last in (b"", b"x" * 100):
            decoder = FrameDecoder()
            decoder.receive_data(chunk)
            assert decoder.next_frame() is None
            decoder.receive_data(last)
            with pytest.raises(EventStreamError):
                decoder.next_frame()
            del decoder
            assert sys.getrefcount(chunk) == held
        decoder = FrameDecoder()
        decoder.receive_data(chunk)
        decoder.next_frame()
        del decoder
        assert sys.getrefcount(chunk) == held
    finally:
        gc.enable()


def test_equal_header_blocks_share_their_headers() -> None:
    """What was read once is not read again, in this stream or another."""
    first, second = decode([stream_of(GOOD["event"])])[0][0], decode([stream_of([(EVENT, b"other")])])[0][0]
    assert first.headers is second.headers


def test_what_is_remembered_is_bounded() -> None:
    """A peer that never repeats itself fills no memory."""
    data = b"".join(frame(header(b"n", 4, number.to_bytes(4, "big")), b"x") for number in range(3000))
    assert len(decode([data])[0]) == 3000
    assert len(eventstream._known_heads) <= eventstream._MAX_KNOWN_HEADS
    remembered = dict(eventstream._known_heads)
    decode([frame(header(b"n", 6, sized(bytes(300))), b"x"), frame(EVENT, bytes(1024))])
    assert eventstream._known_heads == remembered


def test_what_is_broken_is_not_remembered() -> None:
    """A damaged frame leaves nothing behind that a later one could be taken for."""
    eventstream._known_heads.clear()
    good = stream_of(GOOD["event"])
    for index in range(len(good)):
        decode([flipped(good, index)])
    decode([frame(header(b"a", 11), b"{}")])
    decode([good[:-1]])
    assert not eventstream._known_heads


# Frames


def test_frames_compare_by_value() -> None:
    """Headers, payload and place."""
    assert Frame({"a": 1}, b"x", 3) == Frame({"a": 1}, b"x", 3)
    assert Frame({"a": 1}, b"x", 3) != Frame({"a": 2}, b"x", 3)
    assert Frame({"a": 1}, b"x", 3) != Frame({"a": 1}, b"y", 3)
    assert Frame({"a": 1}, b"x", 3) != Frame({"a": 1}, b"x", 4)
    assert Frame({}, b"") != "frame"


def test_the_repr_of_a_frame_is_short_and_discreet() -> None:
    """Neither the payload nor a header value is in it."""
    shown = repr(Frame({":error-message": "private"}, b"private" * 1000, 7))
    assert shown == "<Frame at byte 7: headers [':error-message'], payload of 7000 bytes>"


# Encoding


def test_a_frame_is_encoded_byte_for_byte() -> None:
    """Against bytes written down once, and against the helpers of these tests."""
    assert encode_frame({}) == LITERAL_EMPTY
    assert encode_frame({"mode": "probe"}, b"hi!") == LITERAL
    for frames in GOOD.values():
        for header_block, payload in frames:
            [decoded], _ = decode([frame(header_block, payload)])
            assert encode_frame(decoded.headers, decoded.payload) == frame(header_block, payload)


def test_botocore_reads_what_is_encoded() -> None:
    """All types, against botocore's decoder."""
    headers = {"b": Byte(-1), "s": Short(-1), "i": -1, "l": Long(-1), "t": True, "f": False, "x": b"\xff", "u": "ü"}
    assert botocore_contents(encode_frame(headers, b"payload")) == [(headers, b"payload")]


def test_events_exceptions_and_errors_look_like_those_of_aws() -> None:
    """The headers and their order are those of recorded streams."""
    [event, exception, error], _ = decode(
        [
            encode_event("messageStop", b'{"stopReason":"end_turn"}'),
            encode_exception("throttlingException", b'{"message":"slow"}'),
            encode_error("InternalFailure", "sorry"),
        ]
    )
    assert list(event.headers.items()) == [
        (":event-type", "messageStop"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ]
    assert event.payload == b'{"stopReason":"end_turn"}'
    assert list(exception.headers.items()) == [
        (":exception-type", "throttlingException"),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ]
    assert exception.payload == b'{"message":"slow"}'
    assert error.headers == {":error-code": "InternalFailure", ":error-message": "sorry", ":message-type": "error"}
    assert error.payload == b""
    [other], _ = decode([encode_event("chunk", b"x", content_type="text/plain")])
    assert other.headers[":content-type"] == "text/plain"


def test_what_a_decoder_would_refuse_is_not_encoded() -> None:
    """A payload over the limit, and headers that have no room."""
    with pytest.raises(RequestInvalid, match="payload"):
        encode_frame({}, bytes(MAX_PAYLOAD + 1))
    with pytest.raises(RequestInvalid, match="headers"):
        encode_event("x" * 40_000, b"")


# The shared vectors

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "vectors" / "eventstream.json"
VECTORS: dict[str, Any] = json.loads(SHARED.read_text()) if SHARED.exists() else {"positive": [], "negative": []}
needs_vectors = pytest.mark.skipif(not SHARED.exists(), reason="the shared vectors are not here")

KINDS = {
    "crc": {"prelude_checksum", "message_checksum"},
    "duplicate_header": {"duplicate_header"},
    "header_name_overruns": {"header_name"},
    "header_name_utf8": {"header_name"},
    "header_value_length": {"header_value"},
    "header_value_overruns": {"header_value"},
    "header_value_utf8": {"header_value"},
    "headers_length": {"headers_length"},
    "payload_length": {"payload_length"},
    "total_length": {"total_length"},
    "truncated": {"truncated"},
    "truncated_stream": {"truncated"},
    "unknown_header_type": {"header_type"},
}


def expected_messages(vector: dict[str, Any]) -> list[tuple[dict[str, Any], bytes]]:
    binary = {6: base64.b64decode, 9: bytes.fromhex}
    return [
        (
            {one["name"]: binary.get(one["type"], lambda value: value)(one["value"]) for one in message["headers"]},
            base64.b64decode(message["payload_b64"]),
        )
        for message in vector["messages"]
    ]


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Every split in two and every piece size; for long data a sample of both."""
    step = 1 if len(data) < 1000 else 251
    yield [data]
    yield cut(data, 1)
    for at in range(1, len(data), step):
        yield [data[:at], data[at:]]
    for size in range(2, len(data), step):
        yield cut(data, size)


@needs_vectors
@pytest.mark.parametrize("vector", VECTORS["positive"], ids=lambda vector: vector["name"])
def test_good_vectors_decode(vector: dict[str, Any]) -> None:
    """To the messages that the vector names, at every cut, and back to the same bytes."""
    data = base64.b64decode(vector["encoded_b64"])
    frames, error = decode([data])
    assert error is None
    assert [(plain(dict(one.headers)), one.payload) for one in frames] == expected_messages(vector)
    assert b"".join(encode_frame(one.headers, one.payload) for one in frames) == data
    for chunks in cuts(data):
        assert decode(chunks) == (frames, None)


@needs_vectors
@pytest.mark.parametrize("vector", VECTORS["negative"], ids=lambda vector: vector["name"])
def test_bad_vectors_are_refused(vector: dict[str, Any]) -> None:
    """With an error of the kind that the vector names, the same at every cut, and the frames before it."""
    data = base64.b64decode(vector["encoded_b64"])
    frames, error = decode([data])
    if vector["kind"] == "stream_incomplete":
        assert (frames, error) == ([], None)  # no bytes at all: the stream above the frames has to notice
        return
    assert error is not None
    assert any(error[0] in KINDS[kind] for kind in vector["accept_kinds"])
    for chunks in cuts(data):
        assert decode(chunks) == (frames, error)


@needs_vectors
def test_big_vectors() -> None:
    """24 MiB and what other SDKs refuse are accepted; 21,845 headers are refused without delay."""
    names = {recipe["name"] for recipe in VECTORS["big_recipes"]}
    assert names == {"payload_exactly_24MiB", "smithy_python_INVALID_PAYLOAD_LENGTH", "max_headers_21845"}
    for length in (MAX_PAYLOAD, 16 * MIB + 1):
        payload = b"0" * length
        [found], error = decode(cut(frame(b"", payload), 65536))
        assert error is None
        assert found.payload == payload
    headers = b"".join(header(b"%04x" % number, 0) for number in range(21845))
    assert error_of(frame(headers[: 128 * 1024])).kind == "header_count"


RECORDINGS = SHARED.parents[1] / "wire"


@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not here")
def test_recorded_streams_decode_as_botocore_decodes_them() -> None:
    """Every frame of every recorded stream, cut as a network would, encodes back to the recorded bytes."""
    streams = 0
    for path in sorted(RECORDINGS.glob("*.json")):
        recording = json.loads(path.read_text())
        if "eventstream" not in json.dumps(recording["response"]["headers"]):
            continue
        data = base64.b64decode(recording["response"]["body_b64"])
        for size in (len(data), 100, 7):
            frames, error = decode(cut(data, size))
            assert error is None
            assert contents(frames) == botocore_contents(data)
        assert b"".join(encode_frame(one.headers, one.payload) for one in frames) == data
        streams += 1
    assert streams > 20
