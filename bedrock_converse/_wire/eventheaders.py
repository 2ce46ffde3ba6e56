"""The headers of an event-stream frame: a block of bytes, and a mapping of names to typed values.

One header is a name, a type and a value:

     1 byte: length L ≥ 1 of the name │ L bytes: name, UTF-8 │ 1 byte: type │ value

     type  value                                type  value
     0     none: true                           5     8 bytes, signed
     1     none: false                          6     2 bytes: length, then that many bytes
     2     1 byte, signed                       7     2 bytes: length, then UTF-8 text of that many bytes
     3     2 bytes, signed                      8     8 bytes, signed: milliseconds since 1970-01-01 UTC
     4     4 bytes, signed                      9     16 bytes: a UUID

The lengths are big-endian. The limits are those of AWS's own decoders: the block's from botocore, the rest from
aws-c-event-stream. Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from bedrock_converse.errors import EventStreamProblem, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_HEADERS = 128 * 1024
"""Bytes of all headers of one frame."""

MAX_HEADER_COUNT = 1024
"""Headers in one frame."""

MAX_HEADER_NAME = 255
"""Bytes of one header name, which has at least one."""

MAX_HEADER_VALUE = 32767
"""Bytes of one header value."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Byte(int):
    """A header value that takes 1 byte on the wire (type 2), -128 to 127."""

    __slots__ = ()


class Short(int):
    """A header value that takes 2 bytes on the wire (type 3), -32768 to 32767."""

    __slots__ = ()


class Long(int):
    """A header value that takes 8 bytes on the wire (type 5). A plain int takes 4 (type 4) where it fits, else 8."""

    __slots__ = ()


HeaderValue: TypeAlias = bool | int | bytes | str | datetime | UUID
"""What a header can hold. The classes `Byte`, `Short` and `Long` keep the width, so that a decoded header encodes to
the same bytes; a timestamp is a `datetime` in UTC, whole milliseconds."""


class BrokenFrame(Exception):  # noqa: N818 - an EventStreamError without its place, which the decoder adds
    """What is wrong with a frame. It never leaves the codec."""

    def __init__(self, kind: EventStreamProblem, problem: str) -> None:
        super().__init__(problem)
        self.kind: EventStreamProblem = kind
        self.problem = problem


_MAX_KNOWN_BLOCK = 512


def read_headers(block: bytes) -> Mapping[str, HeaderValue]:
    """The headers in a block, in its order. Equal blocks may share one mapping: treat it as read-only.

    Raises:
        BrokenFrame: The block is not what the format says, or breaks a limit.
    """
    # Streams repeat a handful of blocks (Bedrock's differ in the event type alone), and reading one takes a while. Kept
    # are small ones only, and few, so that a hostile peer cannot fill the memory.
    return _read_known_headers(block) if len(block) <= _MAX_KNOWN_BLOCK else _read_headers(block)


def _read_headers(block: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    position = 0
    while position < len(block):
        if len(headers) == MAX_HEADER_COUNT:
            raise BrokenFrame("header_count", f"more than {MAX_HEADER_COUNT} headers")
        name, position = _read_name(block, position)
        if name in headers:
            raise BrokenFrame("duplicate_header", f"the header {name!r} twice")
        headers[name], position = _read_value(block, position)
    return headers


_read_known_headers = lru_cache(maxsize=128)(_read_headers)


def _read_name(block: bytes, position: int) -> tuple[str, int]:
    start = position + 1
    end = start + block[position]
    if end == start:
        raise BrokenFrame("header_name", "a header without a name")
    if end > len(block):
        raise BrokenFrame("header_name", "a header name that runs past the headers")
    try:
        return block[start:end].decode(), end
    except UnicodeDecodeError:
        raise BrokenFrame("header_name", "a header name that is not UTF-8") from None


def _read_value(block: bytes, position: int) -> tuple[HeaderValue, int]:
    if position == len(block):
        raise BrokenFrame("header_type", "a header without a type")
    header_type = block[position]
    if header_type >= len(_HEADER_TYPES):
        raise BrokenFrame("header_type", f"the unknown header type {header_type}")
    length, read = _HEADER_TYPES[header_type]
    start = position + 1
    if length is None:
        length = int.from_bytes(block[start : start + 2], "big")
        start += 2
        if length > MAX_HEADER_VALUE:
            raise BrokenFrame("header_value", f"a header value of {length} bytes; the limit is {MAX_HEADER_VALUE}")
    end = start + length
    if end > len(block):
        raise BrokenFrame("header_value", "a header value that runs past the headers")
    return read(block[start:end]), end


def _read_text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BrokenFrame("header_value", "a header text that is not UTF-8") from None


def _read_timestamp(raw: bytes) -> datetime:
    try:
        return _EPOCH + int.from_bytes(raw, "big", signed=True) * _MILLISECOND
    except OverflowError:
        raise BrokenFrame("header_value", "a header timestamp outside the years 1 to 9999") from None


# Type -> length of the value in bytes (None: the value starts with it) and what makes the value of these bytes.
_HEADER_TYPES: tuple[tuple[int | None, Callable[[bytes], HeaderValue]], ...] = (
    (0, lambda _: True),
    (0, lambda _: False),
    (1, lambda raw: Byte.from_bytes(raw, "big", signed=True)),
    (2, lambda raw: Short.from_bytes(raw, "big", signed=True)),
    (4, lambda raw: int.from_bytes(raw, "big", signed=True)),
    (8, lambda raw: Long.from_bytes(raw, "big", signed=True)),
    (None, lambda raw: raw),
    (None, _read_text),
    (8, _read_timestamp),
    (16, lambda raw: UUID(bytes=raw)),
)


def encode_headers(headers: Mapping[str, HeaderValue]) -> bytes:
    """The block for these headers, in their order.

    Raises:
        RequestInvalid: A name or value that the format has no room for, or more than a decoder would take.
    """
    if len(headers) > MAX_HEADER_COUNT:
        raise RequestInvalid(path="headers", problem=f"{len(headers)} headers; the limit is {MAX_HEADER_COUNT}")
    block = b"".join(_encode_name(name) + _encode_value(name, value) for name, value in headers.items())
    if len(block) > MAX_HEADERS:
        raise RequestInvalid(path="headers", problem=f"{len(block)} bytes of headers; the limit is {MAX_HEADERS}")
    return block


def _encode_name(name: str) -> bytes:
    raw = _encode_text(name, name)
    if not 1 <= len(raw) <= MAX_HEADER_NAME:
        raise _refused(name, f"a name has 1 to {MAX_HEADER_NAME} bytes")
    return bytes((len(raw),)) + raw


def _encode_value(name: str, value: HeaderValue) -> bytes:
    match value:
        case bool():
            return b"\x00" if value else b"\x01"
        case Byte():
            return _encode_integer(name, 2, value, 1)
        case Short():
            return _encode_integer(name, 3, value, 2)
        case int():
            if isinstance(value, Long) or not -(2**31) <= value < 2**31:
                return _encode_integer(name, 5, value, 8)
            return _encode_integer(name, 4, value, 4)
        case bytes():
            return _encode_sized(name, 6, value)
        case str():
            return _encode_sized(name, 7, _encode_text(name, value))
        case datetime():
            return _encode_integer(name, 8, _milliseconds(name, value), 8)
        case UUID():
            return b"\x09" + value.bytes
        case _:  # for callers without a type checker
            raise _refused(name, f"a header cannot hold a {type(value).__name__}")


def _encode_integer(name: str, header_type: int, value: int, width: int) -> bytes:
    try:
        return bytes((header_type,)) + value.to_bytes(width, "big", signed=True)
    except OverflowError:
        raise _refused(name, f"the number does not fit in {width} bytes") from None


def _milliseconds(name: str, moment: datetime) -> int:
    if moment.utcoffset() is None:
        raise _refused(name, "a datetime needs a time zone")
    try:
        return (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except OverflowError:
        raise _refused(name, "in UTC the datetime lies outside the years 1 to 9999") from None


def _encode_sized(name: str, header_type: int, raw: bytes) -> bytes:
    if len(raw) > MAX_HEADER_VALUE:
        raise _refused(name, f"a value of {len(raw)} bytes; the limit is {MAX_HEADER_VALUE}")
    return struct.pack(">BH", header_type, len(raw)) + raw


def _encode_text(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _refused(name, "a lone surrogate cannot be written as UTF-8") from None


def _refused(name: str, problem: str) -> RequestInvalid:
    return RequestInvalid(path=f"headers[{name!r}]", problem=problem)
