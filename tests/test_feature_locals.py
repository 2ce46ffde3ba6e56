"""No prompt in the locals of our frames when a feature fails: error trackers collect them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fake_client import MODEL, bedrock

from bedrock_converse.conversation import Conversation
from bedrock_converse.errors import BedrockError
from bedrock_converse.output import parse
from bedrock_converse.testing import FakeBedrock, reply, tool_call, validation_error
from bedrock_converse.tokens import count_tokens
from bedrock_converse.tools import run_tools, stream_tools, tool
from bedrock_converse.types import user

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


def check(error: BaseException | None) -> None:
    """Every frame of ours, of the error and of those that it came from."""
    seen = 0
    while error is not None:
        at = error.__traceback__
        while at is not None:
            if "/bedrock_converse/" in at.tb_frame.f_code.co_filename:
                seen += 1
                for name, value in at.tb_frame.f_locals.items():
                    where = f"{at.tb_frame.f_code.co_qualname}: {name}"
                    assert PROMPT not in repr(value), where
            at = at.tb_next
        assert PROMPT not in str(error)
        error = error.__cause__ or error.__context__
    assert seen


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
