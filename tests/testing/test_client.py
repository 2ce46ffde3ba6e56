"""The client through every front end: the same results, errors and order. With virtual time, on asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
import respx

from bedrock_converse import BedrockClient, BedrockError, ToolUseBlock
from bedrock_converse.errors import (
    AccessDeniedError,
    EventStreamError,
    ModelNotReadyError,
    ProtocolError,
    RequestTimeout,
    ResponseInvalid,
    ServiceUnavailableError,
    StreamIncomplete,
    ThrottlingError,
    TransportError,
)
from bedrock_converse.testing import (
    Answer,
    FakeBedrock,
    access_denied,
    apply_guardrail_result,
    chunks,
    cited,
    guardrail_intervened,
    html_503,
    invoke_result,
    model_not_ready,
    reasoning,
    redacted,
    reply,
    run_in_virtual_time,
    throttled,
    token_count,
    tool_call,
)

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
FrontEnd = Callable[[FakeBedrock], AbstractAsyncContextManager[BedrockClient]]


@asynccontextmanager
async def by_transport(fake: FakeBedrock) -> AsyncIterator[BedrockClient]:
    async with (
        httpx.AsyncClient(transport=fake.transport()) as http_client,
        BedrockClient(region="us-east-1", credentials=fake.credentials, http_client=http_client) as client,
    ):
        yield client


@asynccontextmanager
async def by_respx(fake: FakeBedrock) -> AsyncIterator[BedrockClient]:
    with respx.mock(assert_all_called=False) as mock:
        fake.mount(mock)
        async with BedrockClient(region="us-east-1", credentials=fake.credentials) as client:
            yield client


@asynccontextmanager
async def by_respx_side_effect(fake: FakeBedrock) -> AsyncIterator[BedrockClient]:
    with respx.mock(assert_all_called=False) as mock:
        mock.post(host="bedrock-runtime.us-east-1.amazonaws.com").mock(side_effect=fake)
        async with BedrockClient(region="us-east-1", credentials=fake.credentials) as client:
            yield client


@asynccontextmanager
async def by_socket(fake: FakeBedrock) -> AsyncIterator[BedrockClient]:
    async with (
        fake.serve() as url,
        BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as client,
    ):
        yield client


@asynccontextmanager
async def by_patch(fake: FakeBedrock) -> AsyncIterator[BedrockClient]:
    with fake.patch():
        async with BedrockClient() as client:
            yield client


FRONT_ENDS: list[FrontEnd] = [by_transport, by_respx, by_respx_side_effect, by_socket, by_patch]
BACKENDS = ["asyncio", "trio"]
everywhere = pytest.mark.parametrize("backend", BACKENDS)
each_front_end = pytest.mark.parametrize("front_end", FRONT_ENDS)


def through(front_end: FrontEnd, fake: FakeBedrock, backend: str, use: Callable[[BedrockClient], Any]) -> Any:
    async def main() -> Any:
        async with front_end(fake) as client:
            return await use(client)

    return run_in_virtual_time(main, backend=backend)


async def stream(client: BedrockClient) -> tuple[list[Any], Any]:
    """The events, and the reply or the error at their end."""
    events: list[Any] = []
    try:
        async with client.converse_stream(MODEL, "Hi") as running:
            events.extend([event async for event in running])
            return events, await running.final()
    except BedrockError as error:
        return events, error


EVERYTHING = reply(
    reasoning("Let me think about it.", "signed"),
    redacted(b"\x00secret"),
    "Hello there, it is a fine day — 你好 👋.",
    cited("Rivers are wet.", title="Rivers", quote="wet"),
    tool_call("weather", city="Oslo", days=[1, 2], id="t1"),
    tool_call("time", {}, id="t2"),
)


@everywhere
@each_front_end
def test_one_reply_both_ways(front_end: FrontEnd, backend: str) -> None:
    """The same reply object gives the same blocks through `converse` and through `converse_stream`."""
    fake = FakeBedrock()
    fake.on(MODEL).then(EVERYTHING, EVERYTHING)

    async def use(client: BedrockClient) -> None:
        whole = await client.converse(MODEL, "Hi")
        events, streamed = await stream(client)
        assert whole == streamed
        assert len(events) > 20
        assert [block.input for block in whole.content if isinstance(block, ToolUseBlock)] == [
            {"city": "Oslo", "days": [1, 2]},
            {},
        ]

    through(front_end, fake, backend, use)
    fake.check()


STREAM_ENDS: list[tuple[Answer, type[BedrockError], dict[str, Any]]] = [
    (reply("Hello you").cut(after_events=2), ProtocolError, {"possibly_billed": True}),
    (reply("Hello you").cut(after_events=2, cleanly=True), StreamIncomplete, {"possibly_billed": True}),
    (reply("Hello you").cut(inside_event=1, cleanly=True), ProtocolError, {"possibly_billed": True}),
    (reply("Hello you").reset(after_events=2), TransportError, {"possibly_billed": True}),
    (reply("Hello you").hang(after_events=2), RequestTimeout, {"phase": "idle", "seconds": 120.0}),
    (reply("Hello you").hang(), RequestTimeout, {"phase": "first_event", "seconds": 300.0}),
    (reply("Hello you").bad_crc(), EventStreamError, {"kind": "message_checksum"}),
    (reply("Hello you").malformed_json(), EventStreamError, {"kind": "payload"}),
    (reply("Hello you").huge_frame(), EventStreamError, {"kind": "payload_length"}),
    (reply("Hello you").empty_body(), StreamIncomplete, {}),
    (reply("Hello you").content_type("text/html"), ResponseInvalid, {}),
    (reply("Hello you").fails(throttled(), after_events=2), ThrottlingError, {"status_code": 429}),
    (access_denied(), AccessDeniedError, {"status_code": 403}),
]


@pytest.mark.filterwarnings("ignore:Async generator 'http")  # httpx's own generators, left early
@pytest.mark.filterwarnings("ignore:Exception ignored in.*<async_generator object")
@pytest.mark.parametrize(("answer", "error_class", "facts"), STREAM_ENDS, ids=[str(row[0]) for row in STREAM_ENDS])
@everywhere
def test_streams_break_alike(
    answer: Answer, error_class: type[BedrockError], facts: dict[str, Any], backend: str
) -> None:
    """A broken stream gives the same events and the same error through every front end."""
    seen: list[Any] = []
    for front_end in FRONT_ENDS:
        fake = FakeBedrock()
        fake.on(MODEL).then(answer)
        events, error = through(front_end, fake, backend, stream)
        assert isinstance(error, error_class), (front_end, error)
        assert {name: getattr(error, name) for name in facts} == facts, front_end
        seen.append((events, type(error), error.attempts))
        fake.check()
    assert seen == [seen[0]] * len(FRONT_ENDS)


WHOLE_ENDS: list[tuple[Answer, type[BedrockError]]] = [
    (reply("Hello").malformed_json(), ResponseInvalid),
    (reply("Hello").empty_body(), ResponseInvalid),
    (reply("Hello").wrong_length(10), ProtocolError),
    (reply("Hello").wrong_length(-10), ResponseInvalid),
    (reply("Hello").cut(after_bytes=20), ProtocolError),
    (reply("Hello").hang(), RequestTimeout),
]


@pytest.mark.parametrize(("answer", "error_class"), WHOLE_ENDS, ids=[str(row[0]) for row in WHOLE_ENDS])
def test_whole_answers_break_alike(answer: Answer, error_class: type[BedrockError]) -> None:
    """A broken whole answer gives the same error, after one attempt, through every front end."""
    for front_end in FRONT_ENDS:
        fake = FakeBedrock()
        fake.on(MODEL).then(answer)
        with pytest.raises(error_class) as raised:
            through(front_end, fake, "asyncio", lambda client: client.converse(MODEL, "Hi"))
        assert raised.value.attempts == 1, front_end
        fake.check()


@everywhere
@each_front_end
def test_retries(front_end: FrontEnd, backend: str) -> None:
    """What AWS says to try again is tried again, and each attempt is a request of the fake's."""
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), model_not_ready(), "Here I am.")

    async def use(client: BedrockClient) -> Any:
        return await client.converse(MODEL, "Hi")

    result = through(front_end, fake, backend, use)
    assert (result.text, result.attempts, len(fake.requests)) == ("Here I am.", 3, 3)
    fake.check()


@each_front_end
def test_gives_up(front_end: FrontEnd) -> None:
    """After three attempts the last error is raised."""
    for answer, error_class in ((html_503(), ServiceUnavailableError), (model_not_ready(), ModelNotReadyError)):
        fake = FakeBedrock()
        fake.on(MODEL).then(answer).times(3)
        with pytest.raises(error_class):
            through(front_end, fake, "asyncio", lambda client: client.converse(MODEL, "Hi"))
        fake.check()


@each_front_end
def test_the_other_operations(front_end: FrontEnd) -> None:
    """CountTokens, ApplyGuardrail and InvokeModel, whole and streamed, can be scripted too."""
    fake = FakeBedrock()
    fake.on(MODEL).then(token_count(42), invoke_result({"embedding": [0.5]}), chunks({"a": 1}, b"raw"))
    fake.on("guard").then(apply_guardrail_result("GUARDRAIL_INTERVENED", "No."))

    async def use(client: BedrockClient) -> None:
        assert (await client.count_tokens(MODEL, "Hi")).input_tokens == 42
        assert (await client.invoke_model(MODEL, {"inputText": "Hi"})).body == b'{"embedding": [0.5]}'
        async with client.invoke_model_stream(MODEL, {"x": 1}) as running:
            assert [part async for part in running] == [b'{"a": 1}', b"raw"]
        checked = await client.apply_guardrail("guard", "1", "Hi")
        assert checked.outputs[0].text == "No."

    through(front_end, fake, "asyncio", use)
    fake.check()
    assert [request.operation for request in fake.requests] == [
        "CountTokens",
        "InvokeModel",
        "InvokeModelWithResponseStream",
        "ApplyGuardrail",
    ]


@each_front_end
def test_guardrail_intervened(front_end: FrontEnd) -> None:
    """A guardrail's reply has its stop reason and its trace."""
    fake = FakeBedrock()
    fake.on(MODEL).then(guardrail_intervened("No."))
    result = through(front_end, fake, "asyncio", lambda client: client.converse(MODEL, "Hi"))
    assert (result.stop_reason, result.text) == ("guardrail_intervened", "No.")
    assert result.trace is not None


@everywhere
@each_front_end
def test_pacing_in_virtual_time(front_end: FrontEnd, backend: str) -> None:
    """Text comes at the pace that was scripted, without taking that long."""
    import anyio

    fake = FakeBedrock()
    text = "one two three four five six seven eight nine ten"
    fake.on(MODEL).reply(text, tokens_per_second=2, time_to_first_token=30)

    async def use(client: BedrockClient) -> list[float]:
        started = anyio.current_time()
        times: list[float] = []
        async with client.converse_stream(MODEL, "Hi") as running:
            async for _ in running.text():
                times.append(anyio.current_time() - started)
        return times

    times = through(front_end, fake, backend, use)
    assert 30 <= times[0] <= 33
    assert times[-1] == pytest.approx(30 + 10 / 2, abs=0.5)


@each_front_end
def test_wrong_keys(front_end: FrontEnd) -> None:
    """A signature by other keys gets AWS's 403, whatever is scripted."""
    fake = FakeBedrock()
    other = FakeBedrock(api_key="other")

    async def use(client: BedrockClient) -> None:
        view = client.with_options(api_key=other.api_key)
        with pytest.raises(AccessDeniedError) as raised:
            await view.converse(MODEL, "Hi")
        assert raised.value.code == "AccessDeniedException"
        assert (await client.with_options(api_key=fake.api_key).converse(MODEL, "Hi")).text == "Hello"

    fake.on(MODEL).reply("Hello")
    through(front_end, fake, "asyncio", use)
    fake.check()
