"""Large JSON written piece by piece, so that whoever waits for the GIL never waits for more than one piece.

    {"messages":[{"role":"user","content":[{"text":   what pydantic writes, with a token for all that is large
    "many many words ...                              64 Ki characters at a time
    "},{"image":{"format":"png","source":{"bytes":
    "iVBORw0KGgo ...                                  the base64 of 48 KiB at a time
    "}}}]}]}

pydantic writes a request in one step that holds the GIL, as base64 and `json` do: 26 MB of text took 70 ms and 100,000
rows of a tool's result 340 ms, in which no other thread could run. What is written here is the same to the byte.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from copy import copy
from operator import is_not
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic_core import to_json

from bedrock_converse._wire.soundness import members_of
from bedrock_converse.types.base import Model, WritingContext, encode_blob
from bedrock_converse.types.document import check_json, spend
from bedrock_converse.types.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["PIECE", "SetAside", "fragments", "gather"]

T = TypeVar("T")

PIECE = 64 * 1024
"""Characters of JSON, about, that are written in one step."""
BLOB_SLICE = PIECE // 4 * 3
"""Bytes of a blob that are encoded in one step: a multiple of 3, so that base64 needs no padding in between."""
WORTH_A_TOKEN = 4 * 1024
"""Characters: what is shorter stays where it is."""

# --- what is large is set aside ---------------------------------------------------------------------------------------


class SetAside(WritingContext):
    """What pydantic is not to write: blobs and documents that come by while it writes, and text that is taken out
    before. A token stands for each, which nobody can have written himself: it is drawn anew."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(16) + "."
        self._values: list[Any] = []

    def put(self, value: Any) -> str:
        """The token for `value`."""
        self._values.append(value)
        return f"{self._token}{len(self._values) - 1}"

    def write_blob(self, value: bytes | bytearray | memoryview) -> str:
        """See `WritingContext`."""
        return encode_blob(value) if memoryview(value).nbytes < WORTH_A_TOKEN else self.put(memoryview(value))

    def write_document(self, value: Any) -> Any:
        """See `WritingContext`."""
        if type(value) is str or spend(value, WORTH_A_TOKEN) >= 0:  # a long str is a token by now
            return value
        return self.put(check_json(value))

    def take_text(self, value: T) -> T:
        """A model without its long texts: a copy with tokens in their place, or the model itself if there are none.

        Documents stay as they are: `write_document` gets them whole.
        """
        taken: Any = value
        if type(value) is str and len(value) >= WORTH_A_TOKEN:
            taken = self.put(value)
        elif isinstance(value, Model):
            members = members_of(type(value))
            new = {name: self.take_text(value.__dict__[name]) for name in (*members.leaves, *members.documents)}
            new |= {name: self._take_from(value.__dict__[name]) for name, _ in members.nested}
            taken = _with(value, new)
        elif isinstance(value, Value):
            taken = _with(value, {"root": self.take_text(cast("Value[Any]", value).root)})
        return taken

    def _take_from(self, value: Any) -> Any:
        if type(value) is list:
            items = cast("list[Any]", value)
            taken = [self.take_text(item) for item in items]
            return taken if any(map(is_not, taken, items)) else items
        if type(value) is dict:
            return {key: self.take_text(item) for key, item in cast("dict[Any, Any]", value).items()}
        return self.take_text(value)

    def put_back(self, dumped: bytes) -> Iterator[bytes]:
        """The JSON that pydantic has written, with what the tokens stand for in their place."""
        first, *others = dumped.split(b'"' + self._token.encode())
        yield first
        for part in others:
            number, _, rest = part.partition(b'"')
            yield from fragments(self._values[int(number)])
            yield rest


def _with(model: Any, members: dict[str, Any]) -> Any:
    held = model.__dict__
    if all(held[name] is value for name, value in members.items()):
        return model
    copied = copy(model)
    copied.__dict__.update(members)
    return copied


# --- JSON in fragments ------------------------------------------------------------------------------------------------


def fragments(value: Any) -> Iterator[bytes]:
    """The JSON of a document, text or blob, in fragments that are quickly written.

    Raises:
        ValueError: JSON cannot hold it: a lone surrogate, most likely.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        yield from _blob(memoryview(cast("bytes", value)))
    elif not isinstance(value, str | dict | list) or spend(value, PIECE) >= 0:
        yield to_json(value)
    elif isinstance(value, str):
        yield from _text(value)
    elif isinstance(value, dict):
        yield from _members(value)
    else:
        yield from _items(value)


def _text(text: str) -> Iterator[bytes]:
    yield b'"'
    for start in range(0, len(text), PIECE):
        yield to_json(text[start : start + PIECE])[1:-1]
    yield b'"'


def _blob(view: memoryview) -> Iterator[bytes]:
    content = (view if view.c_contiguous else memoryview(bytes(view))).cast("B")
    yield b'"'
    for start in range(0, len(content), BLOB_SLICE):
        yield b64encode(content[start : start + BLOB_SLICE])
    yield b'"'


def _members(value: Any) -> Iterator[bytes]:
    before = b"{"
    for key, item in value.items():
        yield before + to_json(key) + b":"
        yield from fragments(item)
        before = b","
    yield b"}" if value else b"{}"


def _items(value: Any) -> Iterator[bytes]:
    before = b"["
    together: list[Any] = []  # what fits into one step
    left = PIECE
    for item in value:
        rest = spend(item, left)
        if rest < 0:
            if together:
                yield before + to_json(together)[1:-1]
                before = b","
                together = []
            rest = spend(item, PIECE)
        if rest < 0:
            yield before
            yield from fragments(item)
            before = b","
            left = PIECE
        else:
            together.append(item)
            left = rest
    if together:
        yield before + to_json(together)[1:-1]
    yield b"]" if value else b"[]"


def gather(fragments: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least `PIECE` but for the last, whatever they were in before."""
    waiting: list[bytes] = []
    size = 0
    for fragment in fragments:
        waiting.append(fragment)
        size += len(fragment)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield b"".join(waiting)
