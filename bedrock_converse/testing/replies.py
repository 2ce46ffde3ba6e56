"""What a model says: `reply("Hello")` and the blocks to put into it. One reply answers `converse` and
`converse_stream`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Literal, cast

from bedrock_converse._wire.eventstream import encode_event, encode_exception
from bedrock_converse._wire.operations import OPERATIONS
from bedrock_converse.testing.answers import CONVERSE, EVENT_STREAM, Answer
from bedrock_converse.testing.events import compact, count_tokens, pad, stream_events
from bedrock_converse.testing.plan import Piece, Plan
from bedrock_converse.types import (
    Citation,
    CitationsContentBlock,
    ConverseResponse,
    InvokeModelResponse,
    Message,
    ReasoningTextBlock,
    RedactedReasoning,
    TokenUsage,
    ToolUseBlock,
)
from bedrock_converse.types.results import Result

if TYPE_CHECKING:
    from bedrock_converse.types import CitationLocation, ContentBlock, ConverseStreamOutput

__all__ = [
    "Reply",
    "apply_guardrail_result",
    "chunks",
    "cited",
    "events",
    "guardrail_intervened",
    "invoke_result",
    "reasoning",
    "redacted",
    "reply",
    "token_count",
    "tool_call",
]

INPUT_TOKENS = 10
"""What a request is said to cost, unless the script says otherwise."""

_LATENCY = 321

_call_numbers = itertools.count(1)


# --- blocks -----------------------------------------------------------------------------------------------------------


def tool_call(name: str, input: Any = None, *, id: str | None = None, **arguments: Any) -> ToolUseBlock:
    """A tool call: `tool_call("weather", city="Oslo")`, or the input as one value. The id is a new one if not given."""
    return ToolUseBlock(
        tool_use_id=id or f"tooluse_fake{next(_call_numbers):06}",
        name=name,
        input=arguments if input is None else input,
    )


def reasoning(text: str, signature: str | None = "c2lnbmF0dXJl") -> ReasoningTextBlock:
    """What the model thought, with the signature that has to go back with it; None for models that do not sign."""
    return ReasoningTextBlock(text=text, signature=signature)


def redacted(data: bytes = b"encrypted by the provider") -> RedactedReasoning:
    """Reasoning that the provider encrypted."""
    return RedactedReasoning(data)


def cited(
    text: str, *, title: str | None = None, quote: str | None = None, location: CitationLocation | None = None
) -> CitationsContentBlock:
    """Text with its source."""
    citation = {"title": title, "sourceContent": [{"text": quote}] if quote is not None else None, "location": location}
    given = Citation.model_validate({name: value for name, value in citation.items() if value is not None})
    return CitationsContentBlock(content=[text], citations=[given])


# --- replies ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply(Answer):
    """A model's reply, in wire JSON."""

    response: Mapping[str, Any]
    seed: int = 0

    @property
    def operations(self) -> frozenset[str]:
        return CONVERSE

    def _flawless(self, operation: str) -> Plan:
        if operation == "ConverseStream":
            random = Random(self.seed)  # noqa: S311 - to be the same each time
            return _event_stream(stream_events(self.response, random), random)
        tokens = self.response.get("usage", {}).get("outputTokens", 0)
        return _json_plan(compact(self.response), tokens)

    def _described(self) -> str:
        blocks = self.response["output"]["message"]["content"]
        return f"reply({', '.join(_block_name(block) for block in blocks)})"


def _block_name(block: Mapping[str, Any]) -> str:
    if "text" in block:
        text = block["text"]
        return repr(text if len(text) <= 24 else f"{text[:21]}...")
    if "toolUse" in block:
        return f"tool_call({block['toolUse']['name']!r})"
    return f"{next(iter(block), '?')} block"


def reply(
    *content: ContentBlock | Mapping[str, Any] | Result | Message | Answer,
    stop_reason: str | None = None,
    usage: TokenUsage | Mapping[str, Any] | None = None,
    tokens_per_second: float | None = None,
    time_to_first_token: float = 0.0,
    seed: int = 0,
    **members: Any,
) -> Answer:
    """What the model answers: `reply("Hello")`, `reply("Let me see.", tool_call("weather", city="Oslo"))`.

    Args:
        content: Text, block objects, or dicts as boto3 takes them; or, alone, a `Message`, a `ConverseResponse`, or the
            response class of another operation, which then is the answer to that one.
        stop_reason: Why the model stops; `tool_use` after a tool call and else `end_turn`, if not given.
        usage: The bill; if not given, 10 input tokens and a rough count of the content.
        tokens_per_second: Comes at this pace; at once if not given.
        time_to_first_token: Seconds until the response begins.
        seed: Another seed cuts the stream in other places.
        members: Other members of `ConverseResponse` (`trace=`, `service_tier=`).
    """
    answer = _reply(content, stop_reason, usage, seed, members)
    if tokens_per_second is not None or time_to_first_token:
        return answer.paced(tokens_per_second=tokens_per_second, time_to_first_token=time_to_first_token)
    return answer


def _reply(
    content: Sequence[Any],
    stop_reason: str | None,
    usage: TokenUsage | Mapping[str, Any] | None,
    seed: int,
    members: Mapping[str, Any],
) -> Answer:
    match content:
        case [Answer() as answer]:
            return answer
        case [ConverseResponse() as response]:
            return Reply(_wire(response), seed)
        case [Result() as result]:
            return ResultAnswer(result)
        case [Message() as message]:
            pass
        case _:
            message = Message(role="assistant", content=list(content))
    if stop_reason is None:
        calls = [call for call in message.tool_uses if call.type != "server_tool_use"]
        stop_reason = "tool_use" if calls else "end_turn"
    response = ConverseResponse.model_validate(
        {
            "output": {"message": message},
            "stop_reason": stop_reason,
            "usage": usage or _usage(message),
            "metrics": {"latency_ms": _LATENCY},
            **members,
        }
    )
    return Reply(_wire(response), seed)


def _wire(model: Result) -> dict[str, Any]:
    return json.loads(model.model_dump_json(by_alias=True, exclude_unset=True))


def _usage(message: Message) -> dict[str, int]:
    output = sum(_tokens(value) for value in message.to_wire()["content"])
    return {"input_tokens": INPUT_TOKENS, "output_tokens": output, "total_tokens": INPUT_TOKENS + output}


def _tokens(value: Any) -> int:
    if isinstance(value, str):
        return count_tokens(value)
    if isinstance(value, Mapping):
        return sum(_tokens(part) for part in value.values())  # type: ignore[misc]
    if isinstance(value, list):
        return sum(_tokens(part) for part in value)  # type: ignore[misc]
    return 1


def guardrail_intervened(
    message: str = "Sorry, the model cannot answer this question.", *, guardrail_id: str = "guardrail1234"
) -> Answer:
    """A reply that a guardrail replaced by its own message, with the trace that says so."""
    topic = {"name": "Forbidden", "type": "DENY", "action": "BLOCKED", "detected": True}
    assessment = {"topicPolicy": {"topics": [topic]}}
    trace = {"guardrail": {"inputAssessment": {guardrail_id: assessment}, "actionReason": "Guardrail blocked."}}
    return reply(message, stop_reason="guardrail_intervened", trace=trace)


# --- streams told event by event --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EventsAnswer(Answer):
    """A stream, told event by event."""

    told: tuple[tuple[str, Mapping[str, Any]], ...]
    operation: str = "ConverseStream"

    @property
    def operations(self) -> frozenset[str]:
        return frozenset({self.operation})

    def _flawless(self, operation: str) -> Plan:
        return _event_stream(((event_type, dict(event), 1) for event_type, event in self.told), Random(0))  # noqa: S311

    def _described(self) -> str:
        return f"events({', '.join(event_type for event_type, _ in self.told)})"


def events(*told: ConverseStreamOutput | Mapping[str, Any]) -> EventsAnswer:
    """A stream with exactly these events: typed ones, or dicts as boto3 yields them (`{"messageStart": {...}}`).

    For what `reply` never does: a stream without metadata, events out of order, a type that AWS has not invented yet.
    """
    return EventsAnswer(tuple(map(_event, told)))


def _event(event: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(event, Mapping):
        [(event_type, members)] = cast("Mapping[str, Any]", event).items()
        return event_type, members
    if hasattr(event, "path"):  # UnknownEvent
        return event.path[0], event.value
    return _EVENT_TYPES[type(event)], json.loads(event.model_dump_json(by_alias=True, exclude_none=True))


_EVENT_TYPES = {
    event_class: event_type for row in OPERATIONS.values() for event_type, event_class in row.events.items()
}


def chunks(*bodies: bytes | str | Mapping[str, Any]) -> EventsAnswer:
    """The answer to `invoke_model_stream`: the model's own events, as bytes, text or JSON."""
    from base64 import b64encode

    told = tuple(("chunk", {"bytes": b64encode(_raw(body)).decode()}) for body in bodies)
    return EventsAnswer(told, "InvokeModelWithResponseStream")


def _raw(body: bytes | str | Mapping[str, Any]) -> bytes:
    if isinstance(body, Mapping):
        return json.dumps(body).encode()
    return body.encode() if isinstance(body, str) else body


def _event_stream(told: Any, random: Random) -> Plan:
    pieces = [Piece(_frame(event_type, event, random), tokens=tokens) for event_type, event, tokens in told]
    return Plan(headers={"Content-Type": EVENT_STREAM}, pieces=pieces, stream=True)


def _frame(event_type: str, event: Mapping[str, Any], random: Random) -> bytes:
    if event_type.endswith("Exception"):
        return encode_exception(event_type, compact(event))
    return encode_event(event_type, compact(pad(event, random)))


def _json_plan(body: bytes, tokens: float = 0) -> Plan:
    return Plan(headers={"Content-Type": "application/json"}, pieces=[Piece(body, tokens=tokens)])


# --- the other operations ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResultAnswer(Answer):
    """The answer to an operation that is not Converse's: an object of its response class."""

    result: Result

    @property
    def operations(self) -> frozenset[str]:
        return frozenset(row.name for row in OPERATIONS.values() if row.response is type(self.result))

    def _flawless(self, operation: str) -> Plan:
        if not isinstance(self.result, InvokeModelResponse):
            return _json_plan(compact(_wire(self.result)))
        [row] = [row for row in OPERATIONS.values() if row.name == operation]
        given = {header: getattr(self.result, name) for name, header in row.response_headers.items()}
        plan = _json_plan(bytes(self.result.body or b""))
        del plan.headers["Content-Type"]
        plan.headers.update({name: value for name, value in given.items() if value is not None})
        return plan

    def _described(self) -> str:
        return f"reply({type(self.result).__name__}(...))"


def token_count(tokens: int) -> Answer:
    """The answer to `count_tokens`."""
    from bedrock_converse.types import CountTokensResponse

    return ResultAnswer(CountTokensResponse(input_tokens=tokens))


def invoke_result(body: bytes | str | Mapping[str, Any], *, content_type: str = "application/json") -> Answer:
    """The answer to `invoke_model`: the model's own body, as bytes, text or JSON."""
    return ResultAnswer(InvokeModelResponse(body=_raw(body), content_type=content_type))


def apply_guardrail_result(
    action: Literal["NONE", "GUARDRAIL_INTERVENED"] = "NONE", *texts: str, **members: Any
) -> Answer:
    """The answer to `apply_guardrail`: what it did, and the texts to show instead."""
    from bedrock_converse.types import ApplyGuardrailResponse

    usage = dict.fromkeys(
        ("topicPolicyUnits", "contentPolicyUnits", "wordPolicyUnits", "sensitiveInformationPolicyUnits"), 1
    ) | {"sensitiveInformationPolicyFreeUnits": 0, "contextualGroundingPolicyUnits": 0}
    given = {"usage": usage, "action": action, "outputs": [{"text": text} for text in texts], "assessments": []}
    return ResultAnswer(ApplyGuardrailResponse.model_validate(given | members))
