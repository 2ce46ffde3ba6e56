"""What tools return, as the model reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from bedrock_converse._tools.results import Unusable, error_block, result_block
from bedrock_converse.profiles import Profile
from bedrock_converse.types import ImageBlock, JsonBlock, ToolResultBlock

ANY = Profile()
IMAGE = ImageBlock(format="png", source=b"x")


@dataclass
class Point:
    x: int


class Thing(BaseModel):
    on: date


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("text", ["text"]),
        ("", ["(no result)"]),
        (None, ["(no result)"]),
        (3.5, ["3.5"]),
        (True, ["true"]),
        ([1, "ü"], ['[1, "ü"]']),
        ([], ["[]"]),
        ({"a": (1, 2)}, [JsonBlock({"a": [1, 2]})]),
        (Point(1), [JsonBlock({"x": 1})]),
        (Thing(on=date(2026, 1, 2)), [JsonBlock({"on": "2026-01-02"})]),
        ({"n": float("nan")}, [JsonBlock({"n": "NaN"})]),
        (JsonBlock([1]), [JsonBlock([1])]),
        (IMAGE, [IMAGE]),
        (["a map", IMAGE], ["a map", IMAGE]),
    ],
)
def test_returned_values(value: Any, content: list[Any]) -> None:
    """Text, blocks, JSON; objects as JSON blocks, the rest as text, since AWS takes only objects there."""
    assert result_block("1", value, ANY) == ToolResultBlock(tool_use_id="1", content=content)


def test_a_whole_result_block() -> None:
    """It is taken as it is, under the right id."""
    given = ToolResultBlock(tool_use_id="?", content=["x"], status="error")
    assert result_block("1", given, ANY) == ToolResultBlock(tool_use_id="1", content=["x"], status="error")


@pytest.mark.parametrize("value", [b"bytes", object(), {"x": object()}])
def test_what_json_cannot_hold(value: Any) -> None:
    """It is never guessed."""
    with pytest.raises(Unusable):
        result_block("1", value, ANY)


def test_models_that_want_json_or_text() -> None:
    """The profile says which."""
    json, text = Profile(tool_result_format="json"), Profile(tool_result_format="text")
    assert result_block("1", "a", json).content == [JsonBlock({"result": "a"})]
    assert result_block("1", {"a": 1}, text).content == ['{"a": 1}']


def test_errors() -> None:
    """With the status, or with a word where the model refuses the status."""
    assert error_block("1", "no", ANY) == ToolResultBlock(tool_use_id="1", content=["no"], status="error")
    plain = error_block("1", "no", Profile(tool_result_status=False))
    assert plain == ToolResultBlock(tool_use_id="1", content=["Error: no"])
