"""JSON Schemas as AWS takes them for structured output and strict tools: a subset, refused with a 400 beyond it."""

from __future__ import annotations

from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema

__all__ = ["SchemaUnsupported", "UntitledSchema", "strict_schema"]


class SchemaUnsupported(ValueError):  # noqa: N818 - callers catch it and take another way; it leaves no public call
    """The schema means something that AWS's subset cannot say. `str()` tells where and what."""


class UntitledSchema(GenerateJsonSchema):
    """pydantic's JSON Schema without the titles that it makes of names: they cost tokens and say nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No field has one, unless it was written."""
        return False


_KEPT = {
    *("type", "enum", "const", "description", "title", "default", "format", "minLength", "maxLength"),
    *("properties", "required", "items", "anyOf", "allOf", "$ref", "$defs", "additionalProperties"),
}
"""What may be sent. Verified against AWS by pydantic-ai (2026): bounds of numbers, `pattern`, `maxItems` and `minItems`
above 1 are refused, `minLength` and `maxLength` are not."""
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
_IGNORED = {"discriminator", "examples", "$schema", "$id", "deprecated", "readOnly", "writeOnly"}


def strict_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema in AWS's subset, a new one: every object closed, and what cannot be said moved to the descriptions.

    A constraint that is only described can be broken, so check the answer against the original.

    Raises:
        SchemaUnsupported: it is recursive, has an open mapping (`dict[str, int]`), or `not` and its like.
    """
    _refuse_recursion(schema)
    return _rewrite(schema, "")


def _rewrite(schema: Any, path: str) -> Any:
    if schema is True or schema == {}:
        raise SchemaUnsupported(f"{path or 'the schema'}: anything at all is allowed there")
    if not isinstance(schema, dict):
        return schema
    node = dict(cast("dict[str, Any]", schema))
    if "oneOf" in node:  # a discriminated union: its branches exclude each other anyway
        node["anyOf"] = node.pop("oneOf")
    moved: dict[str, Any] = {}
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("not", "if", "then", "else", "patternProperties", "propertyNames", "prefixItems", "contains"):
            raise SchemaUnsupported(f"{path or 'the schema'}: {key} is not supported")
        if key in ("properties", "$defs"):
            result[key] = {name: _rewrite(item, f"{path}.{name}".lstrip(".")) for name, item in value.items()}
        elif key in ("anyOf", "allOf"):
            result[key] = [_rewrite(item, path) for item in value]
        elif key == "items":
            result[key] = _rewrite(value, f"{path}[]")
        elif key == "additionalProperties":
            if value is not False:
                raise SchemaUnsupported(f"{path or 'the schema'}: an object with keys of any name")
        elif (key == "minItems" and value in (0, 1)) or (key in _KEPT and (key != "format" or value in _FORMATS)):
            result[key] = value
        elif key not in _IGNORED:
            moved[key] = value
    if result.get("type") == "object" or "properties" in result:
        result.setdefault("properties", {})
        result["additionalProperties"] = False
    elif not result.keys() - {"title", "description", "default"}:
        raise SchemaUnsupported(f"{path or 'the schema'}: anything at all is allowed there")
    if moved:
        described = ", ".join(f"{key}: {value}" for key, value in moved.items())
        result["description"] = f"{result.get('description', '')} ({described})".strip()
    return result


def _refuse_recursion(schema: dict[str, Any]) -> None:
    definitions: dict[str, Any] = schema.get("$defs", {})

    def visit(node: Any, inside: tuple[str, ...]) -> None:
        if isinstance(node, dict):
            for key, value in cast("dict[str, Any]", node).items():
                if key == "$ref" and isinstance(value, str):
                    name = value.rpartition("/")[2]
                    if name in inside:
                        raise SchemaUnsupported(f"{name} contains itself")
                    visit(definitions.get(name), (*inside, name))
                elif key != "$defs":
                    visit(value, inside)
        elif isinstance(node, list):
            for item in cast("list[Any]", node):
                visit(item, inside)

    visit(schema, ())
