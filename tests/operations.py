"""Every operation of a client, with canaries in all that is sent. A key begins with the name of the method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import MODEL

from bedrock_converse import user
from bedrock_converse.types import ConverseRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bedrock_converse import BedrockClient

__all__ = ["CHECKED", "HEADER", "OPERATIONS", "PROMPT"]

PROMPT, HEADER = "canary-prompt", "canary-header"


async def streamed(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, PROMPT, extra_headers={"x-of-call": HEADER}) as stream:
        await stream.final()


async def streamed_text(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, PROMPT) as stream:
        async for _ in stream.text():
            pass


async def streamed_parts(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, PROMPT) as stream:
        async for _ in stream.parts():
            pass


async def invoked_streaming(client: BedrockClient) -> None:
    async with client.invoke_model_stream(MODEL, {"prompt": PROMPT}) as chunks:
        async for _ in chunks:
            pass


CHECKED = [{"role": "user", "content": [{"text": PROMPT}]}]
OPERATIONS: dict[str, Callable[[BedrockClient], Awaitable[object]]] = {
    "converse": lambda client: client.converse(MODEL, PROMPT, system=PROMPT, extra_headers={"x-of-call": HEADER}),
    "converse, a request": lambda client: client.converse(ConverseRequest(model_id=MODEL, messages=[user(PROMPT)])),
    "converse_stream, final": streamed,
    "converse_stream, text": streamed_text,
    "converse_stream, parts": streamed_parts,
    "count_tokens": lambda client: client.count_tokens(MODEL, PROMPT, system=PROMPT),
    "apply_guardrail": lambda client: client.apply_guardrail("g", "1", [PROMPT]),
    "invoke_guardrail_checks": lambda client: client.invoke_guardrail_checks(CHECKED, {}),
    "invoke_model": lambda client: client.invoke_model(MODEL, {"prompt": PROMPT}),
    "invoke_model_stream": invoked_streaming,
}
