"""Answers as values: `parse(client, MODEL, messages, Model)` asks for JSON of a shape, and gives it back checked.

    class City(BaseModel):
        name: str
        population: int

    parsed = await parse(client, MODEL, "The largest city of Norway?", City)
    print(parsed.value.population, parsed.mode, parsed.usage.total_tokens)

Where the model's profile says that AWS's structured output works (`outputConfig.textFormat`), that is used, with the
schema rewritten to the subset that AWS takes. Elsewhere the model is made to call a tool whose arguments have the
shape. Either way the answer is checked by pydantic against your type, and a wrong one goes back to the model once.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._tools.hidden import Hidden
from bedrock_converse._tools.loop import history
from bedrock_converse._tools.names import wire_name
from bedrock_converse._wire.arguments import fold_tools, validated
from bedrock_converse.errors import BedrockError, RequestInvalid
from bedrock_converse.profiles import profile_for
from bedrock_converse.schemas import SchemaUnsupported, UntitledSchema, strict_schema
from bedrock_converse.types import (
    AnyToolChoice,
    JsonSchemaDefinition,
    OutputConfig,
    OutputFormat,
    SpecificToolChoice,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    user,
)
from bedrock_converse.usage import Usage

if TYPE_CHECKING:
    from bedrock_converse._wire.arguments import MessagesLike
    from bedrock_converse.client import BedrockClient
    from bedrock_converse.profiles import Profile, ProfilesLike
    from bedrock_converse.types import ConverseResponse, Message

__all__ = ["OutputInvalid", "OutputMode", "OutputTruncated", "Parsed", "parse"]

T = TypeVar("T")

OutputMode: TypeAlias = Literal["native", "tool"]
"""`native`: AWS's structured output. `tool`: the arguments of a tool that the model has to call."""


class OutputInvalid(BedrockError):  # noqa: N818 - named for what happened, as the other leaves are
    """The model's answer is not what was asked for, and repairing did not help, or the answer was withheld."""

    def __init__(
        self,
        message: str = "",
        *,
        raw: str = "",
        errors: list[dict[str, Any]] | None = None,
        reply: ConverseResponse | None = None,
        usage: Usage | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.raw = raw
        """What the model wrote, as text."""
        self.errors: list[dict[str, Any]] = errors or []
        """What pydantic found: dicts with `type`, `loc` and `msg`, without the values."""
        self.reply = reply
        """The last reply of the model's."""
        self.usage: Usage = usage or Usage()
        """What all attempts cost."""


class OutputTruncated(OutputInvalid):
    """The answer was cut by `max_tokens` or the context window. It is not repaired: ask for more tokens."""


@dataclass(frozen=True)
class Parsed(Generic[T]):
    """An answer of the asked-for type."""

    value: T
    """The answer."""
    reply: ConverseResponse
    """The reply that held it."""
    mode: OutputMode
    """How it was asked for."""
    usage: Usage = field(repr=False)
    """What all attempts cost."""
    repaired: bool = False
    """True if the model's first answer was wrong."""


@discreet
async def parse(
    client: BedrockClient,
    model_id: str,
    messages: MessagesLike,
    output_type: type[T],
    *,
    mode: OutputMode | None = None,
    repairs: int = 1,
    profiles: ProfilesLike | None = None,
    **options: Any,
) -> Parsed[T]:
    """Asks the model for a value of a type.

    Args:
        client: The client, or a view of it.
        model_id: What to call.
        messages: The conversation; it is not modified.
        output_type: A pydantic model, dataclass, TypedDict, `list[Model]`, `Literal[...]`: whatever pydantic can check.
            Its name, docstring and field descriptions are the model's instructions.
        mode: How to ask; by default what suits the model and the type.
        repairs: How often a wrong answer goes back to the model, with what is wrong.
        profiles: Facts about models that go before the known ones.
        options: Everything else that `client.converse` takes: `system=`, `max_tokens=`, `transforms=`, ...

    Raises:
        OutputInvalid: the answer is still wrong, or was withheld by a guardrail or content filter.
        OutputTruncated: the answer was cut.
        RequestInvalid: `mode="native"` with a type that AWS's subset of JSON Schema cannot say.
        BedrockError: as `client.converse` does.
    """
    hidden = Hidden(messages), Hidden(options)
    del messages, options  # not for the locals of an error
    question = _Question(model_id, output_type, mode, profile_for(model_id, profiles), hidden[1])
    return await _Attempts(client, model_id, question, hidden[0]).run(repairs)


class _Attempts:
    """The question, asked until the answer is right."""

    def __init__(
        self, client: BedrockClient, model_id: str, question: _Question, messages: Hidden[MessagesLike]
    ) -> None:
        self._client = client
        self._model_id = model_id
        self._question = question
        self._messages = history(messages.value)
        self._usage = Usage()
        self._reply: ConverseResponse | None = None
        self._raw = ""

    async def run(self, repairs: int) -> Parsed[Any]:
        if repairs < 0:
            raise RequestInvalid(path="repairs", problem="must be 0 or more")
        problems = await self._ask()
        repaired = 0
        while problems:
            assert self._reply is not None
            if repaired == repairs or not self._reply.content:
                raise self._failure(OutputInvalid, _summary(problems), errors=problems)
            self._messages += [self._reply.message, self._question.objection(self._reply, problems)]
            problems = await self._ask()
            repaired += 1
        assert self._reply is not None
        return Parsed(self._question.value, self._reply, self._question.mode, self._usage, repaired=repaired > 0)

    async def _ask(self) -> list[dict[str, Any]]:
        """Asks, and says what is wrong with the answer: nothing, if it is right."""
        self._reply = await self._client.converse(self._model_id, self._messages, **self._question.options)
        self._usage += Usage.of(self._reply)
        self._raw = self._question.raw_answer(self._reply)
        match self._reply.stop_reason:
            case "max_tokens" | "model_context_window_exceeded" as cut:
                hint = "raise max_tokens" if cut == "max_tokens" else None
                raise self._failure(OutputTruncated, f"the model's answer was cut: {cut}", hint=hint)
            case "guardrail_intervened" | "content_filtered" as withheld:
                raise self._failure(OutputInvalid, f"the model's answer was withheld: {withheld}")
            case _:
                return self._question.problems(self._raw)

    def _failure(self, kind: type[OutputInvalid], message: str, **facts: Any) -> OutputInvalid:
        known = {"raw": self._raw, "reply": self._reply, "usage": self._usage, "model_id": self._model_id}
        return kind(message, **known, **facts)


def _problems(error: ValidationError) -> list[dict[str, Any]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [cast("dict[str, Any]", problem) for problem in found]


def _summary(problems: list[dict[str, Any]]) -> str:
    """Places and kinds only: messages may quote the answer."""
    shown = [f"{'.'.join(map(str, problem['loc'])) or 'answer'} ({problem['type']})" for problem in problems[:5]]
    more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
    return f"the model's answer is not of the type that was asked for: {', '.join(shown)}{more}"


# --- the question -----------------------------------------------------------------------------------------------------

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_WRAPPED = "value"


class _Question:
    """How the type is asked for, and how the answer is read."""

    def __init__(
        self, model_id: str, output_type: Any, mode: OutputMode | None, profile: Profile, hidden: Hidden[dict[str, Any]]
    ) -> None:
        self.value: Any = None
        """The answer, once it is right."""
        self._adapter: TypeAdapter[Any] = TypeAdapter(output_type)
        schema: dict[str, Any] = self._adapter.json_schema(schema_generator=UntitledSchema)
        # both ways of asking want an object at the top
        self._wraps = not _is_object(schema)
        if self._wraps:
            definitions = schema.pop("$defs", None)
            wrapper: dict[str, Any] = {"type": "object", "properties": {_WRAPPED: schema}, "required": [_WRAPPED]}
            schema = {**wrapper, "$defs": definitions} if definitions else wrapper
        self._name = wire_name(getattr(output_type, "__name__", None) or "answer")
        self._description: str | None = schema.pop("description", None)
        schema.pop("title", None)
        native = self._native_schema(schema, mode, profile)
        self.mode: OutputMode = "tool" if native is None else "native"
        self.options = self._forcing(schema, profile, hidden) if native is None else self._native(native, hidden)

    def _native_schema(self, schema: dict[str, Any], mode: OutputMode | None, profile: Profile) -> Any:
        if mode == "tool" or (mode is None and not profile.structured_output):
            return None
        try:
            return strict_schema(schema)
        except SchemaUnsupported as error:
            if mode == "native":
                problem = f"cannot be said in AWS's subset of JSON Schema: {error}"
                raise RequestInvalid(path="output_type", problem=problem, hint='use mode="tool"') from error
            return None

    def _native(self, schema: dict[str, Any], hidden: Hidden[dict[str, Any]]) -> dict[str, Any]:
        given = hidden.value.get("output_config")
        config = OutputConfig() if given is None else validated(OutputConfig, given).model_copy()
        if config.text_format is not None:
            raise RequestInvalid(path="output_config.textFormat", problem="is what parse() sets")
        text = json.dumps(schema, ensure_ascii=False)
        definition = JsonSchemaDefinition(schema=text, name=self._name, description=self._description)
        config.text_format = OutputFormat(type="json_schema", structure=definition)
        return {**hidden.value, "output_config": config}

    def _forcing(self, schema: dict[str, Any], profile: Profile, hidden: Hidden[dict[str, Any]]) -> dict[str, Any]:
        options = Hidden(dict(hidden.value))
        fold_tools(options.value)
        given = options.value.get("tool_config")
        others = [] if given is None else list(validated(ToolConfiguration, given).tools)
        description = self._description or "The answer."
        own = ToolSpecification(name=self._name, input_schema=schema, description=description)
        choice: Any = None
        if profile.forced_tool_with_reasoning is not False or not _reasons(profile, hidden.value):
            if "tool" in profile.tool_choice:
                choice = SpecificToolChoice(name=self._name)
            elif "any" in profile.tool_choice and not others:
                choice = AnyToolChoice()
        return {**options.value, "tool_config": ToolConfiguration(tools=[*others, own], tool_choice=choice)}

    def raw_answer(self, reply: ConverseResponse) -> str:
        """What the model answered, as JSON text or what should be."""
        for call in reversed(reply.tool_uses) if self.mode == "tool" else ():
            if call.name == self._name:
                return call.input if isinstance(call.input, str) else to_json(call.input).decode()
        fenced = _FENCED.fullmatch(reply.text)
        return fenced[1] if fenced else reply.text

    def problems(self, raw: str) -> list[dict[str, Any]]:
        """What is wrong with an answer; nothing, if it can be read."""
        try:
            self.value = self.read(raw)
        except ValidationError as error:
            return _problems(error)
        return []

    def read(self, raw: str) -> Any:
        """The value.

        Raises:
            pydantic.ValidationError: it is none of the type.
        """
        if not self._wraps:
            return self._adapter.validate_json(raw)
        try:
            wrapper: Any = json.loads(raw)
        except ValueError:
            return self._adapter.validate_json(raw)  # raises, and says where the JSON breaks
        if isinstance(wrapper, dict) and _WRAPPED in wrapper:
            wrapper = cast("Any", wrapper)[_WRAPPED]
        return self._adapter.validate_json(json.dumps(wrapper))

    def objection(self, reply: ConverseResponse, problems: list[dict[str, Any]]) -> Message:
        """The user's turn that says what is wrong."""
        lines = [f"- {'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in problems]
        wrong = "\n".join(["The answer is not valid:", *lines])
        calls = [call for call in reply.tool_uses if call.type != "server_tool_use"]
        if not calls:
            how = "Answer again with the JSON only." if self.mode == "native" else f"Call the tool {self._name}."
            return user(f"{wrong}\n{how}")
        results: list[Any] = []
        for call in calls:
            text = f"{wrong}\nCall the tool again, with valid arguments." if call.name == self._name else "Not now."
            results.append(ToolResultBlock(tool_use_id=call.tool_use_id, content=[text], status="error"))
        return user(*results)


def _is_object(schema: dict[str, Any]) -> bool:
    if "$ref" in schema:
        schema = schema.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {})
    return schema.get("type") == "object"


def _reasons(profile: Profile, options: dict[str, Any]) -> bool:
    """Whether the model will reason, as far as can be told: then some refuse to be forced to call a tool."""
    fields: Any = options.get("additional_model_request_fields")
    thinking: Any = cast("Any", fields).get("thinking") if isinstance(fields, dict) else None
    if isinstance(thinking, dict):
        return cast("Any", thinking).get("type") != "disabled"
    return bool(profile.reasons_by_default or profile.reasoning_always_on)
