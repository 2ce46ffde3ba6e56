"""`run_tools` and `stream_tools`: the loop, with whole replies and with streams."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._tools.calls import ToolFinished, ToolStarted
from bedrock_converse._tools.hidden import Hidden
from bedrock_converse._tools.loop import Loop, Settings
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.stream import BlockDone, Done, Part, TextDelta, ToolInputDelta
from bedrock_converse.types import ToolUseBlock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from typing import Self

    from bedrock_converse._tools.calls import Decision, PausedRun, ToolRun
    from bedrock_converse._tools.loop import BeforeCall, Round
    from bedrock_converse._tools.toolset import ToolLike
    from bedrock_converse._wire.arguments import MessagesLike
    from bedrock_converse.client import BedrockClient
    from bedrock_converse.profiles import ProfilesLike
    from bedrock_converse.types import Message

__all__ = ["ToolEvent", "ToolStream", "run_tools", "stream_tools"]

ToolEvent: TypeAlias = Part | ToolStarted | ToolFinished
"""What a `ToolStream` yields: the parts of every reply's stream (`TextDelta`, ..., `Done` at the end of each reply),
and the tools' calls in between."""


@discreet
async def run_tools(
    client: BedrockClient,
    model_id: str,
    messages: MessagesLike | PausedRun,
    tools: Sequence[ToolLike],
    *,
    tool_choice: Any = None,
    context: Any = None,
    before_call: BeforeCall | None = None,
    decisions: Mapping[str, Decision] | None = None,
    max_rounds: int = 10,
    max_seconds: float | None = None,
    max_parallel: int = 16,
    transcript: list[Message] | None = None,
    profiles: ProfilesLike | None = None,
    **options: Any,
) -> ToolRun:
    """Lets a model call tools until it has an answer.

    The calls of one reply are made in parallel, in a task group; sync functions run in threads. The model is told, as
    error results, of wrong arguments, exceptions, tools that do not exist and JSON that is broken, and goes on.

    Args:
        client: The client, or a view of it.
        model_id: What to call.
        messages: The conversation (it is not modified), or a paused run to go on with.
        tools: Functions decorated with `@tool`, or anything of `ToolLike`.
        tool_choice: `"auto"`, `"any"`, a tool's name or one of AWS's classes; for the first round only.
        context: Handed to tools that have a parameter `context`.
        before_call: Decides about every call before it is made: `Allow()` (or None), `Deny(reason)`, `Rewrite(input)`,
            `Answer(result)`, `Pause()`. Sync or async, asked one call after the other. What it raises is raised.
        decisions: For a paused run: a decision per `tool_use_id`. Calls without one are asked about again.
        max_rounds: How often the model may be called.
        max_seconds: How long all of it may take.
        max_parallel: How many calls may run at once.
        transcript: A list of yours that holds the conversation as far as it is complete, whatever happens: after an
            error or a cancellation it can be sent again. It is cleared first.
        profiles: Facts about models that go before the known ones.
        options: Everything else that `client.converse` takes: `system=`, `max_tokens=`, `transforms=`, `timeout=`, ...

    Raises:
        ToolLoopError: too many rounds, too long, or a reply that was cut in the middle of its calls.
        RequestInvalid: two tools of one name, a decision for no call, `tool_config=` beside `tools`.
        BedrockError: as `client.converse` does.
    """
    _check(options)
    settings = Settings(
        tool_choice=tool_choice,
        context=context,
        before_call=before_call,
        decisions=decisions,
        max_rounds=max_rounds,
        max_seconds=max_seconds,
        max_parallel=max_parallel,
        transcript=transcript,
        profiles=profiles,
    )
    hidden = Hidden(messages), Hidden(options)
    del messages, options, context, decisions, transcript  # not for the locals of an error
    return await _run(client, Loop(model_id, hidden[0], tools, settings, hidden[1]))


async def _run(client: BedrockClient, loop: Loop) -> ToolRun:
    turn = loop.resumed
    while True:
        if turn is not None:
            await loop.decide(turn)
            await loop.make_calls(turn)
            waits = loop.complete(turn)
            if waits:
                return loop.result()
        turn = loop.take(await loop.within(lambda: client.converse(loop.model_id, **loop.arguments())))
        if turn is None:
            return loop.result()


def _check(options: Mapping[str, Any]) -> None:
    if "tool_config" in options:
        raise RequestInvalid(path="tool_config", problem="is made from tools=; give them there")


def stream_tools(
    client: BedrockClient,
    model_id: str,
    messages: MessagesLike | PausedRun,
    tools: Sequence[ToolLike],
    *,
    tool_choice: Any = None,
    context: Any = None,
    before_call: BeforeCall | None = None,
    decisions: Mapping[str, Decision] | None = None,
    max_rounds: int = 10,
    max_seconds: float | None = None,
    max_parallel: int = 16,
    transcript: list[Message] | None = None,
    profiles: ProfilesLike | None = None,
    **options: Any,
) -> ToolStream:
    """`run_tools` as it happens: `async with stream_tools(...) as run: async for event in run: ...`.

    Arguments and errors are those of `run_tools`. See `ToolStream` for reading it.

    Raises:
        RequestInvalid: `tool_config=` beside `tools`; everything else is raised on entering or reading.
    """
    _check(options)
    settings = Settings(
        tool_choice=tool_choice,
        context=context,
        before_call=before_call,
        decisions=decisions,
        max_rounds=max_rounds,
        max_seconds=max_seconds,
        max_parallel=max_parallel,
        transcript=transcript,
        profiles=profiles,
    )
    return ToolStream(client, model_id, messages, tools, settings, options)


class ToolStream:
    """A run of a model and its tools, event by event. Used in an `async with`; leaving it closes the open stream.

    Iterate over it for `ToolEvent`s, over `text()` for text, or `await final()`: one cursor, each event comes once.
    Nothing runs while nobody reads. `ToolStarted` comes before a round's calls are made; their `ToolFinished` come, in
    the order in which they ended, when the last of them has. (No task outlives the step that reads the next event, so
    a web handler may drop this at any point; a call that reported earlier would have to.)
    """

    def __init__(
        self,
        client: BedrockClient,
        model_id: str,
        messages: MessagesLike | PausedRun,
        tools: Sequence[ToolLike],
        settings: Settings,
        options: dict[str, Any],
    ) -> None:
        self._client = client
        self._arguments = (model_id, Hidden(messages), tools, settings, Hidden(options))
        self._loop: Loop | None = None
        self._events: AsyncGenerator[ToolEvent] | None = None
        self._result: ToolRun | None = None
        self._turn: Round | None = None

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RequestInvalid("a run can be entered once; call stream_tools again for another one")
        self._loop = Loop(*self._arguments)
        self._events = self._run(self._loop)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the open stream, if there is one; what was not read is lost."""
        if self._events is not None:
            await self._events.aclose()

    def __aiter__(self) -> AsyncIterator[ToolEvent]:
        return self

    async def __anext__(self) -> ToolEvent:
        if self._events is None:
            raise RequestInvalid("enter the run first: async with stream_tools(...) as run")
        return await self._events.__anext__()

    def text(self) -> AsyncIterator[str]:
        """The pieces of text, of all rounds."""
        return _Text(self)

    @property
    def messages(self) -> list[Message]:
        """The conversation as far as it is complete: it can be sent again at every moment, after errors too."""
        return self._loop.messages if self._loop else []

    async def final(self) -> ToolRun:
        """The run, as `run_tools` returns it; reads what is left. May be called again.

        Raises:
            BedrockError: as `run_tools` does.
        """
        async for _ in self:
            pass
        if self._result is None:
            raise RequestInvalid("the run was closed, or failed, before its end")
        return self._result

    async def _run(self, loop: Loop) -> AsyncGenerator[ToolEvent]:
        self._turn = loop.resumed
        while True:
            if self._turn is not None:
                await loop.decide(self._turn)
                for finished in self._turn.finished:  # refused, or answered by the hook
                    yield finished
                for started in self._turn.started:
                    yield started
                for finished in await loop.make_calls(self._turn):
                    yield finished
                waits = loop.complete(self._turn)
                if waits:
                    self._result = loop.result()
                    return
            async with AsyncExitStack() as stack:
                stream = self._client.converse_stream(loop.model_id, **loop.arguments())
                await loop.within(stream.__aenter__)
                stack.push_async_exit(stream)
                parts = stream.parts()
                rounds = loop.rounds
                while loop.rounds == rounds:
                    yield await loop.within(lambda: self._part(loop, parts))  # noqa: B023 - awaited here
            if self._turn is None:
                return

    async def _part(self, loop: Loop, parts: AsyncIterator[Part]) -> ToolEvent:
        part = await anext(parts)
        if not isinstance(part, Done):
            return _with_own_name(loop, part)
        hidden = Hidden(part)
        del part  # not for the locals of an error
        self._turn = loop.take(hidden.value.reply)
        # before the event goes out: who leaves at the answer's end has all of it
        self._result = loop.result() if self._turn is None else None
        return hidden.value


def _with_own_name(loop: Loop, part: Any) -> Any:
    """The part with the tool's own name in place of the one that AWS's alphabet allows."""
    match part:
        case ToolInputDelta(tool_use_id=tool_use_id, name=name, input=piece, index=index):
            return ToolInputDelta(tool_use_id, loop.tools.own_name(name), piece, index)
        case BlockDone(block=ToolUseBlock() as block, index=index):
            return BlockDone(block.model_copy(update={"name": loop.tools.own_name(block.name)}), index)
        case _:
            return part


class _Text:
    """Steps through the text of a run. A class and no generator: trio complains about those that are left early."""

    def __init__(self, run: ToolStream) -> None:
        self._run = run

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while True:
            event = await self._run.__anext__()
            if isinstance(event, TextDelta):
                return event.text
