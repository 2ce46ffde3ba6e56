"""A history from somewhere else, made sendable: every repair is listed, none is silent."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse import RequestInvalid
from bedrock_converse.prepare import prepare
from bedrock_converse.types import ConverseRequest, ReasoningTextBlock, ToolUseBlock, assistant, user

HISTORY = [
    user("What is the weather in Oslo?", " "),
    assistant(
        ReasoningTextBlock(text="Another model thought this.", signature=""),
        ToolUseBlock(tool_use_id="call 1", name="get.weather", input={"city": "Oslo"}),
    ),
    user("Never mind."),
    user("Name three rivers."),
]


async def main() -> None:
    request = ConverseRequest(model_id=MODEL, messages=HISTORY)
    try:
        prepare(request, mode="raise")
    except RequestInvalid as error:
        print("AWS would refuse it:", error.path, error.problem)
    for change in prepare(request).changes:
        print("-", change)

    async with bedrock_client() as bedrock:
        reply = await bedrock.converse(MODEL, HISTORY, max_tokens=20, transforms=(prepare(),))
        print(reply.message.content)


asyncio.run(main())
