"""The blocks that messages are made of: text, media, tools, reasoning, citations, cache points.

A member that is None is not sent; one that AWS left out reads as None. AWS's limits stand in the docstrings and are
checked by AWS, not here: they differ by model and change.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

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
"""What an image is encoded as. Not a MIME type: `"png"`, not `"image/png"`."""


class S3Location(Model):
    """A file in S3, for models that read from there. The caller needs `s3:GetObject` on it.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_S3Location.html
    """

    uri: str
    """`s3://bucket/key`, 1 to 1,024 characters."""
    bucket_owner: str | None = None
    """The 12-digit account id of the bucket's owner; needed when the bucket belongs to another account."""


ImageSource: TypeAlias = Annotated[
    Blob | S3Location | UnknownBlock,
    WireUnion("ImageSource", bytes=Blob, s3Location=S3Location),
]
"""The image itself, as bytes (not base64: that is done for you) or in S3."""


class ErrorBlock(Model):
    """Why AWS or the model could not make, or read, a piece of media.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ErrorBlock.html
    """

    message: str | None = None
    """What went wrong, for people."""


class ImageBlock(Model):
    """An image. A `user` message takes at most 20, each up to 3.75 MB and 8,000 pixels a side; others take none.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
    """

    format: ImageFormat
    """What the bytes are encoded as. It must fit them: some models refuse a JPEG that is called `png`."""
    source: ImageSource
    """The image: `bytes`, at least 1, or an `S3Location`."""
    error: ErrorBlock | None = None
    """Why the image could not be processed or made; None when all is well."""


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
"""A document's format, which is its usual file extension."""


DocumentContentBlock: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("DocumentContentBlock", text=str),
]
"""A piece of a document given in pieces: text."""


DocumentSource: TypeAlias = Annotated[
    Blob | S3Location | str | list[DocumentContentBlock] | UnknownBlock,
    WireUnion("DocumentSource", bytes=Blob, s3Location=S3Location, text=str, content=list[DocumentContentBlock]),
]
"""A document: the file's bytes, its place in S3, plain text (`str`), or pieces of text that can be cited one by one."""


class CitationsConfig(Model):
    """Whether the model cites a document or search result.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationsConfig.html
    """

    enabled: bool
    """True lets the model cite it. Some models want the same value on every document of a request."""


class DocumentBlock(Model):
    """A document to read. A `user` message takes at most 5, each up to 4.5 MB; others take none.

    A message that holds one needs a text block too. WARNING: `source="report.pdf"` does not read a file. A `str` is the
    document's TEXT; a file's content goes in as `source=path.read_bytes()` together with `format`.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
    """

    name: str
    """What the model sees as the document's name, 1 to 200 characters: letters, digits, hyphens, parentheses, square
    brackets, and single spaces. No dot, so no file extension. It must be unique in the WHOLE history, ignoring case.
    The model reads it, so a name that strangers choose can carry a prompt injection: prefer a neutral one."""
    source: DocumentSource
    """The content: `bytes` of a file, an `S3Location`, inline text (`str`: never a path), or a list of text pieces."""
    format: DocumentFormat | None = None
    """What the bytes are. Needed for bytes and S3; may be left out for text."""
    context: str | None = None
    """What the model should know about the document when it cites it: where it is from, how to read it."""
    citations: CitationsConfig | None = None
    """Whether the model may cite the document; None means no."""


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
"""A video's container format. Not a MIME type, though AWS was seen taking `"video/mp4"`."""


VideoSource: TypeAlias = Annotated[
    Blob | S3Location | UnknownBlock,
    WireUnion("VideoSource", bytes=Blob, s3Location=S3Location),
]
"""A video: its bytes (under 25 MB once they are base64) or its place in S3 (up to 1 GB)."""


class VideoBlock(Model):
    """A video, for models that watch them.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_VideoBlock.html
    """

    format: VideoFormat
    """The container format of the video."""
    source: VideoSource
    """The video: `bytes`, at least 1, or an `S3Location`."""


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
"""An audio clip's container or codec."""


AudioSource: TypeAlias = Annotated[
    Blob | S3Location | UnknownBlock,
    WireUnion("AudioSource", bytes=Blob, s3Location=S3Location),
]
"""An audio clip: its bytes or its place in S3."""


class AudioBlock(Model):
    """An audio clip, for models that listen.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_AudioBlock.html
    """

    format: AudioFormat
    """The container or codec of the clip."""
    source: AudioSource
    """The clip: `bytes`, at least 1, or an `S3Location`."""
    error: ErrorBlock | None = None
    """Why the clip could not be processed or made; None when all is well."""


ToolUseType: TypeAlias = Annotated[Literal["server_tool_use"] | str, OpenEnum()]
"""`server_tool_use`: AWS runs the tool, not you. Ordinary calls say `tool_use` (not in AWS's model) or nothing."""


class ToolUseBlock(Model):
    """A tool call by the model. Answer it with a `ToolResultBlock` in the next `user` message.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"tool_use_id", "name"})

    tool_use_id: str
    """The id of the call, which its result must repeat: 1 to 64 characters of `[a-zA-Z0-9_.:-]`."""
    name: str
    """The tool to run, 1 to 64 characters of `[a-zA-Z0-9_-]`. AWS checks the names in the whole history on every turn,
    also one that the model made up."""
    input: Document
    """The arguments, as the model wrote them: mostly a dict, `{}` for a tool without parameters. Passed on untouched,
    so check it against your schema. After a stream that was cut, or that gave broken JSON, it is the raw text."""
    type: ToolUseType | None = None
    """`server_tool_use` when AWS runs the tool itself: then there is nothing to answer. Models send `tool_use`, too."""

    def result(self, *content: "ToolResultContentBlock", status: "ToolResultStatus | None" = None) -> "ToolResultBlock":
        """The answer to this call: `user(call.result("4 degrees"))`, or `call.result("no such city", status="error")`.

        Raises:
            pydantic.ValidationError: A piece of content is not one that a tool result can hold; JSON is
                `JsonBlock({...})`.
        """
        return ToolResultBlock(tool_use_id=self.tool_use_id, content=list(content), status=status)


class SearchResultContentBlock(Model):
    """A passage of a search result.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_SearchResultContentBlock.html
    """

    text: str
    """The text of the passage."""


class SearchResultBlock(Model):
    """Something that your own search found, in a form that the model can cite.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_SearchResultBlock.html
    """

    source: str
    """Where it is from: a URL or any id of yours."""
    title: str
    """What it is called."""
    content: list[SearchResultContentBlock]
    """The passages, in order; citations point at them by index."""
    citations: CitationsConfig | None = None
    """Whether the model may cite it; None means no."""


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
"""What a tool can give back: JSON as `JsonBlock`, text as `str`, an image, a document, a video, search results."""


ToolResultStatus: TypeAlias = Annotated[Literal["success", "error"] | str, OpenEnum()]
"""How a tool call went."""


class ToolResultBlock(Model):
    """The result of a tool call, for the model to read.

    All results for one turn of tool calls belong in a single `user` message, each call answered exactly once.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"tool_use_id", "content"})

    tool_use_id: str
    """The `ToolUseBlock.tool_use_id` that this answers: 1 to 64 characters of `[a-zA-Z0-9_.:-]`."""
    content: list[ToolResultContentBlock]
    """The result. No `CachePointBlock` in here; put it after this block. Some models refuse an empty list."""
    status: ToolResultStatus | None = None
    """`error` tells the model that the tool failed (not all models take it); None means success."""
    type: str | None = None
    """What kind of result, on those of tools that ran on AWS's side: `nova_code_interpreter_result`, for example."""


GuardrailConverseContentQualifier: TypeAlias = Annotated[
    Literal[
        "grounding_source",
        "query",
        "guard_content",
    ]
    | str,
    OpenEnum(),
]
"""What a guarded text is to the guardrail: a source to check against, the user's question, or content to be checked."""


class GuardrailConverseTextBlock(Model):
    """Text for the model, marked for the guardrail to check.

    As soon as the messages hold a guarded block, the guardrail checks the guarded blocks only.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailConverseTextBlock.html
    """

    text: str
    """The text. The model reads it like any other."""
    qualifiers: list[GuardrailConverseContentQualifier] | None = None
    """What the text is to the contextual grounding check; None means content to be checked."""


GuardrailConverseImageFormat: TypeAlias = Annotated[Literal["png", "jpeg"] | str, OpenEnum()]
"""An image's encoding; guardrails take fewer than models do."""


GuardrailConverseImageSource: TypeAlias = Annotated[
    Blob | UnknownBlock,
    WireUnion("GuardrailConverseImageSource", bytes=Blob),
]
"""The image's bytes. Guardrails do not read from S3."""


class GuardrailConverseImageBlock(Model):
    """An image for the model, marked for the guardrail to check.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailConverseImageBlock.html
    """

    format: GuardrailConverseImageFormat
    """What the bytes are encoded as: PNG or JPEG."""
    source: GuardrailConverseImageSource
    """The image, as `bytes`, at least 1."""


GuardrailConverseContentBlock: TypeAlias = Annotated[
    GuardrailConverseTextBlock | GuardrailConverseImageBlock | UnknownBlock,
    WireUnion("GuardrailConverseContentBlock", text=GuardrailConverseTextBlock, image=GuardrailConverseImageBlock),
]
"""Content that the guardrail checks: text or an image."""


CachePointType: TypeAlias = Annotated[Literal["default"] | str, OpenEnum()]
"""The one kind of cache point that there is."""


CacheTTL: TypeAlias = Annotated[Literal["5m", "1h"] | str, OpenEnum()]
"""How long a cache entry lives after its last use: five minutes or an hour."""


class CachePointBlock(Model):
    """Ends a cached prefix: everything before it, in the order tools, system, messages, is cached together.

    At most 4 in a request. Not first in a message, not right after a document, video or reasoning block, and not inside
    a tool result: AWS answers 400. Prefixes shorter than the model's minimum (a thousand tokens or more) are not
    cached, without an error. Not every model, and not every place in a request, takes one.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CachePointBlock.html
    """

    type: CachePointType = "default"
    """Always `default`, and always sent."""
    ttl: CacheTTL | None = None
    """How long the entry lives; None means the model's default, five minutes. `1h` points must come before `5m` ones,
    in the order tools, system, messages. Writing costs more for `1h`."""


class ReasoningTextBlock(Model):
    """The model's reasoning, in the open. Send it back unchanged with its signature, or leave the whole block out.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ReasoningTextBlock.html
    """

    text: str
    """What the model thought. May be empty, with only the signature to be kept."""
    signature: str | None = None
    """The provider's proof that the text is the model's own. Claude refuses a tool turn whose reasoning lost it. None
    from models that do not sign; leave it out rather than send an empty one."""


ReasoningContentBlock: TypeAlias = Annotated[
    ReasoningTextBlock | RedactedReasoning | UnknownBlock,
    WireUnion("ReasoningContentBlock", reasoningText=ReasoningTextBlock, redactedContent=RedactedReasoning),
]
"""A step of reasoning: readable, or encrypted by the provider."""


CitationGeneratedContent: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("CitationGeneratedContent", text=str),
]
"""A piece of what the model wrote: text."""


CitationSourceContent: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("CitationSourceContent", text=str),
]
"""A piece of what the model quotes: text."""


class WebLocation(Model):
    """A place on the web.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_WebLocation.html
    """

    url: str | None = None
    """The address of the page."""
    domain: str | None = None
    """The site that it is on."""


class DocumentCharLocation(Model):
    """A range of characters in a plain-text document.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentCharLocation.html
    """

    document_index: int | None = None
    """Which document: counted from 0 over the documents of the request."""
    start: int | None = None
    """The first character, counted from 0."""
    end: int | None = None
    """The end of the range; the character there no longer belongs to it (observed)."""


class DocumentPageLocation(Model):
    """A range of pages in a PDF.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentPageLocation.html
    """

    document_index: int | None = None
    """Which document: counted from 0 over the documents of the request."""
    start: int | None = None
    """The first page, counted from 1 (observed)."""
    end: int | None = None
    """The page after the last one: a single first page is 1 to 2 (observed)."""


class DocumentChunkLocation(Model):
    """A range of pieces in a document that was given as a list of pieces.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentChunkLocation.html
    """

    document_index: int | None = None
    """Which document: counted from 0 over the documents of the request."""
    start: int | None = None
    """The first piece, from 0."""
    end: int | None = None
    """Where the range ends, as an index of pieces."""


class SearchResultLocation(Model):
    """A range of passages in a search result.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_SearchResultLocation.html
    """

    search_result_index: int | None = None
    """Which search result: counted from 0 over the search results of the request."""
    start: int | None = None
    """The first passage, an index into `SearchResultBlock.content`, from 0."""
    end: int | None = None
    """Where the range ends, as an index into the same list."""


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
"""Where a citation points: a web page, characters, pages or pieces of a document, or passages of a search result."""


class Citation(Model):
    """Where a statement of the model comes from.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html
    """

    title: str | None = None
    """The title of the source; for a document its `name`."""
    source: str | None = None
    """The source as the request named it: `SearchResultBlock.source`."""
    source_content: list[CitationSourceContent] | None = None
    """The passages that the model relied on, quoted."""
    location: CitationLocation | None = None
    """Where in the source they stand."""


class CitationsContentBlock(Model):
    """Text by the model together with the sources that support it. `Message.text` includes the text.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationsContentBlock.html
    """

    content: list[CitationGeneratedContent] | None = None
    """What the model wrote. None in Nova's web search, where the text stands in the blocks around it."""
    citations: list[Citation] | None = None
    """The sources."""


class ToolReference(Model):
    """A tool that the request's `tool_config` declares, by name.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolReference.html
    """

    type: str | None = None
    """The kind of reference, 1 to 64 characters."""
    name: str | None = None
    """The name under which the tool was declared, 1 to 128 characters."""
    server_name: str | None = None
    """The MCP server that the tool is from, 1 to 128 characters; needed for such tools only."""


class ToolAdditionBlock(Model):
    """Makes a declared tool available from here on. Belongs in a message of the `system` role.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolAdditionBlock.html
    """

    tool: ToolReference
    """The tool to add."""


class ToolRemovalBlock(Model):
    """Makes a tool unavailable from here on. Belongs in a message of the `system` role.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolRemovalBlock.html
    """

    tool: ToolReference
    """The tool to take away."""


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
"""A block of a message: text is a plain `str`, everything else has a class. Match on the type; new kinds are
`UnknownBlock`."""
