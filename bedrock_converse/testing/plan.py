"""What goes over the wire for one request, decided before the first byte is sent. Every front end carries out the same
plan: that is why they behave alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Ending", "Piece", "Plan", "ScriptError", "Start"]

Start = Literal["answer", "close", "reset", "hang"]
"""What happens instead of a response: the connection is closed or reset, or nothing comes for ever."""

Ending = Literal["complete", "close", "reset", "hang"]
"""What happens after the last byte."""


class ScriptError(AssertionError):
    """The test and its script disagree: something was asked that is not scripted, or scripted and never asked for."""


@dataclass(slots=True)
class Piece:
    """Bytes that are sent together: a frame of a stream, or a whole body."""

    data: bytes
    pause: float = 0.0
    """Seconds between the piece before it (or the head) and this one."""
    tokens: float = 0.0
    """How much of the model's work it stands for: what pacing counts."""


@dataclass(slots=True)
class Plan:
    """A response, and how it goes wrong."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    pieces: list[Piece] = field(default_factory=list[Piece])
    stream: bool = False
    """Sent chunked, piece by piece. Otherwise the body has a Content-Length."""
    delay: float = 0.0
    """Seconds before the first byte of the response."""
    start: Start = "answer"
    ending: Ending = "complete"
    length: int | None = None
    """The Content-Length, where it is not simply the length of the pieces."""
    paced: bool = False

    @property
    def body(self) -> bytes:
        """All bytes of the body."""
        return b"".join([piece.data for piece in self.pieces])

    @property
    def content_length(self) -> int | None:
        """What the header says; None for a chunked body."""
        if self.length is not None:
            return self.length
        return None if self.stream else sum(len(piece.data) for piece in self.pieces)

    def keep_length(self) -> None:
        """Before bytes are taken away: go on promising as many as there were."""
        self.length = self.content_length
