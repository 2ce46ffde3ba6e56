"""The client end to end, over real sockets: every operation, what goes over the wire, retries, timeouts, what observers
hear, and bad input."""

# ruff: noqa: PT012, SIM117 - opening a stream is what raises; nesting shows what is inside of what

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import anyio
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from engine import FAST, KEYS, MODEL, REPLY_BODY, Seen, both, client_for, run
from loopback import Peer, serve
from operations import OPERATIONS

from bedrock_converse import (
    AccessDeniedError,
    APIError,
    BedrockClient,
    BedrockError,
    ConfigError,
    ConverseRequest,
    ConverseStreamRequest,
    Credentials,
    InternalServerError,
    RequestInvalid,
    RequestTimeout,
    ResponseInvalid,
    RetryPolicy,
    ThrottlingError,
    Timeout,
    user,
)
from bedrock_converse.testing import (
    FakeBedrock,
    apply_guardrail_result,
    chunks,
    expired_token,
    internal_error,
    invoke_result,
    reply,
    throttled,
    token_count,
    validation_error,
)
from bedrock_converse.types import CountTokensRequest, GuardrailStreamConfiguration

# --- every operation --------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("auth", ["keys", "api key"])
def test_every_operation(backend: str, auth: str) -> None:
    """All operations work end to end, signed (the fake checks the signature) and with an API key."""
    fake = FakeBedrock()
    fake.on(MODEL).reply("Hello").then(
        reply("Hi"), token_count(7), invoke_result({"embedding": [1]}), chunks({"a": 1}, {"b": 2})
    )
    fake.on("guard").then(apply_guardrail_result("GUARDRAIL_INTERVENED"))
    secret: dict[str, Any] = {"api_key": fake.api_key} if auth == "api key" else {}

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, **secret) as client:
            answer = await client.converse(MODEL, "Hello?", max_tokens=9)
            assert (answer.text, answer.stop_reason, answer.attempts) == ("Hello", "end_turn", 1)
            assert answer.status_code == 200
            assert answer.model_id == MODEL
            assert answer.request_id
            assert answer.headers["content-type"] == "application/json"
            async with client.converse_stream(MODEL, "Hello?") as stream:
                assert (await stream.final()).text == "Hi"
            assert (await client.count_tokens(MODEL, "Hello?", system="Be brief.")).input_tokens == 7
            body = (await client.invoke_model(MODEL, {"inputText": "x"})).body
            assert json.loads(body) == {"embedding": [1]}
            async with client.invoke_model_stream(MODEL, b'{"x":1}') as pieces:
                assert [json.loads(piece) async for piece in pieces] == [{"a": 1}, {"b": 2}]
            judged = await client.apply_guardrail("guard", "1", "text")
            assert judged.action == "GUARDRAIL_INTERVENED"

    run(backend, main)
    fake.check()
    assert [request.operation for request in fake.requests] == [
        "Converse",
        "ConverseStream",
        "CountTokens",
        "InvokeModel",
        "InvokeModelWithResponseStream",
        "ApplyGuardrail",
    ]
    assert fake.requests[0].json == {
        "messages": [{"role": "user", "content": [{"text": "Hello?"}]}],
        "inferenceConfig": {"maxTokens": 9},
    }


async def test_invoke_guardrail_checks() -> None:
    """The checks without a guardrail of one's own go to their own path."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.reply(b'{"results":{},"usage":{}}')

    with serve(script) as server:
        async with client_for(server.url) as client:
            checks = {"contentFilter": {"categories": [{"category": "HATE"}]}}
            messages = [{"role": "user", "content": [{"text": "x"}]}]
            await client.invoke_guardrail_checks(messages, checks)
        assert server.requests[0].line == b"POST /guardrail-checks/invoke HTTP/1.1"


NO_VERDICTS = {
    "nothing": b"{}",
    "a message": b'{"message":"Service is down"}',
    "an error of AWS's framework": b'{"Output":{"__type":"x#UnknownOperationException"},"Version":"1.0"}',
    "null": b'{"action":null,"results":null,"inputTokens":null}',
}
JUDGES = ("converse", "count_tokens", "apply_guardrail", "invoke_guardrail_checks")


@pytest.mark.parametrize("operation", JUDGES)
@pytest.mark.parametrize("body", NO_VERDICTS.values(), ids=NO_VERDICTS)
async def test_an_answer_without_a_verdict_is_no_success(operation: str, body: bytes) -> None:
    """Status 200 with an error's body: whoever asks `action == "GUARDRAIL_INTERVENED"` must not take it for a pass."""

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.reply(body)

    with serve(script) as server:
        async with client_for(server.url) as client:
            with pytest.raises(ResponseInvalid) as caught:
                await OPERATIONS[operation](client)
    assert caught.value.possibly_billed


# --- what goes over the wire ------------------------------------------------------------------------------------------


async def sent(client_options: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """The request of one call, as it came in."""

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.reply(REPLY_BODY)

    with serve(script) as server:
        async with client_for(server.url, **(client_options or {})) as client:
            await client.converse(arguments.pop("model", MODEL), "hi", **arguments)
        return server.requests[0]


def header_names(received: Any) -> list[str]:
    return [line.partition(b":")[0].decode().lower() for line in received.head.split(b"\r\n")[1:]]


@pytest.mark.parametrize(
    "model", [MODEL, "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x~y_z v1:0", "naïve/模型"]
)
async def test_what_is_sent_is_what_was_signed(model: str) -> None:
    """botocore's signer, given the very bytes that arrived, makes the same signature."""
    received = await sent(model=model, extra_headers={"X-Tenant": "a  b"})
    path = received.line.split()[1].decode()
    authorization = received.header(b"authorization").decode()
    names = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"host", "x-amz-date", "content-type", "x-tenant"} <= set(names)
    headers = {name: received.header(name.encode()).decode() for name in names}
    request = AWSRequest("POST", f"http://{headers['host']}{path}", headers=headers, data=received.body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(BotocoreCredentials(KEYS.access_key_id, KEYS.secret_access_key), "bedrock", "us-east-1")
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    assert authorization.endswith(f"Signature={expected}")


async def test_no_header_is_sent_twice() -> None:
    """A view's, a call's and our own headers never double."""
    received = await sent({"extra_headers": {"X-A": "1", "Accept": "a/b"}}, extra_headers={"x-a": "2"})
    names = header_names(received)
    assert len(names) == len(set(names))
    assert received.header(b"x-a") == b"2"


async def test_user_agent_and_app_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product, Python's version, and the application's id, cleaned."""
    from bedrock_converse._http import call

    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "my app/1")
    monkeypatch.setattr(call, "_user_agent", "")
    agent = (await sent()).header(b"user-agent").decode()
    assert agent.startswith("bedrock-converse/")
    assert " python/3." in agent
    assert agent.endswith(" app/my-app-1")


async def test_lambdas_trace_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Lambda, and only there, the trace goes on to Bedrock."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    assert (await sent()).header(b"x-amzn-trace-id") is None
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mine")
    assert (await sent()).header(b"x-amzn-trace-id") == b"Root=1-5759e988-bd862e3fe1be46a994272793"


async def test_extra_fields_reach_the_body() -> None:
    """A member that AWS has added since goes out as it is."""
    assert json.loads((await sent(extra_fields={"newThing": {"a": 1}})).body)["newThing"] == {"a": 1}


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "HOST", "content-length", "Content-Type", "Transfer-Encoding", "connection", "X-Amz-Date"),
        *("x-amz-security-token", "amz-sdk-request", "Accept-Encoding", "expect", "keep-alive", "TE", "Trailer"),
        *("upgrade", "Proxy-Authorization", "proxy-connection"),
    ],
)
async def test_protected_headers(name: str) -> None:
    """What the client sets cannot be set."""
    with pytest.raises(RequestInvalid, match="cannot set"):
        BedrockClient(extra_headers={name: "x"})
    with pytest.raises(RequestInvalid, match="cannot set"):
        BedrockClient().with_options(extra_headers={name: "x"})
    with pytest.raises(RequestInvalid, match="cannot set"):
        await client_for("http://127.0.0.1:1").converse(MODEL, "hi", extra_headers={name: "x"})


async def test_a_header_goes_out_once() -> None:
    """However its name is spelled: one of the user's replaces ours, the call's that of the client, and two are one too
    many."""

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.reply(REPLY_BODY)

    with serve(script) as server:
        async with client_for(server.url, extra_headers={"X-Team": "a", "user-AGENT": "mine"}) as client:
            await client.converse(MODEL, "x", extra_headers={"x-tEAM": "b"})
            await client.invoke_model(MODEL, {}, extra_headers={"ACCEPT": "text/plain"})
    first, second = server.requests
    assert (first.header(b"x-team"), first.header(b"user-agent")) == (b"b", b"mine")
    assert second.header(b"accept") == b"text/plain"
    for received in server.requests:
        names = [name for name in header_names(received) if name]
        assert sorted(names) == sorted(set(names))
    with pytest.raises(RequestInvalid, match="X-TEAM twice"):
        BedrockClient(extra_headers={"x-team": "a", "X-TEAM": "b"})


async def test_an_api_key_is_the_only_authorization() -> None:
    """No signature, no date, no security token beside the bearer."""
    received = await sent({"api_key": "the-key"})
    assert received.header(b"authorization") == b"Bearer the-key"
    assert not [name for name in header_names(received) if name.startswith("x-amz-")]


# --- attempts ---------------------------------------------------------------------------------------------------------


def attempts_of(fake: FakeBedrock) -> list[str]:
    return [request.headers["amz-sdk-request"] for request in fake.requests]


@both
def test_attempts_are_told_to_aws(backend: str) -> None:
    """One invocation id per call; the attempts are counted, and the reply knows how many there were."""
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), internal_error(), reply("Hi"), reply("again"))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            assert (await client.converse(MODEL, "x")).attempts == 3
            await client.converse(MODEL, "x", retry=RetryPolicy.none())

    run(backend, main)
    assert attempts_of(fake) == [
        "attempt=1; max=3",
        "attempt=2; max=3",
        "attempt=3; max=3",
        "attempt=1; max=1",
    ]
    ids = [request.headers["amz-sdk-invocation-id"] for request in fake.requests]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_each_attempt_signs_anew() -> None:
    """Credentials that were rotated between two attempts are used by the second."""
    first, second = Credentials("AKIAFIRSTFIRSTFIRST1", "one"), Credentials("AKIASECONDSECONDSEC2", "two")
    current = [first]

    async def script(peer: Peer) -> None:
        while await peer.request():
            if current[0] is first:
                current[0] = second
                await peer.reply(b"{}", b"503 Busy")
            else:
                await peer.reply(REPLY_BODY)

    class Rotating:
        """What botocore's own objects look like."""

        @property
        def access_key(self) -> str:
            return current[0].access_key_id

        @property
        def secret_key(self) -> str:
            return current[0].secret_access_key

        token = None

        def get_frozen_credentials(self) -> Any:
            from botocore.credentials import ReadOnlyCredentials

            return ReadOnlyCredentials(self.access_key, self.secret_key, None)

    with serve(script) as server:
        async with client_for(server.url, credentials=Rotating()) as client:
            await client.converse(MODEL, "x")
        used = [request.header(b"authorization").split(b"=")[1].split(b"/")[0] for request in server.requests]
    assert used[0] == b"AKIAFIRSTFIRSTFIRST1"
    assert len(used) == 2


async def test_the_date_is_the_attempts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry after a long wait carries a date of its own, not the first attempt's."""
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), reply("Hi"))
    async with fake.serve() as url, client_for(fake, url, retry=RetryPolicy(base_delay_throttling=2.3)) as client:
        monkeypatch.setattr("bedrock_converse._http.retry._random.random", lambda: 1.0)
        with monkeypatch.context() as patch:
            patch.setattr("bedrock_converse._http.call.Call._sleep", lambda self, seconds: asyncio.sleep(1.1))
            await client.converse(MODEL, "x")
    first, second = (request.headers["x-amz-date"] for request in fake.requests)
    assert first < second


@both
def test_throttling_ends_typed_with_its_facts(backend: str) -> None:
    """After the last attempt the error has every fact that is known, and notes on the earlier attempts."""
    fake = FakeBedrock()
    fake.on(MODEL).always(throttled())

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            with pytest.raises(ThrottlingError) as caught:
                await client.converse(MODEL, "x")
            failure = caught.value
            assert failure.operation == "Converse"
            assert failure.model_id == MODEL
            assert failure.region == "us-east-1"
            assert failure.request_id
            assert failure.status_code == 429
            assert failure.attempts == 3
            assert not failure.possibly_billed
            assert len(failure.__notes__) == 2
            assert client.stats.quota == 490

    run(backend, main)


async def test_a_bad_request_is_not_retried() -> None:
    """A 400 is the caller's."""
    fake = FakeBedrock()
    fake.on(MODEL).always(validation_error("no"))
    async with fake.serve() as url, client_for(fake, url) as client:
        with pytest.raises(APIError):
            await client.converse(MODEL, "x")
    assert len(fake.requests) == 1


async def test_an_expired_token_is_renewed_once() -> None:
    """Fresh credentials are fetched and the call goes on; when those are refused as well it ends."""
    asked: list[int] = []

    def provide() -> Credentials:
        asked.append(1)
        return Credentials(f"AKIATOKENNUMBER{len(asked):05}", "secret")

    fake = FakeBedrock(verify=False)
    fake.on(MODEL).then(expired_token(), reply("Hi"))
    async with fake.serve() as url, client_for(fake, url, credentials=provide) as client:
        assert (await client.converse(MODEL, "x")).attempts == 2
        assert len(asked) == 2
        fake.on(MODEL).always(expired_token())
        with pytest.raises(AccessDeniedError):
            await client.converse(MODEL, "x")
    assert len(asked) in (3, 4)
    assert len(fake.requests) <= 2 + 2


async def test_clock_skew_is_corrected_for_all_views() -> None:
    """The server's clock is an hour ahead: the second attempt is signed with it, and so is every later first one."""
    fake = FakeBedrock(now=lambda: time.time() + 3600)
    fake.on(MODEL).always(reply("Hi"))
    async with fake.serve() as url, client_for(fake, url) as client:
        assert (await client.converse(MODEL, "x")).attempts == 2
        assert (await client.converse(MODEL, "x")).attempts == 1
        assert (await client.with_options(max_tokens=3).converse(MODEL, "x")).attempts == 1
        assert (await client.with_options(region="us-west-2").converse(MODEL, "x")).attempts == 1


async def test_the_quota_bounds_retries() -> None:
    """When the quota is used up there is one attempt per call."""
    fake = FakeBedrock()
    fake.on(MODEL).always(internal_error())
    async with fake.serve() as url, client_for(fake, url) as client:
        for _ in range(20):
            with pytest.raises(InternalServerError):
                await client.converse(MODEL, "x")
        assert client.stats.quota < 14
    assert len(fake.requests) == 20 + 500 // 14


# --- timeouts ---------------------------------------------------------------------------------------------------------


@both
def test_no_answer_in_time(backend: str) -> None:
    """The answer's limit: not retried, since it may have been billed."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi").hang())

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, timeout=Timeout(answer=0.1)) as client:
            with pytest.raises(RequestTimeout) as caught:
                await client.converse(MODEL, "x")
            assert (caught.value.phase, caught.value.seconds) == ("first_event", 0.1)
            assert caught.value.possibly_billed
            assert caught.value.attempts == 1
            assert client.stats.open == 0

    run(backend, main)
    assert len(fake.requests) == 1


@both
def test_a_slow_drip_is_no_answer(backend: str) -> None:
    """A body that comes byte by byte does not stretch the limit."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi" * 500).slow_drip(100))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, timeout=Timeout(answer=0.3)) as client:
            with pytest.raises(RequestTimeout):
                await client.converse(MODEL, "x")

    run(backend, main, 3)


@both
def test_the_total_spans_retries(backend: str) -> None:
    """A retry whose wait would not fit is not begun."""
    fake = FakeBedrock()
    fake.on(MODEL).always(throttled().retry_after(30))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            with pytest.raises(ThrottlingError) as caught:
                await client.converse(MODEL, "x", timeout=0.5)
            assert caught.value.attempts == 1

    run(backend, main, 3)


@both
def test_the_total_cuts_credentials(backend: str) -> None:
    """A provider that hangs is under the total as well."""

    async def never() -> Credentials:
        await anyio.sleep(60)
        raise AssertionError

    async def main() -> None:
        async with client_for("http://127.0.0.1:9", credentials=never) as client:
            with pytest.raises(RequestTimeout) as caught:
                await client.converse(MODEL, "x", timeout=0.1)
            assert caught.value.phase == "total"
            assert not caught.value.possibly_billed

    run(backend, main, 5)


@both
def test_a_callers_own_deadline_passes(backend: str) -> None:
    """`fail_after` raises its TimeoutError, `move_on_after` just moves on; neither becomes ours."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi").hang())

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            with pytest.raises(TimeoutError) as caught:
                with anyio.fail_after(0.05):
                    await client.converse(MODEL, "x")
            assert not isinstance(caught.value, BedrockError)
            with anyio.move_on_after(0.05) as scope:
                await client.converse(MODEL, "x")
            assert scope.cancelled_caught
            assert client.stats.open == 0

    run(backend, main)


async def test_asyncios_own_timeout_passes() -> None:
    """`asyncio.timeout` and `wait_for` too."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi").hang())
    async with fake.serve() as url, client_for(fake, url) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await client.converse(MODEL, "x")
        assert not isinstance(caught.value, BedrockError)
        with pytest.raises(TimeoutError) as caught:
            await asyncio.wait_for(client.converse(MODEL, "x"), 0.05)
        assert not isinstance(caught.value, BedrockError)


# --- limits and observers ---------------------------------------------------------------------------------------------


@both
def test_max_in_flight(backend: str) -> None:
    """Never more calls of one model at once than were allowed; others are not held up."""
    busy, most = [0], [0]

    async def answer(request: Any) -> Any:
        busy[0] += 1
        most[0] = max(most[0], busy[0])
        await anyio.sleep(0.02)
        busy[0] -= 1
        return reply("Hi")

    fake = FakeBedrock()
    fake.on("slow").always(answer)
    fake.on("other").always(reply("Hi"))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, max_in_flight={"slow": 2}) as client:
            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(client.converse, "slow", "x")
                await client.converse("other", "x")

    run(backend, main)
    assert most[0] == 2


@both
def test_guardrails_are_not_counted_in_flight(backend: str) -> None:
    """They name no model: one of them waits for no other one."""

    async def together(peer: Peer) -> None:
        while await peer.request():
            while len(peer.server.requests) < 3:  # noqa: ASYNC110 - they come over other connections
                await asyncio.sleep(0.01)
            await peer.reply(b'{"usage":{},"action":"NONE","outputs":[],"assessments":[]}')

    async def main() -> None:
        with serve(together) as server:
            async with client_for(server.url, max_in_flight=1) as client, anyio.create_task_group() as tasks:
                for guardrail in "abc":
                    tasks.start_soon(client.apply_guardrail, guardrail, "1", "text")

    run(backend, main)


@both
def test_what_observers_hear(backend: str) -> None:
    """Start, failed attempts, end: once each, with the same call id."""
    seen = Seen()
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), reply("Hi"), validation_error("no"))

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, observers=[seen]) as client:
            await client.converse(MODEL, "x")
            with pytest.raises(APIError):
                await client.converse(MODEL, "x")

    run(backend, main)
    assert seen.names == ["CallStarted", "AttemptFailed", "CallEnded", "CallStarted", "AttemptFailed", "CallEnded"]
    assert seen.outcomes == ["success", "error"]
    assert len({record.call_id for record in seen.records}) == 2
    ended = seen.records[2]
    assert (ended.attempts, ended.usage.output_tokens, ended.stop_reason) == (2, 1, "end_turn")
    assert ended.region == "us-east-1"
    assert ended.response_bytes > 50


@both
def test_a_cancelled_call_ends_once(backend: str) -> None:
    """Observers hear `cancelled`."""
    seen = Seen()
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi").hang())

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, observers=[seen]) as client:
            with anyio.move_on_after(0.05):
                await client.converse(MODEL, "x")

    run(backend, main)
    assert seen.outcomes == ["cancelled"]


async def test_a_call_that_finds_no_region_is_started_and_ended() -> None:
    """Whoever counts starts and ends finds as many of each."""
    seen = Seen()
    async with BedrockClient(credentials=KEYS, observers=[seen]) as client:
        with pytest.raises(ConfigError, match="region"):
            await client.converse(MODEL, "x")
    assert seen.names == ["CallStarted", "CallEnded"]


# --- transforms and request objects -----------------------------------------------------------------------------------


async def test_transforms_run_in_order() -> None:
    """The client's, then the call's; once per call, whatever the number of attempts."""
    order: list[str] = []

    def step(name: str) -> Any:
        def transform(request: Any) -> Any:
            order.append(name)
            return request.model_copy(update={"request_metadata": {"by": name}})

        return transform

    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), reply("Hi"))
    async with fake.serve() as url, client_for(fake, url, transforms=[step("a"), step("b")]) as client:
        await client.converse(MODEL, "x", transforms=[step("c")])
    assert order == ["a", "b", "c"]
    assert fake.requests[1].json["requestMetadata"] == {"by": "c"}


@pytest.mark.parametrize("wrong", [None, {}, "x", ConverseStreamRequest(model_id="m")])
async def test_a_transform_must_return_a_request(wrong: Any) -> None:
    """Anything else is a typed error, before anything is sent."""
    client = client_for("http://127.0.0.1:9", transforms=[lambda request: wrong])
    with pytest.raises(ConfigError, match="a transform must return a ConverseRequest"):
        await client.converse(MODEL, "x")


async def test_an_async_transform_is_refused() -> None:
    """Without a warning about a coroutine that nobody awaited."""

    async def transform(request: Any) -> Any:
        return request

    with pytest.raises(ConfigError, match="a transform must return"):
        await client_for("http://127.0.0.1:9", transforms=[transform]).converse(MODEL, "x")


async def test_request_objects() -> None:
    """`converse` and `converse_stream` take each other's request; members that AWS sent and we do not know stay."""
    fake = FakeBedrock()
    fake.on(MODEL).then(reply("a"), reply("b"))
    request = ConverseRequest.model_validate_json(
        json.dumps({"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "x"}]}], "new": 1})
    )
    async with fake.serve() as url, client_for(fake, url) as client:
        async with client.converse_stream(request) as stream:
            await stream.final()
        await client.converse(ConverseStreamRequest(model_id=MODEL, messages=[user("x")]))
    assert fake.requests[0].json["new"] == 1
    assert [request.operation for request in fake.requests] == ["ConverseStream", "Converse"]


async def test_request_objects_exclude_arguments() -> None:
    """Which of the two would win? Neither."""
    client = client_for("http://127.0.0.1:9")
    request: Any = ConverseRequest(model_id=MODEL, messages=[user("x")])
    with pytest.raises(RequestInvalid, match="together with arguments"):
        await client.converse(request, "more")
    with pytest.raises(RequestInvalid, match="together with arguments"):
        await client.converse(request, max_tokens=3)
    with pytest.raises(RequestInvalid, match="together with arguments"):
        async with client.converse_stream(request, max_tokens=3):
            pass
    counting: Any = CountTokensRequest.model_validate({"model_id": MODEL, "input": {"converse": {"messages": []}}})
    with pytest.raises(RequestInvalid, match="together with arguments"):
        await client.count_tokens(counting, "more")


async def test_a_stream_only_guardrail_field() -> None:
    """What `converse` cannot do is refused there, in every way of writing it."""
    client = client_for("http://127.0.0.1:9")
    members = {"guardrail_identifier": "g", "guardrail_version": "1", "stream_processing_mode": "async"}
    config = GuardrailStreamConfiguration.model_validate(members)
    request = ConverseStreamRequest(model_id=MODEL, messages=[user("x")], guardrail_config=config)
    with pytest.raises(RequestInvalid, match="converse_stream only"):
        await client.converse(request)
    for way in (config, members, config.model_dump(by_alias=True)):
        with pytest.raises(RequestInvalid, match="converse_stream only"):
            await client.converse(MODEL, "x", guardrail_config=way)


# --- bad input --------------------------------------------------------------------------------------------------------

SECRET = "the prompt that nobody may see"
BAD: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "empty model id": (("", SECRET), {}),
    "dots as model id": (("..", SECRET), {}),
    "control character in the model id": (("a\nb", SECRET), {}),
    "long model id": (("m" * 2049, SECRET), {}),
    "surrogate in the model id": (("\udc80", SECRET), {}),
    "no model id": ((None, SECRET), {}),
    "line break in a header": ((MODEL, SECRET), {"extra_headers": {"x-a": "b\r\nc"}}),
    "not ASCII in a header": ((MODEL, SECRET), {"extra_headers": {"x-a": "é"}}),
    "bad header name": ((MODEL, SECRET), {"extra_headers": {"x a": "b"}}),
    "header that is no text": ((MODEL, SECRET), {"extra_headers": {"x-a": 1}}),
    "unknown role": ((MODEL, [{"role": "usr", "content": [{"text": SECRET}]}]), {}),
    "unknown block": ((MODEL, [{"role": "user", "content": [{"txt": SECRET}]}]), {}),
    "two blocks in one": ((MODEL, [{"role": "user", "content": [{"text": SECRET, "image": {}}]}]), {}),
    "empty block": ((MODEL, [{"role": "user", "content": [{}]}, {"role": "user", "content": [{"text": SECRET}]}]), {}),
    "unknown field": ((MODEL, [{"role": "user", "content": [{"text": SECRET}], "extra": 1}]), {}),
    "unknown argument": ((MODEL, SECRET), {"max_token": 3}),
    "flat and in the config": ((MODEL, SECRET), {"max_tokens": 3, "inference_config": {"maxTokens": 4}}),
    "tool choice without tools": ((MODEL, SECRET), {"tool_choice": "auto"}),
    "bytes as content": ((MODEL, [{"role": "user", "content": [b"raw"]}, {"role": "user", "content": [SECRET]}]), {}),
    "bytes as messages": ((MODEL, SECRET.encode()), {}),
    "one dict as messages": ((MODEL, {"role": "user", "content": [{"text": SECRET}]}), {}),
    "numbers as messages": ((MODEL, [1, SECRET]), {}),
    "text in the list": ((MODEL, [SECRET]), {}),
    "text for a blob": (
        (MODEL, [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": SECRET}}}]}]),
        {},
    ),
    "NaN in tool input": (
        (
            MODEL,
            [
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "t", "name": SECRET[:3], "input": {"a": float("nan")}}}],
                }
            ],
        ),
        {},
    ),
    "surrogate in the text": ((MODEL, SECRET + "\ud800"), {}),
    "text for a number": ((MODEL, SECRET), {"max_tokens": "many"}),
    "a set in the model's fields": ((MODEL, SECRET), {"additional_model_request_fields": {"a": {1}}}),
    "extra field that is an argument": ((MODEL, SECRET), {"extra_fields": {"messages": []}}),
    "extra fields that are a list": ((MODEL, SECRET), {"extra_fields": [1]}),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("streams", [False, True])
async def test_bad_input(case: str, streams: bool) -> None:
    """A typed error that shows nothing of the prompt, and nothing is sent."""
    arguments, options = BAD[case]
    with serve() as server:
        async with client_for(server.url) as client:
            with pytest.raises(RequestInvalid) as caught:
                if streams:
                    async with client.converse_stream(*arguments, **options):
                        pass
                else:
                    await client.converse(*arguments, **options)
    assert not server.accepted
    failure = caught.value
    assert failure.path is not None or failure.problem
    assert isinstance(failure, ValueError)
    shown = [str(failure), repr(failure), *map(str, getattr(failure, "__notes__", []))]
    chain: BaseException | None = failure.__cause__ or failure.__context__
    while chain is not None:
        shown.append(str(chain))
        chain = chain.__cause__ or chain.__context__
    assert not [text for text in shown if SECRET in text]


async def test_bad_configuration() -> None:
    """What cannot be is refused where it is written."""
    with pytest.raises(ConfigError, match="two kinds of auth"):
        BedrockClient(api_key="k", credentials=KEYS)
    with pytest.raises(ConfigError, match="two kinds of auth"):
        BedrockClient().with_options(api_key="k", profile="p")
    with pytest.raises(ConfigError, match="max_connections"):
        BedrockClient(max_connections=0)
    with pytest.raises(ConfigError):
        BedrockClient(max_in_flight=0)
    with pytest.raises(ConfigError):
        BedrockClient(timeout=-1)
    with pytest.raises(ConfigError, match="http_client"):
        BedrockClient(http_client=httpx.AsyncClient(), proxy="http://127.0.0.1:1")
    for region in ("", "us-east-1.evil.example/", "a b", "x" * 70):
        with pytest.raises(ConfigError):
            await BedrockClient(region=region, credentials=KEYS).converse(MODEL, "x")
    for url in ("ftp://x", "http://u:p@127.0.0.1", "nonsense", "http://127.0.0.1/?a=b", "http://127.0.0.1/../x"):
        with pytest.raises(ConfigError):
            await BedrockClient(region="us-east-1", credentials=KEYS, endpoint_url=url).converse(MODEL, "x")


WRONG: dict[str, Any] = {
    "guardrail content": lambda client: client.apply_guardrail("g", "1", 5),
    "guardrail without content": lambda client: client.apply_guardrail("g"),
    "guardrail version": lambda client: client.apply_guardrail("g", "..", "x"),
    "guardrail id": lambda client: client.apply_guardrail(5, "1", "x"),
    "checks of a number": lambda client: client.invoke_guardrail_checks(5, {}),
    "checks of nothing": lambda client: client.invoke_guardrail_checks([]),
    "counting with no model": lambda client: client.count_tokens(5, "x"),
    "counting with wrong tools": lambda client: client.count_tokens("m", "x", tool_config=5),
    "headers": lambda client: client.converse("m", "x", extra_headers=["a"]),
    "timeout": lambda client: client.converse("m", "x", timeout="5"),
    "retry": lambda client: client.converse("m", "x", retry=5),
    "view's retry": lambda client: client.with_options(retry=5).converse("m", "x"),
    "transforms": lambda client: client.converse("m", "x", transforms=lambda request: request),
    "no transform": lambda client: client.converse("m", "x", transforms=[5]),
    "no body": lambda client: client.invoke_model("m"),
    "text as body": lambda client: client.invoke_model("m", '{"a": 1}'),
    "unknown option": lambda client: client.invoke_model("m", b"x", acept="a"),
    "line break in accept": lambda client: client.invoke_model("m", b"x", accept="a\r\nb"),
    "wrong kind of request": lambda client: client.converse(user("x")),
    "warming up nothing": lambda client: client.warm_up(connections=0),
}


@pytest.mark.parametrize("case", WRONG)
async def test_wrong_arguments_of_every_operation(case: str) -> None:
    """Never a TypeError or AttributeError from inside, and nothing is sent."""
    with serve() as server:
        async with client_for(server.url) as client:
            with pytest.raises((RequestInvalid, ConfigError)):
                await WRONG[case](client)
    assert not server.accepted


@pytest.mark.parametrize(
    "options",
    [
        {"retry": 5},
        {"transforms": 5},
        {"transforms": [5]},
        {"verify": False},
        {"http_client": 5},
        {"http_client": httpx.Client()},
        {"extra_headers": [1]},
        {"observers": [5]},
        {"max_connections": True},
        {"timeout": "5"},
    ],
)
def test_wrong_options(options: dict[str, Any]) -> None:
    """A typed error where the client is made."""
    with pytest.raises((ConfigError, RequestInvalid)):
        BedrockClient(**options)


async def test_an_api_key_never_travels_in_the_clear() -> None:
    """Over http to another machine it is refused, unless that is what one wants."""
    client = BedrockClient(region="us-east-1", api_key="k", endpoint_url="http://gateway.example", retry=FAST)
    with pytest.raises(ConfigError, match="http"):
        await client.converse(MODEL, "x")


@pytest.mark.parametrize("how", ["argument", "environment"])
async def test_an_api_key_goes_through_no_proxy_in_the_clear(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even to this machine: the proxy may be anywhere, and reads it. Without it, or if one wants it, it goes."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi"))
    if how == "environment":
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with fake.serve() as url:
        proxy = "http://127.0.0.1:9" if how == "argument" else None
        async with client_for(fake, url, api_key=fake.api_key, proxy=proxy) as client:
            with pytest.raises(ConfigError, match="to the proxy over plain http"):
                await client.converse(MODEL, "x")
        monkeypatch.delenv("HTTP_PROXY", raising=False)
        async with client_for(fake, url, api_key=fake.api_key, proxy=url, allow_insecure=True) as client:
            assert (await client.converse(MODEL, "x")).text == "Hi"  # the fake reads a proxy's requests, too


async def test_views_made_by_hand_are_checked_too() -> None:
    """An unknown default is refused when the view is made."""
    wrong: Any = {"max_token": 3}
    with pytest.raises(RequestInvalid, match="max_tokens="):
        BedrockClient().with_options(**wrong)


async def test_warm_up() -> None:
    """Connections are open before the first call, which then opens none."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi"))
    server = fake.serve()
    async with server as url, client_for(fake, url) as client:
        assert await client.warm_up(connections=3) == 3
        assert client.stats.idle == 3
        await client.converse(MODEL, "x")
        assert server.accepted == 3
        assert client.region == "us-east-1"
        assert client.endpoint_url == url


async def test_warm_up_of_nothing() -> None:
    """A server that is not there is a typed error."""
    with pytest.raises(BedrockError):
        await client_for("http://127.0.0.1:9").warm_up()


async def test_stats_of_an_unused_client() -> None:
    """Asking costs nothing and opens nothing."""
    assert BedrockClient().stats.open == 0
