"""The blocks of a reply while its events still come: one class for each kind of block that a stream can bring.

`Accumulator` (accumulate.py) gives each its start and its deltas; nothing is joined or parsed before somebody asks.
"""

from __future__ import annotations

from json import JSONDecoder
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bedrock_converse.types import (
    Citation,
    CitationsContentBlock,
    CitationsDelta,
    ImageBlock,
    ImageBlockDelta,
    ImageBlockStart,
    ReasoningSignatureDelta,
    ReasoningTextBlock,
    ReasoningTextDelta,
    RedactedReasoning,
    ToolResultBlock,
    ToolResultBlockStart,
    ToolResultDelta,
    ToolUseBlock,
    ToolUseBlockDelta,
    ToolUseBlockStart,
    UnknownBlock,
)
from bedrock_converse.types.base import Model

if TYPE_CHECKING:
    from bedrock_converse.types import ContentBlock

__all__ = ["Growing", "Text", "begin", "build", "kind_of_delta", "says_nothing"]

M = TypeVar("M", bound=Model)

# --- structures out of the members of others --------------------------------------------------------------------------


def build(kind: type[M], *sources: Model | None, **members: Any) -> M:
    """A `kind` with what the sources hold, unknown members included, and with `members`, which win.

    What never came reads as None, or as the field's default, and stays unset: in a dump it is absent, as in the JSON of
    an answer in one piece.
    """
    fields = kind.model_fields
    values: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for source in sources:
        if source is not None:
            came = source.model_fields_set
            values |= {name: value for name, value in source.__dict__.items() if name in came and name in fields}
            unknown |= source.model_extra or {}
    values |= members
    taken = fields.keys() | {field.alias for field in fields.values()} if unknown else ()
    extra = {name: value for name, value in unknown.items() if name not in taken}
    known = values.keys() | extra.keys()
    for name, field in fields.items():
        if name not in values and field.is_required():
            values[name] = None
    made = kind.model_construct(known, **values)
    if extra:
        cast("dict[str, Any]", made.model_extra).update(extra)
    return made


# --- blocks in the making ---------------------------------------------------------------------------------------------


class Growing:
    """A block in the making. `add` takes its start and its deltas; `build` says what it is so far."""

    __slots__ = ()

    def add(self, piece: Any) -> None:
        raise NotImplementedError

    def build(self, closed: bool) -> ContentBlock:
        """The block as it is so far, or, once it is `closed`, as it stays."""
        raise NotImplementedError


class Text(Growing):
    """Text, and the citations for it, which may come before it, after it or without any."""

    __slots__ = ("citations", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.citations: list[Citation] = []

    def add(self, piece: str | CitationsDelta) -> None:
        if isinstance(piece, str):
            self.pieces.append(piece)
        else:
            self.citations.append(_citation(piece))

    def build(self, closed: bool) -> ContentBlock:
        text = join(self.pieces)
        if not self.citations:
            return text
        if not text:  # Nova's web search: the text stands in the blocks around
            return build(CitationsContentBlock, citations=self.citations[:])
        return build(CitationsContentBlock, content=[text], citations=self.citations[:])


def _citation(delta: CitationsDelta) -> Citation:
    """The same members, except that what a delta wraps, `{"text": ...}`, is a union in the block."""
    if "source_content" not in delta.model_fields_set:
        return build(Citation, delta)
    quoted: list[str | UnknownBlock] = []
    for part in delta.source_content:
        if part.text is not None:
            quoted.append(part.text)
        quoted += [UnknownBlock(tag, value) for tag, value in (part.model_extra or {}).items()]
    return build(Citation, delta, source_content=quoted)


class ToolUse(Growing):
    """A tool call. Its input is raw text until the block is closed, and for good if that is no JSON."""

    __slots__ = ("origins", "pieces")

    def __init__(self) -> None:
        self.origins: list[Model] = []
        self.pieces: list[str] = []

    def add(self, piece: ToolUseBlockStart | ToolUseBlockDelta) -> None:
        if isinstance(piece, ToolUseBlockDelta):  # asked first: isinstance() is slow only where it says no
            if piece.input:
                self.pieces.append(piece.input)
            if not piece.model_extra:
                return
        self.origins.append(piece)

    def build(self, closed: bool) -> ContentBlock:
        text = join(self.pieces)
        return build(ToolUseBlock, *self.origins, input=tool_input(text) if closed else text)


def tool_input(text: str) -> Any:
    """A closed tool call's input. None at all means `{}`; what is no JSON stays the text, and never looks like a call
    without arguments. So does a number that no float holds: it could not be sent back."""
    if not text:
        return {}
    try:
        return _STRICT.decode(text)
    except (ValueError, RecursionError):
        return text


def _finite(number: str) -> float:
    value = float(number)
    if not isfinite(value):
        raise ValueError(number)
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


_STRICT = JSONDecoder(parse_float=_finite, parse_constant=_refuse)


class ToolResult(Growing):
    """The result of a tool that ran on AWS's side. Each delta brings a list, whose items are the block's."""

    __slots__ = ("content", "start")

    def __init__(self) -> None:
        self.start: ToolResultBlockStart | None = None
        self.content: list[Any] = []

    def add(self, piece: ToolResultBlockStart | ToolResultDelta) -> None:
        if isinstance(piece, ToolResultDelta):
            self.content += piece.content
        else:
            self.start = piece

    def build(self, closed: bool) -> ContentBlock:
        return build(ToolResultBlock, self.start, content=self.content[:])


class Reasoning(Growing):
    """Readable reasoning and its signature, which may be all there is."""

    __slots__ = ("pieces", "signature")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.signature: list[str] = []

    def add(self, piece: ReasoningTextDelta | ReasoningSignatureDelta) -> None:
        (self.pieces if isinstance(piece, ReasoningTextDelta) else self.signature).append(piece.root)

    def build(self, closed: bool) -> ContentBlock:
        text, signature = join(self.pieces), join(self.signature)
        if signature:
            return build(ReasoningTextBlock, text=text, signature=signature)
        return build(ReasoningTextBlock, text=text)


class Redacted(Growing):
    """Encrypted reasoning: its bytes, exactly. Some models send one block per chunk; those stay apart."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def add(self, piece: RedactedReasoning) -> None:
        self.pieces.append(piece.data)

    def build(self, closed: bool) -> ContentBlock:
        return RedactedReasoning.model_construct(b"".join(self.pieces))


class Image(Growing):
    """An image by the model: its bytes in pieces, or its place in S3, or why there is none."""

    __slots__ = ("origins", "pieces")

    def __init__(self) -> None:
        self.origins: list[Model] = []
        self.pieces: list[bytes] = []

    def add(self, piece: ImageBlockStart | ImageBlockDelta) -> None:
        if isinstance(piece, ImageBlockDelta) and isinstance(piece.source, bytes):
            self.pieces.append(piece.source)
        self.origins.append(piece)

    def build(self, closed: bool) -> ContentBlock:
        if not self.pieces:
            return build(ImageBlock, *self.origins)
        return build(ImageBlock, *self.origins, source=b"".join(self.pieces))


class Unknown(Growing):
    """A start or a delta that this version does not know, kept whole. Nobody knows how its pieces join: each stays."""

    __slots__ = ("path", "value")

    def add(self, piece: UnknownBlock) -> None:
        self.path, self.value = piece.path, piece.value

    def build(self, closed: bool) -> ContentBlock:
        return UnknownBlock(self.path, self.value)


def join(pieces: list[str]) -> str:
    """All pieces in one; the list keeps only that, so that the next snapshot need not join them again."""
    if len(pieces) != 1:
        pieces[:] = ["".join(pieces)]
    return pieces[0]


# --- which piece belongs to which -------------------------------------------------------------------------------------

_BEGINS: dict[type, type[Growing]] = {
    ToolUseBlockStart: ToolUse,
    ToolResultBlockStart: ToolResult,
    ImageBlockStart: Image,
    UnknownBlock: Unknown,
}
_GROWS: dict[type, type[Growing]] = {
    str: Text,
    CitationsDelta: Text,
    ToolUseBlockDelta: ToolUse,
    ToolResultDelta: ToolResult,
    ReasoningTextDelta: Reasoning,
    ReasoningSignatureDelta: Reasoning,
    RedactedReasoning: Redacted,
    ImageBlockDelta: Image,
}


def begin(start: object) -> Growing | None:
    """The block that a start begins, or a delta that nobody knows: it stands for itself. None if it holds nothing."""
    kind = _kind(_BEGINS, start)
    if kind is None:
        return None
    block = kind()
    block.add(start)
    return block


def kind_of_delta(delta: object) -> type[Growing] | None:
    """What a delta makes grow; None if it is unknown, or not there."""
    return _kind(_GROWS, delta)


def says_nothing(delta: object) -> bool:
    """Whether a delta is empty text, empty input and the like: common on the wire, and no reason to begin a block.

    Text and reasoning that stay empty are therefore no block, as in `converse()` (no recording of it has such a one),
    and AWS refuses them when they are sent back. White space is text, and stays.
    """
    if isinstance(delta, ToolUseBlockDelta):
        return not delta.input and not delta.model_extra
    return not getattr(delta, "root", delta)


def _kind(table: dict[type, type[Growing]], piece: object) -> type[Growing] | None:
    """What a piece belongs to; a subclass of a known type, in events made by hand, counts as that type."""
    kind = table.get(type(piece))
    return kind or next((table[base] for base in type(piece).__mro__ if base in table), None)
