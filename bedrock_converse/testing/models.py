"""Models that answer by themselves, for developing without AWS: give one to `fake.on(name).always(...)`.

They take part in every operation: they count tokens (roughly), and as guardrails they let everything through.
"""

from __future__ import annotations

import json
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, cast

from bedrock_converse.testing.errors import validation_error
from bedrock_converse.testing.events import count_tokens, split_text
from bedrock_converse.testing.replies import (
    apply_guardrail_result,
    chunks,
    invoke_result,
    reply,
    token_count,
    tool_call,
)
from bedrock_converse.types import JsonBlock, ToolResultBlock, ToolSpecification

if TYPE_CHECKING:
    from collections.abc import Callable

    from bedrock_converse.testing.answers import Answer
    from bedrock_converse.testing.requests import ReceivedRequest

__all__ = ["LOCAL_MODELS", "echo", "lorem", "tools"]

_LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo "
    "consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. "
    "Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est laborum. "
)


def echo(request: ReceivedRequest) -> Answer:
    """Says what the last message said."""
    return _other_operation(request) or _said(request, request.text or "You said nothing that I can read.")


def lorem(request: ReceivedRequest) -> Answer:
    """Says as much Latin as `max_tokens` allows, 200 tokens if it does not say."""
    limit = _max_tokens(request) or 200
    return _other_operation(request) or _said(request, _LOREM * (1 + limit // count_tokens(_LOREM)), limit)


def tools(request: ReceivedRequest) -> Answer:
    """Calls a tool, with arguments made up from its schema, and then tells what it gave."""
    other = _other_operation(request)
    if other is not None:
        return other
    results = [block for block in request.input.messages[-1].content if isinstance(block, ToolResultBlock)]
    if results:
        told = [_told(part) for result in results for part in result.content]
        return _said(request, f"The tool says: {' '.join(told)}")
    offered: list[Any] = request.input.tool_config.tools if request.input.tool_config else []
    known = [tool for tool in offered if isinstance(tool, ToolSpecification)]
    if not known:
        return _said(request, "I have no tools. Give me some in tool_config.")
    tool = next((tool for tool in known if tool.name in request.text), known[0])
    return reply(
        "Let me look that up.",
        tool_call(tool.name, example(tool.input_schema)),
        usage=_usage(_input_tokens(request), 20),
    )


def _told(part: Any) -> str:
    return json.dumps(part.json, ensure_ascii=False) if isinstance(part, JsonBlock) else str(part)


LOCAL_MODELS: dict[str, Callable[[ReceivedRequest], Answer]] = {"echo": echo, "lorem": lorem, "tools": tools}
"""The models of `python -m bedrock_converse serve`, by their model ids."""


def example(schema: Any) -> Any:
    """A value that fits a JSON schema, roughly: its example, default or first choice, or something of its type."""
    if not isinstance(schema, dict):
        return None
    given = cast("dict[str, Any]", schema)
    for key in ("const", "default"):
        if key in given:
            return given[key]
    for key in ("examples", "enum"):
        if given.get(key):
            return given[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if given.get(key):
            return example(given[key][0])
    kind = given.get("type", "object" if "properties" in given else "string")
    if isinstance(kind, list):
        kind = cast("list[str]", kind)[0]
    if kind == "object":
        required = given.get("required", list(given.get("properties", {})))
        return {name: example(given.get("properties", {}).get(name, {})) for name in required}
    if kind == "array":
        return [example(given.get("items", {}))]
    return {"integer": 1, "number": 1.5, "boolean": True, "null": None}.get(str(kind), "example")


def _said(request: ReceivedRequest, text: str, limit: int | None = None) -> Answer:
    return _speech(text, limit or _max_tokens(request), _input_tokens(request))


@lru_cache(maxsize=64)  # the same reply needs to be cut into events only once
def _speech(text: str, limit: int | None, asked: int) -> Answer:
    said = text
    if limit is not None and count_tokens(text) > limit:
        said, count = "", 0
        for piece in split_text(text, Random(0)):  # noqa: S311 - the same each time
            count += count_tokens(piece)
            if count > limit:
                break
            said += piece
    stop_reason = "end_turn" if said == text else "max_tokens"
    return reply(said, stop_reason=stop_reason, usage=_usage(asked, count_tokens(said)))


def _max_tokens(request: ReceivedRequest) -> int | None:
    config = getattr(request.input, "inference_config", None)
    return config.max_tokens if config else None


def _usage(asked: int, output: int) -> dict[str, int]:
    return {"input_tokens": asked, "output_tokens": output, "total_tokens": asked + output}


def _input_tokens(request: ReceivedRequest) -> int:
    return max(count_tokens(request.body.decode("utf-8", "replace")) // 2, 1)  # about half of the JSON is syntax


def _other_operation(request: ReceivedRequest) -> Answer | None:
    match request.operation:
        case "Converse" | "ConverseStream":
            if request.input.messages:
                return None
            return validation_error("The messages must have at least one message.")
        case "CountTokens":
            return token_count(_input_tokens(request))
        case "ApplyGuardrail":
            return apply_guardrail_result("NONE")
        case "InvokeModel":
            return invoke_result(request.body)
        case "InvokeModelWithResponseStream":
            return chunks(request.body)
        case operation:
            return validation_error(f"The local server has no answer to {operation}.")
