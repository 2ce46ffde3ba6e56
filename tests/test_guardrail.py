"""Guardrails: one word for what happened, findings as a flat list, and only the last turn checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bedrock_converse.guardrail import GuardrailFinding, guard_last_turn, guardrail_outcome
from bedrock_converse.types import (
    ConverseRequest,
    ConverseResponse,
    ConverseStreamRequest,
    DocumentBlock,
    GuardrailConverseImageBlock,
    GuardrailConverseTextBlock,
    ImageBlock,
    S3Location,
    ToolResultBlock,
    ToolUseBlock,
    assistant,
    user,
)

WIRE = Path(__file__).resolve().parents[1] / ".." / "shared" / "wire" / "expected"


def reply(stop: str, text: str = "hi", **trace: Any) -> ConverseResponse:
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": stop,
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    }
    return ConverseResponse.model_validate_json(json.dumps(body | ({"trace": {"guardrail": trace}} if trace else {})))


def pii(action: str, detected: bool | None = True) -> dict[str, Any]:
    entity = {"type": "EMAIL", "match": "a@b.c", "action": action} | (
        {} if detected is None else {"detected": detected}
    )
    return {"sensitiveInformationPolicy": {"piiEntities": [entity]}}


TOPIC = {"topicPolicy": {"topics": [{"name": "Money", "type": "DENY", "action": "BLOCKED", "detected": True}]}}


@pytest.mark.parametrize(
    ("given", "action"),
    [
        (reply("end_turn"), "none"),
        (reply("guardrail_intervened", "Sorry."), "blocked"),
        (reply("guardrail_intervened", "Write to {EMAIL}."), "masked"),
        (reply("end_turn", "Write to {EMAIL}."), "none"),
        (reply("guardrail_intervened", outputAssessments={"g": [pii("ANONYMIZED")]}), "masked"),
        (reply("end_turn", outputAssessments={"g": [pii("ANONYMIZED")]}), "masked"),
        (
            reply("guardrail_intervened", inputAssessment={"g": TOPIC}, outputAssessments={"g": [pii("ANONYMIZED")]}),
            "blocked",
        ),
        (reply("guardrail_intervened", inputAssessment={"g": pii("NONE")}), "blocked"),
        (reply("end_turn", inputAssessment={"g": pii("NONE")}), "none"),
    ],
)
def test_action(given: ConverseResponse, action: str) -> None:
    """By the stop reason and the trace; without a trace by the stop reason and the placeholder."""
    assert given.guardrail.action == action
    assert guardrail_outcome(given) == given.guardrail


def test_recorded_masking() -> None:
    """A real stream: AWS stops with guardrail_intervened although it only masked."""
    path = WIRE / "openllmetry__test_guardrails__test_guardrail_converse_stream__00.json"
    if not path.exists():
        pytest.skip("no recordings here")
    events = {key: value for event in json.loads(path.read_text())["events"] for key, value in event.items()}
    trace = events["metadata"]["trace"]["guardrail"]
    outcome = reply(events["messageStop"]["stopReason"], "{ADDRESS}", **trace).guardrail
    assert outcome.action == "masked"
    assert [finding.match for finding in outcome.findings] == ["Italy", "Rome", "Japan", "Tokyo"]
    assert outcome.findings[0].kind == "ADDRESS"
    assert outcome.reason == "No action.\nGuardrail masked."
    assert reply(events["messageStop"]["stopReason"], "{ADDRESS}").guardrail.action == "masked"


def test_every_policy_has_findings() -> None:
    """Policy, kind, match, action and place of each; what was not detected is left out."""
    everything = {
        **TOPIC,
        "contentPolicy": {
            "filters": [
                {"type": "HATE", "confidence": "HIGH", "action": "BLOCKED", "detected": True},
                {"type": "VIOLENCE", "confidence": "NONE", "action": "NONE", "detected": False},
            ]
        },
        "wordPolicy": {
            "customWords": [{"match": "foo", "action": "NONE", "detected": True}],
            "managedWordLists": [{"match": "bar", "type": "PROFANITY", "action": "BLOCKED"}],
        },
        "sensitiveInformationPolicy": {
            "piiEntities": [],
            "regexes": [{"name": "order", "match": "X1", "regex": "X.", "action": "ANONYMIZED", "detected": True}],
        },
        "contextualGroundingPolicy": {"filters": [{"type": "RELEVANCE", "action": "BLOCKED", "detected": True}]},
        "automatedReasoningPolicy": {"findings": [{"tooComplex": {}}, {"brandNew": {}}]},
    }
    found = reply("guardrail_intervened", outputAssessments={"g1": [everything]}).guardrail.findings
    assert [(each.policy, each.kind, each.match, each.action) for each in found] == [
        ("topic", "Money", None, "blocked"),
        ("content", "HATE", None, "blocked"),
        ("word", "custom", "foo", "none"),
        ("word", "PROFANITY", "bar", "blocked"),
        ("sensitive_information", "order", "X1", "masked"),
        ("contextual_grounding", "RELEVANCE", None, "blocked"),
        ("automated_reasoning", "TooComplex", None, "none"),
        ("automated_reasoning", "brandNew", None, "none"),
    ]
    assert {(each.found_in, each.guardrail_id) for each in found} == {("output", "g1")}


def test_no_repr_shows_the_match() -> None:
    """It is the personal data itself."""
    finding = GuardrailFinding("sensitive_information", "EMAIL", "masked", "input", match="a@b.c")
    assert "a@b.c" not in repr(finding)


PNG = ImageBlock(format="png", source=b"x")


def test_the_last_turn_is_guarded() -> None:
    """Text and images; documents, other formats and images in S3 stay; the request given is untouched."""
    gif = ImageBlock(format="gif", source=b"x")
    s3 = ImageBlock(format="png", source=S3Location(uri="s3://b/k"))
    document = DocumentBlock(name="d", source="text")
    request = ConverseRequest(
        model_id="m", messages=[user("old"), assistant("a"), user("new", PNG, gif, s3, document, " ")]
    )
    guarded = guard_last_turn(request)
    assert guarded.messages is not None
    assert guarded.messages[0] == user("old")
    assert guarded.messages[2].content == [
        GuardrailConverseTextBlock(text="new"),
        GuardrailConverseImageBlock(format="png", source=b"x"),
        gif,
        s3,
        document,
        " ",
    ]
    assert request.messages is not None
    assert request.messages[2].content[0] == "new"


def test_in_a_tool_loop_the_users_turn_is_found() -> None:
    """Behind the messages that hold tool results only; streams' requests work too."""
    call, result = ToolUseBlock(tool_use_id="1", name="t", input={}), ToolResultBlock(tool_use_id="1", content=["r"])
    request = ConverseStreamRequest(model_id="m", messages=[user("ask"), assistant(call), user(result)])
    guarded = guard_last_turn(request)
    assert guarded.messages == [user(GuardrailConverseTextBlock(text="ask")), assistant(call), user(result)]


@pytest.mark.parametrize(
    "messages", [None, [assistant("a")], [user(GuardrailConverseTextBlock(text="x"), "context")], [user("  ")]]
)
def test_nothing_to_do(messages: Any) -> None:
    """What is marked already, or has no user turn, comes back as it is."""
    request = ConverseRequest(model_id="m", messages=messages)
    assert guard_last_turn(request) is request
