"""Says what is wrong with a request that could not be written, and where. Runs only when something is."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from bedrock_converse._wire.soundness import container_of, expected_model, is_text
from bedrock_converse.types.base import CheckedEnum, FromWire, Model, Unverified
from bedrock_converse.types.document import NotJson, check_json
from bedrock_converse.types.unions import UnknownBlock, WireUnion
from bedrock_converse.types.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

__all__ = ["find_problem", "find_problem_in_json"]

Problem = tuple[str, str]

MAX_DEPTH = 60  # models nest less than 20 deep; what nests deeper contains itself
LONG_PATH = 300  # characters of a path: keys of a document may be as long as they like

_BAD_TEXT = "holds a lone surrogate, which UTF-8 cannot hold"


def find_problem(value: Any, path: str = "") -> Problem | None:
    """The first thing in `value` that cannot be sent: path (in the wire's names) and problem; None if all is well."""
    return _presentable(_find(value, path, 0))


def find_problem_in_json(value: Any, path: str = "") -> Problem | None:
    """The same for JSON that is the user's own, in which neither models nor bytes have a place."""
    return _presentable(_document_problem(value, path))


def _presentable(problem: Problem | None) -> Problem | None:
    if problem is None:
        return None
    where, what = problem
    where = where.encode("utf-8", "replace").decode()  # a key with a lone surrogate may be part of it
    return where if len(where) <= LONG_PATH else f"{where[:LONG_PATH]}...", what


def _find(value: Any, path: str, depth: int) -> Problem | None:
    if depth > MAX_DEPTH:
        return path, "contains itself"
    if isinstance(value, Model):
        return _model_problem(value, path, depth)
    if isinstance(value, Value):
        return _find(cast("Value[Any]", value).root, path, depth + 1)
    if isinstance(value, bytes | bytearray | memoryview | UnknownBlock):
        return None  # an UnknownBlock is its union's business
    return _document_problem(value, path)


def _model_problem(model: Model, path: str, depth: int) -> Problem | None:
    names = {name: field.alias or name for name, field in type(model).model_fields.items()}
    extra = model.__pydantic_extra__
    if type(extra) is Unverified:
        unknown = next(iter(extra))
        return _join(path, unknown), (
            f"is not a member of {type(model).__name__}{_did_you_mean(unknown, [*names, *names.values()])}"
            " (if AWS has added it, send it with extra_fields=, or write the whole block as an UnknownBlock)"
        )
    for name, field in type(model).model_fields.items():
        where = _join(path, names[name])
        value = model.__dict__.get(name)
        if value is None:
            if name not in model.__dict__ or name in model.essential:
                return where, "is missing"
            continue
        problem = _role_problem(field, value, where) or _member_problem(field, value, where, depth)
        if problem:
            return problem
    return _shape_problem(model, path) or (_document_problem(extra, path) if extra else None)


def _member_problem(field: FieldInfo, value: Any, path: str, depth: int) -> Problem | None:
    expected = expected_model(field.annotation)
    union = _union_in(field)
    container = container_of(field.annotation)
    if expected is None and union is None and container is not dict:
        return _find(value, path, depth + 1)
    items: list[tuple[Any, str]] = [(value, path)]
    if container is not None:
        if not isinstance(value, container):
            return path, f"takes a {container.__name__}, not {type(value).__name__}"
        if isinstance(value, dict):
            if not all(is_text(key) for key in cast("dict[Any, Any]", value)):
                return path, "has a key that is no str, or that UTF-8 cannot hold"
            items = [(item, f"{path}.{key}") for key, item in cast("dict[str, Any]", value).items()]
        else:
            items = [(item, f"{path}[{index}]") for index, item in enumerate(cast("list[Any]", value))]
    for item, where in items:
        problem = _item_problem(item, where, expected, union) or _find(item, where + _tag(item, union), depth + 1)
        if problem:
            return problem
    return None


def _item_problem(item: Any, path: str, expected: type[Model] | None, union: WireUnion | None) -> Problem | None:
    late = " (what is assigned after construction is not converted)" if isinstance(item, dict) else ""
    if expected is not None:
        if isinstance(item, expected):
            return None
        return path, f"takes {expected.__name__}, not {_kind(cast('object', item))}{late}"
    if union is None:
        return None
    if isinstance(item, UnknownBlock):
        return _unknown_problem(item, path, union)
    if late and dict not in union.tag_of:
        return path, f"takes one of the types of {union.name}, not dict{late}"
    try:
        union.accept(item, lambda parsed, _=None: parsed)
    except PydanticCustomError as error:
        return path, error.message()
    return None


def _kind(value: object) -> str:
    return type(value).__name__


def _shape_problem(model: Model, path: str) -> Problem | None:
    values = {name: value for name, value in model.__dict__.items() if value is not None}
    try:
        type(model).model_validate(values, strict=True)
    except ValidationError as error:
        names = {name: field.alias or name for name, field in type(model).model_fields.items()}
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            if problem["type"] == "missing":
                continue  # AWS itself left it out
            where = path
            for part in problem["loc"]:
                where = f"{where}[{part}]" if isinstance(part, int) else _join(where, names.get(part, part))
            return where, problem["msg"]
    return None


def _role_problem(field: FieldInfo, value: Any, path: str) -> Problem | None:
    checked = next((part for part in field.metadata if isinstance(part, CheckedEnum)), None)
    if checked is None or value in checked.known or isinstance(value, FromWire) or not isinstance(value, str):
        return None
    known = ", ".join(repr(name) for name in checked.known)
    shown = repr(value) if value.isidentifier() and len(value) <= 40 else "that"  # it may be a misplaced prompt
    return path, f"cannot be {shown}{_did_you_mean(value, list(checked.known))} (AWS knows {known})"


def _unknown_problem(block: UnknownBlock, path: str, union: WireUnion) -> Problem | None:
    if not all(is_text(tag) for tag in block.path):
        return path, "has a tag that is no str, or that UTF-8 cannot hold"
    if not block.unverified:
        where = _join(path, ".".join(block.path))
        return _document_problem(block.value, where) or _known_block_problem(block, where, union)
    inner: WireUnion | None = union
    for tag in block.path[:-1]:
        inner = inner.nested.get(tag) if inner else None
    known = list(inner.tags) if inner else []
    unknown = block.path[-1]
    return path, (
        f"has no member {unknown!r}{_did_you_mean(unknown, known)}; it is one of {', '.join(known)}"
        f" (to send a member that AWS has added, write UnknownBlock({unknown!r}, ...))"
    )


def _known_block_problem(block: UnknownBlock, path: str, union: WireUnion) -> Problem | None:
    """The union may know the tag by now, and then the value must be what it says."""
    try:
        union.wrap(block)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return path, f"is not what AWS defines: {'.'.join(map(str, first['loc'][1:]))}: {first['msg']}"
    return None


def _document_problem(value: Any, path: str) -> Problem | None:
    try:
        check_json(value)
    except NotJson as error:
        return _join(path, error.path), error.problem
    where = next(_bad_text(value), None)
    return None if where is None else (_join(path, where), _BAD_TEXT)


def _bad_text(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if not is_text(value):
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
