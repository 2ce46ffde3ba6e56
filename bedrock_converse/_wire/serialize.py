"""Request model -> method, path, headers, body. Everything that is wrong with a request is said here, before it is sent.

A body holds its blobs as base64, which costs CPU that a 20 MB document would take from every other task on the event
loop. So blobs of more than 64 KiB are left out of the JSON at first and spliced in piece by piece; `Body.encode` is the
part that a large body runs in a worker thread.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic_core import PydanticSerializationError, to_json

from bedrock_converse._wire.diagnose import find_problem
from bedrock_converse._wire.operations import OPERATIONS, Operation
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types.base import Model, OutgoingContext, Unverified
from bedrock_converse.types.document import NotJson, check_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        if len(value) <= INLINE_BLOB:
            return b64encode(value).decode("ascii")
        self.token = self.token or secrets.token_hex(16)
        self.blobs.append(memoryview(value).cast("B"))
        return self.token


def serialize(request: Model, *, extra_fields: Mapping[str, Any] | None = None) -> WireRequest:
    """The request as it goes over the wire.

    Raises:
        RequestInvalid: it could not be sent as it is; `.path` says where, in the names of the wire.
    """
    operation = OPERATIONS[type(request)]
    path = _path(operation.path, tuple(getattr(request, label) for label in operation.labels))
    headers = {"Content-Type": "application/json"}
    if operation.headers:
        headers.update(_header_members(operation, request))
    if operation.payload is not None:
        if extra_fields:
            raise RequestInvalid(path="extra_fields", problem=f"{operation.name} sends its body as it is given")
        return WireRequest(operation, path, headers, Body([bytes(getattr(request, operation.payload) or b"")]))
    return WireRequest(operation, path, headers, _json_body(request, set(operation.labels), extra_fields))


def _json_body(request: Model, not_in_body: set[str], extra_fields: Mapping[str, Any] | None) -> Body:
    outgoing = _Outgoing()
    if Unverified.alive and (problem := find_problem(request)):
        raise RequestInvalid(path=problem[0], problem=problem[1])
    try:
        dumped = _serializer(type(request)).to_json(
            request,
            by_alias=True,
            exclude_none=True,
            exclude=not_in_body or None,
            context=outgoing,
            warnings="error",
        )
    except (PydanticSerializationError, RecursionError) as error:
        path, problem = find_problem(request) or ("", _plain(error))
        raise RequestInvalid(path=path, problem=problem) from None
    if (b"NaN" in dumped or b"Infinity" in dumped) and (problem := find_problem(request)):
        raise RequestInvalid(path=problem[0], problem=problem[1])
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


def _serializer(request_class: type[Model]) -> Any:
    if not request_class.__pydantic_complete__:
        request_class.model_rebuild()
    return request_class.__pydantic_serializer__


def _plain(error: Exception) -> str:
    # pydantic's message names classes and functions; it holds values only for a type it does not expect
    return "cannot be written as JSON" if isinstance(error, PydanticSerializationError) else "is nested too deeply"


def _with_extra_fields(request: Model, dumped: bytes, extra_fields: Mapping[str, Any]) -> bytes:
    written = {
        type(request).model_fields[name].alias or name for name in request.model_fields_set & set(_fields(request))
    }
    for name, value in extra_fields.items():
        if name in written:
            raise RequestInvalid(path=f"extra_fields.{name}", problem="is also given as an argument of its own")
        try:
            check_json(value)
        except NotJson as error:
            raise RequestInvalid(path=".".join(filter(None, (name, error.path))), problem=error.problem) from None
    try:
        extra = to_json(dict(extra_fields))
    except (PydanticSerializationError, ValueError):
        raise RequestInvalid(path="extra_fields", problem="holds text that UTF-8 cannot hold") from None
    return extra if dumped == b"{}" else dumped[:-1] + b"," + extra[1:]


def _fields(request: Model) -> list[str]:
    return [name for name in type(request).model_fields if getattr(request, name) is not None]


# --- path and headers ----------------------------------------------------------------------------------------------

_NAMES = {"model_id": "modelId", "guardrail_identifier": "guardrailIdentifier", "guardrail_version": "guardrailVersion"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@lru_cache(maxsize=1024)
def _path(template: str, labels: tuple[Any, ...]) -> str:
    """Each label is ONE path segment: all but `A-Za-z0-9-._~` is percent-encoded, `/` and `:` of an ARN included."""
    values = iter(labels)
    return "/".join(
        _segment(segment.strip("{}"), next(values)) if segment.startswith("{") else segment
        for segment in template.split("/")
    )


def _segment(name: str, value: Any) -> str:
    wire_name = _NAMES.get(name, name)
    problem = _label_problem(value)
    if problem:
        raise RequestInvalid(path=wire_name, problem=problem)
    return quote(value, safe="-._~")


def _label_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be a str, not {type(value).__name__}"
    if not value.strip():
        return "is empty"
    if value in (".", ".."):
        return f"cannot be {value!r}, which would name another path"
    if _CONTROL.search(value):
        return "contains a control character"
    if len(value) > MAX_LABEL:
        return f"has {len(value):,} characters; AWS takes {MAX_LABEL:,}"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "contains a lone surrogate, which UTF-8 cannot hold"
    return None


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
