"""How many tokens a request will have, what it then used, and what that costs."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse import ConfigError
from bedrock_converse.tokens import count_tokens
from bedrock_converse.usage import Usage, cost


async def main() -> None:
    async with bedrock_client() as bedrock:
        print("before:", await count_tokens(bedrock, MODEL, "Name three rivers.", system="Be brief."))
        replies = [await bedrock.converse(MODEL, "Name three rivers.", max_tokens=20) for _ in range(2)]
        total = Usage.sum(replies)
        print(
            "after:", total.input_tokens, "read,", total.cache_read_tokens, "of it cached,", total.output_tokens, "new"
        )
        try:
            price = cost(total, MODEL)  # None for a model without a known price
            print("cost:", "not known" if price is None else f"${price}")
        except ConfigError as error:
            print(error.hint)


asyncio.run(main())
