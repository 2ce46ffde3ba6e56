"""Messages: who says what. `user(...)` and `assistant(...)` write them."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

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
    from pydantic_core import InitErrorDetails

__all__ = ["ConversationRole", "Message", "SystemContentBlock", "assistant", "user"]

ROLES = ("user", "assistant", "system")

ConversationRole: TypeAlias = Annotated[Literal["user", "assistant", "system"] | str, CheckedEnum(*ROLES)]
"""Who speaks. Another role is refused when it is sent, unless AWS itself had sent it."""


class Message(Model):
    """One turn of a conversation. `user(...)` and `assistant(...)` write it shortest.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"role", "content"})

    role: ConversationRole
    """Who speaks: `user`, `assistant`, or (for models that take it) `system`. A conversation begins with `user`."""
    content: list[ContentBlock]
    """What is said, in order: `str` for text, and the block classes for everything else. At least one block, and no
    text of white space alone: AWS refuses both. At most 20 images and 5 documents."""

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
            pydantic.ValidationError: it is not a message, or not wire JSON (boto3's dicts, which hold bytes, are read
                by `model_validate`).
        """
        if isinstance(data, Mapping):
            try:
                data = json.dumps(data)
            except (TypeError, ValueError):
                problem = PydanticCustomError("no_json", "this is no JSON; model_validate reads Python values")
                details: InitErrorDetails = {"type": problem, "input": None}
                raise ValidationError.from_exception_data(cls.__name__, [details], hide_input=True) from None
        return parse_json(cls.model_validate_json, data)


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
"""A piece of the system prompt: text as `str`, text or an image for the guardrail to check, or a cache point."""


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
