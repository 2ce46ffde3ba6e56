"""Functions and models as tools: the schema, the descriptions, and the arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bedrock_converse.errors import ConfigError
from bedrock_converse.tools import FunctionTool, tool

if TYPE_CHECKING:
    from collections.abc import Sequence as OnlyForTyping


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    """Where it is."""

    lat: float
    lon: float


def schema(of: FunctionTool[..., Any]) -> dict[str, Any]:
    found = of.specification.input_schema
    assert isinstance(found, dict)
    return found


def test_the_schema_is_whole() -> None:
    """Types, bounds, enums, defaults, nested models and descriptions, without pydantic's titles."""

    @tool
    def book(
        place: Place,
        when: date,
        colour: Colour,
        seats: Annotated[int, Field(ge=1, le=9)] = 1,
        kind: Literal["fast", "slow"] | None = None,
        note: Annotated[str, Field(description="Own words.")] = "",
    ) -> None:
        """Books a seat.

        Args:
            place: Where to.
            note: Not this one.
        """

    assert book.specification.name == "book"
    assert book.specification.description == "Books a seat."
    assert schema(book) == {
        "$defs": {
            "Colour": {"enum": ["red", "blue"], "type": "string"},
            "Place": {
                "description": "Where it is.",
                "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
                "required": ["lat", "lon"],
                "type": "object",
            },
        },
        "additionalProperties": False,
        "properties": {
            "place": {"$ref": "#/$defs/Place", "description": "Where to."},
            "when": {"format": "date", "type": "string"},
            "colour": {"$ref": "#/$defs/Colour"},
            "seats": {"default": 1, "maximum": 9, "minimum": 1, "type": "integer"},
            "kind": {"anyOf": [{"enum": ["fast", "slow"], "type": "string"}, {"type": "null"}], "default": None},
            "note": {"default": "", "description": "Own words.", "type": "string"},
        },
        "required": ["place", "when", "colour"],
        "type": "object",
    }


def test_arguments_are_converted() -> None:
    """The function gets dates, enums and models; what is left out gets the function's own default."""
    marker: list[int] = []

    @tool
    def book(place: Place, when: date, colour: Colour, same: list[int] = marker) -> Any:
        return place, when, colour, same

    place, when, colour, same = book.bind({"place": {"lat": 1, "lon": 2}, "when": "2026-11-22", "colour": "red"})()
    assert (place, when, colour) == (Place(lat=1, lon=2), date(2026, 11, 22), Colour.RED)
    assert same is marker


@pytest.mark.parametrize("given", [{}, {"a": "x"}, {"a": 1, "b": 2}])
def test_wrong_arguments(given: dict[str, Any]) -> None:
    """Missing, of another type, unknown: all are errors, for the model to read."""

    @tool
    def double(a: int) -> int:
        return 2 * a

    with pytest.raises(ValidationError):
        double.bind(given)


def test_no_arguments() -> None:
    """An object without properties."""

    @tool
    def now() -> str:
        return "noon"

    assert schema(now) == {"additionalProperties": False, "properties": {}, "type": "object"}
    assert now.bind({})() == "noon"


def test_awkward_parameter_names() -> None:
    """Names that a pydantic model could not have as fields."""

    @tool
    def odd(schema: int, json: int, model_config: int, _hidden: int, copy: int = 0) -> int:
        return schema + json + model_config + _hidden + copy

    assert set(schema(odd)["properties"]) == {"schema", "json", "model_config", "_hidden", "copy"}
    assert odd.bind({"schema": 1, "json": 2, "model_config": 3, "_hidden": 4})() == 10


def test_kinds_of_parameters() -> None:
    """Positional-only, keyword-only and any others."""

    @tool
    def mixed(a: int, b: int = 2, /, *, c: int, **rest: Any) -> Any:
        return a, b, c, rest

    assert mixed.bind({"a": 1, "c": 3, "d": 4})() == (1, 2, 3, {"d": 4})
    assert schema(mixed)["additionalProperties"] is True


def test_field_as_default() -> None:
    """`= Field(...)` works like in a model."""

    @tool
    def limit(count: int = Field(7, description="How many.", le=9)) -> int:
        return count

    assert schema(limit)["properties"]["count"] == {
        "default": 7,
        "description": "How many.",
        "maximum": 9,
        "type": "integer",
    }
    assert limit.bind({})() == limit.bind({"count": 7})() == 7


def test_context_is_no_argument() -> None:
    """It is handed over as it is, whatever it is annotated with, and the model never sees it."""

    @tool
    def who(context: NeverImported, prefix: str) -> str:  # type: ignore[name-defined]  # noqa: F821
        return f"{prefix} {context}"

    assert set(schema(who)["properties"]) == {"prefix"}
    assert who.bind({"prefix": "Dr."}, context="Who")() == "Dr. Who"

    @tool(context="user")
    def other(user: object, context: str) -> str:
        return f"{user}: {context}"

    assert set(schema(other)["properties"]) == {"context"}
    assert other.bind({"context": "c"}, context="u")() == "u: c"


def test_local_annotations() -> None:
    """Annotations are text here (`from __future__`), and mean a class of this function."""

    @dataclass
    class Local:
        n: int

    @tool(name="sum up", description="Given here.")
    def total(items: list[Local], more: Optional[int] = None) -> int:  # noqa: UP045
        """Not this."""
        return sum(item.n for item in items)

    assert total.bind({"items": [{"n": 1}, {"n": 2}]})() == 3
    assert total.name == "sum up"
    assert total.specification.description == "Given here."
    assert total.specification.name.startswith("sum_up_")


def test_what_cannot_be_a_tool() -> None:
    """Each with a typed error that says why."""

    def stars(*args: int) -> None: ...

    def unresolved(x: OnlyForTyping[int]) -> None: ...

    def strange(x: BlindType) -> None: ...

    class Service:
        def search(self, query: str) -> None: ...

    for function, problem in [
        (stars, r"no \*args"),
        (unresolved, "cannot be resolved"),
        (strange, "nothing that pydantic can check"),
        (Service.search, "bound method"),
    ]:
        with pytest.raises(ConfigError, match=problem):
            tool(function)


class BlindType:
    pass


def test_bound_methods_and_objects() -> None:
    """A method of an object, and an object that can be called."""

    class Service:
        def search(self, query: str) -> str:
            """Searches."""
            return query.upper()

        async def __call__(self, query: str) -> str:
            return query

    assert tool(Service().search).bind({"query": "a"})() == "A"
    assert tool(Service().search).specification.description == "Searches."
    called = tool(Service(), name="service")
    assert called.is_async
    assert set(schema(called)["properties"]) == {"query"}


def test_it_is_still_the_function() -> None:
    """Calling the tool calls what was decorated."""

    @tool
    def add(a: int, b: int) -> int:
        return a + b

    assert add(1, b=2) == 3
    assert repr(add) == "<tool add>"


def test_a_model_is_a_tool() -> None:
    """Its docstring describes the tool; validating gives an instance; `__call__` makes it run."""

    class Query(BaseModel):
        """Looks things up."""

        words: list[str]

    found = tool(Query)
    assert (found.specification.name, found.specification.description) == ("Query", "Looks things up.")
    assert "description" not in schema(found)
    assert found.bind({"words": ["a"]}) == Query(words=["a"])
    assert not found.runs

    class Run(Query):
        model_config = ConfigDict(strict=True)
        on: date

        async def __call__(self) -> int:
            return len(self.words)

    assert tool(Run).runs
    assert tool(Run).is_async
    assert tool(Run).specification.description is None
    assert tool(Run).bind({"words": [], "on": "2026-01-01"}) == Run(words=[], on=date(2026, 1, 1))


def test_strict() -> None:
    """The schema is rewritten to what AWS takes, and what it cannot take is an error at once."""

    @tool(strict=True)
    def pick(count: Annotated[int, Field(ge=1)]) -> None:
        """Picks."""

    assert pick.specification.strict is True
    assert schema(pick)["properties"]["count"] == {"type": "integer", "description": "(minimum: 1)"}

    def loose(values: dict[str, int]) -> None: ...

    with pytest.raises(ConfigError, match="cannot be strict: values"):
        tool(loose, strict=True)


def test_from_schema() -> None:
    """A schema from elsewhere is sent as it is, and the arguments come as they are."""
    given = {"type": "object", "properties": {"q": {"type": "string"}}}
    found = FunctionTool.from_schema(lambda q: q, given, name="mcp/search", description="d")
    assert schema(found) is given
    assert found.bind({"q": "x"})() == "x"
