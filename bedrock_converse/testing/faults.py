"""How answers go wrong, and how slowly they come. Each is a small change to a plan, so that they combine."""

from __future__ import annotations

import gzip
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal
from zlib import crc32

from bedrock_converse.testing.plan import Piece, Plan, ScriptError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BadChecksum",
    "ContentType",
    "Cut",
    "Delay",
    "EmptyBody",
    "Fails",
    "Fault",
    "Gzip",
    "Hang",
    "HugeFrame",
    "MalformedJson",
    "Paced",
    "Reset",
    "ResponseHeaders",
    "SlowDrip",
    "WrongLength",
]


class Fault(ABC):
    """A change to the plan of an answer."""

    @abstractmethod
    def apply(self, plan: Plan) -> None:
        """Change the plan in place."""

    def __str__(self) -> str:
        name = getattr(self, "word", None) or "".join(
            f"_{letter.lower()}" if letter.isupper() else letter for letter in type(self).__name__
        ).lstrip("_")
        given = [
            f"{part.name}={value!r}"
            for part in fields(self)  # type: ignore[arg-type]  # every fault is a dataclass
            if not callable(value := getattr(self, part.name)) and value != part.default
        ]
        return f"{name}({', '.join(given)})"


def _first_events(plan: Plan, count: int, what: str) -> list[Piece]:
    if plan.stream and count > len(plan.pieces):
        raise ScriptError(f"{what}: the stream has only {len(plan.pieces)} events")
    return plan.pieces[:count]


def _event(plan: Plan, index: int, what: str) -> Piece:
    """The event, as a piece of this plan's own that may be changed."""
    if not plan.stream:
        index = 0  # a whole answer is one event
    if index >= len(plan.pieces):
        raise ScriptError(f"{what}: the answer has only {len(plan.pieces)} events, numbered from 0")
    plan.pieces[index] = replace(plan.pieces[index])
    return plan.pieces[index]


@dataclass(frozen=True)
class Cut(Fault):
    """The rest does not come, and the connection closes."""

    after_events: int | None = None
    after_bytes: int | None = None
    inside_event: int | None = None
    cleanly: bool = False

    def __post_init__(self) -> None:
        if [self.after_events, self.after_bytes, self.inside_event].count(None) != 2:
            raise TypeError("cut() takes one of after_events=, after_bytes= and inside_event=")

    def apply(self, plan: Plan) -> None:
        plan.keep_length()
        if self.after_events is not None:
            plan.pieces = _first_events(plan, self.after_events, str(self))
        elif self.inside_event is not None:
            piece = _event(plan, self.inside_event, str(self))
            piece.data = piece.data[: len(piece.data) // 2]
            del plan.pieces[plan.pieces.index(piece) + 1 :]
        else:
            plan.pieces = list(_first_bytes(plan.pieces, self.after_bytes or 0))
        if self.cleanly:
            plan.length = None
        else:
            plan.ending = "close"


def _first_bytes(pieces: list[Piece], count: int) -> list[Piece]:
    kept: list[Piece] = []
    for piece in pieces:
        if count <= 0:
            break
        kept.append(replace(piece, data=piece.data[:count]))
        count -= len(piece.data)
    return kept


@dataclass(frozen=True)
class _Stop(Fault):
    """What stops an answer for good: before its head, or after some of its events."""

    after_events: int | None = None

    def _stop(self, plan: Plan, how: Literal["reset", "hang"]) -> None:
        if self.after_events is None:
            plan.start = how
        else:
            plan.keep_length()
            plan.pieces = _first_events(plan, self.after_events, str(self))
            plan.ending = how


@dataclass(frozen=True)
class Reset(_Stop):
    def apply(self, plan: Plan) -> None:
        self._stop(plan, "reset")


@dataclass(frozen=True)
class Hang(_Stop):
    def apply(self, plan: Plan) -> None:
        self._stop(plan, "hang")


@dataclass(frozen=True)
class Close(Fault):
    def apply(self, plan: Plan) -> None:
        plan.start = "close"


@dataclass(frozen=True)
class BadChecksum(Fault):
    event: int = 1
    word = "bad_crc"

    def apply(self, plan: Plan) -> None:
        piece = _event(plan, self.event, str(self))
        piece.data = piece.data[:-1] + bytes([piece.data[-1] ^ 0xFF])


@dataclass(frozen=True)
class MalformedJson(Fault):
    """A frame with good checksums whose payload is no JSON; for a whole answer, such a body."""

    event: int = 1

    def apply(self, plan: Plan) -> None:
        piece = _event(plan, self.event, str(self))
        if not plan.stream:
            piece.data = piece.data[:-1]
            return
        header_end = 12 + struct.unpack_from(">I", piece.data, 4)[0]
        # One byte less of payload: the closing brace is gone.
        lengths = struct.pack(">II", len(piece.data) - 1, header_end - 12)
        frame = lengths + struct.pack(">I", crc32(lengths)) + piece.data[12:header_end] + piece.data[header_end:-5]
        piece.data = frame + struct.pack(">I", crc32(frame))


@dataclass(frozen=True)
class HugeFrame(Fault):
    """Instead of an event, the beginning of a frame that says it will be `announced` bytes long. Then nothing comes."""

    event: int = 1
    announced: int = 0xFFFF_FFFF

    def apply(self, plan: Plan) -> None:
        piece = _event(plan, self.event, str(self))
        lengths = struct.pack(">II", self.announced, 0)
        piece.data = lengths + struct.pack(">I", crc32(lengths))
        del plan.pieces[plan.pieces.index(piece) + 1 :]
        plan.ending = "hang"


@dataclass(frozen=True)
class EmptyBody(Fault):
    def apply(self, plan: Plan) -> None:
        plan.pieces = []


@dataclass(frozen=True)
class ContentType(Fault):
    value: str = ""

    def apply(self, plan: Plan) -> None:
        plan.headers["Content-Type"] = self.value


@dataclass(frozen=True)
class ResponseHeaders(Fault):
    headers: tuple[tuple[str, str], ...] = ()
    word = "headers"

    def apply(self, plan: Plan) -> None:
        plan.headers.update(self.headers)


@dataclass(frozen=True)
class WrongLength(Fault):
    """A Content-Length that is `by` bytes more (they never come: the connection closes) or less than the body."""

    by: int = 0

    def apply(self, plan: Plan) -> None:
        plan.length = max(len(plan.body) + self.by, 0)
        plan.ending = "close"


@dataclass(frozen=True)
class Gzip(Fault):
    def apply(self, plan: Plan) -> None:
        plan.headers["Content-Encoding"] = "gzip"
        plan.pieces = [Piece(gzip.compress(plan.body, mtime=0), tokens=sum(piece.tokens for piece in plan.pieces))]


@dataclass(frozen=True)
class SlowDrip(Fault):
    """A few bytes at a time."""

    bytes_per_second: float = 10.0

    def __post_init__(self) -> None:
        if self.bytes_per_second <= 0:
            raise ValueError("bytes_per_second must be greater than 0")

    def apply(self, plan: Plan) -> None:
        size = max(int(self.bytes_per_second / 10), 1)
        body = plan.body
        plan.paced = True
        plan.pieces = [
            Piece(body[start : start + size], pause=size / self.bytes_per_second) for start in range(0, len(body), size)
        ]


@dataclass(frozen=True)
class Delay(Fault):
    seconds: float = 0.0

    def apply(self, plan: Plan) -> None:
        plan.delay += self.seconds


@dataclass(frozen=True)
class Paced(Fault):
    """As fast as a model: so long until the first token, then so many a second."""

    tokens_per_second: float | None = None
    time_to_first_token: float = 0.0

    def __post_init__(self) -> None:
        if self.tokens_per_second is not None and self.tokens_per_second <= 0:
            raise ValueError("tokens_per_second must be greater than 0")

    def apply(self, plan: Plan) -> None:
        plan.paced = True
        plan.delay += self.time_to_first_token
        if self.tokens_per_second is None:
            return
        if plan.stream:
            plan.pieces = [replace(piece, pause=piece.tokens / self.tokens_per_second) for piece in plan.pieces]
        else:
            plan.delay += sum(piece.tokens for piece in plan.pieces) / self.tokens_per_second


@dataclass(frozen=True)
class Fails(Fault):
    """An error: inside a stream after some events, as a whole answer for what does not stream."""

    error: str
    """How the error calls itself."""
    frame: Callable[[], bytes]
    whole: Callable[[], Plan]
    after_events: int = 0

    def apply(self, plan: Plan) -> None:
        if plan.stream:
            plan.pieces = [*_first_events(plan, self.after_events, str(self)), Piece(self.frame())]
        else:
            answer = self.whole()
            plan.status, plan.headers, plan.pieces, plan.length = answer.status, answer.headers, answer.pieces, None

    def __str__(self) -> str:
        return f"fails({self.error}, after_events={self.after_events})"
