"""The header block of an event-stream frame, both ways."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from wire.raw_frames import header, sized

from bedrock_converse._wire.eventheaders import (
    MAX_HEADER_COUNT,
    BrokenFrame,
    Byte,
    Long,
    Short,
    encode_headers,
    read_headers,
)
from bedrock_converse.errors import RequestInvalid

UUID_BYTES = bytes(range(16))

# One of each type, and the bounds of each: the block, then the value. Written out by hand after the format.
VALUES = [
    (header(b"a", 0), True),
    (header(b"a", 1), False),
    (header(b"a", 2, b"\x80"), Byte(-128)),
    (header(b"a", 2, b"\x7f"), Byte(127)),
    (header(b"a", 3, b"\x80\x00"), Short(-32768)),
    (header(b"a", 3, b"\x7f\xff"), Short(32767)),
    (header(b"a", 4, b"\x80\x00\x00\x00"), -(2**31)),
    (header(b"a", 4, b"\x7f\xff\xff\xff"), 2**31 - 1),
    (header(b"a", 5, b"\x80" + bytes(7)), Long(-(2**63))),
    (header(b"a", 5, b"\x7f" + b"\xff" * 7), Long(2**63 - 1)),
    (header(b"a", 5, bytes(7) + b"\x05"), Long(5)),
    (header(b"a", 6, b"\x00\x00"), b""),
    (header(b"a", 6, b"\x00\x03\x00\xff\x01"), b"\x00\xff\x01"),
    (header(b"a", 6, sized(b"x" * 32767)), b"x" * 32767),
    (header(b"a", 7, b"\x00\x00"), ""),
    (header(b"a", 7, b"\x00\x05\xc3\xa9\xe2\x82\xac"), "é€"),
    (header(b"a", 8, bytes(8)), datetime(1970, 1, 1, tzinfo=UTC)),
    (header(b"a", 8, b"\xff" * 8), datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    (header(b"a", 8, struct.pack(">q", 1_700_000_000_123)), datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)),
    (header(b"a", 9, UUID_BYTES), UUID(bytes=UUID_BYTES)),
    (header("é".encode() * 127 + b"x", 0), True),
]


def the_value(block: bytes) -> object:
    (value,) = read_headers(block).values()
    return value


@pytest.mark.parametrize(("block", "value"), VALUES)
def test_a_value_of_each_type_is_read(block: bytes, value: object) -> None:
    """Each type gives its Python value, and a number keeps the width it had on the wire."""
    read = the_value(block)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("block", "value"), VALUES)
def test_a_read_block_encodes_to_the_same_bytes(block: bytes, value: object) -> None:
    """Reading loses nothing, so writing gives the bytes back."""
    assert encode_headers(read_headers(block)) == block


def test_headers_keep_their_order() -> None:
    """The mapping and the block have one order."""
    block = header(b"b", 0) + header(b"a", 1) + header(b"c", 0)
    assert list(read_headers(block).items()) == [("b", True), ("a", False), ("c", True)]


def test_an_empty_block_has_no_headers() -> None:
    """A frame may have no header."""
    assert read_headers(b"") == {}


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (b"\x00\x00", "header_name"),  # no name
        (b"\x00", "header_name"),
        (b"\x02a", "header_name"),  # cut off in the name
        (b"\xff" + b"a" * 254, "header_name"),
        (b"\x01\xff\x00", "header_name"),  # not UTF-8
        (b"\x03\xed\xa0\x80\x00", "header_name"),  # a surrogate, which is not UTF-8 either
        (b"\x01a", "header_type"),  # nothing behind the name
        (header(b"a", 10), "header_type"),
        (header(b"a", 255), "header_type"),
        (header(b"a", 2), "header_value"),  # values cut off
        (header(b"a", 3, b"\x00"), "header_value"),
        (header(b"a", 4, b"\x00" * 3), "header_value"),
        (header(b"a", 5, b"\x00" * 7), "header_value"),
        (header(b"a", 6), "header_value"),
        (header(b"a", 6, b"\x00"), "header_value"),
        (header(b"a", 6, b"\x00\x01"), "header_value"),
        (header(b"a", 7, b"\x00"), "header_value"),
        (header(b"a", 7, b"\x00\x03ab"), "header_value"),
        (header(b"a", 8, b"\x00" * 7), "header_value"),
        (header(b"a", 9, b"\x00" * 15), "header_value"),
        (header(b"a", 7, b"\x00\x01\xff"), "header_value"),  # not UTF-8
        (header(b"a", 6, sized(b"x" * 32768)), "header_value"),  # too long
        (header(b"a", 7, sized(b"x" * 65535)), "header_value"),
        (header(b"a", 8, b"\x7f" + b"\xff" * 7), "header_value"),  # no such year
        (header(b"a", 8, b"\x80" + b"\x00" * 7), "header_value"),
        (header(b"a", 0) + header(b"a", 0), "duplicate_header"),
        (header(b"a", 0) + header(b"b", 0) + header(b"a", 4, bytes(4)), "duplicate_header"),
    ],
)
def test_a_broken_block_is_refused(block: bytes, kind: str) -> None:
    """Each way to break the format has its kind, behind a good header as well."""
    for broken in (block, header(b"first", 0) + block):
        with pytest.raises(BrokenFrame) as caught:
            read_headers(broken)
        assert caught.value.kind == kind


def test_a_block_is_refused_every_time() -> None:
    """A refusal is not lost in what is remembered."""
    for _ in range(3):
        with pytest.raises(BrokenFrame):
            read_headers(b"\x01a\x0a")


def test_1024_headers_are_read_and_one_more_is_not() -> None:
    """The number of headers is bounded."""
    most = b"".join(header(b"%04d" % i, 0) for i in range(1024))
    assert len(read_headers(most)) == 1024
    with pytest.raises(BrokenFrame) as caught:
        read_headers(most + header(b"one more", 0))
    assert caught.value.kind == "header_count"


@pytest.mark.parametrize("name", ["", "a" * 256, "é" * 128, "\ud800"])
def test_a_name_without_room_is_refused(name: str) -> None:
    """A name has 1 to 255 bytes of UTF-8."""
    with pytest.raises(RequestInvalid) as caught:
        encode_headers({name: True})
    assert caught.value.path == f"headers[{name!r}]"


@pytest.mark.parametrize(
    "value",
    [
        Byte(128),
        Byte(-129),
        Short(32768),
        Short(-32769),
        Long(2**63),
        2**63,
        -(2**63) - 1,
        b"x" * 32768,
        "x" * 32768,
        "€" * 10923,
        "\udfff",
        datetime(2026, 1, 1),  # without a time zone it is no moment
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),  # in UTC before the year 1
        None,
        1.5,
        ["a"],
    ],
)
def test_a_value_without_room_is_refused(value: object) -> None:
    """What the wire cannot hold is refused by name, and the value is not in the message."""
    with pytest.raises(RequestInvalid) as caught:
        encode_headers({":x": value})  # type: ignore[dict-item]
    assert caught.value.path == "headers[':x']"
    assert len(str(caught.value)) < 100


def test_an_int_takes_8_bytes_only_when_it_must() -> None:
    """A plain int is type 4 while it fits."""
    assert encode_headers({"a": 2**31 - 1})[2] == 4
    assert encode_headers({"a": 2**31})[2] == 5
    assert encode_headers({"a": -(2**31)})[2] == 4
    assert encode_headers({"a": -(2**31) - 1})[2] == 5


def test_a_datetime_is_cut_to_milliseconds_in_any_time_zone() -> None:
    """The wire has milliseconds since 1970 in UTC."""
    tokyo = timezone(timedelta(hours=9))
    block = encode_headers({"a": datetime(1970, 1, 1, 9, 0, 0, 1999, tzinfo=tokyo)})
    assert block == header(b"a", 8, struct.pack(">q", 1))
    block = encode_headers({"a": datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)})
    assert block == header(b"a", 8, struct.pack(">q", -1))


def test_too_many_headers_are_refused() -> None:
    """What the decoder would refuse is not written: 1025 headers, or a block over 128 KiB."""
    names = [str(number) for number in range(MAX_HEADER_COUNT + 1)]
    with pytest.raises(RequestInvalid, match="1025 headers"):
        encode_headers(dict.fromkeys(names, True))
    with pytest.raises(RequestInvalid, match="bytes of headers"):
        encode_headers(dict.fromkeys("abcde", b"x" * 32767))
