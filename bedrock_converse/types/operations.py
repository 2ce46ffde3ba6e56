"""Converse and ConverseStream: their requests, and the reply."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from bedrock_converse.types.base import Document, Model, NullReadsEmpty, OpenEnum
from bedrock_converse.types.config import (
    GuardrailConfiguration,
    GuardrailStreamConfiguration,
    InferenceConfiguration,
    OutputConfig,
    PerformanceConfiguration,
    PromptVariableValues,
    ServiceTier,
)
from bedrock_converse.types.content import CacheTTL, ContentBlock, ToolUseBlock
from bedrock_converse.types.finish import FinishReason, finish_reason
from bedrock_converse.types.guardrails import GuardrailTraceAssessment
from bedrock_converse.types.messages import Message, SystemContentBlock
from bedrock_converse.types.results import Result
from bedrock_converse.types.tools import ToolConfiguration
from bedrock_converse.types.unions import UnknownBlock, WireUnion

if TYPE_CHECKING:
    from bedrock_converse.types.guardrail_outcome import GuardrailOutcome

__all__ = [
    "CacheDetail",
    "ConverseMetrics",
    "ConverseOutput",
    "ConverseRequest",
    "ConverseResponse",
    "ConverseStreamRequest",
    "ConverseStreamTrace",
    "ConverseTrace",
    "PromptRouterTrace",
    "StopReason",
    "TokenUsage",
]


class ConverseRequest(Model):
    """A conversation for the model to continue, answered in one piece.

    You need not write one: `client.converse(model_id, messages, ...)` takes the same members as arguments.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    """

    model_id: str
    """What to call, 1 to 2,048 characters: a model id, an inference profile (many models are callable only through one,
    such as `us.anthropic...`), an ARN of either, of a provisioned or custom model, of a prompt router, or of a stored
    prompt."""
    messages: list[Message] | None = None
    """The conversation so far, the oldest message first and the user's last. `user` and `assistant` take turns. None
    only with a stored prompt as `model_id`."""
    system: list[SystemContentBlock] | None = None
    """Instructions that stand above the conversation: text of at least 1 character, guarded content, cache points."""
    inference_config: InferenceConfiguration | None = None
    """How to generate: length, randomness, stop sequences."""
    tool_config: ToolConfiguration | None = None
    """The tools that the model may call. Also needed when only the history holds tool calls."""
    guardrail_config: GuardrailConfiguration | None = None
    """The guardrail to apply. It checks every message, or only the guarded blocks once there are any."""
    additional_model_request_fields: Document = None
    """Any JSON that goes to the model as it is: `{"thinking": {...}}`, `{"top_k": 50}`. Keys are never renamed."""
    prompt_variables: dict[str, PromptVariableValues] | None = None
    """Values for the variables of a stored prompt, by name. Ignored unless `model_id` is a prompt's ARN."""
    additional_model_response_field_paths: list[str] | None = None
    """JSON Pointers (`"/stop_sequence"`) to fields of the model's own answer that the reply should carry: at most 10, 1
    to 256 characters each. One that points at nothing is ignored; a malformed one is a 400."""
    request_metadata: dict[str, str] | None = None
    """Labels for AWS's invocation logs: 1 to 16, keys of 1 to 256 and values of up to 256 characters: letters, digits,
    spaces and `:_@$#=/+,-.`. Not for secrets: they are logged."""
    performance_config: PerformanceConfiguration | None = None
    """Whether to use a latency-optimized variant of the model."""
    service_tier: ServiceTier | None = None
    """Which tier should serve the request."""
    output_config: OutputConfig | None = None
    """Structured output, and how hard the model works."""


ConverseOutput: TypeAlias = Annotated[
    Message | UnknownBlock,
    WireUnion("ConverseOutput", message=Message),
]
"""What the model gave: a message."""


StopReason: TypeAlias = Annotated[
    Literal[
        "end_turn",
        "tool_use",
        "max_tokens",
        "stop_sequence",
        "guardrail_intervened",
        "content_filtered",
        "malformed_model_output",
        "malformed_tool_use",
        "model_context_window_exceeded",
    ]
    | str,
    OpenEnum(),
]
"""Why the model stopped. Only `end_turn`, `tool_use` and `stop_sequence` are a finished reply."""


class CacheDetail(Model):
    """How much was written to the cache with one lifetime.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CacheDetail.html
    """

    ttl: CacheTTL | None = None
    """The lifetime, `5m` or `1h`. They are billed differently."""
    input_tokens: int | None = None
    """The tokens written with it."""


class TokenUsage(Model):
    """What a reply cost, in tokens. Counts that AWS does not model (`serverToolUsage`) are kept in `model_extra`.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"input_tokens", "output_tokens", "total_tokens"})

    input_tokens: int
    """Tokens of the request that were neither read from the cache nor written to it. All that the model read is the sum
    of this, `cache_read_input_tokens` and `cache_write_input_tokens`."""
    output_tokens: int
    """Tokens that the model generated, reasoning included."""
    total_tokens: int
    """Everything: input, cache reads, cache writes and output (observed)."""
    cache_read_input_tokens: int | None = None
    """Tokens that came from the cache, which is cheaper. None when AWS did not say."""
    cache_write_input_tokens: int | None = None
    """Tokens written to the cache, which is dearer. None when AWS did not say."""
    cache_details: Annotated[list[CacheDetail], NullReadsEmpty()] = Field(default_factory=list[Any])
    """Cache writes by lifetime, the longer first: writes for an hour cost more than those for five minutes. Empty when
    there were none, or when AWS did not say."""


class ConverseMetrics(Model):
    """How long the call took on AWS's side.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseMetrics.html
    """

    latency_ms: int | None = None
    """Milliseconds from the request to the end of the reply, as AWS measured it."""


class PromptRouterTrace(Model):
    """What a prompt router decided.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PromptRouterTrace.html
    """

    invoked_model_id: str | None = None
    """The ARN of the model, or inference profile, that it chose."""


class ConverseTrace(Model):
    """How the reply came about.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTrace.html
    """

    guardrail: GuardrailTraceAssessment | None = None
    """What the guardrail found. None unless `guardrail_config.trace` is on."""
    prompt_router: PromptRouterTrace | None = None
    """Which model a prompt router chose. None unless `model_id` was a prompt router."""


class ConverseResponse(Result):
    """The model's reply, from `converse()` and, put together from its events, from a stream's `final()`.

    The usual ways in: `reply.text`, `reply.tool_uses`, `reply.content`, and `reply.message` to append to the history.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"output", "stop_reason", "usage"})

    output: ConverseOutput
    """The model's message; `reply.message` is the same, without the union."""
    stop_reason: StopReason
    """Why the model stopped. `max_tokens` and `model_context_window_exceeded` mean that the reply is cut,
    `guardrail_intervened` that its text is the guardrail's, `malformed_...` that the model broke a format. None only in
    `stream.partial` (and in an error's `.partial`), while the stop has not come."""
    usage: TokenUsage
    """What the reply cost. The type says `TokenUsage`, since that is so for every complete reply, but it is None in two
    cases: a stream that ended without its metadata event, and `stream.partial` (or an error's `.partial`)."""
    metrics: ConverseMetrics | None = None
    """How long it took; None when AWS did not say, as in a partial reply."""
    additional_model_response_fields: Document = None
    """What `additional_model_response_field_paths` asked for: the model's own JSON, untouched."""
    trace: ConverseTrace | None = None
    """What the guardrail or the prompt router did. None unless asked for."""
    performance_config: PerformanceConfiguration | None = None
    """The latency variant that served the request."""
    service_tier: ServiceTier | None = None
    """The tier that served the request, which may be another than the one asked for."""

    @property
    def message(self) -> Message:
        """The model's turn, ready to be appended to the history."""
        output = self.output
        return output if isinstance(output, Message) else Message(role="assistant", content=[])

    @property
    def content(self) -> list[ContentBlock]:
        """The blocks of the model's turn: `reply.message.content`."""
        return self.message.content

    @property
    def text(self) -> str:
        """All text of the reply, joined; no reasoning, no tool calls."""
        return self.message.text

    @property
    def tool_uses(self) -> list[ToolUseBlock]:
        """The tool calls of the reply, in order."""
        return self.message.tool_uses

    @property
    def guardrail(self) -> "GuardrailOutcome":
        """What a guardrail did: `.action` is `none`, `masked` or `blocked`, and `.findings` says why (with a trace)."""
        from bedrock_converse.types.guardrail_outcome import guardrail_outcome

        return guardrail_outcome(self)

    @property
    def finish_reason(self) -> FinishReason | None:
        """`stop_reason` in the words of other providers; None only in a partial reply that has not stopped."""
        stop_reason: Any = self.stop_reason
        return None if stop_reason is None else finish_reason(stop_reason)


class ConverseStreamRequest(Model):
    """A conversation for the model to continue, answered as a stream of events.

    It has the members of `ConverseRequest`; only the guardrail's settings have one more, for the stream.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
    """

    model_id: str
    """What to call, 1 to 2,048 characters: a model id, an inference profile, an ARN. See `ConverseRequest.model_id`."""
    messages: list[Message] | None = None
    """The conversation so far, the oldest message first. None only with a stored prompt as `model_id`."""
    system: list[SystemContentBlock] | None = None
    """Instructions that stand above the conversation: text of at least 1 character, guarded content, cache points."""
    inference_config: InferenceConfiguration | None = None
    """How to generate: length, randomness, stop sequences."""
    tool_config: ToolConfiguration | None = None
    """The tools that the model may call. Also needed when only the history holds tool calls."""
    guardrail_config: GuardrailStreamConfiguration | None = None
    """The guardrail to apply, and whether the stream waits for it."""
    additional_model_request_fields: Document = None
    """Any JSON that goes to the model as it is. Keys are never renamed."""
    prompt_variables: dict[str, PromptVariableValues] | None = None
    """Values for the variables of a stored prompt, by name. Ignored unless `model_id` is a prompt's ARN."""
    additional_model_response_field_paths: list[str] | None = None
    """JSON Pointers to fields of the model's own answer that the reply should carry: at most 10, 1 to 256 characters
    each. They come with the `messageStop` event."""
    request_metadata: dict[str, str] | None = None
    """Labels for AWS's invocation logs: 1 to 16, keys of 1 to 256 and values of up to 256 characters: letters, digits,
    spaces and `:_@$#=/+,-.`. Not for secrets: they are logged."""
    performance_config: PerformanceConfiguration | None = None
    """Whether to use a latency-optimized variant of the model."""
    service_tier: ServiceTier | None = None
    """Which tier should serve the request."""
    output_config: OutputConfig | None = None
    """Structured output, and how hard the model works."""


class ConverseStreamTrace(Model):
    """How the streamed reply came about.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamTrace.html
    """

    guardrail: GuardrailTraceAssessment | None = None
    """What the guardrail found. None unless `guardrail_config.trace` is on."""
    prompt_router: PromptRouterTrace | None = None
    """Which model a prompt router chose. None unless `model_id` was a prompt router."""
