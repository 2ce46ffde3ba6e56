from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_converse import errors
from bedrock_converse._http.classify import SKEW_CODES, classify, clock_is_off, credentials_rejected
from bedrock_converse._wire.deserialize import parse_error
from bedrock_converse.errors import (
    APIError,
    BedrockError,
    ClientClosed,
    ConfigError,
    ConnectError,
    CredentialsError,
    EventStreamError,
    InternalServerError,
    InvalidRequestError,
    ModelNotReadyError,
    PoolTimeout,
    ProtocolError,
    RequestInvalid,
    RequestTimeout,
    ResponseInvalid,
    ServiceUnavailableError,
    StreamIncomplete,
    ThrottlingError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = Path(__file__).resolve().parents[2] / ".." / "shared" / "vectors" / "retry.json"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are not here")

CLASSES = {
    "AccessDeniedException": errors.AccessDeniedError,
    "ThrottlingException": ThrottlingError,
    "ResourceNotFoundException": errors.NotFoundError,
    "ModelTimeoutException": errors.ModelTimeoutError,
    "InternalServerException": InternalServerError,
    "ServiceUnavailableException": ServiceUnavailableError,
    "ValidationException": InvalidRequestError,
    "ModelNotReadyException": ModelNotReadyError,
    "ModelErrorException": errors.ModelError,
    "ServiceQuotaExceededException": errors.QuotaExceededError,
}


def answer(status: int | None, code: str | None) -> APIError:
    return CLASSES.get(code or "", APIError)("no", status_code=status, code=code)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "ThrottlingException", "throttling"),
        (400, "ThrottlingException", "throttling"),
        (503, "ThrottlingException", "throttling"),
        (400, "throttlingException", "throttling"),
        (503, "SlowDown", "throttling"),
        (400, "PriorRequestNotComplete", "throttling"),
        (429, None, "throttling"),
        (429, "SomethingNew", "throttling"),
        (429, "ModelNotReadyException", "transient"),
        (400, "RequestTimeout", "transient"),
        (400, "RequestTimeoutException", "transient"),
        (500, "InternalServerException", "transient"),
        (500, "SomethingNew", "transient"),
        (502, None, "transient"),
        (503, "ServiceUnavailableException", "transient"),
        (504, None, "transient"),
        (400, "ValidationException", None),
        (400, "ServiceQuotaExceededException", None),
        (400, None, None),
        (403, "AccessDeniedException", None),
        (403, "ExpiredTokenException", None),
        (404, "ResourceNotFoundException", None),
        (408, "ModelTimeoutException", None),
        (408, None, None),
        (409, None, None),
        (413, None, None),
        (424, "ModelErrorException", None),
        (501, None, None),
        (529, None, None),
        (None, "ThrottlingException", "throttling"),
        (None, "InternalServerException", "transient"),
        (None, "ServiceUnavailableException", "transient"),
        (None, "ModelNotReadyException", "transient"),
        (None, "ValidationException", None),
    ],
)
def test_answers(status: int | None, code: str | None, kind: str | None) -> None:
    """AWS's table for what AWS answers, with a bare 429 as throttling."""
    assert classify(answer(status, code)) == kind


@pytest.mark.parametrize("status", [501, 505, 529])
def test_other_5xx_are_not_retried_whatever_their_class(status: int) -> None:
    """The codec calls every unnamed 5xx an InternalServerError; only four of them pass by themselves."""
    assert classify(InternalServerError("no", status_code=status)) is None


def test_daily_quota_is_never_retried() -> None:
    """ "Too many tokens per day" is throttling that no back-off outlasts."""
    assert classify(ThrottlingError("no", status_code=429, code="ThrottlingException", scope="day")) is None
    assert classify(ThrottlingError("no", status_code=429, code="ThrottlingException", scope="tokens")) == "throttling"


def test_a_daily_quota_under_an_unknown_name_is_not_retried() -> None:
    """A 429 is throttling whatever it calls itself, and daily if it says so."""
    assert classify(APIError("Too many tokens", status_code=429, code="Whatever")) == "throttling"
    assert classify(APIError("Too many tokens PER DAY", status_code=429, code="Whatever")) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectError("no", reason="refused"), "transient"),
        (ConnectError("no", reason="dns"), "transient"),
        (ConnectError("no", reason="reset"), "transient"),
        (ConnectError("no", reason="tls"), None),
        (ConnectError("no", reason="proxy", retryable=False), None),
        (RequestTimeout("no", phase="connect", seconds=5), "transient"),
        (RequestTimeout("no", phase="first_event", seconds=5), "transient"),
        (RequestTimeout("no", phase="total", seconds=5), None),
        (RequestTimeout("no", phase="answer", seconds=5, status_code=200), "transient"),
        (RequestTimeout("no", phase="answer", seconds=5, status_code=400), None),
        (RequestTimeout("no", phase="answer", seconds=5, status_code=429), "transient"),
        (RequestTimeout("no", phase="answer", seconds=5, status_code=503), "transient"),
        (TransportError("no"), "transient"),
        (ProtocolError("no"), "transient"),
        (EventStreamError("no", kind="truncated"), "transient"),
        (StreamIncomplete("no"), "transient"),
        (ResponseInvalid("no", possibly_billed=True), "transient"),
        (ResponseInvalid("no"), None),
        (PoolTimeout("no"), None),
        (ClientClosed("no"), None),
        (ConfigError("no"), None),
        (CredentialsError("no"), None),
        (RequestInvalid("no"), None),
        (BedrockError("no"), None),
    ],
    ids=lambda value: (
        f"{type(value).__name__}-{vars(value).get('reason') or vars(value).get('phase') or ''}"
        if isinstance(value, BedrockError)
        else str(value)
    ),
)
def test_failures_without_an_answer(error: BedrockError, kind: str | None) -> None:
    """Broken connections pass; a bad certificate, a closed client and what the caller did wrong do not."""
    assert classify(error) == kind


@pytest.mark.parametrize(
    ("error", "rejected"),
    [
        (APIError("no", status_code=403, code="ExpiredToken"), True),
        (APIError("no", status_code=403, code="ExpiredTokenException"), True),
        (APIError("no", status_code=403, code="UnrecognizedClientException"), True),
        (APIError("no", status_code=403, code="InvalidClientTokenId"), True),
        (APIError("Bearer Token has expired", status_code=403), True),
        (APIError("Bearer Token has expired", status_code=400), False),
        (APIError("The security token included in the request is expired", status_code=403), True),
        (APIError("no", status_code=403, code="AccessDeniedException"), False),
        (TransportError("no"), False),
    ],
)
def test_rejected_credentials(error: BedrockError, rejected: bool) -> None:
    """Fresh credentials may help with expired and unknown ones, not with a missing permission."""
    assert credentials_rejected(error) is rejected


@pytest.mark.parametrize(
    ("code", "measured", "used", "off"),
    [
        ("InvalidSignatureException", 300, 0, True),
        ("InvalidSignatureException", -300, 0, True),
        ("InvalidSignatureException", 240, 0, False),
        ("InvalidSignatureException", 241, 0, True),
        ("RequestTimeTooSkewed", 0, 300, True),
        ("RequestTimeTooSkewed", None, 300, False),
        (None, 300, 0, False),
        ("ValidationException", 300, 0, False),
    ],
)
def test_clock_skew(code: str | None, measured: float | None, used: float, off: bool) -> None:
    """A refusal is the clock's fault only beyond 240 s from the correction that was used."""
    assert clock_is_off(APIError("no", code=code, status_code=403), measured=measured, used=used) is off


# --- the shared vectors -----------------------------------------------------------------------------------------------


def vectors() -> dict[str, Any]:
    return json.loads(VECTORS.read_bytes())


@needs_vectors
@pytest.mark.parametrize(
    "table", ["classification_throttling", "classification_transient", "classification_not_retryable"]
)
def test_shared_tables(table: str) -> None:
    """Every row of AWS's own tables."""
    kind = {"classification_throttling": "throttling", "classification_transient": "transient"}.get(table)
    for row in vectors()[table]:
        assert classify(answer(row["status"], row["error_code"])) == kind, row


@needs_vectors
@pytest.mark.parametrize("spelling", [str, str.upper, str.lower, "com.amazon#{}".format, "{}:http://amazon/".format])
@pytest.mark.parametrize("place", ["header", "code", "__type"])
def test_shared_tables_through_the_codec(spelling: Callable[[str], str], place: str) -> None:
    """As the answers come: in any letter case, with a namespace or a suffix, in the header or in the body."""
    tables = vectors()
    rows = [(row, row["kind"]) for row in tables["classification_throttling"]]
    rows += [(row, "transient") for row in tables["classification_transient"]]
    rows += [(row, row["botocore"]["kind"]) for row in tables["bedrock_classification"]]
    for row, kind in rows:
        code = spelling(row["error_code"]) if row["error_code"] else None
        headers = {"x-amzn-errortype": code} if code and place == "header" else {}
        body = {place: code} if code and place != "header" else {}
        assert classify(parse_error(row["status"], headers, json.dumps(body).encode())) == kind, row


@needs_vectors
def test_shared_bedrock_table() -> None:
    """Every error that every Bedrock operation models, as botocore takes it."""
    for row in vectors()["bedrock_classification"]:
        assert classify(answer(row["status"], row["error_code"])) == row["botocore"]["kind"], row


@needs_vectors
def test_shared_generic_table() -> None:
    """Statuses without a model, as botocore takes them, except that a bare 429 is throttling."""
    for row in vectors()["generic_classification"]:
        bare_429 = row["status"] == 429 and row["error_code"] is None
        kind = "throttling" if bare_429 else row["botocore"]["kind"]
        assert classify(answer(row["status"], row["error_code"])) == kind, row


@needs_vectors
def test_shared_exception_table() -> None:
    """botocore's exceptions by their counterparts here; unlike botocore a certificate failure is not retried."""
    ours: dict[str, BedrockError] = {
        "ConnectTimeoutError": RequestTimeout("no", phase="connect", seconds=5),
        "ReadTimeoutError": RequestTimeout("no", phase="first_event", seconds=5),
        "EndpointConnectionError": ConnectError("no", reason="refused"),
        "ConnectionClosedError": TransportError("no"),
        "ConnectionError": TransportError("no"),
        "HTTPClientError": TransportError("no"),
        "ResponseStreamingError": TransportError("no"),
        "ProxyConnectionError": ConnectError("no", reason="proxy"),
        "NoCredentialsError": CredentialsError("no"),
        "ValueError": RequestInvalid("no"),
    }
    for row in vectors()["exception_classification"]:
        if row["exception"] in ours:
            assert classify(ours[row["exception"]]) == row["botocore"]["kind"], row
    assert classify(ConnectError("no", reason="tls")) is None


@needs_vectors
def test_shared_clock_skew_cases() -> None:
    """AWS's clock-skew cases, and its list of codes."""
    table = vectors()["clock_skew_cases"]
    assert {code.lower() for code in table["codes"]} == SKEW_CODES
    for code, measured, has_date, used, expected in table["cases"]:
        error = APIError("no", code=code, status_code=403)
        assert clock_is_off(error, measured=measured if has_date else None, used=used) is expected, code
