"""What kind of failure is it: may it pass by itself, and is it one that the client can repair?

Pure functions over our own errors. The tables are AWS's (retry behaviour 2.1), the deviations are documented in
`retry.py`. Codes are compared in any letter case, since event streams write them in lowerCamel.
"""

from __future__ import annotations

from typing import Literal

from bedrock_converse._aws.sigv4 import SKEW_THRESHOLD
from bedrock_converse._wire.hints import throttling_scope
from bedrock_converse.errors import (
    APIError,
    BedrockError,
    ClientClosed,
    ConnectError,
    InternalServerError,
    ModelNotReadyError,
    PoolTimeout,
    RequestTimeout,
    ResponseInvalid,
    ServiceUnavailableError,
    ThrottlingError,
    TransportError,
)

__all__ = ["Kind", "classify", "clock_is_off", "clock_suspected", "credentials_rejected"]

Kind = Literal["transient", "throttling"]

THROTTLING_CODES = frozenset(
    {
        "bandwidthlimitexceeded",
        "ec2throttledexception",
        "limitexceededexception",
        "priorrequestnotcomplete",
        "provisionedthroughputexceededexception",
        "requestlimitexceeded",
        "requestthrottled",
        "requestthrottledexception",
        "slowdown",
        "throttledexception",
        "throttling",
        "throttlingexception",
        "toomanyrequestsexception",
        "transactioninprogressexception",
    }
)
TRANSIENT_CODES = frozenset({"modelnotreadyexception", "requesttimeout", "requesttimeoutexception"})
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})


def classify(error: BedrockError) -> Kind | None:
    """What kind of retryable failure this is, or None. Says nothing about money; `decide` does."""
    # Its class may pass, but whoever made this one knows better: a daily quota, a certificate that does not verify.
    if type(error).retryable and not error.retryable:
        return None
    if isinstance(error, APIError):
        return _classify_answer(error)
    if isinstance(error, TransportError):
        return "transient" if _may_pass(error) else None
    return None


def _classify_answer(error: APIError) -> Kind | None:
    # The code comes before the status: a 503 with a throttling code is throttling.
    code = (error.code or "").lower()
    if code in THROTTLING_CODES:
        return "throttling"
    if code in TRANSIENT_CODES or isinstance(error, ModelNotReadyError):
        return "transient"
    if error.status_code == 429 or isinstance(error, ThrottlingError):
        return None if throttling_scope(error.message) == "day" else "throttling"
    if error.status_code is None:  # made by hand, or an event of a stream whose status nobody filled in
        return "transient" if isinstance(error, (InternalServerError, ServiceUnavailableError)) else None
    return "transient" if error.status_code in TRANSIENT_STATUSES else None


def _may_pass(error: TransportError) -> bool:
    match error:
        case ConnectError(reason=reason):
            return reason != "tls"  # a failed check of the certificate; a handshake that is cut off is a "reset"
        case RequestTimeout(phase="total"):
            return False
        case RequestTimeout(status_code=int(status)) if status >= 400:
            # An error answer whose body never ended: what its status says about trying again still holds.
            return status == 429 or status in TRANSIENT_STATUSES
        case ResponseInvalid():
            # A whole answer that is no answer (a proxy's page): the same again, unless it was cut on the way here.
            return error.possibly_billed
        case ClientClosed() | PoolTimeout():
            return False  # waiting again for the pool only makes its time limit longer
        case _:
            return True


# --- failures that the caller can repair ------------------------------------------------------------------------------

# The last two are what rotated or deleted keys get: reading the credentials anew may find the new ones.
REJECTED_CODES = frozenset(
    {"expiredtoken", "expiredtokenexception", "invalidclienttokenid", "unrecognizedclientexception"}
)
EXPIRED_WORDS = ("bearer token has expired", "security token included in the request is expired")
SKEW_CODES = frozenset(
    {
        "accessdeniedexception",
        "authfailure",
        "invalidsignatureexception",
        "requesttimetooskewed",
        "signaturedoesnotmatch",
    }
)


def credentials_rejected(error: BedrockError) -> bool:
    """AWS no longer takes the credentials, and fresh ones may do: expired, rotated, or an API key past its time."""
    if not isinstance(error, APIError):
        return False
    # An API key has no code of its own: {"Message": "Bearer Token has expired"} with 403, reported by users since 2025.
    # A gateway in front of AWS may drop the code and keep the words.
    return (error.code or "").lower() in REJECTED_CODES or (
        error.status_code in (401, 403) and any(words in error.message.lower() for words in EXPIRED_WORDS)
    )


def clock_suspected(error: BedrockError) -> bool:
    """The refusal is one that a wrong clock can cause (and mostly something else has)."""
    return isinstance(error, APIError) and (error.code or "").lower() in SKEW_CODES


def clock_is_off(error: BedrockError, *, measured: float | None, used: float) -> bool:
    """The request was refused because its time was wrong by more than 240 s, and signing with `measured` may help.

    `measured` is the server's clock minus ours in seconds, from the `Date` of the answer (None without one); `used` is
    the correction that the request was signed with.
    """
    return clock_suspected(error) and measured is not None and abs(used - measured) > SKEW_THRESHOLD
