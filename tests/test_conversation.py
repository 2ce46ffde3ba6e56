"""A conversation that keeps itself: turns, streams, tools, pauses, JSON."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from fake_client import MODEL, bedrock, sent, under_trio

from bedrock_converse.conversation import Conversation
from bedrock_converse.errors import APIError, RequestInvalid
from bedrock_converse.guardrail import guard_last_turn
from bedrock_converse.testing import FakeBedrock, reasoning, reply, tool_call, validation_error
from bedrock_converse.tools import Allow, Pause, ToolLoopError, tool
from bedrock_converse.types import CachePointBlock, ImageBlock, ToolResultBlock, assistant, user


@tool
async def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def fake_with(*answers: Any) -> FakeBedrock:
    fake = FakeBedrock()
    fake.on(MODEL).then(*answers)
    return fake


async def test_turns() -> None:
    """History, system, options and the bill are kept; a turn's own options go first."""
    fake = fake_with(reply("Glomma."), reply("Lågen."))
    async with bedrock(fake) as client:
        chat = Conversation(client, MODEL, system="Be brief.", max_tokens=9)
        assert (await chat.send("The longest river?")).text == "Glomma."
        picture = ImageBlock(format="png", source=b"x")
        assert (await chat.send("And this?", picture, max_tokens=5)).text == "Lågen."
    assert chat.messages == [
        user("The longest river?"),
        assistant("Glomma."),
        user("And this?", picture),
        assistant("Lågen."),
    ]
    assert (chat.usage.requests, chat.usage.input_tokens) == (2, 20)
    assert sent(fake, 0)["inferenceConfig"] == {"maxTokens": 9}
    assert sent(fake, 1)["inferenceConfig"] == {"maxTokens": 5}
    assert sent(fake, 1)["system"] == [{"text": "Be brief."}]


def test_trio() -> None:
    """The same on trio, whole and streamed."""

    async def main() -> None:
        async with bedrock(fake_with(reply("a"), reply("b"))) as client:
            chat = Conversation(client, MODEL)
            await chat.send("x")
            async with chat.stream("y") as stream:
                assert (await stream.final()).text == "b"
            assert len(chat.messages) == 4

    under_trio(main)


async def test_stream() -> None:
    """The turn is part of the conversation once it was read."""
    async with bedrock(fake_with(reply("one two three"), reply("four"))) as client:
        chat = Conversation(client, MODEL)
        async with chat.stream("count") as stream:
            assert "".join([text async for text in stream.text()]) == "one two three"
        async with chat.stream("on") as stream:
            await stream.final()
            assert chat.messages[-1] == assistant("four")
    assert chat.usage.requests == 2


async def test_leaving_a_stream_early() -> None:
    """Leaves no half turn, and the next turn may begin."""
    async with bedrock(fake_with(reply("one two three four five six"), reply("ok"))) as client:
        chat = Conversation(client, MODEL)
        async with chat.stream("count") as stream:
            async for _ in stream.text():
                break
        assert chat.messages == []
        assert (await chat.send("again")).text == "ok"


async def test_a_failed_turn_leaves_nothing() -> None:
    """The history can be sent again."""
    async with bedrock(fake_with(validation_error("no"), reply("ok"))) as client:
        chat = Conversation(client, MODEL, messages=[user("a"), assistant("b")])
        with pytest.raises(APIError):
            await chat.send("c")
        assert chat.messages == [user("a"), assistant("b")]
        await chat.send("d")


async def test_a_loop_without_end_is_billed() -> None:
    """The rounds were paid for, though the turn came to nothing; streamed as well."""
    calls = [reply(tool_call("add", a=1, b=1)) for _ in range(4)]
    async with bedrock(fake_with(*calls)) as client:
        chat = Conversation(client, MODEL, tools=[add], max_rounds=2)
        with pytest.raises(ToolLoopError):
            await chat.send("go")
        async with chat.stream("go") as stream:
            with pytest.raises(ToolLoopError):
                await stream.final()
    assert (chat.usage.requests, chat.messages) == (4, [])


async def test_tools() -> None:
    """Called on the way; their rounds are in the history and on the bill."""
    async with bedrock(fake_with(reply(tool_call("add", a=1, b=2)), reply("3"))) as client:
        chat = Conversation(client, MODEL, tools=[add])
        assert (await chat.send("1 + 2?")).text == "3"
    assert [message.role for message in chat.messages] == ["user", "assistant", "user", "assistant"]
    assert chat.usage.requests == 2


async def test_pause_store_resume() -> None:
    """A waiting turn is in the JSON, and goes on in another process; nothing is billed twice."""
    call = tool_call("add", a=1, b=2, id="x")
    async with bedrock(fake_with(reply("Hm.", call))) as client:
        chat = Conversation(client, MODEL, tools=[add], before_call=lambda call: Pause())
        assert (await chat.send("1 + 2?")).stop_reason == "tool_use"
        assert chat.paused is not None
        with pytest.raises(RequestInvalid, match="resume it first"):
            await chat.send("hello?")
        stored = chat.to_json()
    async with bedrock(fake_with(reply("3"))) as client:
        later = Conversation.from_json(stored, client, tools=[add])
        assert later.paused == chat.paused
        assert (await later.resume({"x": Allow()})).text == "3"
        assert later.paused is None
        with pytest.raises(RequestInvalid, match="no turn waits"):
            await later.resume({})
    assert later.messages[2] == user(ToolResultBlock(tool_use_id="x", content=["3"]))
    assert later.usage.requests == 2


async def test_json() -> None:
    """Everything said comes back as it was: reasoning, bytes, cache points; settings can be changed."""
    async with bedrock(fake_with(reply(reasoning("thinking"), "hi"))) as client:
        chat = Conversation(client, MODEL, system=["Be brief.", CachePointBlock(ttl="1h")])
        await chat.send("look", ImageBlock(format="png", source=b"\xff\x00"))
        stored = chat.to_json()
        later = Conversation.from_json(stored, client)
        assert (later.model_id, later.system, later.messages, later.usage) == (
            MODEL,
            chat.system,
            chat.messages,
            chat.usage,
        )
        assert later.to_json() == stored
        other = Conversation.from_json(stored, client, model_id="amazon.nova-lite-v1:0", system="Be kind.")
        assert (other.model_id, other.system) == ("amazon.nova-lite-v1:0", ["Be kind."])
    assert json.loads(stored)["messages"][0]["content"][1] == {"image": {"format": "png", "source": {"bytes": "/wA="}}}


@pytest.mark.parametrize("data", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "model_id": "m", "messages": 7}'])
async def test_what_is_no_conversation(data: str) -> None:
    """A typed error, whatever it is."""
    async with bedrock(FakeBedrock()) as client:
        with pytest.raises(RequestInvalid):
            Conversation.from_json(data, client)


async def test_transforms() -> None:
    """Run before every call, and not on the history that is kept."""
    fake = fake_with(reply("a"))
    async with bedrock(fake) as client:
        chat = Conversation(client, MODEL, transforms=[guard_last_turn])
        await chat.send("x")
    assert sent(fake)["messages"][0]["content"] == [{"guardContent": {"text": {"text": "x"}}}]
    assert chat.messages[0] == user("x")


async def test_one_turn_at_a_time() -> None:
    """Two at once would mix up the history; a fork goes its own way."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("slow", time_to_first_token=0.1))
    async with bedrock(fake) as client:
        chat = Conversation(client, MODEL, messages=[user("a"), assistant("b")])
        branch = chat.fork()
        async with anyio.create_task_group() as group:
            group.start_soon(chat.send, "c")
            await anyio.sleep(0.01)
            with pytest.raises(RequestInvalid, match="one at a time"):
                await chat.send("d")
            with pytest.raises(RequestInvalid, match="one at a time"):
                async with chat.stream("d"):
                    pass
            await branch.send("e")
        assert [chat.messages[2], branch.messages[2]] == [user("c"), user("e")]
        await chat.send("f")


async def test_nothing_said() -> None:
    """Without content it answers what is there; there has to be something."""
    async with bedrock(fake_with(reply("b"))) as client:
        with pytest.raises(RequestInvalid, match="nothing to answer"):
            await Conversation(client, MODEL).send()
        with pytest.raises(RequestInvalid):
            await Conversation(client, MODEL).send(b"bytes")  # type: ignore[arg-type]
        assert (await Conversation(client, MODEL, messages="a").send()).text == "b"
