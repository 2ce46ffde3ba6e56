"""What goes wrong, how it is told, and what is tried again: throttling is, a stream that broke in the middle is not."""

import asyncio

from bedrock_converse import BedrockClient, BedrockError, RetryPolicy, Timeout, TransportError
from bedrock_converse.testing import FakeBedrock, access_denied, reply, throttled

MODEL = "us.amazon.nova-lite-v1:0"


async def main() -> None:
    fake = FakeBedrock()
    fake.on(MODEL).then(throttled(), reply("At the second try."))
    fake.on(MODEL).then(reply("Once upon a time there was a river.").cut(after_events=4), access_denied())
    retry = RetryPolicy(max_attempts=4, base_delay_throttling=0.2, on_attempt=print)
    timeout = Timeout(connect=2, first_event=60, idle=30)
    async with (
        fake.serve() as url,
        BedrockClient(
            endpoint_url=url, credentials=fake.credentials, region="us-east-1", retry=retry, timeout=timeout
        ) as bedrock,
    ):
        print((await bedrock.converse(MODEL, "Hello")).text)
        try:
            async with bedrock.converse_stream(MODEL, "Tell me a story.") as stream:
                await stream.final()
        except TransportError as error:  # no complete answer came; what did come is kept
            print(type(error).__name__, error.partial and error.partial.text, error.possibly_billed)
        try:
            await bedrock.converse(MODEL, "Hello")
        except BedrockError as error:
            print(error)


asyncio.run(main())
