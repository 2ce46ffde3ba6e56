"""The values with a name of their own: one value each, the bare value on the wire."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from bedrock_converse.types import (
    JsonBlock,
    ReasoningSignatureDelta,
    ReasoningTextDelta,
    RedactedReasoning,
    ToolResultDelta,
    UnknownBlock,
)

VALUES: list[tuple[Any, str, Any, str]] = [
    (JsonBlock({"a_b": None}), "json", {"a_b": None}, '{"a_b":null}'),
    (RedactedReasoning(b"\xfb\xff"), "data", b"\xfb\xff", '"+/8="'),
    (ReasoningTextDelta("hm"), "text", "hm", '"hm"'),
    (ReasoningSignatureDelta("s"), "signature", "s", '"s"'),
    (ToolResultDelta(["a", JsonBlock(1)]), "content", ["a", JsonBlock(1)], '[{"text":"a"},{"json":1}]'),
]
each_value = pytest.mark.parametrize(("value", "name", "content", "wire"), VALUES, ids=[value[1] for value in VALUES])


@each_value
def test_value_has_its_name(value: Any, name: str, content: Any, wire: str) -> None:
    """The one value goes by a name that says what it is."""
    assert getattr(value, name) == content


@each_value
def test_value_is_built_by_position_or_name(value: Any, name: str, content: Any, wire: str) -> None:
    """`JsonBlock({...})` and `JsonBlock(json={...})`."""
    assert type(value)(content) == type(value)(**{name: content}) == value


def test_null_is_no_json() -> None:
    """AWS reads a null as a member that is not there, and so do we: it could be written and never read back."""
    with pytest.raises(ValueError, match="any JSON value but null"):
        JsonBlock(None)


@each_value
def test_value_is_bare_on_the_wire(value: Any, name: str, content: Any, wire: str) -> None:
    """On the wire, there is no name."""
    assert value.model_dump_json(by_alias=True, exclude_unset=True) == wire


@each_value
def test_value_is_read_from_the_wire(value: Any, name: str, content: Any, wire: str) -> None:
    """The bare value reads back."""
    assert type(value).model_validate_json(wire) == value


@each_value
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_value_survives_copies(again: Any, value: Any, name: str, content: Any, wire: str) -> None:
    """A copy is equal, and of the same class."""
    assert again(value) == value
    assert type(again(value)) is type(value)


@each_value
def test_value_shows_its_name(value: Any, name: str, content: Any, wire: str) -> None:
    """A repr is what one would write."""
    assert repr(value) == f"{type(value).__name__}({name}={content!r})"


def test_values_of_different_classes_differ() -> None:
    """The same text as reasoning and as its signature is not the same."""
    assert ReasoningTextDelta("s") != ReasoningSignatureDelta("s")
    assert ReasoningTextDelta("s") != "s"


def test_values_match_by_position() -> None:
    """`case ReasoningTextDelta(text)` works."""
    match ReasoningTextDelta("hm"):
        case ReasoningTextDelta(text):
            assert text == "hm"
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("content", [[1, {"a": None}], "text", 0, False, 1.5, {}])
def test_json_block_takes_any_json(content: Any) -> None:
    """Any JSON value but null, as it is."""
    assert json.loads(JsonBlock(content).model_dump_json()) == content


def test_json_block_is_checked_on_the_way_out() -> None:
    """What JSON cannot hold is refused, with the path."""
    with pytest.raises(ValueError, match=r"rows\[1\]: is a set"):
        JsonBlock({"rows": [1, {2}]}).model_dump_json()


def test_redacted_reasoning_repr_is_short() -> None:
    """Encrypted reasoning is shown by its size."""
    assert repr(RedactedReasoning(bytes(5_000))) == "RedactedReasoning(data=<5,000 bytes>)"


def test_redacted_reasoning_takes_bytes_only() -> None:
    """Like every blob, and with the same hint."""
    with pytest.raises(ValidationError, match="base64 is done for you"):
        RedactedReasoning("+/8=")  # type: ignore[arg-type]


def test_redacted_reasoning_keeps_any_bytes() -> None:
    """They are no text: every byte comes back."""
    data = bytes(range(256))
    assert RedactedReasoning.model_validate_json(RedactedReasoning(data).model_dump_json()).data == data


def test_tool_result_delta_checks_its_pieces() -> None:
    """Pieces are text or JSON, as boto3's dicts too; an unknown one from the wire is kept."""
    assert ToolResultDelta([{"text": "a"}]).content == ["a"]  # type: ignore[list-item]
    assert ToolResultDelta.model_validate_json('[{"new":1}]').content == [UnknownBlock("new", 1)]
    with pytest.raises(ValidationError, match="ToolResultBlockDelta takes"):
        ToolResultDelta([5])  # type: ignore[list-item]
