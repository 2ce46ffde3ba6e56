"""JSON that pydantic's parser calls invalid, and that AWS may send all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bedrock_converse.types import (
    ApplyGuardrailResponse,
    ConverseResponse,
    InvokeModelTokensRequest,
    Message,
    ToolUseBlock,
    UnknownBlock,
)
from bedrock_converse.types.parse import parse_json


def message(*content: str) -> str:
    """A message as wire JSON, from its blocks' JSON."""
    return f'{{"role":"assistant","content":[{",".join(content)}]}}'


def tool_use(arguments: str) -> str:
    """A tool call as wire JSON, from its input's JSON."""
    return f'{{"toolUseId":"t","name":"n","input":{arguments}}}'


def depth_of(value: Any) -> int:
    """How many lists there are inside each other."""
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def test_valid_json_is_read_as_it_is() -> None:
    """The ordinary case is pydantic's alone."""
    assert parse_json(Message.model_validate_json, message('{"text":"hi"}')).content == ["hi"]


@pytest.mark.parametrize("data", [str.encode, lambda text: bytearray(text.encode())], ids=["bytes", "bytearray"])
def test_bytes_are_read(data: Any) -> None:
    """Bodies come as bytes."""
    wire = message('{"text":"a\\ud800"}')
    assert parse_json(Message.model_validate_json, data(wire)).content == ["a\ud800"]


@pytest.mark.parametrize("text", ["\\ud83d", "\\ude00", "a\\ud800b", "\\ude00\\ud83d", "ü\\ud800"])
def test_lone_surrogates_are_kept(text: str) -> None:
    """Half of an emoji, as a model cut at a token limit may write it, comes through."""
    parsed = parse_json(Message.model_validate_json, message(f'{{"text":"{text}"}}'))
    assert parsed.content == [json.loads(f'"{text}"')]


def test_pairs_of_surrogates_are_a_character() -> None:
    """A whole emoji beside half of one is an emoji."""
    parsed = parse_json(Message.model_validate_json, message('{"text":"\\ud83d\\ude00"}', '{"text":"\\ud83d"}'))
    assert parsed.content == ["😀", "\ud83d"]


def test_lone_surrogates_in_tool_input_are_kept() -> None:
    """In values and in keys, next to ordinary ones."""
    block = parse_json(ToolUseBlock.model_validate_json, tool_use('{"a":["\\ud800","b"],"k\\udfff":1,"ü":2}'))
    assert block.input == {"a": ["\ud800", "b"], "k\udfff": 1, "ü": 2}


def test_lone_surrogates_in_unknown_members_are_kept() -> None:
    """In members, tags and paths that nobody knows."""
    wire = message('{"new\\ud800":{"x\\ud800":"y\\ud800"}}')
    assert parse_json(Message.model_validate_json, wire).content == [
        UnknownBlock("new\ud800", {"x\ud800": "y\ud800"}),
    ]
    extra = parse_json(Message.model_validate_json, '{"role":"user","content":[],"m\\ud800":"v\\ud800"}')
    assert extra.model_extra == {"m\ud800": "v\ud800"}


def test_lone_surrogates_come_back_as_equal_json() -> None:
    """A stored message reads back."""
    parsed = parse_json(Message.model_validate_json, message('{"text":"a\\ud800"}'))
    assert Message.from_wire(json.dumps(parsed.to_wire())) == parsed


def test_lone_surrogate_where_a_blob_belongs_is_refused() -> None:
    """It is not taken for bytes of some kind."""
    with pytest.raises(ValidationError, match="base64"):
        parse_json(InvokeModelTokensRequest.model_validate_json, '{"body":"\\ud800"}')


def test_many_lone_surrogates_do_not_make_a_blob() -> None:
    """Nor is the hundredth: what stands in for it meanwhile must never pass for base64, whatever its length."""
    odd = ['{"text":"\\ud800"}'] * 100
    with pytest.raises(ValidationError, match="base64"):
        parse_json(Message.model_validate_json, message(*odd, '{"image":{"source":{"bytes":"\\ud800"}}}'))


@pytest.mark.parametrize("depth", [100, 190, 200, 250, 500, 900])
def test_deep_tool_input_is_read(depth: int) -> None:
    """pydantic stops at 200 levels; models do not always."""
    block = parse_json(ToolUseBlock.model_validate_json, tool_use("[" * depth + "]" * depth))
    assert depth_of(block.input) == depth


def test_deep_unknown_members_are_read() -> None:
    """The same where nobody knows what it is."""
    wire = f'{{"action":"NONE","outputs":[],"new":{"[" * 900}{"]" * 900}}}'
    parsed = parse_json(ApplyGuardrailResponse.model_validate_json, wire)
    assert depth_of((parsed.model_extra or {})["new"]) == 900


def test_depth_and_text_around_it_are_both_kept() -> None:
    """What is set aside for its depth is put back in its place, ordinary values stay where they are."""
    deep = "[" * 300 + '"x\\ud800"' + "]" * 300
    block = parse_json(ToolUseBlock.model_validate_json, tool_use(f'{{"a":1,"deep":{deep},"b":["c"]}}'))
    assert (block.input["a"], block.input["b"], depth_of(block.input["deep"])) == (1, ["c"], 300)


def test_numbers_are_kept() -> None:
    """The second way in reads numbers like the first: large integers and floats exactly."""
    wire = tool_use('{"big":123456789012345678901234567890,"float":0.1,"s":"\\ud800"}')
    block = parse_json(ToolUseBlock.model_validate_json, wire)
    assert block.input == {"big": 123456789012345678901234567890, "float": 0.1, "s": "\ud800"}


@pytest.mark.parametrize(
    "data", ["", "{", "nonsense", '{"role":"user"', b"\xff\xfe", b"{}\xff", "[" * 100_000, "<html></html>"]
)
def test_what_is_no_json_is_refused(data: Any) -> None:
    """What `json.loads` cannot read either gives pydantic's error, whatever it is."""
    with pytest.raises(ValidationError) as caught:
        parse_json(Message.model_validate_json, data)
    assert caught.value.errors()[0]["type"] == "json_invalid"


def test_valid_json_of_another_shape_is_refused_at_once() -> None:
    """An error that is not about JSON is the answer, and is not tried again."""
    calls: list[Any] = []

    def validate(data: Any) -> Message:
        calls.append(data)
        return Message.model_validate_json(data)

    with pytest.raises(ValidationError, match="content"):
        parse_json(validate, '{"role":"user"}')
    assert len(calls) == 1


def test_error_of_the_second_way_hides_the_prompt() -> None:
    """The shape is wrong and the JSON odd: the message still shows neither."""
    with pytest.raises(ValidationError) as caught:
        parse_json(ConverseResponse.model_validate_json, '{"output":{"message":"secret \\ud800"}}')
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None or "secret" not in str(caught.value.__context__)
