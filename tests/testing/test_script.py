"""Who gets which answer, and the account at the end."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bedrock_converse.testing import FakeBedrock, ReceivedRequest, ScriptError, reply, throttled, token_count
from bedrock_converse.types import ConverseResponse

BODY = b'{"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}'


async def ask(fake: FakeBedrock, model: str = "m", operation: str = "converse", body: bytes = BODY) -> str:
    """What the fake would send: the text of a reply, else the error's name."""
    plan = await fake.answer("POST", f"/model/{model}/{operation}", httpx.Headers(), body)
    if plan.status != 200:
        return plan.headers["x-amzn-ErrorType"].partition(":")[0]
    if operation == "count-tokens":
        return plan.body.decode()
    return ConverseResponse.model_validate_json(plan.body).text


@pytest.fixture
def fake() -> FakeBedrock:
    return FakeBedrock(verify=False)


async def test_in_order(fake: FakeBedrock) -> None:
    """The answers come in the order in which they were scripted, each once."""
    fake.on("m").reply("one").then(throttled()).then(reply("two"), "three")
    assert [await ask(fake) for _ in range(5)] == ["one", "ThrottlingException", "two", "three", "UnscriptedRequest"]


async def test_route_goes_on(fake: FakeBedrock) -> None:
    """`on` with the same name adds to the same script."""
    fake.on("m").reply("one")
    fake.on("m").reply("two")
    assert [await ask(fake), await ask(fake)] == ["one", "two"]


async def test_routes_are_apart(fake: FakeBedrock) -> None:
    """Each model has its own order; exact names go before patterns, and those before the script for all."""
    fake.always("any")
    fake.on("us.*").always("pattern")
    fake.on("us.x").reply("exact")
    assert [await ask(fake, "us.x"), await ask(fake, "us.x"), await ask(fake, "eu.x")] == ["exact", "pattern", "any"]


async def test_times_and_always(fake: FakeBedrock) -> None:
    """`times` repeats the answer before it, `always` has no end."""
    fake.on("m").then(throttled()).times(2).always("on")
    assert [await ask(fake) for _ in range(4)] == ["ThrottlingException", "ThrottlingException", "on", "on"]
    fake.check()


async def test_other_operation_waits(fake: FakeBedrock) -> None:
    """An answer to another operation holds up nothing, and an error answers any."""
    fake.on("m").then(token_count(7), "hello", throttled())
    assert await ask(fake) == "hello"
    assert await ask(fake, operation="count-tokens", body=b'{"input": {"converse": {}}}') == '{"inputTokens":7}'
    assert await ask(fake, operation="count-tokens", body=b'{"input": {"converse": {}}}') == "ThrottlingException"


async def test_functions(fake: FakeBedrock) -> None:
    """A function sees the typed request and gives the answer; it may be async."""

    async def later(request: ReceivedRequest) -> str:
        return request.text.lower()

    fake.on("m").then(lambda request: f"You said {request.text}.", later)
    assert [await ask(fake), await ask(fake)] == ["You said Hi.", "hi"]


async def test_bad_function(fake: FakeBedrock) -> None:
    """What a function raises fails the test at its end, with the cause."""
    fake.on("m").then(lambda request: request.nonsense)
    assert await ask(fake) == "ScriptFailed"
    with pytest.raises(ScriptError, match="nonsense") as raised:
        fake.check()
    assert isinstance(raised.value.__cause__, AttributeError)


async def test_function_of_another_operation(fake: FakeBedrock) -> None:
    """A function that answers something else fails the test, and says so."""
    fake.on("m").then(lambda request: token_count(3))
    assert await ask(fake) == "ScriptFailed"
    with pytest.raises(ScriptError, match="no answer to Converse"):
        fake.check()


async def test_never_asked(fake: FakeBedrock) -> None:
    """An answer that nobody asked for fails the check, which shows both sides and no prompt."""
    fake.on("m").reply("one").then(throttled())
    await ask(fake)
    await ask(fake, "other")
    with pytest.raises(ScriptError) as raised:
        fake.check()
    assert str(raised.value).splitlines() == [
        "The script was not followed: 1 request(s) without an answer, 1 answer(s) never asked for.",
        "    asked           scripted",
        "    Converse m      reply('one')",
        "  ! Converse other  NOTHING SCRIPTED",
        "  ! NEVER ASKED     error('ThrottlingException', 429)  (for m)",
    ]


def test_with_checks() -> None:
    """`with` checks at its end, but hides no failure of the test itself."""
    with pytest.raises(ScriptError), FakeBedrock() as fake:
        fake.reply("never")
    with pytest.raises(KeyError), FakeBedrock() as fake:  # noqa: PT012 - the block is what is tested
        fake.reply("never")
        raise KeyError


async def test_cut_beyond_the_end(fake: FakeBedrock) -> None:
    """A fault that could not happen is a mistake of the script, not a fault that does not happen."""
    fake.on("m").then(reply("x").cut(after_events=100))
    assert await ask(fake, operation="converse-stream") == "ScriptFailed"
    with pytest.raises(ScriptError, match="only 5 events"):
        fake.check()


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("GET", "/model/m/converse", b"", "UnknownOperationException"),
        ("POST", "/model/m/paint", b"{}", "UnknownOperationException"),
        ("POST", "/model/m/converse", b"{oops", "SerializationException"),
        ("POST", "/model/m/converse", b"[]", "SerializationException"),
    ],
)
async def test_bad_requests(fake: FakeBedrock, method: str, path: str, body: bytes, error: str) -> None:
    """What is no request of Bedrock's is refused as AWS would, and fails the check."""
    plan = await fake.answer(method, path, httpx.Headers(), body)
    assert plan.headers["x-amzn-ErrorType"].startswith(error)
    with pytest.raises(ScriptError, match=error):
        fake.check()


async def test_path_labels(fake: FakeBedrock) -> None:
    """A model id is decoded, also behind the base path of a gateway."""
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x-v1:0"
    fake.on(arn).reply("Hello")
    path = f"/base/model/{arn.replace(':', '%3A').replace('/', '%2F')}/converse"
    assert (await fake.answer("POST", path, httpx.Headers(), BODY)).status == 200
    assert fake.requests[0].model_id == arn == fake.requests[0].input.model_id


@pytest.mark.parametrize("wrong", [3, None, b"bytes"])
def test_no_answer(fake: FakeBedrock, wrong: Any) -> None:
    """What is no answer is refused where it is written."""
    with pytest.raises(TypeError):
        fake.on("m").then(wrong)


async def test_forgetful() -> None:
    """A server that runs long need not keep every request."""
    fake = FakeBedrock(verify=False, remember=2)
    fake.always("x")
    for _ in range(5):
        await ask(fake)
    assert len(fake.requests) == 2


async def test_reset(fake: FakeBedrock) -> None:
    """After `reset` nothing is scripted and nothing was asked."""
    fake.on("m").then("one", "two")
    await ask(fake)
    fake.reset()
    fake.check()
    assert fake.requests == []
    assert await ask(fake) == "UnscriptedRequest"
