"""Requests that are written in a thread: the same call as any other, but for that."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from engine import MODEL, both, client_for, run

from bedrock_converse import (
    BedrockClient,
    ImageBlock,
    JsonBlock,
    Message,
    RequestInvalid,
    ToolResultBlock,
    user,
)
from bedrock_converse.observe import CallStarted, Observer
from bedrock_converse.testing import FakeBedrock, invoke_result, reply, throttled

ROWS = [{"id": number, "name": "row"} for number in range(20_000)]
LARGE: dict[str, list[Message]] = {
    "text": [user("long " * 200_000)],
    "a blob": [user("look", ImageBlock(format="png", source=bytes(1_000_000)))],
    "a document": [user(ToolResultBlock(tool_use_id="t", content=[JsonBlock(ROWS)]))],
    "many messages": [user("x" * 300)] * 3000,
}


class Started(Observer):
    """How many bytes were announced."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def call_started(self, call: CallStarted) -> None:
        self.sizes.append(call.request_bytes or 0)


@both
@pytest.mark.parametrize("case", LARGE)
def test_it_arrives(backend: str, case: str) -> None:
    """Whole and signed, again in a retry; its size is announced."""
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), reply("Hello"), reply("Hello again"))
    started = Started()

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url, observers=[started]) as client:
            assert (await client.converse(MODEL, LARGE[case], max_tokens=9)).attempts == 2
            async with client.converse_stream(MODEL, LARGE[case], max_tokens=9) as stream:
                assert (await stream.final()).text == "Hello again"

    run(backend, main)
    bodies = [request.body for request in fake.requests]
    assert bodies[0] == bodies[1] == bodies[2]
    assert started.sizes == [len(bodies[0])] * 2
    expected = [message.to_wire() for message in LARGE[case]]
    assert json.loads(bodies[0]) == {"messages": expected, "inferenceConfig": {"maxTokens": 9}}


@both
def test_dicts_arrive_too(backend: str) -> None:
    """So many that they are even validated in a thread."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hello"))
    messages = [{"role": "user", "content": [{"text": "x"}, {"text": str(number)}]} for number in range(2000)]

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            await client.converse(MODEL, messages)

    run(backend, main)
    assert json.loads(fake.requests[0].body) == {"messages": messages}


@both
def test_a_large_body_for_invoke_model(backend: str) -> None:
    """Written in a thread as well."""
    fake = FakeBedrock()
    fake.on(MODEL).always(invoke_result({"embedding": [1]}))
    body = {"rows": ROWS, "text": "ä\n" * 300_000}

    async def main() -> None:
        async with fake.serve() as url, client_for(fake, url) as client:
            await client.invoke_model(MODEL, body)

    run(backend, main)
    assert json.loads(fake.requests[0].body) == body


@both
@pytest.mark.parametrize("streaming", [False, True])
def test_what_is_wrong_is_said_before_anything_is_sent(backend: str, streaming: bool) -> None:
    """As for a small request: typed, with the path, no observer told, and without the prompt in its frames."""
    started = Started()
    rows: list[Any] = [*ROWS, {"id": 1, "value": {1, 2}}]
    messages = [user(ToolResultBlock(tool_use_id="t", content=[JsonBlock(rows)]))]

    async def main() -> None:
        async with BedrockClient(observers=[started]) as client:  # no region, and no credentials: nothing is looked for
            calling = client.converse_stream(MODEL, messages).__aenter__() if streaming else None
            with pytest.raises(RequestInvalid) as caught:
                await (calling or client.converse(MODEL, messages))
        assert caught.value.path == "messages[0].content[0].toolResult.content[0].json[20000].value"
        assert "set" in caught.value.problem
        assert caught.value.__context__ is None

    run(backend, main)
    assert started.sizes == []


@both
def test_half_an_emoji_in_long_text(backend: str) -> None:
    """Noticed only where the text is written."""

    async def main() -> None:
        async with BedrockClient() as client:
            with pytest.raises(RequestInvalid, match="lone surrogate") as caught:
                await client.converse(MODEL, "x" * 1_000_000 + "\ud83d")
            assert caught.value.path == "messages[0].content[0].text"

    run(backend, main)


@both
def test_the_loop_goes_on_meanwhile(backend: str) -> None:
    """Others run while a large request is written."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hello"))
    turns = 0

    async def main() -> None:
        nonlocal turns
        async with fake.serve() as url, client_for(fake, url) as client:
            await client.converse(MODEL, "warm")
            async with anyio.create_task_group() as tasks:

                async def count() -> None:
                    nonlocal turns
                    while not fake.requests[1:]:
                        turns += 1
                        await anyio.sleep(0.001)

                tasks.start_soon(count)
                await client.converse(MODEL, "long text\n" * 2_000_000)

    run(backend, main)
    assert turns > 10
