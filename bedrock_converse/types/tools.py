"""Tools: what the model may call, and whether it must."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

from pydantic_core import PydanticCustomError, core_schema

from bedrock_converse.types.base import DocumentSchema, Model
from bedrock_converse.types.content import CachePointBlock
from bedrock_converse.types.unions import UnknownBlock, WireUnion

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
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
    def __get_pydantic_core_schema__(source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        wire = handler.generate_schema(_WIRE_SCHEMA)
        return core_schema.json_or_python_schema(
            json_schema=wire,
            python_schema=core_schema.no_info_plain_validator_function(_bare_schema),
        )


def _bare_schema(value: Any) -> Any:
    if isinstance(value, dict):
        schema = cast("dict[str, Any]", value)
        # boto3 wants {"json": schema}; a schema whose only key is "json" says nothing
        value = schema["json"] if schema.keys() == {"json"} else schema
    if isinstance(value, dict | UnknownBlock):
        return cast("Any", value)
    raise PydanticCustomError(
        "input_schema", "input_schema takes a JSON Schema as a dict, not {type}", {"type": type(value).__name__}
    )


ToolInputSchema: TypeAlias = Annotated[dict[str, Any] | UnknownBlock, _InputSchema()]
"""A JSON Schema as a plain dict, `{"type": "object", "properties": {...}}`. boto3's `{"json": schema}` is taken,
too."""


class ToolSpecification(Model):
    """A tool of yours, as the model sees it.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html
    """

    name: str
    """What the model calls it: 1 to 64 characters of `[a-zA-Z0-9_-]`, unique in the request."""
    input_schema: ToolInputSchema
    """The JSON Schema of the arguments; its top level must be of type `object`. Sent exactly as it is."""
    description: str | None = None
    """What the tool does and when to use it, at least 1 character. The model decides by it, so spend words here."""
    strict: bool | None = None
    """True makes the model keep to the schema exactly, where it can (for Claude at most 20 such tools in a request).
    None leaves the argument's shape to the model."""


class SystemTool(Model):
    """A tool that AWS runs itself, such as Nova's `nova_grounding`. Its calls and results come in the same reply.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_SystemTool.html
    """

    name: str
    """The name that AWS gave the tool: 1 to 64 characters of `[a-zA-Z0-9_-]`."""


Tool: TypeAlias = Annotated[
    ToolSpecification | SystemTool | CachePointBlock | UnknownBlock,
    WireUnion("Tool", toolSpec=ToolSpecification, systemTool=SystemTool, cachePoint=CachePointBlock),
]
"""A tool that the model may call, or a cache point behind those that come before it."""


class AutoToolChoice(Model):
    """The model decides between text and tools: the default.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_AutoToolChoice.html
    """


class AnyToolChoice(Model):
    """The model must call a tool, whichever it likes, and writes no text.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_AnyToolChoice.html
    """


class SpecificToolChoice(Model):
    """The model must call this tool. Claude refuses it, as well as `any`, together with extended thinking.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_SpecificToolChoice.html
    """

    name: str
    """The tool to call: 1 to 64 characters of `[a-zA-Z0-9_-]`."""


ToolChoice: TypeAlias = Annotated[
    AutoToolChoice | AnyToolChoice | SpecificToolChoice | UnknownBlock,
    WireUnion("ToolChoice", auto=AutoToolChoice, any=AnyToolChoice, tool=SpecificToolChoice),
]
"""Whether the model must call a tool. AWS has no "none": leave the tools out instead."""


class ToolConfiguration(Model):
    """The tools of a request.

    Needed, too, when only the history holds tool calls or results: without it AWS answers 400.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
    """

    tools: list[Tool]
    """The tools, at least one."""
    tool_choice: ToolChoice | None = None
    """Whether a tool must be called; None means `auto`. Which choices there are depends on the model."""
