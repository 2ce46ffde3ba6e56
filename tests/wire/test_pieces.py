"""JSON piece by piece: the same bytes as in one step, whatever it is and wherever it is cut."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticSerializationError, to_json

from bedrock_converse._wire import pieces
from bedrock_converse._wire.pieces import BLOB_SLICE, PIECE, WORTH_A_TOKEN, SetAside, fragments, gather
from bedrock_converse.types import ConverseRequest, JsonBlock, ToolResultBlock, ToolUseBlock, assistant, user

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@pytest.fixture
def tiny_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is cut wherever it can be."""
    monkeypatch.setattr(pieces, "PIECE", 100)
    monkeypatch.setattr(pieces, "BLOB_SLICE", 3)


@pytest.mark.usefixtures("tiny_pieces")
class TestTheSameBytes:
    @given(value=VALUES)
    def test_json(self, value: Any) -> None:
        """Any JSON, cut or not."""
        assert b"".join(fragments(value)) == to_json(value)

    @given(value=st.text(min_size=90) | st.lists(st.text(min_size=40), min_size=5))
    def test_text(self, value: Any) -> None:
        """Cut between any two characters: escapes are whole, and so are characters of several bytes."""
        assert b"".join(fragments(value)) == to_json(value)

    @pytest.mark.parametrize("value", [{}, [], [[]], {"a": {}}, "", "x" * 100, ["x" * 100] * 3, [["x" * 100], 1]])
    def test_where_commas_go(self, value: Any) -> None:
        """Empty, alone, before and behind what has to be cut."""
        assert json.loads(b"".join(fragments(value))) == value


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_buffers(kind: type[Any]) -> None:
    """Whatever has bytes."""
    assert b"".join(fragments(kind(b"\xfb\xff"))) == b'"+/8="'
    assert b"".join(fragments(memoryview(b"abcdef")[::2])) == b'"' + base64.b64encode(b"ace") + b'"'


def steps(value: Any) -> Iterator[int]:
    return map(len, fragments(value))


def test_no_step_is_long() -> None:
    """Long text, many rows, a large blob, and many things that are long together."""
    row = {"number": 1, "name": "a name", "tags": ["a", "b"]}
    assert max(steps("x" * 10 * PIECE)) <= PIECE
    assert max(steps([row] * 10_000)) <= PIECE
    assert max(steps(b"x" * 10 * BLOB_SLICE)) == PIECE
    assert max(steps(["x" * 1000] * 1000)) <= PIECE
    assert max(steps({"a": [{"b": "x" * 3 * PIECE}]})) <= PIECE


def test_many_small_items_are_written_together() -> None:
    """A row is not worth a step of its own."""
    assert len(list(fragments([[1, 2, 3]] * 10_000))) < 100


@pytest.mark.parametrize("bad", ["\ud800", ["x" * PIECE, "\udfff"], {"\ud800": "x" * PIECE}, object()])
def test_what_json_cannot_hold(bad: Any) -> None:
    """An error, in whichever piece it is."""
    with pytest.raises(PydanticSerializationError):
        list(fragments(bad))


class TestSetAside:
    def test_text_like_a_token_is_only_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tokens are drawn anew for each body: 128 bits, so nobody can have written one."""
        drawn: list[int] = []

        def token_hex(size: int) -> str:
            drawn.append(size)
            return "ab" * size

        monkeypatch.setattr(pieces.secrets, "token_hex", token_hex)
        first, second = SetAside().put("x"), SetAside().put("x")
        assert first == second
        assert drawn == [16, 16]

    def test_what_is_taken_out_comes_back(self) -> None:
        """In its place, among text that is short."""
        aside = SetAside()
        values = ["x" * PIECE * 2, b"abc" * PIECE, {"rows": [[1]] * PIECE}, "", []]
        tokens = [aside.put(value) for value in values]
        order = [3, 0, 2, 2, 4, 1]
        dumped = to_json([["a", tokens[index]] for index in order])
        blob = base64.b64encode(b"abc" * PIECE).decode()
        expected = [["a", blob if index == 1 else values[index]] for index in order]
        assert b"".join(aside.put_back(dumped)) == to_json(expected)

    def test_a_request_is_not_changed(self) -> None:
        """Text is taken out of a copy; what has none long is no copy at all."""
        long = "x" * WORTH_A_TOKEN
        short = user("short")
        request = ConverseRequest(model_id="m", messages=[user(long, "short"), short], prompt_variables={"a": long})
        before = request.model_copy(deep=True)
        taken = SetAside().take_text(request)
        assert request == before
        assert len(taken.model_dump_json()) < 500
        assert taken.messages is not None
        assert taken.messages[1] is short
        assert taken.model_fields_set == request.model_fields_set
        other = ConverseRequest(model_id="m", messages=[short], prompt_variables=None)
        assert SetAside().take_text(other) is other

    def test_only_what_is_long(self) -> None:
        """Short text, small blobs and documents are written where they are."""
        aside = SetAside()
        block = ToolUseBlock(tool_use_id="t", name="n", input={"a": 1})
        message = assistant("x" * (WORTH_A_TOKEN - 1), block)
        assert aside.take_text(message) is message
        assert aside.write_document(block.input) is block.input
        assert aside.write_blob(b"\xfb\xff") == "+/8="
        assert aside.put("x").endswith(".0")

    def test_a_document_goes_out_as_it_is(self) -> None:
        """Long text in it is no reason to touch it, and what is written is the user's own."""
        rows: dict[str, Any] = {"text": "x" * WORTH_A_TOKEN, "rows": ["x" * 100] * 1000}
        message = user(ToolResultBlock(tool_use_id="t", content=[JsonBlock(rows), JsonBlock("x" * WORTH_A_TOKEN)]))
        aside = SetAside()
        taken = aside.take_text(message)
        dumped = taken.model_dump_json(by_alias=True, exclude_none=True, context=aside).encode()
        assert len(dumped) < 500
        assert b"".join(aside.put_back(dumped)) == message.model_dump_json(by_alias=True, exclude_none=True).encode()


def test_gather() -> None:
    """The same bytes in pieces that are worth sending."""
    given_out = [b"x" * (size % 300) for size in range(5000)]
    gathered = list(gather(given_out))
    assert b"".join(gathered) == b"".join(given_out)
    assert all(PIECE <= len(piece) < PIECE + 300 for piece in gathered[:-1])
    assert list(gather([])) == []
