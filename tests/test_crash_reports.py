"""No prompt, answer, header or secret in what crash reporters show of an error: texts, and the locals of its frames.

Whatever goes wrong in whichever operation, for who catches the error and for who is told of it (hooks, observers).
"""

from __future__ import annotations

import asyncio
import dataclasses
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from engine import EVENTS, FAST, MODEL, STREAM_HEAD, both, chunk, run
from loopback import Peer, serve
from operations import CHECKED, HEADER, OPERATIONS, PROMPT
from shown import shown_by_crash_reports

from bedrock_converse import BedrockClient, BedrockError, Credentials, Observer, RequestInvalid, Timeout
from bedrock_converse._wire.eventstream import encode_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bedrock_converse import Attempt
    from bedrock_converse.observe import AttemptFailed, CallEnded
    from bedrock_converse.types import ConverseRequest

ANSWER, SECRET = "canary-answer", "canary-secret"
KEYS = Credentials("AKIDEXAMPLE", SECRET, SECRET)
SHORT = Timeout(connect=1, first_event=0.05, answer=0.05, idle=0.05)


def check(error: BaseException) -> None:
    for line in shown_by_crash_reports(error).splitlines():
        assert "canary-" not in line


# --- every operation --------------------------------------------------------------------------------------------------

operations = pytest.mark.parametrize("operation", OPERATIONS)

# --- every way to fail ------------------------------------------------------------------------------------------------

HALF_AN_EVENT = b'{"contentBlockIndex":0,"delta":{"text":"%s' % ANSWER.encode()
ONE_EVENT = encode_event("contentBlockDelta", HALF_AN_EVENT + b'"}}')


async def resets(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def babbles(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"this is no HTTP: " + ANSWER.encode() + b"\r\n\r\n")


async def half_a_reply(peer: Peer) -> None:
    while await peer.request():
        await peer.reply(b'{"output": {"message": "' + ANSWER.encode())


async def another_shape(peer: Peer) -> None:
    while await peer.request():
        await peer.reply(b'{"output": {"message": {"role": 7, "content": "%b"}}}' % ANSWER.encode())


async def says_no(peer: Peer) -> None:
    while await peer.request():
        head = b"HTTP/1.1 403 No\r\nx-amzn-errortype: ExpiredTokenException\r\ncontent-length: 2\r\n\r\n"
        await peer.send(head + b"{}")


async def redirects(peer: Peer) -> None:
    while await peer.request():
        await peer.send(b"HTTP/1.1 307 There\r\nlocation: http://x/%b\r\ncontent-length: 0\r\n\r\n" % ANSWER.encode())


async def is_silent(peer: Peer) -> None:
    await peer.request()
    await asyncio.sleep(5)


async def breaks_off(peer: Peer) -> None:
    await peer.request()
    await peer.send(STREAM_HEAD + chunk(EVENTS[0] + ONE_EVENT))


async def falls_silent(peer: Peer) -> None:
    await breaks_off(peer)
    await asyncio.sleep(5)


async def ends_early(peer: Peer) -> None:
    await breaks_off(peer)
    await peer.send(b"0\r\n\r\n")


async def garbles(peer: Peer) -> None:
    await breaks_off(peer)
    await peer.send(chunk(b"\0\0\0\x10" + ANSWER.encode()))


async def half_an_event(peer: Peer) -> None:
    await breaks_off(peer)
    await peer.send(chunk(encode_event("contentBlockDelta", HALF_AN_EVENT)))


FAULTS = [resets, babbles, half_a_reply, another_shape, says_no, redirects, is_silent, breaks_off, falls_silent]
FAULTS += [ends_early, garbles, half_an_event]


class Told(Observer):
    """Looks at the errors that it is told of, at once: a crash reporter would."""

    def __init__(self) -> None:
        self.shown: list[str | None] = []

    def attempt_failed(self, record: AttemptFailed) -> None:
        self.look(record.error)

    def call_ended(self, record: CallEnded) -> None:
        self.look(record.error)

    def on_attempt(self, attempt: Attempt) -> None:
        self.look(attempt.error)

    def look(self, error: BaseException | None) -> None:
        self.shown.append(error and shown_by_crash_reports(error))


@both
@operations
def test_failed_calls(backend: str, operation: str) -> None:
    """Every operation, every fault, over TCP: the error that is raised, and those that hooks and observers see."""
    told = Told()
    retry = dataclasses.replace(FAST, on_attempt=told.on_attempt)

    async def call(url: str, who: dict[str, Any]) -> None:
        async with BedrockClient(
            region="us-east-1", endpoint_url=url, retry=retry, observers=[told], timeout=SHORT, **who
        ) as client:
            view = client.with_options(extra_headers={"x-of-client": HEADER})
            try:
                await OPERATIONS[operation](view)
            except BedrockError as error:
                told.look(error)

    failed = 0
    for fault, who in zip(FAULTS, cycle([{"credentials": KEYS}, {"api_key": SECRET}])):
        with serve(fault) as server:
            run(backend, partial(call, server.url.rstrip("/"), who))
        shown = [text for text in told.shown if text]
        for line in "\n".join(shown).splitlines():
            assert "canary-" not in line
        failed += bool(shown)
        told.shown.clear()
    assert failed >= 9  # a guardrail's answer may be anything, and no answer of InvokeModel is wrong


@both
@operations
def test_cancelled_calls(backend: str, operation: str) -> None:
    """The cancellation itself, which `asyncio.timeout` puts under its `TimeoutError`."""

    async def main() -> None:
        async with BedrockClient(region="us-east-1", endpoint_url=server.url.rstrip("/"), credentials=KEYS) as client:
            with anyio.move_on_after(0.05) as scope:
                try:
                    await OPERATIONS[operation](client)
                except anyio.get_cancelled_exc_class() as error:
                    check(error)
                    seen.append(error)
                    raise
            assert scope.cancelled_caught

    seen: list[BaseException] = []
    for fault in (is_silent, falls_silent):
        with serve(fault) as server:
            run(backend, main)
    assert len(seen) == 2


# --- before anything is sent ------------------------------------------------------------------------------------------

TYPO = [{"role": "user", "content": [{"txt": PROMPT}]}]
NOT_A_NUMBER = {"prompt": PROMPT, "x": float("nan")}
BROKEN = {"x-header": HEADER + "\r\nx: y"}


async def opened(stream: Any) -> None:
    async with stream:
        pass


MISTAKES: dict[str, Callable[[BedrockClient], Awaitable[object]]] = {
    "message": lambda client: client.converse(MODEL, TYPO, system=PROMPT),
    "many messages": lambda client: client.converse(MODEL, TYPO * 2000),
    "message type": lambda client: client.converse(MODEL, {PROMPT}),  # type: ignore[arg-type]
    "argument": lambda client: client.converse(MODEL, PROMPT, sistem=PROMPT),  # type: ignore[call-overload]
    "model id": lambda client: client.converse("..", PROMPT),
    "header": lambda client: client.converse(MODEL, PROMPT, extra_headers=BROKEN),
    "protected header": lambda client: client.converse(MODEL, PROMPT, extra_headers={"Authorization": HEADER}),
    "extra field": lambda client: client.converse(MODEL, PROMPT, extra_fields=NOT_A_NUMBER),
    "model field": lambda client: client.converse(MODEL, PROMPT, additional_model_request_fields=NOT_A_NUMBER),
    "timeout": lambda client: client.converse(MODEL, PROMPT, timeout=-1),
    "transform": lambda client: client.converse(MODEL, PROMPT, transforms=[lambda request: str(request)]),
    "streamed message": lambda client: opened(client.converse_stream(MODEL, TYPO)),
    "streamed header": lambda client: opened(client.converse_stream(MODEL, PROMPT, extra_headers=BROKEN)),
    "counted message": lambda client: client.count_tokens(MODEL, TYPO, system=PROMPT),
    "many counted messages": lambda client: client.count_tokens(MODEL, TYPO * 2000),
    "counted model id": lambda client: client.count_tokens("..", PROMPT, system=PROMPT),
    "guardrail id": lambda client: client.apply_guardrail("..", "1", PROMPT),
    "guarded block": lambda client: client.apply_guardrail("g", "1", [PROMPT, {"txt": PROMPT}]),
    "guardrail extra": lambda client: client.apply_guardrail("g", "1", PROMPT, extra_fields=NOT_A_NUMBER),
    "checked message": lambda client: client.invoke_guardrail_checks(TYPO, {}),
    "checks": lambda client: client.invoke_guardrail_checks(CHECKED, {"x": PROMPT}),
    "body": lambda client: client.invoke_model(MODEL, NOT_A_NUMBER),
    "large body": lambda client: client.invoke_model(MODEL, {**NOT_A_NUMBER, "more": [PROMPT] * 100_000}),
    "body type": lambda client: client.invoke_model(MODEL, PROMPT),  # type: ignore[arg-type]
    "body's model id": lambda client: client.invoke_model("..", PROMPT.encode()),
    "body's header": lambda client: client.invoke_model(MODEL, PROMPT.encode(), extra_headers=BROKEN),
    "streamed body": lambda client: opened(client.invoke_model_stream(MODEL, NOT_A_NUMBER)),
    "streamed body's model id": lambda client: opened(client.invoke_model_stream("..", PROMPT.encode())),
}


@both
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(backend: str, mistake: str) -> None:
    """What is refused is not shown either."""

    async def main() -> None:
        async with BedrockClient(region="us-east-1", credentials=KEYS) as client:
            with pytest.raises(BedrockError) as caught:
                await MISTAKES[mistake](client)
            check(caught.value)

    run(backend, main)


async def test_a_mistake_of_a_transform() -> None:
    """A transform's own error comes as it is."""

    def mistaken(request: ConverseRequest) -> ConverseRequest:
        raise ValueError("mine")

    async with BedrockClient(region="us-east-1", credentials=KEYS) as client:
        with pytest.raises(ValueError, match="mine") as caught:
            await client.converse(MODEL, PROMPT, transforms=[mistaken])
        check(caught.value)


KEYS_TO_THE_PROXY = f"http://user:{SECRET}@127.0.0.1:1"
CONSTRUCTED: dict[str, Callable[[], object]] = {
    "two kinds of auth": lambda: BedrockClient(api_key=SECRET, credentials=KEYS),
    "a limit": lambda: BedrockClient(api_key=SECRET, max_connections=0),
    "a header": lambda: BedrockClient(api_key=SECRET, extra_headers=BROKEN),
    "a timeout": lambda: BedrockClient(api_key=SECRET, timeout=-1, extra_headers={"x-header": HEADER}),
    "a proxy": lambda: BedrockClient(proxy=KEYS_TO_THE_PROXY, http_client=object()),  # type: ignore[arg-type]
    "an endpoint": lambda: BedrockClient(endpoint_url=f"https://user:{SECRET}@127.0.0.1:1"),
    "a view's endpoint": lambda: BedrockClient().with_options(endpoint_url=f"https://user:{SECRET}@127.0.0.1:1"),
    "a view's auth": lambda: BedrockClient().with_options(api_key=SECRET, credentials=KEYS),
    "a view's default": lambda: BedrockClient().with_options(system=PROMPT, sistem=PROMPT),  # type: ignore[call-arg]
    "a view's header": lambda: BedrockClient().with_options(system=PROMPT, extra_headers=BROKEN),
    "keys": lambda: Credentials("AKID", SECRET + "\n", SECRET),
    "a token": lambda: Credentials("AKID", SECRET, SECRET + "\n"),
    "an expiry": lambda: Credentials("AKID", SECRET, SECRET, "soon"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", CONSTRUCTED)
def test_constructors(what: str) -> None:
    """They are given secrets, and refuse a lot."""
    with pytest.raises((BedrockError, RequestInvalid)) as caught:
        CONSTRUCTED[what]()
    check(caught.value)


@both
@pytest.mark.parametrize(
    "settings",
    [
        {"endpoint_url": "https://127.0.0.1:1", "proxy": KEYS_TO_THE_PROXY},
        {"endpoint_url": "https://127.0.0.1:1", "proxy": f"ftp://user:{SECRET}@127.0.0.1"},
        {"endpoint_url": "http://192.0.2.1"},
        {"region": f"us-east-1/{PROMPT}"[:10]},
    ],
    ids=["proxy", "no proxy", "plain http", "region"],
)
def test_settings(backend: str, settings: dict[str, str]) -> None:
    """Those that turn out wrong in the first call."""

    async def main() -> None:
        options: dict[str, Any] = {"region": "us-east-1", "api_key": SECRET, "retry": FAST, **settings}
        for call in (lambda client: client.converse(MODEL, PROMPT), lambda client: client.warm_up()):
            async with BedrockClient(**options) as client:
                with pytest.raises(BedrockError) as caught:
                    await call(client)
                check(caught.value)

    run(backend, main)


def raises() -> Any:
    secret = SECRET
    raise LookupError(f"no key, {len(secret)}")


async def raises_on_the_loop() -> Any:
    raises()


def exits() -> Any:
    secret = SECRET
    raise SystemExit(len(secret))


def chained() -> Any:
    try:
        raises()
    except LookupError as error:
        secret = SECRET
        raise RuntimeError(len(secret)) from error


@both
@pytest.mark.parametrize("argument", ["credentials", "api_key"])
@pytest.mark.parametrize(
    "provide",
    [raises, raises_on_the_loop, exits, chained, lambda: None, lambda: (SECRET, SECRET), lambda: SECRET + "\n"],
)
def test_providers(backend: str, argument: str, provide: Any) -> None:
    """A callable that raises, or returns what it should not."""

    async def main() -> None:
        async with BedrockClient(region="us-east-1", **{argument: provide}) as client:
            with pytest.raises(BedrockError) as caught:
                await client.converse(MODEL, PROMPT)
            check(caught.value)

    run(backend, main)
