"""The first call of a process: imports happen in a thread, while other calls already start."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import Any

import pytest
from busy_threads import busy_threads
from engine import both, client_for, run

from bedrock_converse._http import first_use, tls
from bedrock_converse._loop import running_loop
from bedrock_converse.errors import ConfigError
from bedrock_converse.testing import FakeBedrock

FIFTY_AT_ONCE = """
import asyncio
from bedrock_converse import BedrockClient
from bedrock_converse.testing import FakeBedrock

async def main():
    fake = FakeBedrock()
    fake.on().always("Hello")
    keys = fake.credentials
    async with fake.serve() as url, BedrockClient(region="us-east-1", endpoint_url=url, credentials=keys) as c:
        async def later(delay):
            await asyncio.sleep(delay)
            return (await c.converse("m", "Hi")).text
        answers = await asyncio.gather(*[later(number / 200) for number in range(50)])
        assert answers == ["Hello"] * 50

asyncio.run(main())
"""


@pytest.fixture
def half_imported_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    """trio as the other calls see it while a thread imports it (httpcore does, where it is installed)."""
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))


async def test_the_loop_is_found_while_trio_is_imported(half_imported_trio: None) -> None:
    """Who runs under asyncio does not stumble over a trio that has no `lowlevel` yet, in a task or a callback."""
    loop = asyncio.get_running_loop()
    seen = loop.create_future()
    loop.call_soon(lambda: seen.set_result(running_loop()))
    assert running_loop() is await seen is loop


async def test_a_call_begins_while_trio_is_imported(half_imported_trio: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second first call does not either."""
    monkeypatch.setattr(first_use, "_ready", set())
    await first_use.ready("Converse")


def test_first_calls_at_any_moment() -> None:
    """Calls that start while the first one still imports, in a process of their own."""
    done = subprocess.run([sys.executable, "-c", FIFTY_AT_ONCE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]


def own_threads() -> list[str]:
    """Those of ours that still run, once they had a moment to end."""
    for _ in range(100):
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("bedrock-converse")]
        if not names:
            break
        time.sleep(0.01)
    return names


@both
def test_first_calls_when_the_threads_are_taken(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that fills its loop's threads (with boto3, say) does not hold up our first call, nor anything else
    that needs a thread: settings, TLS, a credentials callable, a large body. None of our threads is left."""
    fake = FakeBedrock()
    fake.on().always("Hello")

    async def main() -> None:
        monkeypatch.setattr(first_use, "_ready", set())
        monkeypatch.setattr(tls, "_contexts", {})
        async with busy_threads(backend), fake.serve() as url:
            async with client_for(url, credentials=lambda: fake.credentials) as client:
                assert (await client.converse("m", "Hi" * 500_000)).text == "Hello"
            assert await tls.load_tls_context()

    run(backend, main)
    assert own_threads() == []


@both
def test_many_first_calls_load_once(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred calls that start together take one thread, not a hundred."""
    loads: list[str] = []
    load = first_use._load

    def counted(request_class: type[Any]) -> None:
        loads.append(threading.current_thread().name)
        time.sleep(0.05)
        load(request_class)

    async def main() -> None:
        import anyio

        monkeypatch.setattr(first_use, "_ready", set())
        monkeypatch.setattr(first_use, "_load", counted)
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(first_use.ready, "Converse")

    run(backend, main)
    assert loads == ["bedrock-converse-first-use"]


@both
def test_no_thread_can_be_had(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process at its limit of threads: a typed error for each who waits, and a later call tries again."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        monkeypatch.setattr(first_use, "_ready", set())
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            for _ in range(2):
                with pytest.raises(ConfigError, match="no thread can be started"):
                    await first_use.ready("Converse")
        await first_use.ready("Converse")

    run(backend, main)
