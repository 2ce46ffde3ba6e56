"""Cache the long, unchanging beginning of a conversation: later turns read it at a tenth of the price."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse.caching import plan_cache
from bedrock_converse.prepare import prepare
from bedrock_converse.types import CachePointBlock, Message, user

HANDBOOK = "Everybody may travel. Nobody has to. " * 200
QUESTIONS = ("Who may travel?", "Who has to?", "May I stay at home?")


async def main() -> None:
    history: list[Message] = []
    async with bedrock_client() as bedrock:
        cached = bedrock.with_options(transforms=(prepare(), plan_cache(system="1h", messages="5m")))
        for question in QUESTIONS:
            history.append(user(question))
            reply = await cached.converse(MODEL, history, system=[HANDBOOK], max_tokens=20)
            history.append(reply.message)
            read, written = reply.usage.cache_read_input_tokens, reply.usage.cache_write_input_tokens
            print(f"{question} {reply.usage.input_tokens} tokens new, {read or 0} read, {written or 0} written")
    print("your own history holds no cache points:", all(CachePointBlock() not in turn.content for turn in history))


asyncio.run(main())
