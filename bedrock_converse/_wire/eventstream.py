"""The `application/vnd.amazon.eventstream` codec: bytes in, frames out, and back. It performs no I/O.

One frame, every number big-endian and unsigned unless said otherwise:

     0            4              8             12          12 + H                N - 4          N
     ┌────────────┬──────────────┬─────────────┬───────────┬─────────────────────┬─────────────┐
     │ N, length  │ H, length of │ CRC-32 of   │ headers   │ payload             │ CRC-32 of   │
     │ of frame   │ the headers  │ bytes 0..8  │ (H bytes) │ (N - H - 16 bytes)  │ 0..N-4      │
     └────────────┴──────────────┴─────────────┴───────────┴─────────────────────┴─────────────┘
     └──────────── prelude ────────────────────┘

`eventheaders` has the format of a header. Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
from collections import deque
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING
from zlib import crc32

from bedrock_converse._wire.eventheaders import (
    MAX_HEADER_COUNT,
    MAX_HEADER_NAME,
    MAX_HEADER_VALUE,
    MAX_HEADERS,
    BrokenFrame,
    Byte,
    HeaderValue,
    Long,
    Short,
    encode_headers,
    read_headers,
)
from bedrock_converse.errors import EventStreamError, EventStreamProblem, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

__all__ = [
    "MAX_HEADERS",
    "MAX_HEADER_COUNT",
    "MAX_HEADER_NAME",
    "MAX_HEADER_VALUE",
    "MAX_PAYLOAD",
    "Byte",
    "Frame",
    "FrameDecoder",
    "HeaderValue",
    "Long",
    "Short",
    "encode_error",
    "encode_event",
    "encode_exception",
    "encode_frame",
]

MAX_PAYLOAD = 24 * 1024 * 1024
"""Bytes of payload in one frame. The service's own maximum in 2026, and "likely to increase" (aws-c-event-stream)."""

_PRELUDE_LENGTH = 12
_CHECKSUM_LENGTH = 4
_FRAME_OVERHEAD = _PRELUDE_LENGTH + _CHECKSUM_LENGTH

_unpack_prelude = struct.Struct(">III").unpack_from


class Frame:
    """One message of the stream, its checksums verified.

    `headers` may be shared between frames: read it, do not change it. `offset` is where the frame starts, in bytes from
    the beginning of the stream. Frames compare by value.
    """

    __slots__ = ("headers", "offset", "payload")

    def __init__(self, headers: Mapping[str, HeaderValue], payload: bytes, offset: int = 0) -> None:
        self.headers = headers
        self.payload = payload
        self.offset = offset

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frame):
            return NotImplemented
        return (self.headers, self.payload, self.offset) == (other.headers, other.payload, other.offset)

    def __repr__(self) -> str:
        # Header values and payload are the model's words, or AWS's about the user's: they stay out of logs.
        return f"<Frame at byte {self.offset}: headers {list(self.headers)}, payload of {len(self.payload)} bytes>"


class FrameDecoder:
    """Turns the bytes of an event stream, cut anywhere, into frames.

        decoder = FrameDecoder()
        async for chunk in body:
            decoder.receive_data(chunk)
            for frame in decoder.frames():
                ...
        decoder.receive_eof()
        decoder.next_frame()        # raises if the stream ended inside a frame

    The frames do not depend on how the bytes were cut. Time is linear in the bytes received. Memory is what was handed
    in and not yet fetched, plus one frame; a frame's lengths are checked as soon as the 12 bytes of its prelude are
    there, before anything of it is gathered.

    Args:
        max_payload: Refuse a frame with a longer payload, in bytes.
    """

    __slots__ = ("_at_eof", "_failure", "_frame_offset", "_max_payload", "_unfinished", "_unread")

    def __init__(self, *, max_payload: int = MAX_PAYLOAD) -> None:
        self._max_payload = max_payload
        self._unread = _Unread()
        self._unfinished: Generator[None, None, Frame] | None = None
        self._frame_offset = 0
        self._at_eof = False
        self._failure: tuple[str, int, EventStreamProblem] | None = None

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Store bytes as they came from the peer; `next_frame` looks at them. `b""` means the end of the stream.

        `bytes` are kept without a copy. After a broken frame nothing is kept any more.

        Raises:
            RuntimeError: Data after the end of the stream: a mistake of the caller.
        """
        if not isinstance(data, bytes):
            data = bytes(memoryview(data))  # the caller may write into its buffer as soon as we return
        if not data:
            self._at_eof = True
        elif self._at_eof:
            raise RuntimeError("data was received after the end of the event stream")
        elif self._failure is None:
            self._unread.add(data)

    def receive_eof(self) -> None:
        """The peer will send no more. May be repeated."""
        self._at_eof = True

    def next_frame(self) -> Frame | None:
        """The next frame; None when more data is needed, or when the stream has ended between two frames.

        Raises:
            EventStreamError: The frame is broken, or the stream ended inside it (`kind="truncated"`). The frames before
                it stay valid. There is no way to find a frame behind it, so every further call raises the same.
                Any other exception is a bug.
        """
        unread = self._unread
        chunk, start = unread.chunk, unread.position
        if start == len(chunk) and not unread.waiting and self._unfinished is None and self._failure is None:
            return None  # everything has been read: the usual case, once per piece that came
        payload = b""
        # The usual case, for speed: a frame that lies whole in one chunk, and whose first bytes were seen before. It
        # decides nothing by itself: whatever it does not know or does not like is read step by step.
        if len(chunk) - start >= _FRAME_OVERHEAD and self._unfinished is None:
            # The last byte of the headers' length will do: heads with more than 255 bytes of headers are not kept.
            payload_start = start + _PRELUDE_LENGTH + chunk[start + 7]
            head = _known_heads.get(chunk[start:payload_start])
            if head is not None:
                headers, payload_length, checksum = head
                payload_end = payload_start + payload_length
                end = payload_end + _CHECKSUM_LENGTH
                if end <= len(chunk) and payload_length <= self._max_payload:
                    payload = chunk[payload_start:payload_end]
                    if crc32(payload, checksum).to_bytes(4, "big") == chunk[payload_end:end]:
                        unread.position = end
                        return Frame(headers, payload, unread.offset + start)
        chunk = payload = b""  # a traceback, and some are sent elsewhere, shows local names: nothing of the reply in it
        return self._next_frame_in_steps()

    def frames(self) -> Iterator[Frame]:
        """The frames that the data received so far completes, one after the other. Raises as `next_frame` does."""
        while (frame := self.next_frame()) is not None:
            yield frame

    def _next_frame_in_steps(self) -> Frame | None:
        if self._failure is None:
            try:
                return self._read_on()
            except BrokenFrame as broken:
                offset = self._frame_offset
                self._failure = (f"{broken.problem} (in the frame at byte {offset})", offset, broken.kind)
                self._unfinished = None
                self._unread = _Unread()
        # A new exception each time: a kept one would hold the frames of its traceback, and they this decoder.
        message, offset, kind = self._failure
        raise EventStreamError(message, offset=offset, kind=kind)

    def _read_on(self) -> Frame | None:
        if self._unfinished is None:
            if not self._unread.available():
                return None
            self._frame_offset = self._unread.offset + self._unread.position
            self._unfinished = _read_frame(self._unread, self._frame_offset, self._max_payload)
        try:
            next(self._unfinished)
        except StopIteration as finished:
            self._unfinished = None
            frame: Frame = finished.value
            return frame
        if self._at_eof:
            raise BrokenFrame("truncated", "the stream ended inside a frame")
        return None


class _Unread:
    """The bytes received and not yet used: the chunk being read, and those that wait behind it."""

    __slots__ = ("chunk", "offset", "position", "waiting")

    def __init__(self) -> None:
        self.chunk = b""
        self.position = 0
        """Where reading goes on in `chunk`."""
        self.offset = 0
        """Where `chunk` starts, in bytes from the beginning of the stream."""
        self.waiting: deque[bytes] = deque()

    def add(self, data: bytes) -> None:
        if self.waiting or self.position < len(self.chunk):
            self.waiting.append(data)
        else:
            self.offset += self.position
            self.position = 0
            self.chunk = data

    def available(self) -> bool:
        """Whether any byte is left. Lets go of a chunk that was read to its end, and goes on to the next."""
        if self.position == len(self.chunk):
            self.offset += self.position
            self.position = 0
            self.chunk = self.waiting.popleft() if self.waiting else b""
        return bool(self.chunk)

    def whole(self, length: int) -> bytes:
        """The next `length` bytes if the present chunk has them all, else nothing."""
        end = self.position + length
        if end > len(self.chunk):
            return b""
        taken = self.chunk[self.position : end]
        self.position = end
        return taken

    def take(self, limit: int) -> memoryview:
        """The next bytes, uncopied: as many as the present chunk has, up to `limit`. Empty when nothing is left."""
        if not self.available():
            return memoryview(b"")
        taken = memoryview(self.chunk)[self.position : self.position + limit]
        self.position += len(taken)
        return taken


# What follows from the first bytes of a frame, prelude and headers, once these were verified: the headers, the length
# of the payload and the CRC so far. The small frames of all streams begin in a few hundred ways (event type times
# length), so that nearly every one costs one look here instead of two checksums and reading lengths and headers.
# Bounded, so that neither long payloads of ever new lengths push these out nor a hostile peer fills the memory (5 MB).
_known_heads: dict[bytes, tuple[Mapping[str, HeaderValue], int, int]] = {}
_MAX_KNOWN_HEADS = 1024
_MAX_KNOWN_HEADERS_LENGTH = 255
_MAX_KNOWN_PAYLOAD_LENGTH = 1023


def _read_frame(unread: _Unread, offset: int, max_payload: int) -> Generator[None, None, Frame]:
    """Read one frame, wherever its bytes were cut. Yields when it needs more data."""
    prelude = unread.whole(_PRELUDE_LENGTH) or (yield from _gather(unread, _PRELUDE_LENGTH))
    _check_prelude(prelude, max_payload)
    total_length, headers_length, _ = _unpack_prelude(prelude)
    payload_length = total_length - headers_length - _FRAME_OVERHEAD
    header_block = unread.whole(headers_length) or (yield from _gather(unread, headers_length))
    payload = unread.whole(payload_length) or (yield from _gather(unread, payload_length))
    checksum = unread.whole(_CHECKSUM_LENGTH) or (yield from _gather(unread, _CHECKSUM_LENGTH))
    head = prelude + header_block
    head_checksum = crc32(head)
    if crc32(payload, head_checksum).to_bytes(4, "big") != checksum:
        raise BrokenFrame("message_checksum", "the checksum of the frame does not match its bytes")
    headers = read_headers(header_block)
    if headers_length <= _MAX_KNOWN_HEADERS_LENGTH and payload_length <= _MAX_KNOWN_PAYLOAD_LENGTH:
        if len(_known_heads) >= _MAX_KNOWN_HEADS:
            _known_heads.clear()
        _known_heads[head] = (headers, payload_length, head_checksum)
    return Frame(headers, payload, offset)


def _gather(unread: _Unread, length: int) -> Generator[None, None, bytes]:
    # BytesIO grows in place, and getvalue() hands over its buffer: each byte is copied once, however small the pieces.
    gathered = BytesIO()
    while length:
        if piece := unread.take(length):
            length -= gathered.write(piece)
        else:
            yield
    return gathered.getvalue()


def _check_prelude(prelude: bytes, max_payload: int) -> None:
    total_length, headers_length, checksum = _unpack_prelude(prelude)
    # The checksum goes first: without it the lengths mean nothing.
    if crc32(prelude[:8]) != checksum:
        raise BrokenFrame("prelude_checksum", "the checksum of the lengths does not match: this is no event stream")
    if total_length < _FRAME_OVERHEAD:
        raise BrokenFrame("total_length", f"a frame of {total_length} bytes; the least is {_FRAME_OVERHEAD}")
    if headers_length > MAX_HEADERS:
        raise BrokenFrame("headers_length", f"{headers_length} bytes of headers; the limit is {MAX_HEADERS}")
    if headers_length > total_length - _FRAME_OVERHEAD:
        raise BrokenFrame("headers_length", f"{headers_length} bytes of headers in a frame of {total_length} bytes")
    payload_length = total_length - headers_length - _FRAME_OVERHEAD
    if payload_length > max_payload:
        raise BrokenFrame("payload_length", f"{payload_length} bytes of payload; the limit is {max_payload}")


def encode_frame(headers: Mapping[str, HeaderValue], payload: bytes = b"") -> bytes:
    """One frame. Headers keep their order.

    A value's Python type chooses its type on the wire: bool, `Byte`, `Short`, int (4 bytes where it fits, else 8),
    `Long`, bytes, str, an aware datetime (cut to milliseconds), UUID.

    Raises:
        RequestInvalid: A name, value or length that the format has no room for, or that a decoder would refuse.
    """
    return _encode(encode_headers(headers), payload)


def encode_event(event_type: str, payload: bytes, content_type: str = "application/json") -> bytes:
    """A frame as AWS sends an event of the given type, `"contentBlockDelta"` for example. Raises as `encode_frame`."""
    headers = ((":event-type", event_type), (":content-type", content_type), (":message-type", "event"))
    return _encode(_encode_text_headers(headers), payload)


def encode_exception(exception_type: str, payload: bytes) -> bytes:
    """A frame as AWS sends a modeled exception, `"throttlingException"` for example. Raises as `encode_frame`."""
    content_type = (":content-type", "application/json")
    headers = ((":exception-type", exception_type), content_type, (":message-type", "exception"))
    return _encode(_encode_text_headers(headers), payload)


def encode_error(code: str, message: str) -> bytes:
    """A frame as AWS sends an unmodeled error: all of it is in the headers. Raises as `encode_frame`."""
    return encode_frame({":error-code": code, ":error-message": message, ":message-type": "error"})


def _encode(header_block: bytes, payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise RequestInvalid(path="payload", problem=f"{len(payload)} bytes; the limit is {MAX_PAYLOAD}")
    lengths = struct.pack(">II", _FRAME_OVERHEAD + len(header_block) + len(payload), len(header_block))
    prelude = lengths + struct.pack(">I", crc32(lengths))
    checksum = crc32(payload, crc32(header_block, crc32(prelude)))
    return b"".join((prelude, header_block, payload, struct.pack(">I", checksum)))


@lru_cache(maxsize=128)
def _encode_text_headers(headers: tuple[tuple[str, str], ...]) -> bytes:
    return encode_headers(dict(headers))
