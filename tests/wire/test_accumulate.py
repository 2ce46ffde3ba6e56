"""Events -> the reply: what each event adds, what a broken stream leaves, and that no order of events matters."""

from __future__ import annotations

import base64
import json
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.raw_frames import decode

from bedrock_converse import types
from bedrock_converse._wire.accumulate import Accumulator
from bedrock_converse.types import UnknownBlock
from bedrock_converse.types.parse import parse_json

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"
EVENTS: dict[str, type[types.Model]] = {
    "messageStart": types.MessageStartEvent,
    "contentBlockStart": types.ContentBlockStartEvent,
    "contentBlockDelta": types.ContentBlockDeltaEvent,
    "contentBlockStop": types.ContentBlockStopEvent,
    "messageStop": types.MessageStopEvent,
    "metadata": types.ConverseStreamMetadataEvent,
}
USAGE = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}


def event(name: str, **members: Any) -> Any:
    """An event as it comes off the wire."""
    return parse_json(EVENTS[name].model_validate_json, json.dumps(members))


def started(index: int | None = 0, **start: Any) -> Any:
    return event("contentBlockStart", start=start, contentBlockIndex=index)


def delta(index: int | None = 0, **piece: Any) -> Any:
    return event("contentBlockDelta", delta=piece, contentBlockIndex=index)


def stopped(index: int | None = 0) -> Any:
    return event("contentBlockStop", contentBlockIndex=index)


def call(index: int | None = 0, **members: Any) -> Any:
    return started(index, toolUse={"toolUseId": "t", "name": "n", **members})


def argument(piece: str, index: int | None = 0) -> Any:
    return delta(index, toolUse={"input": piece})


def thought(piece: str, index: int | None = 0) -> Any:
    return delta(index, reasoningContent={"text": piece})


def signed(piece: str, index: int | None = 0) -> Any:
    return delta(index, reasoningContent={"signature": piece})


def redacted(data: bytes, index: int | None = 0) -> Any:
    return delta(index, reasoningContent={"redactedContent": base64.b64encode(data).decode()})


END = event("messageStop", stopReason="end_turn")


def fed(*events: Any) -> Accumulator:
    accumulator = Accumulator()
    for one in events:
        accumulator.feed(one)
    return accumulator


def content(*events: Any) -> list[Any]:
    """The blocks of a complete reply with these events."""
    return fed(*events, END).response.content


def dumped(reply: types.ConverseResponse) -> Any:
    return json.loads(reply.model_dump_json(by_alias=True, exclude_unset=True))


# --- text -------------------------------------------------------------------------------------------------------------


def test_text_is_joined() -> None:
    """Text begins with a delta, and all of its deltas are one block; empty ones add nothing."""
    assert content(delta(text=""), delta(text="Hal"), delta(text=""), delta(text="lo"), stopped()) == ["Hallo"]


def test_two_texts_stay_apart() -> None:
    """Another index is another block."""
    assert content(delta(text="a"), stopped(), delta(1, text="b"), delta(1, text="c"), stopped(1)) == ["a", "bc"]


def test_interleaved_texts_go_where_they_belong() -> None:
    """Pieces of two blocks in turn are told apart by their index."""
    assert content(delta(0, text="a"), delta(1, text="1"), delta(0, text="b"), delta(1, text="2")) == ["ab", "12"]


@pytest.mark.parametrize("empty", [delta(text=""), thought(""), signed(""), redacted(b""), argument("")])
def test_what_stays_empty_is_no_block(empty: Any) -> None:
    """Nothing was said, so nothing is in the reply: AWS would refuse it when it is sent back."""
    assert content(empty, stopped()) == []


def test_white_space_is_text() -> None:
    """A space between two cited passages is part of the reply (langchain-aws's recording has one)."""
    assert content(delta(text=" ")) == [" "]


def test_indexes_order_the_blocks() -> None:
    """The index says the place, whatever comes first, and gaps do not matter."""
    assert content(delta(7, text="c"), delta(0, text="a"), delta(3, text="b")) == ["a", "b", "c"]


def test_missing_index_means_the_last_block() -> None:
    """A piece without an index belongs to the block before it; the very first to a first block."""
    assert content(delta(None, text="a"), delta(None, text="b"), delta(4, text="c"), delta(None, text="d")) == [
        "ab",
        "cd",
    ]


def test_missing_index_at_stop_means_the_last_block() -> None:
    """A stop without an index ends the block that came last."""
    assert fed(call(2), stopped(None)).response.content[0].input == {}  # type: ignore[union-attr]


def test_hand_made_events_of_subclasses_count() -> None:
    """Text and events of subclasses, as a test double may make them, are not lost."""

    class Piece(str):
        __slots__ = ()

    class Delta(types.ContentBlockDeltaEvent):
        pass

    piece = types.ContentBlockDeltaEvent(delta=Piece("b"), content_block_index=0)
    assert content(Delta(delta="a", content_block_index=0), piece) == ["ab"]


# --- tool calls -------------------------------------------------------------------------------------------------------


def test_tool_input_is_parsed() -> None:
    """The pieces of the input are one JSON text; the kind of call is kept."""
    events = [call(type="server_tool_use"), argument(""), argument('{"a'), argument('": [1.5, null]}'), stopped()]
    block = types.ToolUseBlock(tool_use_id="t", name="n", input={"a": [1.5, None]}, type="server_tool_use")
    assert content(*events) == [block]


@pytest.mark.parametrize("pieces", [[], [""], ["", ""]])
def test_call_without_arguments_has_empty_input(pieces: list[str]) -> None:
    """No delta, or empty ones alone, means `{}`."""
    [block] = content(call(), *map(argument, pieces), stopped())
    assert block == types.ToolUseBlock(tool_use_id="t", name="n", input={})


@pytest.mark.parametrize(
    "text",
    ['{"a": 1', "{", "{}{}", " ", "nonsense", '{"a": NaN}', "Infinity", "-Infinity", '{"a": 1e999}', "[" * 100_000],
    ids=lambda text: text[:12],
)
def test_broken_input_stays_text(text: str) -> None:
    """Cut or invalid JSON never looks like a call without arguments: it stays what the model wrote."""
    [block] = content(call(), argument(text), stopped())
    assert block.input == text


def test_input_with_a_lone_surrogate_is_parsed() -> None:
    """What `json.loads` reads is JSON."""
    [block] = content(call(), argument('{"a": "\\ud83d"}'))
    assert block.input == {"a": "\ud83d"}


def test_input_is_text_until_its_block_ends() -> None:
    """A call that was cut before its first argument must not look like one without arguments."""
    accumulator = fed(call())
    seen = [accumulator.response.tool_uses[0].input]
    for one in (argument("{}"), stopped()):
        accumulator.feed(one)
        seen.append(accumulator.response.tool_uses[0].input)
    assert seen == ["", "{}", {}]


def test_message_stop_ends_every_block() -> None:
    """A block whose own stop never came is complete with the message."""
    assert content(call(), argument('{"a": 1}'))[0].input == {"a": 1}


def test_two_calls_under_one_index_are_two() -> None:
    """A start begins a new call; the one before it is complete."""
    events = [call(), argument("1"), started(toolUse={"toolUseId": "u", "name": "m"}), argument("2")]
    assert [(block.tool_use_id, block.input) for block in fed(*events).response.tool_uses] == [("t", 1), ("u", "2")]


def test_empty_pieces_of_another_kind_do_not_split_a_call() -> None:
    """Empty text in the middle of a call's input is no block."""
    [block] = content(call(), argument("[1,"), delta(text=""), thought(""), argument("2]"))
    assert block.input == [1, 2]


def test_input_without_a_start_is_kept() -> None:
    """The arguments are there; id and name never came: they read None and are in no dump."""
    reply = fed(argument('{"a": 1}'), END).response
    assert dumped(reply)["output"]["message"]["content"] == [{"toolUse": {"input": {"a": 1}}}]
    assert (reply.tool_uses[0].tool_use_id, reply.tool_uses[0].name) == (None, None)


def test_piece_after_the_stop_counts() -> None:
    """A delta that comes late still belongs to its block."""
    assert content(call(), argument("[1"), stopped(), argument(",2]"))[0].input == [1, 2]


# --- tool results, images ---------------------------------------------------------------------------------------------


def test_tool_result_deltas_are_lists() -> None:
    """Nova's code interpreter: each delta brings items of the result."""
    start = started(toolResult={"toolUseId": "t", "type": "nova_code_interpreter_result", "status": "success"})
    pieces = [delta(toolResult=[{"json": {"a": 1}}, {"text": "x"}]), delta(toolResult=[{"sound": {"b": 2}}])]
    expected = types.ToolResultBlock(
        tool_use_id="t",
        content=[types.JsonBlock({"a": 1}), "x", UnknownBlock("sound", {"b": 2})],
        status="success",
        type="nova_code_interpreter_result",
    )
    assert content(start, *pieces, stopped()) == [expected]


def test_tool_result_without_deltas_is_empty() -> None:
    """The start alone is a result without content."""
    assert content(started(toolResult={"toolUseId": "t"})) == [types.ToolResultBlock(tool_use_id="t", content=[])]


def test_image_bytes_are_concatenated() -> None:
    """Bytes come in pieces, each base64 of its own."""
    pieces = [delta(image={"source": {"bytes": base64.b64encode(data).decode()}}) for data in (b"\x89P", b"NG\xff")]
    assert content(started(image={"format": "png"}), *pieces) == [types.ImageBlock(format="png", source=b"\x89PNG\xff")]


def test_image_in_s3() -> None:
    """An image may come as its place in S3."""
    [image] = content(started(image={"format": "png"}), delta(image={"source": {"s3Location": {"uri": "s3://b/k"}}}))
    assert image == types.ImageBlock(format="png", source=types.S3Location(uri="s3://b/k"))


def test_image_that_could_not_be_made() -> None:
    """The error is kept; a source that never came is in no dump."""
    reply = fed(started(image={"format": "png"}), delta(image={"error": {"message": "blocked"}}), END).response
    wire = {"image": {"format": "png", "error": {"message": "blocked"}}}
    assert dumped(reply)["output"]["message"]["content"] == [wire]
    assert reply.content[0].source is None  # type: ignore[union-attr]


# --- reasoning --------------------------------------------------------------------------------------------------------


def test_reasoning_text_and_signature() -> None:
    """The pieces of both are joined."""
    expected = types.ReasoningTextBlock(text="I think", signature="abcd")
    assert content(thought("I "), thought("think"), signed("ab"), signed("cd")) == [expected]


def test_reasoning_without_signature_leaves_it_unset() -> None:
    """An unsigned block has no signature, not an empty one: AWS refuses that."""
    reply = fed(thought("hm"), signed(""), END).response
    assert dumped(reply)["output"]["message"]["content"] == [{"reasoningContent": {"reasoningText": {"text": "hm"}}}]


def test_signature_alone_is_reasoning() -> None:
    """Some models hide the text and send only the signature, which must go back."""
    assert content(signed("s")) == [types.ReasoningTextBlock(text="", signature="s")]


def test_redacted_reasoning_is_exact() -> None:
    """Several deltas under one index are one block's bytes; other indexes are other blocks."""
    data = bytes(range(256))
    assert content(redacted(data), redacted(b"\xff"), redacted(b"x", 1)) == [
        types.RedactedReasoning(data + b"\xff"),
        types.RedactedReasoning(b"x"),
    ]


# --- citations --------------------------------------------------------------------------------------------------------

CITED = {
    "title": "t",
    "source": "s",
    "sourceContent": [{"text": "quoted"}, {"table": [1]}],
    "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}},
    "score": 0.5,
}


@pytest.mark.parametrize("first", ["citation", "text", "between"])
def test_citations_and_their_text_are_one_block(first: str) -> None:
    """Whichever comes first: one block, and every member of the citation, unknown ones included."""
    cite = delta(citation=CITED)
    order = {
        "citation": [cite, delta(text="ab"), delta(text="c")],
        "text": [delta(text="abc"), cite],
        "between": [delta(text="ab"), cite, delta(text="c")],
    }
    reply = fed(*order[first], END).response
    assert dumped(reply)["output"]["message"]["content"] == [
        {"citationsContent": {"content": [{"text": "abc"}], "citations": [CITED]}}
    ]
    assert reply.text == "abc"


def test_citation_without_text() -> None:
    """Nova's web search: the text stands in the blocks around, and the citation's block has none."""
    reply = fed(delta(citation={"location": {"web": {"url": "u"}}}), END).response
    assert dumped(reply)["output"]["message"]["content"] == [
        {"citationsContent": {"citations": [{"location": {"web": {"url": "u"}}}]}}
    ]


# --- several kinds, unknown kinds, unknown members --------------------------------------------------------------------


def test_kinds_under_one_index_are_blocks_in_order() -> None:
    """A text after a call, say, is a block of its own behind it."""
    events = [delta(text="a"), call(), argument("1"), delta(text="b"), thought("c"), redacted(b"d")]
    assert content(*events) == [
        "a",
        types.ToolUseBlock(tool_use_id="t", name="n", input=1),
        "b",
        types.ReasoningTextBlock(text="c"),
        types.RedactedReasoning(b"d"),
    ]


def test_unknown_start_and_delta_are_kept() -> None:
    """What nobody knows yet is content, and goes back out as it came."""
    reply = fed(started(hologram={"a": 1}), delta(hologram={"b": 2}), delta(1, reasoningContent={"c": 3}), END).response
    assert reply.content == [
        UnknownBlock("hologram", {"a": 1}),
        UnknownBlock("hologram", {"b": 2}),
        UnknownBlock(("reasoningContent", "c"), 3),
    ]
    assert dumped(reply)["output"]["message"]["content"][2] == {"reasoningContent": {"c": 3}}


def test_unknown_event_changes_nothing() -> None:
    """It has no place in the reply."""
    assert content(delta(text="a"), types.UnknownEvent("heartbeat", {"a": 1}), delta(text="b")) == ["ab"]


def test_unknown_members_are_kept_where_they_stood() -> None:
    """Members that AWS added are on the object that their event became, as AWS's own: they may be sent back."""
    reply = fed(
        event("messageStart", role="assistant", mood="good"),
        call(color="red"),
        event("contentBlockDelta", delta={"toolUse": {"input": "1", "confidence": 2}}, contentBlockIndex=0),
        event("messageStop", stopReason="tool_use", stopDetail=3),
        event("metadata", usage={**USAGE, "u": 1}, metrics={"latencyMs": 4, "m": 2}, trace={"t": 3}, cost=5),
    ).response
    assert dumped(reply) == {
        "output": {
            "message": {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "t", "name": "n", "input": 1, "color": "red", "confidence": 2}}],
                "mood": "good",
            }
        },
        "stopReason": "tool_use",
        "usage": {**USAGE, "u": 1},
        "metrics": {"latencyMs": 4, "m": 2},
        "trace": {"t": 3},
        "stopDetail": 3,
        "cost": 5,
    }
    assert type(reply.message.model_extra) is type(reply.tool_uses[0].model_extra) is type(reply.model_extra) is dict


@pytest.mark.parametrize("name", ["output", "stopReason", "stop_reason"])
def test_unknown_member_cannot_take_a_known_place(name: str) -> None:
    """An unknown member of the metadata with the name of another one of the reply's is left out."""
    reply = fed(delta(text="a"), END, event("metadata", usage=USAGE, **{name: "x"})).response
    assert reply == fed(delta(text="a"), END, event("metadata", usage=USAGE)).response


@pytest.mark.parametrize("name", ["_fields_set", "cls", "kind", "sources", "members"])
def test_unknown_member_may_have_any_name(name: str) -> None:
    """The names of our own arguments are free."""
    reply = fed(event("metadata", usage=USAGE, **{name: "x"})).response
    assert dumped(reply)[name] == "x"


def test_unknown_member_alone_is_kept() -> None:
    """A delta with nothing but something new in it says something."""
    reply = fed(event("contentBlockDelta", delta={"toolUse": {"confidence": 2}}, contentBlockIndex=0), END).response
    assert reply.tool_uses[0].model_extra == {"confidence": 2}


def test_members_of_hand_made_events_count_as_sent_by_aws() -> None:
    """A test double may build its events in Python: unknown members there are not the user's either."""
    start = types.ToolUseBlockStart(tool_use_id="t", name="n", color="red")  # type: ignore[call-arg]
    [block] = content(types.ContentBlockStartEvent(start=start, content_block_index=0))
    assert block.model_extra == {"color": "red"}
    assert type(block.model_extra) is dict


# --- the reply around the blocks --------------------------------------------------------------------------------------


def test_stop_and_metadata_are_the_replys() -> None:
    """Every member of the last two events, as the types that `converse()` returns."""
    reply = fed(
        event("messageStart", role="assistant"),
        event("messageStop", stopReason="end_turn", additionalModelResponseFields={"/a_b": [1]}),
        event(
            "metadata",
            usage=USAGE,
            metrics={"latencyMs": 4},
            trace={"guardrail": {"modelOutput": ["x"]}, "promptRouter": {"invokedModelId": "m"}},
            performanceConfig={"latency": "optimized"},
            serviceTier={"type": "flex"},
        ),
    ).response
    assert dumped(reply) == {
        "output": {"message": {"role": "assistant", "content": []}},
        "stopReason": "end_turn",
        "additionalModelResponseFields": {"/a_b": [1]},
        "usage": USAGE,
        "metrics": {"latencyMs": 4},
        "trace": {"guardrail": {"modelOutput": ["x"]}, "promptRouter": {"invokedModelId": "m"}},
        "performanceConfig": {"latency": "optimized"},
        "serviceTier": {"type": "flex"},
    }
    assert reply == types.ConverseResponse.model_validate_json(json.dumps(dumped(reply)))
    assert (type(reply.metrics), type(reply.trace)) == (types.ConverseMetrics, types.ConverseTrace)


def test_nothing_yet() -> None:
    """Before the first event there is an empty reply: nothing in it is set but the message."""
    accumulator = Accumulator()
    reply = accumulator.response
    assert dumped(reply) == {"output": {"message": {"role": "assistant", "content": []}}}
    assert (reply.stop_reason, reply.usage, reply.metrics, reply.trace, reply.text) == (None, None, None, None, "")
    assert not accumulator.complete


def test_stream_without_metadata() -> None:
    """Usage is None and in no dump."""
    reply = fed(event("messageStart", role="assistant"), delta(text="a"), stopped(), END).response
    assert reply.usage is None
    assert dumped(reply) == {
        "output": {"message": {"role": "assistant", "content": [{"text": "a"}]}},
        "stopReason": "end_turn",
    }


def test_complete_is_the_message_stop() -> None:
    """Neither a block's end nor the metadata completes the message."""
    accumulator = fed(delta(text="a"), stopped(), event("metadata", usage=USAGE))
    assert not accumulator.complete
    accumulator.feed(END)
    assert accumulator.complete


def test_odd_orders_are_the_same_reply() -> None:
    """Metadata before the stop, a second start, a delta after the end."""
    start, metadata = event("messageStart", role="assistant"), event("metadata", usage=USAGE)
    usual = fed(start, delta(text="a"), delta(text="b"), END, metadata).response
    assert fed(metadata, start, delta(text="a"), start, END, delta(text="b")).response == usual


def test_role_of_another_kind_is_kept() -> None:
    """The role is AWS's, also one that nobody knows."""
    assert fed(event("messageStart", role="critic")).response.message.role == "critic"


def test_blocks_of_one_index() -> None:
    """What a stop completed: the block, several if several came, none if nothing was said."""
    accumulator = fed(delta(text="a"), call(1), stopped(1), delta(2, text="b"), thought("c", 2), delta(3, text=""))
    assert accumulator.blocks(0) == ["a"]
    assert accumulator.blocks(1) == [types.ToolUseBlock(tool_use_id="t", name="n", input={})]
    assert accumulator.blocks(2) == ["b", types.ReasoningTextBlock(text="c")]
    assert accumulator.blocks(3) == accumulator.blocks(None) == accumulator.blocks(99) == []


def test_reply_survives_pickle() -> None:
    """A partial reply travels in errors, which must survive pickle."""
    reply = fed(call(), argument('{"a"'), redacted(b"\xff", 1)).response
    assert pickle.loads(pickle.dumps(reply)) == reply


# --- recorded streams -------------------------------------------------------------------------------------------------


def load(path: Path) -> Any:
    return json.loads(path.read_text())


STREAMS = [path for path in sorted(WIRE.glob("*.json")) if load(WIRE / "expected" / path.name)["kind"] == "stream"]
recorded = pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
needs_recordings = pytest.mark.skipif(not STREAMS, reason="the recordings are not here")


def wire_events(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Name and JSON of each recorded event."""
    frames, problem = decode([base64.b64decode(load(path)["response"]["body_b64"])])
    assert problem is None
    events = [(str(frame.headers[":event-type"]), json.loads(frame.payload)) for frame in frames]
    for _name, members in events:
        members.pop("p", None)
    return events


def fold(events: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The reply that recorded events say, as JSON: written for what the recordings hold, and for nothing else."""
    blocks: dict[int, Any] = {}
    reply: dict[str, Any] = {}
    role = None
    for name, members in events:
        index = members.get("contentBlockIndex", -1)
        match name, members:
            case "messageStart", {"role": role}:
                pass
            case "contentBlockStart", {"start": {"toolUse": start}}:
                blocks[index] = {"toolUse": {**start, "input": ""}}
            case "contentBlockStart", {"start": {"toolResult": start}}:
                blocks[index] = {"toolResult": {**start, "content": []}}
            case "contentBlockDelta", {"delta": {"text": text}}:
                block = blocks.setdefault(index, {"text": ""})
                if "text" in block:
                    block["text"] += text
                else:
                    block["citationsContent"].setdefault("content", [{"text": ""}])[0]["text"] += text
            case "contentBlockDelta", {"delta": {"citation": citation}}:
                block = blocks.setdefault(index, {"citationsContent": {"citations": []}})
                block["citationsContent"]["citations"].append(citation)
            case "contentBlockDelta", {"delta": {"toolUse": {"input": text}}}:
                blocks[index]["toolUse"]["input"] += text
            case "contentBlockDelta", {"delta": {"toolResult": items}}:
                blocks[index]["toolResult"]["content"] += items
            case "contentBlockDelta", {"delta": {"reasoningContent": {"redactedContent": data}}}:
                assert index not in blocks
                blocks[index] = {"reasoningContent": {"redactedContent": data}}
            case "contentBlockDelta", {"delta": {"reasoningContent": piece}}:
                reasoning = blocks.setdefault(index, {"reasoningContent": {"reasoningText": {"text": ""}}})
                [(key, text)] = piece.items()
                thought_so_far = reasoning["reasoningContent"]["reasoningText"]
                thought_so_far[key] = thought_so_far.get(key, "") + text
            case "contentBlockStop", _:
                if "toolUse" in blocks.get(index, {}):
                    tool = blocks[index]["toolUse"]
                    tool["input"] = json.loads(tool["input"] or "{}")
            case "messageStop" | "metadata", _:
                reply |= members
            case _:
                raise AssertionError(f"no recording had this: {name} {members}")
    content = [blocks[index] for index in sorted(blocks) if blocks[index] != {"text": ""}]
    return {"output": {"message": {"role": role, "content": content}}, **reply}


@needs_recordings
@recorded
def test_recorded_stream_is_the_reply_that_its_events_say(path: Path) -> None:
    """Equal JSON, unknown members included, and equal to the same reply in one piece."""
    events = wire_events(path)
    reply = fed(*(event(name, **members) for name, members in events)).response
    assert dumped(reply) == fold(events)
    assert reply == types.ConverseResponse.model_validate_json(json.dumps(fold(events)))


@needs_recordings
@recorded
def test_recorded_stream_holds_what_botocore_reads(path: Path) -> None:
    """botocore's own parse of the same events says nothing that the reply does not."""
    read = [next(iter(one.items())) for one in load(WIRE / "expected" / path.name)["events"]]
    actual = fed(*(event(name, **members) for name, members in wire_events(path))).response
    # botocore's parse reads as wire JSON, but for bytes
    expected = json.loads(json.dumps(fold(read)), object_hook=lambda item: item.get("__bytes__", item))
    assert missing(expected, dumped(actual)) == []


def missing(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Where `actual` does not hold `expected`; members on top are fine."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [line for key in expected for line in missing(expected[key], actual.get(key), f"{path}.{key}")]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [
            line for index, item in enumerate(expected) for line in missing(item, actual[index], f"{path}[{index}]")
        ]
    return [] if expected == actual else [f"{path}: {actual!r} is not {expected!r}"]


@needs_recordings
@recorded
def test_partial_replies_only_grow(path: Path) -> None:
    """After every event of a recorded stream: the text is longer, no finished block changes, none goes away."""
    accumulator = Accumulator()
    snapshots = [accumulator.response]
    for name, members in wire_events(path):
        accumulator.feed(event(name, **members))
        snapshots.append(accumulator.response)
    for before, after in pairwise(snapshots):
        assert after.text.startswith(before.text)
        assert after.content[: len(before.content) - 1] == before.content[:-1]
        assert len(after.content) >= len(before.content)


# --- properties -------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
present = json_values.filter(lambda value: value is not None)
indexes = st.none() | st.integers(-2, 3)
words = st.text(max_size=4)
blobs = st.binary(max_size=4).map(lambda data: base64.b64encode(data).decode())
unknown = st.dictionaries(
    st.sampled_from(["x", "input", "content", "type", "stopReason", "stop_reason", "cls"]), json_values, max_size=2
)


def one_of_tags(**tags: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of([st.fixed_dictionaries({tag: value}) for tag, value in tags.items()])


def structure(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object of these members, each there or not, and sometimes unknown ones."""
    known = st.fixed_dictionaries({}, optional=members)
    return st.builds(lambda extra, members: {**extra, **members}, unknown.map(lambda e: without(e, members)), known)


def without(extra: dict[str, Any], members: Any) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name not in members}


starts = one_of_tags(
    toolUse=st.builds(
        lambda extra: {**extra, "toolUseId": "t", "name": "n"}, unknown.map(lambda e: without(e, ["type"]))
    ),
    toolResult=st.just({"toolUseId": "t", "status": "error"}),
    image=structure(format=words),
    hologram=present,
)
deltas = one_of_tags(
    text=words,
    toolUse=structure(input=st.sampled_from(["", '{"a":', "1", "}", "[", "NaN", "1e999", "\\"])),
    toolResult=st.lists(one_of_tags(text=words, json=present, hologram=present), max_size=2),
    reasoningContent=one_of_tags(text=words, signature=words, redactedContent=blobs, hologram=present),
    citation=structure(title=words, sourceContent=st.lists(structure(text=words), max_size=2)),
    image=structure(source=one_of_tags(bytes=blobs, s3Location=st.just({"uri": "s3://b/k"}), hologram=present)),
    hologram=present,
)
any_event = st.one_of(
    st.builds(lambda role, extra: event("messageStart", **{**extra, "role": role}), words, unknown),
    st.builds(lambda start, index: event("contentBlockStart", start=start, contentBlockIndex=index), starts, indexes),
    st.builds(lambda piece, index: event("contentBlockDelta", delta=piece, contentBlockIndex=index), deltas, indexes),
    st.sampled_from([event("contentBlockStart"), event("contentBlockDelta"), event("contentBlockStop")]),
    st.builds(stopped, indexes),
    st.builds(
        lambda fields: event("messageStop", stopReason="end_turn", additionalModelResponseFields=fields), json_values
    ),
    st.builds(lambda extra: event("metadata", **{**extra, "usage": USAGE}), unknown),
    st.builds(types.UnknownEvent, words.map(lambda word: word or "x"), json_values),
)


@given(st.lists(any_event, max_size=15))
def test_no_sequence_of_events_raises(events: list[Any]) -> None:
    """Whatever comes, in whatever order: a reply at every moment, which can be dumped and depends on no snapshot."""
    accumulator = Accumulator()
    snapshots: list[tuple[types.ConverseResponse, str]] = []
    for one in events:
        accumulator.feed(one)
        accumulator.blocks(None)
        reply = accumulator.response
        snapshots.append((reply, reply.model_dump_json(by_alias=True, exclude_unset=True)))
    for reply, then in snapshots:
        assert reply.model_dump_json(by_alias=True, exclude_unset=True) == then
    assert accumulator.response == fed(*events).response
    assert accumulator.complete == any(isinstance(one, types.MessageStopEvent) for one in events)


@given(st.data())
def test_how_a_block_was_split_does_not_matter(data: st.DataObject) -> None:
    """Text, tool input, reasoning, its signature and redacted bytes in any pieces are the same reply."""
    arguments = json.dumps(data.draw(st.dictionaries(words, json_values, max_size=3)))
    wholes: list[tuple[Any, Any]] = [
        (lambda piece: delta(0, text=piece), data.draw(st.text())),
        (lambda piece: argument(piece, 1), arguments),
        (lambda piece: thought(piece, 2), data.draw(st.text())),
        (lambda piece: signed(piece, 2), data.draw(st.text())),
        (lambda piece: redacted(piece, 3), data.draw(st.binary())),
    ]
    pieces: list[Any] = []
    for make, whole in wholes:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
        edges = [0, *cuts, len(whole)]
        pieces += [make(whole[start:end]) for start, end in pairwise(edges)]
    reply = fed(call(1), *pieces, END).response
    assert reply == fed(call(1), *(make(whole) for make, whole in wholes), END).response
    assert reply.tool_uses[0].input == json.loads(arguments)


@given(st.lists(st.tuples(st.integers(0, 2), words), max_size=12))
def test_partial_text_is_a_beginning(pieces: list[tuple[int, str]]) -> None:
    """For blocks that come in order, the text at any moment is a beginning of the whole text."""
    events = [delta(index, text=text) for index, text in sorted(pieces, key=lambda piece: piece[0])]
    whole = fed(*events).response.text
    accumulator = Accumulator()
    for position, one in enumerate(events):
        accumulator.feed(one)
        assert whole.startswith(accumulator.response.text)
        assert accumulator.response.text == fed(*events[: position + 1]).response.text


def test_snapshot_belongs_to_its_caller() -> None:
    """A snapshot keeps what it says while events go on, and what its owner does to it changes no other."""
    events = [
        delta(0, text="a"),
        call(1),
        argument('{"a": 1}', 1),
        stopped(1),
        delta(2, citation={}),
        started(3, toolResult={"toolUseId": "t"}),
        delta(3, toolResult=[{"text": "x"}]),
        delta(4, citation={}),
        delta(4, text="cited"),
    ]
    accumulator = fed(*events)
    mine, same = accumulator.response, fed(*events).response
    more = [delta(0, text="b"), argument(" ", 1), delta(2, citation={}), delta(2, text="c")]
    for one in [*more, delta(3, toolResult=[{"text": "y"}])]:
        accumulator.feed(one)
    assert mine == same
    later = accumulator.response
    mine.tool_uses[0].input["a"] = 2
    mine.content[2].citations.clear()  # type: ignore[union-attr]
    mine.content[3].content.clear()  # type: ignore[union-attr]
    mine.content[4].content.clear()  # type: ignore[union-attr]
    mine.content[4].citations.clear()  # type: ignore[union-attr]
    mine.content.clear()
    assert accumulator.response == later
