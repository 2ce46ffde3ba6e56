"""DOC."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from bedrock_converse.types.base import Blob, Document, Model, OpenEnum
from bedrock_converse.types.unions import UnknownBlock, WireUnion
from bedrock_converse.types.values import JsonBlock, RedactedReasoning

__all__ = [
    "AudioBlock",
    "AudioFormat",
    "AudioSource",
    "CachePointBlock",
    "CachePointType",
    "CacheTTL",
    "Citation",
    "CitationGeneratedContent",
    "CitationLocation",
    "CitationSourceContent",
    "CitationsConfig",
    "CitationsContentBlock",
    "ContentBlock",
    "DocumentBlock",
    "DocumentCharLocation",
    "DocumentChunkLocation",
    "DocumentContentBlock",
    "DocumentFormat",
    "DocumentPageLocation",
    "DocumentSource",
    "ErrorBlock",
    "GuardrailConverseContentBlock",
    "GuardrailConverseContentQualifier",
    "GuardrailConverseImageBlock",
    "GuardrailConverseImageFormat",
    "GuardrailConverseImageSource",
    "GuardrailConverseTextBlock",
    "ImageBlock",
    "ImageFormat",
    "ImageSource",
    "ReasoningContentBlock",
    "ReasoningTextBlock",
    "S3Location",
    "SearchResultBlock",
    "SearchResultContentBlock",
    "SearchResultLocation",
    "ToolAdditionBlock",
    "ToolReference",
    "ToolRemovalBlock",
    "ToolResultBlock",
    "ToolResultContentBlock",
    "ToolResultStatus",
    "ToolUseBlock",
    "ToolUseType",
    "VideoBlock",
    "VideoFormat",
    "VideoSource",
    "WebLocation",
]


ImageFormat: TypeAlias = Annotated[Literal["png", "jpeg", "gif", "webp"] | str, OpenEnum()]


class S3Location(Model):
    """DOC."""

    uri: str
    """MEMBER."""
    bucket_owner: str | None = None
    """MEMBER."""


ImageSource: TypeAlias = Annotated[
    Blob | S3Location | UnknownBlock,
    WireUnion("ImageSource", bytes=Blob, s3Location=S3Location),
]


class ErrorBlock(Model):
    """DOC."""

    message: str | None = None
    """MEMBER."""


class ImageBlock(Model):
    """DOC."""

    format: ImageFormat
    """MEMBER."""
    source: ImageSource
    """MEMBER."""
    error: ErrorBlock | None = None
    """MEMBER."""


DocumentFormat: TypeAlias = Annotated[
    Literal[
        "pdf",
        "csv",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "html",
        "txt",
        "md",
    ]
    | str,
    OpenEnum(),
]


DocumentContentBlock: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("DocumentContentBlock", text=str),
]


DocumentSource: TypeAlias = Annotated[
    Blob | S3Location | str | list[DocumentContentBlock] | UnknownBlock,
    WireUnion("DocumentSource", bytes=Blob, s3Location=S3Location, text=str, content=list[DocumentContentBlock]),
]


class CitationsConfig(Model):
    """DOC."""

    enabled: bool
    """MEMBER."""


class DocumentBlock(Model):
    """DOC."""

    name: str
    """MEMBER."""
    source: DocumentSource
    """MEMBER."""
    format: DocumentFormat | None = None
    """MEMBER."""
    context: str | None = None
    """MEMBER."""
    citations: CitationsConfig | None = None
    """MEMBER."""


VideoFormat: TypeAlias = Annotated[
    Literal[
        "mkv",
        "mov",
        "mp4",
        "webm",
        "flv",
        "mpeg",
        "mpg",
        "wmv",
        "three_gp",
    ]
    | str,
    OpenEnum(),
]


VideoSource: TypeAlias = Annotated[
    Blob | S3Location | UnknownBlock,
    WireUnion("VideoSource", bytes=Blob, s3Location=S3Location),
]


class VideoBlock(Model):
    """DOC."""

    format: VideoFormat
    """MEMBER."""
    source: VideoSource
    """MEMBER."""


AudioFormat: TypeAlias = Annotated[
    Literal[
        "mp3",
        "opus",
        "wav",
        "aac",
        "flac",
        "mp4",
        "ogg",
        "mkv",
        "mka",
        "x-aac",
        "m4a",
        "mpeg",
        "mpga",
        "pcm",
        "webm",
    ]
    | str,
    OpenEnum(),
]


AudioSource: TypeAlias = Annotated[
    Blob | S3Location | UnknownBlock,
    WireUnion("AudioSource", bytes=Blob, s3Location=S3Location),
]


class AudioBlock(Model):
    """DOC."""

    format: AudioFormat
    """MEMBER."""
    source: AudioSource
    """MEMBER."""
    error: ErrorBlock | None = None
    """MEMBER."""


ToolUseType: TypeAlias = Annotated[Literal["server_tool_use"] | str, OpenEnum()]


class ToolUseBlock(Model):
    """DOC."""

    essential = frozenset({"tool_use_id", "name"})

    tool_use_id: str
    """MEMBER."""
    name: str
    """MEMBER."""
    input: Document
    """MEMBER."""
    type: ToolUseType | None = None
    """MEMBER."""


class SearchResultContentBlock(Model):
    """DOC."""

    text: str
    """MEMBER."""


class SearchResultBlock(Model):
    """DOC."""

    source: str
    """MEMBER."""
    title: str
    """MEMBER."""
    content: list[SearchResultContentBlock]
    """MEMBER."""
    citations: CitationsConfig | None = None
    """MEMBER."""


ToolResultContentBlock: TypeAlias = Annotated[
    JsonBlock | str | ImageBlock | DocumentBlock | VideoBlock | SearchResultBlock | UnknownBlock,
    WireUnion(
        "ToolResultContentBlock",
        json=JsonBlock,
        text=str,
        image=ImageBlock,
        document=DocumentBlock,
        video=VideoBlock,
        searchResult=SearchResultBlock,
    ),
]


ToolResultStatus: TypeAlias = Annotated[Literal["success", "error"] | str, OpenEnum()]


class ToolResultBlock(Model):
    """DOC."""

    essential = frozenset({"tool_use_id", "content"})

    tool_use_id: str
    """MEMBER."""
    content: list[ToolResultContentBlock]
    """MEMBER."""
    status: ToolResultStatus | None = None
    """MEMBER."""
    type: str | None = None
    """MEMBER."""


GuardrailConverseContentQualifier: TypeAlias = Annotated[
    Literal[
        "grounding_source",
        "query",
        "guard_content",
    ]
    | str,
    OpenEnum(),
]


class GuardrailConverseTextBlock(Model):
    """DOC."""

    text: str
    """MEMBER."""
    qualifiers: list[GuardrailConverseContentQualifier] | None = None
    """MEMBER."""


GuardrailConverseImageFormat: TypeAlias = Annotated[Literal["png", "jpeg"] | str, OpenEnum()]


GuardrailConverseImageSource: TypeAlias = Annotated[
    Blob | UnknownBlock,
    WireUnion("GuardrailConverseImageSource", bytes=Blob),
]


class GuardrailConverseImageBlock(Model):
    """DOC."""

    format: GuardrailConverseImageFormat
    """MEMBER."""
    source: GuardrailConverseImageSource
    """MEMBER."""


GuardrailConverseContentBlock: TypeAlias = Annotated[
    GuardrailConverseTextBlock | GuardrailConverseImageBlock | UnknownBlock,
    WireUnion("GuardrailConverseContentBlock", text=GuardrailConverseTextBlock, image=GuardrailConverseImageBlock),
]


CachePointType: TypeAlias = Annotated[Literal["default"] | str, OpenEnum()]


CacheTTL: TypeAlias = Annotated[Literal["5m", "1h"] | str, OpenEnum()]


class CachePointBlock(Model):
    """DOC."""

    type: CachePointType = "default"
    """MEMBER."""
    ttl: CacheTTL | None = None
    """MEMBER."""


class ReasoningTextBlock(Model):
    """DOC."""

    text: str
    """MEMBER."""
    signature: str | None = None
    """MEMBER."""


ReasoningContentBlock: TypeAlias = Annotated[
    ReasoningTextBlock | RedactedReasoning | UnknownBlock,
    WireUnion("ReasoningContentBlock", reasoningText=ReasoningTextBlock, redactedContent=RedactedReasoning),
]


CitationGeneratedContent: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("CitationGeneratedContent", text=str),
]


CitationSourceContent: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("CitationSourceContent", text=str),
]


class WebLocation(Model):
    """DOC."""

    url: str | None = None
    """MEMBER."""
    domain: str | None = None
    """MEMBER."""


class DocumentCharLocation(Model):
    """DOC."""

    document_index: int | None = None
    """MEMBER."""
    start: int | None = None
    """MEMBER."""
    end: int | None = None
    """MEMBER."""


class DocumentPageLocation(Model):
    """DOC."""

    document_index: int | None = None
    """MEMBER."""
    start: int | None = None
    """MEMBER."""
    end: int | None = None
    """MEMBER."""


class DocumentChunkLocation(Model):
    """DOC."""

    document_index: int | None = None
    """MEMBER."""
    start: int | None = None
    """MEMBER."""
    end: int | None = None
    """MEMBER."""


class SearchResultLocation(Model):
    """DOC."""

    search_result_index: int | None = None
    """MEMBER."""
    start: int | None = None
    """MEMBER."""
    end: int | None = None
    """MEMBER."""


CitationLocation: TypeAlias = Annotated[
    WebLocation
    | DocumentCharLocation
    | DocumentPageLocation
    | DocumentChunkLocation
    | SearchResultLocation
    | UnknownBlock,
    WireUnion(
        "CitationLocation",
        web=WebLocation,
        documentChar=DocumentCharLocation,
        documentPage=DocumentPageLocation,
        documentChunk=DocumentChunkLocation,
        searchResultLocation=SearchResultLocation,
    ),
]


class Citation(Model):
    """DOC."""

    title: str | None = None
    """MEMBER."""
    source: str | None = None
    """MEMBER."""
    source_content: list[CitationSourceContent] | None = None
    """MEMBER."""
    location: CitationLocation | None = None
    """MEMBER."""


class CitationsContentBlock(Model):
    """DOC."""

    content: list[CitationGeneratedContent] | None = None
    """MEMBER."""
    citations: list[Citation] | None = None
    """MEMBER."""


class ToolReference(Model):
    """DOC."""

    type: str | None = None
    """MEMBER."""
    name: str | None = None
    """MEMBER."""
    server_name: str | None = None
    """MEMBER."""


class ToolAdditionBlock(Model):
    """DOC."""

    tool: ToolReference
    """MEMBER."""


class ToolRemovalBlock(Model):
    """DOC."""

    tool: ToolReference
    """MEMBER."""


ContentBlock: TypeAlias = Annotated[
    str
    | ImageBlock
    | DocumentBlock
    | VideoBlock
    | AudioBlock
    | ToolUseBlock
    | ToolResultBlock
    | GuardrailConverseTextBlock
    | GuardrailConverseImageBlock
    | CachePointBlock
    | ReasoningTextBlock
    | RedactedReasoning
    | CitationsContentBlock
    | SearchResultBlock
    | ToolAdditionBlock
    | ToolRemovalBlock
    | UnknownBlock,
    WireUnion(
        "ContentBlock",
        text=str,
        image=ImageBlock,
        document=DocumentBlock,
        video=VideoBlock,
        audio=AudioBlock,
        toolUse=ToolUseBlock,
        toolResult=ToolResultBlock,
        guardContent=GuardrailConverseContentBlock,
        cachePoint=CachePointBlock,
        reasoningContent=ReasoningContentBlock,
        citationsContent=CitationsContentBlock,
        searchResult=SearchResultBlock,
        toolAddition=ToolAdditionBlock,
        toolRemoval=ToolRemovalBlock,
    ),
]
