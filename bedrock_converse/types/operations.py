"""DOC."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

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
from bedrock_converse.types.guardrails import GuardrailTraceAssessment
from bedrock_converse.types.invoke import InvokeModelTokensRequest
from bedrock_converse.types.messages import Message, SystemContentBlock
from bedrock_converse.types.results import Result
from bedrock_converse.types.tools import ToolConfiguration
from bedrock_converse.types.unions import UnknownBlock, WireUnion

__all__ = [
    "CacheDetail",
    "ConverseMetrics",
    "ConverseOutput",
    "ConverseRequest",
    "ConverseResponse",
    "ConverseStreamRequest",
    "ConverseStreamTrace",
    "ConverseTokensRequest",
    "ConverseTrace",
    "CountTokensInput",
    "CountTokensRequest",
    "CountTokensResponse",
    "PromptRouterTrace",
    "StopReason",
    "TokenUsage",
]


class ConverseRequest(Model):
    """DOC."""

    model_id: str
    """MEMBER."""
    messages: list[Message] | None = None
    """MEMBER."""
    system: list[SystemContentBlock] | None = None
    """MEMBER."""
    inference_config: InferenceConfiguration | None = None
    """MEMBER."""
    tool_config: ToolConfiguration | None = None
    """MEMBER."""
    guardrail_config: GuardrailConfiguration | None = None
    """MEMBER."""
    additional_model_request_fields: Document = None
    """MEMBER."""
    prompt_variables: dict[str, PromptVariableValues] | None = None
    """MEMBER."""
    additional_model_response_field_paths: list[str] | None = None
    """MEMBER."""
    request_metadata: dict[str, str] | None = None
    """MEMBER."""
    performance_config: PerformanceConfiguration | None = None
    """MEMBER."""
    service_tier: ServiceTier | None = None
    """MEMBER."""
    output_config: OutputConfig | None = None
    """MEMBER."""


ConverseOutput: TypeAlias = Annotated[
    Message | UnknownBlock,
    WireUnion("ConverseOutput", message=Message),
]


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


class CacheDetail(Model):
    """DOC."""

    ttl: CacheTTL | None = None
    """MEMBER."""
    input_tokens: int | None = None
    """MEMBER."""


class TokenUsage(Model):
    """DOC."""

    essential = frozenset({"input_tokens", "output_tokens", "total_tokens"})

    input_tokens: int
    """MEMBER."""
    output_tokens: int
    """MEMBER."""
    total_tokens: int
    """MEMBER."""
    cache_read_input_tokens: int | None = None
    """MEMBER."""
    cache_write_input_tokens: int | None = None
    """MEMBER."""
    cache_details: Annotated[list[CacheDetail], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


class ConverseMetrics(Model):
    """DOC."""

    latency_ms: int | None = None
    """MEMBER."""


class PromptRouterTrace(Model):
    """DOC."""

    invoked_model_id: str | None = None
    """MEMBER."""


class ConverseTrace(Model):
    """DOC."""

    guardrail: GuardrailTraceAssessment | None = None
    """MEMBER."""
    prompt_router: PromptRouterTrace | None = None
    """MEMBER."""


class ConverseResponse(Result):
    """DOC."""

    essential = frozenset({"output", "stop_reason", "usage"})

    output: ConverseOutput
    """MEMBER."""
    stop_reason: StopReason
    """MEMBER."""
    usage: TokenUsage
    """MEMBER."""
    metrics: ConverseMetrics | None = None
    """MEMBER."""
    additional_model_response_fields: Document = None
    """MEMBER."""
    trace: ConverseTrace | None = None
    """MEMBER."""
    performance_config: PerformanceConfiguration | None = None
    """MEMBER."""
    service_tier: ServiceTier | None = None
    """MEMBER."""

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


class ConverseStreamRequest(Model):
    """DOC."""

    model_id: str
    """MEMBER."""
    messages: list[Message] | None = None
    """MEMBER."""
    system: list[SystemContentBlock] | None = None
    """MEMBER."""
    inference_config: InferenceConfiguration | None = None
    """MEMBER."""
    tool_config: ToolConfiguration | None = None
    """MEMBER."""
    guardrail_config: GuardrailStreamConfiguration | None = None
    """MEMBER."""
    additional_model_request_fields: Document = None
    """MEMBER."""
    prompt_variables: dict[str, PromptVariableValues] | None = None
    """MEMBER."""
    additional_model_response_field_paths: list[str] | None = None
    """MEMBER."""
    request_metadata: dict[str, str] | None = None
    """MEMBER."""
    performance_config: PerformanceConfiguration | None = None
    """MEMBER."""
    service_tier: ServiceTier | None = None
    """MEMBER."""
    output_config: OutputConfig | None = None
    """MEMBER."""


class ConverseStreamTrace(Model):
    """DOC."""

    guardrail: GuardrailTraceAssessment | None = None
    """MEMBER."""
    prompt_router: PromptRouterTrace | None = None
    """MEMBER."""


class ConverseTokensRequest(Model):
    """DOC."""

    messages: list[Message] | None = None
    """MEMBER."""
    system: list[SystemContentBlock] | None = None
    """MEMBER."""
    tool_config: ToolConfiguration | None = None
    """MEMBER."""
    additional_model_request_fields: Document = None
    """MEMBER."""


CountTokensInput: TypeAlias = Annotated[
    InvokeModelTokensRequest | ConverseTokensRequest | UnknownBlock,
    WireUnion("CountTokensInput", invokeModel=InvokeModelTokensRequest, converse=ConverseTokensRequest),
]


class CountTokensRequest(Model):
    """DOC."""

    model_id: str
    """MEMBER."""
    input: CountTokensInput
    """MEMBER."""


class CountTokensResponse(Result):
    """DOC."""

    essential = frozenset({"input_tokens"})

    input_tokens: int
    """MEMBER."""
