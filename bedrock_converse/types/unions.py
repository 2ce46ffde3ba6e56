"""Smithy unions: `{tag: value}` on the wire, the value itself in Python. One mechanism for all of AWS's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter
from pydantic_core import PydanticCustomError, core_schema

from bedrock_converse.types.base import WIRE_CONFIG, Text, to_bytes
from bedrock_converse.types.document import check_json

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["UnknownBlock"]


class UnknownBlock:
    """A union member that this version does not know, kept whole: it goes back out as equal JSON.

    `path` holds the tags from the outside in, `("reasoningContent", "summary")`, and `value` the JSON below them. Write
    one yourself to send something that AWS added after this release:
    `UnknownBlock("videoSummary", {"text": "..."})`. It goes on working with a release that knows the tag.
    """

    __slots__ = ("__weakref__", "path", "unverified", "value")
    __match_args__ = ("path", "value")

    def __init__(self, path: str | tuple[str, ...], value: Any) -> None:
        self.path: tuple[str, ...] = (path,) if isinstance(path, str) else tuple(path)
        if not self.path:
            raise ValueError("an UnknownBlock needs the tag that AWS gave the member")
        self.value: Any = value
        self.unverified: bool = False  # set when a dict in Python input had a tag that nobody knows: most likely a typo

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownBlock) and (self.path, self.value) == (other.path, other.value)

    __hash__: ClassVar[None]  # type: ignore[assignment]  # mutable, so not hashable

    def __repr__(self) -> str:
        return f"UnknownBlock({'.'.join(self.path)!r}, {brief(self.value)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_unknown, (self.path, self.value, self.unverified)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


def _rebuild_unknown(path: tuple[str, ...], value: Any, unverified: bool) -> UnknownBlock:
    block = UnknownBlock(path, value)
    block.unverified = unverified
    return block


def brief(value: Any) -> Any:
    """What a repr shows of JSON that nobody knows: long JSON, such as an image in base64, by its beginning and size."""
    shown = repr(value)
    return value if len(shown) <= 1000 else Text(f"{shown[:200]}... <{len(shown):,} characters>")


class UnknownTag(ValueError):  # noqa: N818 - never leaves the package: the serializer turns it into RequestInvalid
    """A tag written in Python that the union does not have."""


_UNSURE = (list, bytearray, memoryview)  # a list may hold anything, and the others can still change


class WireUnion:
    """How a Smithy union crosses the wire: `{tag: value}` there, the value itself here.

    One table, tag -> type, says everything. Validation parses `{tag: value}` with the member's own schema and unwraps
    it; serialization wraps the value under the tag of its type and lets the same schema write it. A member whose type
    is itself a union nests by itself: `{"reasoningContent": {"redactedContent": ...}}` is one flat `RedactedReasoning`.
    Types must therefore be unique over the flattened table. A tag that is not in the table gives an `UnknownBlock`.
    """

    def __init__(self, name: str, /, **tags: Any) -> None:
        self.name = name
        self.tags = tags
        self.tag_of: dict[type, str] = {}
        self.nested: dict[str, WireUnion] = {}
        for tag, member in tags.items():
            union = _union_of(member)
            if union is not None:
                self.nested[tag] = union
            for kind in union.tag_of if union is not None else (_plain_type(member),):
                if kind in self.tag_of:
                    raise TypeError(f"{name}: {kind.__name__} stands for {self.tag_of[kind]} and {tag}")
                self.tag_of[kind] = tag
        if bytes in self.tag_of:
            self.tag_of[bytearray] = self.tag_of[memoryview] = self.tag_of[bytes]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        wire = core_schema.typed_dict_schema(
            {
                tag: core_schema.typed_dict_field(
                    core_schema.nullable_schema(handler.generate_schema(member)), required=False
                )
                for tag, member in self.tags.items()
            },
            extra_behavior="allow",
            config=WIRE_CONFIG,  # a typed dict does not inherit the model's
            metadata={"pydantic_js_updates": {"minProperties": 1, "maxProperties": 1, "title": self.name}},
        )
        from_wire = core_schema.no_info_after_validator_function(self.unwrap, wire)
        return core_schema.json_or_python_schema(
            json_schema=from_wire,
            python_schema=core_schema.no_info_wrap_validator_function(self.accept, from_wire),
            serialization=core_schema.plain_serializer_function_ser_schema(self.wrap, return_schema=wire),
        )

    def unwrap(self, members: dict[str, Any]) -> Any:
        """`{tag: value}`, already parsed -> the value."""
        if len(members) == 1:
            for tag, value in members.items():  # nearly always, and on the way of every event
                if tag in self.tags and value is not None and type(value) is not UnknownBlock:
                    return value
        if len(members) != 1 or None in members.values():
            members = self._the_one(members)
        [(tag, value)] = members.items()
        if tag not in self.tags:
            return UnknownBlock(tag, value)
        if type(value) is UnknownBlock and tag in self.nested:
            return _rebuild_unknown((tag, *value.path), value.value, value.unverified)
        return value

    def accept(self, value: Any, parse: core_schema.ValidatorFunctionWrapHandler) -> Any:
        """Python input: a value of one of the union's types, or the dict that boto3 would take."""
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]  # it may be anything
        if kind in self.tag_of:
            return parse({self.tag_of[kind]: value}) if kind in _UNSURE else value
        if kind is UnknownBlock:
            return value
        if isinstance(value, Mapping):
            block = parse(self._the_one(cast("Mapping[Any, Any]", value)))
            if type(block) is UnknownBlock and block.path[0] not in self.tags:
                block.unverified = True
            return block
        if self._tag(kind) is not None:
            return value
        if isinstance(value, str) and bytes in self.tag_of:
            return to_bytes(value)  # raises, and says what to do
        if isinstance(value, bytes | bytearray | memoryview):
            raise self._error(
                "takes no bare bytes: say what they are, ImageBlock(format=..., source=data) or image(data)"
            )
        raise self._error(f"takes {self._types()} or a dict with one of {self._tags()}, not {kind.__name__}")

    def wrap(self, value: Any) -> dict[str, Any]:
        """The value -> `{tag: value}`, for the member's own schema to write."""
        if type(value) is UnknownBlock:
            if value.unverified:
                raise UnknownTag(value.path[-1])
            if self._reads(value.path):  # written for, or received by, a version that did not know it yet
                return self.wrap(self._reader.validate_json(json.dumps({value.path[0]: _nest(value)})))
            tag, *rest = value.path
            return {tag: UnknownBlock(tuple(rest), value.value) if tag in self.nested else _nest(value)}
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]  # it may be anything
        tag = self.tag_of.get(kind) or self._tag(kind)
        if tag is None:
            raise TypeError(f"{self.name} takes {self._types()}, not {kind.__name__}")
        return {tag: value}

    def _the_one(self, members: Mapping[Any, Any]) -> dict[str, Any]:
        """The member that counts: AWS may write the others as null, and `__type` beside it."""
        one = {tag: value for tag, value in members.items() if value is not None and tag != "__type"}
        if len(one) != 1:
            raise self._error(f"has exactly one of {self._tags()}, not {', '.join(sorted(map(str, one))) or 'none'}")
        return one

    def _reads(self, path: tuple[str, ...]) -> bool:
        tag, *rest = path
        nested = self.nested.get(tag)
        return tag in self.tags and (nested is None or not rest or nested._reads(tuple(rest)))

    @cached_property
    def _reader(self) -> TypeAdapter[Any]:
        return TypeAdapter(Annotated[Any, self], config=ConfigDict(hide_input_in_errors=True))

    def _tag(self, kind: type) -> str | None:
        return next((self.tag_of[base] for base in kind.__mro__ if base in self.tag_of), None)

    def _tags(self) -> str:
        return ", ".join(self.tags)

    def _types(self) -> str:
        return ", ".join(kind.__name__ for kind in self.tag_of)

    def _error(self, problem: str) -> PydanticCustomError:
        written = problem.encode(errors="replace").decode()  # pydantic cannot show half of a surrogate pair
        return PydanticCustomError("union", "{name} {problem}", {"name": self.name, "problem": written})


def _nest(block: UnknownBlock) -> Any:
    value = check_json(block.value)
    for tag in reversed(block.path[1:]):
        value = {tag: value}
    return value


def _union_of(member: Any) -> WireUnion | None:
    return next((part for part in get_args(member)[1:] if isinstance(part, WireUnion)), None)


def _plain_type(member: Any) -> type:
    if get_origin(member) is Annotated:
        member = get_args(member)[0]
    return get_origin(member) or member
