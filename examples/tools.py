"""Functions as tools: the model calls them until it has an answer, and you watch it happen."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse.stream import TextDelta
from bedrock_converse.tools import ToolFailed, ToolFinished, ToolStarted, run_tools, stream_tools, tool


@tool
async def weather(city: str) -> dict[str, object]:
    """The weather in a city, now.

    Args:
        city: Its name, in English.
    """
    if not city:
        raise ToolFailed("Name a city.")  # the model reads this, and tries again
    return {"city": city, "degrees": 4}


async def main() -> None:
    async with bedrock_client() as bedrock:
        run = await run_tools(bedrock, MODEL, "Do I need a coat in Oslo?", [weather], max_tokens=100)
        print(run.text, [call.call.name for call in run.calls], run.usage.total_tokens)

        async with stream_tools(bedrock, MODEL, "And in Bergen?", [weather], max_tokens=100) as stream:
            async for event in stream:
                match event:
                    case TextDelta(text=text):
                        print(text, end="", flush=True)
                    case ToolStarted(call=call):
                        print(f"[{call.name}({call.input})]")
                    case ToolFinished(seconds=seconds, failed=failed):
                        print(f"[{'failed' if failed else 'done'} in {seconds:.3f} s]")
    print()


asyncio.run(main())
