"""The ground that every type stands on: `Model`, and how blobs, documents, open enums and unions cross the wire.

Three rules shape this module, each because its opposite was seen to fail in other clients:

* **Lenient inwards, strict outwards.** JSON (what AWS sent) is never refused for an unknown member or a missing one,
  and nothing of it is lost. What is written in Python is checked: required members at construction, unknown ones when
  the request is sent. So every model has two doors, `model_validate_json` and Python, and the lenient one is JSON.
* **A union is the value itself.** `{"text": "hi"}` on the wire is `"hi"` in Python; see `unions.py`.
* **User data passes untouched.** Tool input and JSON schemas are never renamed or coerced; see `Document`.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeAlias, cast, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError, PydanticSerializationUnexpectedValue, core_schema

from bedrock_converse.types.document import check_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Self

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreConfig, CoreSchema

__all__ = ["Blob", "Document", "Model"]

# --- members that AWS's model does not know ---------------------------------------------------------------------------


class Unverified(dict[str, Any]):
    """Unknown members written in Python, so that the sending side can refuse them; AWS's own are a plain dict."""


class _HiddenMethod:
    """Hides one of pydantic's deprecated v1 methods, whose names AWS uses for members (`json`, `schema`)."""

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError("this pydantic v1 method does not exist here; use the model_* methods")


def to_camel(name: str) -> str:
    """`tool_use_id` -> `toolUseId`: the one rule between a Python name and the wire's."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


WIRE_CONFIG: CoreConfig = {"val_json_bytes": "base64", "ser_json_inf_nan": "constants"}


class Model(BaseModel):
    """The base of every AWS structure: snake_case in Python, camelCase on the wire, mutable, compared by value.

    `model_validate_json` reads wire JSON and keeps whatever it does not know. The constructor and `model_validate` take
    Python values under either name; what they do not know is kept too, and refused when it is about to be sent.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="allow",
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        allow_inf_nan=False,
        ser_json_inf_nan="constants",
        val_json_bytes="base64",
        cache_strings="keys",  # what the model says hardly ever comes twice
        ignored_types=(frozenset, _HiddenMethod),  # no members: pydantic evaluates a ClassVar again in every subclass
    )

    if TYPE_CHECKING:
        essential: ClassVar[frozenset[str]]
        """Members without which even an answer from AWS is unusable. Other required members may be missing on the wire
        (guardrail `regexes` was, 2026-07) and read as None there."""
    else:
        essential = frozenset()
        json = schema = _HiddenMethod()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        reference = handler(source)
        model = cast("dict[str, Any]", handler.resolve_ref_schema(reference))
        fields = model.get("schema")
        if fields is not None and fields["type"] == "model-fields":
            model["schema"] = core_schema.json_or_python_schema(
                json_schema=_json_door(fields, cls.essential), python_schema=_python_door(fields)
            )
        return reference

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._mark_unverified({name})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with `update`d members: they are not validated, but an unknown one is refused when it is sent."""
        copied = super().model_copy(update=update, deep=deep)
        copied._mark_unverified(update or ())
        return copied

    def _mark_unverified(self, written: Collection[str]) -> None:
        extra = self.__pydantic_extra__
        if extra and type(extra) is not Unverified and not extra.keys().isdisjoint(written):
            object.__setattr__(self, "__pydantic_extra__", Unverified(extra))

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            if name in self.__pydantic_fields_set__ or value is not None:
                yield name, shorten(value)


def _json_door(fields: dict[str, Any], essential: frozenset[str]) -> CoreSchema:
    """What AWS sends: the same fields, where a required member that is not essential may be missing."""
    lenient: dict[str, Any] = {}
    for name, field in fields["fields"].items():
        if field["schema"]["type"] != "default" and name not in essential:
            optional = core_schema.with_default_schema(core_schema.nullable_schema(field["schema"]), default=None)
            field = {**field, "schema": optional}
        lenient[name] = field
    return cast("CoreSchema", {**fields, "fields": lenient})


def _python_door(fields: dict[str, Any]) -> CoreSchema:
    """What is written in Python: unknown members are marked, and a member with a fixed wire value counts as set."""
    fixed = {name for name, field in fields["fields"].items() if field["schema"].get("default") is not None}

    def finish(parsed: tuple[dict[str, Any], dict[str, Any] | None, set[str]]) -> Any:
        values, extra, fields_set = parsed
        return values, Unverified(extra) if extra else extra, fields_set | fixed

    return core_schema.no_info_after_validator_function(finish, cast("CoreSchema", fields))


def shorten(value: Any) -> Any:
    """What a repr shows of `value`: long bytes by their size, everything else as it is."""
    if not isinstance(value, bytes | bytearray | memoryview):
        return value
    blob = cast("bytes", value)
    return blob if len(blob) <= 32 else Text(f"<{len(blob):,} bytes>")


class Text(str):
    """Text that a repr shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


# --- blobs: bytes in Python, standard base64 in wire JSON -------------------------------------------------------------


class _BlobSchema:
    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.bytes_schema(),
            python_schema=core_schema.no_info_plain_validator_function(to_bytes),
            # pydantic's own "base64" writes the URL-safe alphabet, which AWS rejects
            serialization=core_schema.plain_serializer_function_ser_schema(
                _write_blob, info_arg=True, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )


def to_bytes(value: Any) -> bytes:
    """A blob written in Python."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(cast("bytearray", value))
    if isinstance(value, str):
        raise PydanticCustomError(
            "blob_str", "a blob takes bytes, not str: pass the raw bytes (base64 is done for you), or text.encode()"
        )
    raise PydanticCustomError(
        "blob_type", "a blob takes bytes, bytearray or memoryview, not {type}", {"type": type(value).__name__}
    )


def _write_blob(value: Any, info: core_schema.SerializationInfo) -> str:
    context = info.context
    return context.write_blob(value) if isinstance(context, WritingContext) else encode_blob(value)


def encode_blob(value: bytes | bytearray | memoryview) -> str:
    """Standard base64."""
    view = memoryview(value)
    return b64encode(view if view.c_contiguous else bytes(view)).decode("ascii")


CHECKED: Final = object()
"""Serialization context of somebody who has checked all documents."""


class WritingContext:
    """Serialization context of somebody who writes the large parts of a request himself, and in another way."""

    def write_blob(self, value: bytes | bytearray | memoryview) -> str:
        """The JSON string that stands for this blob."""
        return encode_blob(value)

    def write_document(self, value: Any) -> Any:
        """The JSON that stands for this document, or NotJson."""
        return check_json(value)


Blob: TypeAlias = Annotated[bytes, _BlobSchema()]
"""Bytes in Python (`bytes`, `bytearray` or `memoryview`), standard base64 on the wire. A `str` is refused."""


# --- documents: the user's own JSON -----------------------------------------------------------------------------------


class DocumentSchema:
    """Marks JSON that is the user's own."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema(
            serialization=core_schema.plain_serializer_function_ser_schema(
                _write_document, info_arg=True, return_schema=core_schema.any_schema()
            )
        )


def _write_document(value: Any, info: core_schema.SerializationInfo) -> Any:
    context = info.context
    if context is CHECKED:
        return value
    return context.write_document(value) if isinstance(context, WritingContext) else check_json(value)


Document: TypeAlias = Annotated[Any, DocumentSchema()]
"""Any JSON value, the user's own: passed on untouched, keys included. NaN, infinities and types that JSON does not have
are refused on the way out, with the path to them."""


# --- open enums: editors complete the known values, any str is accepted -----------------------------------------------


class OpenEnum:
    """Marks `Literal[...] | str`: plain `str` to pydantic, so that a value added by AWS tomorrow is no error."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema()


class FromWire(str):
    """A value outside a closed enum that AWS itself sent, and that may therefore be sent back."""

    __slots__ = ()


class CheckedEnum:
    """Like `OpenEnum`, for an enum whose values are checked when sent (roles): marks unknown values that AWS sent."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.union_schema(
                [
                    core_schema.literal_schema(list(self.known)),
                    core_schema.no_info_after_validator_function(
                        FromWire,
                        core_schema.str_schema(),
                        serialization=core_schema.plain_serializer_function_ser_schema(
                            _only_from_wire, return_schema=core_schema.str_schema()
                        ),
                    ),
                ],
                mode="left_to_right",
            ),
            python_schema=core_schema.str_schema(),
        )


def _only_from_wire(value: Any) -> str:
    if isinstance(value, FromWire):
        return str(value)
    raise PydanticSerializationUnexpectedValue("a value that nobody knows")  # an error where warnings are errors


# --- lists and maps that only AWS sends -------------------------------------------------------------------------------


class NullList(list[Any]):
    """An empty list that was an explicit null on the wire (ApplyGuardrail sends them), and is dumped as one."""


class NullMap(dict[Any, Any]):
    """An empty map that was an explicit null on the wire, and is dumped as one."""


class NullReadsEmpty:
    """Marks a list or map member that only AWS sends: an explicit null reads as empty and stays null in a dump."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = handler(source)
        empty = NullMap if get_origin(source) is dict else NullList
        return core_schema.no_info_after_validator_function(
            lambda value: empty() if value is None else value,
            core_schema.nullable_schema(inner),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: None if type(value) is empty and not value else value,
                return_schema=core_schema.nullable_schema(inner),
            ),
        )
