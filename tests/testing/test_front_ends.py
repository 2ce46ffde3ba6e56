"""The same script gives the same bytes, errors and order through every front end, on asyncio and trio."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

import httpx
import pytest
import respx

from bedrock_converse._wire.eventstream import FrameDecoder
from bedrock_converse.errors import EventStreamError
from bedrock_converse.testing import (
    Answer,
    FakeBedrock,
    html_503,
    model_not_ready,
    redirect,
    reply,
    run_in_virtual_time,
    throttled,
    tool_call,
)

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
BODY = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
LIMITS = httpx.Timeout(60)

FrontEnd = Callable[[FakeBedrock], AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def by_transport(fake: FakeBedrock) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=fake.transport(), base_url="https://x", timeout=LIMITS, verify=False
    ) as client:
        yield client


@asynccontextmanager
async def by_respx(fake: FakeBedrock) -> AsyncIterator[httpx.AsyncClient]:
    with respx.mock(assert_all_called=False) as mock:
        fake.mount(mock)
        async with httpx.AsyncClient(base_url="https://x", timeout=LIMITS, verify=False) as client:
            yield client


@asynccontextmanager
async def by_socket(fake: FakeBedrock) -> AsyncIterator[httpx.AsyncClient]:
    async with fake.serve() as url, httpx.AsyncClient(base_url=url, timeout=LIMITS, verify=False) as client:
        yield client


FRONT_ENDS: list[FrontEnd] = [by_transport, by_respx, by_socket]


async def ask(client: httpx.AsyncClient, *, stream: bool) -> list[Any]:
    """What a client sees: the status, each event (or the JSON), and how it ended."""
    path = f"/model/{MODEL.replace(':', '%3A')}/{'converse-stream' if stream else 'converse'}"
    seen: list[Any] = []
    decoder = FrameDecoder()
    try:
        async with client.stream("POST", path, json=BODY) as response:
            seen += [response.status_code, response.headers.get("content-type")]
            body = b""
            async with aclosing(response.aiter_bytes()) as pieces:
                async for data in pieces:
                    if not stream or response.headers.get("content-type") != "application/vnd.amazon.eventstream":
                        body += data
                        continue
                    decoder.receive_data(data)
                    for frame in decoder.frames():
                        name = frame.headers.get(":event-type") or frame.headers.get(":exception-type")
                        seen.append((name, frame.payload))
            seen.append(body)
            decoder.receive_eof()
            decoder.next_frame()
            seen.append("end")
    except httpx.HTTPError as error:
        seen.append(type(error).__name__)
    except EventStreamError as error:
        seen.append(error.kind)
    return seen


HELLO = reply("Hello there, what a fine day it is today.", tool_call("weather", city="Oslo", id="t1"))

ANSWERS: list[tuple[Answer, str]] = [
    (HELLO, "end"),
    (throttled(), "end"),
    (model_not_ready(), "end"),
    (throttled().in_stream(), "end"),
    (HELLO.fails(throttled(), after_events=3), "end"),
    (HELLO.cut(after_events=3), "RemoteProtocolError"),
    (HELLO.cut(after_events=3, cleanly=True), "end"),
    (HELLO.cut(after_bytes=700), "RemoteProtocolError"),
    (HELLO.cut(after_bytes=700, cleanly=True), "truncated"),
    (HELLO.cut(inside_event=2, cleanly=True), "truncated"),
    (HELLO.reset(), "ReadError"),
    (HELLO.reset(after_events=0), "ReadError"),
    (HELLO.reset(after_events=2), "ReadError"),
    (HELLO.closed(), "RemoteProtocolError"),
    (HELLO.hang(), "ReadTimeout"),
    (HELLO.hang(after_events=0), "ReadTimeout"),
    (HELLO.hang(after_events=2), "ReadTimeout"),
    (HELLO.bad_crc(2), "message_checksum"),
    (HELLO.malformed_json(2), "end"),
    (HELLO.huge_frame(2), "payload_length"),
    (HELLO.empty_body(), "end"),
    (HELLO.content_type("text/html"), "end"),
    (HELLO.wrong_length(10), "RemoteProtocolError"),
    (HELLO.gzip(), "end"),
    (HELLO.slow_drip(40_000), "end"),
    (HELLO.paced(tokens_per_second=2000, time_to_first_token=0.01), "end"),
    (HELLO.delayed(0.05), "end"),
    (html_503(), "end"),
    (redirect("https://elsewhere.example/"), "end"),
]


def one_by_one(answers: list[tuple[Answer, str]]) -> Any:
    return pytest.mark.parametrize(("answer", "ending"), answers, ids=[str(answer) for answer, _ in answers])


@pytest.mark.filterwarnings("ignore:Async generator 'http")  # its own generators, left early
@pytest.mark.filterwarnings("ignore:Exception ignored in.*<async_generator object (?!_Body)")
@one_by_one(ANSWERS)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_streams_alike(answer: Answer, ending: str, backend: str) -> None:
    """A stream looks the same over every front end, and so does the answer after it."""

    async def main() -> list[Any]:
        seen: list[Any] = []
        for front_end in FRONT_ENDS:
            fake = FakeBedrock(verify=False)
            fake.on(MODEL).then(answer).reply("And on we go.")
            async with front_end(fake) as client:
                seen.append([await ask(client, stream=True), await ask(client, stream=True)])
            fake.check()
        return seen

    first, *others = run_in_virtual_time(main, backend=backend)
    assert all(other == first for other in others)
    assert first[0][-1] == ending
    assert first[1][-1] == "end"


@one_by_one([pair for pair in ANSWERS if "event" not in str(pair[0]) and ".cut" not in str(pair[0])])
def test_whole_answers_alike(answer: Answer, ending: str) -> None:
    """A whole answer looks the same over every front end."""

    async def main() -> list[Any]:
        seen: list[Any] = []
        for front_end in FRONT_ENDS:
            fake = FakeBedrock(verify=False)
            fake.on(MODEL).then(answer)
            async with front_end(fake) as client:
                seen.append(await ask(client, stream=False))
            fake.check()
        return seen

    first, *others = run_in_virtual_time(main)
    assert all(other == first for other in others)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
async def test_request_is_recorded(front_end: FrontEnd) -> None:
    """What was asked is there as a typed request, with the raw bytes and the headers."""
    fake = FakeBedrock(verify=False)
    fake.on(MODEL).reply("Hello")
    async with front_end(fake) as client:
        await ask(client, stream=False)
    [request] = fake.requests
    assert request.operation == "Converse"
    assert request.model_id == MODEL
    assert request.input.messages[0].text == request.text == "Hi"
    assert json.loads(request.body) == BODY
    assert request.headers["content-type"] == "application/json"
