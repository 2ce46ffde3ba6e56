"""What a tool returned -> what the model is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticSerializationError, to_json

from bedrock_converse.types import (
    DocumentBlock,
    ImageBlock,
    JsonBlock,
    SearchResultBlock,
    ToolResultBlock,
    UnknownBlock,
    VideoBlock,
)

if TYPE_CHECKING:
    from pydantic import ValidationError

    from bedrock_converse.profiles import Profile

__all__ = ["Unusable", "describe_invalid", "error_block", "result_block"]

_BLOCKS = (JsonBlock, ImageBlock, DocumentBlock, VideoBlock, SearchResultBlock, UnknownBlock)
NOTHING = "(no result)"


class Unusable(Exception):  # noqa: N818 - never leaves the loop: the model is told
    """A tool returned something that no tool result can hold."""


def result_block(tool_use_id: str, value: Any, profile: Profile) -> ToolResultBlock:
    """The result block for what a tool returned.

    Text stays text; blocks, alone or in a list, stay blocks; None says that there is no result; anything else that JSON
    can hold becomes JSON, dataclasses, dates and pydantic models included. A dict is sent as a `JsonBlock`, except to
    models that read text better. Other JSON (lists, numbers) is sent as text: AWS takes objects only.

    Raises:
        Unusable: JSON cannot hold it.
    """
    if isinstance(value, ToolResultBlock):
        return value.model_copy(update={"tool_use_id": tool_use_id})
    return ToolResultBlock(tool_use_id=tool_use_id, content=_content(value, profile))


def error_block(tool_use_id: str, text: str, profile: Profile) -> ToolResultBlock:
    """The result block that says what went wrong, with `status: "error"` unless the model refuses that member."""
    status = None if profile.tool_result_status is False else "error"
    content = f"Error: {text}" if status is None else text
    return ToolResultBlock(tool_use_id=tool_use_id, content=[_text(content, profile)], status=status)


def _content(value: Any, profile: Profile) -> list[Any]:
    if value is None:
        return [_text(NOTHING, profile)]
    if isinstance(value, _BLOCKS):
        return [value]
    if isinstance(value, str):
        return [_text(value if value.strip() else NOTHING, profile)]
    items: list[Any] = cast("Any", value) if isinstance(value, list | tuple) else []
    if any(isinstance(item, _BLOCKS) for item in items):
        return [part for item in items for part in _content(item, profile)]
    if isinstance(value, bytes | bytearray | memoryview):
        raise Unusable("the tool returned bytes; say what they are: await image(data)")
    try:
        plain = json.loads(to_json(value, inf_nan_mode="strings"))
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise Unusable(f"the tool returned {type(cast('Any', value)).__name__}, which JSON cannot hold") from error
    if isinstance(plain, dict) and profile.tool_result_format != "text":
        return [JsonBlock(plain)]
    return [_text(json.dumps(plain, ensure_ascii=False), profile)]


def _text(text: str, profile: Profile) -> str | JsonBlock:
    return JsonBlock({"result": text}) if profile.tool_result_format == "json" else text


def describe_invalid(error: ValidationError) -> str:
    """What is wrong with the arguments, for the model: one line per problem, without repeating the values."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"- {'.'.join(map(str, problem['loc'])) or 'input'}: {problem['msg']}" for problem in problems]
    return "\n".join(["The arguments are not valid:", *lines])
