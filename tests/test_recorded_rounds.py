"""Rounds that other clients recorded against AWS: given the same replies, ours sends the same JSON."""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from fake_client import bedrock, sent
from pydantic import BaseModel

from bedrock_converse.output import parse
from bedrock_converse.testing import FakeBedrock, reply
from bedrock_converse.tools import run_tools, tool, tool_config
from bedrock_converse.types import ConverseResponse, ToolResultBlock, assistant, user

WIRE = Path(__file__).resolve().parents[1] / ".." / "shared" / "wire"
DICE = (
    "ruby_llm__chat_function_calling_bedrock_amazon_nova-2-lite-v1_0"
    "_can_handle_multiple_tool_calls_in_a_single_response"
)
NATIVE = "pydantic-ai__test_strict_tool_calls__test_bedrock_strict_tool_with_native_output"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def recorded(slug: str) -> tuple[dict[str, Any], ConverseResponse]:
    path = WIRE / f"{slug}.json"
    if not path.exists():
        pytest.skip("no recordings here")
    found = json.loads(path.read_text("utf-8"))
    body = base64.b64decode(found["response"]["body_b64"])
    return found["request"]["body"], ConverseResponse.model_validate_json(body)


async def test_parallel_calls_and_their_results() -> None:
    """Three calls in one reply: the second request has the history, ids and results as recorded."""
    (first, calls), (second, answer) = recorded(f"{DICE}__00"), recorded(f"{DICE}__01")
    rolls = itertools.count(1)

    @tool
    async def dice_roll() -> str:
        """Rolls a single six-sided die and returns the result"""
        return json.dumps({"roll": next(rolls)}, separators=(",", ":"))

    fake = FakeBedrock()
    fake.on(MODEL).then(reply(calls), reply(answer))
    async with bedrock(fake) as client:
        run = await run_tools(client, MODEL, "Roll the dice 3 times", [dice_roll], system=first["system"])
    assert run.text == answer.text
    for ours, theirs in ((sent(fake, 0), first), (sent(fake, 1), second)):
        assert ours["messages"] == theirs["messages"]
        assert ours["system"] == theirs["system"]
        [spec], [their_spec] = (body["toolConfig"]["tools"] for body in (ours, theirs))
        assert all(spec["toolSpec"][name] == their_spec["toolSpec"][name] for name in ("name", "description"))
        schema = their_spec["toolSpec"]["inputSchema"]["json"]
        schema = {key: value for key, value in schema.items() if key in ("type", "properties", "additionalProperties")}
        assert spec["toolSpec"]["inputSchema"]["json"] == schema


async def test_native_output_beside_a_strict_tool() -> None:
    """Schema, name and description of the output, and the strict tool, as AWS accepted them."""
    body, answer = recorded(f"{NATIVE}__01")

    class CityInfo(BaseModel):
        """Information about a city."""

        city: str
        country: str
        population: int

    @tool(strict=True)
    def lookup_population(city: str) -> int:
        return 2161000

    call = body["messages"][1]["content"][0]["toolUse"]
    history = [
        user(body["messages"][0]["content"][0]["text"]),
        assistant({"toolUse": call}),  # type: ignore[arg-type]
        user(ToolResultBlock(tool_use_id=call["toolUseId"], content=["2161000"], status="success")),
    ]
    fake = FakeBedrock()
    fake.on(MODEL).then(reply(answer))
    async with bedrock(fake) as client:
        config = tool_config([lookup_population], "auto")
        parsed = await parse(client, MODEL, history, CityInfo, tool_config=config)
    assert (parsed.value.population, parsed.mode) == (2161000, "native")
    ours = sent(fake)
    assert ours["messages"] == body["messages"]
    assert ours["toolConfig"] == body["toolConfig"]
    definition = ours["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    theirs = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert definition | {"schema": json.loads(definition["schema"])} == theirs | {
        "schema": json.loads(theirs["schema"])
    }
