"""Guardrails around a conversation: what one did to a reply, and how to have only the last turn checked.

    reply = await client.converse(MODEL, history, guardrail_config=CONFIG, transforms=[guard_last_turn])
    if reply.guardrail.action == "blocked":
        ...

A guardrail checks (and bills) the whole history on every turn, so something that was let through once, or was said by
an old answer, can block the conversation for good. Once any block is marked as guarded, only marked blocks are checked.
"""

from __future__ import annotations

from typing import TypeVar

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse.types import (
    ContentBlock,
    ConverseRequest,
    ConverseStreamRequest,
    GuardrailConverseImageBlock,
    GuardrailConverseTextBlock,
    ImageBlock,
)
from bedrock_converse.types.guardrail_outcome import (
    GuardrailFinding,
    GuardrailOutcome,
    GuardrailVerdict,
    guardrail_outcome,
)

__all__ = ["GuardrailFinding", "GuardrailOutcome", "GuardrailVerdict", "guard_last_turn", "guardrail_outcome"]

RequestT = TypeVar("RequestT", ConverseRequest, ConverseStreamRequest)


@discreet
def guard_last_turn(request: RequestT) -> RequestT:
    """The request with the user's last words marked for the guardrail, so that it checks them and not the history.

    For `transforms=`, or by hand. Marked are text, and PNG and JPEG images given as bytes (guardrails take no others).
    In a tool loop the last message holds tool results only: then the last message with the user's own words is marked,
    the same one on every round. What tools return is not checked; mark it yourself where strangers can write it.
    A request that already has guarded blocks in that message, or no user turn, comes back as it is.
    """
    messages = list(request.messages or ())
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.role != "user" or not any(map(_is_said, message.content)):
            continue
        if any(isinstance(block, _GUARDED) for block in message.content):
            return request
        messages[index] = message.model_copy(update={"content": [_guarded(block) for block in message.content]})
        return request.model_copy(update={"messages": messages})
    return request


_GUARDED = (GuardrailConverseTextBlock, GuardrailConverseImageBlock)


def _is_said(block: ContentBlock) -> bool:
    """Whether the block is the user's own word, and no tool's result."""
    return bool(block.strip()) if isinstance(block, str) else isinstance(block, (ImageBlock, *_GUARDED))


def _guarded(block: ContentBlock) -> ContentBlock:
    if isinstance(block, str):
        return GuardrailConverseTextBlock(text=block) if block.strip() else block
    if isinstance(block, ImageBlock) and block.format in ("png", "jpeg") and isinstance(block.source, bytes):
        return GuardrailConverseImageBlock(format=block.format, source=block.source)
    return block
