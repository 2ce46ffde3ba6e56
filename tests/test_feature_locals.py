"""No prompt in the locals of our frames when a feature fails: error trackers collect them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fake_client import MODEL, bedrock
from shown import shown_by_crash_reports

from bedrock_converse.caching import plan_cache
from bedrock_converse.conversation import Conversation
from bedrock_converse.errors import BedrockError
from bedrock_converse.guardrail import guard_last_turn
from bedrock_converse.media import audio, document, image, video
from bedrock_converse.output import parse
from bedrock_converse.prepare import prepare
from bedrock_converse.reasoning import set_effort
from bedrock_converse.testing import FakeBedrock, reply, tool_call, validation_error
from bedrock_converse.tokens import count_tokens
from bedrock_converse.tools import run_tools, stream_tools, tool
from bedrock_converse.types import ConverseRequest, DocumentBlock, S3Location, user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bedrock_converse.client import BedrockClient

PROMPT = "the patient's name is Ann"


@tool
async def add(a: int) -> int:
    """Adds one."""
    return a + 1


async def streamed(client: BedrockClient, *tools: Any) -> None:
    async with stream_tools(client, MODEL, [user(PROMPT)], tools, system=PROMPT, max_rounds=2) as run:
        await run.final()


async def conversed(client: BedrockClient, *tools: Any) -> None:
    await Conversation(client, MODEL, system=PROMPT, tools=tools, max_rounds=2).send(PROMPT)


async def conversed_streaming(client: BedrockClient, *tools: Any) -> None:
    async with Conversation(client, MODEL, system=PROMPT, tools=tools, max_rounds=2).stream(PROMPT) as run:
        await run.final()


FEATURES: dict[str, Callable[..., Awaitable[Any]]] = {
    "run_tools": lambda client, *tools: run_tools(client, MODEL, [user(PROMPT)], tools, system=PROMPT, max_rounds=2),
    "stream_tools": streamed,
    "parse": lambda client, *_: parse(client, MODEL, [user(PROMPT)], int, system=PROMPT, repairs=0),
    "count_tokens": lambda client, *_: count_tokens(client, MODEL, [user(PROMPT)], system=PROMPT),
    "Conversation.send": conversed,
    "Conversation.stream": conversed_streaming,
}


def check(error: BaseException) -> None:
    """Every frame but the tests' own, of the error and of those that it came from."""
    shown = shown_by_crash_reports(error)
    assert "bedrock_converse" in shown
    for line in shown.splitlines():
        assert PROMPT not in line


async def failing(feature: str, answers: list[Any], *tools: Any) -> None:
    fake = FakeBedrock()
    fake.on("*").then(*answers)
    async with bedrock(fake) as client:
        with pytest.raises(BedrockError) as caught:
            await FEATURES[feature](client, *tools)
    check(caught.value)


@pytest.mark.parametrize("feature", FEATURES)
async def test_aws_says_no(feature: str) -> None:
    """An error of AWS's."""
    refused = [validation_error("no")] * (2 if feature == "count_tokens" else 1)
    await failing(feature, refused, add)


@pytest.mark.parametrize("feature", [name for name in FEATURES if name not in ("count_tokens", "parse")])
async def test_the_loop_does_not_end(feature: str) -> None:
    """An error of the loop's."""
    await failing(feature, [reply(tool_call("add", a=1)), reply(PROMPT, tool_call("add", a=1))], add)


async def test_the_answer_is_wrong() -> None:
    """An error of the parser's."""
    await failing("parse", [reply(PROMPT)])


@pytest.mark.parametrize("feature", [name for name in FEATURES if name not in ("count_tokens", "parse")])
async def test_the_tools_are_wrong(feature: str) -> None:
    """An error before anything is sent."""
    await failing(feature, [], add, add)


MODELLED = ConverseRequest(
    model_id=MODEL, messages=[user(PROMPT, DocumentBlock(name="a", source=S3Location(uri="s3://b/k")))]
)
BYTES = PROMPT.encode()


async def at_once(result: object) -> None:
    """For what is no coroutine."""


MISUSES: dict[str, Callable[[], Awaitable[Any]]] = {
    "image": lambda: image(BYTES),
    "document from a path": lambda: document(f"/nowhere/{'x' * 10}", name=PROMPT + "\n"),
    "video": lambda: video(BYTES),
    "audio": lambda: audio(BYTES),
    "a file that fails": lambda: image(Broken()),
    "plan_cache": lambda: at_once(plan_cache(MODELLED, every=PROMPT)),  # type: ignore[call-overload]
    "prepare": lambda: at_once(prepare({"messages": PROMPT})),  # type: ignore[call-overload]
    "set_effort": lambda: at_once(set_effort(MODELLED, PROMPT)),  # type: ignore[call-overload]
    "guard_last_turn": lambda: at_once(guard_last_turn({"messages": PROMPT})),  # type: ignore[type-var]
}


class Broken:
    """A file that cannot be read."""

    def read(self) -> bytes:
        content = PROMPT
        raise OSError(5, f"broken after {len(content)}")


@pytest.mark.parametrize("misuse", MISUSES)
async def test_misuse_outside_of_a_call(misuse: str) -> None:
    """What is given to the functions that make parts of requests."""
    with pytest.raises((BedrockError, TypeError, AttributeError)) as caught:
        await MISUSES[misuse]()
    check(caught.value)
