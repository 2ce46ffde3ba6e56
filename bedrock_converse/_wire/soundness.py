"""What pydantic's serializer would write without a word although it is wrong: found before anything is dumped.

Models are mutable, and a request may be changed after it was validated: by a transform, by `messages.append(...)`, by
`model_copy(update=...)`. The serializer then notices a value of the wrong type, but it drops the members of a model of
the wrong class, leaves out members that are gone, writes None in a list as null, and replaces lone surrogates in the
keys of a map. `is_sound` looks for just these, and for NaN and members that nobody knows, at about half a microsecond
for each model. What is wrong, and where, is for `find_problem` to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, cast, get_args, get_origin

from bedrock_converse.types.base import Model, Unverified
from bedrock_converse.types.document import NotJson, check_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["container_of", "expected_model", "is_sound", "is_text"]


@dataclass(frozen=True, slots=True)
class _Members:
    """What to look at in a model of one class."""

    count: int
    essential: tuple[str, ...]
    floats: tuple[str, ...]
    nested: tuple[tuple[str, type[Model] | None], ...]
    """Members that are, or hold, models of this class, or (None) values of a type that their own serializer checks."""


@lru_cache(maxsize=256)
def _members(model_class: type[Model]) -> _Members:
    floats: list[str] = []
    nested: list[tuple[str, type[Model] | None]] = []
    for name, field in model_class.model_fields.items():
        kind = _innermost(field.annotation)
        if kind is float:
            floats.append(name)
        elif isinstance(kind, type) and issubclass(kind, Model):
            nested.append((name, kind))
        elif container_of(field.annotation) or any(issubclass(part, Model) for part in _alternatives(kind)):
            nested.append((name, None))
    return _Members(len(model_class.model_fields), tuple(model_class.essential), tuple(floats), tuple(nested))


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


def is_sound(model: Model) -> bool:
    """Nothing in the model would be dropped or changed by writing it."""
    members = _members(type(model))
    values = model.__dict__
    if len(values) < members.count or (model.__pydantic_extra__ and not _is_sound_extra(model.__pydantic_extra__)):
        return False
    for name in members.essential:
        if values[name] is None:
            return False
    for name in members.floats:
        value = values[name]
        if isinstance(value, float) and not isfinite(value):
            return False
    for name, expected in members.nested:
        value = values[name]
        if value is None:
            continue
        items: Iterable[Any] = cast("list[Any]", value) if type(value) is list else (value,)
        if isinstance(value, dict):
            mapping = cast("dict[Any, Any]", value)
            if not all(is_text(key) for key in mapping):
                return False
            items = mapping.values()
        for item in items:
            if type(item) is str and expected is None:
                continue
            if isinstance(item, Model):
                if (expected is not None and not isinstance(item, expected)) or not is_sound(item):
                    return False
            elif expected is not None or item is None:
                return False
    return True


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
