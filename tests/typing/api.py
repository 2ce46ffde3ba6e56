# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What editors and type checkers see of the public surface. Never run: `make types` checks it with pyright, strict.

An ignore comment here is a mistake that must be reported: pyright complains about one that hides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never, assert_type

from bedrock_converse import (
    BedrockClient,
    BedrockError,
    BlockDone,
    ConverseRequest,
    ConverseResponse,
    ConverseStream,
    ConverseStreamRequest,
    Credentials,
    Done,
    ImageBlock,
    InferenceConfiguration,
    InvokeModelStream,
    Message,
    ReasoningDelta,
    RetryPolicy,
    S3Location,
    TextDelta,
    ThrottlingError,
    Timeout,
    TokenUsage,
    ToolInputDelta,
    ToolResultBlock,
    ToolUseBlock,
    assistant,
    assume_role,
    user,
)
from bedrock_converse.tools import tool
from bedrock_converse.types import (
    ApplyGuardrailRequest,
    ApplyGuardrailResponse,
    ContentBlock,
    ConverseStreamOutput,
    CountTokensRequest,
    CountTokensResponse,
    InvokeGuardrailChecksResponse,
    InvokeModelResponse,
    SystemTool,
)

if TYPE_CHECKING:
    import boto3  # pyright: ignore[reportMissingTypeStubs]
    import httpx

MODEL = "amazon.nova-lite-v1:0"


@tool
async def weather(city: str) -> str:
    """The weather in a city, now."""
    return city


async def fetch_credentials() -> Credentials:
    return Credentials("AKIA", "secret")


def clients(session: boto3.Session, http_client: httpx.AsyncClient) -> None:
    """Every form of who is calling, and how."""
    BedrockClient()
    BedrockClient(region="us-east-1", credentials=Credentials("AKIA", "secret", session_token="token"))
    BedrockClient(credentials=fetch_credentials)
    BedrockClient(credentials=lambda: Credentials("AKIA", "secret"))
    BedrockClient(credentials=assume_role("arn:aws:iam::123456789012:role/r", external_id="x"))
    BedrockClient(credentials=session, http_client=http_client, max_connections=10)
    BedrockClient(api_key="key", timeout=Timeout(connect=1.0), retry=RetryPolicy(max_attempts=1))
    BedrockClient(api_key=lambda: "key", timeout=30, transforms=(), observers=())
    BedrockClient(timeout=None)
    BedrockClient("us-east-1")  # pyright: ignore[reportCallIssue]
    BedrockClient(regoin="us-east-1")  # pyright: ignore[reportCallIssue]
    BedrockClient(region=1)  # pyright: ignore[reportArgumentType]


def views(client: BedrockClient) -> None:
    """A view is a client; defaults are the call's own arguments."""
    assert_type(client.with_options(region="eu-west-1", max_tokens=100, system="Be brief."), BedrockClient)
    client.with_options(credentials=assume_role("arn:aws:iam::123456789012:role/r"), retry=RetryPolicy())
    client.with_options(max_token=100)  # pyright: ignore[reportCallIssue]
    assert_type(client.region, str | None)
    assert_type(client.endpoint_url, str | None)
    assert_type(client.stats.open, int)


async def calls(client: BedrockClient) -> None:
    """`converse` takes text, messages, dicts, a request; it gives one type."""
    assert_type(await client.converse(MODEL, "Hello", max_tokens=300), ConverseResponse)
    assert_type(await client.converse(MODEL, [user("Hello"), assistant("Hi"), user("Who?")]), ConverseResponse)
    assert_type(await client.converse(MODEL, [{"role": "user", "content": [{"text": "Hello"}]}]), ConverseResponse)
    assert_type(await client.converse(ConverseRequest(model_id=MODEL, messages=[user("Hello")])), ConverseResponse)
    assert_type(await client.converse(ConverseStreamRequest(model_id=MODEL)), ConverseResponse)
    await client.converse(
        MODEL,
        "Hello",
        system=["Be brief."],
        temperature=0.2,
        stop_sequences=("END",),
        tool_choice="any",
        tool_config={"tools": []},
        service_tier="flex",
        timeout=Timeout(total=10),
        retry=RetryPolicy(max_attempts=1),
        extra_headers={"x-trace": "1"},
        extra_fields={"new": True},
    )
    await client.converse(MODEL, "Hello", tools=[weather, SystemTool(name="nova_grounding"), {"toolSpec": {}}])
    await client.converse(MODEL, "Hello", tools=[fetch_credentials])  # pyright: ignore[reportArgumentType]
    await client.converse(MODEL, "Hello", inference_config=InferenceConfiguration(max_tokens=1))
    await client.converse(MODEL, "Hello", max_tokens="many")  # pyright: ignore[reportArgumentType]
    await client.converse(MODEL, "Hello", maxTokens=1)  # pyright: ignore[reportCallIssue]
    await client.converse(MODEL, b"Hello")  # pyright: ignore[reportArgumentType]
    await client.converse(ConverseRequest(model_id=MODEL), max_tokens=1)  # pyright: ignore[reportArgumentType]


def replies(reply: ConverseResponse, history: list[Message]) -> None:
    """What comes back is typed to the last member; a reply's message goes straight into the history."""
    assert_type(reply.text, str)
    assert_type(reply.content, list[ContentBlock])
    assert_type(reply.message, Message)
    assert_type(reply.tool_uses, list[ToolUseBlock])
    assert_type(reply.usage, TokenUsage)
    assert_type(reply.usage.output_tokens, int)
    assert_type(reply.request_id, str | None)
    assert_type(reply.attempts, int)
    assert_type(reply.to_boto3(), dict[str, Any])
    history += [reply.message, user("And the longest?", ImageBlock(format="png", source=b"..."))]
    history.append(user(ToolResultBlock(tool_use_id="t1", content=["42"])))
    user(b"bytes")  # pyright: ignore[reportArgumentType]
    for block in reply.content:
        match block:
            case str():
                assert_type(block, str)
            case ToolUseBlock(name=name):
                assert_type(name, str)
            case ImageBlock(source=S3Location(uri=uri)):
                assert_type(uri, str)
            case _:
                pass


async def streams(client: BedrockClient) -> None:
    """No inner await; events, text and parts each have their type, and parts can be matched to the last one."""
    stream = client.converse_stream(MODEL, "Hello", system="Be brief.")
    assert_type(stream, ConverseStream)
    assert_type(client.converse_stream(ConverseStreamRequest(model_id=MODEL)), ConverseStream)
    async with stream as entered:
        assert_type(entered, ConverseStream)
        async for event in entered:
            assert_type(event, ConverseStreamOutput)
        async for text in entered.text():
            assert_type(text, str)
        async for part in entered.parts():
            match part:
                case TextDelta(text=text) | ReasoningDelta(text=text):
                    assert_type(text, str)
                case ToolInputDelta(name=name, input=piece):
                    assert_type((name, piece), tuple[str, str])
                case BlockDone(block=block):
                    assert_type(block, ContentBlock)
                case Done(reply=reply):
                    assert_type(reply, ConverseResponse)
                case _:
                    assert_never(part)
        assert_type(await entered.final(), ConverseResponse)
        assert_type(entered.partial, ConverseResponse)
        assert_type(entered.request_id, str | None)


async def other_operations(client: BedrockClient) -> None:
    """Counting, guarding, and models in their own formats."""
    assert_type(await client.count_tokens(MODEL, "Hello", system="Be brief."), CountTokensResponse)
    assert_type((await client.count_tokens(MODEL, "Hello")).input_tokens, int)
    assert_type(await client.apply_guardrail("id", "DRAFT", ["text"], source="OUTPUT"), ApplyGuardrailResponse)
    assert_type(await client.invoke_model(MODEL, {"inputText": "Hello"}), InvokeModelResponse)
    assert_type(await client.invoke_guardrail_checks([], {}), InvokeGuardrailChecksResponse)
    async with client.invoke_model_stream(MODEL, b"{}") as chunks:
        assert_type(chunks, InvokeModelStream)
        async for chunk in chunks:
            assert_type(chunk, bytes)


async def requests(client: BedrockClient, counting: CountTokensRequest, guarding: ApplyGuardrailRequest) -> None:
    """Each operation takes its request class, alone."""
    assert_type(await client.count_tokens(counting), CountTokensResponse)
    assert_type(await client.apply_guardrail(guarding), ApplyGuardrailResponse)
    await client.apply_guardrail(counting)  # pyright: ignore[reportArgumentType]


async def errors(client: BedrockClient) -> None:
    """Facts are typed on the base class; AWS's on its own."""
    try:
        await client.converse(MODEL, "Hello")
    except ThrottlingError as error:
        assert_type(error.code, str | None)
        assert_type(error.retry_after, float | None)
    except BedrockError as error:
        assert_type(error.request_id, str | None)
        assert_type(error.status_code, int | None)
        assert_type(error.attempts, int)
        assert_type(error.partial, ConverseResponse | None)
        assert_type(error.possibly_billed, bool)
