"""One effort for every family, in its own request fields; reasoning that goes back as it came."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from histories import REQUESTS, WIRE, recorded, wire
from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse.errors import ConfigError, RequestInvalid
from bedrock_converse.prepare import prepare
from bedrock_converse.profiles import Profiles, profile_for
from bedrock_converse.reasoning import drop_reasoning, reasoning_blocks, reasoning_text, set_effort
from bedrock_converse.types import (
    AnyToolChoice,
    AutoToolChoice,
    ConverseRequest,
    ConverseResponse,
    ConverseStreamRequest,
    InferenceConfiguration,
    OutputConfig,
    ReasoningTextBlock,
    RedactedReasoning,
    SpecificToolChoice,
    ToolConfiguration,
    ToolSpecification,
    UnknownBlock,
    assistant,
    user,
)

ADAPTIVE = "us.anthropic.claude-sonnet-4-6"
BUDGET = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
NO_BUDGET = "us.anthropic.claude-opus-4-7"
BY_DEFAULT = "us.anthropic.claude-sonnet-5"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
GPT_OSS = "openai.gpt-oss-20b-1:0"
QWEN = "qwen.qwen3-32b-v1:0"
KIMI = "moonshotai.kimi-k2.5"
R1 = "us.deepseek.r1-v1:0"
UNKNOWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
SPECIFICATION = ToolSpecification(name="weather", input_schema={"type": "object"})


def ask(model_id: str, **members: Any) -> ConverseRequest:
    return ConverseRequest(model_id=model_id, messages=[user("hi")], **members)


def asked(model_id: str, effort: Any, **members: Any) -> tuple[Any, Any]:
    """What the model is told: its own fields, and AWS's effort."""
    request = set_effort(effort, ask(model_id, **members))
    return request.additional_model_request_fields, request.output_config and request.output_config.effort


@pytest.mark.parametrize(
    ("model_id", "effort", "fields", "own"),
    [
        (ADAPTIVE, "medium", {"thinking": {"type": "adaptive"}}, "medium"),
        (ADAPTIVE, "off", None, None),
        (ADAPTIVE, 4000, {"thinking": {"type": "enabled", "budget_tokens": 4000}}, None),
        (NO_BUDGET, "high", {"thinking": {"type": "adaptive"}}, "high"),
        (NO_BUDGET, 1024, {"thinking": {"type": "adaptive"}}, "low"),
        (NO_BUDGET, 8192, {"thinking": {"type": "adaptive"}}, "medium"),
        (NO_BUDGET, 100_000, {"thinking": {"type": "adaptive"}}, "high"),
        (BY_DEFAULT, "off", {"thinking": {"type": "disabled"}}, None),
        (BUDGET, "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None),
        (BUDGET, "high", {"thinking": {"type": "enabled", "budget_tokens": 16384}}, None),
        (BUDGET, 1024, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, None),
        (BUDGET, "off", None, None),
        (NOVA_2, "low", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, None),
        (NOVA_2, 10_000, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, None),
        (NOVA_2, "off", {"reasoningConfig": {"type": "disabled"}}, None),
        (NOVA, "off", None, None),
        (GPT_OSS, "medium", {"reasoning_effort": "medium"}, None),
        (QWEN, "low", {"reasoning_config": "low"}, None),
        (QWEN, "medium", {"reasoning_config": "high"}, None),
        (KIMI, "medium", {"reasoning_effort": "high"}, None),
        (KIMI, "off", None, None),
        (UNKNOWN, "high", None, "high"),
        (UNKNOWN, 2000, None, "low"),
        (UNKNOWN, "off", None, None),
    ],
)
def test_each_family_is_told_in_its_own_way(model_id: str, effort: Any, fields: Any, own: str | None) -> None:
    """The levels and budgets, on every style of reasoning that there is."""
    assert asked(model_id, effort) == (fields, own)


@pytest.mark.parametrize(
    ("model_id", "effort", "problem"),
    [
        (NOVA, "low", "does not reason"),
        (R1, "low", "cannot be set"),
        (R1, "off", "cannot be turned off"),
        (GPT_OSS, "off", "cannot be turned off"),
        (QWEN, "off", "cannot be turned off"),
        (BUDGET, 100, "at least 1,024 tokens, not 100"),
    ],
)
def test_what_a_model_cannot_do_is_refused(model_id: str, effort: Any, problem: str) -> None:
    """Said at once, and never silently something else."""
    with pytest.raises(RequestInvalid, match=problem):
        set_effort(effort, ask(model_id))


def test_users_facts_decide() -> None:
    """A wrong or missing fact is put right with `profiles=`."""
    request = set_effort("low", ask(UNKNOWN), profiles=Profiles({UNKNOWN: GPT_OSS}))
    assert request.additional_model_request_fields == {"reasoning_effort": "low"}


def test_a_level_that_the_model_does_not_have() -> None:
    """The next higher one, else the highest; levels that nobody knows are passed over."""

    def told(*efforts: str) -> str | None:
        request = set_effort("high", ask(UNKNOWN), profiles={UNKNOWN: {"efforts": efforts}})
        return request.output_config and request.output_config.effort

    assert (told("low", "medium"), told("low", "max"), told("low", "xhigh", "ultra")) == ("medium", "max", "xhigh")
    with pytest.raises(RequestInvalid, match="no level"):
        told("ultra")


@pytest.mark.parametrize(
    ("most", "effort", "budget"),
    [(100_000, "high", 16_384), (8_000, "high", 4_000), (1_500, "low", 1_024), (2_000, 1_999, 1_999)],
)
def test_a_budget_leaves_room_for_the_answer(most: int, effort: Any, budget: int) -> None:
    """A level takes at most half of `max_tokens`, but 1,024 at least; a budget of yours is taken as it is."""
    fields, _ = asked(BUDGET, effort, inference_config=InferenceConfiguration(max_tokens=most))
    assert fields["thinking"]["budget_tokens"] == budget


@pytest.mark.parametrize(("most", "effort"), [(1_024, "low"), (500, "high"), (4_000, 4_000)])
def test_no_room_for_the_answer(most: int, effort: Any) -> None:
    """A budget that reaches `max_tokens` is a 400: said before."""
    with pytest.raises(RequestInvalid) as caught:
        asked(BUDGET, effort, inference_config=InferenceConfiguration(max_tokens=most))
    assert caught.value.path == "inferenceConfig.maxTokens"


@pytest.mark.parametrize("member", ["max_tokens", "temperature", "top_p"])
def test_nova_with_high_effort_wants_no_settings(member: str) -> None:
    """With `high` AWS refuses them; with `medium` they may stay."""
    config = InferenceConfiguration(**{member: 1})
    with pytest.raises(RequestInvalid, match="ask for medium"):
        asked(NOVA_2, "high", inference_config=config)
    assert asked(NOVA_2, "medium", inference_config=config)[0]


@pytest.mark.parametrize("choice", [AnyToolChoice(), SpecificToolChoice(name="weather")])
def test_a_forced_tool(choice: Any) -> None:
    """Claude before 4.6 refuses it beside reasoning: raised by default, or as you say."""
    tools = ToolConfiguration(tools=[SPECIFICATION], tool_choice=choice)
    request = ask(BUDGET, tool_config=tools)
    with pytest.raises(RequestInvalid, match="while a tool is forced") as caught:
        set_effort("low", request)
    assert caught.value.path == "toolConfig.toolChoice"
    assert set_effort("low", request, tool_forced="off") is request
    assert set_effort("low", request, tool_forced="send").additional_model_request_fields
    assert set_effort("off", request) is request
    assert set_effort("low", ask(ADAPTIVE, tool_config=tools)).output_config == OutputConfig(effort="low")


def test_a_tool_that_is_not_forced() -> None:
    """`auto` goes with reasoning everywhere."""
    tools = ToolConfiguration(tools=[SPECIFICATION], tool_choice=AutoToolChoice())
    assert set_effort("low", ask(BUDGET, tool_config=tools)).additional_model_request_fields


def test_what_the_request_says_stays() -> None:
    """Fields of your own go before the transform's, and other fields are kept."""
    mine = {"thinking": {"type": "adaptive", "display": "summarized"}, "top_k": 5}
    request = ask(ADAPTIVE, additional_model_request_fields=mine, output_config=OutputConfig(effort="max"))
    assert set_effort("low", request) is request
    assert asked(BUDGET, "low", additional_model_request_fields={"top_k": 5})[0]["top_k"] == 5
    claudes_own = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}
    assert asked(ADAPTIVE, "low", additional_model_request_fields=claudes_own) == (claudes_own, None)


def test_fields_that_are_no_object() -> None:
    """Nothing can be added to a list."""
    with pytest.raises(RequestInvalid, match="not an object"):
        asked(BUDGET, "low", additional_model_request_fields=[1])


def test_as_a_transform() -> None:
    """Without a request it is the transform; a stream works as well."""
    request = set_effort("low")(ConverseStreamRequest(model_id=QWEN, messages=[user("hi")]))
    assert isinstance(request, ConverseStreamRequest)
    assert request.additional_model_request_fields == {"reasoning_config": "low"}


@pytest.mark.parametrize("effort", ["none", True, 0, -5, 1.5, None])
def test_efforts_that_there_are_not(effort: Any) -> None:
    """A typed error when the transform is made."""
    with pytest.raises(ConfigError, match="effort is"):
        set_effort(effort)
    with pytest.raises(ConfigError, match="tool_forced is"):
        set_effort("low", tool_forced="ignore")  # type: ignore[call-overload]


@given(request=REQUESTS, effort=st.one_of(st.sampled_from(["off", "low", "medium", "high"]), st.integers(1, 50_000)))
def test_whatever_comes_in(request: ConverseRequest, effort: Any) -> None:
    """Input unchanged, twice is once, and nothing but the three members is touched."""
    before = request.model_copy(deep=True)
    try:
        once = set_effort(effort, request)
    except RequestInvalid:
        return
    finally:
        assert request == before
    assert set_effort(effort, once) is once
    assert once.messages is request.messages
    assert once.tool_config is request.tool_config


# --- reasoning that comes back ----------------------------------------------------------------------------------------

SIGNED = ReasoningTextBlock(text="Let me see. ", signature="c2ln")
REDACTED = RedactedReasoning(b"\xff\x00\xfe")
NEWER = UnknownBlock(("reasoningContent", "summary"), "s")


def test_blocks_and_text() -> None:
    """All of it in order, and what can be read of it."""
    content = [SIGNED, REDACTED, ReasoningTextBlock(text="Yes."), "The answer."]
    assert reasoning_blocks(content) == content[:3]
    assert reasoning_text(content) == "Let me see. Yes."
    assert (reasoning_blocks(["hi"]), reasoning_text([REDACTED])) == ([], "")


def test_drop_reasoning() -> None:
    """Every kind goes, in a new request; a message of nothing else is left out."""
    request = ConverseRequest(
        model_id=ADAPTIVE,
        messages=[user("a"), assistant(SIGNED, REDACTED, NEWER, "b"), user("c"), assistant(REDACTED), user("d")],
    )
    before = request.model_copy(deep=True)
    assert drop_reasoning(request).messages == [user("a"), assistant("b"), user("c"), user("d")]
    assert request == before
    assert drop_reasoning(ask(ADAPTIVE, system=["s"])) == ask(ADAPTIVE, system=["s"])
    assert prepare(drop_reasoning(request)).request.messages == [user("a"), assistant("b"), user("c", "d")]


@given(request=REQUESTS)
def test_drop_reasoning_twice_is_once(request: ConverseRequest) -> None:
    """Nothing is left to drop, and the input stays."""
    before = request.model_copy(deep=True)
    dropped = drop_reasoning(request)
    assert request == before
    assert drop_reasoning(dropped) is dropped


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_recorded_reasoning_goes_back_as_it_came() -> None:
    """Replies with reasoning, appended to a history and prepared, go out as the JSON that came in."""
    seen: set[type] = set()
    for path in sorted(WIRE.glob("*.json")):
        recording = json.loads(path.read_text())
        if recording["operation"] != "Converse" or recording["response"]["status"] != 200:
            continue
        body = base64.b64decode(recording["response"]["body_b64"])
        reply = ConverseResponse.model_validate_json(body)
        blocks = reasoning_blocks(reply.content)
        if not blocks or reply.tool_uses or "anthropic" not in recording["request"]["uri"]:
            continue
        seen |= {type(block) for block in blocks}
        request = ConverseRequest(model_id=BUDGET, messages=[user("hi"), reply.message, user("and?")])
        sent = wire(prepare(request, mode="raise").request)
        assert sent["messages"][1] == json.loads(body)["output"]["message"], path.name
    assert seen == {ReasoningTextBlock, RedactedReasoning}


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_recorded_settings_are_ours() -> None:
    """What `set_effort` sends has the form of what AWS was recorded taking."""
    efforts: dict[str, Any] = {"thinking": "budget", "reasoningConfig": "low", "reasoning_config": "high"}
    compared: set[str] = set()
    for name, request in recorded(status=200):
        fields = request.additional_model_request_fields or {}
        for key in fields.keys() & efforts.keys():
            if profile_for(request.model_id).reasoning_style == "anthropic_adaptive":
                continue
            effort = fields["thinking"]["budget_tokens"] if key == "thinking" else efforts[key]
            bare = request.model_copy(update={"additional_model_request_fields": None})
            assert wire(set_effort(effort, bare)) == wire(request), name
            compared.add(key)
    assert compared == set(efforts)
