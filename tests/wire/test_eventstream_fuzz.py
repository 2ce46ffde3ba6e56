"""The event-stream codec under generated input: round trips, and damage of every sort with the checksums repaired."""

from __future__ import annotations

import random
import string
import struct
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from wire.raw_frames import cut, decode, frame, header, prelude, sized, text_headers

from bedrock_converse._wire.eventstream import Byte, Frame, FrameDecoder, Long, Short, encode_frame
from bedrock_converse.errors import EventStreamError

if TYPE_CHECKING:
    from collections.abc import Callable

# Round trips

EXACT_MILLISECONDS = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(
    lambda value: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
)
VALUES = (
    st.booleans()
    | st.integers(-128, 127).map(Byte)
    | st.integers(-(2**15), 2**15 - 1).map(Short)
    | st.integers(-(2**31), 2**31 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(Long)
    | st.binary(max_size=300)
    | st.text(max_size=100)
    | EXACT_MILLISECONDS
    | st.uuids()
)
NAMES = st.text(min_size=1, max_size=60)
HEADERS = st.dictionaries(NAMES, VALUES, max_size=8)
MESSAGES = st.lists(st.tuples(HEADERS, st.binary(max_size=400)), max_size=5)


def shape(headers: Any) -> list[tuple[str, type, Any]]:
    return [(name, type(value), value) for name, value in headers.items()]


def pieces_of(data: bytes, places: list[int]) -> list[bytes]:
    """The data cut at these places, taken modulo its length; no piece is empty, for that would be the end."""
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(marks)]


@settings(max_examples=examples(500), deadline=None)
@given(messages=MESSAGES, places=st.lists(st.integers(0, 5000), max_size=12))
def test_what_is_encoded_is_decoded(messages: list[tuple[dict[str, Any], bytes]], places: list[int]) -> None:
    """Any headers and payloads, cut anywhere, come back in order, with their types; encoding again gives the bytes."""
    data = b"".join(encode_frame(headers, payload) for headers, payload in messages)
    frames, error = decode(pieces_of(data, places))
    assert error is None
    assert [(shape(one.headers), one.payload) for one in frames] == [(shape(h), p) for h, p in messages]
    assert b"".join(encode_frame(one.headers, one.payload) for one in frames) == data


@settings(max_examples=examples(300), deadline=None)
@given(
    moment=st.datetimes(
        datetime(1, 1, 2),
        datetime(9999, 12, 30),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))]),
    )
)
def test_any_moment_can_be_encoded(moment: datetime) -> None:
    """In any time zone; what comes back is less than a millisecond earlier."""
    [decoded], _ = decode([encode_frame({"at": moment})])
    read = decoded.headers["at"]
    assert isinstance(read, datetime)
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)


@settings(max_examples=examples(500), deadline=None)
@given(data=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_give_frames_or_our_error(data: bytes, places: list[int]) -> None:
    """Raw noise, however it is cut."""
    assert decode(pieces_of(data, places)) == decode([data] if data else [])


# Damage

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
SEEDS = [
    (EVENT, b'{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abcdefgh"}'),
    (text_headers(exception_type="throttlingException", message_type="exception"), b'{"message":"slow"}'),
    (ALL_TYPES, b"\x00\x01\x02"),
    (b"", b""),
    (b"".join(header(bytes((letter,)), letter % 2) for letter in string.ascii_letters.encode()), b""),
]
# Bytes that mean something somewhere: types, lengths, bounds, the first and last bytes of UTF-8 sequences.
SPECIAL = bytes([*range(12), 0x3A, 0x7F, 0x80, 0xC3, 0xED, 0xF4, 0xFE, 0xFF])
LENGTHS = [
    0,
    1,
    11,
    12,
    15,
    16,
    17,
    255,
    256,
    32767,
    32768,
    65535,
    131072,
    131073,
    25165824,
    25165841,
    2**31,
    2**32 - 1,
]


def damaged(source: random.Random, data: bytes) -> bytes:
    """The data after one to four small accidents."""
    changed = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(changed) + 1)
        match source.randrange(5):
            case 0:
                changed[at : at + 1] = bytes((source.choice(SPECIAL),))
            case 1:
                changed[at : at + 1] = bytes((source.randrange(256),))
            case 2:
                changed[at:at] = source.choices(SPECIAL, k=source.randint(1, 8))
            case 3:
                del changed[at : at + source.randint(1, 20)]
            case _:
                changed[at:at] = changed[at : at + source.randint(1, 40)]
    return bytes(changed)


def damage_headers(source: random.Random) -> bytes:
    """Wrong headers in a frame whose lengths and checksums are right."""
    header_block, payload = source.choice(SEEDS)
    return frame(damaged(source, header_block), payload)


def damage_lengths(source: random.Random) -> bytes:
    """Wrong lengths under right checksums: the payload and header block are not where the sender meant."""
    header_block, payload = source.choice(SEEDS)
    total_length, headers_length = 16 + len(header_block) + len(payload), len(header_block)
    if source.random() < 0.7:
        headers_length = source.choice([source.choice(LENGTHS), source.randrange(200)])
    if source.random() < 0.5:
        total_length = source.choice([source.choice(LENGTHS), source.randrange(300)])
    rest = header_block + payload + bytes(300)
    body = prelude(total_length, headers_length) + rest[: min(max(total_length - 16, 0), len(rest))]
    return body + struct.pack(">I", crc32(body))


def damage_prelude(source: random.Random) -> bytes:
    """A prelude, possibly right, and nothing or noise behind it."""
    start = prelude(source.choice(LENGTHS), source.choice(LENGTHS))
    start = damaged(source, start) if source.random() < 0.5 else start
    return start + source.randbytes(source.choice([0, 1, 4, 50]))


def damage_anything(source: random.Random) -> bytes:
    """Wrong bytes anywhere, checksums not repaired."""
    return damaged(source, frame(*source.choice(SEEDS)))


def damage_and_repair(source: random.Random) -> bytes:
    """Wrong bytes anywhere, then both checksums made right for them, and mostly the length of the frame too."""
    changed = damaged(source, frame(*source.choice(SEEDS)))
    if source.random() < 0.8:
        changed = struct.pack(">I", len(changed)) + changed[4:]
    body = changed[:8] + struct.pack(">I", crc32(changed[:8])) + changed[12:-4]
    return body + struct.pack(">I", crc32(body))


def noise(source: random.Random) -> bytes:
    """Random bytes."""
    return source.randbytes(source.randrange(120))


DAMAGES: list[Callable[[random.Random], bytes]] = [
    damage_headers,
    damage_lengths,
    damage_prelude,
    damage_anything,
    damage_and_repair,
    noise,
]


def damaged_stream(source: random.Random, damage: Callable[[random.Random], bytes]) -> bytes:
    """Some good frames, a damaged one, and sometimes another good one."""
    before = b"".join(frame(*source.choice(SEEDS)) for _ in range(source.randrange(3)))
    after = frame(*source.choice(SEEDS)) if source.random() < 0.3 else b""
    return before + damage(source) + after


def decode_watched(chunks: list[bytes]) -> tuple[list[Frame], tuple[str, int] | None]:
    """`decode`, which also fails when the decoder would never come to an end, or changes its mind after an error."""
    decoder = FrameDecoder()
    frames: list[Frame] = []
    errors: list[EventStreamError] = []
    most = sum(map(len, chunks)) // 16 + 1
    for chunk in [*chunks, b"", b"", b""]:
        decoder.receive_data(chunk) if not errors else decoder.receive_eof()
        try:
            while (one := decoder.next_frame()) is not None:
                frames.append(one)
                assert len(frames) <= most, "more frames than the bytes can hold"
        except EventStreamError as error:
            errors.append(error)
    found = {(error.kind, error.offset, str(error)) for error in errors}
    assert len(found) <= 1
    return frames, (errors[0].kind, errors[0].offset) if errors else None


every_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
SOURCES = st.integers(0, 2**64 - 1).map(random.Random)
"""Many streams from one seed: drawn byte by byte, a stream would cost Hypothesis more than it costs the decoder."""


@every_damage
@settings(max_examples=examples(50))
@given(source=SOURCES)
def test_damage_gives_frames_or_our_error(damage: Callable[[random.Random], bytes], source: random.Random) -> None:
    """Thousands of streams of each sort: only EventStreamError comes out, and the same whether whole or in pieces."""
    for _ in range(100):
        data = damaged_stream(source, damage)
        expected = decode_watched([data] if data else [])
        assert decode_watched(cut(data, source.randint(1, 60))) == expected, data.hex()


@every_damage
def test_the_damage_varies(damage: Callable[[random.Random], bytes]) -> None:
    """Each sort of it finds more than one way through the decoder."""
    source = random.Random(damage.__name__)
    streams = [damaged_stream(source, damage) for _ in range(500)]
    outcomes = {error and error[0] for _, error in (decode_watched([data] if data else []) for data in streams)}
    assert len(outcomes) > 1, outcomes


# Where we refuse and botocore does not: what it reads past the end, or does not check at all.
ONLY_WE_REFUSE = {"total_length", "headers_length", "header_name", "header_value", "header_count", "truncated"}


def botocore_decode(data: bytes) -> tuple[list[tuple[dict[str, Any], bytes]], str | None]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    messages: list[tuple[dict[str, Any], bytes]] = []
    try:
        for message in buffer:
            messages.append((message.headers, message.payload))
    except ParserError:
        return messages, "refused"
    except (struct.error, KeyError, UnicodeDecodeError):
        return messages, "crashed"
    return messages, None


def plain(headers: Any) -> dict[str, Any]:
    """Our header values as botocore has them."""
    read: dict[str, Any] = {}
    for name, value in headers.items():
        if isinstance(value, UUID):
            read[name] = value.bytes
        elif isinstance(value, datetime):
            read[name] = (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        else:
            read[name] = value
    return read


@every_damage
@settings(max_examples=examples(40))
@given(source=SOURCES)
def test_what_is_accepted_is_what_botocore_reads(
    damage: Callable[[random.Random], bytes], source: random.Random
) -> None:
    """Every frame we hand out botocore reads the same; what it refuses we refuse; beyond that we are only stricter."""
    for _ in range(50):
        data = damaged_stream(source, damage)
        frames, error = decode([data] if data else [])
        theirs, refusal = botocore_decode(data)
        assert [(plain(one.headers), one.payload) for one in frames] == theirs[: len(frames)], data.hex()
        if error is None:
            assert refusal is None, data.hex()
            assert len(theirs) == len(frames), data.hex()
        elif refusal is None:
            assert error[0] in ONLY_WE_REFUSE, data.hex()
