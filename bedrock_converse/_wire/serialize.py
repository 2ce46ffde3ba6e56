"""Request model -> method, path, headers, body. What is wrong with a request is said here, before anything is sent.

A body holds its blobs as base64, which costs CPU that a 20 MB document would take from every other task on the event
loop. So blobs of more than 64 KiB are left out of the JSON at first and spliced in piece by piece; `Body.encode` is the
part that a large body runs in a worker thread.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from pydantic_core import PydanticSerializationError, to_json

from bedrock_converse._wire.diagnose import find_problem, find_problem_in_json
from bedrock_converse._wire.operations import OPERATIONS, Operation
from bedrock_converse._wire.soundness import is_sound, is_text
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types.base import Model, OutgoingContext

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Body", "WireRequest", "serialize"]

INLINE_BLOB = 64 * 1024
"""Blobs up to this size are encoded together with the JSON around them."""
LARGE_BODY = 512 * 1024
"""Bodies above this size are encoded and hashed off the event loop."""
SLICE = 3 * 64 * 1024
"""Bytes of a blob that are encoded at a time (a multiple of 3, so that base64 needs no padding in between)."""
MAX_LABEL = 2048
"""Characters of a model id or guardrail id: AWS's limit."""


class Body:
    """The bytes of a request, and their SHA-256 once `encode` has run."""

    __slots__ = ("_parts", "length", "pieces", "sha256")

    def __init__(self, parts: list[bytes | memoryview]) -> None:
        self._parts = parts
        self.length = sum(_encoded_length(part) for part in parts)
        """Content-Length."""
        self.pieces: list[bytes] = []
        self.sha256 = ""

    @property
    def large(self) -> bool:
        """Worth a worker thread."""
        return self.length > LARGE_BODY

    def encode(self) -> None:
        """Encodes the blobs and hashes the whole. Blocks for about 2 ms per MiB; releases the GIL in between."""
        if self.pieces:
            return
        digest = hashlib.sha256()
        pieces: list[bytes] = []
        for piece in self._encoded():
            digest.update(piece)
            pieces.append(piece)
        self.sha256 = digest.hexdigest()
        self.pieces = pieces

    def _encoded(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, bytes):
                yield part
            else:
                for start in range(0, len(part), SLICE):
                    yield b64encode(part[start : start + SLICE])


def _encoded_length(part: bytes | memoryview) -> int:
    return len(part) if isinstance(part, bytes) else (len(part) + 2) // 3 * 4


class WireRequest:
    """A request as it goes out, but for the endpoint and the headers that each attempt adds."""

    __slots__ = ("body", "headers", "method", "operation", "path")

    def __init__(self, operation: Operation, path: str, headers: dict[str, str], body: Body) -> None:
        self.operation = operation
        self.method = "POST"
        self.path = path
        """Percent-encoded, without the endpoint's base path."""
        self.headers = headers
        self.body = body


class _Outgoing(OutgoingContext):
    """What happens to the blobs of a body: small ones are encoded in place, large ones set aside under a token."""

    __slots__ = ("blobs", "token")

    def __init__(self) -> None:
        self.blobs: list[memoryview] = []
        self.token = ""

    def encode_blob(self, value: bytes | bytearray | memoryview) -> str:
        view = memoryview(value)
        if view.nbytes <= INLINE_BLOB:
            return b64encode(view if view.c_contiguous else bytes(view)).decode("ascii")
        self.token = self.token or secrets.token_hex(16)
        self.blobs.append((view if view.c_contiguous else memoryview(bytes(view))).cast("B"))
        return self.token


def serialize(request: Model, *, extra_fields: Mapping[str, Any] | None = None) -> WireRequest:
    """The request as it goes over the wire.

    Raises:
        RequestInvalid: it could not be sent as it is; `.path` says where, in the names of the wire.
    """
    try:
        return _serialize(request, extra_fields)
    except RequestInvalid as error:
        # the frames below hold the prompt, and tools that report errors show what frames hold
        problem = error.with_traceback(None)
        problem.__context__ = None
    del request, extra_fields
    raise problem


def _serialize(request: Model, extra_fields: Mapping[str, Any] | None) -> WireRequest:
    operation = _operation(type(request))
    path = _path(operation.path, tuple([_label(request, name) for name in operation.labels]))
    headers = {"Content-Type": "application/json"}
    if operation.headers:
        headers.update(_header_members(operation, request))
    if operation.payload is None:
        return WireRequest(operation, path, headers, _json_body(request, operation.labels, extra_fields))
    if extra_fields:
        raise RequestInvalid(path="extra_fields", problem=f"{operation.name} sends its body as it is given")
    if not is_sound(request) or request.model_extra:
        raise _invalid(request, "has members that AWS does not know")
    return WireRequest(operation, path, headers, _payload_body(operation.payload, getattr(request, operation.payload)))


def _operation(request_class: type[Model]) -> Operation:
    for base in request_class.__mro__:
        if base in OPERATIONS:
            return OPERATIONS[base]
    raise RequestInvalid(path="request", problem=f"{request_class.__name__} is not the request of an operation")


def _json_body(request: Model, labels: tuple[str, ...], extra_fields: Mapping[str, Any] | None) -> Body:
    outgoing = _Outgoing()
    try:
        if not is_sound(request):
            raise _invalid(request, "cannot be written as JSON")
        dumped = _serializer(type(request)).to_json(
            request,
            by_alias=True,
            exclude_none=True,
            exclude=set(labels) or None,
            context=outgoing,
            warnings="error",
        )
    except (PydanticSerializationError, RecursionError) as error:
        # pydantic's own message names its classes and may hold the value
        written = isinstance(error, PydanticSerializationError)
        raise _invalid(request, "cannot be written as JSON" if written else "contains itself") from None
    if extra_fields:
        dumped = _with_extra_fields(request, dumped, extra_fields)
    if not outgoing.blobs:
        return Body([dumped])
    parts: list[bytes | memoryview] = []
    for text, blob in zip(dumped.split(outgoing.token.encode()), [*outgoing.blobs, None], strict=True):
        parts.append(text)
        if blob is not None:
            parts.append(blob)
    return Body(parts)


def _payload_body(name: str, value: Any) -> Body:
    if value is None:
        return Body([b""])
    if not isinstance(value, bytes | bytearray | memoryview):
        raise RequestInvalid(path=name, problem=f"takes bytes, not {type(value).__name__}")
    return Body([bytes(cast("bytes", value))])


def _invalid(request: Model, otherwise: str) -> RequestInvalid:
    path, problem = find_problem(request) or ("", otherwise)
    return RequestInvalid(path=path, problem=problem)


def _serializer(request_class: type[Model]) -> Any:
    if not request_class.__pydantic_complete__:
        request_class.model_rebuild()
    return request_class.__pydantic_serializer__


def _with_extra_fields(request: Model, dumped: bytes, extra_fields: Mapping[str, Any]) -> bytes:
    if not isinstance(extra_fields, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RequestInvalid(path="extra_fields", problem=f"takes a dict, not {type(extra_fields).__name__}")
    fields = type(request).model_fields
    wire_names = {name: field.alias or name for name, field in fields.items()}
    written = {wire_names[name] for name in fields if getattr(request, name) is not None}
    written.update(request.model_extra or ())
    for name, value in extra_fields.items():
        if not is_text(name):
            raise RequestInvalid(path="extra_fields", problem="has a key that is no str, or that UTF-8 cannot hold")
        path = f"extra_fields.{name}"
        if wire_names.get(name, name) in written:
            raise RequestInvalid(path=path, problem="is also given as an argument of its own")
        if wire_names.get(name, name) != name:
            raise RequestInvalid(path=path, problem=f"is {wire_names[name]!r} on the wire: give it as {name}=")
        problem = find_problem_in_json(value, path)
        if problem:
            raise RequestInvalid(path=problem[0], problem=problem[1])
    extra = to_json(dict(extra_fields))
    return extra if dumped == b"{}" else dumped[:-1] + b"," + extra[1:]


# --- path and headers ----------------------------------------------------------------------------------------------

_NAMES = {"model_id": "modelId", "guardrail_identifier": "guardrailIdentifier", "guardrail_version": "guardrailVersion"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@lru_cache(maxsize=1024)
def _path(template: str, labels: tuple[str, ...]) -> str:
    """Each label is ONE path segment: all but `A-Za-z0-9-._~` is percent-encoded, `/` and `:` of an ARN included."""
    values = iter(labels)
    return "/".join(
        _segment(segment.strip("{}"), next(values)) if segment.startswith("{") else segment
        for segment in template.split("/")
    )


def _label(request: Model, name: str) -> str:
    value = getattr(request, name, None)
    if not isinstance(value, str):
        raise RequestInvalid(path=_NAMES[name], problem=f"must be a str, not {type(value).__name__}")
    return value


def _segment(name: str, value: str) -> str:
    problem = _label_problem(value)
    if problem:
        raise RequestInvalid(path=_NAMES[name], problem=problem)
    return quote(value, safe="-._~")


def _label_problem(value: str) -> str | None:
    if not value.strip():
        return "is empty"
    if value in (".", ".."):
        return f"cannot be {value!r}, which would name another path"
    if _CONTROL.search(value):
        return "contains a control character"
    if len(value) > MAX_LABEL:
        return f"has {len(value):,} characters; AWS takes {MAX_LABEL:,}"
    return None if is_text(value) else "contains a lone surrogate, which UTF-8 cannot hold"


def _header_members(operation: Operation, request: Model) -> Iterator[tuple[str, str]]:
    for name, header in operation.headers.items():
        value = getattr(request, name)
        if value is not None:
            check_header(header, value)
            yield header, value


def check_header(name: Any, value: Any) -> None:
    """Refuses what could break out of a header, or what HTTP cannot carry.

    Raises:
        RequestInvalid: the value, which may be a secret, is not shown.
    """
    for what, text in (("name", name), ("value", value)):
        if not isinstance(text, str):
            raise RequestInvalid(path=f"header {name}", problem=f"its {what} must be a str, not {type(text).__name__}")
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise RequestInvalid(path="extra_headers", problem=f"{name!r} is not a header name")
    if not re.fullmatch(r"[\x20-\x7e\t]*", value):
        raise RequestInvalid(
            path=f"header {name}", problem="its value has a line break, a control character or text that is not ASCII"
        )
