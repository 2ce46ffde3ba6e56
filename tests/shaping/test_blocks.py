"""Blocks by kind, and copies that share what did not change."""

from __future__ import annotations

from typing import Any

import pytest

from bedrock_converse._shaping.blocks import changed, is_blank, kind_of
from bedrock_converse.types import (
    CachePointBlock,
    CitationsContentBlock,
    GuardrailConverseImageBlock,
    GuardrailConverseTextBlock,
    ImageBlock,
    JsonBlock,
    Message,
    ReasoningTextBlock,
    RedactedReasoning,
    SearchResultBlock,
    SystemTool,
    ToolReference,
    ToolRemovalBlock,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    UnknownBlock,
    user,
)


class Picture(ImageBlock):
    """A user's own subclass."""


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ("hi", "text"),
        (ImageBlock(format="png", source=b"x"), "image"),
        (Picture(format="png", source=b"x"), "image"),
        (CachePointBlock(), "cachePoint"),
        (ToolUseBlock(tool_use_id="1", name="a", input={}), "toolUse"),
        (ToolResultBlock(tool_use_id="1", content=[]), "toolResult"),
        (ReasoningTextBlock(text="hm"), "reasoningContent"),
        (RedactedReasoning(b"x"), "reasoningContent"),
        (GuardrailConverseTextBlock(text="a"), "guardContent"),
        (GuardrailConverseImageBlock(format="png", source=b"x"), "guardContent"),
        (CitationsContentBlock(), "citationsContent"),
        (SearchResultBlock(source="s", title="t", content=[]), "searchResult"),
        (ToolRemovalBlock(tool=ToolReference(name="a")), "toolRemoval"),
        (JsonBlock({}), "json"),
        (ToolSpecification(name="a", input_schema={}), "toolSpec"),
        (SystemTool(name="a"), "systemTool"),
        (UnknownBlock("hologram", {}), "hologram"),
        (UnknownBlock(("reasoningContent", "summary"), {}), "reasoningContent"),
        (3, "int"),
    ],
)
def test_kind_of(block: Any, kind: str) -> None:
    """The tag on the wire: of every union, of subclasses, and of what nobody knows."""
    assert kind_of(block) == kind


def test_is_blank() -> None:
    """White space of any alphabet is nothing to read; blocks are no text."""
    assert all(map(is_blank, ["", " ", "\n\t", "\u3000", "\u00a0"]))
    assert not any(map(is_blank, ["a", " . ", CachePointBlock(), None]))


def test_changed_copies_only_what_is_new() -> None:
    """The same values, or lists of the very same items, give the model itself."""
    message = user("a", "b")
    assert changed(message, content=list(message.content), role="user") is message
    assert changed(message, content=["a"]) == user("a")
    assert changed(message, content=["a", "b", "c"]) == user("a", "b", "c")
    assert message == user("a", "b")


def test_changed_keeps_what_nobody_knows() -> None:
    """Members that AWS sent and this version does not know go along, and may still be sent."""
    message = Message.from_wire({"role": "assistant", "content": [{"text": "a"}], "mood": "good"})
    copy = changed(message, content=["b"])
    assert copy.to_wire() == {"role": "assistant", "content": [{"text": "b"}], "mood": "good"}
    assert changed(copy, content=["a"]) == message
