"""Verifies who asks, as AWS does: Signature Version 4 over what really arrived, or an API key.

Written from AWS's description of the signature and not from our signer, which it is there to check.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from bedrock_converse._aws.values import Credentials

__all__ = ["Refusal", "Verifier"]

MAX_SKEW = 300.0
"""Seconds that a signature may be old, or early."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})$"
)
_REGION_IN_HOST = re.compile(r"bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.")


@dataclass(frozen=True)
class Refusal:
    """Why AWS would not let the request in: always with status 403."""

    code: str
    message: str


class Verifier:
    """Knows the credentials and API keys that may ask."""

    def __init__(self, credentials: Sequence[Credentials], api_keys: Sequence[str], now: Callable[[], float]) -> None:
        self._credentials = {known.access_key_id: known for known in credentials}
        self._api_keys = tuple(api_keys)
        self._now = now

    def check(self, method: str, path: str, headers: httpx.Headers, body: bytes) -> Refusal | None:
        """None if the request is what one of them signed."""
        authorization = headers.get("authorization", "")
        scheme, _, token = authorization.partition(" ")
        if scheme == "Bearer":
            if any(hmac.compare_digest(token.encode(), known.encode()) for known in self._api_keys):
                return None
            return Refusal("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
        if not authorization:
            return Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        found = _AUTHORIZATION.match(authorization)
        if found is None:
            return Refusal("IncompleteSignatureException", "The Authorization header is not a complete signature.")
        return self._check_signature(found.groupdict(), method, path, headers, body)

    def _check_signature(
        self, claim: Mapping[str, str], method: str, path: str, headers: httpx.Headers, body: bytes
    ) -> Refusal | None:
        known = self._credentials.get(claim["key"])
        if known is None or headers.get("x-amz-security-token") != known.session_token:
            return Refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
        if known.expires_at is not None and known.expires_at.timestamp() < self._now():
            return Refusal("ExpiredTokenException", "The security token included in the request is expired")
        problem = self._scope_problem(claim, headers)
        if problem is not None:
            return Refusal("InvalidSignatureException", problem)
        request = _canonical_request(method, path, headers, claim["headers"].split(";"), body)
        expected = _signature(known.secret_access_key, claim, headers["x-amz-date"], request)
        if hmac.compare_digest(expected, claim["signature"]):
            return None
        return Refusal(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method.",
        )

    def _scope_problem(self, claim: Mapping[str, str], headers: httpx.Headers) -> str | None:
        if claim["service"] != "bedrock":
            return "Credential should be scoped to correct service: 'bedrock'."
        in_host = _REGION_IN_HOST.match(headers.get("host", ""))
        if in_host is not None and in_host[1] != claim["region"]:
            return "Credential should be scoped to a valid region."
        if "host" not in claim["headers"].split(";"):
            return "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        try:
            signed_at = datetime.strptime(headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            return "The X-Amz-Date header is missing or malformed."
        age = self._now() - signed_at.timestamp()
        if age > MAX_SKEW:
            return f"Signature expired: {headers['x-amz-date']} is too long ago."
        if age < -MAX_SKEW:
            return f"Signature not yet current: {headers['x-amz-date']} is still to come."
        if not headers["x-amz-date"].startswith(claim["date"]):
            return "Date in Credential scope does not match the date of the request."
        return None


def _canonical_request(method: str, target: str, headers: httpx.Headers, signed: Sequence[str], body: bytes) -> str:
    path, _, query = target.partition("?")
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(query, True))
    lines = [f"{name}:{','.join(' '.join(value.split()) for value in headers.get_list(name))}\n" for name in signed]
    return "\n".join(
        [
            method,
            quote(path, safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(lines),
            ";".join(signed),
            hashlib.sha256(body).hexdigest(),
        ]
    )


def _signature(secret: str, claim: Mapping[str, str], timestamp: str, canonical_request: str) -> str:
    scope = f"{claim['date']}/{claim['region']}/{claim['service']}/aws4_request"
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}".encode(), "sha256").hexdigest()
