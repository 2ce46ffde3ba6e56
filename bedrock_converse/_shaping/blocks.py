"""Blocks by their kind, and requests and messages with a part replaced."""

from __future__ import annotations

from operator import is_
from typing import Any, Protocol, TypeVar, cast, get_args

from bedrock_converse.types import (
    ContentBlock,
    ConverseRequest,
    ConverseStreamRequest,
    SystemContentBlock,
    Tool,
    ToolResultContentBlock,
    UnknownBlock,
)
from bedrock_converse.types.unions import WireUnion

__all__ = ["RequestT", "Transform", "changed", "is_blank", "kind_of"]

RequestT = TypeVar("RequestT", ConverseRequest, ConverseStreamRequest)


class Transform(Protocol):
    """A request shaper: what `transforms=` takes."""

    def __call__(self, request: RequestT, /) -> RequestT:
        """A new request; the one that came in stays as it was."""
        ...


def _kinds() -> dict[type, str]:
    """The type of a block -> its tag on the wire, over every union that blocks come from."""
    kinds: dict[type, str] = {}
    for union in (ContentBlock, SystemContentBlock, Tool, ToolResultContentBlock):
        wire_union = next(part for part in get_args(union) if isinstance(part, WireUnion))
        kinds |= wire_union.tag_of
    return kinds


KINDS: dict[type[Any], str] = _kinds()


def kind_of(block: Any) -> str:
    """What a block is called on the wire (`text`, `toolUse`, `cachePoint`, ...), also one that this version
    does not know."""
    # a long history has thousands of them, nearly all of a known type
    return KINDS.get(type(block)) or _rare_kind(block)  # pyright: ignore[reportUnknownArgumentType]


def _rare_kind(block: Any) -> str:
    if isinstance(block, UnknownBlock):
        return block.path[0]
    kind: type[Any] = cast("type[Any]", type(block))
    return next((KINDS[base] for base in kind.__mro__ if base in KINDS), kind.__name__)


def is_blank(block: Any) -> bool:
    """Text without a character to read: AWS refuses it ("must contain non-whitespace text", since 2026-06)."""
    return isinstance(block, str) and not block.strip()


def changed(model: Any, **members: Any) -> Any:
    """A copy of a model with these members, or the model itself when they are what it has already."""
    new = {name: value for name, value in members.items() if not _same(getattr(model, name), value)}
    return model.model_copy(update=new) if new else model


def _same(old: Any, new: Any) -> bool:
    """Whether nothing was replaced: the very same value, or a list of the very same items."""
    if type(old) is list and type(new) is list:
        return len(old) == len(new) and all(map(is_, old, new))  # pyright: ignore[reportUnknownArgumentType]
    return old is new
