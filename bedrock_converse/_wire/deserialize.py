"""Status + headers + body -> a reply or a typed error; frame -> an event or a typed error.

An HTTP error says what it is in `x-amzn-ErrorType` (with a `:http://...` suffix or a namespace, in any letter case),
else in the body's `code` or `__type`, else not at all. In a stream the same failure is a frame with `:message-type:
exception` and its name in lowerCamel. Both become the same class.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from pydantic import ValidationError

from bedrock_converse import types
from bedrock_converse._wire.hints import hint_for, is_context_overflow, throttling_scope
from bedrock_converse._wire.retry_after import retry_after
from bedrock_converse.errors import (
    AccessDeniedError,
    APIError,
    ConflictError,
    ContextWindowExceeded,
    EventStreamError,
    InternalServerError,
    InvalidRequestError,
    ModelError,
    ModelNotReadyError,
    ModelStreamError,
    ModelTimeoutError,
    NotFoundError,
    QuotaExceededError,
    ResponseInvalid,
    ServiceUnavailableError,
    ThrottlingError,
)
from bedrock_converse.types.parse import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bedrock_converse._wire.eventstream import Frame
    from bedrock_converse._wire.operations import Operation
    from bedrock_converse.types import ConverseStreamOutput, PayloadPart, UnknownEvent
    from bedrock_converse.types.base import Model
    from bedrock_converse.types.results import Result

__all__ = ["parse_error", "parse_event", "parse_response"]

EVENT_STREAM = "application/vnd.amazon.eventstream"
PREVIEW = 200
"""Characters of a body that is no JSON which an error message shows."""

# --- whole answers ----------------------------------------------------------------------------------------------------


def parse_response(operation: Operation, status: int, headers: Mapping[str, str], body: bytes) -> Result:
    """A successful unary answer.

    pydantic parses it in one step, which holds the event loop, in a thread as well: 3.5 ms for each MB of text, 2.5 ms
    of an image's base64, 30 ms of a tool call's arguments (a thousand small items take 0.4 ms). Models write less than
    1 MB; more than 10 MB of text, 20 MB of images or 1.5 MB of arguments hold it for more than 50 ms.

    Raises:
        ResponseInvalid: it is not what AWS documents: another status than 200, no JSON, an essential member missing.
    """
    try:
        return _parse_response(operation, status, headers, body)
    except ResponseInvalid as error:
        # the frames below hold what the model said, and tools that report errors show what frames hold
        problem = error.with_traceback(None)
        problem.__context__ = None
    del body
    raise problem


def _parse_response(operation: Operation, status: int, headers: Mapping[str, str], body: bytes) -> Result:
    assert operation.response is not None
    if status != 200:
        raise ResponseInvalid(f"status {status} instead of 200", status_code=status, possibly_billed=True)
    if operation.payload is not None:
        if not body:  # no model answers with nothing; what else the bytes are is not ours to judge
            raise ResponseInvalid("the body is empty", status_code=status, possibly_billed=True)
        members: dict[str, Any] = {operation.payload: body}
        for name, header in operation.response_headers.items():
            if header in headers:
                members[name] = headers[header]
        return operation.response.model_validate(members)
    try:
        return parse_json(operation.response.model_validate_json, body)
    except ValidationError as error:
        raise ResponseInvalid(_why_invalid(error, headers, body), status_code=status, possibly_billed=True) from None


def _why_invalid(error: ValidationError, headers: Mapping[str, str], body: bytes) -> str:
    content_type = headers.get("content-type", "none")
    if not body:
        return "the body is empty"
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if problem["type"] == "json_invalid" or body[:1] == b"<":
        # not shown when it may be half of a reply
        silent = "json" in content_type or body.lstrip()[:1] in (b"{", b"[")
        preview = "" if silent else f", beginning {_preview(body)!r}"
        return f"the body is not JSON (content type {content_type}, {len(body):,} bytes{preview})"
    where = ".".join(str(part) for part in problem["loc"]) or "the body"
    return f"{where}: {problem['msg']}"


def _preview(body: bytes) -> str:
    return " ".join(body[: PREVIEW * 4].decode("utf-8", "replace").split())[:PREVIEW]


# --- errors -----------------------------------------------------------------------------------------------------------

_BY_CODE: dict[str, tuple[type[APIError], str, int]] = {
    code.lower(): (error_class, code, status)
    for code, error_class, status in [
        ("ValidationException", InvalidRequestError, 400),
        ("AccessDeniedException", AccessDeniedError, 403),
        ("ResourceNotFoundException", NotFoundError, 404),
        ("ServiceQuotaExceededException", QuotaExceededError, 400),
        ("ConflictException", ConflictError, 400),
        ("ThrottlingException", ThrottlingError, 429),
        ("ModelNotReadyException", ModelNotReadyError, 429),
        ("ModelTimeoutException", ModelTimeoutError, 408),
        ("ModelErrorException", ModelError, 424),
        ("ModelStreamErrorException", ModelStreamError, 424),
        ("InternalServerException", InternalServerError, 500),
        ("ServiceUnavailableException", ServiceUnavailableError, 503),
        # What Bedrock's user guide calls some of them ("Troubleshooting API error codes", read 2026-11-23)
        ("ValidationError", InvalidRequestError, 400),
        ("NotAuthorized", AccessDeniedError, 400),
        ("BadCScoreException", AccessDeniedError, 403),
        ("FTUFormNotFilled", NotFoundError, 404),
        ("InternalFailure", InternalServerError, 500),
        ("ServiceUnavailable", ServiceUnavailableError, 503),
        # AWS's front door, before Bedrock sees the request: who are you?
        ("UnrecognizedClientException", AccessDeniedError, 403),
        ("ExpiredTokenException", AccessDeniedError, 403),
        ("ExpiredToken", AccessDeniedError, 403),
        ("InvalidSignatureException", AccessDeniedError, 403),
        ("SignatureDoesNotMatch", AccessDeniedError, 403),
        ("MissingAuthenticationTokenException", AccessDeniedError, 403),
        ("MissingAuthenticationToken", AccessDeniedError, 403),
        ("IncompleteSignatureException", AccessDeniedError, 403),
        ("IncompleteSignature", AccessDeniedError, 400),
        ("InvalidClientTokenId", AccessDeniedError, 403),
        ("OptInRequired", AccessDeniedError, 403),
        ("RequestExpired", AccessDeniedError, 400),
        ("RequestTimeTooSkewed", AccessDeniedError, 403),
        ("AuthFailure", AccessDeniedError, 403),
        # and its other names for too much
        ("Throttling", ThrottlingError, 429),
        ("ThrottledException", ThrottlingError, 429),
        ("TooManyRequestsException", ThrottlingError, 429),
        ("RequestThrottled", ThrottlingError, 429),
        ("RequestThrottledException", ThrottlingError, 429),
        ("RequestLimitExceeded", ThrottlingError, 429),
        ("LimitExceededException", ThrottlingError, 429),
        ("SlowDown", ThrottlingError, 429),
        ("ProvisionedThroughputExceededException", ThrottlingError, 429),
        ("TransactionInProgressException", ThrottlingError, 429),
        ("PriorRequestNotComplete", ThrottlingError, 429),
        ("BandwidthLimitExceeded", ThrottlingError, 429),
        ("EC2ThrottledException", ThrottlingError, 429),
    ]
}
"""Code in lower case -> class, AWS's spelling, and the status that it has over HTTP."""

_BY_STATUS: dict[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: NotFoundError,
    429: ThrottlingError,
    503: ServiceUnavailableError,
}

_MAY_PASS = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same request can succeed, whatever name the failure has."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> APIError:
    """The error of an answer whose status is not 2xx. Never raises: whatever came, it is one of ours."""
    parsed = _loads(body)
    members: dict[str, Any] = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    code = _code(headers.get("x-amzn-errortype")) or _code(members.get("code")) or _code(members.get("__type"))
    message = _message(members)
    if 300 <= status < 400:
        message = f"the endpoint redirects to {_host(headers.get('location'))}; redirects are never followed"
    elif not message:
        message = "no message" if parsed is not None or not body else f"not AWS's JSON: {_preview(body)!r}"
    facts = {"status_code": status, "request_id": request_id(headers), "retry_after": retry_after(headers)}
    return _error(code, message, members, parsed if parsed is not None else _text(body), facts)


def _error(code: str | None, message: str, members: Mapping[str, Any], body: Any, facts: dict[str, Any]) -> APIError:
    known = _BY_CODE.get((code or "").lower())
    if known:
        error_class, code, usual_status = known
        facts["status_code"] = facts["status_code"] or usual_status
    elif code:
        error_class = APIError
        facts["retryable"] = facts["status_code"] in _MAY_PASS or code.lower().startswith("requesttimeout")
    else:
        status: int = facts["status_code"] or 0
        error_class = _BY_STATUS.get(status) or (InternalServerError if status >= 500 else APIError)
        if error_class is InternalServerError:
            facts["retryable"] = status in _MAY_PASS
    if error_class is InvalidRequestError and is_context_overflow(message):
        error_class = ContextWindowExceeded
    if error_class is ThrottlingError:
        facts["scope"] = throttling_scope(message)
    if issubclass(error_class, ModelError):
        facts.update(_model_facts(members))
    return error_class(message, code=code, body=body, hint=hint_for(message), **facts)


def _model_facts(members: Mapping[str, Any]) -> dict[str, Any]:
    status, said, resource = (members.get(name) for name in ("originalStatusCode", "originalMessage", "resourceName"))
    return {
        "original_status_code": status if isinstance(status, int) else None,
        "original_message": said if isinstance(said, str) else None,
        "resource_name": resource if isinstance(resource, str) else None,
    }


def request_id(headers: Mapping[str, str]) -> str | None:
    """AWS's id of the request."""
    return headers.get("x-amzn-requestid") or headers.get("x-amzn-request-id") or headers.get("x-amz-request-id")


def _code(raw: object) -> str | None:
    """`aws.namespace#FooError:http://internal.amazon.com/coral/` -> `FooError`."""
    if not isinstance(raw, str):
        return None
    [code] = raw.split(":", 1)[0].rsplit("#", 1)[-1].split(maxsplit=1)[:1] or [""]
    return code[:200] or None


def _message(members: Mapping[str, Any]) -> str:
    for name in ("message", "Message", "errorMessage"):
        text = members.get(name)
        if isinstance(text, str) and text:
            return text
    return ""


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(body: bytes) -> str:
    return body[:8000].decode("utf-8", "replace")[:2000]


def _host(location: str | None) -> str:
    try:
        return urlsplit(location).hostname or "another path" if location else "nowhere"
    except ValueError:
        return "an invalid address"


# --- events -----------------------------------------------------------------------------------------------------------


def parse_event(operation: Operation, frame: Frame) -> ConverseStreamOutput | PayloadPart | None:
    """The event in a frame; None for the `initial-response` that some services send first.

    {"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abcdefgh"}

    AWS pads events with `p`, so that nobody guesses tokens from the length of a frame. It is no part of the event.

    Raises:
        APIError: the frame is an exception.
        EventStreamError: the frame says nothing that can be understood.
        ResponseInvalid: the event's JSON is broken, or lacks an essential member.
    """
    headers = frame.headers
    event_class = operation.events.get(headers.get(":event-type"))  # type: ignore[arg-type]  # any header value may be asked for
    if event_class is None or headers.get(":message-type") != "event":
        return _other_frame(operation, frame)
    payload = frame.payload
    # Cut off here, padding costs half as much as it does in the parser. Inside a string this quote would be escaped;
    # and with nothing but letters up to the last brace, it is a member of the event itself.
    before, _, padding = payload.rpartition(b',"p":"')
    if padding[:-2].isalnum() and padding.endswith(b'"}'):
        payload = before + b"}"
    try:
        event: Any = event_class.__pydantic_validator__.validate_json(payload)
    except ValidationError:
        event = _second_try(event_class, frame)
    extra = event.__pydantic_extra__
    if extra and "p" in extra:  # padding that stood elsewhere
        del extra["p"]
        event.__pydantic_fields_set__.discard("p")
    return event


def _second_try(event_class: type[Model], frame: Frame) -> Any:
    try:
        return parse_json(event_class.model_validate_json, frame.payload)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "all of it"
        name = frame.headers.get(":event-type")
        if problem["type"] == "json_invalid":
            raise EventStreamError(f"{name} event: its JSON is broken", offset=frame.offset, kind="payload") from None
        raise ResponseInvalid(f"{name} event: {where}: {problem['msg']}", possibly_billed=True) from None


def _other_frame(operation: Operation, frame: Frame) -> UnknownEvent | None:
    kind = frame.headers.get(":message-type")
    if kind == "event":
        return _unknown_event(frame)
    if kind == "exception":
        raise _exception(frame)
    if kind == "error":
        said = frame.headers.get(":error-message")
        raise _stream_error(frame.headers.get(":error-code"), said if isinstance(said, str) else "", {}, None)
    raise EventStreamError(
        f"a frame without a known :message-type ({kind!r})", offset=frame.offset, kind="message_type"
    )


def _unknown_event(frame: Frame) -> UnknownEvent | None:
    name = frame.headers.get(":event-type")
    if not isinstance(name, str):
        raise EventStreamError("an event without :event-type", offset=frame.offset, kind="event_type")
    if name == "initial-response":
        return None
    value = _loads(frame.payload)
    if value is None and frame.payload not in (b"", b"null"):
        raise EventStreamError(f"{name[:80]} event: its JSON is broken", offset=frame.offset, kind="payload")
    if isinstance(value, dict):
        cast("dict[str, Any]", value).pop("p", None)
    return types.UnknownEvent(name, value)


def _exception(frame: Frame) -> APIError:
    parsed = _loads(frame.payload)
    members = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    body: Any = cast("Any", parsed) if parsed is not None else _text(frame.payload)
    return _stream_error(frame.headers.get(":exception-type"), _message(members), members, body)


def _stream_error(code: object, message: str, members: Mapping[str, Any], body: Any) -> APIError:
    return _error(_code(code), message or "no message", members, body, {"status_code": None})
