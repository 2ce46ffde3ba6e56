"""Messages: who says what. `user(...)` and `assistant(...)` write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from bedrock_converse.types.base import CheckedEnum, Model
from bedrock_converse.types.content import (
    CachePointBlock,
    CitationsContentBlock,
    ContentBlock,
    GuardrailConverseContentBlock,
    GuardrailConverseImageBlock,
    GuardrailConverseTextBlock,
    ToolUseBlock,
)
from bedrock_converse.types.parse import parse_json
from bedrock_converse.types.unions import UnknownBlock, WireUnion

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ConversationRole", "Message", "SystemContentBlock", "assistant", "user"]

ROLES = ("user", "assistant", "system")

ConversationRole: TypeAlias = Annotated[Literal["user", "assistant", "system"] | str, CheckedEnum(*ROLES)]


class Message(Model):
    """One turn of a conversation.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
    """

    essential = frozenset({"role", "content"})

    role: ConversationRole
    """Who speaks: `user`, `assistant`, or (for models that take it) `system`."""
    content: list[ContentBlock]
    """What is said, in order: `str` for text, and the block classes for everything else."""

    @property
    def text(self) -> str:
        """All text of the message, joined: text blocks, and the text inside citation blocks. No reasoning."""
        return text_of(self.content)

    @property
    def tool_uses(self) -> list[ToolUseBlock]:
        """The tool calls in this message, in order."""
        return [block for block in self.content if isinstance(block, ToolUseBlock)]

    def to_wire(self) -> dict[str, Any]:
        """The message as wire JSON (`json.dumps` takes it), for storing; `from_wire` reads it back without loss."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @classmethod
    def from_wire(cls, data: Mapping[str, Any] | str | bytes) -> Self:
        """Reads wire JSON, as text or parsed. What AWS sent and this version does not know is kept and may be sent.

        Raises:
            pydantic.ValidationError: it is not a message.
        """
        return parse_json(cls.model_validate_json, json.dumps(data) if isinstance(data, Mapping) else data)


def text_of(content: list[ContentBlock]) -> str:
    """The text in content blocks: text blocks and the text of citation blocks, joined without separator."""
    parts: list[str] = []
    for block in content:
        if isinstance(block, str):
            parts.append(block)
        elif isinstance(block, CitationsContentBlock):
            parts.extend(part for part in block.content or () if isinstance(part, str))
    return "".join(parts)


SystemContentBlock: TypeAlias = Annotated[
    str | GuardrailConverseTextBlock | GuardrailConverseImageBlock | CachePointBlock | UnknownBlock,
    WireUnion("SystemContentBlock", text=str, guardContent=GuardrailConverseContentBlock, cachePoint=CachePointBlock),
]


def user(*content: ContentBlock) -> Message:
    """A message from the user: `user("What is this?", ImageBlock(format="png", source=data))`.

    Raises:
        pydantic.ValidationError: a piece of content is not a content block (bare bytes, for example).
    """
    return Message(role="user", content=list(content))


def assistant(*content: ContentBlock) -> Message:
    """A message from the assistant, to write a history by hand or to begin the reply for the model.

    Raises:
        pydantic.ValidationError: a piece of content is not a content block.
    """
    return Message(role="assistant", content=list(content))
