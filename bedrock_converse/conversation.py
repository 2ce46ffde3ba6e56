"""A conversation that keeps itself: history, system prompt, tools, transforms and the bill in one small object.

    chat = Conversation(client, MODEL, system="Be brief.", tools=[weather], transforms=(prepare(),))
    reply = await chat.send("Do I need an umbrella in Oslo?")
    async with chat.stream("And in Bergen?") as stream:
        async for text in stream.text():
            print(text, end="")
    store(chat.to_json())

It adds nothing to the functions it is made of (`run_tools`, `stream_tools`, `Usage`): use those where it does not fit.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._tools.calls import PausedRun, ToolLoopError
from bedrock_converse._tools.hidden import Hidden
from bedrock_converse._tools.loop import Settings, history
from bedrock_converse._tools.run import ToolStream, run_tools
from bedrock_converse._wire.arguments import as_system, validated
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types import ConverseTokensRequest, Message
from bedrock_converse.types.parse import parse_json
from bedrock_converse.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from bedrock_converse._tools.calls import Decision, ToolRun
    from bedrock_converse._tools.loop import BeforeCall
    from bedrock_converse._tools.toolset import ToolLike
    from bedrock_converse._wire.arguments import MessagesLike
    from bedrock_converse.client import BedrockClient, Transform
    from bedrock_converse.profiles import ProfilesLike
    from bedrock_converse.types import ContentBlock, ConverseResponse, SystemContentBlock

__all__ = ["Conversation", "ConversationStream"]


class Conversation:
    """A conversation with a model. One turn at a time; one that fails, or is left early, leaves no message in it."""

    def __init__(
        self,
        client: BedrockClient,
        model_id: str,
        *,
        system: str | Sequence[SystemContentBlock | Mapping[str, Any]] | None = None,
        tools: Sequence[ToolLike] = (),
        messages: MessagesLike = (),
        transforms: Sequence[Transform] = (),
        context: Any = None,
        before_call: BeforeCall | None = None,
        max_rounds: int = 10,
        profiles: ProfilesLike | None = None,
        **options: Any,
    ) -> None:
        """Begins a conversation, or goes on with a history.

        Args:
            client: The client, or a view of it. It is not closed here.
            model_id: What to call; change it at any time.
            system: What the model is told before the conversation.
            tools: What it may call, as `run_tools` takes them; so are `context`, `before_call` and `max_rounds`.
            messages: What was said before.
            transforms: Request shapers, run before every call of the model, in order.
            profiles: Facts about models that go before the known ones.
            options: Everything else that `client.converse` takes, for every turn: `max_tokens=`, `guardrail_config=`...

        Raises:
            RequestInvalid: messages or system are none.
        """
        self.client = client
        self.model_id = model_id
        checked = validated(ConverseTokensRequest, {} if system is None else {"system": as_system(system)})
        self.system: list[SystemContentBlock] | None = checked.system
        """What the model is told before the conversation."""
        self.tools: list[ToolLike] = list(tools)
        """What the model may call."""
        self.messages: list[Message] = history(messages)
        """What has been said: complete turns, which can be sent at every moment."""
        self.usage: Usage = Usage()
        """What the conversation cost so far."""
        self.paused: PausedRun | None = None
        """The turn that waits for decisions about tool calls: see `resume`. None when none does."""
        self._settings: dict[str, Any] = {
            "context": context,
            "before_call": before_call,
            "max_rounds": max_rounds,
            "profiles": profiles,
        }
        self._options: dict[str, Any] = {"transforms": tuple(transforms), **options}
        self._busy = False

    @discreet
    async def send(self, *content: ContentBlock, **options: Any) -> ConverseResponse:
        """Says something and returns the answer, tools called on the way. Without content, answers what is there.

        Args:
            content: Text and blocks, as `user(...)` takes them.
            options: For this turn; they go before the conversation's own.

        Raises:
            RequestInvalid: another turn is under way or waits for decisions, or there is nothing to answer.
            ToolLoopError: the model and its tools did not come to an end.
            BedrockError: as `client.converse` does.
        """
        messages, given = Hidden(self._next(content)), Hidden(options)
        del content, options  # not for the locals of an error
        return await self._turn(messages, given)

    @discreet
    async def resume(self, decisions: Mapping[str, Decision], **options: Any) -> ConverseResponse:
        """Goes on with the turn that waits, with a decision per `tool_use_id` of `self.paused.waiting`.

        Raises:
            RequestInvalid: no turn waits, or a decision is for a call that does not.
            BedrockError: as `send` does.
        """
        if self.paused is None:
            raise RequestInvalid("no turn waits for decisions")
        waiting, given = Hidden(self.paused), Hidden(options)
        del options
        return await self._turn(waiting, given, decisions)

    def stream(self, *content: ContentBlock, **options: Any) -> ConversationStream:
        """`send` as it happens: `async with chat.stream("...") as stream:`. See `ToolStream` for reading it.

        The turn becomes part of the conversation when it has been read to its end.

        Raises:
            RequestInvalid: as `send` does; everything else is raised on entering or reading.
        """
        return ConversationStream(self, self._next(content), self._arguments(options, None))

    def _next(self, content: Sequence[ContentBlock]) -> list[Message]:
        if self.paused is not None:
            raise RequestInvalid("a turn waits for decisions: resume it first")
        said = [validated(Message, {"role": "user", "content": list(content)})] if content else []
        if not said and not self.messages:
            raise RequestInvalid("there is nothing to answer")
        return [*self.messages, *said]

    def _arguments(self, options: Mapping[str, Any], decisions: Mapping[str, Decision] | None) -> dict[str, Any]:
        given = {**self._options, **options, "decisions": decisions}
        return given | self._settings | ({} if self.system is None else {"system": self.system})

    async def _turn(
        self, messages: Hidden[Any], options: Hidden[dict[str, Any]], decisions: Mapping[str, Decision] | None = None
    ) -> ConverseResponse:
        self._begin()
        try:
            run = await run_tools(
                self.client, self.model_id, messages.value, self.tools, **self._arguments(options.value, decisions)
            )
        except ToolLoopError as error:
            self._bill(error.usage, messages.value)
            raise
        finally:
            self._busy = False
        self._keep(run, messages.value)
        return run.reply

    def _begin(self) -> None:
        if self._busy:
            raise RequestInvalid("a turn of this conversation is under way; one at a time, or fork() it")
        self._busy = True

    def _keep(self, run: ToolRun, began_with: Any) -> None:
        self._bill(run.usage, began_with)
        self.messages = list(run.messages)
        self.paused = run.paused

    def _bill(self, spent: Usage, began_with: Any) -> None:
        """Adds what a turn cost; a resumed one brings along what it had cost before."""
        before = began_with.usage if isinstance(began_with, PausedRun) else Usage()
        self.usage += Usage(**{name: count - getattr(before, name) for name, count in asdict(spent).items()})

    def fork(self) -> Conversation:
        """Another conversation with the same past and a bill of its own: from here on they go their own ways."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.messages, copied.tools = list(self.messages), list(self.tools)
        copied.usage, copied._busy = Usage(), False
        return copied

    def to_json(self) -> str:
        """The conversation as JSON: model id, system, messages, bill and a waiting turn, without loss.

        Client, tools, transforms and options are code or configuration: they are given again on loading.
        """
        conversation = ConverseTokensRequest(messages=self.messages, system=self.system)
        stored: dict[str, Any] = {
            "version": 1,
            "model_id": self.model_id,
            **conversation.model_dump(mode="json", by_alias=True, exclude_unset=True),
            "usage": asdict(self.usage),
            "paused": self.paused and json.loads(self.paused.to_json()),
        }
        return json.dumps(stored, ensure_ascii=False)

    @classmethod
    def from_json(cls, data: str | bytes, client: BedrockClient, **settings: Any) -> Self:
        """Loads what `to_json` stored; `settings` are those of the constructor, `model_id` and `system` if they change.

        Raises:
            RequestInvalid: it is no stored conversation.
        """
        try:
            stored = cast("dict[str, Any]", json.loads(data))
            if stored["version"] != 1:
                raise RequestInvalid(f"a conversation of version {stored['version']} cannot be read by this release")
            text = json.dumps({name: stored.get(name) for name in ("messages", "system")})
            conversation = parse_json(ConverseTokensRequest.model_validate_json, text)
            past: dict[str, Any] = {"system": conversation.system, "messages": conversation.messages or []}
            model_id = settings.pop("model_id", stored["model_id"])
            chat = cls(client, model_id, **past | settings)
            chat.usage = Usage(**stored["usage"])
            paused = stored["paused"]
            chat.paused = None if paused is None else PausedRun.from_json(json.dumps(paused))
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            if isinstance(error, RequestInvalid):
                raise
            raise RequestInvalid("this is no stored conversation") from error
        return chat

    def __repr__(self) -> str:
        return f"<Conversation with {self.model_id}: {len(self.messages)} messages>"


class ConversationStream(ToolStream):
    """A turn of a conversation, event by event; `final()` gives the whole `ToolRun`."""

    def __init__(self, conversation: Conversation, messages: list[Message], arguments: dict[str, Any]) -> None:
        names = {each.name for each in fields(Settings)}
        settings = Settings(**{name: value for name, value in arguments.items() if name in names})
        options = {name: value for name, value in arguments.items() if name not in names}
        super().__init__(conversation.client, conversation.model_id, messages, conversation.tools, settings, options)
        self._conversation = conversation
        self._said: list[Message] | None = messages

    async def __aenter__(self) -> Self:
        self._conversation._begin()  # pyright: ignore[reportPrivateUsage]  # the two belong together
        try:
            return await super().__aenter__()
        except BaseException:
            self._conversation._busy = False  # pyright: ignore[reportPrivateUsage]
            raise

    async def __anext__(self) -> Any:
        try:
            event = await super().__anext__()
        except ToolLoopError as error:
            self._conversation._bill(error.usage, self._said)  # pyright: ignore[reportPrivateUsage]
            raise
        finally:
            self._keep()
        return event

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await super().__aexit__(*exc_info)
        finally:
            self._conversation._busy = False  # pyright: ignore[reportPrivateUsage]

    def _keep(self) -> None:
        if self._result is not None and self._said is not None:
            self._conversation._keep(self._result, self._said)  # pyright: ignore[reportPrivateUsage]
            self._said = None
