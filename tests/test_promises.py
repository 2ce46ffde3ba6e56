"""What the README promises of the whole client, over real sockets: what no single module can hold alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from bedrock_converse import BedrockClient, BedrockError, Credentials, RetryPolicy, ThrottlingError
from bedrock_converse.testing import FakeBedrock, redirect, reply, throttled

if TYPE_CHECKING:
    from bedrock_converse.testing import ReceivedRequest

MODEL = "us.amazon.nova-lite-v1:0"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_both_event_loops(backend: str) -> None:
    """A call and a stream, on asyncio and trio."""
    fake = FakeBedrock()
    fake.on(MODEL).reply("Hello").reply("Once upon a time")

    async def main(url: str) -> tuple[str, str]:
        async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as bedrock:
            whole = await bedrock.converse(MODEL, "Hi")
            async with bedrock.converse_stream(MODEL, "Hi") as stream:
                return whole.text, "".join([text async for text in stream.text()])

    with fake.serve() as url:
        assert anyio.run(main, url, backend=backend) == ("Hello", "Once upon a time")
    fake.check()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_client_outlives_its_event_loop(backend: str) -> None:
    """A global client works in every job that runs a loop of its own, as in Lambda and Celery."""
    fake = FakeBedrock()
    fake.on(MODEL).always("Hello")
    with fake.serve() as url:
        bedrock = BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials)

        async def job() -> str:
            return (await bedrock.converse(MODEL, "Hi")).text

        assert [anyio.run(job, backend=backend) for _ in range(3)] == ["Hello"] * 3
        anyio.run(bedrock.aclose, backend=backend)


async def test_redirects_are_not_followed() -> None:
    """Neither the session token nor the prompt goes to another address."""
    fake, elsewhere = FakeBedrock(), FakeBedrock(verify=False)
    elsewhere.on().always("Thank you for the prompt")
    async with fake.serve() as url, elsewhere.serve() as other:
        fake.on(MODEL).always(redirect(f"{other}/model/{MODEL}/converse"))
        async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as bedrock:
            with pytest.raises(BedrockError):
                await bedrock.converse(MODEL, "Hi")
    assert elsewhere.requests == []


async def test_a_throttled_tenant_takes_nothing_from_the_others() -> None:
    """Each identity has its own retry quota; the connections are shared."""
    tenants = [Credentials("AKIAONE", "secret-one"), Credentials("AKIATWO", "secret-two")]
    fake = FakeBedrock(credentials=tenants)

    def busy_for_one(request: ReceivedRequest) -> object:
        return throttled() if "AKIAONE" in request.headers["authorization"] else reply("Hello")

    fake.on(MODEL).always(busy_for_one)
    retry = RetryPolicy(base_delay_throttling=0)
    async with fake.serve() as url, BedrockClient(region="us-east-1", endpoint_url=url, retry=retry) as bedrock:
        one, two = (bedrock.with_options(credentials=tenant) for tenant in tenants)
        with pytest.raises(ThrottlingError) as caught:
            await one.converse(MODEL, "Hi")
        assert (await two.converse(MODEL, "Hi")).attempts == 1
        assert caught.value.attempts == 3
        assert (one.stats.quota, two.stats.quota) == (490, 500)
        assert bedrock.stats.open == 1


@pytest.mark.parametrize("streaming", [False, True])
async def test_errors_tell_no_secrets(streaming: bool) -> None:
    """Neither the prompt nor a key is in what an error says."""
    fake = FakeBedrock()
    prompt, secret = "the-prompt-itself", fake.credentials.secret_access_key
    fake.on(MODEL).then(reply("A long story of a river.").cut(after_bytes=150))
    async with (
        fake.serve() as url,
        BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as bedrock,
    ):

        async def call() -> None:
            if streaming:
                async with bedrock.converse_stream(MODEL, prompt) as stream:
                    await stream.final()
            else:
                await bedrock.converse(MODEL, prompt)

        with pytest.raises(BedrockError) as caught:
            await call()
        told = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {bedrock!r} {vars(caught.value)}"
    assert prompt not in told
    assert secret not in told
    assert fake.credentials.access_key_id not in told
