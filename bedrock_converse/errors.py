"""What can go wrong, as one tree. Errors carry facts; what to do about them is `RetryPolicy`'s business.

    BedrockError
    ├── ConfigError                 no region, bad URL, two kinds of auth
    │   └── CredentialsError        none found; refresh failed
    ├── RequestInvalid              what you wrote is wrong; nothing was sent (also a ValueError)
    ├── TransportError              no complete answer; __cause__ has the library's own error
    │   ├── ConnectError            the connection never came to be: .reason says why
    │   ├── PoolTimeout             every connection stayed busy
    │   ├── ClientClosed            the client was closed, or belongs to another process
    │   ├── RequestTimeout          too slow: .phase says where, .seconds how long
    │   └── ProtocolError           the peer broke the format
    │       ├── EventStreamError    a broken frame: .offset .kind
    │       ├── StreamIncomplete    the stream ended before messageStop: .partial
    │       └── ResponseInvalid     a complete answer that is not what AWS documents
    └── APIError                    AWS said no: .code .message .body .retry_after
        ├── InvalidRequestError     400     └── ContextWindowExceeded
        ├── AccessDeniedError       403
        ├── NotFoundError           404
        ├── QuotaExceededError      400
        ├── ConflictError           400
        ├── ThrottlingError         429: .scope is rate, tokens or day
        ├── ModelNotReadyError      429
        ├── ModelTimeoutError       408
        ├── ModelError              424     └── ModelStreamError
        ├── InternalServerError     500
        └── ServiceUnavailableError 503     (unknown codes stay APIError, with .code)

One class per failure, whether it came as an HTTP status or as an exception frame inside a stream. Every error survives
pickle and deepcopy (without `__cause__`, which pickle never keeps). No message holds a credential, a signed header or
the text of a prompt, and each can be written as UTF-8: what cannot (a lone surrogate) is replaced, but for `.body`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast

if TYPE_CHECKING:
    from bedrock_converse.types import ConverseResponse

__all__ = [
    "APIError",
    "AccessDeniedError",
    "BedrockError",
    "ClientClosed",
    "ConfigError",
    "ConflictError",
    "ConnectError",
    "ContextWindowExceeded",
    "CredentialsError",
    "EventStreamError",
    "InternalServerError",
    "InvalidRequestError",
    "ModelError",
    "ModelNotReadyError",
    "ModelStreamError",
    "ModelTimeoutError",
    "NotFoundError",
    "PoolTimeout",
    "ProtocolError",
    "QuotaExceededError",
    "RequestInvalid",
    "RequestTimeout",
    "ResponseInvalid",
    "ServiceUnavailableError",
    "StreamIncomplete",
    "ThrottlingError",
    "TransportError",
]


T = TypeVar("T")

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class BedrockError(Exception):
    """The root: `except BedrockError` catches everything that a call of this library raises.

    The facts are attributes. Each is None (or its neutral value) until it is known, and is filled in by the layer that
    knows it: the codec knows the code, the transport the request id, the client the operation.
    """

    retryable: bool = False
    """The failure may pass by itself: sending the same request again can succeed. A fact, not a promise to retry."""

    def __init__(
        self,
        message: str = "",
        *,
        operation: str | None = None,
        model_id: str | None = None,
        region: str | None = None,
        request_id: str | None = None,
        status_code: int | None = None,
        attempts: int = 0,
        partial: ConverseResponse | None = None,
        retryable: bool | None = None,
        hint: str | None = None,
        possibly_billed: bool = False,
    ) -> None:
        message = _encodable(message)
        super().__init__(message)
        self.message = message
        """What happened, without the facts that `str(error)` adds."""
        self.operation = operation
        """The AWS operation, `"Converse"` and so on."""
        self.model_id = model_id
        """The model id as it was given to the call."""
        self.region = region
        """The region that the call went to."""
        self.request_id: str | None = _encodable(request_id)
        """AWS's `x-amzn-requestid`: the first thing that AWS support asks for."""
        self.status_code = status_code
        """The HTTP status; for an exception inside a stream the status that the same failure has over HTTP."""
        self.attempts = attempts
        """How many requests were sent for this call; 0 when none was."""
        self.partial = partial
        """The reply as far as it had come, when a stream broke."""
        if retryable is not None:
            self.retryable = retryable
        self.hint: str | None = _encodable(hint)
        """What to do about it, where a newcomer would have to search."""
        self.possibly_billed = possibly_billed
        """AWS may have generated (and may charge for) an answer that did not arrive."""

    def __str__(self) -> str:
        facts: list[str] = []
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        if self.attempts > 1:
            facts.append(f"{self.attempts} attempts")
        text = f"{self._label()}{self.message}"
        if facts:
            text = f"{text} ({', '.join(facts)})"
        if self.hint:
            text = f"{text}\n  hint: {self.hint}"
        return text

    def _label(self) -> str:
        return ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[BedrockError], args: tuple[Any, ...], facts: dict[str, Any]) -> BedrockError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


def _encodable(text: T) -> T:
    """The text with a replacement character for each lone surrogate, which JSON can hold and no log can write."""
    return cast("T", _SURROGATE.sub("\ufffd", text)) if isinstance(text, str) else text


class ConfigError(BedrockError):
    """The client cannot work as it was set up: no region, a bad endpoint URL, two kinds of auth at once."""


class CredentialsError(ConfigError):
    """No credentials were found, or refreshing them failed. `__cause__` has botocore's own error where there is one."""


class RequestInvalid(BedrockError, ValueError):  # noqa: N818 - named for what happened, as the other leaves are
    """What you wrote is not a request that AWS could accept. Raised before anything is sent."""

    def __init__(self, message: str = "", *, path: str = "", problem: str = "", **facts: Any) -> None:
        super().__init__(message or (f"{path}: {problem}" if path else problem), **facts)
        self.path: str = _encodable(path)
        """Where in the request, in the names of the wire: `messages[2].content[0].toolUse.input.limit`."""
        self.problem: str = _encodable(problem or message)
        """What is wrong there."""


class TransportError(BedrockError):
    """No complete answer arrived. `__cause__` is the HTTP library's own error."""


ConnectReason = Literal["dns", "refused", "tls", "reset", "unreachable", "proxy", "files", "other"]


class ConnectError(TransportError):
    """The connection never came to be, so nothing was sent and nothing can have been billed."""

    retryable = True

    def __init__(self, message: str = "", *, reason: ConnectReason = "other", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.reason: ConnectReason = reason
        """`dns`, `refused`, `tls` (a certificate that does not verify is never retried), `reset`, `unreachable`,
        `proxy`, `files` (this process may open no more files) or `other`."""


class PoolTimeout(TransportError):  # noqa: N818
    """Every connection stayed busy for as long as the call was willing to wait. Nothing was sent."""

    retryable = True


class ClientClosed(TransportError):  # noqa: N818
    """The client was closed (or the process forked) before or during the call."""


TimeoutPhase = Literal["connect", "write", "first_event", "idle", "total"]


class RequestTimeout(TransportError):  # noqa: N818
    """One of the call's time limits ran out; see `Timeout`."""

    def __init__(self, message: str = "", *, phase: TimeoutPhase, seconds: float, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.phase: TimeoutPhase = phase
        """`connect`, `write` (the request body would not go out), `first_event` (or the whole unary answer), `idle`
        (between two events) or `total`."""
        self.seconds = seconds
        """The limit that ran out, in seconds."""


class ProtocolError(TransportError):
    """The peer answered with something that breaks HTTP, the event-stream format or AWS's documented shapes."""


EventStreamProblem = Literal[
    "prelude_checksum",
    "message_checksum",
    "total_length",
    "headers_length",
    "payload_length",
    "header_name",
    "header_type",
    "header_value",
    "header_count",
    "duplicate_header",
    "truncated",
    "message_type",
    "event_type",
    "payload",
]


class EventStreamError(ProtocolError):
    """A frame of the event stream is broken. Events before it stay valid; nothing of the broken frame was used."""

    def __init__(self, message: str = "", *, offset: int = 0, kind: EventStreamProblem, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.offset = offset
        """Where the frame starts, in bytes from the beginning of the stream."""
        self.kind: EventStreamProblem = kind
        """What is wrong with it, as one word."""


class StreamIncomplete(ProtocolError):  # noqa: N818
    """The stream ended before `messageStop`. `.partial` is the reply as far as it came; it may have been billed."""


class ResponseInvalid(ProtocolError):  # noqa: N818
    """A whole answer arrived and is not what AWS documents: not JSON, HTML from a proxy, a required member missing."""


class APIError(BedrockError):
    """AWS answered, and the answer was no."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        body: Any = None,
        retry_after: float | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.code: str | None = _encodable(code)
        """AWS's name for the failure, `"ThrottlingException"`; None when the answer did not say (a proxy's page)."""
        self.body = body
        """The body of the answer: parsed JSON, or the text cut to 2,000 characters."""
        self.retry_after = retry_after
        """How long AWS asked to wait, in seconds, from `x-amz-retry-after` or `Retry-After`."""

    def _label(self) -> str:
        known = [str(part) for part in (self.status_code, self.code) if part]
        return f"[{' '.join(known)}] " if known else ""


class InvalidRequestError(APIError):
    """400 `ValidationException`: AWS read the request and refused it."""


class ContextWindowExceeded(InvalidRequestError):  # noqa: N818
    """400: the input (with `max_tokens`) does not fit the model's context window."""


class AccessDeniedError(APIError):
    """403: these credentials may not do this, or the model is not enabled for the account."""


class NotFoundError(APIError):
    """404 `ResourceNotFoundException`: no such model, profile, guardrail or prompt in this region."""


class QuotaExceededError(APIError):
    """400 `ServiceQuotaExceededException`: an account quota that waiting does not lift."""


class ConflictError(APIError):
    """400 `ConflictException`."""


class ThrottlingError(APIError):
    """429: too many requests or tokens. A daily token quota (`scope="day"`) is not retryable."""

    retryable = True

    def __init__(self, message: str = "", *, scope: Literal["rate", "tokens", "day"] = "rate", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.scope: Literal["rate", "tokens", "day"] = scope
        """`rate` (requests), `tokens` (tokens per minute) or `day` (tokens per day)."""
        if scope == "day":
            self.retryable: bool = False


class ModelNotReadyError(APIError):
    """429 `ModelNotReadyException`: the model is being loaded."""

    retryable = True


class ModelTimeoutError(APIError):
    """408 `ModelTimeoutException`: the model took longer than AWS waits."""


class ModelError(APIError):
    """424 `ModelErrorException`: the model failed."""

    def __init__(
        self,
        message: str = "",
        *,
        original_status_code: int | None = None,
        original_message: str | None = None,
        resource_name: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.original_status_code = original_status_code
        """The status that the model itself gave."""
        self.original_message: str | None = _encodable(original_message)
        """What the model itself said (`ModelStreamErrorException` only)."""
        self.resource_name: str | None = _encodable(resource_name)
        """Which resource failed (`ModelErrorException` only)."""


class ModelStreamError(ModelError):
    """424 `ModelStreamErrorException`: the model failed in the middle of a stream."""


class InternalServerError(APIError):
    """500 `InternalServerException`, and any other 5xx that has no name."""

    retryable = True


class ServiceUnavailableError(APIError):
    """503 `ServiceUnavailableException`."""

    retryable = True
