"""What AWS, or something in front of it, says instead of an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from bedrock_converse._wire.eventstream import encode_error, encode_exception
from bedrock_converse.testing.answers import EVENT_STREAM, Answer
from bedrock_converse.testing.plan import Piece, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ErrorAnswer",
    "access_denied",
    "context_window_exceeded",
    "error",
    "expired_token",
    "html_503",
    "http_response",
    "internal_error",
    "model_error",
    "model_not_ready",
    "model_stream_error",
    "model_timeout",
    "not_found",
    "quota_exceeded",
    "redirect",
    "service_unavailable",
    "throttled",
    "validation_error",
]

_STATUS = {
    "AccessDeniedException": 403,
    "ConflictException": 400,
    "ExpiredTokenException": 403,
    "InternalServerException": 500,
    "InvalidSignatureException": 403,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "UnrecognizedClientException": 403,
    "ValidationException": 400,
}


@dataclass(frozen=True)
class ErrorAnswer(Answer):
    """An error of AWS's. It answers any operation; `in_stream()` and `Answer.fails` put it inside a stream."""

    code: str | None
    status: int
    message: str
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    inside: bool = False

    def in_stream(self) -> Self:
        """Comes as the first frame of an HTTP 200. An operation that does not stream gets it as a status."""
        from dataclasses import replace

        return replace(self, inside=True)

    def retry_after(
        self, seconds: float, *, header: Literal["x-amz-retry-after", "Retry-After"] = "Retry-After"
    ) -> Self:
        """Says how long to wait: `Retry-After` in whole seconds, or AWS's own header, which counts milliseconds."""
        value = round(seconds * 1000) if header == "x-amz-retry-after" else round(seconds)
        return self.headers({header: str(value)})

    def frame(self) -> bytes:
        """The error as a frame of an event stream."""
        if self.code is None or not self.code.endswith("Exception"):
            return encode_error(self.code or "UnknownError", self.message)
        return encode_exception(self.code[0].lower() + self.code[1:], self._body())

    def _body(self) -> bytes:
        return json.dumps({"message": self.message, **self.members}).encode()

    def _flawless(self, operation: str) -> Plan:
        if self.inside and operation.endswith("Stream"):
            return Plan(headers={"Content-Type": EVENT_STREAM}, pieces=[Piece(self.frame())], stream=True)
        headers = {"Content-Type": "application/json"}
        if self.code is not None:
            headers["x-amzn-ErrorType"] = f"{self.code}:http://internal.amazon.com/coral/com.amazon.bedrock/"
        return Plan(status=self.status, headers=headers, pieces=[Piece(self._body())])

    def _described(self) -> str:
        return f"error({self.code!r}, {self.status})" + (".in_stream()" if self.inside else "")


def error(code: str | None, status: int | None = None, message: str | None = None, **members: Any) -> ErrorAnswer:
    """Any error: `error("ThrottlingException")`, `error("SomethingNew", 418)`, `error(None, 429)` from a gateway.

    Args:
        code: AWS's name for it; None leaves the name out.
        status: The HTTP status; known from the name for the errors that Bedrock documents, 400 for others.
        message: What it says.
        members: Further members of the body, in wire names (`originalStatusCode=500`).
    """
    if status is None:
        status = _STATUS.get(code or "", 400)
    return ErrorAnswer(code, status, f"The fake says {code or status}." if message is None else message, members)


def throttled(message: str = "Too many requests, please wait before trying again.") -> ErrorAnswer:
    """429 `ThrottlingException`."""
    return error("ThrottlingException", message=message)


def access_denied(message: str = "You don't have access to the model with the specified model ID.") -> ErrorAnswer:
    """403 `AccessDeniedException`."""
    return error("AccessDeniedException", message=message)


def model_not_ready(message: str = "The model is not ready for inference. Try again later.") -> ErrorAnswer:
    """429 `ModelNotReadyException`."""
    return error("ModelNotReadyException", message=message)


def model_timeout(message: str = "The model took too long to answer.") -> ErrorAnswer:
    """408 `ModelTimeoutException`."""
    return error("ModelTimeoutException", message=message)


def model_error(message: str = "The model failed.", *, original_status: int = 500) -> ErrorAnswer:
    """424 `ModelErrorException`."""
    return error("ModelErrorException", message=message, originalStatusCode=original_status)


def model_stream_error(message: str = "The model failed while it was answering.") -> ErrorAnswer:
    """424 `ModelStreamErrorException`: what breaks a stream in the middle."""
    return error("ModelStreamErrorException", message=message, originalStatusCode=500, originalMessage=message)


def validation_error(message: str = "The request is not valid.") -> ErrorAnswer:
    """400 `ValidationException`."""
    return error("ValidationException", message=message)


def context_window_exceeded(message: str = "Input is too long for requested model.") -> ErrorAnswer:
    """400 `ValidationException`, with the words for an input that does not fit the model."""
    return error("ValidationException", message=message)


def not_found(
    message: str = "Could not resolve the foundation model from the provided model identifier.",
) -> ErrorAnswer:
    """404 `ResourceNotFoundException`."""
    return error("ResourceNotFoundException", message=message)


def quota_exceeded(message: str = "The account's quota is used up.") -> ErrorAnswer:
    """400 `ServiceQuotaExceededException`."""
    return error("ServiceQuotaExceededException", message=message)


def expired_token(message: str = "The security token included in the request is expired") -> ErrorAnswer:
    """403 `ExpiredTokenException`: temporary credentials that ended."""
    return error("ExpiredTokenException", message=message)


def internal_error(message: str = "The service met an unexpected error.") -> ErrorAnswer:
    """500 `InternalServerException`."""
    return error("InternalServerException", message=message)


def service_unavailable(message: str = "The service is unavailable. Try again later.") -> ErrorAnswer:
    """503 `ServiceUnavailableException`."""
    return error("ServiceUnavailableException", message=message)


@dataclass(frozen=True)
class HttpAnswer(Answer):
    """A response that is not Bedrock's."""

    status: int
    response_headers: Mapping[str, str]
    body: bytes

    def _flawless(self, operation: str) -> Plan:
        return Plan(status=self.status, headers=dict(self.response_headers), pieces=[Piece(self.body)])

    def _described(self) -> str:
        return f"http_response({self.status})"


def http_response(status: int, body: str | bytes = b"", headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """Any HTTP response, byte for byte: what gateways and proxies answer."""
    raw = body.encode() if isinstance(body, str) else body
    return HttpAnswer(status, {"Content-Type": "text/plain"} if headers is None else headers, raw)


def html_503() -> HttpAnswer:
    """The page of a proxy or load balancer that cannot reach Bedrock."""
    page = "<html><head><title>503 Service Temporarily Unavailable</title></head><body><h1>503</h1></body></html>"
    return http_response(503, page, {"Content-Type": "text/html", "Server": "awselb/2.0"})


def redirect(location: str, status: int = 307) -> HttpAnswer:
    """A redirect to another address, which no client should follow with a signed request."""
    return http_response(status, b"", {"Location": location})
