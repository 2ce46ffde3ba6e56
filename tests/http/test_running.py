"""What a drain waits for, and whom closing wakes: calls that hold no connection just then."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.to_thread
import pytest
from engine import MODEL, both, client_for, run

from bedrock_converse import BedrockClient, BedrockError, ClientClosed, Credentials
from bedrock_converse._http.running import RunningCalls
from bedrock_converse._loop import running_loop
from bedrock_converse.testing import FakeBedrock, reply, throttled


def in_backoff(fake: FakeBedrock) -> dict[str, Any]:
    fake.on(MODEL).then(throttled().retry_after(1), reply("Hi"))
    return {}


def in_the_queue(fake: FakeBedrock) -> dict[str, Any]:
    fake.on(MODEL).then(reply("first").delayed(0.3), reply("Hi"))
    return {"max_in_flight": 1}


def over_credentials(fake: FakeBedrock) -> dict[str, Any]:
    fake.on(MODEL).then(reply("Hi"))

    async def provide() -> Credentials:
        await anyio.sleep(0.3)
        return fake.credentials

    return {"credentials": provide}


async def begun(client: BedrockClient, calls: int) -> None:
    """Wait until so many are under way, and have come to where they wait."""
    hub = client._made_hub
    while hub is None or sum(loop.running._count for loop in hub._loops.values()) < calls:
        await anyio.sleep(0.01)
        hub = client._made_hub
    await anyio.sleep(0.1)


@both
@pytest.mark.parametrize("where", [in_backoff, in_the_queue, over_credentials])
def test_a_drain_waits_for_calls_without_a_connection(backend: str, where: Any) -> None:
    """They have begun, so they may end; new ones are refused; and it waits no longer than for them."""
    fake = FakeBedrock()
    options = where(fake)
    texts: list[str] = []

    async def call(client: BedrockClient) -> None:
        texts.append((await client.converse(MODEL, "x")).text)

    async def main() -> None:
        async with fake.serve() as url:
            client = client_for(fake, url, **options)
            async with anyio.create_task_group() as tasks:
                for _ in range(2 if where is in_the_queue else 1):
                    tasks.start_soon(call, client)
                await begun(client, 2 if where is in_the_queue else 1)
                tasks.start_soon(client.aclose, 60)
                await anyio.sleep(0.01)
                with pytest.raises(ClientClosed):
                    await client.converse(MODEL, "x")

    run(backend, main, 10)
    assert texts[-1] == "Hi"


@both
def test_closing_wakes_calls_that_wait(backend: str) -> None:
    """For a retry in a minute, and for a place that a stream holds that nobody reads: neither has to be waited for."""
    fake = FakeBedrock()
    fake.on(MODEL).always(throttled().retry_after(60))
    fake.on("held").always(reply("Hi").hang(after_events=1))
    failures: list[BedrockError] = []

    async def call(client: BedrockClient, model: str) -> None:
        with pytest.raises(ClientClosed) as caught:
            await client.converse(model, "x")
        failures.append(caught.value)

    async def main() -> None:
        async with fake.serve() as url:
            client = client_for(fake, url, max_in_flight=1)
            async with client.converse_stream("held", "x"), anyio.create_task_group() as tasks:
                tasks.start_soon(call, client, MODEL)
                tasks.start_soon(call, client, "held")
                await begun(client, 3)
                await client.aclose()
            assert client.stats.quota == 500
            assert client._made_hub is not None
            limiter = client._made_hub.limiter
            assert limiter is not None
            assert (limiter.in_flight("held"), limiter.waiting("held"), limiter.in_flight(MODEL)) == (0, 0, 0)

    run(backend, main, 10)
    assert sorted(failure.attempts for failure in failures) == [0, 1]


@both
def test_a_call_that_is_dropped_in_another_thread_is_over(backend: str) -> None:
    """The drain that waits for it wakes up."""

    async def main() -> None:
        calls = RunningCalls(running_loop())
        calls.begin()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(calls.drained)
            await anyio.sleep(0.02)
            await anyio.to_thread.run_sync(calls.drop)
        await calls.drained()

    run(backend, main, 5)
