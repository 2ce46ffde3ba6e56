"""The guide on testing: every Python block of it runs, and every test in it is run."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bedrock_converse import BedrockClient, testing
from bedrock_converse.testing import Answer, FakeBedrock, record, throttled
from bedrock_converse.testing.pytest_plugin import bedrock_client, fake_bedrock  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "us.amazon.nova-lite-v1:0"
GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text("utf-8")


def functions() -> dict[str, Callable[..., Any]]:
    names: dict[str, Any] = {"MODEL": MODEL}
    for number, source in enumerate(re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)):
        exec(compile(source, f"docs/testing.md block {number}", "exec"), names)
    return {name: value for name, value in names.items() if name.startswith("test_")}


FUNCTIONS = functions()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """What `make_recording` of the guide would write."""
    path = tmp_path / "rivers.jsonl"

    async def main() -> None:
        with FakeBedrock() as fake, fake.patch():
            fake.reply("Glomma, Lågen, Tana")
            async with BedrockClient() as bedrock, record(bedrock, path):
                await bedrock.converse(MODEL, "Name three rivers.")

    anyio.run(main)
    return path


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if inspect.iscoroutinefunction(FUNCTIONS[name])])
async def test_async_block(name: str, request: pytest.FixtureRequest) -> None:
    """An async test of the guide passes."""
    function = FUNCTIONS[name]
    await function(**{fixture: request.getfixturevalue(fixture) for fixture in inspect.signature(function).parameters})


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if not inspect.iscoroutinefunction(FUNCTIONS[name])])
def test_sync_block(name: str, request: pytest.FixtureRequest) -> None:
    """A test of the guide passes."""
    function = FUNCTIONS[name]
    function(**{fixture: request.getfixturevalue(fixture) for fixture in inspect.signature(function).parameters})


def test_all_blocks_are_tests() -> None:
    """Nothing in the guide goes unread."""
    assert len(FUNCTIONS) == 8


def test_names_in_the_text() -> None:
    """Each function and method that the guide names in its text exists."""
    text = re.sub(r"^```.*?^```$", "", GUIDE, flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"[`,] ?\.(\w+)\(", text):
        assert any(hasattr(kind, name) for kind in (Answer, FakeBedrock, testing.Route, type(throttled()))), name
    for name in re.findall(r"`(\w+)\(", text):
        assert hasattr(testing, name) or hasattr(FakeBedrock, name), name
