"""What pydantic's serializer would write without a word: each of these is found, and whatever is found has a name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from wire.generate import BY_NAME, SERVICE, complete

from bedrock_converse._wire.diagnose import find_problem
from bedrock_converse._wire.soundness import Unsound, container_of, expected_model, is_text, spend_model
from bedrock_converse.types import (
    ConverseRequest,
    CountTokensRequest,
    DocumentBlock,
    GuardrailConverseTextBlock,
    ImageBlock,
    InferenceConfiguration,
    InvokeModelTokensRequest,
    JsonBlock,
    Message,
    Model,
    PromptVariableValues,
    ReasoningTextBlock,
    RedactedReasoning,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    UnknownBlock,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def request() -> ConverseRequest:
    return ConverseRequest(
        model_id="m",
        messages=[user("hi")],
        inference_config=InferenceConfiguration(temperature=0.5, stop_sequences=["x"]),
        request_metadata={"a": "b"},
        prompt_variables={"a": "b"},
    )


def tool(**members: Any) -> ConverseRequest:
    tools = ToolConfiguration(tools=[ToolSpecification(**members)])
    return ConverseRequest(model_id="m", tool_config=tools)


def with_unknown_from_json(made: Any) -> None:
    made.messages = [Message.model_validate_json(b'{"role": "user", "content": [], "new": 1}')]
    made.messages[0].model_extra["new"] = math.nan


SILENT: dict[str, Callable[[Any], object]] = {
    "a model of another class in a list": lambda made: made.messages.append(
        ToolUseBlock(tool_use_id="a", name="b", input={})
    ),
    "a model of another class": lambda made: setattr(made, "inference_config", request()),
    "a member that is gone": lambda made: delattr(made.messages[0], "role"),
    "an essential member that is None": lambda made: setattr(made.messages[0], "content", None),
    "NaN": lambda made: setattr(made.inference_config, "temperature", math.nan),
    "an infinity": lambda made: setattr(made.inference_config, "top_p", math.inf),
    "NaN in what AWS added": with_unknown_from_json,
    "a member that nobody knows": lambda made: setattr(made, "temprature", 1),
    "a deep member that nobody knows": lambda made: setattr(made.messages[0], "rule", 1),
    "half an emoji as a key": lambda made: made.request_metadata.update({"\ud800": "x"}),
    "half an emoji as the key of a union": lambda made: made.prompt_variables.update({"\ud800": "x"}),
    "None in a list": lambda made: made.inference_config.stop_sequences.append(None),
    "None in a map": lambda made: made.request_metadata.update(b=None),
}


@pytest.mark.parametrize("case", SILENT)
def test_what_would_be_written_without_a_word(case: str) -> None:
    """pydantic writes it as if nothing were wrong; here it is found, and find_problem can say what it is."""
    made = request()
    spend_model(made)
    SILENT[case](made)
    assert made.model_dump_json(by_alias=True, exclude_none=True, warnings="error")  # the reason for this module
    with pytest.raises(Unsound):
        spend_model(made)
    assert find_problem(made) is not None


@pytest.mark.parametrize("turn", range(6))
@pytest.mark.parametrize("name", BY_NAME)
def test_complete_requests_are_sound(name: str, turn: int) -> None:
    """A request with every member that there is has nothing wrong about it."""
    arguments = complete(SERVICE.operation_model(name).input_shape, turn, wire=False)
    spend_model(BY_NAME[name].request.model_validate(arguments))


LONG = "x" * 1000
HUGE = 1 << 40

LARGE: dict[str, Any] = {
    "text": LONG,
    "a blob": ImageBlock(format="png", source=LONG.encode()),
    "encrypted reasoning": RedactedReasoning(LONG.encode()),
    "reasoning": ReasoningTextBlock(text=LONG),
    "tool input": ToolUseBlock(tool_use_id="t", name="n", input={"a": [LONG]}),
    "a tool result's JSON": ToolResultBlock(tool_use_id="t", content=[JsonBlock({"a": LONG})]),
    "many small numbers": ToolResultBlock(tool_use_id="t", content=[JsonBlock(list(range(1000)))]),
    "a document's text": DocumentBlock(name="d", source=LONG),
    "a document's pieces": DocumentBlock(name="d", source=[LONG]),
    "text for a guardrail": GuardrailConverseTextBlock(text=LONG),
    "a block that nobody knows": UnknownBlock("new", {"a": LONG}),
}


@pytest.mark.parametrize("case", LARGE)
def test_what_is_large_costs_its_size(case: str) -> None:
    """Wherever it is; and the soundness of the rest is looked at all the same."""
    made = ConverseRequest(model_id="m", messages=[user(LARGE[case]), user("hi")])
    assert HUGE - 70_000 < spend_model(made, HUGE) < HUGE - 1000
    assert spend_model(made, 1000) < 0
    made.messages.append("no message")  # type: ignore[arg-type]
    with pytest.raises(Unsound):
        spend_model(made, 1000)


@pytest.mark.parametrize(
    "made",
    [
        ConverseRequest(model_id="m", system=[LONG]),
        ConverseRequest(model_id="m", prompt_variables={"a": LONG}),
        ConverseRequest(model_id="m", request_metadata={"a": LONG}),
        ConverseRequest(model_id="m", additional_model_request_fields={"a": LONG}),
        tool(name=LONG, input_schema={}),
        tool(name="", input_schema={"x": LONG}),
        CountTokensRequest(model_id="m", input=InvokeModelTokensRequest(body=LONG.encode())),
    ],
)
def test_large_members(made: Model) -> None:
    """Besides messages."""
    assert spend_model(made, 1000) < 0 < spend_model(made, 3000)


def test_what_is_small_costs_little() -> None:
    """An ordinary request is far from large."""
    assert spend_model(request(), 1000) > 0


def test_what_a_member_holds() -> None:
    """The class of models in a member, through None, lists and maps; none for unions and plain values."""

    def annotation(name: str) -> Any:
        return ConverseRequest.model_fields[name].annotation

    assert expected_model(annotation("messages")) is Message
    assert expected_model(annotation("inference_config")) is InferenceConfiguration
    assert [expected_model(annotation(name)) for name in ("system", "model_id", "prompt_variables")] == [None] * 3
    assert [container_of(annotation(name)) for name in ("messages", "request_metadata", "model_id")] == [
        list,
        dict,
        None,
    ]
    assert container_of(PromptVariableValues) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", True), ("é🙂", True), ("\ud800", False), ("a\udfff", False), (b"a", False), (None, False)],
)
def test_is_text(value: object, expected: bool) -> None:
    """A str without lone surrogates."""
    assert is_text(value) is expected
