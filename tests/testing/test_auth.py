"""Who may ask: signatures made by botocore, and what AWS says to those that are wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from bedrock_converse import Credentials
from bedrock_converse.testing import FakeBedrock

KEYS = Credentials("AKIDEXAMPLE", "secret/Example+Key")
TEMPORARY = Credentials("ASIAEXAMPLE", "other/Example+Key", "session-token")
BODY = b'{"messages": []}'
PATH = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy/converse"


def signed(
    keys: Credentials = KEYS, *, service: str = "bedrock", region: str = "us-east-1", host: str = "127.0.0.1:9"
) -> httpx.Headers:
    """Headers as botocore signs them."""
    request = AWSRequest("POST", f"http://{host}{PATH}", headers={"Content-Type": "application/json"}, data=BODY)
    frozen = BotocoreCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    SigV4Auth(frozen, service, region).add_auth(request)
    return httpx.Headers({**dict(request.headers.items()), "Host": host})


async def verdict(headers: httpx.Headers, body: bytes = BODY, path: str = PATH, fake: FakeBedrock | None = None) -> str:
    """`ok`, or the name of the error."""
    fake = fake or FakeBedrock(credentials=[KEYS, TEMPORARY], api_key="the-key")
    fake.always("Hello")
    plan = await fake.answer("POST", path, headers, body)
    return "ok" if plan.status == 200 else f"{plan.status} {plan.headers['x-amzn-ErrorType'].partition(':')[0]}"


@pytest.mark.parametrize("keys", [KEYS, TEMPORARY])
async def test_good_signature(keys: Credentials) -> None:
    """botocore's signature is good, with and without a session token, over a path that is encoded twice."""
    assert await verdict(signed(keys)) == "ok"
    assert await verdict(signed(keys, host="bedrock-runtime.us-east-1.amazonaws.com")) == "ok"


async def test_bad_signatures() -> None:
    """Anything that is not what was signed gets the error that AWS gives."""
    bad = "403 InvalidSignatureException"
    assert await verdict(signed(), body=BODY + b" ") == bad
    assert await verdict(signed(), path=PATH.replace("y/", "z/")) == bad
    assert await verdict(signed(Credentials("AKIDEXAMPLE", "wrong"))) == bad
    assert await verdict(signed(service="s3")) == bad
    assert await verdict(signed(region="eu-west-1", host="bedrock-runtime.us-east-1.amazonaws.com")) == bad
    changed = signed()
    changed["content-type"] = "text/plain"
    assert await verdict(changed) == bad


async def test_unknown_keys() -> None:
    """Keys that nobody gave out, and temporary ones without their token."""
    assert await verdict(signed(Credentials("AKIDOTHER", "x"))) == "403 UnrecognizedClientException"
    stripped = signed(TEMPORARY)
    del stripped["x-amz-security-token"]
    assert await verdict(stripped) == "403 UnrecognizedClientException"


@pytest.mark.parametrize(("seconds", "result"), [(280, "ok"), (320, "403 InvalidSignatureException")])
async def test_clock(seconds: float, result: str) -> None:
    """A signature may be five minutes old, or early, by the fake's clock."""
    for offset in (seconds, -seconds):
        fake = FakeBedrock(credentials=KEYS, now=lambda offset=offset: time.time() + offset)
        assert await verdict(signed(), fake=fake) == result


async def test_expired_credentials() -> None:
    """Temporary credentials end."""
    ended = Credentials("ASIAEXAMPLE", "x", "token", datetime.now(UTC) - timedelta(hours=1))
    assert await verdict(signed(ended), fake=FakeBedrock(credentials=ended)) == "403 ExpiredTokenException"


async def test_api_key() -> None:
    """A bearer key is good or not."""
    assert await verdict(httpx.Headers({"Authorization": "Bearer the-key"})) == "ok"
    assert await verdict(httpx.Headers({"Authorization": "Bearer another"})) == "403 AccessDeniedException"


async def test_no_authorization() -> None:
    """Nothing, and nonsense, are refused; `verify=False` lets them in."""
    assert await verdict(httpx.Headers()) == "403 MissingAuthenticationTokenException"
    assert await verdict(httpx.Headers({"Authorization": "AWS4 what"})) == "403 IncompleteSignatureException"
    assert await verdict(httpx.Headers(), fake=FakeBedrock(verify=False)) == "ok"


async def test_refused_requests_use_nothing_up() -> None:
    """Who may not ask is noted, and gets no scripted answer."""
    fake = FakeBedrock()
    fake.reply("Hello")
    await fake.answer("POST", PATH, httpx.Headers(), BODY)
    assert len(fake.requests) == 1
    with pytest.raises(AssertionError, match="never asked for"):
        fake.check()


async def test_no_secret_in_sight() -> None:
    """Neither the fake nor a request shows a key, a signature or a prompt."""
    fake = FakeBedrock(credentials=KEYS, api_key="the-key")
    assert await verdict(signed(), fake=fake) == "ok"
    shown = repr(fake) + repr(fake.requests) + str(fake.requests[0])
    assert not any(secret in shown for secret in (KEYS.secret_access_key, "the-key", "Signature", "messages"))
