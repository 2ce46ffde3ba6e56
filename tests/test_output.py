"""Answers as values: both ways of asking, checking, one repair, and typed failures."""

from __future__ import annotations

import json
import pickle
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from fake_client import bedrock, sent, under_trio
from pydantic import BaseModel, Field

from bedrock_converse.errors import RequestInvalid
from bedrock_converse.output import OutputInvalid, OutputTruncated, Parsed, parse
from bedrock_converse.profiles import Profile
from bedrock_converse.testing import FakeBedrock, reply, tool_call
from bedrock_converse.types import OutputConfig, ToolResultBlock, ToolSpecification, assistant, user

NATIVE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOL = "us.amazon.nova-lite-v1:0"


class City(BaseModel):
    """A city."""

    name: str
    people: Annotated[int, Field(ge=0)]
    founded: date | None = None


class Tree(BaseModel):
    children: list[Tree] = []


async def ask(
    model_id: str, *answers: Any, kind: Any = City, messages: Any = "Oslo?", **options: Any
) -> tuple[Parsed[Any], FakeBedrock]:
    fake = FakeBedrock()
    fake.on(model_id).then(*answers)
    async with bedrock(fake) as client:
        return await parse(client, model_id, messages, kind, **options), fake


OSLO = '{"name": "Oslo", "people": 700000, "founded": "1048-01-01"}'
VALUE = City(name="Oslo", people=700000, founded=date(1048, 1, 1))


async def test_native() -> None:
    """The schema goes out as a string, in AWS's subset; the answer's text comes back as the value."""
    parsed, fake = await ask(NATIVE, reply(OSLO), system="Facts.", output_config=OutputConfig(effort="low"))
    assert (parsed.value, parsed.mode, parsed.repaired) == (VALUE, "native", False)
    assert parsed.usage.requests == 1
    body = sent(fake)
    assert body["outputConfig"]["effort"] == "low"
    definition = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert (definition["name"], definition["description"]) == ("City", "A city.")
    schema = json.loads(definition["schema"])
    assert schema["additionalProperties"] is False
    assert schema["properties"]["people"] == {"type": "integer", "description": "(minimum: 0)"}
    assert "toolConfig" not in body


async def test_tool() -> None:
    """Where the profile knows of no structured output, a tool is forced, with the whole schema."""
    parsed, fake = await ask(TOOL, reply("Sure.", tool_call("City", json.loads(OSLO))))
    assert (parsed.value, parsed.mode) == (VALUE, "tool")
    config = sent(fake)["toolConfig"]
    assert config["toolChoice"] == {"tool": {"name": "City"}}
    assert config["tools"][0]["toolSpec"]["description"] == "A city."
    assert config["tools"][0]["toolSpec"]["inputSchema"]["json"]["properties"]["people"]["minimum"] == 0


def test_trio() -> None:
    """The same on trio."""

    async def main() -> None:
        assert (await ask(NATIVE, reply(OSLO)))[0].value == VALUE

    under_trio(main)


async def test_a_type_that_aws_cannot_say() -> None:
    """Recursion goes by a tool, unless native was asked for."""
    parsed, _ = await ask(NATIVE, reply(tool_call("Tree", {"children": [{}]})), kind=Tree)
    assert parsed.mode == "tool"
    with pytest.raises(RequestInvalid, match="Tree contains itself"):
        await ask(NATIVE, kind=Tree, mode="native")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (list[City], f'{{"value": [{OSLO}]}}', [VALUE]),
        (list[City], f"[{OSLO}]", [VALUE]),
        (Literal["yes", "no"], '{"value": "yes"}', "yes"),
        (int, "7", 7),
        (dict[str, int], '{"a": 1}', {"a": 1}),
    ],
)
async def test_other_types(kind: Any, text: str, value: Any) -> None:
    """What is no object is wrapped in one, and read without the wrapper too."""
    answer = (
        reply(tool_call(getattr(kind, "__name__", "answer"), json.loads(text)))
        if kind == dict[str, int]
        else reply(text)
    )
    parsed, _ = await ask(NATIVE, answer, kind=kind)
    assert parsed.value == value


async def test_fenced_json() -> None:
    """Models love code fences."""
    assert (await ask(NATIVE, reply(f"```json\n{OSLO}\n```")))[0].value == VALUE


async def test_repair_native() -> None:
    """The answer goes back once, with what is wrong; the bill counts both."""
    parsed, fake = await ask(NATIVE, reply('{"name": "Oslo", "people": -1}'), reply(OSLO))
    assert (parsed.value, parsed.repaired, parsed.usage.requests) == (VALUE, True, 2)
    history = sent(fake)["messages"]
    assert [message["role"] for message in history] == ["user", "assistant", "user"]
    assert "people: Input should be greater than or equal to 0" in history[2]["content"][0]["text"]


async def test_repair_tool() -> None:
    """Every call of the reply gets its result; the wrong one with what is wrong."""
    wrong = reply(tool_call("City", {"name": 1}, id="x"), tool_call("search", id="y"))
    other = ToolSpecification(name="search", input_schema={"type": "object"})
    parsed, fake = await ask(
        TOOL, wrong, reply(tool_call("City", json.loads(OSLO))), tool_config={"tools": [{"toolSpec": other}]}
    )
    assert parsed.value == VALUE
    results = sent(fake)["messages"][2]["content"]
    assert [(block["toolResult"]["toolUseId"], block["toolResult"]["status"]) for block in results] == [
        ("x", "error"),
        ("y", "error"),
    ]
    assert "name: Input should be a valid string" in results[0]["toolResult"]["content"][0]["text"]
    assert [each["toolSpec"]["name"] for each in sent(fake)["toolConfig"]["tools"]] == ["search", "City"]


async def test_beside_flat_tools() -> None:
    """The answer's own tool stands behind those of the question."""
    other = ToolSpecification(name="search", input_schema={"type": "object"})
    _, fake = await ask(TOOL, reply(tool_call("City", json.loads(OSLO))), tools=[other])
    assert [each["toolSpec"]["name"] for each in sent(fake)["toolConfig"]["tools"]] == ["search", "City"]


async def test_text_instead_of_the_call() -> None:
    """JSON in the text is taken; prose is answered with a request for the call."""
    assert (await ask(TOOL, reply(OSLO)))[0].value == VALUE
    parsed, fake = await ask(TOOL, reply("It is Oslo."), reply(tool_call("City", json.loads(OSLO))))
    assert parsed.value == VALUE
    assert "Call the tool City." in sent(fake)["messages"][2]["content"][0]["text"]


async def test_invalid() -> None:
    """After the repair: raw text, errors without values, reply and bill; the message does not quote the answer."""
    with pytest.raises(OutputInvalid, match=r"people \(missing\)") as caught:
        await ask(NATIVE, reply('{"name": "secret"}'), reply('{"name": "secret"}'))
    error = caught.value
    assert error.raw == '{"name": "secret"}'
    assert [(problem["type"], problem["loc"]) for problem in error.errors] == [("missing", ("people",))]
    assert error.usage.requests == 2
    assert "secret" not in str(error)
    assert pickle.loads(pickle.dumps(error)).errors == error.errors


async def test_no_repairs() -> None:
    """`repairs=0` asks once."""
    with pytest.raises(OutputInvalid):
        await ask(NATIVE, reply("nonsense"), repairs=0)


async def test_broken_tool_input() -> None:
    """Raw text that is no JSON is an invalid answer, and readable."""
    broken = {"toolUse": {"toolUseId": "x", "name": "City", "input": '{"name": '}}
    with pytest.raises(OutputInvalid) as caught:
        await ask(TOOL, reply(broken), repairs=0)
    assert caught.value.raw == '{"name": '


@pytest.mark.parametrize("stop", ["max_tokens", "model_context_window_exceeded"])
async def test_truncated(stop: str) -> None:
    """A cut answer is not repaired, even when what there is can be read."""
    with pytest.raises(OutputTruncated, match=stop):
        await ask(NATIVE, reply(OSLO, stop_reason=stop))


@pytest.mark.parametrize("stop", ["guardrail_intervened", "content_filtered"])
async def test_withheld(stop: str) -> None:
    """Asking again would not help."""
    with pytest.raises(OutputInvalid, match=f"withheld: {stop}") as caught:
        await ask(NATIVE, reply("Sorry.", stop_reason=stop))
    assert not isinstance(caught.value, OutputTruncated)


@pytest.mark.parametrize(
    ("profile", "choice"),
    [
        (Profile(tool_choice=frozenset({"auto", "any"})), {"any": {}}),
        (Profile(tool_choice=frozenset({"auto"})), None),
        (Profile(forced_tool_with_reasoning=False), None),
    ],
)
async def test_what_the_profile_allows(profile: Profile, choice: Any) -> None:
    """No choice that the model would refuse."""
    _, fake = await ask(
        TOOL,
        reply(tool_call("City", json.loads(OSLO))),
        profiles=profile,
        additional_model_request_fields={"thinking": {"type": "enabled", "budget_tokens": 1024}},
    )
    assert sent(fake)["toolConfig"].get("toolChoice") == choice


async def test_a_format_of_ones_own() -> None:
    """Would be overwritten in silence."""
    own = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}}
    with pytest.raises(RequestInvalid, match="what parse"):
        await ask(NATIVE, output_config=own)


async def test_the_history_is_not_modified() -> None:
    """Whatever goes back and forth."""
    history = [user("a"), assistant("b"), user("c", ToolResultBlock(tool_use_id="1", content=["x"]))]
    await ask(NATIVE, reply("no"), reply(OSLO), messages=history)
    assert len(history) == 3
