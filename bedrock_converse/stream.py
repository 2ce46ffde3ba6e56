"""Streams: `ConverseStream`, what it yields in `parts()`, and `InvokeModelStream`.

A stream is used in an `async with`: the request goes out on entering, and leaving closes the connection at once,
whatever has been read. Nothing runs in the background, so nothing is generated (and billed) for a reader who has gone.
"""

from __future__ import annotations

import warnings
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bedrock_converse._http.home import ELSEWHERE, home
from bedrock_converse._http.tracebacks import discreet, forget_locals
from bedrock_converse.errors import BedrockError, ClientClosed, StreamIncomplete
from bedrock_converse.types import (
    ContentBlockDeltaEvent,
    ContentBlockStartEvent,
    ContentBlockStopEvent,
    PayloadPart,
    ReasoningTextDelta,
    ToolUseBlockDelta,
    ToolUseBlockStart,
)
from bedrock_converse.types.results import CallFacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from types import TracebackType
    from typing import Self

    from bedrock_converse._http.call import Call
    from bedrock_converse._http.events import EventSource
    from bedrock_converse._wire.accumulate import Accumulator
    from bedrock_converse.types import ContentBlock, ConverseResponse, ConverseStreamOutput

__all__ = [
    "BlockDone",
    "ConverseStream",
    "Done",
    "InvokeModelStream",
    "Part",
    "ReasoningDelta",
    "TextDelta",
    "ToolInputDelta",
]

T = TypeVar("T")

# --- parts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str
    index: int = 0
    """Which content block it belongs to."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of readable reasoning."""

    text: str
    index: int = 0
    """Which content block it belongs to."""


@dataclass(frozen=True, slots=True)
class ToolInputDelta:
    """A piece of a tool call's input: JSON text, not yet valid by itself. The first piece of a call is often empty."""

    tool_use_id: str
    name: str
    """The tool's name."""
    input: str
    """The piece."""
    index: int = 0
    """Which content block it belongs to."""


@dataclass(frozen=True, slots=True)
class BlockDone:
    """A content block is complete: text as `str`, or the block, a tool call with its input parsed."""

    block: ContentBlock
    index: int = 0
    """Which content block it is."""


@dataclass(frozen=True, slots=True)
class Done:
    """The stream is over; always the last part."""

    reply: ConverseResponse
    """What `final()` returns."""


Part = TextDelta | ReasoningDelta | ToolInputDelta | BlockDone | Done
"""What `ConverseStream.parts()` yields."""

# --- the streams ------------------------------------------------------------------------------------------------------


class _EventStream(Generic[T]):
    """What both streams have in common: opening, the one cursor, the end."""

    _source: EventSource | None = None
    _closed = False

    def __init__(self, make_call: Callable[[], Awaitable[Call]]) -> None:
        self._make_call = make_call
        self._call: Any = None
        self._entered = False
        self._over = False
        self._busy = False
        """A task is waiting for the next event."""
        self._whole = False
        """Every event that belongs to the stream has come."""
        self._error: BedrockError | None = None
        self._home: Any = None
        self._place: object = None
        """What `_home` says where the stream was opened."""

    @discreet
    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a stream can be opened once; call the client again for another one")
        self._entered = True
        self._call = await self._make_call()
        self._source = await self._call.open_stream()
        self._home = home()
        self._place = self._home()
        self._call.hub.live_streams.add(id(self))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        left = exc_type is None or issubclass(exc_type, (Exception, GeneratorExit))  # the generator around it is closed
        await self._close(cancelled=not left)

    async def aclose(self) -> None:
        """Closes the connection at once; what was not read is lost. Does nothing the second time."""
        await self._close(cancelled=False)

    async def _close(self, *, cancelled: bool) -> None:
        if self._closed or self._source is None:
            return
        self._closed = True
        self._call.hub.live_streams.discard(id(self))
        if self._elsewhere:
            self._call.drop()
            return
        try:
            await self._source.close()
        finally:
            self._call.end("cancelled" if cancelled else "left", received=self._source.answer.received)

    def __del__(self) -> None:
        if self._source is not None and not self._closed:
            self._closed = True
            self._call.hub.live_streams.discard(id(self))
            self._call.drop()
            warnings.warn(
                f"a {type(self).__name__} was dropped without being closed; use it in an `async with`",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def _reading(self) -> EventSource:
        if self._source is None:
            raise RuntimeError("the stream is not open: write `async with client.converse_stream(...) as stream:`")
        if self._error is not None:
            raise self._error
        if self._closed and not self._over:
            raise RuntimeError("the stream was closed before its end")
        return self._source

    def __aiter__(self) -> Self:
        self._reading()
        if self._over:
            raise RuntimeError("the stream is over: it can be read once (final() gives the whole reply again)")
        return self

    async def __anext__(self) -> T:
        source = self._reading()
        if self._over:
            raise StopAsyncIteration
        if self._busy:
            raise RuntimeError("another task is reading this stream: it has one cursor")
        self._busy = True
        try:
            if source.total_is_over() and not self._whole:
                self._check_place()
                raise source.total_expired()
            event = source.poll()  # in a burst most events have arrived already: no await for those
            if event is None:
                self._check_place()
                # when everything has come, the end is given a moment, not waited for
                event = await (source.linger() if self._whole else source.next())
            if event is not None:
                self._take(event)
                return event
            self._check_complete()
            await self._finish()
        except BedrockError as error:
            event = None  # crash reports show the locals of frames
            if not self._elsewhere:
                await self._fail(error)
            raise
        finally:
            self._busy = False
        raise StopAsyncIteration

    @property
    def _elsewhere(self) -> bool:
        """This is not the event loop, or not the process, that the connection belongs to: it is not to be touched."""
        return self._home() is not self._place

    def _check_place(self) -> None:
        if self._elsewhere:
            raise ClientClosed(ELSEWHERE)

    def _take(self, event: Any) -> None:
        """An event has come."""

    def _check_complete(self) -> None:
        """The end has come: raise if it should not have."""

    def _reply(self) -> Any:
        return None

    async def _finish(self) -> None:
        assert self._source is not None
        self._over = True
        # A snapshot costs as much as a dozen events, and `final` may never be asked for.
        reply = self._reply() if self._call.settings.observers else None
        self._call.end("success", reply, received=self._source.answer.received)
        await self._close(cancelled=False)

    async def _fail(self, error: BedrockError) -> None:
        assert self._source is not None
        self._error = error
        forget_locals(error)
        self._source.explain(error)
        error.partial = error.partial or self._reply()
        self._call.ended_with(error)
        await self._close(cancelled=False)

    @property
    def request_id(self) -> str | None:
        """AWS's id of the request; None before the stream is open."""
        return self._source.answer.request_id if self._source else None

    @property
    def status_code(self) -> int | None:
        """The HTTP status of the answer; None before the stream is open."""
        return self._source.answer.status if self._source else None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the HTTP answer, names in lower case."""
        return self._source.answer.headers if self._source else {}

    @property
    def attempts(self) -> int:
        """How many requests were sent for this stream."""
        return self._call.attempts if self._call else 0


class ConverseStream(_EventStream["ConverseStreamOutput"]):
    """A reply while it is being written.

        async with client.converse_stream(MODEL, "Name three rivers.") as stream:
            async for text in stream.text():
                print(text, end="")
            reply = await stream.final()

    Iterate over it for AWS's events, over `text()` for text, over `parts()` for text, reasoning, tools and the end.
    All three, and `final()`, share one cursor: each event comes once. Every error is raised where the stream is read,
    with `.partial`, the reply as far as it had come; nothing is retried once the first event has been read.

    A wait that you give up (`asyncio.timeout` around one event) loses nothing: read on afterwards. Only with an
    `http_client` of your own the connection is lost with it.
    """

    def __init__(self, make_call: Callable[[], Awaitable[Call]]) -> None:
        from bedrock_converse._wire.accumulate import Accumulator

        super().__init__(make_call)
        self._accumulator: Accumulator = Accumulator()
        self._final: ConverseResponse | None = None

    def _take(self, event: Any) -> None:
        self._accumulator.feed(event)
        self._whole = self._accumulator.whole

    def _check_complete(self) -> None:
        if not self._accumulator.complete:
            raise StreamIncomplete("the stream ended before messageStop: the reply is not whole", possibly_billed=True)

    def _reply(self) -> ConverseResponse:
        return self.partial

    def text(self) -> AsyncIterator[str]:
        """The pieces of text as they come; reasoning and tool calls pass silently (they are in `final()`)."""
        return _Text(self)

    def parts(self) -> AsyncIterator[Part]:
        """Text, reasoning, tool input, completed blocks and the end: one vocabulary for web handlers and tool loops.

        A block that comes whole (citations, images, what this version does not know) comes as `BlockDone` only.
        """
        return _Parts(self)

    async def final(self) -> ConverseResponse:
        """The whole reply, the type that `converse()` returns; reads what is left. May be called again.

        `usage` is None if AWS sent no metadata event.

        Raises:
            BedrockError: the stream broke; `.partial` has what had come.
        """
        if self._final is None:
            with suppress(StopAsyncIteration):
                while True:
                    await self.__anext__()
            self._final = self.partial
        return self._final

    @property
    def partial(self) -> ConverseResponse:
        """The reply so far, a snapshot; its `stop_reason` and `usage` are None until they come."""
        reply = self._accumulator.response
        answer = self._source.answer if self._source else None
        if answer is None:
            return reply
        return reply.with_facts(
            CallFacts(self._call.model_id, answer.request_id, answer.status, answer.headers, self._call.attempts)
        )

    def blocks(self, index: int | None) -> list[ContentBlock]:
        """The blocks that stand under one index of the stream, as far as they have come."""
        return self._accumulator.blocks(index)


class _Text:
    """Steps through the text of a stream. A class and no generator: nothing to be finalized by somebody else."""

    def __init__(self, stream: ConverseStream) -> None:
        self._stream = stream.__aiter__()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while True:
            event = await self._stream.__anext__()
            if type(event) is ContentBlockDeltaEvent and type(event.delta) is str and event.delta:
                return event.delta
            del event  # reasoning, say, which is not for the crash report of what comes next


class _Parts:
    """Steps through the parts of a stream."""

    def __init__(self, stream: ConverseStream) -> None:
        self._stream = stream.__aiter__()
        self._ready: deque[Part] = deque()
        self._tools: dict[int | None, ToolUseBlockStart] = {}
        self._open: list[int | None] = []
        self._done = False

    def __aiter__(self) -> AsyncIterator[Part]:
        return self

    async def __anext__(self) -> Part:
        while not self._ready:
            if self._done:
                raise StopAsyncIteration
            try:
                event = await self._stream.__anext__()
            except StopAsyncIteration:
                self._done = True
                for index in list(self._open):
                    self._complete(index)
                self._ready.append(Done(await self._stream.final()))
            else:
                self._sort(event)
                del event
        return self._ready.popleft()

    def _sort(self, event: ConverseStreamOutput) -> None:
        if isinstance(event, ContentBlockStartEvent):
            self._begin(event.content_block_index)
            if isinstance(event.start, ToolUseBlockStart):
                self._tools[event.content_block_index] = event.start
        elif isinstance(event, ContentBlockDeltaEvent):
            self._begin(event.content_block_index)
            part = self._delta(event.delta, event.content_block_index)
            if part is not None:
                self._ready.append(part)
        elif isinstance(event, ContentBlockStopEvent):
            self._complete(event.content_block_index)

    def _begin(self, index: int | None) -> None:
        if index not in self._open:
            self._open.append(index)

    def _complete(self, index: int | None) -> None:
        if index in self._open:
            self._open.remove(index)
            self._ready.extend(BlockDone(block, index or 0) for block in self._stream.blocks(index))

    def _delta(self, delta: Any, index: int | None) -> Part | None:
        match delta:
            case str() if delta:
                return TextDelta(delta, index or 0)
            case ReasoningTextDelta(text=text) if text:
                return ReasoningDelta(text, index or 0)
            case ToolUseBlockDelta(input=piece):
                start = self._tools.get(index)
                if start is None:
                    return None
                return ToolInputDelta(start.tool_use_id, start.name, piece or "", index or 0)
            case _:
                return None


class InvokeModelStream(_EventStream[bytes]):
    """The chunks of `invoke_model_stream`, as the bytes that the model wrote: mostly one JSON object each."""

    async def __anext__(self) -> bytes:
        while True:
            event = await super().__anext__()
            if isinstance(event, PayloadPart):
                return event.bytes or b""
            del event
