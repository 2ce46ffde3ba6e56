"""Says what is wrong with a request that could not be written, and where. Runs only when something is."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic import ValidationError

from bedrock_converse.types.base import CheckedEnum, FromWire, Model, Unverified
from bedrock_converse.types.document import NotJson, check_json
from bedrock_converse.types.unions import UnknownBlock, WireUnion
from bedrock_converse.types.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

__all__ = ["find_problem"]

Problem = tuple[str, str]

MAX_DEPTH = 60  # models nest less than 20 deep; what nests deeper contains itself


def find_problem(value: Any, path: str = "", union: WireUnion | None = None, depth: int = 0) -> Problem | None:
    """The first thing in `value` that cannot be sent, as (path, problem) in the names of the wire; None if all is well.

    `union` is the union that the value, or each of its items, belongs to.
    """
    if depth > MAX_DEPTH:
        return path, "contains itself"
    if isinstance(value, Model):
        return _model_problem(value, path, depth)
    if isinstance(value, Value):
        return find_problem(cast("Value[Any]", value).root, path, None, depth + 1)
    if isinstance(value, UnknownBlock):
        return _unknown_problem(value, path, union)
    items = cast("list[Any]", value) if isinstance(value, list) else []
    if items and (union is not None or any(isinstance(item, Model) for item in items)):
        named = ((item, f"{path}[{index}]{_tag(item, union)}") for index, item in enumerate(items))
        return _first(named, union, depth)
    if isinstance(value, dict) and union is not None:
        entries = cast("dict[str, Any]", value).items()
        return _first(((item, f"{path}.{key}") for key, item in entries), union, depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return None
    return _document_problem(value, path)


def _first(items: Iterable[tuple[Any, str]], union: WireUnion | None, depth: int) -> Problem | None:
    for item, path in items:
        problem = find_problem(item, path, union, depth + 1)
        if problem:
            return problem
    return None


def _model_problem(model: Model, path: str, depth: int) -> Problem | None:
    names = {name: field.alias or name for name, field in type(model).model_fields.items()}
    if type(model.__pydantic_extra__) is Unverified:
        unknown = next(iter(model.__pydantic_extra__))
        return _join(path, unknown), (
            f"is not a member of {type(model).__name__}{_did_you_mean(unknown, [*names, *names.values()])}"
            " (if AWS has added it, send it with extra_fields=, or write the whole block as an UnknownBlock)"
        )
    for name, field in type(model).model_fields.items():
        value = model.__dict__.get(name)
        if value is None:
            continue
        union = _union_in(field)
        problem = _role_problem(field, value, _join(path, names[name])) or find_problem(
            value, _join(path, names[name]), union, depth + 1
        )
        if problem:
            return problem
    return _shape_problem(model, path)


def _shape_problem(model: Model, path: str) -> Problem | None:
    try:
        type(model).model_validate({name: value for name, value in model.__dict__.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        names = {name: field.alias or name for name, field in type(model).model_fields.items()}
        where = path
        for part in first["loc"]:
            where = f"{where}[{part}]" if isinstance(part, int) else _join(where, names.get(part, part))
        return where, first["msg"]
    return None


def _role_problem(field: FieldInfo, value: Any, path: str) -> Problem | None:
    checked = next((part for part in field.metadata if isinstance(part, CheckedEnum)), None)
    if checked is None or value in checked.known or isinstance(value, FromWire) or not isinstance(value, str):
        return None
    known = ", ".join(repr(name) for name in checked.known)
    return path, f"cannot be {value[:40]!r}{_did_you_mean(value, list(checked.known))}; AWS knows {known}"


def _unknown_problem(block: UnknownBlock, path: str, union: WireUnion | None) -> Problem | None:
    if not block.unverified:
        return _document_problem(block.value, path)
    for tag in block.path[:-1]:
        union = union.nested.get(tag) if union else None
    known = list(union.tags) if union else []
    unknown = block.path[-1]
    return path, (
        f"has no member {unknown!r}{_did_you_mean(unknown, known)}; it is one of {', '.join(known)}"
        f" (to send a member that AWS has added, write UnknownBlock({unknown!r}, ...))"
    )


def _document_problem(value: Any, path: str) -> Problem | None:
    try:
        check_json(value)
    except NotJson as error:
        return _join(path, error.path), error.problem
    return next(
        ((_join(path, where), "holds a lone surrogate, which UTF-8 cannot hold") for where in _bad_text(value)), None
    )


def _bad_text(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            yield path
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _bad_text(key, path)
            yield from _bad_text(item, _join(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _bad_text(item, f"{path}[{index}]")


def _union_in(field: FieldInfo) -> WireUnion | None:
    return _search([*field.metadata, field.annotation])


def _search(parts: Iterable[Any]) -> WireUnion | None:
    for part in parts:
        found = part if isinstance(part, WireUnion) else _search(get_args(part))
        if found is not None:
            return found
    return None


def _tag(value: Any, union: WireUnion | None) -> str:
    """`.reasoningContent.redactedContent` for a value of the union."""
    tags = ""
    while union is not None:
        tag = next((union.tag_of[base] for base in type(value).__mro__ if base in union.tag_of), None)
        if tag is None:
            return tags
        tags += f".{tag}"
        union = union.nested.get(tag)
    return tags


def _join(path: str, name: str) -> str:
    if not path or not name:
        return path or name
    return f"{path}{name}" if name.startswith("[") else f"{path}.{name}"


def _did_you_mean(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
