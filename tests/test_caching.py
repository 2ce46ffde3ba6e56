"""Cache points: where AWS takes them, how many, in which order of lifetimes, and never a changed input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from histories import REQUESTS, WIRE, recorded, wire
from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse._shaping.blocks import kind_of
from bedrock_converse.caching import plan_cache
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.profiles import Profiles, profile_for
from bedrock_converse.types import (
    CachePointBlock,
    ConverseRequest,
    ConverseStreamRequest,
    DocumentBlock,
    ImageBlock,
    Message,
    ReasoningTextBlock,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    UnknownBlock,
    VideoBlock,
    assistant,
    user,
)

if TYPE_CHECKING:
    from bedrock_converse.types import ContentBlock

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OLD_CLAUDE = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"

POINT = CachePointBlock()
IMAGE = ImageBlock(format="png", source=b"png")
DOCUMENT = DocumentBlock(name="report", source=b"%PDF", format="pdf")
VIDEO = VideoBlock(format="mp4", source=b"mp4")
CALL = ToolUseBlock(tool_use_id="1", name="weather", input={})
RESULT = ToolResultBlock(tool_use_id="1", content=["sunny"])
TOOLS = ToolConfiguration(tools=[ToolSpecification(name="weather", input_schema={"type": "object"})])
LIVES = st.sampled_from([None, False, True, "5m", "1h"])


def ask(*messages: Message, model_id: str = CLAUDE, **members: Any) -> ConverseRequest:
    return ConverseRequest(model_id=model_id, messages=list(messages), **members)


def content_after_plan(*content: ContentBlock, **plan: Any) -> list[Any]:
    planned = plan_cache(ask(user(*content)), **plan)
    assert planned.messages is not None
    return planned.messages[0].content


def points(request: ConverseRequest) -> list[CachePointBlock]:
    """Every cache point, in the order in which AWS reads them."""
    blocks: list[Any] = [*(request.tool_config.tools if request.tool_config else ()), *(request.system or ())]
    blocks += [block for message in request.messages or () for block in message.content]
    return [block for block in blocks if isinstance(block, CachePointBlock)]


def test_a_point_in_each_place() -> None:
    """One at the end of the tools, one at the end of the system prompt, one at the end of the newest user message."""
    request = ask(user("one"), assistant("two"), user("three"), system=["Be brief."], tool_config=TOOLS)
    planned = plan_cache(request, system="1h", tools="1h", messages="5m")
    body = wire(planned)
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["system"] == [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert body["messages"][2]["content"][1] == {"cachePoint": {"type": "default", "ttl": "5m"}}
    assert len(points(planned)) == 3


def test_as_a_transform() -> None:
    """Without a request it is the transform, which a client can be given; a streamed request works as well."""
    transform = plan_cache(messages=True)
    planned = transform(ConverseStreamRequest(model_id=CLAUDE, messages=[user("hi")]))
    assert isinstance(planned, ConverseStreamRequest)
    assert planned.messages == [user("hi", POINT)]


def test_nothing_asked_nothing_done() -> None:
    """A plan without places gives the request itself."""
    request = ask(user("hi"), system=["Be brief."], tool_config=TOOLS)
    assert plan_cache(request) is request


def test_what_is_not_changed_is_shared() -> None:
    """Only the lists that got a point are new."""
    request = ask(user("one"), assistant("two"), user("three"), system=["Be brief."])
    planned = plan_cache(request, messages=True)
    assert planned.messages is not None
    assert request.messages is not None
    assert planned.messages[0] is request.messages[0]
    assert planned.system is request.system


@pytest.mark.parametrize("messages", [None, []])
def test_empty_histories(messages: list[Message] | None) -> None:
    """Only a system prompt, or nothing at all, is no error."""
    planned = plan_cache(
        ConverseRequest(model_id=CLAUDE, messages=messages, system=["Be brief."]),
        system=True,
        tools=True,
        messages=True,
    )
    assert planned.system == ["Be brief.", POINT]
    assert planned.messages == messages


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (["hi"], ["hi", POINT]),
        (["hi", IMAGE], ["hi", IMAGE, POINT]),
        ([RESULT], [RESULT, POINT]),
        (["hi", DOCUMENT], ["hi", POINT, DOCUMENT]),
        (["hi", DOCUMENT, VIDEO], ["hi", POINT, DOCUMENT, VIDEO]),
        ([DOCUMENT, "hi"], [DOCUMENT, "hi", POINT]),
        ([DOCUMENT], [DOCUMENT]),
        ([DOCUMENT, "\n"], [DOCUMENT, "\n", POINT]),
        ([UnknownBlock("hologram", {})], [UnknownBlock("hologram", {}), POINT]),
        ([], []),
    ],
)
def test_the_place_in_the_message(content: list[Any], expected: list[Any]) -> None:
    """As late as AWS takes it: after text, pictures and results, before trailing documents and videos."""
    assert content_after_plan(*content, messages=True) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([POINT, "hi"], ["hi", POINT]),
        ([DOCUMENT, POINT, "hi"], [DOCUMENT, "hi", POINT]),
        (["hi", DOCUMENT, POINT, "and"], ["hi", POINT, DOCUMENT, "and"]),
        (["hi", POINT, POINT], ["hi", POINT]),
        ([DOCUMENT, "\n", POINT, "hi"], [DOCUMENT, "\n", POINT, "hi"]),
        ([VIDEO, POINT], [VIDEO]),
        ([POINT], []),
    ],
)
def test_points_of_your_own_are_put_right(content: list[Any], expected: list[Any]) -> None:
    """A misplaced one moves back, else on, else goes; a well placed one stays, behind a line break after media too."""
    assert content_after_plan(*content) == expected


def test_not_after_reasoning() -> None:
    """opencode #36517: a point right behind a reasoning block is a 400."""
    reasoning = ReasoningTextBlock(text="hm", signature="s")
    planned = plan_cache(ask(user("hi"), assistant("a", reasoning, POINT), user("b")))
    assert planned.messages is not None
    assert planned.messages[1].content == ["a", POINT, reasoning]


def test_not_inside_tool_results() -> None:
    """Portkey gateway #1762: a point among a result's content goes; the result is copied, not changed."""
    result = ToolResultBlock(tool_use_id="1", content=["sunny", UnknownBlock("cachePoint", {"type": "default"})])
    planned = plan_cache(ask(user("hi"), assistant(CALL), user(result), tool_config=TOOLS))
    assert planned.messages is not None
    assert planned.messages[2].content == [ToolResultBlock(tool_use_id="1", content=["sunny"])]
    assert len(result.content) == 2


def test_a_message_that_takes_no_point_is_passed_over() -> None:
    """When the newest user message is all documents, the one before it is marked."""
    planned = plan_cache(ask(user("one"), assistant("two"), user(DOCUMENT)), messages=True)
    assert planned.messages == [user("one", POINT), assistant("two"), user(DOCUMENT)]


def test_at_most_four_and_the_newest_kept() -> None:
    """Points of your own count; the oldest in messages go first."""
    request = ask(
        *(turn for n in range(4) for turn in (user(f"q{n}", POINT), assistant(f"a{n}"))),
        user("last"),
        system=["s"],
        tool_config=TOOLS,
    )
    planned = plan_cache(request, system=True, tools=True, messages=True)
    assert len(points(planned)) == 4
    assert planned.messages is not None
    marked = [index for index, message in enumerate(planned.messages) if POINT in message.content]
    assert marked == [6, 8]


def test_more_than_four_in_one_message() -> None:
    """Within a message, too, the later ones stay."""
    assert content_after_plan(*[x for n in range(6) for x in (f"t{n}", POINT)]) == [
        "t0", "t1", "t2", POINT, "t3", POINT, "t4", POINT, "t5", POINT
    ]  # fmt: skip


def test_too_many_before_the_messages() -> None:
    """With no message to give way, the first points of the system prompt go."""
    request = ask(user("hi"), system=[x for n in range(6) for x in (f"t{n}", POINT)], tool_config=TOOLS)
    planned = plan_cache(request, tools=True)
    assert len(points(planned)) == 4
    assert planned.system == ["t0", "t1", "t2", "t3", POINT, "t4", POINT, "t5", POINT]


@pytest.mark.parametrize(
    ("tools", "system", "messages", "expected"),
    [
        ("1h", "1h", "5m", ["1h", "1h", "5m"]),
        ("5m", None, "1h", ["5m", "5m"]),
        (True, True, "1h", [None, None, "5m"]),
        ("1h", True, "1h", ["1h", None, "5m"]),
        ("1h", "5m", "1h", ["1h", "5m", "5m"]),
        (None, None, "1h", ["1h"]),
    ],
)
def test_lifetimes_never_grow(tools: Any, system: Any, messages: Any, expected: list[str | None]) -> None:
    """strands #3758: in the order tools, system, messages an hour never stands behind five minutes."""
    request = ask(user("hi"), system=["s"], tool_config=TOOLS)
    planned = plan_cache(request, tools=tools, system=system, messages=messages)
    assert [point.ttl for point in points(planned)] == expected


def test_lifetimes_of_your_own_points_are_ordered_too() -> None:
    """A hand-placed hour behind a planned five minutes is shortened, in a copy."""
    mine = CachePointBlock(ttl="1h")
    planned = plan_cache(ask(user("hi", mine), system=["s"]), system="5m")
    assert [point.ttl for point in points(planned)] == ["5m", "5m"]
    assert mine.ttl == "1h"


def test_models_without_lifetimes() -> None:
    """Where the model takes no `ttl`, the point goes without: five minutes."""
    for model_id in (NOVA, OLD_CLAUDE):
        planned = plan_cache(ask(user("hi"), model_id=model_id, system=["s"]), system="1h", messages="5m")
        assert [point.ttl for point in points(planned)] == [None, None]


def test_nova_takes_no_point_in_tools_or_tool_turns() -> None:
    """Nova: none behind the tools, none in a turn with tool calls or results; your own go, too."""
    tools = ToolConfiguration(tools=[*TOOLS.tools, POINT])
    request = ask(user("hi"), assistant(CALL), user(RESULT, POINT), model_id=NOVA, tool_config=tools)
    planned = plan_cache(request, tools=True, messages=True)
    assert planned.tool_config == TOOLS
    assert planned.messages == [user("hi", POINT), assistant(CALL), user(RESULT)]


def test_models_that_do_not_cache() -> None:
    """Llama takes no point at all: none is planned, and your own are left out."""
    request = ask(user("hi", POINT), model_id=LLAMA, system=["s", POINT], tool_config=TOOLS)
    assert points(plan_cache(request, system=True, tools=True, messages=True)) == []


def test_a_list_of_nothing_but_a_point_is_left_out() -> None:
    """What remains of a system prompt or of tools without anything in them is None, which AWS takes."""
    request = ask(user("hi"), system=[POINT], tool_config=ToolConfiguration(tools=[POINT]))
    planned = plan_cache(request, system=True)
    assert (planned.system, planned.tool_config) == (None, None)


def test_unknown_models_are_cached_as_asked() -> None:
    """An opaque ARN takes everything, unless `profiles=` says what it is."""
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    request = ask(user("hi"), model_id=arn, tool_config=TOOLS)
    assert len(points(plan_cache(request, tools="1h", messages="1h"))) == 2
    assert points(plan_cache(request, tools="1h", messages="1h", profiles=Profiles({arn: LLAMA}))) == []


@pytest.mark.parametrize("life", ["2h", 5, "", 1.0])
def test_a_wrong_life_is_refused(life: Any) -> None:
    """A lifetime that AWS does not have is a typed error, at once."""
    with pytest.raises(RequestInvalid, match=r"plan_cache\(system=\)"):
        plan_cache(system=life)


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_recorded_requests_keep_their_points() -> None:
    """Points in requests that AWS answered with 200 stay where they are."""
    with_points = [(name, request) for name, request in recorded(status=200) if points(request)]
    assert len(with_points) > 15
    for name, request in with_points:
        assert plan_cache(request) is request, name


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_planned_points_stand_where_recorded_ones_did() -> None:
    """Take the points out of recorded requests and plan them anew: the same JSON as AWS took, bar a middle one."""
    compared = 0
    for name, request in recorded(status=200):
        body = wire(request)
        places: dict[str, Any] = {
            "system": kind_of(request.system[-1]) == "cachePoint" if request.system else None,
            "tools": kind_of(request.tool_config.tools[-1]) == "cachePoint" if request.tool_config else None,
            "messages": bool(request.messages and kind_of(request.messages[-1].content[-1]) == "cachePoint"),
        }
        if len(points(request)) != sum(map(bool, places.values())) or not points(request):
            continue
        for blocks in (body.get("system", []), body.get("toolConfig", {}).get("tools", [])):
            blocks[:] = [block for block in blocks if "cachePoint" not in block]
        for message in body["messages"]:
            message["content"] = [block for block in message["content"] if "cachePoint" not in block]
        bare = ConverseRequest.model_validate_json(json.dumps({**body, "modelId": request.model_id}))
        assert wire(plan_cache(bare, **places)) == wire(request), name
        compared += 1
    assert compared >= 10


@given(request=REQUESTS, system=LIVES, tools=LIVES, messages=LIVES)
def test_whatever_comes_in(request: ConverseRequest, system: Any, tools: Any, messages: Any) -> None:
    """Input unchanged, planning again changes nothing, and no rule of AWS's or of the model's is broken."""
    before = request.model_copy(deep=True)
    planned = plan_cache(request, system=system, tools=tools, messages=messages)
    assert request == before
    assert plan_cache(planned, system=system, tools=tools, messages=messages) == planned
    profile = profile_for(request.model_id)
    lives = [point.ttl for point in points(planned)]
    assert len(lives) <= 4
    assert lives == sorted(lives, key=lambda life: life != "1h")
    assert not lives or profile.cache_in
    for message in planned.messages or ():
        kinds = [kind_of(block) for block in message.content]
        for index, kind in enumerate(kinds):
            if kind == "cachePoint":
                assert index > 0
                assert kinds[index - 1] not in ("document", "video", "audio", "reasoningContent", "cachePoint")
        for block in message.content:
            if isinstance(block, ToolResultBlock):
                assert "cachePoint" not in [kind_of(inner) for inner in block.content]


@given(request=REQUESTS)
def test_only_points_move(request: ConverseRequest) -> None:
    """Without its cache points, a planned request is the one that came in."""

    def bare(request: ConverseRequest) -> list[Any]:
        messages = [[kind for kind in map(kind_of, m.content) if kind != "cachePoint"] for m in request.messages or ()]
        tools = request.tool_config.tools if request.tool_config else []
        return [
            messages,
            *([b for b in blocks if kind_of(b) != "cachePoint"] for blocks in (tools, request.system or [])),
        ]

    assert bare(plan_cache(request, system=True, tools=True, messages=True)) == bare(request)
