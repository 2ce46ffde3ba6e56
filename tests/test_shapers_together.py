"""The request shapers in a client, on the fake: what goes over the wire, and what comes back out of it."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from bedrock_converse import BedrockClient, ConfigError, RequestInvalid
from bedrock_converse.caching import plan_cache
from bedrock_converse.prepare import Prepared, prepare
from bedrock_converse.reasoning import reasoning_blocks, set_effort
from bedrock_converse.testing import FakeBedrock, reasoning, redacted, reply
from bedrock_converse.types import DocumentBlock, Message, ToolUseBlock, assistant, user

CLAUDE = "us.anthropic.claude-sonnet-4-6"
HISTORY = [user("hi", " "), user("there"), assistant("yes?"), user(DocumentBlock(name="a.pdf", source="text"))]


def fake() -> FakeBedrock:
    bedrock = FakeBedrock()
    bedrock.on(CLAUDE).always(reply("fine"))
    return bedrock


async def test_on_the_wire() -> None:
    """Repaired, with an effort, and with cache points: for a call and for a stream; the history stays as it was."""
    bedrock = fake()
    reports: list[Prepared[Any]] = []
    transforms = (prepare(report=reports.append), set_effort("low"), plan_cache(system="1h", messages=True))
    async with bedrock.serve() as url:
        client = BedrockClient(
            region="us-east-1", endpoint_url=url, credentials=bedrock.credentials, transforms=transforms
        )
        async with client:
            answer = await client.converse(CLAUDE, HISTORY, system="Be brief.")
            async with client.converse_stream(CLAUDE, HISTORY, system="Be brief.") as stream:
                streamed = await stream.final()
    assert (answer.finish_reason, streamed.finish_reason) == ("stop", "stop")
    for received in bedrock.requests:
        body = received.input.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert body["system"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
        assert body["outputConfig"] == {"effort": "low"}
        assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
        assert [list(block) for block in body["messages"][0]["content"]] == [["text"], ["text"]]
        last = body["messages"][2]["content"]
        assert [next(iter(block)) for block in last] == ["text", "cachePoint", "document"]
        assert last[2]["document"]["name"] == "a-pdf"
    assert len(reports) == 2
    assert HISTORY[0] == user("hi", " ")


async def test_refused_before_anything_is_sent() -> None:
    """`raise` and what cannot be repaired end the call at once, with nothing on the wire."""
    bedrock = fake()
    async with bedrock.serve() as url:
        client = BedrockClient(region="us-east-1", endpoint_url=url, credentials=bedrock.credentials)
        async with client:
            with pytest.raises(RequestInvalid, match="blank"):
                await client.converse(CLAUDE, HISTORY, transforms=(prepare(mode="raise"),))
            calls = assistant(ToolUseBlock(tool_use_id="1", name="a", input={}))
            with pytest.raises(RequestInvalid, match="ends with tool calls"):
                await client.converse(CLAUDE, [user("hi"), calls], transforms=(prepare(),))
            with pytest.raises(ConfigError, match="Prepared"):
                await client.converse(CLAUDE, HISTORY, transforms=(prepare,))
    assert bedrock.requests == []


async def reasoning_round_trip() -> None:
    bedrock = FakeBedrock()
    bedrock.on(CLAUDE).then(reply(reasoning("Let me see.", signature="c2ln"), redacted(b"\xff\x00"), "No.")).reply(
        "Why?"
    )
    async with bedrock.serve() as url:
        client = BedrockClient(
            region="us-east-1", endpoint_url=url, credentials=bedrock.credentials, transforms=(prepare(),)
        )
        async with client:
            async with client.converse_stream(CLAUDE, "Is 91 a prime?") as stream:
                answer = await stream.final()
            history: list[Message] = [user("Is 91 a prime?"), answer.message, user("Why?")]
            await client.converse(CLAUDE, history)
    assert len(reasoning_blocks(answer.content)) == 2
    assert bedrock.requests[1].input.messages[1] == answer.message


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_reasoning_goes_back_as_it_came(backend: str) -> None:
    """From a stream, with signature and redacted bytes, into the next request, on both event loops."""
    anyio.run(reasoning_round_trip, backend=backend)
