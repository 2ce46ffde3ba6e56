"""One call: its facts, its headers, its one end, whatever happens."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from email.utils import formatdate
from typing import Any

import anyio
import pytest
from engine import FAST, KEYS, MODEL, REPLY_BODY, Seen, client_for
from loopback import Peer, serve
from steady import run_steadily

from bedrock_converse import Attempt, Credentials, RetryPolicy
from bedrock_converse._http import call as module
from bedrock_converse.errors import (
    AccessDeniedError,
    APIError,
    BedrockError,
    CredentialsError,
    RequestTimeout,
    ThrottlingError,
    TransportError,
)
from bedrock_converse.observe import fan_out
from bedrock_converse.testing import FakeBedrock, error, expired_token, internal_error, reply, throttled


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


def test_a_trace_is_a_header_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks around it, which no header has, are left out."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", " Root=1-5759e988 ")
    assert module._lambda_trace() == "Root=1-5759e988"


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
    found = threading.Event()

    def provide() -> Credentials:
        asked.append(1)
        if len(asked) > 1:
            asked.append(found.wait(10))
        return KEYS

    fake = FakeBedrock(verify=False)
    fake.on(MODEL).always(expired_token())
    async with fake.serve() as url, client_for(fake, url, credentials=provide, timeout=0.3) as client:
        with pytest.raises(BedrockError):
            await client.converse(MODEL, "x")
        assert asked == [1, 1]
        found.set()


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


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "headers"),
    [("ValidationException", {}), (None, {}), ("InvalidSignatureException", {"Age": "7200"})],
    ids=["a bad request", "a gateway's page", "a cache's copy"],
)
async def test_only_a_refused_signature_moves_the_clock(code: str | None, headers: dict[str, str]) -> None:
    """Any proxy can put a date on an answer: one that does not mean the signature would spoil those to come."""
    wrong = formatdate(time.time() - 7200, usegmt=True)
    fake = FakeBedrock()
    fake.on(MODEL).then(error(code, 403 if headers else 400).headers({"Date": wrong, **headers}), reply("Hi"))
    async with fake.serve() as url, client_for(fake, url, retry=RetryPolicy.none()) as client:
        with pytest.raises(APIError):
            await client.converse(MODEL, "x")
        assert (await client.converse(MODEL, "x")).text == "Hi"


async def test_a_clock_is_learned_without_a_retry() -> None:
    """With one attempt per call the refused call ends, and the next one is signed right."""
    fake = FakeBedrock(now=lambda: time.time() - 3600)
    fake.on(MODEL).always(reply("Hi"))
    async with fake.serve() as url, client_for(fake, url, retry=RetryPolicy.none()) as client:
        with pytest.raises(AccessDeniedError):
            await client.converse(MODEL, "x")
        assert (await client.converse(MODEL, "x")).attempts == 1


async def test_calls_that_start_together_learn_the_clock_together() -> None:
    """Each is tried once more at most, without a wait and without quota."""
    fake = FakeBedrock(now=lambda: time.time() + 3600)
    fake.on(MODEL).always(reply("Hi"))
    async with fake.serve() as url, client_for(fake, url, retry=RetryPolicy(max_attempts=2)) as client:
        replies = await asyncio.gather(*(client.converse(MODEL, "x") for _ in range(30)))
        assert {answer.attempts for answer in replies} <= {1, 2}
        assert client.stats.quota == 500


# --- attempts and their facts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_time_that_runs_out_before_anything_is_sent(backend: str) -> None:
    """Over the credentials, or in the queue of a model: the total, no attempts, nothing billed, no quota."""

    async def never() -> Credentials:
        await anyio.sleep(60)
        raise AssertionError

    async def main() -> None:
        fake = FakeBedrock()
        fake.on(MODEL).always(reply("Hi"))
        async with fake.serve() as url, client_for(fake, url, max_in_flight=1) as client:
            async with client.converse_stream(MODEL, "x"):
                for view in (client, client.with_options(credentials=never)):
                    with pytest.raises(RequestTimeout) as caught:
                        await view.converse("another" if view is not client else MODEL, "x", timeout=0.1)
                    failure = caught.value
                    assert (failure.phase, failure.seconds, failure.attempts) == ("total", 0.1, 0)
                    assert not failure.possibly_billed
            assert len(fake.requests) == 1
            assert client.stats.quota == 500

    run_steadily(main, backend=backend)


async def test_the_policys_hook_sees_whole_errors() -> None:
    """Operation, model, region and ids, without any observer."""
    seen: list[Attempt] = []
    fake = FakeBedrock()
    fake.on(MODEL).always(throttled())
    async with (
        fake.serve() as url,
        client_for(fake, url, retry=RetryPolicy(max_attempts=1, on_attempt=seen.append)) as c,
    ):
        with pytest.raises(ThrottlingError):
            await c.converse(MODEL, "x")
    (attempt,) = seen
    assert attempt.error is not None
    facts = (attempt.error.operation, attempt.error.model_id, attempt.error.region, attempt.error.attempts)
    assert facts == ("Converse", MODEL, "us-east-1", 1)
    assert attempt.error.request_id


async def test_a_first_frame_uses_the_heads_retry_after() -> None:
    """The exception has no headers of its own; those of its answer say how long to wait."""
    seen: list[Attempt] = []
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled().in_stream().retry_after(0.02, header="x-amz-retry-after"), reply("Hi"))
    policy = RetryPolicy(base_delay_throttling=0, on_attempt=seen.append)
    async with (
        fake.serve() as url,
        client_for(fake, url, retry=policy) as client,
        client.converse_stream(MODEL, "x") as stream,
    ):
        assert stream.attempts == 2
    assert [attempt.delay for attempt in seen] == [0.02, 0.0]


async def test_an_unknown_exception_as_first_frame_has_no_status() -> None:
    """Least of all the 200 of the answer that it came in."""
    fake = FakeBedrock()
    fake.on(MODEL).then(error("SomethingNewException").in_stream())
    async with fake.serve() as url, client_for(fake, url) as client:
        with pytest.raises(APIError) as caught:
            async with client.converse_stream(MODEL, "x"):
                pass
    assert (caught.value.code, caught.value.status_code, caught.value.attempts) == ("somethingNewException", None, 1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_a_used_connection_that_breaks(backend: str, pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: it had been dead, and the request goes out again, on a new connection though others are idle. Later: a
    model may have been at work on it."""
    monkeypatch.setattr("bedrock_converse._http.failures.DEAD_SHOWS_WITHIN", 0.1)

    async def twice(peer: Peer) -> None:
        number = peer.server.accepted
        await peer.request()
        # or one of the three would find another's connection idle
        while peer.server.accepted < 3:  # noqa: ASYNC110 - counted for all connections
            await asyncio.sleep(0.001)
        await peer.reply(REPLY_BODY)
        await peer.request()
        if number <= 3:
            await asyncio.sleep(pause)
            peer.reset()
        else:
            await peer.reply(REPLY_BODY)

    async def main() -> None:
        with serve(twice) as server:
            async with client_for(server.url) as client:
                async with anyio.create_task_group() as tasks:
                    for _ in range(3):
                        tasks.start_soon(client.converse, MODEL, "x")
                opened = server.accepted
                if pause:
                    with pytest.raises(TransportError) as caught:
                        await client.converse(MODEL, "x")
                    assert (caught.value.possibly_billed, caught.value.attempts) == (True, 1)
                else:
                    assert (await client.converse(MODEL, "x")).attempts == 2
                    assert server.accepted == opened + 1
                assert client.stats.quota == 500

    run_steadily(main, backend=backend)


def test_a_call_id_is_a_random_uuid() -> None:
    """Version 4, as Python's own module reads it, and another one each time."""
    ids = [uuid.UUID(module.new_call_id()) for _ in range(100)]
    assert {(each.version, each.variant) for each in ids} == {(4, uuid.RFC_4122)}
    assert len(set(ids)) == 100
