"""Why a reply ended, in the five words that every provider's client understands."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["FinishReason", "finish_reason"]

FinishReason: TypeAlias = Literal["stop", "length", "tool_call", "content_filter", "error"]
"""`stop`: finished. `length`: cut. `tool_call`: it waits for tool results. `content_filter`: a guardrail or the model's
own filter stepped in. `error`: the model broke a format, or stopped for a reason that nobody knows yet."""

FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


def finish_reason(stop_reason: str) -> FinishReason:
    """AWS's stop reason, normalised.

    A reason that AWS adds after this release is an `error`: calling an unknown end a finished reply would hide it.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    """
    return FINISH_REASONS.get(stop_reason, "error")
