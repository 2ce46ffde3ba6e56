"""Tools without any magic: the model asks, you answer, and it goes on. All results of a turn go into one message."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse import JsonBlock, ToolConfiguration, ToolResultBlock, ToolSpecification, ToolUseBlock, user

WEATHER = ToolSpecification(
    name="get_weather",
    description="The weather in a city right now.",
    input_schema={
        "type": "object",
        "properties": {"city": {"type": "string", "examples": ["Oslo"]}},
        "required": ["city"],
    },
)


def get_weather(call: ToolUseBlock) -> ToolResultBlock:
    match call.input:
        case {"city": str(city)}:
            return call.result(JsonBlock({"city": city, "degrees": 4}))
        case _:  # a model can be wrong: say so, and it tries again
            return call.result("Which city?", status="error")


async def main() -> None:
    history = [user("What is the weather in Oslo?")]
    async with bedrock_client() as bedrock:
        view = bedrock.with_options(tool_config=ToolConfiguration(tools=[WEATHER]), max_tokens=300)
        while (reply := await view.converse(MODEL, history)).tool_uses:
            print([f"{call.name}({call.input})" for call in reply.tool_uses])
            history += [reply.message, user(*map(get_weather, reply.tool_uses))]
        print(reply.text)


asyncio.run(main())
