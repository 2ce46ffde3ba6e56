"""The command and its models: a local Bedrock for developing without AWS."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_converse import BedrockClient, user
from bedrock_converse.cli import main
from bedrock_converse.testing import FakeBedrock
from bedrock_converse.testing.models import LOCAL_MODELS, example
from bedrock_converse.types import ToolResultBlock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOLS: Any = {
    "tools": [
        {
            "toolSpec": {
                "name": "weather",
                "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
            }
        }
    ]
}


@pytest.fixture
def client() -> Iterator[BedrockClient]:
    fake = FakeBedrock()
    for name, model in LOCAL_MODELS.items():
        fake.on(name).always(model)
    with fake.patch():
        yield BedrockClient()


async def test_echo(client: BedrockClient) -> None:
    """It says what it was told, cut at max_tokens."""
    assert (await client.converse("echo", "Say this.")).text == "Say this."
    cut = await client.converse("echo", "one two three four five", max_tokens=3)
    assert cut.stop_reason == "max_tokens"
    assert "one two three four five".startswith(cut.text)


async def test_lorem(client: BedrockClient) -> None:
    """As long as max_tokens says."""
    result = await client.converse("lorem", "Go.", max_tokens=50)
    assert 45 <= result.usage.output_tokens <= 50


async def test_tools(client: BedrockClient) -> None:
    """It calls a tool with arguments of its schema, then tells what came."""
    history = [user("How is the weather?")]
    result = await client.converse("tools", history, tool_config=TOOLS)
    [call] = result.tool_uses
    assert (result.stop_reason, call.name, call.input) == ("tool_use", "weather", {"city": "example"})
    history += [result.message, user(ToolResultBlock(tool_use_id=call.tool_use_id, content=["Rain."]))]
    assert "Rain." in (await client.converse("tools", history, tool_config=TOOLS)).text
    assert "no tools" in (await client.converse("tools", "Hi")).text


async def test_other_operations(client: BedrockClient) -> None:
    """The models count tokens and let everything through a guardrail."""
    assert (await client.count_tokens("echo", "Hi")).input_tokens > 0
    assert (await client.apply_guardrail("echo", "1", "Hi")).action == "NONE"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": ["boolean", "null"]}, True),
        ({"type": "array", "items": {"const": 7}}, [7]),
        ({"anyOf": [{"type": "number"}]}, 1.5),
        ({"type": "object", "properties": {"a": {"default": 3}, "b": {}}, "required": ["a"]}, {"a": 3}),
        (True, None),
    ],
)
def test_example(schema: Any, value: Any) -> None:
    """Values are made up from a schema."""
    assert example(schema) == value


def test_serve(tmp_path: Path) -> None:
    """`python -m bedrock_converse serve` prints its address and answers, scripted models included."""
    script = tmp_path / "script.py"
    script.write_text('fake.on("mine").then(throttled()).always(reply("scripted"))\n')
    command = [sys.executable, "-m", "bedrock_converse", "serve", "--port", "0", "--tps", "0", "--ttft", "0"]
    with subprocess.Popen([*command, "--script", str(script)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split(" listens at ")[1].split()[0]
            fake = FakeBedrock()

            async def ask() -> list[str]:
                async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as client:
                    return [(await client.converse(model, "Hi")).text for model in ("mine", "echo", "any.other-model")]

            import anyio

            assert anyio.run(ask) == ["scripted", "Hi", "Hi"]
        finally:
            process.terminate()


def test_port_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is taken is told in one line."""
    with FakeBedrock().serve() as url:
        assert main(["serve", "--port", url.rpartition(":")[2]]) == 1
    assert "in use" in capsys.readouterr().err
