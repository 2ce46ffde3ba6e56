"""Names and ids within AWS's alphabets."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse._tools.names import to_wire_calls, unique_id, wire_name
from bedrock_converse.types import ToolUseBlock, assistant, user


@given(st.text())
def test_every_name_becomes_valid(name: str) -> None:
    """Whatever it was; and what is valid does not change again."""
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wire_name(name))
    assert wire_name(wire_name(name)) == wire_name(name)


def test_names_stay_readable_and_apart() -> None:
    """Names that look alike without their odd characters never meet; valid ones are untouched."""
    assert wire_name("get_weather-2") == "get_weather-2"
    assert wire_name("github.search").startswith("github_search_")
    assert len({wire_name(name) for name in ("a.b", "a/b", "a b", "a_b", "x" * 65, "x" * 66)}) == 6


@given(st.lists(st.text(max_size=70)))
def test_ids_become_valid_and_unique(ids: list[str]) -> None:
    """However often one is repeated."""
    taken: set[str] = set()
    made = [unique_id(each, taken) for each in ids]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", each) for each in made)


def test_a_good_id_stays() -> None:
    """Only what cannot be sent is changed."""
    assert unique_id("tooluse_1", set()) == "tooluse_1"


def test_history() -> None:
    """Calls are put right in copies; other messages are the same objects."""
    history = [user("hi"), assistant("x", ToolUseBlock(tool_use_id="1", name="a.b", input='{"cut'))]
    first, second = to_wire_calls(history)
    assert first is history[0]
    assert second.tool_uses[0].name == wire_name("a.b")
    assert second.tool_uses[0].input == {"invalid_json": '{"cut'}
    assert history[1].tool_uses[0].name == "a.b"
