"""What the README says of boto3, seen with the boto3 that is installed: both clients get the same answers."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from bedrock_converse import (
    BedrockClient,
    RequestInvalid,
    RequestTimeout,
    StreamIncomplete,
    ThrottlingError,
    Timeout,
    UnknownBlock,
    user,
)
from bedrock_converse.testing import Answer, FakeBedrock, http_response, reply, throttled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Make = Callable[..., Any]

MODEL = "us.amazon.nova-lite-v1:0"
ASK: dict[str, Any] = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
STORY = reply("Once upon a time there was a river.")


@pytest.fixture
def boto3_client() -> Iterator[Callable[..., Any]]:
    """Makes clients of boto3's, and closes what they leave open: the suite's own garbage would fail other tests."""
    with ExitStack() as stack:

        def make(url: str, fake: FakeBedrock, **config: Any) -> Any:
            client = boto3.client(
                "bedrock-runtime",
                region_name="us-east-1",
                endpoint_url=url,
                aws_access_key_id=fake.credentials.access_key_id,
                aws_secret_access_key=fake.credentials.secret_access_key,
                config=Config(**config),
            )
            stack.callback(client.close)
            return client

        yield make


def events_of(client: Any) -> Iterator[Any]:
    with closing(client.converse_stream(**ASK)["stream"]) as stream:
        yield from stream


def ours(url: str, fake: FakeBedrock, call: Callable[[BedrockClient], Awaitable[Any]], **options: Any) -> Any:
    async def main() -> Any:
        async with BedrockClient(
            region="us-east-1", endpoint_url=url, credentials=fake.credentials, **options
        ) as bedrock:
            return await call(bedrock)

    return asyncio.run(main())


async def read_stream(bedrock: BedrockClient) -> Any:
    async with bedrock.converse_stream(MODEL, "Hi") as stream:
        return await stream.final()


def drain(client: Any) -> None:
    with suppress(Exception):  # the connection goes when the server stops
        list(events_of(client))


@pytest.mark.parametrize(
    "cut",
    [STORY.cut(after_events=4, cleanly=True), STORY.cut(inside_event=4, cleanly=True)],
    ids=["between frames", "inside a frame"],
)
def test_a_cut_stream(cut: Answer, boto3_client: Make) -> None:
    """To boto3 a reply that broke off is a reply; here it is an error that holds what came."""
    fake = FakeBedrock()
    fake.on(MODEL).then(cut, cut)
    with fake.serve() as url:
        seen = [next(iter(event)) for event in events_of(boto3_client(url, fake))]
        assert "messageStop" not in seen
        with pytest.raises(StreamIncomplete) as caught:
            ours(url, fake, read_stream)
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("Once")


def test_a_slow_answer(boto3_client: Make) -> None:
    """boto3 asks again after a read timeout, and each request may be billed; here that is one request."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Late.").delayed(2))
    with fake.serve() as url:
        patient = boto3_client(url, fake, read_timeout=0.2, retries={"total_max_attempts": 3})
        with pytest.raises(ReadTimeoutError):
            patient.converse(**ASK)
        sent = len(fake.requests)
        with pytest.raises(RequestTimeout) as caught:
            ours(url, fake, lambda bedrock: bedrock.converse(MODEL, "Hi"), timeout=Timeout(answer=0.2))
    assert sent == 3
    assert len(fake.requests) - sent == 1
    assert caught.value.possibly_billed


def test_throttling_inside_a_stream(boto3_client: Make) -> None:
    """boto3 has another class for it than over HTTP; here it is one, and it comes with what had been said."""
    fake = FakeBedrock()
    fake.on(MODEL).then(*[STORY.fails(throttled(), after_events=4)] * 2)
    with fake.serve() as url:
        client = boto3_client(url, fake)
        with pytest.raises(ClientError) as theirs:
            list(events_of(client))
        assert not isinstance(theirs.value, client.exceptions.ThrottlingException)
        with pytest.raises(ThrottlingError) as caught:
            ours(url, fake, read_stream)
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("Once")


def test_text_in_the_place_of_bytes(boto3_client: Make) -> None:
    """boto3 encodes base64 once more, and the model sees noise; here nothing is sent."""
    fake = FakeBedrock()
    fake.on(MODEL).reply("An image?")
    image = {"image": {"format": "png", "source": {"bytes": "aGVsbG8="}}}
    with fake.serve() as url:
        boto3_client(url, fake).converse(modelId=MODEL, messages=[{"role": "user", "content": [image]}])
        [sent] = fake.requests
        assert sent.json["messages"][0]["content"][0]["image"]["source"]["bytes"] == "YUdWc2JHOD0="
        with pytest.raises(RequestInvalid):
            ours(url, fake, lambda bedrock: bedrock.converse(MODEL, [{"role": "user", "content": [image]}]))
    assert len(fake.requests) == 1


def test_a_block_from_the_future(boto3_client: Make) -> None:
    """boto3 cannot send back what it does not know; here it goes back as it came."""
    block = {"hologram": {"metres": 2}}
    body = {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    }
    fake = FakeBedrock()
    answer = http_response(200, json.dumps(body), {"Content-Type": "application/json"})
    fake.on(MODEL).then(answer, answer, "I see.")
    with fake.serve() as url:
        client = boto3_client(url, fake)
        message = client.converse(**ASK)["output"]["message"]
        with pytest.raises(ParamValidationError):
            client.converse(modelId=MODEL, messages=[message])

        async def there_and_back(bedrock: BedrockClient) -> None:
            got = await bedrock.converse(MODEL, "Hi")
            assert isinstance(got.content[0], UnknownBlock)
            await bedrock.converse(MODEL, [user("Hi"), got.message, user("Go on")])

        ours(url, fake, there_and_back)
    assert fake.requests[-1].json["messages"][1]["content"] == [block]
    fake.check()


def test_giving_up(boto3_client: Make) -> None:
    """A thread cannot be cancelled, so boto3 reads on; here the connection is closed at once."""
    fake = FakeBedrock()
    fake.on(MODEL).always(STORY.hang(after_events=3))
    server = fake.serve()

    async def open_connections(count: int) -> None:
        async with asyncio.timeout(10):
            while server.connections != count:  # noqa: ASYNC110 - there is no event of it
                await asyncio.sleep(0.01)

    async def main() -> int:
        async with (
            server as url,
            BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as bedrock,
        ):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read_stream(bedrock), 0.5)
            await open_connections(0)
            client = boto3_client(url, fake)
            reading = asyncio.create_task(asyncio.to_thread(drain, client))
            await open_connections(1)
            reading.cancel()
            await asyncio.sleep(0.1)
            return server.connections

    assert asyncio.run(main()) == 1
