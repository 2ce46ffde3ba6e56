"""JSON Schemas in AWS's subset."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from bedrock_converse.schemas import SchemaUnsupported, strict_schema


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9, description="How many.")] = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: Annotated[str, Field(min_length=1, pattern="^[A-Z]")]
    tags: Annotated[list[str], Field(min_length=2)]


class Home(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    cats: Annotated[list[Cat], Field(min_length=1)]


class Tree(BaseModel):
    children: list[Tree]


def test_rewriting() -> None:
    """Every object is closed, unions are anyOf, and what cannot be said is described."""
    original = TypeAdapter(Home).json_schema()
    before = repr(original)
    strict = strict_schema(original)
    assert strict["$defs"]["Cat"]["additionalProperties"] is False
    assert strict["$defs"]["Cat"]["properties"]["lives"]["description"] == "How many. (maximum: 9, minimum: 1)"
    assert strict["$defs"]["Dog"]["properties"]["name"] == {
        "title": "Name",
        "type": "string",
        "minLength": 1,
        "description": "(pattern: ^[A-Z])",
    }
    assert strict["$defs"]["Dog"]["properties"]["tags"]["description"] == "(minItems: 2)"
    assert strict["properties"]["cats"]["minItems"] == 1
    assert strict["properties"]["pet"]["anyOf"] == [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
    assert "discriminator" not in strict["properties"]["pet"]
    assert repr(original) == before


@pytest.mark.parametrize("kind", [Tree, dict[str, int], list[Any], tuple[int, str], object])
def test_unsupported(kind: Any) -> None:
    """Recursion, open mappings, anything at all, tuples."""
    with pytest.raises(SchemaUnsupported):
        strict_schema(TypeAdapter(kind).json_schema())
