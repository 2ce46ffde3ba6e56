"""Tool names and call ids within AWS's alphabets, which it checks in the whole history on every turn."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from bedrock_converse.types import Message, ToolUseBlock

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["as_object", "to_wire_calls", "unique_id", "wire_name"]

_VALID_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_VALID_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


def wire_name(name: str) -> str:
    """`name` as AWS takes it: 1 to 64 characters of `[a-zA-Z0-9_-]`. A valid name comes back unchanged.

    Any other keeps what it can and gets a hash of itself at the end, so that two names never meet, and the result
    depends on nothing else: a history written yesterday with other tools still fits.
    """
    if _VALID_NAME.fullmatch(name):
        return name
    readable = re.sub(r"[^a-zA-Z0-9_-]+", "_", name)[:55].strip("_") or "tool"
    return f"{readable}_{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def unique_id(tool_use_id: str, taken: set[str]) -> str:
    """`tool_use_id` itself if it is valid and not taken, else one that is; it is then taken."""
    chosen = tool_use_id
    number = 1
    while chosen in taken or not _VALID_ID.fullmatch(chosen):
        number += 1
        chosen = f"{re.sub(r'[^a-zA-Z0-9_.:-]+', '-', tool_use_id)[:56] or 'call'}-{number}"
    taken.add(chosen)
    return chosen


def to_wire_calls(messages: Iterable[Message]) -> list[Message]:
    """The history with every call as AWS takes it: its tool's name, and an object for its input.

    Messages without a change are the same objects.
    """
    return [_sendable(message) for message in messages]


def _sendable(message: Message) -> Message:
    if all(wire_name(call.name) == call.name and isinstance(call.input, dict) for call in message.tool_uses):
        return message
    content: list[Any] = [_call(block) if isinstance(block, ToolUseBlock) else block for block in message.content]
    return message.model_copy(update={"content": content})


def _call(block: ToolUseBlock) -> ToolUseBlock:
    return block.model_copy(update={"name": wire_name(block.name), "input": as_object(block.input)})


def as_object(arguments: Any) -> Any:
    """Arguments as the history can hold them: AWS takes objects only, so the text of a broken call goes into one."""
    return cast("Any", arguments) if isinstance(arguments, dict) else {"invalid_json": arguments}
