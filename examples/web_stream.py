"""A stream for a web handler: server-sent events from an async generator, for whatever framework you use.

`parts()` is the vocabulary: text, reasoning, tool input, finished blocks, the end. When the browser leaves, the
framework closes the generator; that closes the connection to AWS at once, so nothing more is generated or billed.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from _local import MODEL, bedrock_client

from bedrock_converse import BedrockClient, BedrockError, Done, TextDelta


async def server_sent_events(bedrock: BedrockClient, question: str) -> AsyncGenerator[str]:
    try:
        async with bedrock.converse_stream(MODEL, question, max_tokens=30) as stream:
            async for part in stream.parts():
                match part:
                    case TextDelta(text=text):
                        yield event("text", text)
                    case Done(reply=reply):
                        yield event("done", reply.stop_reason)
    except BedrockError as error:  # the status line is long gone: the error has to be an event too
        yield event("error", type(error).__name__)


def event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def main() -> None:
    async with bedrock_client() as bedrock, aclosing(server_sent_events(bedrock, "Tell me a story.")) as events:
        async for text in events:
            print(text, end="", flush=True)


asyncio.run(main())
