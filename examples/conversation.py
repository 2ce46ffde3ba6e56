"""A conversation that keeps its own history and bill, stored as JSON between two requests of a web application."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse.conversation import Conversation


async def main() -> None:
    async with bedrock_client() as bedrock:
        chat = Conversation(bedrock, MODEL, system="Answer in Latin.", max_tokens=20)
        print((await chat.send("Name a river.")).text)
        stored = chat.to_json()  # into your database

        chat = Conversation.from_json(stored, bedrock, max_tokens=20)
        async with chat.stream("And another?") as stream:
            async for text in stream.text():
                print(text, end="", flush=True)
        print(f"\n{len(chat.messages)} messages, {chat.usage.total_tokens} tokens")


asyncio.run(main())
