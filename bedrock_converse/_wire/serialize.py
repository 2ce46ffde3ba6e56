"""Request model -> method, path, headers, body. What is wrong with a request is said here, before anything is sent.

A small body is written at once. A large one would take its time from every other task on the event loop, so `serialize`
only sees that it is large; `Body.encode`, to be run in a worker thread, looks at it closely and writes it in pieces.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from pydantic_core import to_json

from bedrock_converse._wire.diagnose import find_problem, find_problem_in_json
from bedrock_converse._wire.operations import Operation, operation_of
from bedrock_converse._wire.pieces import SetAside, gather
from bedrock_converse._wire.soundness import Unsound, is_text, spend_model
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types.base import CHECKED
from bedrock_converse.types.document import is_large

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_converse.types.base import Model

__all__ = ["Body", "WireRequest", "serialize"]

LARGE_BODY = 512 * 1024
"""Bodies above this size, which is estimated before, are written and hashed off the event loop."""
MAX_LABEL = 2048
"""Characters of a model id or guardrail id: AWS's limit."""


class Body:
    """The bytes of a request, and their SHA-256 once `encode` has run.

    Args:
        content: The bytes; or, for a large body, what writes them, fragment by fragment.
    """

    __slots__ = ("_content", "large", "length", "pieces", "sha256")

    def __init__(self, content: bytes | Callable[[], Iterable[bytes]]) -> None:
        self._content = content
        self.large = not isinstance(content, bytes) or len(content) > LARGE_BODY
        """Worth a worker thread."""
        self.length = len(content) if isinstance(content, bytes) else 0
        """Content-Length: known from the beginning, or once `encode` has run."""
        self.pieces: list[bytes] = []
        self.sha256 = ""

    def encode(self) -> None:
        """Writes and hashes the whole. A large body takes 3 to 30 ms per MiB, and lets others run in between.

        Raises:
            RequestInvalid: a large body could not be sent as it is; of a small one `serialize` has said so.
        """
        if self.sha256:
            return
        try:
            self._encode()
            return
        except RequestInvalid as error:
            problem = _without_frames(error)
        raise problem

    def _encode(self) -> None:
        content = self._content
        digest = hashlib.sha256()
        pieces: list[bytes] = []
        for piece in (content,) if isinstance(content, bytes) else gather(content()):
            digest.update(piece)
            pieces.append(piece)
        self.length = sum(map(len, pieces))
        self.pieces = pieces
        self.sha256 = digest.hexdigest()
        self._content = b""


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


def serialize(request: Model, *, extra_fields: Mapping[str, Any] | None = None) -> WireRequest:
    """The request as it goes over the wire.

    Raises:
        RequestInvalid: it could not be sent as it is; `.path` says where, in the names of the wire.
    """
    try:
        return _serialize(request, extra_fields)
    except RequestInvalid as error:
        problem = _without_frames(error)
    del request, extra_fields
    raise problem


def _without_frames(error: RequestInvalid) -> RequestInvalid:
    """The error without the frames that it came through: they hold the prompt, and tools that report errors show it."""
    error.__context__ = None
    return error.with_traceback(None)


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
    _check_members(request)
    return WireRequest(operation, path, headers, _payload_body(operation.payload, getattr(request, operation.payload)))


def _operation(request_class: type[Model]) -> Operation:
    operation = operation_of(request_class)
    if operation is None:
        raise RequestInvalid(path="request", problem=f"{request_class.__name__} is not the request of an operation")
    return operation


# --- the body ---------------------------------------------------------------------------------------------------------


def _json_body(request: Model, labels: tuple[str, ...], extra_fields: Mapping[str, Any] | None) -> Body:
    try:
        left = spend_model(request, LARGE_BODY)
        if left < 0 or (extra_fields and is_large(extra_fields, left)):
            return Body(partial(_fragments, request, labels, extra_fields))
        dumped = _dumped(request, labels, CHECKED)
        if extra_fields:
            dumped = _with_members(dumped, _checked(extra_fields, request))
    except _UNWRITABLE as error:
        raise _explained(error, request) from None
    return Body(dumped)


def _fragments(request: Model, labels: tuple[str, ...], extra_fields: Mapping[str, Any] | None) -> Iterator[bytes]:
    try:
        aside = SetAside()
        dumped = _dumped(aside.take_text(request), labels, aside)
        if extra_fields:
            checked = _checked(extra_fields, request)
            dumped = _with_members(dumped, {name: aside.put(value) for name, value in checked.items()})
        yield from aside.put_back(dumped)
    except _UNWRITABLE as error:
        raise _explained(error, request) from None


def _with_members(dumped: bytes, members: Mapping[str, Any]) -> bytes:
    more = to_json(members)
    return more if dumped == b"{}" else dumped[:-1] + b"," + more[1:]


def _dumped(request: Model, labels: tuple[str, ...], context: object) -> bytes:
    request_class = type(request)
    if not request_class.__pydantic_complete__:
        request_class.model_rebuild()
    return request_class.__pydantic_serializer__.to_json(
        request, by_alias=True, exclude_none=True, exclude=set(labels) or None, context=context, warnings="error"
    )


_UNWRITABLE = (Unsound, ValueError, RuntimeError)


def _explained(error: Exception, request: Model) -> RequestInvalid:
    """The error in our words: pydantic's name its classes, and may hold the value."""
    if isinstance(error, RequestInvalid):
        return error
    if isinstance(error, RecursionError):
        return _invalid(request, "contains itself")
    return _invalid(request, "cannot be written as JSON")


def _invalid(request: Model, otherwise: str) -> RequestInvalid:
    try:
        path, problem = find_problem(request) or ("", otherwise)
    except RuntimeError:  # "dictionary changed size during iteration"
        path, problem = "", "was changed by another task or thread while it was being written"
    return RequestInvalid(path=path, problem=problem)


def _payload_body(name: str, value: Any) -> Body:
    if value is None:
        return Body(b"")
    if not isinstance(value, bytes | bytearray | memoryview):
        raise RequestInvalid(path=name, problem=f"takes bytes, not {type(value).__name__}")
    return Body(bytes(cast("bytes", value)))


def _check_members(request: Model) -> None:
    try:
        spend_model(request)
    except Unsound:
        raise _invalid(request, "cannot be written as JSON") from None
    if request.model_extra:
        raise _invalid(request, "has members that AWS does not know")


def _checked(extra_fields: Mapping[str, Any], request: Model) -> dict[str, Any]:
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
    return dict(extra_fields)


# --- path and headers ----------------------------------------------------------------------------------------------

_NAMES = {"model_id": "modelId", "guardrail_identifier": "guardrailIdentifier", "guardrail_version": "guardrailVersion"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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
    if value != value.strip():  # no part of a value (RFC 9110, 5.5): h11 refuses it and shows the value
        raise RequestInvalid(path=f"header {name}", problem="its value begins or ends with a blank or a tab")


def merged_headers(headers: Mapping[str, str], more: Mapping[str, str]) -> Mapping[str, str]:
    """Both, where `more` wins, however the names are spelled."""
    if not more:
        return headers
    replaced = {name.lower() for name in more}
    return {**{name: value for name, value in headers.items() if name.lower() not in replaced}, **more}
