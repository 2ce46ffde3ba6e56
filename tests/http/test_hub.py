"""What views share: resolved once, bounded, safe between threads."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pytest
from engine import KEYS, both, run
from stepwise import WAYS, EveryAwait

from bedrock_converse._aws.credentials import resolve_identity
from bedrock_converse._http import hub as module
from bedrock_converse._http.hub import Hub
from bedrock_converse._loop import call_in_loop, running_loop
from bedrock_converse.client import BedrockClient
from bedrock_converse.errors import ClientClosed, ConfigError


def new_hub() -> Hub:
    return Hub(http_client=None, max_connections=10, limiter=None, proxy=None, verify=None)


async def target(hub: Hub, **options: Any) -> Any:
    identity = resolve_identity(credentials=KEYS, api_key=None, profile=None, environ={}, known=hub.identities)
    defaults: dict[str, Any] = {
        "region": "us-east-1",
        "endpoint_url": None,
        "profile": None,
        "credentials": KEYS,
        "allow_insecure": False,
    }
    return await hub.target(identity, **{**defaults, **options})


@both
def test_settings_are_read_once(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred calls that start together, and all that follow."""
    import anyio

    reads: list[int] = []
    real = module._resolve

    def counted(*args: Any) -> Any:
        reads.append(1)
        return real(*args)

    monkeypatch.setattr(module, "_resolve", counted)

    async def main() -> None:
        hub = new_hub()
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(target, hub)
        await target(hub)
        assert len(reads) == 1
        await target(hub, region="eu-west-1")
        assert len(reads) == 2

    run(backend, main)


async def test_a_failed_look_up_is_repeated() -> None:
    """No region now does not mean none later."""
    hub = new_hub()
    with pytest.raises(ConfigError, match="region"):
        await target(hub, region=None)
    assert (await target(hub, region="us-east-1")).endpoint.region == "us-east-1"


async def test_views_share_clock_and_quota() -> None:
    """A clock per endpoint, a quota per identity."""
    hub = new_hub()
    one, two, other = await target(hub), await target(hub), await target(hub, region="eu-west-1")
    assert one.clock is two.clock
    assert one.clock is not other.clock
    assert one.quota is two.quota is other.quota


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view per region or tenant for ever does not grow without end; the ones used last stay."""
    monkeypatch.setattr(module, "REMEMBERED", 5)
    hub = new_hub()
    for number in range(20):
        await target(hub, endpoint_url=f"http://127.0.0.1:{number + 1}")
    assert len(hub._endpoints) <= 6
    assert len(hub._clocks) <= 6
    assert ("us-east-1", "http://127.0.0.1:20", None, None) in hub._endpoints


async def test_one_transport_per_loop() -> None:
    """The same one in this loop, another in another thread's; those of ended loops are dropped."""
    hub = new_hub()
    here = await hub.loop(secure=False)
    assert await hub.loop(secure=False) is here
    others: list[Any] = []

    async def there() -> None:
        others.append(await hub.loop(secure=False))

    thread = threading.Thread(target=lambda: asyncio.run(there()))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert others[0] is not here
    other = threading.Thread(target=lambda: asyncio.run(there()))
    other.start()
    await asyncio.to_thread(other.join)
    assert len(hub._loops) == 2


@both
def test_ended_loops_are_forgotten(backend: str) -> None:
    """A job after the other, each with a run of its own, leaves one entry and not one per job."""
    hub = new_hub()

    async def job() -> None:
        await hub.loop(secure=False)

    for _ in range(5):
        run(backend, job)
    assert len(hub._loops) == 1


class Other:
    """An event loop in another thread, in which a call has begun."""

    def __init__(self, hub: Hub, backend: str) -> None:
        self._hub = hub
        self._begun = threading.Event()
        self._leave: Any = None
        self.running: Any = None
        self.key: Any = None
        self.thread = threading.Thread(target=anyio.run, args=(self._main,), kwargs={"backend": backend})
        self.thread.start()
        assert self._begun.wait(5)

    async def _main(self) -> None:
        self._leave = anyio.Event()
        self.key = running_loop()
        self.running = (await self._hub.loop(secure=False)).running
        self.running.begin()
        self._begun.set()
        await self._leave.wait()

    def leave(self) -> None:
        """Have the loop end."""
        call_in_loop(self.key, self._leave.set)


@both
@pytest.mark.parametrize("there", ["asyncio", "trio"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_drain_waits_for_no_loop_that_has_ended(backend: str, there: str, when: str) -> None:
    """With a stream that was left open, say: nothing can end that any more."""
    hub = new_hub()
    other = Other(hub, there)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            if when == "before":
                other.leave()
                await anyio.to_thread.run_sync(other.thread.join, 5)
            tasks.start_soon(hub.aclose, 60)
            await anyio.sleep(0.05)
            other.leave()

    run(backend, main, 5)
    other.thread.join(5)
    assert other.running.busy


@both
def test_a_drain_waits_for_no_loop_that_stands_still(backend: str) -> None:
    """One that is driven step by step, and has a call left: nothing will end that."""
    hub = new_hub()
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        (await hub.loop(secure=False)).running.begin()

    async def main() -> None:
        await hub.aclose(60)

    loop.run_until_complete(begin())
    run(backend, main, 5)
    assert hub.closed
    loop.close()


@both
@pytest.mark.parametrize("there", ["asyncio", "trio"])
def test_a_drain_cancelled_at_every_await(backend: str, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of other threads are told that it is over; whoever is not cancelled waits for their end."""

    class Asked(module.RunningCalls):
        """Over when it is asked for the third time."""

        asked = 0

        @property
        def busy(self) -> bool:
            self.asked += 1
            if self.asked == 3:
                self.end()
            return super().busy

    monkeypatch.setattr(module, "RunningCalls", Asked)

    async def main() -> None:
        for way in WAYS[backend]:
            for run_cancelled in EveryAwait(way, at_least=2):
                hub = new_hub()
                other = Other(hub, there)
                try:
                    cancelled = await run_cancelled(partial(hub.aclose, 60))
                    assert hub.closed
                    if not cancelled:
                        assert not other.running.busy
                finally:
                    other.leave()
                    await anyio.to_thread.run_sync(other.thread.join, 5)
                assert other.running._closed

    run(backend, main)


async def test_closed() -> None:
    """For good."""
    hub = new_hub()
    await hub.aclose(0)
    with pytest.raises(ClientClosed):
        await hub.loop()
    with pytest.raises(ClientClosed):
        hub.check_usable()


def test_one_hub_for_threads_that_start_together() -> None:
    """Two would have two sets of connections, one of which nobody closes."""
    for _ in range(20):
        client = BedrockClient(region="us-east-1", credentials=KEYS)
        begin = threading.Barrier(4)
        hubs: list[Any] = []

        def work(client: BedrockClient = client, begin: threading.Barrier = begin, hubs: list[Any] = hubs) -> None:
            begin.wait(5)
            hubs.append(client.with_options(max_tokens=3)._hub)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert len({id(hub) for hub in hubs}) == 1
