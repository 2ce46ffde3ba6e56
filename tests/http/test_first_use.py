"""The first call of a process: imports happen in a thread, while other calls already start."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_converse._aws import flight
from bedrock_converse._http import first_use, network
from bedrock_converse.types import ConverseRequest

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize("running_loop", [flight.running_loop, network.running_loop])
async def test_the_loop_is_found_while_trio_is_imported(
    half_imported_trio: None, running_loop: Callable[[], Any]
) -> None:
    """Who runs under asyncio does not stumble over a trio that has no `lowlevel` yet."""
    assert running_loop()


async def test_a_call_begins_while_trio_is_imported(half_imported_trio: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second first call does not either."""
    monkeypatch.setattr(first_use, "_ready", set())
    await first_use.ready(ConverseRequest)


def test_first_calls_at_any_moment() -> None:
    """Calls that start while the first one still imports, in a process of their own."""
    done = subprocess.run([sys.executable, "-c", FIFTY_AT_ONCE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
