"""The loop between a model and its tools: what `run_tools` and `stream_tools` have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._tools.calls import (
    Allow,
    Answer,
    Decision,
    Deny,
    Pause,
    PausedRun,
    Rewrite,
    ToolCall,
    ToolFinished,
    ToolLoopError,
    ToolRun,
    ToolStarted,
)
from bedrock_converse._tools.names import as_object, to_wire_calls, unique_id
from bedrock_converse._tools.results import Unusable, error_block, result_block
from bedrock_converse._tools.toolset import Caller, Toolset
from bedrock_converse._wire.arguments import MessagesLike, as_messages, validated
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.profiles import ProfilesLike, profile_for
from bedrock_converse.types import ContentBlock, ConverseTokensRequest, Message, ToolResultBlock, ToolUseBlock
from bedrock_converse.usage import Usage

if TYPE_CHECKING:
    from bedrock_converse._tools.hidden import Hidden
    from bedrock_converse._tools.toolset import ToolLike
    from bedrock_converse.types import ConverseResponse

__all__ = ["BeforeCall", "Loop", "Settings", "history"]

T = TypeVar("T")


def history(messages: MessagesLike) -> list[Message]:
    """What `converse` takes as messages, as a list of our own.

    Raises:
        RequestInvalid: they are no messages.
    """
    return validated(ConverseTokensRequest, {"messages": as_messages(messages)}).messages or []


BeforeCall: TypeAlias = Callable[[ToolCall], "Decision | Awaitable[Decision | None] | None"]
"""Decides about a call before it is made; None is `Allow()`. Sync or async."""

FINISHED = ("tool_use", "end_turn", "stop_sequence")
"""Stop reasons of a reply whose tool calls are whole. Some models say `end_turn` beside a call."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a run is to go; `run_tools` says what each means."""

    tool_choice: Any = None
    context: Any = field(default=None, repr=False)
    before_call: BeforeCall | None = None
    decisions: Mapping[str, Decision] | None = field(default=None, repr=False)
    max_rounds: int = 10
    max_seconds: float | None = None
    max_parallel: int = 16
    transcript: list[Message] | None = field(default=None, repr=False)
    profiles: ProfilesLike | None = None


@dataclass(repr=False)
class Round:
    """One reply with calls, on the way to the message with their results."""

    message: Message
    calls: list[ToolCall]
    """Those that are still to be made or answered."""
    results: list[ToolResultBlock]
    """Those that a paused run brought along."""
    finished: list[ToolFinished] = field(default_factory=list[ToolFinished])
    ready: list[tuple[ToolCall, Any]] = field(default_factory=list[tuple[ToolCall, Any]])
    """The calls to be made, with their arguments."""
    waiting: list[ToolCall] = field(default_factory=list[ToolCall])

    @property
    def started(self) -> list[ToolStarted]:
        """What is told of the calls to be made."""
        return [ToolStarted(call) for call, _ in self.ready]


class Loop:
    """The state of one run. `messages` can be sent at every moment: a round is added when it is complete."""

    def __init__(
        self,
        model_id: str,
        messages: Hidden[MessagesLike | PausedRun],
        tools: Sequence[ToolLike],
        settings: Settings,
        options: Hidden[dict[str, Any]],
    ) -> None:
        import anyio

        if settings.max_rounds < 1 or settings.max_parallel < 1:
            raise RequestInvalid("max_rounds and max_parallel are at least 1")
        self.model_id = model_id
        self.tools = Toolset(tools)
        self.messages: list[Message] = [] if settings.transcript is None else settings.transcript
        self.calls: list[ToolFinished] = []
        self.usage = Usage()
        self.rounds = 0
        self.reply: ConverseResponse | None = None
        self.resumed: Round | None = None
        self.paused: PausedRun | None = None
        self._settings = settings
        self._decisions = dict(settings.decisions or {})
        limit = settings.max_seconds
        self._deadline = float("inf") if limit is None else anyio.current_time() + limit
        self._parallel = anyio.CapacityLimiter(settings.max_parallel)
        self._profile = profile_for(model_id, settings.profiles)
        threads = anyio.CapacityLimiter(settings.max_parallel)
        self._caller = Caller(self.tools, settings.context, self._profile, threads)
        self._options = options.value
        if isinstance(messages.value, PausedRun):
            self._resume(messages.value)
        else:
            self.messages[:] = history(messages.value)

    def _resume(self, paused: PausedRun) -> None:
        waiting = {call.tool_use_id for call in paused.waiting}
        unknown = self._decisions.keys() - waiting
        if unknown:
            raise RequestInvalid(path="decisions", problem=f"no call waits under the id {min(unknown)}")
        self.messages[:] = paused.messages[:-1]
        self.usage, self.rounds = paused.usage, paused.rounds
        self.reply = paused.reply
        calls = [ToolCall(block.tool_use_id, block.name, block.input) for block in paused.waiting]
        self.resumed = Round(paused.messages[-1], calls, list(paused.results))

    # --- the model's turn ---

    def arguments(self) -> dict[str, Any]:
        """The arguments of the next call of the model, besides its id.

        A forced tool choice is for the first round only, or the model could never answer.
        """
        choice = self._settings.tool_choice if self.rounds == 0 else None
        config = self.tools.config(choice)
        arguments = {"messages": to_wire_calls(self.messages), **self._options}
        return arguments if config is None else {**arguments, "tool_config": config}

    async def within(self, step: Callable[[], Awaitable[T]]) -> T:
        """Runs a step within the time that the run has. The scope never outlives the step.

        Raises:
            ToolLoopError: the time is up.
        """
        import anyio

        if self._settings.max_seconds is None:
            return await step()
        with anyio.CancelScope(deadline=self._deadline):
            return await step()
        raise self._error("time", f"the run took longer than {self._settings.max_seconds:g} s")

    @discreet
    def take(self, reply: ConverseResponse) -> Round | None:
        """Takes the model's reply: the round of calls that it opens, or None when it is the answer.

        Raises:
            ToolLoopError: the calls cannot be trusted, or the model was called as often as it may be.
        """
        self.reply = reply
        self.rounds += 1
        self.usage += Usage.of(reply)
        turn = self._opened(reply.message)
        stop_reason = reply.stop_reason
        del reply  # not for the locals of an error
        broken = stop_reason == "malformed_tool_use"
        if not turn.calls and not broken:
            self.messages.append(turn.message)
            return None
        if broken or stop_reason not in FINISHED:
            raise self._error("unfinished", f"the model stopped with {stop_reason} in the middle of its tool calls")
        if self.rounds >= self._settings.max_rounds:
            raise self._error("rounds", f"the model still calls tools after {self._settings.max_rounds} rounds")
        return turn

    def _opened(self, message: Message) -> Round:
        """The message with the tools' own names, ids that are unique in the conversation, and inputs that can be sent
        back; and the calls in it that are ours to make, with their inputs as they came."""
        taken = {call.tool_use_id for earlier in self.messages for call in earlier.tool_uses}
        content: list[ContentBlock] = []
        calls: list[ToolCall] = []
        for block in message.content:
            if isinstance(block, ToolUseBlock) and block.type != "server_tool_use":
                call = ToolCall(unique_id(block.tool_use_id, taken), self.tools.own_name(block.name), block.input)
                calls.append(call)
                update = {"tool_use_id": call.tool_use_id, "name": call.name, "input": as_object(block.input)}
                block = block.model_copy(update=update)
            content.append(block)
        return Round(message.model_copy(update={"content": content}), calls, [])

    # --- the tools' turn ---

    async def decide(self, turn: Round) -> None:
        """Sorts the round's calls: answered already, to be made, waiting. One after the other: hooks may ask people."""
        await self.within(lambda: self._sort(turn))

    async def _sort(self, turn: Round) -> None:
        for call in turn.calls:
            if not self.tools.knows(call):
                known = ", ".join(self.tools.names) or "none"
                self._refuse(turn, call, f"There is no tool {call.name}. The tools are: {known}.")
                continue
            arguments: Any = call.input
            if not isinstance(arguments, dict):
                self._refuse(turn, call, "The arguments were not a JSON object. Write them again, as valid JSON.")
                continue
            decision = await self._decision(call)
            match decision:
                case Deny(reason=reason):
                    self._refuse(turn, call, reason)
                case Answer(result=result):
                    self._answer(turn, call, result)
                case Pause():
                    turn.waiting.append(call)
                case Rewrite(input=rewritten):
                    turn.ready.append((call, rewritten))
                case _:
                    turn.ready.append((call, cast("Any", arguments)))

    async def _decision(self, call: ToolCall) -> Decision:
        decision: Any = self._decisions.get(call.tool_use_id)
        if decision is None and self._settings.before_call is not None:
            decision = self._settings.before_call(call)
            if isawaitable(decision):
                decision = await decision
        if decision is not None and not isinstance(decision, Allow | Answer | Deny | Pause | Rewrite):
            problem = f"a decision is Allow(), Deny(), Rewrite(), Answer() or Pause(), not {type(decision).__name__}"
            raise RequestInvalid(path="before_call", problem=problem)
        if isinstance(decision, Answer | Deny | Pause) or self.tools.runs(call):
            return decision or Allow()
        return Pause()  # somebody else runs it

    def _refuse(self, turn: Round, call: ToolCall, text: str) -> None:
        result = error_block(call.tool_use_id, text, self._profile)
        turn.finished.append(ToolFinished(call, result, failed=True))

    def _answer(self, turn: Round, call: ToolCall, value: Any) -> None:
        try:
            result = result_block(call.tool_use_id, value, self._profile)
        except Unusable as error:
            raise RequestInvalid(path="Answer.result", problem=str(error)) from error
        turn.finished.append(ToolFinished(call, result, failed=result.status == "error"))

    async def make_calls(self, turn: Round) -> list[ToolFinished]:
        """Makes the calls that are ready, in parallel; gives them in the order in which they finished."""
        import anyio

        made: list[ToolFinished] = []

        async def make(call: ToolCall, arguments: Any) -> None:
            async with self._parallel:
                made.append(await self._caller.make(call, arguments))

        async def make_all() -> None:
            async with anyio.create_task_group() as group:
                for call, arguments in turn.ready:
                    group.start_soon(make, call, arguments)

        if turn.ready:
            await self.within(make_all)
        turn.finished += made
        return made

    def complete(self, turn: Round) -> bool:
        """Adds the round to the conversation. True if a call waits: then the run is to be kept until it is decided."""
        order = {call.tool_use_id: place for place, call in enumerate(turn.calls)}
        turn.finished.sort(key=lambda finished: order[finished.call.tool_use_id])
        self.calls += turn.finished
        results = {result.tool_use_id: result for result in turn.results}
        results |= {finished.call.tool_use_id: finished.result for finished in turn.finished}
        if turn.waiting:
            waiting = {call.tool_use_id for call in turn.waiting}
            self.paused = PausedRun(
                messages=[*self.messages, turn.message],
                waiting=[block for block in turn.message.tool_uses if block.tool_use_id in waiting],
                results=list(results.values()),
                rounds=self.rounds,
                usage=self.usage,
                reply=self.result().reply,
            )
            return True
        answered = [block.tool_use_id for block in turn.message.tool_uses if block.tool_use_id in results]
        self.messages += [turn.message, Message(role="user", content=[results[each] for each in answered])]
        return False

    def result(self) -> ToolRun:
        """The run as it is returned."""
        assert self.reply is not None
        return ToolRun(self.reply, self.messages, self.calls, self.usage, self.rounds, self.paused)

    def _error(self, reason: Any, message: str) -> ToolLoopError:
        return ToolLoopError(
            message,
            reason=reason,
            messages=self.messages,
            reply=self.reply,
            usage=self.usage,
            model_id=self.model_id,
        )
