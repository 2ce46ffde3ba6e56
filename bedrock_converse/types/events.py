"""DOC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from bedrock_converse.types.base import Blob, Document, Model, NullReadsEmpty
from bedrock_converse.types.config import PerformanceConfiguration, ServiceTier
from bedrock_converse.types.content import (
    CitationLocation,
    ErrorBlock,
    ImageFormat,
    ImageSource,
    ToolResultStatus,
    ToolUseType,
)
from bedrock_converse.types.messages import ConversationRole
from bedrock_converse.types.operations import ConverseStreamTrace, StopReason, TokenUsage
from bedrock_converse.types.unions import UnknownBlock, WireUnion
from bedrock_converse.types.values import (
    JsonBlock,
    ReasoningSignatureDelta,
    ReasoningTextDelta,
    RedactedReasoning,
    Value,
    positional,
)

__all__ = [
    "CitationSourceContentDelta",
    "CitationsDelta",
    "ContentBlockDelta",
    "ContentBlockDeltaEvent",
    "ContentBlockStart",
    "ContentBlockStartEvent",
    "ContentBlockStopEvent",
    "ConverseStreamMetadataEvent",
    "ConverseStreamMetrics",
    "ConverseStreamOutput",
    "ImageBlockDelta",
    "ImageBlockStart",
    "MessageStartEvent",
    "MessageStopEvent",
    "PayloadPart",
    "ReasoningContentBlockDelta",
    "ToolResultBlockDelta",
    "ToolResultBlockStart",
    "ToolResultDelta",
    "ToolUseBlockDelta",
    "ToolUseBlockStart",
    "UnknownEvent",
]


class MessageStartEvent(Model):
    """DOC."""

    essential = frozenset({"role"})

    role: ConversationRole
    """MEMBER."""


class ToolUseBlockStart(Model):
    """DOC."""

    essential = frozenset({"tool_use_id", "name"})

    tool_use_id: str
    """MEMBER."""
    name: str
    """MEMBER."""
    type: ToolUseType | None = None
    """MEMBER."""


class ToolResultBlockStart(Model):
    """DOC."""

    essential = frozenset({"tool_use_id"})

    tool_use_id: str
    """MEMBER."""
    type: str | None = None
    """MEMBER."""
    status: ToolResultStatus | None = None
    """MEMBER."""


class ImageBlockStart(Model):
    """DOC."""

    format: ImageFormat | None = None
    """MEMBER."""


ContentBlockStart: TypeAlias = Annotated[
    ToolUseBlockStart | ToolResultBlockStart | ImageBlockStart | UnknownBlock,
    WireUnion("ContentBlockStart", toolUse=ToolUseBlockStart, toolResult=ToolResultBlockStart, image=ImageBlockStart),
]


class ContentBlockStartEvent(Model):
    """DOC."""

    start: ContentBlockStart | None = None
    """MEMBER."""
    content_block_index: int | None = None
    """MEMBER."""


class ToolUseBlockDelta(Model):
    """DOC."""

    input: str | None = None
    """MEMBER."""


ToolResultBlockDelta: TypeAlias = Annotated[
    str | JsonBlock | UnknownBlock,
    WireUnion("ToolResultBlockDelta", text=str, json=JsonBlock),
]


class ToolResultDelta(Value[list[ToolResultBlockDelta]]):
    """A piece of a tool result that ran on AWS's side: a list on the wire, `{"toolResult": [{"text": ...}]}`."""

    field = "content"
    __match_args__ = ("content",)

    def __init__(self, content: Sequence[ToolResultBlockDelta]) -> None:
        super().__init__(list(content))

    @property
    def content(self) -> list[ToolResultBlockDelta]:
        """The pieces: `str` or `JsonBlock`."""
        return self.root


positional(ToolResultDelta)


ReasoningContentBlockDelta: TypeAlias = Annotated[
    ReasoningTextDelta | RedactedReasoning | ReasoningSignatureDelta | UnknownBlock,
    WireUnion(
        "ReasoningContentBlockDelta",
        text=ReasoningTextDelta,
        redactedContent=RedactedReasoning,
        signature=ReasoningSignatureDelta,
    ),
]


class CitationSourceContentDelta(Model):
    """DOC."""

    text: str | None = None
    """MEMBER."""


class CitationsDelta(Model):
    """DOC."""

    title: str | None = None
    """MEMBER."""
    source: str | None = None
    """MEMBER."""
    source_content: Annotated[list[CitationSourceContentDelta], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    location: CitationLocation | None = None
    """MEMBER."""


class ImageBlockDelta(Model):
    """DOC."""

    source: ImageSource | None = None
    """MEMBER."""
    error: ErrorBlock | None = None
    """MEMBER."""


ContentBlockDelta: TypeAlias = Annotated[
    str
    | ToolUseBlockDelta
    | ToolResultDelta
    | ReasoningTextDelta
    | RedactedReasoning
    | ReasoningSignatureDelta
    | CitationsDelta
    | ImageBlockDelta
    | UnknownBlock,
    WireUnion(
        "ContentBlockDelta",
        text=str,
        toolUse=ToolUseBlockDelta,
        toolResult=ToolResultDelta,
        reasoningContent=ReasoningContentBlockDelta,
        citation=CitationsDelta,
        image=ImageBlockDelta,
    ),
]


class ContentBlockDeltaEvent(Model):
    """DOC."""

    delta: ContentBlockDelta | None = None
    """MEMBER."""
    content_block_index: int | None = None
    """MEMBER."""


class ContentBlockStopEvent(Model):
    """DOC."""

    content_block_index: int | None = None
    """MEMBER."""


class MessageStopEvent(Model):
    """DOC."""

    essential = frozenset({"stop_reason"})

    stop_reason: StopReason
    """MEMBER."""
    additional_model_response_fields: Document = None
    """MEMBER."""


class ConverseStreamMetrics(Model):
    """DOC."""

    latency_ms: int | None = None
    """MEMBER."""


class ConverseStreamMetadataEvent(Model):
    """DOC."""

    essential = frozenset({"usage"})

    usage: TokenUsage
    """MEMBER."""
    metrics: ConverseStreamMetrics | None = None
    """MEMBER."""
    trace: ConverseStreamTrace | None = None
    """MEMBER."""
    performance_config: PerformanceConfiguration | None = None
    """MEMBER."""
    service_tier: ServiceTier | None = None
    """MEMBER."""


class PayloadPart(Model):
    """DOC."""

    bytes: Blob | None = None
    """MEMBER."""


class UnknownEvent:
    """An event that this version does not know, kept whole. `path` holds its tag, `value` its JSON."""

    __slots__ = ("path", "value")
    __match_args__ = ("path", "value")

    def __init__(self, path: str | tuple[str, ...], value: Any) -> None:
        self.path: tuple[str, ...] = (path,) if isinstance(path, str) else tuple(path)
        self.value: Any = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownEvent) and (self.path, self.value) == (other.path, other.value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"UnknownEvent({'.'.join(self.path)!r}, {self.value!r})"


ConverseStreamOutput: TypeAlias = (
    MessageStartEvent
    | ContentBlockStartEvent
    | ContentBlockDeltaEvent
    | ContentBlockStopEvent
    | MessageStopEvent
    | ConverseStreamMetadataEvent
    | UnknownEvent
)
"""What a stream yields. Over HTTP each is one frame; exceptions in a stream are raised, never yielded."""
