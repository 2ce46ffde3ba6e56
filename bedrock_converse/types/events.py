"""What a stream is made of. Each event is one frame on the wire, named by its event type.

Every event of AWS's also carries a padding key `p`, which is dropped; whatever else is unknown is kept. A member that
AWS left out is None.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeAlias

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
from bedrock_converse.types.unions import UnknownBlock, WireUnion, brief
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
    """The reply begins.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStartEvent.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"role"})

    role: ConversationRole
    """Who speaks: `assistant`."""


class ToolUseBlockStart(Model):
    """A tool call begins; its input follows as deltas.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlockStart.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"tool_use_id", "name"})

    tool_use_id: str
    """The id of the call, which its result must repeat: 1 to 64 characters of `[a-zA-Z0-9_.:-]`."""
    name: str
    """The tool to run, 1 to 64 characters of `[a-zA-Z0-9_-]`."""
    type: ToolUseType | None = None
    """`server_tool_use` when AWS runs the tool itself. Models send `tool_use`, too."""


class ToolResultBlockStart(Model):
    """The result of a tool that ran on AWS's side begins.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlockStart.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"tool_use_id"})

    tool_use_id: str
    """The call that this is the result of: 1 to 64 characters of `[a-zA-Z0-9_.:-]`."""
    type: str | None = None
    """What kind of result: `nova_code_interpreter_result`, for example."""
    status: ToolResultStatus | None = None
    """`success` or `error`."""


class ImageBlockStart(Model):
    """An image by the model begins; its bytes follow as deltas.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlockStart.html
    """

    format: ImageFormat | None = None
    """What the bytes will be encoded as."""


ContentBlockStart: TypeAlias = Annotated[
    ToolUseBlockStart | ToolResultBlockStart | ImageBlockStart | UnknownBlock,
    WireUnion("ContentBlockStart", toolUse=ToolUseBlockStart, toolResult=ToolResultBlockStart, image=ImageBlockStart),
]
"""What begins: a tool call, a tool result or an image."""


class ContentBlockStartEvent(Model):
    """A block begins. Text, reasoning and citations have no such event: their first delta begins them.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlockStartEvent.html
    """

    start: ContentBlockStart | None = None
    """What kind of block, and what is known of it so far."""
    content_block_index: int | None = None
    """The place of the block in the message, from 0. Indexes may have gaps."""


class ToolUseBlockDelta(Model):
    """A piece of a tool call's input.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlockDelta.html
    """

    input: str | None = None
    """A piece of JSON text, which may end anywhere; joined, the pieces are the arguments. The first is often empty, and
    a call without arguments has none at all, which means `{}`."""


ToolResultBlockDelta: TypeAlias = Annotated[
    str | JsonBlock | UnknownBlock,
    WireUnion("ToolResultBlockDelta", text=str, json=JsonBlock),
]
"""A piece of a tool result: text as `str`, JSON as `JsonBlock`."""


class ToolResultDelta(Value[list[ToolResultBlockDelta]]):
    """A piece of a tool result that ran on AWS's side: a list on the wire, `{"toolResult": [{"text": ...}]}`."""

    field = "content"
    __match_args__ = ("content",)  # pyright: ignore[reportAssignmentType]  # RootModel's is ("root",)

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
"""A piece of reasoning: its text, its signature (after the text), or encrypted bytes."""


class CitationSourceContentDelta(Model):
    """A piece of what the model quotes.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationSourceContentDelta.html
    """

    text: str | None = None
    """The piece of text."""


class CitationsDelta(Model):
    """A citation for the block, which may come before the text that it supports.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationsDelta.html
    """

    title: str | None = None
    """The title of the source; for a document its `name`."""
    source: str | None = None
    """The source as the request named it."""
    source_content: Annotated[list[CitationSourceContentDelta], NullReadsEmpty()] = Field(default_factory=list[Any])
    """The passages that the model relied on, quoted."""
    location: CitationLocation | None = None
    """Where in the source they stand."""


class ImageBlockDelta(Model):
    """A piece of an image.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlockDelta.html
    """

    source: ImageSource | None = None
    """The piece: `bytes` to be appended to those before, or an `S3Location`."""
    error: ErrorBlock | None = None
    """Why the image could not be made; None when all is well."""


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
"""A piece of a block: `str` for text (often empty), and a class for everything else."""


class ContentBlockDeltaEvent(Model):
    """A block grows.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlockDeltaEvent.html
    """

    delta: ContentBlockDelta | None = None
    """What is added."""
    content_block_index: int | None = None
    """The place of the block in the message, from 0."""


class ContentBlockStopEvent(Model):
    """A block is complete.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlockStopEvent.html
    """

    content_block_index: int | None = None
    """The place of the block in the message, from 0."""


class MessageStopEvent(Model):
    """The message is complete. A stream that ends without this event was cut.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"stop_reason"})

    stop_reason: StopReason
    """Why the model stopped. See `ConverseResponse.stop_reason`."""
    additional_model_response_fields: Document = None
    """What `additional_model_response_field_paths` asked for: the model's own JSON, untouched."""


class ConverseStreamMetrics(Model):
    """How long the stream took on AWS's side.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamMetrics.html
    """

    latency_ms: int | None = None
    """Milliseconds from the request to the end of the stream, as AWS measured it."""


class ConverseStreamMetadataEvent(Model):
    """The bill, after the message: normally the last event. It may be missing.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamMetadataEvent.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"usage"})

    usage: TokenUsage
    """What the reply cost, in tokens."""
    metrics: ConverseStreamMetrics | None = None
    """How long it took."""
    trace: ConverseStreamTrace | None = None
    """What the guardrail or the prompt router did. None unless asked for."""
    performance_config: PerformanceConfiguration | None = None
    """The latency variant that served the request."""
    service_tier: ServiceTier | None = None
    """The tier that served the request, which may be another than the one asked for."""


class PayloadPart(Model):
    """A piece of an InvokeModel stream.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html
    """

    bytes: Blob | None = None
    """The model's own event, mostly JSON, up to 1,000,000 bytes."""


class UnknownEvent:
    """An event that this version does not know, kept whole. `path` holds its tag, `value` its JSON."""

    __slots__ = ("path", "value")
    __match_args__ = ("path", "value")

    def __init__(self, path: str | tuple[str, ...], value: Any) -> None:
        self.path: tuple[str, ...] = (path,) if isinstance(path, str) else tuple(path)
        self.value: Any = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownEvent) and (self.path, self.value) == (other.path, other.value)

    __hash__: ClassVar[None]  # type: ignore[assignment]  # mutable, so not hashable

    def __repr__(self) -> str:
        return f"UnknownEvent({'.'.join(self.path)!r}, {brief(self.value)!r})"


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
