"""What pydantic's serializer would write without a word although it is wrong: found before anything is dumped.

Models are mutable, and a request may be changed after it was validated: by a transform, by `messages.append(...)`, by
`model_copy(update=...)`. The serializer then notices a value of the wrong type, but it drops the members of a model of
the wrong class, leaves out members that are gone, writes None in a list as null, and replaces lone surrogates in the
keys of a map. `spend_model` looks for just these, and for NaN and members that nobody knows, at about half a
microsecond for each model; on the way it adds up how much there is to write. What is wrong, and where, is for
`find_problem` to say.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, cast, get_args, get_origin

from bedrock_converse.types.base import Model, Unverified
from bedrock_converse.types.document import NotJson, check_json, spend
from bedrock_converse.types.unions import UnknownBlock
from bedrock_converse.types.values import JsonBlock, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Unsound", "container_of", "expected_model", "is_text", "members_of", "spend_model"]

MODEL = 32
"""What a model costs besides what is in it, in characters of JSON."""


class Members(NamedTuple):
    """What to look at in a model of one class."""

    total: int
    essential: tuple[str, ...]
    floats: tuple[str, ...]
    documents: tuple[str, ...]
    leaves: tuple[str, ...]
    """Other members that may be long: text, blobs, unions of them."""
    nested: tuple[tuple[str, type[Model] | None], ...]
    """Members that are, or hold, models of this class, or (None) values of a type that their own serializer checks."""


@lru_cache(maxsize=256)
def members_of(model_class: type[Model]) -> Members:
    floats: list[str] = []
    documents: list[str] = []
    leaves: list[str] = []
    nested: list[tuple[str, type[Model] | None]] = []
    for name, field in model_class.model_fields.items():
        kind = _innermost(field.annotation)
        if kind is float:
            floats.append(name)
        elif isinstance(kind, type) and issubclass(kind, Model):
            nested.append((name, kind))
        elif container_of(field.annotation) or any(issubclass(part, Model) for part in _alternatives(kind)):
            nested.append((name, None))
        elif kind is Any:
            documents.append(name)
        elif kind not in (int, bool) and not any(get_origin(part) is Literal for part in get_args(kind)):
            leaves.append(name)
    count = len(model_class.model_fields)
    return Members(count, tuple(model_class.essential), tuple(floats), tuple(documents), tuple(leaves), tuple(nested))


def expected_model(annotation: Any) -> type[Model] | None:
    """The class that a member, or each of its items, must have; None where it is no model or may be one of several."""
    kind = _innermost(annotation)
    return kind if isinstance(kind, type) and issubclass(kind, Model) else None


def container_of(annotation: Any) -> type[list[Any] | dict[Any, Any]] | None:
    """`list` or `dict` for a member that holds several values."""
    origin = get_origin(_plain(annotation))
    return origin if origin in (list, dict) else None


def _innermost(annotation: Any) -> Any:
    """`list[Message] | None` -> Message."""
    plain = _plain(annotation)
    return _innermost(get_args(plain)[-1]) if get_origin(plain) in (list, dict) else plain


def _plain(annotation: Any) -> Any:
    """`Annotated[X, ...] | None` -> X."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        return _plain(parts[0]) if len(parts) == 1 else annotation
    return annotation


def _alternatives(kind: Any) -> Iterator[type[Any]]:
    """The classes of a union, nested ones spread out."""
    if get_origin(kind) in (Union, UnionType):
        for part in get_args(kind):
            yield from _alternatives(_plain(part))
    elif isinstance(kind, type):
        yield kind


class Unsound(Exception):  # noqa: N818 - never leaves the package: the serializer turns it into RequestInvalid
    """Something in a model would be dropped or changed by writing it."""


def spend_model(model: Model, budget: int = 0) -> int:
    """What is left of `budget`, in characters of JSON, when the model has been written; below zero: it is too much.

    An estimate; see `spend`.

    Raises:
        Unsound: something in it would be dropped or changed.
        NotJson: a document in it is none; if the model is not too much, all have been looked at.
    """
    members = members_of(type(model))
    values = model.__dict__
    if len(values) < members.total or (model.__pydantic_extra__ and not _is_sound_extra(model.__pydantic_extra__)):
        raise Unsound
    budget -= MODEL
    for name in members.essential:
        if values[name] is None:
            raise Unsound
    for name in members.floats:
        value = values[name]
        if isinstance(value, float) and not isfinite(value):
            raise Unsound
    for name in members.documents:
        value = values[name]
        if value is not None and budget >= 0:
            budget = spend(value, budget)
    for name in members.leaves:
        value = values[name]
        if type(value) is str:
            budget -= len(value)
        elif value is not None:
            budget = _spend_leaf(value, budget)
    for name, expected in members.nested:
        value = values[name]
        if value is None:
            continue
        items = value
        if isinstance(value, dict):
            if not all(map(is_text, items)):
                raise Unsound
            items = items.values()
        elif type(value) is not list:
            items = (value,)
        for item in items:
            kind = type(item)  # pyright: ignore[reportUnknownVariableType]  # it may be anything
            if kind is expected:
                budget = spend_model(item, budget)
            elif kind is str and expected is None:
                budget -= len(item)
            elif isinstance(item, Model):
                if expected is not None and not isinstance(item, expected):
                    raise Unsound
                budget = spend_model(item, budget)
            elif expected is not None or item is None:
                raise Unsound
            else:
                budget = _spend_leaf(item, budget)
    return budget


def _spend_leaf(item: Any, budget: int) -> int:
    if budget < 0:
        return budget
    if type(item) is JsonBlock:  # asked first: there may be many
        return spend(item.root, budget)
    if isinstance(item, bytes | bytearray | memoryview):
        return budget - memoryview(cast("bytes", item)).nbytes * 4 // 3
    if isinstance(item, UnknownBlock):
        return spend(item.value, budget)
    if isinstance(item, Value):
        root = cast("Value[Any]", item).root
        return spend(root, budget) if isinstance(item, JsonBlock) else _spend_leaf(root, budget)
    return spend(item, budget)


def is_text(value: object) -> bool:
    """A `str` that UTF-8 can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_sound_extra(extra: dict[str, Any]) -> bool:
    if type(extra) is Unverified:
        return False
    try:
        check_json(extra)
    except NotJson:
        return False
    return True
