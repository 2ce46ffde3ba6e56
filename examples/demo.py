"""The main job in a terminal: one answer, one stream token by token, one tool call answered, what it cost.

`make demo` runs it against a local server; `make demo REGION=us-east-1 MODEL=...` against AWS. The code is the same:
only the client's address and keys differ.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter

from bedrock_converse import (
    BedrockClient,
    BedrockError,
    ConverseResponse,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    user,
)
from bedrock_converse.testing import FakeBedrock, tool_call

LOCAL_MODEL = "local.storyteller-v1:0"
COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ

WEATHER = ToolSpecification(
    name="get_weather",
    description="The weather in a city right now.",
    input_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def get_weather(city: str) -> str:
    return f"{city}: 4 degrees, light snow"


async def one_answer(bedrock: BedrockClient, model: str) -> ConverseResponse:
    prompt = say("One answer", "Name three rivers of Europe.")
    answer = await bedrock.converse(model, prompt, system="Be brief.", max_tokens=200)
    print(answer.text)
    return answer


async def one_stream(bedrock: BedrockClient, model: str) -> tuple[ConverseResponse, float]:
    prompt = say("One stream, token by token", "Tell me about the Danube, in three sentences.")
    began, first = perf_counter(), 0.0
    async with bedrock.converse_stream(model, prompt, max_tokens=300) as stream:
        async for text in stream.text():
            first = first or perf_counter() - began
            print(text, end="", flush=True)
        print()
        return await stream.final(), first


async def one_tool_call(bedrock: BedrockClient, model: str) -> list[ConverseResponse]:
    history = [user(say("One tool call, answered", "What is the weather in Oslo right now?"))]
    tools = ToolConfiguration(tools=[WEATHER])
    answers = [await bedrock.converse(model, history, tool_config=tools, max_tokens=300)]
    while answers[-1].tool_uses:
        results: list[ToolResultBlock] = []
        for call in answers[-1].tool_uses:
            result = get_weather(**call.input)
            print(dim(f"the model calls {call.name}({call.input})\nand is told: {result}"))
            results.append(ToolResultBlock(tool_use_id=call.tool_use_id, content=[result]))
        history += [answers[-1].message, user(*results)]
        answers.append(await bedrock.converse(model, history, tool_config=tools, max_tokens=300))
    print(answers[-1].text)
    return answers


async def demo(bedrock: BedrockClient, model: str) -> None:
    began = perf_counter()
    answers = [await one_answer(bedrock, model)]
    streamed, first = await one_stream(bedrock, model)
    answers += [streamed, *await one_tool_call(bedrock, model)]
    took = perf_counter() - began

    usages = [answer.usage for answer in answers if answer.usage]
    read, written = sum(usage.input_tokens for usage in usages), sum(usage.output_tokens for usage in usages)
    print(f"\n{bold('What it took')}")
    print(f"  {len(answers)} calls, {sum(answer.attempts for answer in answers)} requests, {took:.2f} s")
    print(f"  {read} tokens in, {written} out; first token of the stream after {first * 1000:.0f} ms")
    print(f"  last request id {answers[-1].request_id}")


@asynccontextmanager
async def local_client() -> AsyncGenerator[BedrockClient]:
    """A real server on this machine, which checks the signature of every request."""
    fake = FakeBedrock()
    fake.pace(tokens_per_second=30, time_to_first_token=0.3)
    script = fake.on(LOCAL_MODEL)
    script.reply("The Volga, the Danube and the Rhine.")
    script.reply(
        "The Danube flows 2,850 km, from the Black Forest to the Black Sea.\n"
        "No other river in the world passes through so many countries: ten of them.\n"
        "Four capitals stand on its banks, and a waltz made it bluer than it ever was."
    )
    script.reply("Let me look.", tool_call("get_weather", city="Oslo"))
    script.reply("In Oslo it is 4 degrees, and light snow is falling. Take a coat!")
    async with (
        fake.serve() as url,
        BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as bedrock,
    ):
        print(f"{bold('A local Bedrock')} at {url}, which checks every SigV4 signature.")
        print(dim("Nothing leaves this machine; for AWS: make demo REGION=us-east-1 MODEL=us.amazon.nova-lite-v1:0"))
        yield bedrock
    fake.check()


@asynccontextmanager
async def aws_client(region: str) -> AsyncGenerator[BedrockClient]:
    async with BedrockClient(region=region) as bedrock:
        await bedrock.warm_up()  # credentials and connection first: what is missing is said at once
        print(f"{bold('Amazon Bedrock')} at {bedrock.endpoint_url}")
        yield bedrock


def bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if COLOURS else text


def dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m" if COLOURS else text


def say(title: str, prompt: str) -> str:
    print(f"\n{bold(title)}\n{dim('> ' + prompt)}")
    return prompt


async def main(region: str | None, model: str | None) -> None:
    async with aws_client(region) if region else local_client() as bedrock:
        await demo(bedrock, model or LOCAL_MODEL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--region", help="call AWS there, for example us-east-1")
    parser.add_argument("--model", help="a model id or inference profile that your account may use")
    options = parser.parse_args()
    if bool(options.region) != bool(options.model):
        sys.exit("demo: against AWS it needs both: make demo REGION=us-east-1 MODEL=us.amazon.nova-lite-v1:0")
    try:
        asyncio.run(main(options.region, options.model))
    except BedrockError as error:
        problem = str(error).replace("\n  hint:", ". Hint:")
        sys.exit(f"demo: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
