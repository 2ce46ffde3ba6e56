"""Repairs: each rule by itself, the modes, the recordings, and whatever hypothesis can think of."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from typing import Any

import pytest
from fuzzing import examples
from histories import REQUESTS, WIRE, recorded, wire
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_converse._shaping.blocks import kind_of
from bedrock_converse.caching import plan_cache
from bedrock_converse.errors import ConfigError, RequestInvalid
from bedrock_converse.prepare import Prepared, PrepareWarning, prepare
from bedrock_converse.profiles import Profiles, profile_for
from bedrock_converse.types import (
    CachePointBlock,
    ConverseRequest,
    ConverseStreamRequest,
    DocumentBlock,
    GuardrailConverseTextBlock,
    ImageBlock,
    Message,
    ReasoningTextBlock,
    RedactedReasoning,
    SpecificToolChoice,
    SystemTool,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    UnknownBlock,
    assistant,
    user,
)

CLAUDE = "us.anthropic.claude-sonnet-4-6"
NOVA = "us.amazon.nova-lite-v1:0"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
PALMYRA = "us.writer.palmyra-x5-v1:0"
NEMOTRON = "nvidia.nemotron-nano-9b-v2"
UNKNOWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
PROMPT = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDE12345:1"

POINT = CachePointBlock()
IMAGE = ImageBlock(format="png", source=b"png")
SPECIFICATION = ToolSpecification(name="weather", input_schema={"type": "object"})
TOOLS = ToolConfiguration(tools=[SPECIFICATION])


def call(number: int | str, name: str = "weather", **members: Any) -> ToolUseBlock:
    return ToolUseBlock(tool_use_id=f"call-{number}", name=name, input={}, **members)


def result(number: int | str, *content: Any, **members: Any) -> ToolResultBlock:
    return ToolResultBlock(tool_use_id=f"call-{number}", content=list(content or ("sunny",)), **members)


def document(name: str = "report") -> DocumentBlock:
    return DocumentBlock(name=name, source="text")


def ask(*messages: Message, model_id: str = CLAUDE, **members: Any) -> ConverseRequest:
    members.setdefault("tool_config", TOOLS)
    return ConverseRequest(model_id=model_id, messages=list(messages), **members)


def fixed(*messages: Message, **members: Any) -> tuple[list[Message], list[str]]:
    """The repaired messages, and the rules of what was done."""
    prepared = prepare(ask(*messages, **members))
    return list(prepared.request.messages or ()), [change.rule for change in prepared.changes]


# --- one rule at a time -----------------------------------------------------------------------------------------------


def test_a_sound_request_is_given_back_itself() -> None:
    """Nothing to do: the very same object, and an empty list."""
    request = ask(user("hi"), assistant(call(1)), user(result(1), "and?", POINT), system=["Be brief."])
    prepared = prepare(request)
    assert prepared.request is request
    assert prepared == Prepared(request)


@pytest.mark.parametrize("messages", [None, []])
def test_no_message(messages: list[Message] | None) -> None:
    """Only a system prompt, or nothing at all: a user message is added."""
    prepared = prepare(ConverseRequest(model_id=CLAUDE, messages=messages, system=["Be brief."]))
    assert prepared.request.messages == [user(".")]
    assert [(change.rule, change.path) for change in prepared.changes] == [("empty_history", "messages")]


def test_a_stored_prompt_needs_no_message() -> None:
    """With a prompt's ARN the messages are in the prompt."""
    assert prepare(ConverseRequest(model_id=PROMPT)).changes == ()


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u3000"])
def test_blank_text_goes(blank: str) -> None:
    """AWS refuses text of white space alone, since 2026-06."""
    assert fixed(user(blank, "hi", blank)) == ([user("hi")], ["blank_text"] * 2)


@pytest.mark.parametrize("content", [[], [""], [POINT], ["", POINT]])
def test_a_message_of_nothing_gets_a_placeholder(content: list[Any]) -> None:
    """A turn stays a turn: it is not dropped, since the others would no longer alternate."""
    messages, _ = fixed(user("hi"), assistant(*content), user("there"))
    assert messages[1].text == "."


def test_a_line_break_between_media_and_a_cache_point_stays() -> None:
    """It is there so that the point does not follow media directly; any other blank text goes."""
    for media in (document(), IMAGE):
        request = ask(user("hi", media, "\n", POINT, "\n"))
        prepared = prepare(request)
        assert prepared.request.messages == [user("hi", media, "\n", POINT)]
        assert plan_cache(prepared.request) is prepared.request


def test_blank_text_that_separates_nothing_goes() -> None:
    """Next to a cache point only, or to media only, it is blank text like any other; one of two is enough."""
    assert fixed(user("hi", "\n", POINT))[0] == [user("hi", POINT)]
    assert fixed(user("hi", IMAGE, "\n"))[0] == [user("hi", IMAGE)]
    assert fixed(user("hi", IMAGE, "\n", " ", POINT))[0] == [user("hi", IMAGE, "\n", POINT)]


def test_blank_system_prompt() -> None:
    """Blank text goes there, too, and with the last of it the list."""
    prepared = prepare(ask(user("hi"), system=["", "Be brief.", POINT]))
    assert prepared.request.system == ["Be brief.", POINT]
    assert prepare(ask(user("hi"), system=[" ", POINT])).request.system is None


def test_blank_tool_results() -> None:
    """Blank text in a result goes; a result that held nothing else says that it is empty."""
    history = [user("hi"), assistant(call(1), call(2))]
    messages, rules = fixed(*history, user(result(1, "", "sunny"), result(2, " ")))
    assert messages[2] == user(result(1, "sunny"), result(2, "(no output)"))
    assert rules == ["blank_text"] * 2


def test_empty_tool_results() -> None:
    """Claude takes a result without content, Nemotron does not."""
    empty = ToolResultBlock(tool_use_id="call-1", content=[])
    history = [user("hi"), assistant(call(1)), user(empty)]
    assert fixed(*history)[1] == []
    messages, rules = fixed(*history, model_id=NEMOTRON)
    assert (messages[2], rules) == (user(result(1, "(no output)")), ["tool_result"])


def test_reasoning_without_its_signature() -> None:
    """Claude refuses it: another model wrote it, or the signature was lost. Signed and redacted reasoning stays."""
    signed, redacted = ReasoningTextBlock(text="hm", signature="s"), RedactedReasoning(b"\xff\x00")
    foreign = ReasoningTextBlock(text="hm")
    messages, rules = fixed(user("hi"), assistant(signed, redacted, foreign, "a"), user("b"))
    assert messages[1] == assistant(signed, redacted, "a")
    assert rules == ["reasoning"]
    assert fixed(user("hi"), assistant(foreign), user("b"))[0][1] == assistant(".")


def test_reasoning_can_be_tagged_or_kept() -> None:
    """As text in tags, where the user wants that; redacted or empty reasoning has nothing to show."""
    request = ask(user("hi"), assistant(ReasoningTextBlock(text="hm"), ReasoningTextBlock(text=" "), "a"), user("b"))
    tagged = prepare(request, reasoning="tag").request
    assert (tagged.messages or [])[1] == assistant("<thinking>\nhm\n</thinking>", "a")
    assert prepare(request, reasoning="keep").changes == ()


def test_models_that_take_no_reasoning_back() -> None:
    """Llama: all reasoning goes, signed or redacted."""
    history = [
        user("hi"),
        assistant(ReasoningTextBlock(text="hm", signature="s"), RedactedReasoning(b"x"), "a"),
        user("b"),
    ]
    assert fixed(*history, model_id=LLAMA) == ([user("hi"), assistant("a"), user("b")], ["reasoning"] * 2)
    assert fixed(*history, model_id=UNKNOWN)[1] == []


def test_empty_signatures_are_left_out() -> None:
    """Where no signature is needed, an empty one is not sent."""
    messages, rules = fixed(
        user("hi"), assistant(ReasoningTextBlock(text="hm", signature="")), user("b"), model_id=UNKNOWN
    )
    assert (messages[1], rules) == (assistant(ReasoningTextBlock(text="hm", signature=None)), ["reasoning"])


def test_tool_names() -> None:
    """In the history, in the tools and in the choice alike; the result says which name was which."""
    tools = ToolConfiguration(
        tools=[ToolSpecification(name="my.tool", input_schema={}), SPECIFICATION],
        tool_choice=SpecificToolChoice(name="my.tool"),
    )
    prepared = prepare(ask(user("hi"), assistant(call(1, "my.tool")), user(result(1)), tool_config=tools))
    [(new, old)] = (prepared.tool_names or {}).items()
    assert old == "my.tool"
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", new)
    body = wire(prepared.request)
    assert body["messages"][1]["content"][0]["toolUse"]["name"] == new
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == new
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": new}}
    assert tools.tools[0] == ToolSpecification(name="my.tool", input_schema={})


def test_ids_outside_the_alphabet() -> None:
    """Call and result get the same new id."""
    messages, rules = fixed(user("hi"), assistant(call("ä b")), user(result("ä b")))
    assert rules == ["tool_id"] * 2
    assert messages[1].tool_uses[0].tool_use_id == messages[2].content[0].tool_use_id  # type: ignore[union-attr]
    assert re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", messages[1].tool_uses[0].tool_use_id)


def test_ids_used_again_in_a_later_turn() -> None:
    """Models that number their calls anew each turn: the later pair gets an id of its own."""
    history = [user("a"), assistant(call(1)), user(result(1)), assistant(call(1)), user(result(1, "rain"))]
    messages, rules = fixed(*history)
    assert rules == ["tool_id"] * 2
    assert messages[:3] == history[:3]
    assert messages[3].tool_uses[0].tool_use_id == messages[4].content[0].tool_use_id != "call-1"  # type: ignore[union-attr]


def test_ids_used_twice_in_one_turn() -> None:
    """Parallel calls with one id: the first result is the first call's, the second the second's."""
    messages, _ = fixed(user("a"), assistant(call(1), call(1)), user(result(1, "one"), result(1, "two")))
    ids = [use.tool_use_id for use in messages[1].tool_uses]
    assert len(set(ids)) == 2
    assert [(block.tool_use_id, block.content) for block in messages[2].content] == [
        (ids[0], ["one"]),
        (ids[1], ["two"]),
    ]  # type: ignore[union-attr]


def test_neighbours_of_one_role() -> None:
    """They become one message. AWS takes them as they are, so `raise` does not refuse it."""
    history = [user("a"), user("b"), assistant("c"), assistant("d"), user("e")]
    assert fixed(*history) == ([user("a", "b"), assistant("c", "d"), user("e")], ["same_role"] * 2)
    request = ask(*history)
    assert prepare(request, mode="raise").request is request


def test_results_split_over_messages() -> None:
    """All results of one turn of calls end up in the one message after it."""
    history = [user("a"), assistant(call(1), call(2), call(3)), user(result(1)), user(result(2)), user(result(3))]
    messages, rules = fixed(*history)
    assert messages == [*history[:2], user(result(1), result(2), result(3))]
    assert rules == ["same_role"] * 2


def test_parallel_results_with_one_missing() -> None:
    """The missing one is answered as an error; what was there stays where it was."""
    messages, rules = fixed(user("a"), assistant(call(1), call(2)), user(result(2), "go on"))
    assert messages[2].content[0] == result(2)
    assert messages[2].content[1] == result(1, "This call was not answered.", status="error")
    assert (messages[2].content[2], rules) == ("go on", ["tool_pairs"])


def test_calls_that_nobody_answered() -> None:
    """The user went on writing instead."""
    messages, rules = fixed(user("a"), assistant("Let me see.", call(1)), user("never mind"))
    assert messages[2] == user(result(1, "This call was not answered.", status="error"), "never mind")
    assert rules == ["tool_pairs"]
    assert fixed(*messages)[1] == []


def test_a_result_that_comes_late() -> None:
    """It moves behind its call; the message that it leaves empty keeps its turn."""
    history = [user("a"), assistant(call(1)), user("wait"), assistant("b"), user(result(1))]
    messages, rules = fixed(*history)
    assert messages == [user("a"), assistant(call(1)), user(result(1), "wait"), assistant("b"), user(".")]
    assert rules == ["tool_pairs"]


def test_results_without_a_call() -> None:
    """What a trimmed history leaves over, or a result given twice, goes."""
    messages, rules = fixed(user(result(1)), assistant("b"), user("c"))
    assert (messages, rules) == ([user("."), assistant("b"), user("c")], ["tool_pairs"])
    messages, rules = fixed(user("a"), assistant(call(1)), user(result(1), result(1, "rain")))
    assert (messages[2], rules) == (user(result(1)), ["tool_pairs"])


def test_calls_that_aws_runs_itself() -> None:
    """Nova's server tools are answered in the same turn, and need nothing from the user."""
    ground = call(1, "nova_grounding", type="server_tool_use")
    history = [user("a"), assistant(ground, result(1, type="nova_grounding_result"), "b"), user("c")]
    assert fixed(*history, model_id="us.amazon.nova-2-lite-v1:0")[1] == []


def test_results_come_first() -> None:
    """Other content goes behind them, with its cache point; a point among results stays."""
    messages, rules = fixed(user("a"), assistant(call(1), call(2)), user("b", POINT, result(1), IMAGE, result(2)))
    assert messages[2] == user(result(1), result(2), "b", POINT, IMAGE)
    assert rules == ["tool_results_first"]
    assert fixed(user("a"), assistant(call(1), call(2)), user(result(1), POINT, result(2), "b"))[1] == []


@pytest.mark.parametrize("beside", ["b", IMAGE, UnknownBlock("hologram", {})])
def test_results_alone(beside: Any) -> None:
    """Llama takes nothing beside results: an assistant's turn keeps the two messages apart."""
    history = [user("a"), assistant(call(1)), user(result(1), beside)]
    messages, rules = fixed(*history, model_id=LLAMA)
    assert messages == [*history[:2], user(result(1)), assistant("."), user(beside)]
    assert rules == ["tool_results_alone"]
    assert fixed(*history)[1] == []


def test_a_cache_point_stays_with_the_results() -> None:
    """Where results stand alone, a point behind them is no company; one behind other content goes with that."""
    profiles = Profiles({UNKNOWN: {"beside_tool_result": ()}})
    request = ask(user("a"), assistant(call(1)), user(result(1), POINT, "b", POINT), model_id=UNKNOWN)
    messages = prepare(request, profiles=profiles).request.messages or []
    assert messages[2:] == [user(result(1), POINT), assistant("."), user("b", POINT)]


def test_documents_beside_results() -> None:
    """Claude takes text and pictures there, no documents: they go to a message with text beside them."""
    messages, rules = fixed(user("a"), assistant(call(1)), user(result(1), document()))
    assert messages[2:] == [user(result(1)), assistant("."), user("See the attached document.", document())]
    assert rules == ["tool_results_alone", "document_text"]
    assert fixed(user("a"), assistant(call(1)), user(result(1), GuardrailConverseTextBlock(text="g")))[1] == []


def test_status_of_results() -> None:
    """Palmyra refuses the member."""
    messages, rules = fixed(user("a"), assistant(call(1)), user(result(1, status="error")), model_id=PALMYRA)
    assert (messages[2], rules) == (user(result(1)), ["tool_result"])


def test_document_names() -> None:
    """Made valid and unique over the whole history, ignoring case, also inside tool results."""
    history = [
        user("a", document("Report.pdf")),
        assistant(call(1)),
        user(result(1, document("report-pdf")), "b"),
        assistant("c"),
        user("d", document("company_policy"), document("COMPANY_POLICY")),
    ]
    messages, rules = fixed(*history)
    found = re.findall(r'"document":\s*{"name":\s*"([^"]*)"', str(wire(ask(*messages))).replace("'", '"'))
    assert found == ["Report-pdf", "report-pdf (2)", "company_policy", "COMPANY_POLICY (2)"]
    assert rules == ["document_name"] * 3


def test_documents_want_text_beside_them() -> None:
    """A user's document alone is refused; blank text does not count, text of any kind in the message does."""
    assert fixed(user(document())) == ([user("See the attached document.", document())], ["document_text"])
    assert fixed(user(document(), "What is it?"))[1] == []


def test_a_leading_assistant() -> None:
    """Nova wants a user first, Claude does not mind; of an unknown model nothing is assumed."""
    history = [assistant("Hello!"), user("hi")]
    assert fixed(*history, model_id=NOVA) == ([user("."), *history], ["leading_assistant"])
    assert fixed(*history, model_id=CLAUDE)[1] == []
    assert fixed(*history, model_id=UNKNOWN)[1] == []


def test_a_missing_tool_config() -> None:
    """Tools of the history are declared, each once, as no longer available; AWS's own as such."""
    history = [
        user("a"),
        assistant(call(1), call(2, "time")),
        user(result(1), result(2)),
        assistant(call(3)),
        user(result(3)),
    ]
    prepared = prepare(ask(*history, tool_config=None))
    config = prepared.request.tool_config
    assert config is not None
    assert [tool.name for tool in config.tools if isinstance(tool, ToolSpecification)] == ["weather", "time"]
    assert [change.rule for change in prepared.changes] == ["tool_config"]
    server = [user("a"), assistant(call(1, "nova_grounding", type="server_tool_use"), result(1)), user("b")]
    config = prepare(ask(*server, tool_config=None)).request.tool_config
    assert config == ToolConfiguration(tools=[SystemTool(name="nova_grounding")])


def test_cache_points_out_of_place() -> None:
    """They are put right as `plan_cache` does it, by the model's profile, and listed."""
    assert fixed(user("hi", document(), POINT)) == ([user("hi", POINT, document())], ["cache_points"])
    assert fixed(user("hi", POINT), model_id=LLAMA) == ([user("hi")], ["cache_points"])


def test_what_nobody_knows_stays() -> None:
    """Unknown blocks are content like any other and go out as they came, in messages, results and the system prompt."""
    block = UnknownBlock("hologram", {"a": 1})
    request = ask(user(block), assistant(block, call(1)), user(result(1, block), block), system=[block])
    assert prepare(request).request is request


def test_user_facts_go_before_the_known_ones() -> None:
    """`profiles=` decides for an ARN that names no model."""
    request = ask(assistant("Hello!"), user("hi"), model_id=UNKNOWN)
    assert prepare(request, profiles=Profiles({UNKNOWN: NOVA})).changes != ()


# --- modes ------------------------------------------------------------------------------------------------------------

BROKEN = ask(user("hi", " "), user("there"), model_id=NOVA)


def test_raise_says_what_is_wrong_and_where() -> None:
    """The first path and problem; no text of the user's in the message."""
    with pytest.raises(RequestInvalid, match=r"messages\[0\].content\[1\]: the text is blank") as caught:
        prepare(BROKEN, mode="raise")
    assert caught.value.path == "messages[0].content[1]"
    assert caught.value.hint is None
    secret = ask(user("", document("my secret.pdf")), assistant(ReasoningTextBlock(text="secret")), user("secret"))
    with pytest.raises(RequestInvalid) as caught:
        prepare(secret, mode="raise")
    assert "secret" not in str(caught.value)
    assert "messages[1].content[0]" in str(caught.value)


def test_warn_changes_nothing() -> None:
    """One warning lists all of it, and the request goes out as it is."""
    with pytest.warns(PrepareWarning, match="the text is blank") as caught:
        prepared = prepare(BROKEN, mode="warn")
    assert len(caught) == 1
    assert prepared.request is BROKEN
    assert [change.rule for change in prepared.changes] == ["blank_text", "same_role"]


def test_off_looks_at_nothing() -> None:
    """No change, no warning, no error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert prepare(BROKEN, mode="off") == Prepared(BROKEN)


def test_fix_raises_where_it_cannot() -> None:
    """The results of the last calls are for the caller to give: nobody else knows them."""
    with pytest.raises(RequestInvalid, match="ends with tool calls") as caught:
        prepare(ask(user("hi"), assistant(call(1))))
    assert caught.value.path == "messages[1]"


@pytest.mark.parametrize("options", [{"mode": "repair"}, {"reasoning": "hide"}])
def test_wrong_options_are_refused(options: Any) -> None:
    """A mode that there is not is a typed error, when the transform is made."""
    with pytest.raises(ConfigError, match="takes"):
        prepare(**options)


def test_as_a_transform() -> None:
    """It gives the request itself, reports what it did, and works for a stream."""
    reports: list[Prepared[Any]] = []
    transform = prepare(report=reports.append)
    request = ConverseStreamRequest(model_id=NOVA, messages=[user("hi", "")])
    assert transform(request) == ConverseStreamRequest(model_id=NOVA, messages=[user("hi")])
    assert [change.path for change in reports[0].changes] == ["messages[0].content[1]"]
    transform(ConverseStreamRequest(model_id=NOVA, messages=[user("hi")]))
    assert len(reports) == 1


def test_the_order_of_transforms() -> None:
    """Repairs first, cache points last: the two together, twice, are the two once."""
    request = ask(user("hi", document("a.b"), ""), assistant(call(1)), user("late", result(1), document("A-b")))
    repair, plan = prepare(), plan_cache(messages="1h")
    once = plan(repair(request))
    assert plan(repair(once)) == once


# --- recordings and properties ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_recorded_requests_that_aws_took() -> None:
    """`raise` lets every one of them through, and `fix` changes none but two neighbours of one role."""
    requests = recorded(status=200)
    assert len(requests) > 150
    for name, request in requests:
        assert prepare(request, mode="raise").request is request, name
        assert [c.rule for c in prepare(request).changes] in ([], ["same_role"]), name


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_recorded_requests_that_aws_refused() -> None:
    """A video beside a tool result on Claude: `raise` says so before AWS does."""
    refused = [request for name, request in recorded(status=400) if "url-video-bedrock_claude" in name]
    assert refused
    for request in refused:
        with pytest.raises(RequestInvalid, match=r"messages\[2\].content\[1\]"):
            prepare(request, mode="raise")


def refusals(request: ConverseRequest) -> list[str]:
    """What AWS would say to a request: an independent reading of the rules."""
    profile = profile_for(request.model_id)
    messages = request.messages or []
    problems: list[str] = []
    names: Counter[str] = Counter()
    ids: Counter[str] = Counter()
    speakers = [message.role for message in messages if message.role != "system"]
    if not messages:
        problems.append("no message")
    if speakers and speakers[0] == "assistant" and profile.leading_assistant is False:
        problems.append("leading assistant")
    for index, message in enumerate(messages):
        kinds = [kind_of(block) for block in message.content]
        if not [kind for kind in kinds if kind != "cachePoint"]:
            problems.append("empty message")
        if index and message.role == messages[index - 1].role != "system":
            problems.append("same role")
        for position, block in enumerate(message.content):
            separates = (
                kinds[position - 1] in ("image", "document", "video", "audio") and "cachePoint" in kinds[position:]
            )
            if isinstance(block, str) and not block.strip() and not separates:
                problems.append("blank text")
            if isinstance(block, ToolUseBlock):
                ids[block.tool_use_id] += 1
                if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", block.name):
                    problems.append("tool name")
            inner = block.content if isinstance(block, ToolResultBlock) else [block]
            if any(isinstance(part, str) and not part.strip() for part in inner) and isinstance(block, ToolResultBlock):
                problems.append("blank result")
            names.update(part.name.lower() for part in inner if isinstance(part, DocumentBlock))
        if message.role == "user" and "document" in kinds and not message.text.strip():
            problems.append("document without text")
        calls = [b.tool_use_id for b in message.content if isinstance(b, ToolUseBlock) and b.type != "server_tool_use"]
        following = messages[index + 1] if index + 1 < len(messages) else None
        answers = [b.tool_use_id for b in following.content if isinstance(b, ToolResultBlock)] if following else []
        answered_next = message.role == "assistant" and (calls or (following and following.role == "user"))
        if answered_next and Counter(calls) != Counter(answers):
            problems.append("calls and results do not pair")
        if message.role == "user" and "toolResult" in kinds:
            beside = {
                kind for kind in kinds if kind not in ("toolResult", "cachePoint", "hologram", "reasoningContent")
            }
            if beside & {"text", "image", "document", "video"} - profile.beside_tool_result:
                problems.append("beside results")
    problems += [f"id {name}" for name, count in ids.items() if count > 1 or not re.fullmatch(r"[\w.:-]{1,64}", name)]
    problems += [f"document {name}" for name, count in names.items() if count > 1 or not 1 <= len(name) <= 200]
    return problems


def unless_refused(request: ConverseRequest, **options: Any) -> Prepared[ConverseRequest] | None:
    """The request prepared, or None where that is refused, for the one reason that there is."""
    try:
        return prepare(request, **options)
    except RequestInvalid as error:
        if not error.problem.startswith("the history ends with tool calls"):
            raise
    return None


@settings(max_examples=examples(300), deadline=None)
@given(request=REQUESTS, reasoning=st.sampled_from(["drop", "tag", "keep"]))
def test_whatever_comes_in(request: ConverseRequest, reasoning: Any) -> None:
    """Input unchanged; sendable afterwards, or a typed error; repairing again changes nothing; all of it is listed."""
    before = request.model_copy(deep=True)
    prepared = unless_refused(request, reasoning=reasoning)
    assert request == before
    if prepared is None:
        return
    assert refusals(prepared.request) == []
    assert bool(prepared.changes) == (prepared.request is not request)
    again = prepare(prepared.request, reasoning=reasoning)
    assert again.changes == ()
    assert again.request is prepared.request
    assert prepare(prepared.request, reasoning=reasoning, mode="raise").request is prepared.request


@settings(max_examples=examples(100), deadline=None)
@given(request=REQUESTS)
def test_changes_point_into_the_request(request: ConverseRequest) -> None:
    """Every path can be followed in the JSON of the request that came in."""
    body = wire(request)
    prepared = unless_refused(request)
    for change in prepared.changes if prepared else ():
        found: Any = body
        for step in re.findall(r"\w+", change.path):
            if found is body and step in ("messages", "toolConfig") and step not in found:
                break
            found = found[int(step)] if step.isdigit() else found[step]
