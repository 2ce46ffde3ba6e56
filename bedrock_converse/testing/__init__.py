"""A Bedrock for your tests: scripted replies, real streams, every fault, on asyncio and trio.

    fake = FakeBedrock()
    fake.on(MODEL).reply("Hello").then(throttled()).then(reply("Hi").cut(after_events=3))

    async with fake.serve() as url:
        client = BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials)

`docs/testing.md` shows all of it. Nothing of this package is imported by `import bedrock_converse`.
"""

from __future__ import annotations

from bedrock_converse.testing.answers import Answer
from bedrock_converse.testing.clock import VirtualClock, run_in_virtual_time, virtual_time
from bedrock_converse.testing.errors import (
    access_denied,
    context_window_exceeded,
    error,
    expired_token,
    html_503,
    http_response,
    internal_error,
    model_error,
    model_not_ready,
    model_stream_error,
    model_timeout,
    not_found,
    quota_exceeded,
    redirect,
    service_unavailable,
    throttled,
    validation_error,
)
from bedrock_converse.testing.fake import FakeBedrock
from bedrock_converse.testing.plan import ScriptError
from bedrock_converse.testing.recording import record, replay
from bedrock_converse.testing.replies import (
    apply_guardrail_result,
    chunks,
    cited,
    events,
    guardrail_intervened,
    invoke_result,
    reasoning,
    redacted,
    reply,
    token_count,
    tool_call,
)
from bedrock_converse.testing.requests import ReceivedRequest
from bedrock_converse.testing.script import Route

__all__ = [
    "Answer",
    "FakeBedrock",
    "ReceivedRequest",
    "Route",
    "ScriptError",
    "VirtualClock",
    "access_denied",
    "apply_guardrail_result",
    "chunks",
    "cited",
    "context_window_exceeded",
    "error",
    "events",
    "expired_token",
    "guardrail_intervened",
    "html_503",
    "http_response",
    "internal_error",
    "invoke_result",
    "model_error",
    "model_not_ready",
    "model_stream_error",
    "model_timeout",
    "not_found",
    "quota_exceeded",
    "reasoning",
    "record",
    "redacted",
    "redirect",
    "replay",
    "reply",
    "run_in_virtual_time",
    "service_unavailable",
    "throttled",
    "token_count",
    "tool_call",
    "validation_error",
    "virtual_time",
]
