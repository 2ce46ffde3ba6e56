"""Events -> the reply: the same `ConverseResponse` that `converse()` returns, and a partial one at any moment.

    messageStart                role
    contentBlockStart   index   toolUse, toolResult and image only; text, reasoning and citations begin with a delta
    contentBlockDelta   index   a piece: text, input JSON, reasoning text or signature or bytes, a citation, ...
    contentBlockStop    index
    messageStop                 stop reason, additional response fields
    metadata                    usage, metrics, trace; after messageStop as a rule, and not always there

Nothing is joined or parsed before somebody asks. Every snapshot has lists and blocks of its own; only what one event
brought whole (usage, trace, a citation, a tool result's JSON) is the event's own object. No order of events is an
error here: whether a stream is complete is for its reader to judge, by `complete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bedrock_converse._wire.blocks import Growing, Text, begin, build, kind_of_delta, says_nothing
from bedrock_converse.types import (
    ContentBlockDeltaEvent,
    ContentBlockStartEvent,
    ContentBlockStopEvent,
    ConverseMetrics,
    ConverseResponse,
    ConverseStreamMetadataEvent,
    ConverseTrace,
    Message,
    MessageStartEvent,
    MessageStopEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bedrock_converse.types import ContentBlock, ConverseStreamOutput

__all__ = ["Accumulator"]

_NOWHERE = object()


class Accumulator:
    """Takes a stream's events one by one and says, at any moment, what the reply is so far.

    A block is found by its index, whatever order the indexes come in; an event without one means the block before. If
    several kinds of pieces come under one index, they are several blocks, in that order.
    """

    __slots__ = ("_add_text", "_closed", "_last", "_places", "_start", "_stop", "_text_at", "_usage")

    def __init__(self) -> None:
        self._places: dict[int, list[Growing]] = {}
        self._closed: set[int] = set()
        self._last = 0  # the index that came last
        self._start: MessageStartEvent | None = None
        self._stop: MessageStopEvent | None = None
        self._usage: ConverseStreamMetadataEvent | None = None
        self._text_at: object = _NOWHERE  # the index whose text grows, while nothing else comes between
        self._add_text: Callable[[str], None] = [""].append

    def feed(self, event: ConverseStreamOutput) -> None:
        """Takes the next event; 0.2 µs for a piece of text. Never raises, never waits."""
        if type(event) is ContentBlockDeltaEvent:
            if event.content_block_index == self._text_at and type(delta := event.delta) is str:
                self._add_text(delta)
            else:
                self._grow(event.content_block_index, event.delta)
        elif isinstance(event, ContentBlockStopEvent):
            index = event.content_block_index
            self._closed.add(self._last if index is None else index)
        elif isinstance(event, ContentBlockStartEvent):
            self._begin(event.content_block_index, event.start)
        elif isinstance(event, ContentBlockDeltaEvent):
            self._grow(event.content_block_index, event.delta)
        elif isinstance(event, MessageStartEvent):
            self._start = event
        elif isinstance(event, MessageStopEvent):
            self._stop = event
        elif isinstance(event, ConverseStreamMetadataEvent):
            self._usage = event

    def _place(self, index: int | None) -> list[Growing]:
        self._text_at = _NOWHERE
        if index is not None:
            self._last = index
        return self._places.setdefault(self._last, [])

    def _begin(self, index: int | None, start: Any) -> None:
        place = self._place(index)
        block = begin(start)
        if block is not None:
            place.append(block)

    def _grow(self, index: int | None, delta: Any) -> None:
        kind = kind_of_delta(delta)
        if kind is None:  # no delta, or one that nobody knows, which stands for itself
            self._begin(index, delta)
            return
        place = self._place(index)
        if not place or type(place[-1]) is not kind:
            if says_nothing(delta):
                return
            place.append(kind())
        block = place[-1]
        block.add(delta)
        if isinstance(block, Text):
            self._text_at, self._add_text = self._last, block.pieces.append

    @property
    def complete(self) -> bool:
        """Whether the message is complete: `messageStop` came. A stream that ends without it was cut."""
        return self._stop is not None

    @property
    def whole(self) -> bool:
        """The message is complete and its metadata came: AWS sends nothing after these two."""
        return self._usage is not None and self._stop is not None

    def blocks(self, index: int | None) -> list[ContentBlock]:
        """The blocks under one index as they are now, which is what a `contentBlockStop` completed, once it was fed.

        Mostly one; none for text that stayed empty; several if their pieces came under one index. None for the index
        means the last one that came.
        """
        place = self._last if index is None else index
        growing = self._places.get(place, [])
        closed = self.complete or place in self._closed
        return [block.build(closed or block is not growing[-1]) for block in growing]

    @property
    def response(self) -> ConverseResponse:
        """The reply so far, anew each time: later events do not change it.

        Before `messageStop` its `stop_reason` is None, before the metadata its `usage`; both are unset then. A tool
        call's input is text until its block has ended.
        """
        content = [block for index in sorted(self._places) for block in self.blocks(index)]
        message = build(Message, self._start, content=content)
        if self._start is None:
            message.role = "assistant"  # the only one who answers
        members: dict[str, Any] = {"output": message}
        end = self._usage
        if end is not None and end.metrics is not None:
            members["metrics"] = build(ConverseMetrics, end.metrics)
        if end is not None and end.trace is not None:
            members["trace"] = build(ConverseTrace, end.trace)
        return build(ConverseResponse, self._stop, end, **members)
