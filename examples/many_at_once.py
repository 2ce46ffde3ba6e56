"""Fifty questions at once with a plain task group. One client carries them all over pooled connections."""

import asyncio
from time import perf_counter

from _local import MODEL, bedrock_client

from bedrock_converse import BedrockError

COUNTRIES = ["France", "Spain", "Italy", "Norway", "Poland"] * 10


async def main() -> None:
    answers: list[str] = []
    async with bedrock_client() as bedrock:

        async def ask(country: str) -> None:
            try:
                reply = await bedrock.converse(MODEL, f"What is the capital of {country}?", max_tokens=10)
            except BedrockError as error:  # one failure is one answer; unhandled, it would cancel the others
                answers.append(f"{country}: {type(error).__name__}")
            else:
                answers.append(f"{country}: {reply.text}")

        began = perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for country in COUNTRIES:
                tasks.create_task(ask(country))
        print(f"{len(answers)} answers in {perf_counter() - began:.2f} s over {bedrock.stats.open} connections")
        print(answers[0])


asyncio.run(main())
