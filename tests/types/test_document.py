"""The check on JSON that belongs to the user."""

from __future__ import annotations

import datetime
import enum
import re
from collections import OrderedDict, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse.types import S3Location
from bedrock_converse.types.document import MAX_DEPTH, NotJson, check_json, is_large, spend

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def nested(depth: int) -> Any:
    """A list in a list in a list: `depth` of them."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@given(JSON)
def test_json_passes_as_the_same_object(value: Any) -> None:
    """What JSON can hold is returned as it is: not copied, not changed."""
    assert check_json(value) is value


class Colour(enum.StrEnum):
    """A str that is an enum."""

    RED = "red"


class Level(enum.IntEnum):
    """An int that is an enum."""

    HIGH = 3


@pytest.mark.parametrize("value", [OrderedDict(a=1), defaultdict(list, a=[1]), Colour.RED, Level.HIGH, True])
def test_subclasses_of_json_types_pass(value: Any) -> None:
    """What is a dict, a str or an int passes, whatever its class."""
    assert check_json({"x": [value]}) == {"x": [value]}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    """NaN and infinities are never null."""
    with pytest.raises(NotJson, match=f"is {number}, which JSON cannot hold"):
        check_json({"x": number})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ((1,), "tuple"),
        ({1}, "set"),
        (frozenset({1}), "frozenset"),
        (b"x", "bytes"),
        (datetime.date(2026, 1, 1), "date"),
        (Decimal(1), "Decimal"),
        (1j, "complex"),
        (object(), "object"),
        (S3Location(uri="u"), "S3Location"),
        (range(2), "range"),
    ],
)
def test_types_that_json_lacks_are_refused(value: Any, kind: str) -> None:
    """Other types are refused by name, and never coerced."""
    with pytest.raises(NotJson, match=f"x: is a {kind}, which JSON does not have"):
        check_json({"x": value})


@pytest.mark.parametrize("value", [(1,), {1}, frozenset({1})])
def test_other_collections_come_with_a_hint(value: Any) -> None:
    """For a tuple or a set the message says what to use."""
    with pytest.raises(NotJson, match="use a list"):
        check_json(value)


@pytest.mark.parametrize("key", [1, None, 1.5, True, (1, 2), b"k"])
def test_keys_that_are_no_str_are_refused(key: Any) -> None:
    """`json.dumps` would turn 1 into "1": here it is refused, with the type."""
    with pytest.raises(NotJson, match=f"rows: has a key of type {type(key).__name__}"):
        check_json({"rows": {key: "v"}})


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": {"b": [0, {"c": {1}}]}}, "a.b[1].c"),
        ([[0, [{1}]]], "[0][1][0]"),
        ({"a b": [{1}]}, "a b[0]"),
        ({1}, ""),
    ],
)
def test_error_names_the_path(value: Any, path: str) -> None:
    """Where the trouble is, as one would write it."""
    with pytest.raises(NotJson) as caught:
        check_json(value)
    assert caught.value.path == path
    assert str(caught.value) == f"{path or 'the value'}: {caught.value.problem}"


def test_error_does_not_show_the_value() -> None:
    """A message names types and places, no contents."""
    with pytest.raises(NotJson) as caught:
        check_json({"x": b"my secret"})
    assert "secret" not in str(caught.value)


def test_list_in_itself_is_refused() -> None:
    """A cycle ends in an error and not in a hang."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotJson, match="contains itself"):
        check_json(value)


def test_dict_in_itself_is_refused() -> None:
    """The same through a dict, and several times over."""
    value: dict[str, Any] = {}
    value["a"], value["b"] = [value, value], value
    with pytest.raises(NotJson, match="contains itself"):
        check_json(value)


def test_same_object_twice_is_no_cycle() -> None:
    """Sharing is fine."""
    shared = {"a": 1}
    assert check_json([shared, shared]) == [shared, shared]


def test_depth_up_to_the_limit_passes() -> None:
    """As deep as pydantic can write it, inside a request."""
    value = nested(MAX_DEPTH + 1)
    assert check_json(value) is value


def test_depth_beyond_the_limit_is_refused() -> None:
    """One level more is an error that says so."""
    with pytest.raises(NotJson, match=re.escape(f"more than {MAX_DEPTH} levels deep")):
        check_json(nested(MAX_DEPTH + 2))


def test_very_deep_input_is_no_recursion_error() -> None:
    """However deep: the typed error comes first."""
    with pytest.raises(NotJson):
        check_json(nested(100_000))


@pytest.mark.parametrize("value", [None, True, 0, "text", 1.5, {}, []])
def test_scalars_and_empty_containers_pass(value: Any) -> None:
    """A document need not be a dict."""
    assert check_json(value) == value


class TestSpend:
    def test_an_estimate(self) -> None:
        """Characters, and something for every item."""
        assert 900 < 2000 - spend(["x" * 900], 2000) < 1100
        assert 1000 * 30 < 10**6 - spend([1] * 1000, 10**6) < 1000 * 100
        assert spend("x" * 1000, 500) < 0

    def test_it_stops_as_soon_as_it_knows(self) -> None:
        """A list of a million items is not walked through."""

        class Counted(list[Any]):
            looked_at = 0

            def __iter__(self) -> Iterator[Any]:
                for item in super().__iter__():
                    self.looked_at += 1
                    yield item

        counted = Counted(["x"] * 10_000)
        assert spend(counted, 1000) < 0
        assert counted.looked_at < 30

    def test_what_is_too_much_is_not_checked_to_its_end(self) -> None:
        """Somebody else will, off the event loop."""
        assert spend(["x" * 1000, object()], 500) < 0
        with pytest.raises(NotJson, match=r"\[1\]: is a object"):
            spend(["x" * 1000, object()], 5000)

    def test_is_large(self) -> None:
        """What is no JSON is not: it is refused, whatever its size."""
        assert is_large("x" * 1000, 500)
        assert not is_large("x" * 100, 500)
        assert not is_large({1: "x"}, 500)
