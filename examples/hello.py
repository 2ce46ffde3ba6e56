"""Ask a question, get the answer: whole, and as it is being written."""

import asyncio

from _local import MODEL, bedrock_client


async def main() -> None:
    async with bedrock_client() as bedrock:
        reply = await bedrock.converse(MODEL, "Name three rivers.", system="Be brief.", max_tokens=20)
        print(reply.text)
        print(reply.stop_reason, reply.usage, reply.request_id)

        async with bedrock.converse_stream(MODEL, "And the longest?", max_tokens=40) as stream:
            async for text in stream.text():
                print(text, end="", flush=True)
            reply = await stream.final()  # the same type that converse() returns
        print(f"\n{reply.stop_reason}")


asyncio.run(main())
