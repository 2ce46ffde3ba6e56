"""Replies and errors on the wire: what botocore and our own types read from them."""

from __future__ import annotations

import json
from itertools import groupby
from random import Random
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import create_parser

from bedrock_converse.testing import (
    Answer,
    FakeBedrock,
    ScriptError,
    chunks,
    cited,
    context_window_exceeded,
    error,
    events,
    expired_token,
    internal_error,
    model_error,
    model_stream_error,
    model_timeout,
    not_found,
    quota_exceeded,
    reasoning,
    redacted,
    reply,
    service_unavailable,
    throttled,
    tool_call,
    validation_error,
)
from bedrock_converse.testing.events import split_text
from bedrock_converse.types import (
    ContentBlockDeltaEvent,
    ConverseResponse,
    DocumentBlock,
    ImageBlock,
    Message,
    MessageStartEvent,
    TokenUsage,
    ToolResultBlock,
    ToolUseBlock,
)

MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")


def events_of(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    """The events as botocore decodes them, padding included."""
    buffer = EventStreamBuffer()
    buffer.add_data(answer.plan("ConverseStream").body)
    return [
        (message.headers.get(":event-type") or message.headers[":exception-type"], json.loads(message.payload))
        for message in buffer
    ]


def test_events_in_order() -> None:
    """Only tool calls have a start event; text and reasoning begin with a delta, and every block stops."""
    answer = reply(reasoning("Hm.", "sig"), "Yes.", tool_call("t", {}, id="1"))
    assert [name for name, _ in groupby(name for name, _ in events_of(answer))] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockStop",
        "contentBlockDelta",
        "contentBlockStop",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]


def test_every_event_is_padded() -> None:
    """Each event carries AWS's padding key, of changing length."""
    paddings = {event["p"] for _, event in events_of(reply("A few words, so that there are some events."))}
    assert len(paddings) > 3


def test_response_parses_in_botocore() -> None:
    """botocore reads the whole answer, every block of it."""
    answer = reply("a", tool_call("t", {"x": 1}), reasoning("b"), redacted(b"\x01"), cited("c", title="T", quote="q"))
    plan = answer.plan("Converse")
    shape = MODEL.operation_model("Converse").output_shape
    response = {"status_code": 200, "headers": plan.headers, "body": plan.body}
    parsed = create_parser("rest-json").parse(response, shape)
    assert [next(iter(block)) for block in parsed["output"]["message"]["content"]] == [
        "text",
        "toolUse",
        "reasoningContent",
        "reasoningContent",
        "citationsContent",
    ]
    assert parsed["stopReason"] == "tool_use"


@pytest.mark.parametrize("text", ["", "word", "  blanks  and\nlines ", "数字は三つ", "👋🏽 e\u0301", "x" * 100])
def test_split_keeps_every_character(text: str) -> None:
    """However a text is cut, the deltas are the text."""
    for seed in range(5):
        assert "".join(split_text(text, Random(seed))) == text


def test_seed() -> None:
    """The same seed cuts in the same places, another in others."""
    text = "A text that is long enough to be cut in more than one way, as one would hope."
    first, again, other = (reply(text, seed=seed).plan("ConverseStream").body for seed in (1, 1, 2))
    assert first == again != other


def test_stop_reason_and_usage() -> None:
    """They follow from the content unless they are given."""
    response = ConverseResponse.model_validate_json(reply("Three words here").plan("Converse").body)
    assert (response.stop_reason, response.usage.output_tokens) == ("end_turn", 3)
    server_tool = ToolUseBlock(tool_use_id="1", name="search", input={}, type="server_tool_use")
    assert json.loads(reply(server_tool).plan("Converse").body)["stopReason"] == "end_turn"
    usage = TokenUsage(input_tokens=1, output_tokens=2, total_tokens=3)
    given = reply("x", stop_reason="max_tokens", usage=usage, service_tier={"type": "flex"})
    body = json.loads(given.plan("Converse").body)
    assert (body["stopReason"], body["usage"]["totalTokens"]) == ("max_tokens", 3)
    assert body["serviceTier"] == {"type": "flex"}
    assert events_of(given)[-1][1]["serviceTier"] == {"type": "flex"}


def test_any_response() -> None:
    """A `ConverseResponse` or a `Message` is served as it is."""
    original = ConverseResponse.model_validate_json(reply("x", tool_call("t", id="1")).plan("Converse").body)
    assert ConverseResponse.model_validate_json(reply(original).plan("Converse").body) == original
    message = Message(role="assistant", content=["m"])
    assert ConverseResponse.model_validate_json(reply(message).plan("Converse").body).text == "m"


def test_server_tools_stream() -> None:
    """A tool that ran on AWS's side streams its result as a list, and an image as bytes."""
    result = ToolResultBlock(tool_use_id="1", content=["found"], status="success")
    told = events_of(reply(result, ImageBlock(format="png", source=b"\x89PNG")))
    deltas = [event["delta"] for name, event in told if name == "contentBlockDelta"]
    assert deltas == [{"toolResult": [{"text": "found"}]}, {"image": {"source": {"bytes": "iVBORw=="}}}]


def test_cannot_stream() -> None:
    """A block that streams do not have is a mistake of the script."""
    with pytest.raises(ScriptError, match="document block cannot be streamed"):
        reply(DocumentBlock(name="d", source="text")).plan("ConverseStream")


def test_events_as_told() -> None:
    """`events` sends what it is told, typed or as dicts, unknown types included."""
    answer = events(
        MessageStartEvent(role="assistant"),
        ContentBlockDeltaEvent(delta="x", content_block_index=0),
        {"somethingNew": {"a": 1}},
        {"throttlingException": {"message": "slow"}},
    )
    told = [(name, {key: value for key, value in event.items() if key != "p"}) for name, event in events_of(answer)]
    assert told == [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"delta": {"text": "x"}, "contentBlockIndex": 0}),
        ("somethingNew", {"a": 1}),
        ("throttlingException", {"message": "slow"}),
    ]


def test_chunks() -> None:
    """`chunks` is the stream of InvokeModel: bytes, text or JSON."""
    assert chunks(b"x").operations == {"InvokeModelWithResponseStream"}
    assert len(chunks(b"a", "b", {"c": 1}).plan("InvokeModelWithResponseStream").pieces) == 3


ERRORS = [
    (throttled(), 429, "ThrottlingException"),
    (model_timeout(), 408, "ModelTimeoutException"),
    (model_error(), 424, "ModelErrorException"),
    (model_stream_error(), 424, "ModelStreamErrorException"),
    (validation_error(), 400, "ValidationException"),
    (context_window_exceeded(), 400, "ValidationException"),
    (not_found(), 404, "ResourceNotFoundException"),
    (quota_exceeded(), 400, "ServiceQuotaExceededException"),
    (expired_token(), 403, "ExpiredTokenException"),
    (internal_error(), 500, "InternalServerException"),
    (service_unavailable(), 503, "ServiceUnavailableException"),
    (error("NewException", 418), 418, "NewException"),
]


@pytest.mark.parametrize(("answer", "status", "code"), ERRORS, ids=[row[2] for row in ERRORS])
def test_errors(answer: Answer, status: int, code: str) -> None:
    """An error has AWS's status, and botocore reads its name and message."""
    plan = answer.plan("Converse")
    shape = MODEL.operation_model("Converse").output_shape
    response = {"status_code": plan.status, "headers": {k.lower(): v for k, v in plan.headers.items()}}
    parsed = create_parser("rest-json").parse({**response, "body": plan.body}, shape)
    assert (plan.status, parsed["Error"]["Code"]) == (status, code)
    assert parsed["Error"]["Message"]


def test_error_without_a_name() -> None:
    """What a gateway sends has a status and no name."""
    assert "x-amzn-ErrorType" not in error(None, 429).plan("Converse").headers


def test_retry_after() -> None:
    """Both headers say how long to wait, in their own units."""
    assert throttled().retry_after(2).plan("Converse").headers["Retry-After"] == "2"
    own = throttled().retry_after(1.5, header="x-amz-retry-after")
    assert own.plan("Converse").headers["x-amz-retry-after"] == "1500"


def test_error_in_stream() -> None:
    """Inside a stream an error is an exception frame; an unnamed one is an error frame."""
    assert events_of(throttled().in_stream())[0][0] == "throttlingException"
    assert events_of(reply("Hi you").fails(throttled(), after_events=2))[-1][0] == "throttlingException"
    buffer = EventStreamBuffer()
    buffer.add_data(error("Odd", 500).in_stream().plan("ConverseStream").body)
    assert next(iter(buffer)).headers[":message-type"] == "error"


def test_answers_never_change() -> None:
    """A fault makes a new answer, so one reply may be used for many."""
    hello = reply("Hello you there")
    whole = hello.plan("ConverseStream").body
    hello.cut(after_events=2).plan("ConverseStream")
    hello.bad_crc().malformed_json(2).plan("ConverseStream")
    hello.paced(tokens_per_second=1).plan("ConverseStream")
    assert hello.plan("ConverseStream").body == whole
    assert all(piece.pause == 0 for piece in hello.plan("ConverseStream").pieces)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: reply("x").cut(),
        lambda: reply("x").cut(after_events=1, after_bytes=1),
        lambda: reply("x", tokens_per_second=0),
        lambda: reply("x").slow_drip(0),
        lambda: FakeBedrock().pace(tokens_per_second=0),
        lambda: reply(b"bytes"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_are_told_at_once(wrong: Any) -> None:
    """A mistake in a script is an error where it is written."""
    with pytest.raises((TypeError, ValueError)):
        wrong()


def test_reads_like_a_sentence() -> None:
    """An answer says what it is."""
    answer = reply("Hi", tool_call("weather")).paced(tokens_per_second=5).cut(after_events=3)
    assert str(answer) == "reply('Hi', tool_call('weather')).paced(tokens_per_second=5).cut(after_events=3)"
