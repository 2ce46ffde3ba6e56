"""What was asked: a request as it came in, with the operation that it names and the typed request in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bedrock_converse._wire.operations import OPERATIONS, Operation
from bedrock_converse.types.parse import parse_json

if TYPE_CHECKING:
    import httpx

    from bedrock_converse.types.base import Model

__all__ = ["BadRequest", "ReceivedRequest", "receive"]


class BadRequest(ValueError):  # noqa: N818 - becomes AWS's 4xx
    """AWS would refuse to read this request."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message


@dataclass(frozen=True, repr=False)
class ReceivedRequest:
    """A request as the fake got it."""

    operation: str
    """AWS's name for it: `Converse`, `ConverseStream`, `CountTokens`, ..."""
    input: Any
    """The request as its class: `ConverseRequest`, `ConverseStreamRequest`, ..."""
    path: str
    """The path as it was on the wire, percent-encoded."""
    headers: httpx.Headers
    """All headers, signature included."""
    body: bytes = field(repr=False)
    """The body, byte for byte."""
    labels: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def target(self) -> str:
        """What was called: the model id, or for guardrails the guardrail's id."""
        return self.labels.get("model_id") or self.labels.get("guardrail_identifier") or ""

    @property
    def model_id(self) -> str | None:
        """The model that was called, with `%3A` and the like decoded; None for operations without one."""
        return self.labels.get("model_id")

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The text of the last message, for scripts that answer what was asked. Empty if there is none."""
        messages = getattr(self.input, "messages", None) or getattr(
            getattr(self.input, "input", None), "messages", None
        )
        return messages[-1].text if messages and hasattr(messages[-1], "text") else ""

    @property
    def streams(self) -> bool:
        """An event stream was asked for."""
        return self.operation.endswith("Stream")

    def __str__(self) -> str:
        return f"{self.operation} {self.target}".rstrip()

    def __repr__(self) -> str:
        return f"<{self}, {len(self.body)} bytes>"  # no prompt in a test's log


def _pattern(row: Operation) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", row.path) + "$")


_ROWS = [(_pattern(row), row) for row in OPERATIONS.values()]


def match_operation(path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation that a path ends in (an endpoint may have a base path), and what stands in its place holders."""
    for pattern, row in _ROWS:
        found = pattern.search(path)
        if found:
            return row, {name: unquote(value) for name, value in found.groupdict().items()}
    return None


def receive(method: str, path: str, headers: httpx.Headers, body: bytes) -> ReceivedRequest:
    """Read a request.

    Raises:
        BadRequest: no such operation, or a body that is not the operation's.
    """
    found = match_operation(path.partition("?")[0]) if method == "POST" else None
    if found is None:
        raise BadRequest("UnknownOperationException", 404, f"There is no operation at {method} {path}.")
    row, labels = found
    return ReceivedRequest(row.name, _input(row, labels, headers, body), path, headers, body, labels)


def _input(row: Operation, labels: dict[str, str], headers: httpx.Headers, body: bytes) -> Model:
    members: dict[str, Any] = dict(labels)
    for name, header in row.headers.items():
        if header in headers:
            members[name] = headers[header]
    if row.payload is not None:
        return row.request.model_validate({**members, row.payload: body})
    try:
        parsed = parse_json(row.request.model_validate_json, body)
    except ValueError as error:
        raise BadRequest("SerializationException", 400, "The body is not the JSON of this operation.") from error
    for name, value in members.items():
        setattr(parsed, name, value)
    return parsed
