"""One call: its facts, its headers, its one end, whatever happens."""

from __future__ import annotations

import time
from typing import Any

import pytest
from engine import FAST, KEYS, MODEL, Seen, client_for
from loopback import Peer, serve

from bedrock_converse import Credentials, RetryPolicy
from bedrock_converse._http import call as module
from bedrock_converse.errors import (
    AccessDeniedError,
    APIError,
    BedrockError,
    CredentialsError,
    RequestTimeout,
    ThrottlingError,
)
from bedrock_converse.observe import fan_out
from bedrock_converse.testing import FakeBedrock, expired_token, internal_error, reply, throttled


async def make_call(client: Any) -> Any:
    """A call that has not begun."""
    return await client._converse_call(
        __import__("bedrock_converse").ConverseRequest, MODEL, "x", {}, (None, None, None, None, ())
    )


async def test_it_ends_once() -> None:
    """Whoever says so first."""
    seen = Seen()
    call = await make_call(client_for("http://127.0.0.1:9", observers=[seen]))
    call.ended_with(APIError("no", code="X"))
    call.end("success")
    call.end("left")
    assert seen.outcomes == ["error"]


async def test_an_error_gets_the_facts_of_its_call() -> None:
    """What is known already stays."""
    call = await make_call(client_for("http://127.0.0.1:9"))
    error = RequestTimeout("late", phase="total", seconds=1.0)
    call.annotate(error)
    assert (error.operation, error.model_id) == ("Converse", MODEL)
    told = APIError("no", code="X", operation="Other", model_id="other")
    call.annotate(told)
    assert (told.operation, told.model_id) == ("Other", "other")


@pytest.mark.parametrize(
    ("app", "shown"),
    [("", ""), ("app", " app/app"), ("a b/c\r\nd", " app/a-b-c--d"), ("é", " app/-"), ("x" * 80, f" app/{'x' * 50}")],
)
def test_user_agent(app: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's id cannot break out of the header."""
    monkeypatch.setattr(module, "_user_agent", "")
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", app)
    agent = module.user_agent()
    assert agent.partition(" app/")[0].count(" ") == 1
    assert agent.endswith(shown)
    assert agent.isascii()


@pytest.mark.parametrize("trace", ["", "a\r\nb", "é", "\x00"])
def test_a_bad_trace_is_left_out(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setitem(__import__("os").environ, "_X_AMZN_TRACE_ID", trace.replace("\x00", "\x01"))
    assert module._lambda_trace() is None


async def test_credentials_that_cannot_be_found() -> None:
    """Nothing was sent, so there were no attempts."""
    seen = Seen()

    def broken() -> Credentials:
        raise ValueError("the canary")

    with serve() as server:
        async with client_for(server.url, credentials=broken, observers=[seen]) as client:
            with pytest.raises(CredentialsError) as caught:
                await client.converse(MODEL, "x")
    assert not server.accepted
    assert caught.value.attempts == 0
    assert caught.value.operation == "Converse"
    assert seen.outcomes == ["error"]


async def test_a_renewal_that_fails_ends_the_call() -> None:
    """The refusal was AWS's, the failure is the provider's."""
    asked: list[int] = []

    def provide() -> Credentials:
        asked.append(1)
        if len(asked) > 1:
            raise ValueError("broken")
        return KEYS

    fake = FakeBedrock(verify=False)
    fake.on(MODEL).always(expired_token())
    async with fake.serve() as url, client_for(fake, url, credentials=provide) as client:
        with pytest.raises((CredentialsError, AccessDeniedError)) as caught:
            await client.converse(MODEL, "x")
    assert caught.value.attempts == 1


async def test_a_renewal_is_under_the_total() -> None:
    """A provider that hangs the second time."""
    asked: list[int] = []

    def provide() -> Credentials:
        asked.append(1)
        if len(asked) > 1:
            time.sleep(1.5)
        return KEYS

    fake = FakeBedrock(verify=False)
    fake.on(MODEL).always(expired_token())
    async with fake.serve() as url, client_for(fake, url, credentials=provide, timeout=0.3) as client:
        started = time.monotonic()
        with pytest.raises(BedrockError):
            await client.converse(MODEL, "x")
        assert time.monotonic() - started < 1.2


async def test_an_expired_api_key_is_asked_for_again() -> None:
    """A callable gives a new one; a fixed one cannot be renewed."""
    keys = ["old", "new"]

    async def script(peer: Peer) -> None:
        while received := await peer.request():
            if received.header(b"authorization") == b"Bearer new":
                await peer.reply(b'{"inputTokens":1}')
            else:
                await peer.reply(b'{"Message":"Bearer Token has expired"}', b"403 Forbidden")

    with serve(script) as server:
        async with client_for(server.url, api_key=lambda: keys.pop(0)) as client:
            assert (await client.count_tokens(MODEL, "x")).attempts == 2
        async with client_for(server.url, api_key="old") as client:
            with pytest.raises(AccessDeniedError) as caught:
                await client.count_tokens(MODEL, "x")
        assert caught.value.attempts == 1


async def test_hooks_that_fail_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Neither an observer's nor the policy's."""

    class Broken(Seen):
        def call_started(self, call: Any) -> None:
            raise ValueError

        def call_ended(self, call: Any) -> None:
            raise ValueError

    def hook(attempt: Any) -> None:
        raise ValueError

    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), reply("Hi"))
    policy = RetryPolicy(base_delay_throttling=0.001, on_attempt=hook)
    async with fake.serve() as url, client_for(fake, url, observers=[Broken()], retry=policy) as client:
        assert (await client.converse(MODEL, "x")).attempts == 2
    assert caplog.records


async def test_the_attempts_that_a_hook_sees() -> None:
    """Each one, with what comes next."""
    attempts: list[Any] = []
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), internal_error(), reply("Hi"))
    policy = RetryPolicy(base_delay_throttling=0.001, base_delay_transient=0.001, on_attempt=attempts.append)
    async with fake.serve() as url, client_for(fake, url, retry=policy) as client:
        await client.converse(MODEL, "x")
    assert [(one.number, one.retry, type(one.error).__name__) for one in attempts] == [
        (1, True, "ThrottlingError"),
        (2, True, "InternalServerError"),
        (3, False, "NoneType"),
    ]


async def test_the_errors_of_attempts_are_complete() -> None:
    """An observer sees the same facts in a failed attempt as the caller does at the end."""
    seen = Seen()
    fake = FakeBedrock()
    fake.on(MODEL).always(throttled())
    async with fake.serve() as url, client_for(fake, url, observers=[seen], retry=FAST) as client:
        with pytest.raises(ThrottlingError):
            await client.converse(MODEL, "x")
    failed = [record for record in seen.records if type(record).__name__ == "AttemptFailed"]
    assert len(failed) == 3
    for record in failed:
        assert record.error.model_id == MODEL
        assert record.error.region == "us-east-1"
        assert record.request_id
        assert record.status_code == 429
    assert failed[-1].reason == "max_attempts_exceeded"


def test_no_observers_cost_nothing() -> None:
    """No records are made for nobody."""
    assert fan_out(()) is None
