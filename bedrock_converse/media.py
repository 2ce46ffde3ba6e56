"""Media and documents for messages, from a path, bytes, an open file or S3.

    from bedrock_converse import user
    from bedrock_converse.media import document, image

    await client.converse(MODEL, [user("Do they agree?", await image("chart.png"), await document("report.pdf"))])

Nothing is read before the `await`, and then in a worker thread, so the event loop never waits for a disk. The result
is an ordinary `ImageBlock`, `DocumentBlock`, ... and holds the bytes: a history that is sent again tomorrow sends what
was read today, even if the file has changed since. (AWS wants the format next to the content, and the format comes from
the content, so a block whose file is read only when it is sent could not say what it is.)

https URLs are refused: whose URLs to fetch, and through which proxy, is the application's business.
"""

from __future__ import annotations

import os
import re
import unicodedata
from inspect import isawaitable, iscoroutinefunction
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from bedrock_converse import media_formats
from bedrock_converse._http.tracebacks import discreet
from bedrock_converse.errors import BedrockError
from bedrock_converse.types import (
    AudioBlock,
    CitationsConfig,
    DocumentBlock,
    ImageBlock,
    Message,
    S3Location,
    ToolResultBlock,
    VideoBlock,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "MediaError",
    "MediaSource",
    "Readable",
    "add_document_text",
    "audio",
    "document",
    "document_name",
    "image",
    "unique_document_names",
    "video",
]

MediaKind = Literal["image", "document", "video", "audio"]


class Readable(Protocol):
    """An open file, or an upload: it has a `read()` that gives bytes, at once or awaited."""

    def read(self) -> Any:
        """All that is left of it."""


MediaSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | S3Location | Readable"
"""A path (`str` or `Path`), the bytes themselves, `"s3://bucket/key?bucketOwner=123456789012"` or an `S3Location`, or
anything with a `read()` that gives bytes, sync or async: an open file, `BytesIO`, an upload of a web framework."""


class MediaError(BedrockError, ValueError):
    """A file cannot become a block: it cannot be read, is empty, or is nothing that AWS accepts. Nothing was sent."""

    def __init__(self, message: str = "", *, kind: MediaKind | None = None, source: str | None = None, **facts: Any):
        super().__init__(message, **facts)
        self.kind: MediaKind | None = kind
        """What it was meant to be."""
        self.source = source
        """The path, the S3 URI, or the name of the open file, where there is one."""


@discreet
async def image(source: MediaSource, *, format: str | None = None) -> ImageBlock:
    """An image block: PNG, JPEG, GIF or WebP, recognised by its content.

    Args:
        source: See `MediaSource`.
        format: What it is, where the content or the name does not say: `"png"`, `".jpg"` or `"image/png"`.

    Raises:
        MediaError: It cannot be read, is empty, or is no format that AWS accepts.
    """
    content, _, chosen = await _load("image", source, format)
    return ImageBlock(format=chosen, source=content)


@discreet
async def document(
    source: MediaSource,
    *,
    name: str | None = None,
    format: str | None = None,
    context: str | None = None,
    citations: bool | None = None,
) -> DocumentBlock:
    """A document block: PDF, Word, Excel, CSV, HTML, Markdown or plain text (which any text file is).

    Args:
        source: See `MediaSource`. A `str` is a path, never the document's text; inline text is
            `DocumentBlock(name=..., source=text)`.
        name: What the model calls it; by default the file's name. Made valid by `document_name`. The model reads it, so
            a name that strangers choose can carry a prompt injection.
        format: What it is, where the content or the name does not say.
        context: What the model should know about the document when it cites it.
        citations: Whether the model may cite it.

    Raises:
        MediaError: It cannot be read, is empty, or is no format that AWS accepts.
    """
    content, found_name, chosen = await _load("document", source, format)
    return DocumentBlock(
        name=document_name(name) if name is not None else document_name(_without_extension(found_name)),
        format=chosen,
        source=content,
        context=context,
        citations=None if citations is None else CitationsConfig(enabled=citations),
    )


@discreet
async def video(source: MediaSource, *, format: str | None = None) -> VideoBlock:
    """A video block: MP4, MOV, MKV, WebM, FLV, MPEG, WMV or 3GP. Over about 18 MB AWS takes videos from S3 only.

    Raises:
        MediaError: It cannot be read, is empty, or is no format that AWS accepts.
    """
    content, _, chosen = await _load("video", source, format)
    return VideoBlock(format=chosen, source=content)


@discreet
async def audio(source: MediaSource, *, format: str | None = None) -> AudioBlock:
    """An audio block: MP3, WAV, FLAC, Ogg, Opus, AAC, M4A, ... Raw PCM needs its name or `format="pcm"`.

    Raises:
        MediaError: It cannot be read, is empty, or is no format that AWS accepts.
    """
    content, _, chosen = await _load("audio", source, format)
    return AudioBlock(format=chosen, source=content)


# --- where the bytes come from ----------------------------------------------------------------------------------------

_S3_OWNER = re.compile(r"\?bucketOwner=([^&?]*)$")
_URL = re.compile(r"(?i)(?:([a-z][a-z0-9+.-]+)://|(data):)")


async def _load(kind: MediaKind, source: MediaSource, given: str | None) -> tuple[bytes | S3Location, str, str]:
    """The content, the name that it goes by ("" when it has none) and its format."""
    if isinstance(source, str):
        source = _s3_location(kind, source) or source
    if isinstance(source, S3Location):
        name = PurePosixPath(source.uri).name
        return source, name, _choose_format(kind, given, None, name, source.uri)
    content, name = await _read(kind, source)
    if not content:
        raise MediaError(f"{_titled(kind, name)} is empty", kind=kind, source=name or None)
    return content, name, _choose_format(kind, given, content, name, name)


def _s3_location(kind: MediaKind, source: str) -> S3Location | None:
    """An S3 URI -> its location, a path -> None; any other kind of URL is refused."""
    scheme = _URL.match(source)
    if scheme is None:
        return None
    if scheme[1] != "s3":
        hint = (
            "decode it with base64.b64decode and pass the bytes"
            if scheme[2]
            else "fetch it yourself and pass the bytes, or put it into S3 and pass s3://bucket/key"
        )
        shown = (scheme[1] or scheme[2]).lower()
        raise MediaError(f"{_article(kind)} cannot come from a {shown} URL", kind=kind, hint=hint)
    owner = _S3_OWNER.search(source)
    uri = source[: owner.start()] if owner else source
    if owner and not re.fullmatch(r"\d{12}", owner[1]):
        raise MediaError("bucketOwner takes the 12 digits of an AWS account id", kind=kind, source=uri)
    if not re.fullmatch(r"s3://[^/]+/.+", uri, re.DOTALL):
        raise MediaError("an S3 URI has the form s3://bucket/key", kind=kind, source=uri)
    return S3Location(uri=uri, bucket_owner=owner[1] if owner else None)


async def _read(kind: MediaKind, source: Any) -> tuple[bytes, str]:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(cast("bytes", source)), ""
    if isinstance(source, str | os.PathLike):
        path = os.fspath(cast("os.PathLike[str]", source))
        return await _in_thread(kind, str(path), lambda: _read_path(path)), os.path.basename(path)
    if not callable(getattr(source, "read", None)):
        raise MediaError(f"{_article(kind)} comes from a path, bytes, a file or S3, not {type(source).__name__}")
    # web frameworks' uploads call it `filename`; files opened by descriptor have a number for a name
    found = getattr(source, "filename", None) or getattr(source, "name", None)
    name = os.path.basename(found) if isinstance(found, str) else ""
    read = source.read
    if iscoroutinefunction(read):
        content = await read()
    else:
        content = await _in_thread(kind, name, read)
        if isawaitable(content):  # anyio's and aiofiles' files hide behind a plain function
            content = await content
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(cast("bytes", content)), name
    hint = "open the file in binary mode, 'rb'" if isinstance(content, str) else None
    found_type = type(cast("object", content)).__name__
    raise MediaError(f"read() gave {found_type}, not bytes", kind=kind, source=name or None, hint=hint)


async def _in_thread(kind: MediaKind, name: str, read: Any) -> Any:
    from anyio import to_thread

    try:
        return await to_thread.run_sync(read, abandon_on_cancel=True)
    except (OSError, ValueError) as error:  # ValueError: a closed file, a path with a null character
        problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MediaError(f"{_titled(kind, name)} cannot be read: {problem}", kind=kind, source=name or None) from error


def _read_path(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


# --- what it is -------------------------------------------------------------------------------------------------------


def _choose_format(kind: MediaKind, given: str | None, content: bytes | None, name: str, source: str) -> str:
    accepted = media_formats.ACCEPTED[kind]
    known = f"AWS accepts {', '.join(accepted)}"
    if given is not None:
        chosen = media_formats.normalise(given)
        if chosen in accepted:
            return chosen
        raise MediaError(f"format={given!r} is no format of {_article(kind)}: {known}", kind=kind, source=source)
    named = media_formats.normalise(os.path.splitext(name)[1])
    candidates = media_formats.recognise(content) if content is not None else ()
    if not candidates:  # the content does not tell (raw PCM), or is in S3
        candidates = (named,) if named else ()
    usable = [candidate for candidate in candidates if candidate in accepted]
    if usable:
        return named if named in usable else usable[0]
    if candidates:
        raise MediaError(f"{_titled(kind, name)} is {candidates[0]}: {known}", kind=kind, source=source)
    hint = f"say what it is: {kind}(..., format={accepted[0]!r})"
    raise MediaError(f"{_titled(kind, name)} has no known format: {known}", kind=kind, source=source, hint=hint)


def _article(kind: MediaKind) -> str:
    return f"an {kind}" if kind in ("image", "audio") else f"a {kind}"


def _titled(kind: MediaKind, name: str) -> str:
    return f"the {kind} {os.path.basename(name)}" if name else f"the {kind}"


# --- documents: names and the text beside them ------------------------------------------------------------------------

MAX_NAME = 200
DOCUMENT_TEXT = "See the attached document."


def document_name(name: str) -> str:
    """`name` as AWS takes it: letters, digits, hyphens, parentheses, brackets and single spaces, 1 to 200 characters.

    Accents go (`résumé` becomes `resume`), everything else that AWS refuses becomes a hyphen; nothing left is
    `Document`. A valid name comes back unchanged.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    plain = re.sub(r"[^A-Za-z0-9 ()\[\]-]+", "-", re.sub(r"\s+", " ", plain))
    plain = plain[:MAX_NAME].strip(" ") if re.search(r"[A-Za-z0-9]", plain) else ""
    return plain or "Document"


def unique_document_names(messages: Iterable[Message]) -> list[Message]:
    """The history with every document's name valid and unique, ignoring case: AWS wants that over the WHOLE history.

    The first keeps its name, later ones become `report (2)`, `report (3)`; documents in tool results count too. A name
    depends on nothing that comes after it, so a growing history keeps its names, and its prompt cache. Messages without
    a change are the same objects; none is modified.
    """
    taken: set[str] = set()
    return [_with_content(message, [_rename(block, taken) for block in message.content]) for message in messages]


def _rename(block: Any, taken: set[str]) -> Any:
    if isinstance(block, ToolResultBlock):
        content = [_rename(item, taken) for item in block.content]
        return block if _same(content, block.content) else block.model_copy(update={"content": content})
    if not isinstance(block, DocumentBlock):
        return block
    base = name = document_name(block.name)
    number = 1
    while name.lower() in taken:
        number += 1
        suffix = f" ({number})"
        name = base[: MAX_NAME - len(suffix)].rstrip(" ") + suffix
    taken.add(name.lower())
    return block if name == block.name else block.model_copy(update={"name": name})


def add_document_text(messages: Iterable[Message], text: str = DOCUMENT_TEXT) -> list[Message]:
    """The history with `text` before the documents of every message that has documents and no text: AWS wants one.

    Messages that need none are the same objects; none is modified.
    """
    return [_with_text(message, text) for message in messages]


def _with_text(message: Message, text: str) -> Message:
    content = message.content
    documents = [index for index, block in enumerate(content) if isinstance(block, DocumentBlock)]
    if not documents or any(isinstance(block, str) and block.strip() for block in content):
        return message
    return _with_content(message, [*content[: documents[0]], text, *content[documents[0] :]])


def _with_content(message: Message, content: list[Any]) -> Message:
    return message if _same(content, message.content) else message.model_copy(update={"content": content})


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return len(left) == len(right) and all(map(lambda one, other: one is other, left, right))


def _without_extension(name: str) -> str:
    stem, extension = os.path.splitext(name)
    return stem if media_formats.normalise(extension) in media_formats.ACCEPTED["document"] else name
