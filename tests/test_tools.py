"""The loop between a model and its tools, whole and streamed, against the fake."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from fake_client import MODEL, bedrock, sent, under_trio
from pydantic import BaseModel
from steady import run_steadily

from bedrock_converse.caching import plan_cache
from bedrock_converse.errors import APIError, ProtocolError, RequestInvalid
from bedrock_converse.prepare import prepare
from bedrock_converse.stream import BlockDone, TextDelta, ToolInputDelta
from bedrock_converse.testing import FakeBedrock, reply, tool_call, validation_error
from bedrock_converse.tools import (
    Allow,
    Answer,
    Decision,
    Deny,
    Pause,
    PausedRun,
    Rewrite,
    ToolCall,
    ToolFailed,
    ToolFinished,
    ToolLoopError,
    ToolRun,
    ToolStarted,
    run_tools,
    stream_tools,
    tool,
    tool_config,
    wire_name,
)
from bedrock_converse.types import (
    CachePointBlock,
    Message,
    SystemTool,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    assistant,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@tool
async def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def fake_with(*answers: Any) -> FakeBedrock:
    fake = FakeBedrock()
    fake.on(MODEL).then(*answers)
    return fake


async def ran(fake: FakeBedrock, tools: Sequence[Any], messages: Any = "go", **options: Any) -> ToolRun:
    async with bedrock(fake) as client:
        return await run_tools(client, MODEL, messages, tools, **options)


async def streamed(fake: FakeBedrock, tools: Sequence[Any], messages: Any = "go", **options: Any) -> ToolRun:
    async with bedrock(fake) as client, stream_tools(client, MODEL, messages, tools, **options) as run:
        return await run.final()


both = pytest.mark.parametrize("run", [ran, streamed])


def results(message: Message) -> list[tuple[str, Any, Any]]:
    return [(b.tool_use_id, b.content, b.status) for b in message.content if isinstance(b, ToolResultBlock)]


@both
async def test_a_run(run: Callable[..., Any]) -> None:
    """Calls, results in one message in the order of the calls, the answer, the transcript, the bill."""
    calls = [tool_call("add", a=1, b=2, id="x"), tool_call("add", a=3, b=4, id="y")]
    fake = fake_with(reply("Let me see.", *calls), reply("3 and 7."))
    done = await run(fake, [add], system="Be brief.", max_tokens=50)
    assert done.text == "3 and 7."
    assert done.messages == [
        user("go"),
        assistant("Let me see.", *calls),
        user(ToolResultBlock(tool_use_id="x", content=["3"]), ToolResultBlock(tool_use_id="y", content=["7"])),
        assistant("3 and 7."),
    ]
    assert [(finished.call.name, finished.failed) for finished in done.calls] == [("add", False)] * 2
    assert (done.rounds, done.usage.requests, done.usage.input_tokens, done.paused) == (2, 2, 20, None)
    body = sent(fake)
    assert body["system"] == [{"text": "Be brief."}]
    assert body["inferenceConfig"] == {"maxTokens": 50}
    assert body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["required"] == ["a", "b"]


def test_trio() -> None:
    """The same on trio, sync tools included."""

    @tool
    def shout(text: str) -> str:
        return text.upper()

    async def main() -> None:
        fake = fake_with(reply(tool_call("shout", text="hi")), reply("done"))
        assert results((await ran(fake, [shout])).messages[2])[0][1] == ["HI"]
        fake = fake_with(reply(tool_call("shout", text="hi")), reply("done"))
        assert (await streamed(fake, [shout])).text == "done"

    under_trio(main)


async def test_without_calls_it_is_converse() -> None:
    """No tools at all, too: then no tool configuration is sent."""
    fake = fake_with(reply("hi"))
    assert (await ran(fake, [])).messages == [user("go"), assistant("hi")]
    assert "toolConfig" not in sent(fake)


async def test_calls_run_in_parallel() -> None:
    """Async ones in a task group: each waits for the other here."""
    here, there = anyio.Event(), anyio.Event()

    @tool
    async def first() -> None:
        here.set()
        await there.wait()

    @tool
    async def second() -> None:
        there.set()
        await here.wait()

    with anyio.fail_after(5):
        await ran(fake_with(reply(tool_call("first"), tool_call("second")), reply("ok")), [first, second])


async def test_sync_functions_run_in_threads() -> None:
    """In parallel, and not on the loop's thread."""
    barrier = threading.Barrier(2, timeout=5)

    def meet() -> str:
        barrier.wait()
        return "main" if threading.current_thread() is threading.main_thread() else "thread"

    run = await ran(fake_with(reply(tool_call("meet"), tool_call("meet")), reply("ok")), [meet])
    assert [content for _, content, _ in results(run.messages[2])] == [["thread"], ["thread"]]


async def test_max_parallel() -> None:
    """No more calls at once than allowed."""
    running = peak = 0

    @tool
    async def count() -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await anyio.sleep(0.01)
        running -= 1

    await ran(fake_with(reply(*[tool_call("count") for _ in range(5)]), reply("ok")), [count], max_parallel=2)
    assert peak == 2


@both
async def test_what_goes_wrong_is_told_to_the_model(run: Callable[..., Any]) -> None:
    """Exceptions, wrong arguments, unknown tools, results that JSON cannot hold: error results, and the run goes on."""

    @tool
    async def broken(kind: str) -> Any:
        if kind == "failed":
            raise ToolFailed("Try Oslo instead.")
        if kind == "blob":
            return b"x"
        raise KeyError(kind)

    kinds = [tool_call("broken", kind=kind) for kind in ("failed", "blob", "key")]
    wrong = tool_call("broken", kind=1, extra=2)
    fake = fake_with(reply(*kinds, wrong, tool_call("nothing")), reply("ok"))
    done = await run(fake, [broken])
    said = [content[0] for _, content, status in results(done.messages[2]) if status == "error"]
    assert said[:3] == [
        "Try Oslo instead.",
        "the tool returned bytes; say what they are: await image(data)",
        "KeyError: 'key'",
    ]
    assert said[3].startswith("The arguments are not valid:\n- kind: Input should be a valid string")
    assert said[4] == "There is no tool nothing. The tools are: broken."
    assert [type(finished.error).__name__ for finished in done.calls] == [
        "ToolFailed",
        "Unusable",
        "KeyError",
        "ValidationError",
        "NoneType",
    ]
    assert all(finished.failed for finished in done.calls)


@both
async def test_invalid_json(run: Callable[..., Any]) -> None:
    """Arguments that are no JSON object are told to the model, and go back as an object that AWS takes."""
    broken = {"toolUse": {"toolUseId": "x", "name": "add", "input": '{"a": 1'}}
    fake = fake_with(reply(broken, stop_reason="tool_use"), reply("ok"))
    done = await run(fake, [add])
    [(_, content, status)] = results(done.messages[2])
    assert status == "error"
    assert "not a JSON object" in content[0]
    assert sent(fake)["messages"][1]["content"][0]["toolUse"]["input"] == {"invalid_json": '{"a": 1'}
    assert done.calls[0].call.input == '{"a": 1'


async def test_duplicate_ids() -> None:
    """Within a reply and over the history; every call has its own result."""
    history = [
        user("go"),
        assistant(tool_call("add", a=0, b=0, id="x")),
        user(ToolResultBlock(tool_use_id="x", content=["0"])),
    ]
    fake = fake_with(reply(tool_call("add", a=1, b=1, id="x"), tool_call("add", a=2, b=2, id="x")), reply("ok"))
    run = await ran(fake, [add], history)
    assert results(run.messages[4]) == [("x-2", ["2"], None), ("x-3", ["4"], None)]
    assert [call.tool_use_id for call in run.messages[3].tool_uses] == ["x-2", "x-3"]
    assert len(history) == 3


@both
async def test_names_outside_the_alphabet(run: Callable[..., Any]) -> None:
    """Mapped on the way out, in the history too, and back on the way in."""

    @tool(name="math.add")
    async def dotted(a: int) -> int:
        return a

    wire = wire_name("math.add")
    history = [
        user("a"),
        assistant(tool_call("old/tool", id="o")),
        user(ToolResultBlock(tool_use_id="o", content=["r"])),
    ]
    fake = fake_with(reply(tool_call(wire, a=5, id="n")), reply("ok"))
    done = await run(fake, [dotted], history, tool_choice="math.add")
    assert sent(fake, 0)["toolConfig"] == {
        "tools": [{"toolSpec": {"name": wire, "inputSchema": {"json": dotted.specification.input_schema}}}],
        "toolChoice": {"tool": {"name": wire}},
    }
    assert sent(fake, 0)["messages"][1]["content"][0]["toolUse"]["name"] == wire_name("old/tool")
    assert sent(fake, 1)["messages"][3]["content"][0]["toolUse"]["name"] == wire
    assert [call.name for message in done.messages for call in message.tool_uses] == ["old/tool", "math.add"]
    assert done.calls[0].call.name == "math.add"


async def test_tool_choice_is_for_the_first_round() -> None:
    """Otherwise the model could never answer."""
    fake = fake_with(reply(tool_call("add", a=1, b=1)), reply("ok"))
    await ran(fake, [add], tool_choice="any")
    assert sent(fake, 0)["toolConfig"]["toolChoice"] == {"any": {}}
    assert "toolChoice" not in sent(fake, 1)["toolConfig"]


async def test_server_tools_are_left_alone() -> None:
    """AWS runs them itself; their calls and results come in the reply, and end nothing."""
    inline = ToolUseBlock(tool_use_id="s", name="nova_grounding", input={}, type="server_tool_use")
    fake = fake_with(reply(inline, ToolResultBlock(tool_use_id="s", content=["found"]), "Answer."))
    run = await ran(fake, [SystemTool(name="nova_grounding")])
    assert run.text == "Answer."
    assert run.rounds == 1


async def test_context() -> None:
    """Handed to tools that have the parameter, untouched."""
    service = object()

    @tool
    async def same(context: object) -> bool:
        return context is service

    run = await ran(fake_with(reply(tool_call("same")), reply("ok")), [same], context=service)
    assert results(run.messages[2])[0][1] == ["true"]


async def test_timeout_of_a_tool() -> None:
    """The model is told; the run goes on. Threads, too."""

    @tool(timeout=0.02)
    async def slow() -> None:
        await anyio.sleep(5)

    @tool(timeout=0.02)
    def stuck() -> None:
        time.sleep(0.2)

    run = await ran(fake_with(reply(tool_call("slow"), tool_call("stuck")), reply("ok")), [slow, stuck])
    assert [content for _, content, _ in results(run.messages[2])] == [["The tool took longer than 0.02 s."]] * 2


# --- limits and failures ----------------------------------------------------------------------------------------------


@both
async def test_max_rounds(run: Callable[..., Any]) -> None:
    """The calls of the last round are not made; what is left can be sent again."""
    made: list[int] = []

    @tool
    async def note(n: int) -> None:
        made.append(n)

    fake = fake_with(*[reply(tool_call("note", n=n)) for n in range(3)])
    with pytest.raises(ToolLoopError, match="after 3 rounds") as caught:
        await run(fake, [note], max_rounds=3)
    error = caught.value
    assert made == [0, 1]
    assert (error.reason, error.usage.requests, error.model_id) == ("rounds", 3, MODEL)
    assert error.messages[-1].role == "user"
    assert error.reply is not None
    assert error.reply.tool_uses[0].input == {"n": 2}
    assert pickle.loads(pickle.dumps(error)).messages == copy.deepcopy(error).messages == error.messages


@both
async def test_max_seconds(run: Callable[..., Any]) -> None:
    """A tool that never ends is cancelled."""
    cancelled = False

    @tool
    async def forever() -> None:
        nonlocal cancelled
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            cancelled = True
            raise

    with pytest.raises(ToolLoopError, match=r"longer than 0\.2 s") as caught:
        await run(fake_with(reply(tool_call("forever"))), [forever], max_seconds=0.2)
    assert caught.value.reason == "time"
    assert cancelled


@both
async def test_max_seconds_while_the_model_thinks(run: Callable[..., Any]) -> None:
    """It holds for the model's turn, too."""
    with pytest.raises(ToolLoopError) as caught:
        await run(fake_with(reply("late", time_to_first_token=5.0)), [add], max_seconds=0.1)
    assert caught.value.reason == "time"


@both
@pytest.mark.parametrize("stop", ["max_tokens", "malformed_tool_use", "model_context_window_exceeded"])
async def test_cut_calls_are_not_made(run: Callable[..., Any], stop: str) -> None:
    """Their arguments cannot be trusted, even when they are valid JSON."""
    fake = fake_with(reply("well", tool_call("add", a=1, b=2), stop_reason=stop))
    with pytest.raises(ToolLoopError, match=stop) as caught:
        await run(fake, [add])
    assert caught.value.reason == "unfinished"
    assert caught.value.messages == [user("go")]


async def test_a_cut_answer_is_an_answer() -> None:
    """Without calls, the stop reason says it, as with converse."""
    run = await ran(fake_with(reply("well", stop_reason="max_tokens")), [add])
    assert run.reply.stop_reason == "max_tokens"


async def test_some_models_say_end_turn_beside_a_call() -> None:
    """The call is made."""
    assert (
        await ran(fake_with(reply(tool_call("add", a=1, b=2), stop_reason="end_turn"), reply("3")), [add])
    ).rounds == 2


@both
async def test_the_transcript_survives_errors(run: Callable[..., Any]) -> None:
    """What tools did is not lost when AWS says no later; the list can be sent again."""
    transcript: list[Message] = []
    fake = fake_with(reply(tool_call("add", a=1, b=2, id="x")), validation_error("no"))
    with pytest.raises(APIError):
        await run(fake, [add], transcript=transcript)
    assert [message.role for message in transcript] == ["user", "assistant", "user"]
    again = await run(fake_with(reply("3")), [add], transcript)
    assert again.messages[:3] == transcript[:3]


async def test_cancellation_is_clean() -> None:
    """All running tools are cancelled, a stuck thread is not waited for, the transcript can be sent."""
    transcript: list[Message] = []
    started, left = anyio.Event(), threading.Event()
    ended: list[str] = []

    @tool
    async def waiting(name: str) -> None:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(name)

    @tool
    def stuck() -> None:
        ended.append("stuck" if left.wait(10) else "never left")

    fake = fake_with(
        reply(tool_call("waiting", {"name": "a"}), tool_call("waiting", {"name": "b"}), tool_call("stuck"))
    )
    async with bedrock(fake) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: run_tools(client, MODEL, "go", [waiting, stuck], transcript=transcript))
            await started.wait()
            group.cancel_scope.cancel()
        assert sorted(ended) == ["a", "b"]
        left.set()
        assert transcript == [user("go")]
        assert client.stats.live_streams == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"tools": [add, add]},
        {"tools": [7]},
        {"tools": [add], "max_rounds": 0},
        {"tools": [add], "tool_config": {"tools": []}},
        {"tools": [add], "before_call": lambda call: "yes"},
    ],
)
async def test_what_is_refused(arguments: dict[str, Any]) -> None:
    """Two tools of one name, no tool, no rounds, two tool configurations, a decision that is none."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply(tool_call("add", a=1, b=1)))
    with pytest.raises(RequestInvalid):
        await ran(fake, arguments.pop("tools"), **arguments)


# --- decisions --------------------------------------------------------------------------------------------------------


@both
async def test_decisions(run: Callable[..., Any]) -> None:
    """Allowed, denied, rewritten and answered calls, decided one after the other by a sync or async hook."""
    seen: list[Any] = []

    async def decide(call: ToolCall) -> Decision | None:
        seen.append(call.input["a"])
        return {1: None, 2: Deny("Not that."), 3: Rewrite({"a": 30, "b": 0}), 4: Answer({"n": 44})}[call.input["a"]]

    fake = fake_with(reply(*[tool_call("add", a=a, b=0) for a in (1, 2, 3, 4)]), reply("ok"))
    done = await run(fake, [add], before_call=decide)
    said = [(content, status) for _, content, status in results(done.messages[2])]
    assert seen == [1, 2, 3, 4]
    assert said[:3] == [(["1"], None), (["Not that."], "error"), (["30"], None)]
    assert said[3][0][0].json == {"n": 44}
    assert done.messages[1].tool_uses[2].input == {"a": 3, "b": 0}


async def test_rewritten_arguments_are_checked() -> None:
    """Like the model's."""
    fake = fake_with(reply(tool_call("add", a=1, b=2)), reply("ok"))
    run = await ran(fake, [add], before_call=lambda call: Rewrite({"a": "?"}))
    assert run.calls[0].failed


async def test_what_a_hook_raises_is_raised() -> None:
    """It is the user's own, and no exception group."""

    def decide(call: ToolCall) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ran(fake_with(reply(tool_call("add", a=1, b=2))), [add], before_call=decide)


def ask(call: ToolCall) -> Decision:
    return Pause() if call.input["a"] > 1 else Allow()


@both
async def test_pause_and_resume(run: Callable[..., Any]) -> None:
    """The paused run survives JSON; calls that did not have to wait are not made again; the bill goes on."""
    made: list[int] = []

    @tool
    async def note(a: int) -> int:
        made.append(a)
        return a

    calls = [tool_call("note", a=a, id=f"id{a}") for a in (1, 2, 3)]
    waiting = await run(fake_with(reply("Hm.", *calls)), [note], before_call=ask)
    assert waiting.paused is not None
    assert waiting.messages == [user("go")]
    paused = PausedRun.from_json(waiting.paused.to_json())
    assert paused == waiting.paused
    assert [call.tool_use_id for call in paused.waiting] == ["id2", "id3"]
    assert made == [1]

    still = await run(FakeBedrock(), [note], paused, decisions={"id3": Deny("No.")}, before_call=ask)
    assert still.paused is not None
    assert [call.tool_use_id for call in still.paused.waiting] == ["id2"]
    assert still.reply.text == "Hm."

    fake = fake_with(reply("done"))
    done = await run(fake, [note], PausedRun.from_json(still.paused.to_json()), decisions={"id2": Allow()})
    assert results(done.messages[2]) == [("id1", ["1"], None), ("id2", ["2"], None), ("id3", ["No."], "error")]
    assert made == [1, 2]
    assert (done.rounds, done.usage.requests, done.text) == (2, 2, "done")


async def test_a_decision_for_no_call() -> None:
    """A typo in an id would otherwise go unnoticed."""
    waiting = await ran(fake_with(reply(tool_call("add", a=2, b=0, id="x"))), [add], before_call=ask)
    with pytest.raises(RequestInvalid, match="id y"):
        await ran(FakeBedrock(), [add], waiting.paused, decisions={"y": Allow()})


@pytest.mark.parametrize("kind", ["specification", "model"])
async def test_tools_that_somebody_else_runs(kind: str) -> None:
    """A bare specification, and a model without `__call__`, pause the run; the result comes with the resumption."""

    class Ask(BaseModel):
        question: str

    outside: Any = Ask if kind == "model" else ToolSpecification(name="Ask", input_schema=Ask.model_json_schema())
    waiting = await ran(fake_with(reply(tool_call("Ask", question="Why?", id="x"))), [outside, CachePointBlock()])
    assert waiting.paused is not None
    assert waiting.paused.waiting[0].input == {"question": "Why?"}
    run = await ran(fake_with(reply("ok")), [outside], waiting.paused, decisions={"x": Answer("Because.")})
    assert results(run.messages[2]) == [("x", ["Because."], None)]


def test_tool_config() -> None:
    """For a loop of one's own."""
    config = tool_config([add, CachePointBlock()], "any")
    assert config is not None
    dumped = json.loads(config.model_dump_json(by_alias=True, exclude_none=True))
    assert dumped["tools"][1] == {"cachePoint": {"type": "default"}}
    assert dumped["toolChoice"] == {"any": {}}
    assert tool_config([]) is None


@both
async def test_with_the_request_shapers(run: Callable[..., Any]) -> None:
    """`prepare` and `plan_cache` run over every round; the transcript stays without their changes."""
    fake = fake_with(reply(tool_call("add", a=1, b=2)), reply("3"))
    shapers = (prepare(), plan_cache(system="5m", tools="5m", messages="5m"))
    done = await run(fake, [add], [user("a"), user("b")], system="Be brief.", transforms=shapers)
    body = sent(fake, 1)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert "cachePoint" in body["messages"][-1]["content"][-1]
    assert "cachePoint" in body["toolConfig"]["tools"][-1]
    assert [message.role for message in done.messages] == ["user", "user", "assistant", "user", "assistant"]
    assert not any(isinstance(block, CachePointBlock) for message in done.messages for block in message.content)


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_events_in_order() -> None:
    """Each reply's parts, then the calls as they start, then as they finish, then the next reply."""
    fake = fake_with(reply("Hm.", tool_call("add", a=1, b=2), tool_call("none")), reply("3"))
    kinds: list[str] = []
    async with bedrock(fake) as client, stream_tools(client, MODEL, "go", [add]) as run:
        async for event in run:
            if not isinstance(event, TextDelta | ToolInputDelta | BlockDone):
                kinds.append(type(event).__name__)
    assert kinds == ["Done", "ToolFinished", "ToolStarted", "ToolFinished", "Done"]


async def test_text_of_all_rounds() -> None:
    """Only text."""
    fake = fake_with(reply("Hm. ", tool_call("add", a=1, b=2)), reply("Three."))
    async with bedrock(fake) as client, stream_tools(client, MODEL, "go", [add]) as run:
        assert "".join([text async for text in run.text()]) == "Hm. Three."
        assert (await run.final()).text == "Three."


async def test_events_name_tools_as_they_are_called_here() -> None:
    """Names are mapped back in parts, too."""

    @tool(name="math.neg")
    async def negative(a: int) -> int:
        return -a

    fake = fake_with(reply(tool_call(wire_name("math.neg"), a=1)), reply("ok"))
    async with bedrock(fake) as client, stream_tools(client, MODEL, "go", [negative]) as run:
        events = [event async for event in run]
    assert {event.name for event in events if isinstance(event, ToolInputDelta)} == {"math.neg"}
    assert [
        event.block.name for event in events if isinstance(event, BlockDone) and isinstance(event.block, ToolUseBlock)
    ] == ["math.neg"]
    assert [event.call.name for event in events if isinstance(event, ToolStarted | ToolFinished)] == ["math.neg"] * 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_leaving_early_closes_the_stream(backend: str) -> None:
    """At once, and no tool is called any more; nothing is left for a garbage collector to complain about."""
    run_steadily(leave_early, backend=backend)
    gc.collect()


async def leave_early() -> None:
    fake = fake_with(reply("a b c d e f g", tool_call("add", a=1, b=2)))
    async with bedrock(fake) as client:
        async with stream_tools(client, MODEL, "go", [add]) as run:
            async for _ in run.text():
                break
            assert client.stats.live_streams == 1
        assert client.stats.live_streams == 0
        with pytest.raises(RequestInvalid, match="before its end"):
            await run.final()


async def test_an_error_in_a_stream() -> None:
    """Raised where it is read; the messages so far can be sent again."""
    fake = FakeBedrock()
    fake.on(MODEL).reply(tool_call("add", a=1, b=2)).then(reply("cut").cut(after_events=2))
    async with bedrock(fake) as client, stream_tools(client, MODEL, "go", [add]) as run:
        with pytest.raises(ProtocolError):
            await run.final()
        assert [message.role for message in run.messages] == ["user", "assistant", "user"]


async def test_it_must_be_entered_once() -> None:
    """A typed error, not an attribute error."""
    async with bedrock(FakeBedrock()) as client:
        run = stream_tools(client, MODEL, "go", [add])
        with pytest.raises(RequestInvalid, match="enter the run"):
            await anext(run)
        async with run:
            pass
        with pytest.raises(RequestInvalid, match="entered once"):
            async with run:
                pass
