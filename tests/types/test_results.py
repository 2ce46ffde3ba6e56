"""Answers: the shortcuts, the facts of the call, and what a copy keeps."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from bedrock_converse.types import (
    ApplyGuardrailResponse,
    ConverseResponse,
    CountTokensResponse,
    InvokeGuardrailChecksResponse,
    InvokeModelResponse,
    Message,
    ToolUseBlock,
    UnknownBlock,
)
from bedrock_converse.types.results import CallFacts

WIRE: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": "Let me see. "},
                {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a_b": None}, "type": "tool_use"}},
                {"reasoningContent": {"redactedContent": "+/8="}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "serverToolUsage": {}},
    "metrics": {"latencyMs": 400},
}
FACTS = CallFacts(
    model_id="m", request_id="r", status_code=200, headers={"x-amzn-requestid": "r", "date": "now"}, attempts=2
)
COPIES = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value)), lambda value: value.model_copy()]
each_copy = pytest.mark.parametrize("again", COPIES, ids=["copy", "deepcopy", "pickle", "model_copy"])


def reply(**changes: Any) -> ConverseResponse:
    """A reply as AWS sends it."""
    return ConverseResponse.model_validate_json(json.dumps({**WIRE, **changes}))


def test_shortcuts() -> None:
    """What everybody wants, without the way through `output`."""
    answer = reply()
    assert answer.text == "Let me see. "
    assert answer.content is answer.message.content
    assert [call.name for call in answer.tool_uses] == ["n"]
    assert answer.message is answer.output


def test_unknown_output_reads_as_an_empty_message() -> None:
    """An output of a kind that nobody knows is kept, and has no content."""
    answer = reply(output={"video": {"a": 1}})
    assert answer.output == UnknownBlock("video", {"a": 1})
    assert answer.message == Message(role="assistant", content=[])
    assert (answer.text, answer.tool_uses) == ("", [])


def test_facts_without_a_call() -> None:
    """An answer that no call brought has none."""
    answer = reply()
    assert (answer.model_id, answer.request_id, answer.status_code, answer.attempts) == (None, None, None, 0)
    assert dict(answer.headers) == {}


def test_facts_of_the_call() -> None:
    """What the transport learned, as attributes."""
    answer = reply().with_facts(FACTS)
    assert (answer.model_id, answer.request_id, answer.status_code, answer.attempts) == ("m", "r", 200, 2)
    assert answer.headers["date"] == "now"


def test_with_facts_gives_the_answer_itself() -> None:
    """It attaches, and copies nothing."""
    answer = reply()
    assert answer.with_facts(FACTS) is answer


@pytest.mark.parametrize("dump", [{}, {"exclude_unset": True}, {"exclude_none": True}, {"mode": "json"}])
def test_facts_are_in_no_dump(dump: Any) -> None:
    """A dump is AWS's answer."""
    assert reply().with_facts(FACTS).model_dump(**dump) == reply().model_dump(**dump)


def test_facts_are_in_no_repr() -> None:
    """A repr shows the answer, without headers."""
    assert repr(reply().with_facts(FACTS)) == repr(reply())


def test_facts_do_not_count_in_equality() -> None:
    """Two calls with the same answer have equal answers."""
    assert reply().with_facts(FACTS) == reply()


def test_contents_count_in_equality() -> None:
    """Another answer is another answer, unknown members included."""
    assert reply() != reply(stopReason="end_turn")
    assert reply() != reply(newMember=1)


def test_other_classes_differ() -> None:
    """Equality is between answers of one kind."""
    assert ApplyGuardrailResponse.model_construct() != InvokeGuardrailChecksResponse.model_construct()


@each_copy
def test_copies_are_equal(again: Any) -> None:
    """A copy is the answer."""
    assert again(reply().with_facts(FACTS)) == reply()


@each_copy
def test_copies_keep_the_facts(again: Any) -> None:
    """The request id is still there when the answer comes out of a cache or another process."""
    copied = again(reply().with_facts(FACTS))
    assert (copied.model_id, copied.request_id, copied.status_code, copied.attempts) == ("m", "r", 200, 2)
    assert dict(copied.headers) == dict(FACTS.headers)


@each_copy
def test_copies_dump_the_same(again: Any) -> None:
    """Unset members stay unset, bytes and unknown members stay."""
    copied = again(reply().with_facts(FACTS))
    assert json.loads(copied.model_dump_json(by_alias=True, exclude_unset=True)) == WIRE


@each_copy
def test_copies_without_facts_have_none(again: Any) -> None:
    """A copy does not invent a call."""
    assert "ResponseMetadata" not in again(reply()).to_boto3()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(protocol: int) -> None:
    """Celery, Ray and multiprocessing each have their own."""
    assert pickle.loads(pickle.dumps(reply().with_facts(FACTS), protocol)).request_id == "r"


def test_deep_copy_is_deep() -> None:
    """Changing the copy leaves the original."""
    answer = reply()
    copy.deepcopy(answer).content.append("more")
    assert len(answer.content) == 3


def test_to_boto3_is_what_boto3_returns() -> None:
    """Wire names, blobs as bytes, only what AWS sent, and the metadata of the call."""
    answer = reply().with_facts(FACTS).to_boto3()
    assert answer["output"]["message"]["content"][2] == {"reasoningContent": {"redactedContent": b"\xfb\xff"}}
    assert answer["output"]["message"]["content"][1]["toolUse"]["input"] == {"a_b": None}
    assert answer["usage"] == WIRE["usage"]
    assert "trace" not in answer
    assert answer["ResponseMetadata"] == {
        "RequestId": "r",
        "HTTPStatusCode": 200,
        "HTTPHeaders": {"x-amzn-requestid": "r", "date": "now"},
        "RetryAttempts": 1,
    }


def test_to_boto3_goes_back_into_a_request() -> None:
    """boto3's form of the message is taken by the Python door."""
    answer = reply()
    assert Message.model_validate(answer.to_boto3()["output"]["message"]) == answer.message


def test_to_boto3_without_a_call_has_no_metadata() -> None:
    """Nothing is made up."""
    assert "ResponseMetadata" not in reply().to_boto3()


@pytest.mark.parametrize(
    "answer",
    [
        CountTokensResponse(input_tokens=5),
        ApplyGuardrailResponse(action="NONE"),
        InvokeModelResponse(body=b"{}", content_type="application/json"),
        InvokeGuardrailChecksResponse.model_validate({"results": {}}),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_every_answer_has_facts(answer: Any) -> None:
    """All operations answer alike."""
    assert pickle.loads(pickle.dumps(answer.with_facts(FACTS))).request_id == "r"


def test_partial_reply_can_be_built() -> None:
    """What the accumulator builds of a stream that was cut: stop reason and usage are None, and dump as null."""
    partial = ConverseResponse.model_construct(
        {"output", "stop_reason", "usage"},
        output=Message(role="assistant", content=["Hal"]),
        stop_reason=None,
        usage=None,
    )
    assert partial.text == "Hal"
    assert pickle.loads(pickle.dumps(partial)) == partial


def test_tool_input_is_the_models_own_json() -> None:
    """The arguments are there as the model wrote them."""
    [call] = reply().tool_uses
    assert call == ToolUseBlock(tool_use_id="t", name="n", input={"a_b": None}, type="tool_use")
