"""Event-stream frames put together by hand, independently of the codec under test, broken ones included."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from zlib import crc32

from bedrock_converse._wire.eventstream import FrameDecoder
from bedrock_converse.errors import EventStreamError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bedrock_converse._wire.eventstream import Frame


def prelude(total_length: int, headers_length: int) -> bytes:
    """The first 12 bytes of a frame, with the right checksum for whatever lengths."""
    lengths = struct.pack(">II", total_length, headers_length)
    return lengths + struct.pack(">I", crc32(lengths))


def frame(header_block: bytes = b"", payload: bytes = b"") -> bytes:
    """A frame with right lengths and checksums around any header block, valid or not."""
    body = prelude(16 + len(header_block) + len(payload), len(header_block)) + header_block + payload
    return body + struct.pack(">I", crc32(body))


def header(name: bytes, header_type: int, value: bytes = b"") -> bytes:
    """One header; the value carries its own length where the type has one."""
    return bytes((len(name),)) + name + bytes((header_type,)) + value


def sized(value: bytes) -> bytes:
    """A value of type 6 or 7: its length, then itself."""
    return struct.pack(">H", len(value)) + value


def text_headers(**headers: str) -> bytes:
    """A header block as AWS sends them: `event_type="x"` becomes `:event-type` with the text x."""
    return b"".join(
        header(b":" + name.replace("_", "-").encode(), 7, sized(value.encode())) for name, value in headers.items()
    )


def cut(data: bytes, size: int) -> list[bytes]:
    """The data in pieces of `size` bytes."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def decode(chunks: Iterable[bytes], *, eof: bool = True) -> tuple[list[Frame], tuple[str, int] | None]:
    """All frames of a stream that arrives in these chunks, and the kind and offset of the error that ended it."""
    decoder = FrameDecoder()
    frames: list[Frame] = []
    try:
        for chunk in chunks:
            decoder.receive_data(chunk)
            frames.extend(decoder.frames())
        if eof:
            decoder.receive_eof()
            frames.extend(decoder.frames())
    except EventStreamError as error:
        # Only the frames that next_frame() handed out before the error count: extend() keeps those.
        return frames, (error.kind, error.offset)
    return frames, None
