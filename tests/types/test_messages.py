"""Messages: writing them, reading them, storing them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bedrock_converse.types import (
    CachePointBlock,
    CitationsContentBlock,
    ConverseRequest,
    ImageBlock,
    JsonBlock,
    Message,
    ReasoningTextBlock,
    RedactedReasoning,
    ToolResultBlock,
    ToolUseBlock,
    UnknownBlock,
    assistant,
    user,
)
from bedrock_converse.types.base import FromWire

WIRE: dict[str, Any] = {
    "role": "critic",
    "content": [
        {"text": "hi\ud800"},
        {"image": {"format": "png", "source": {"bytes": "+/8="}}},
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"max_tokens": None}, "type": "tool_use"}},
        {"reasoningContent": {"redactedContent": "+/8="}},
        {"reasoningContent": {"summary": {"a": [None]}}},
        {"cachePoint": {}},
        {"videoSummary": {"url": None}},
    ],
    "newMember": {"a_b": None},
}
"""A message with everything that a store could lose."""


def test_user_writes_a_message() -> None:
    """Text and blocks, in order."""
    block = ImageBlock(format="png", source=b"x")
    assert user("What is this?", block) == Message(role="user", content=["What is this?", block])


def test_assistant_writes_a_message() -> None:
    """The same for the other side."""
    assert assistant("Hi") == Message(role="assistant", content=["Hi"])


def test_content_is_a_list_of_its_own() -> None:
    """A message can be added to."""
    message = user("a")
    message.content.append("b")
    assert message.content == ["a", "b"]


@pytest.mark.parametrize("write", [user, assistant])
@pytest.mark.parametrize("wrong", [b"bytes", 5, None, ["nested"]])
def test_helpers_refuse_what_is_no_block(write: Any, wrong: Any) -> None:
    """A typed error, and not a request that fails at AWS."""
    with pytest.raises(ValidationError):
        write("hi", wrong)


def test_text_joins_text_blocks() -> None:
    """All text, nothing between."""
    assert assistant("a", ToolUseBlock(tool_use_id="t", name="n", input={}), "b").text == "ab"


def test_text_includes_cited_text() -> None:
    """What the model wrote with citations is its text, too."""
    assert assistant("a", CitationsContentBlock(content=["b", "c"]), "d").text == "abcd"


def test_text_without_cited_text() -> None:
    """A citation block that holds none (Nova's web search) adds none."""
    assert assistant("a", CitationsContentBlock.model_validate_json('{"citations":[]}')).text == "a"


def test_text_leaves_out_what_is_not_said() -> None:
    """Reasoning, tool results and unknown blocks are no text."""
    blocks = (ReasoningTextBlock(text="hm"), RedactedReasoning(b"x"), UnknownBlock(("citationsContent", "x"), "y"))
    result = ToolResultBlock(tool_use_id="t", content=["result"])
    assert assistant(*blocks, result, CitationsContentBlock(content=[UnknownBlock("x", "y")])).text == ""


def test_tool_uses_are_in_order() -> None:
    """The calls, and nothing else."""
    calls = [ToolUseBlock(tool_use_id=str(index), name="n", input={}) for index in range(2)]
    assert assistant("a", calls[0], "b", calls[1]).tool_uses == calls


def test_message_round_trip() -> None:
    """Stored and loaded, a message is the JSON that it was: unknown members, nulls, bytes, odd text and role."""
    assert Message.from_wire(WIRE).to_wire() == WIRE


def test_message_round_trip_as_text() -> None:
    """The same through a file."""
    assert json.loads(json.dumps(Message.from_wire(json.dumps(WIRE)).to_wire())) == WIRE


def test_from_wire_takes_bytes() -> None:
    """A file read as bytes."""
    assert Message.from_wire(b'{"role":"user","content":[{"text":"hi"}]}') == user("hi")


def test_from_wire_is_the_json_door() -> None:
    """What it does not know may be sent again."""
    message = Message.from_wire(WIRE)
    assert isinstance(message.role, FromWire)
    assert [block.unverified for block in message.content if isinstance(block, UnknownBlock)] == [False, False]


def test_to_wire_is_plain_json() -> None:
    """`json.dumps` takes it: blobs are base64, named values bare, a cache point complete."""
    message = user("hi", ImageBlock(format="png", source=b"\xfb\xff"), RedactedReasoning(b"x"), CachePointBlock())
    assert json.loads(json.dumps(message.to_wire())) == {
        "role": "user",
        "content": [
            {"text": "hi"},
            {"image": {"format": "png", "source": {"bytes": "+/8="}}},
            {"reasoningContent": {"redactedContent": "eA=="}},
            {"cachePoint": {"type": "default"}},
        ],
    }


@pytest.mark.parametrize("wrong", ["", "{}", "[]", b"\xff", {}, {"role": "user"}, {"role": "user", "content": [{}]}])
def test_from_wire_refuses_what_is_no_message(wrong: Any) -> None:
    """Always with pydantic's error."""
    with pytest.raises(ValidationError):
        Message.from_wire(wrong)


def test_from_wire_refuses_bytes_in_dicts() -> None:
    """boto3's dicts are no wire JSON: the error says what reads them, and shows nothing of them."""
    wrong = {"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": b"secret"}}}]}
    with pytest.raises(ValidationError, match="model_validate reads Python values") as caught:
        Message.from_wire(wrong)
    assert "secret" not in str(caught.value)
    assert Message.model_validate(wrong).content == [ImageBlock(format="png", source=b"secret")]


def test_system_prompt_takes_text() -> None:
    """Strings, guarded content and cache points, as values or as boto3's dicts."""
    request = ConverseRequest.model_validate(
        {"modelId": "m", "system": ["a", {"text": "b"}, CachePointBlock(), {"guardContent": {"text": {"text": "c"}}}]}
    )
    dumped = json.loads(request.model_dump_json(by_alias=True, exclude_none=True))
    assert dumped["system"] == [
        {"text": "a"},
        {"text": "b"},
        {"cachePoint": {"type": "default"}},
        {"guardContent": {"text": {"text": "c"}}},
    ]


def test_call_writes_its_result() -> None:
    """`call.result(...)` repeats the call's id; a status that was not given is not sent."""
    call = ToolUseBlock(tool_use_id="t1", name="weather", input={})
    assert call.result("4 degrees") == ToolResultBlock(tool_use_id="t1", content=["4 degrees"])
    assert json.loads(
        call.result(JsonBlock({"c": 4}), status="error").model_dump_json(by_alias=True, exclude_none=True)
    ) == {
        "toolUseId": "t1",
        "content": [{"json": {"c": 4}}],
        "status": "error",
    }
