"""From the arguments of a call to a request: flat forms, boto3-shaped dicts, defaults, conflicts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bedrock_converse import (
    ConverseRequest,
    ConverseStreamRequest,
    InferenceConfiguration,
    Message,
    RequestInvalid,
    ToolConfiguration,
    user,
)
from bedrock_converse._wire.arguments import ARGUMENTS, build_converse, converted, json_body, validated
from bedrock_converse._wire.serialize import serialize
from bedrock_converse.tools import tool
from bedrock_converse.types import (
    CachePointBlock,
    GuardrailConfiguration,
    GuardrailStreamConfiguration,
    ToolSpecification,
    UnknownBlock,
)

TOOLS = {"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {"type": "object"}}}}]}


def body(messages: Any = "x", defaults: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """What would go over the wire."""
    request = build_converse(ConverseRequest, "m", messages, arguments, defaults)
    wire = serialize(request)
    wire.body.encode()
    return json.loads(b"".join(wire.body.pieces))


def test_every_member_of_the_request_is_an_argument() -> None:
    """A member that AWS adds must not be forgotten here."""
    members = ConverseRequest.model_fields.keys() | ConverseStreamRequest.model_fields.keys()
    assert members - {"model_id", "messages"} <= ARGUMENTS


@pytest.mark.parametrize(
    "messages",
    [
        "x",
        user("x"),
        [user("x")],
        [{"role": "user", "content": [{"text": "x"}]}],
        ({"role": "user", "content": ["x"]},),
    ],
)
def test_messages(messages: Any) -> None:
    """All the ways to say the same."""
    assert body(messages) == {"messages": [{"role": "user", "content": [{"text": "x"}]}]}


def test_no_messages() -> None:
    """A prompt ARN brings its own."""
    assert body(None, prompt_variables={"city": {"text": "Oslo"}}) == {"promptVariables": {"city": {"text": "Oslo"}}}


def test_the_users_objects_are_not_changed() -> None:
    """Neither lists nor models nor dicts."""
    history: list[Any] = [user("x")]
    config = InferenceConfiguration(temperature=0.5)
    tools = ToolConfiguration.model_validate(TOOLS)
    before = (list(history), config.model_copy(deep=True), tools.model_copy(deep=True))
    body(history, inference_config=config, max_tokens=3, tool_config=tools, tool_choice="any", system="s")
    assert (history, config, tools) == before
    shaped = json.loads(json.dumps(TOOLS))
    body(tool_config=shaped, tool_choice="any")
    assert shaped == TOOLS


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", {"auto": {}}),
        ("any", {"any": {}}),
        ("t", {"tool": {"name": "t"}}),
        ({"tool": {"name": "t"}}, {"tool": {"name": "t"}}),
    ],
)
def test_tool_choice(choice: Any, wire: Any) -> None:
    """A word, a name, or AWS's shape."""
    assert body(tool_config=TOOLS, tool_choice=choice)["toolConfig"]["toolChoice"] == wire


def test_flat_tools() -> None:
    """Specifications, AWS's shapes, and whatever knows its specification; the choice is flat, too, or in the config."""

    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    [shaped] = TOOLS["tools"]
    specification = ToolSpecification(name="s", input_schema={"type": "object"})
    sent = body(tools=[shaped, specification, weather, CachePointBlock(), UnknownBlock("new", {})], tool_choice="any")
    assert [next(iter(given)) for given in sent["toolConfig"]["tools"]] == ["toolSpec"] * 3 + ["cachePoint", "new"]
    assert [given["toolSpec"]["name"] for given in sent["toolConfig"]["tools"][:3]] == ["t", "s", "weather"]
    assert sent["toolConfig"]["toolChoice"] == {"any": {}}
    assert body(tools=(shaped,), tool_config={"toolChoice": {"auto": {}}})["toolConfig"] == {
        **TOOLS,
        "toolChoice": {"auto": {}},
    }


def test_no_tools() -> None:
    """An empty list says the same as none: AWS refuses it."""
    assert "toolConfig" not in body(tools=[])


def test_flat_forms() -> None:
    """The common ones, beside a config of the rest."""
    sent = body(system="Be brief.", service_tier="flex", stop_sequences=["END"], inference_config={"topP": 0.1})
    assert sent["system"] == [{"text": "Be brief."}]
    assert sent["serviceTier"] == {"type": "flex"}
    assert sent["inferenceConfig"] == {"topP": 0.1, "stopSequences": ["END"]}


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"max_tokens": 1, "inference_config": {"max_tokens": 2}}, "max_tokens"),
        ({"top_p": 1, "inference_config": InferenceConfiguration(top_p=0.5)}, "top_p"),
        ({"tool_choice": "any", "tool_config": {**TOOLS, "toolChoice": {"auto": {}}}}, "tool_choice"),
        ({"tools": TOOLS["tools"], "tool_config": TOOLS}, "tools"),
        ({"tools": [], "tool_config": ToolConfiguration.model_validate(TOOLS)}, "tools"),
    ],
)
def test_given_twice(arguments: dict[str, Any], path: str) -> None:
    """Flat and in the config: an error, even if they agree."""
    with pytest.raises(RequestInvalid, match="twice") as caught:
        body(**arguments)
    assert caught.value.path == path


def test_unknown_arguments_get_a_hint() -> None:
    """The closest name that there is, and where new members of AWS's go."""
    with pytest.raises(RequestInvalid, match="did you mean temperature=") as caught:
        body(temprature=1)
    assert "extra_fields" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"max_tokens": "many"}, "inferenceConfig.maxTokens"),
        ({"inference_config": 5}, "inferenceConfig"),
        ({"tool_config": 5, "tool_choice": "any"}, "toolConfig"),
        ({"inference_config": 5, "max_tokens": 5}, "inferenceConfig"),
        ({"system": 5}, "system"),
        ({"tool_config": {"tools": [{"toolSpec": {"name": 5}}]}}, "toolConfig"),
        ({"request_metadata": {"a": 1}}, "requestMetadata"),
        ({"service_tier": 5}, "serviceTier"),
        ({"tools": 5}, "tools"),
        ({"tools": "weather"}, "tools"),
        ({"tools": TOOLS}, "tools"),
        ({"tools": [5]}, "toolConfig"),
        ({"tools": [{"name": "t"}]}, "toolConfig"),
        ({"tools": [print]}, "tools[0]"),
        ({"tools": [], "tool_choice": "any"}, "tool_choice"),
    ],
)
def test_wrong_types(arguments: dict[str, Any], path: str) -> None:
    """Our error, with the place in AWS's names."""
    with pytest.raises(RequestInvalid) as caught:
        body(**arguments)
    assert (caught.value.path or "").replace("inference_config", "inferenceConfig").startswith(path)


@pytest.mark.parametrize("messages", [5, b"x", {"role": "user"}, [5], ["x"], [None], {1, 2}])
def test_wrong_messages(messages: Any) -> None:
    """Each says what to write instead."""
    with pytest.raises(RequestInvalid) as caught:
        body(messages)
    assert (caught.value.path or "").startswith("messages")


def test_an_empty_list_of_messages_passes() -> None:
    """Whether that is allowed is AWS's to say."""
    assert body([]) == {"messages": []}


def test_converting_keeps_what_nobody_knows() -> None:
    """A request parsed from JSON goes out in the other operation with its unknown members."""
    request = ConverseRequest.model_validate_json('{"modelId":"m","new":{"a":1}}')
    other = converted(request, ConverseStreamRequest)
    assert type(other) is ConverseStreamRequest
    assert other.__pydantic_extra__ == {"new": {"a": 1}}
    assert converted(request, ConverseRequest) is request


def test_guardrails_of_the_other_operation() -> None:
    """The config of either is taken by both, but for the member that only streams have."""
    plain = GuardrailConfiguration(guardrail_identifier="g", guardrail_version="1")
    made = build_converse(ConverseStreamRequest, "m", "x", {"guardrail_config": plain})
    assert isinstance(made.guardrail_config, GuardrailStreamConfiguration)
    streaming = GuardrailStreamConfiguration(guardrail_identifier="g", guardrail_version="1")
    assert isinstance(
        build_converse(ConverseRequest, "m", "x", {"guardrail_config": streaming}).guardrail_config,
        GuardrailConfiguration,
    )


def test_json_bodies() -> None:
    """Bytes as they are; a dict as JSON, text unescaped; what JSON cannot hold is refused."""
    assert json_body(memoryview(b"raw")) == b"raw"
    assert json_body({"a": "é"}) == '{"a":"é"}'.encode()
    circle: dict[str, Any] = {}
    circle["a"] = circle
    for wrong in ({"a": float("nan")}, {"a": {1}}, circle, {"a": "\ud800"}, {1: "a"}, "text", '{"a": 1}', 5, None):
        with pytest.raises(RequestInvalid) as caught:
            json_body(wrong)
        assert (caught.value.path or "").startswith("body")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"messages": [{"role": "user", "content": "the prompt"}]},
            "messages[0].content: must be a list, not one str: put it into [...]",
        ),
        ({"system": {"text": "the prompt"}}, "system: must be a list, not one dict: put it into [...]"),
        (
            {"stop_sequences": "the prompt"},
            "inferenceConfig.stopSequences: must be a list, not one str: put it into [...]",
        ),
    ],
)
def test_one_for_many(arguments: dict[str, Any], message: str) -> None:
    """What other APIs take, and AWS does not: the message says what to do."""
    with pytest.raises(RequestInvalid) as caught:
        body(**arguments)
    assert str(caught.value) == message


def test_a_member_that_cannot_be_written() -> None:
    """Half of a surrogate pair in a name: our error all the same, and one that a log can hold."""
    with pytest.raises(RequestInvalid) as caught:
        body([{"role": "user", "content": [{"text": "x", "\ud800": 1}]}])
    str(caught.value).encode()
    with pytest.raises(RequestInvalid) as caught:
        body(**{"bogus\ud800": 1})
    f"{caught.value} {caught.value.path} {caught.value.problem}".encode()


def test_no_input_in_the_message() -> None:
    """pydantic's own text would show it."""
    with pytest.raises(RequestInvalid) as caught:
        validated(ConverseRequest, {"model_id": "m", "messages": "the secret prompt"})
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_messages_of_a_reply() -> None:
    """A history grows by what came back."""
    answer = Message(role="assistant", content=["Hi"])
    assert body([user("x"), answer, user("y")])["messages"][1] == {"role": "assistant", "content": [{"text": "Hi"}]}
