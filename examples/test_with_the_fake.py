"""Test your own code with `FakeBedrock`: run it by `python -m pytest examples/test_with_the_fake.py`.

The two fixtures come with the package. A test also fails when something was scripted that nobody asked for, or asked
for that nobody scripted. Needs `pytest-asyncio` with `asyncio_mode = "auto"`.
"""

from bedrock_converse import BedrockClient, TransportError
from bedrock_converse.testing import FakeBedrock, reply, throttled

MODEL = "us.amazon.nova-lite-v1:0"


async def headline(bedrock: BedrockClient, article: str) -> str:
    """The code under test: it makes do with half a headline."""
    try:
        async with bedrock.converse_stream(MODEL, article, system="Write a headline.", max_tokens=50) as stream:
            return (await stream.final()).text
    except TransportError as error:
        return f"{error.partial.text} [...]" if error.partial else ""


async def test_headline(fake_bedrock: FakeBedrock, bedrock_client: BedrockClient) -> None:
    fake_bedrock.on(MODEL).reply("River Wins Race")
    assert await headline(bedrock_client, "A long article.") == "River Wins Race"
    assert fake_bedrock.requests[0].input.system == ["Write a headline."]


async def test_throttling_is_waited_out(fake_bedrock: FakeBedrock, bedrock_client: BedrockClient) -> None:
    fake_bedrock.on(MODEL).then(throttled()).reply("River Wins Race")
    assert await headline(bedrock_client, "A long article.") == "River Wins Race"


async def test_half_a_headline(fake_bedrock: FakeBedrock, bedrock_client: BedrockClient) -> None:
    fake_bedrock.on(MODEL).then(reply("River Wins Race Against Time").cut(after_events=2))
    assert (await headline(bedrock_client, "A long article.")).endswith(" [...]")
