"""DOC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from bedrock_converse.types.base import DocumentSchema, Model
from bedrock_converse.types.content import CachePointBlock
from bedrock_converse.types.unions import UnknownBlock, WireUnion

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = [
    "AnyToolChoice",
    "AutoToolChoice",
    "SpecificToolChoice",
    "SystemTool",
    "Tool",
    "ToolChoice",
    "ToolConfiguration",
    "ToolInputSchema",
    "ToolSpecification",
]


_WIRE_SCHEMA = Annotated[
    dict[str, Any] | UnknownBlock,
    WireUnion("ToolInputSchema", json=Annotated[dict[str, Any], DocumentSchema()]),
]


class _InputSchema:
    """`{"json": schema}` on the wire, the schema itself in Python."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        wire = handler.generate_schema(_WIRE_SCHEMA)
        return core_schema.json_or_python_schema(
            json_schema=wire,
            python_schema=core_schema.no_info_plain_validator_function(_bare_schema),
        )


def _bare_schema(value: Any) -> Any:
    if isinstance(value, dict):
        # boto3 wants {"json": schema}; a schema whose only key is "json" with a dict below is no useful JSON Schema
        inner: Any = value.get("json") if len(value) == 1 else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        return inner if isinstance(inner, dict) else value  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, UnknownBlock):
        return value
    raise PydanticCustomError(
        "input_schema", "input_schema takes a JSON Schema as a dict, not {type}", {"type": type(value).__name__}
    )


ToolInputSchema: TypeAlias = Annotated[dict[str, Any] | UnknownBlock, _InputSchema()]


class ToolSpecification(Model):
    """DOC."""

    name: str
    """MEMBER."""
    input_schema: ToolInputSchema
    """MEMBER."""
    description: str | None = None
    """MEMBER."""
    strict: bool | None = None
    """MEMBER."""


class SystemTool(Model):
    """DOC."""

    name: str
    """MEMBER."""


Tool: TypeAlias = Annotated[
    ToolSpecification | SystemTool | CachePointBlock | UnknownBlock,
    WireUnion("Tool", toolSpec=ToolSpecification, systemTool=SystemTool, cachePoint=CachePointBlock),
]


class AutoToolChoice(Model):
    """DOC."""


class AnyToolChoice(Model):
    """DOC."""


class SpecificToolChoice(Model):
    """DOC."""

    name: str
    """MEMBER."""


ToolChoice: TypeAlias = Annotated[
    AutoToolChoice | AnyToolChoice | SpecificToolChoice | UnknownBlock,
    WireUnion("ToolChoice", auto=AutoToolChoice, any=AnyToolChoice, tool=SpecificToolChoice),
]


class ToolConfiguration(Model):
    """DOC."""

    tools: list[Tool]
    """MEMBER."""
    tool_choice: ToolChoice | None = None
    """MEMBER."""
