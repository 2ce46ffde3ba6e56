"""The testing kit's faults in streams, over real TCP; and docs/faults.md, which the fault tables are written to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engine import MODEL, both, run
from faults import STREAMS, STREAMS_FORGIVEN, UNARY, UNARY_FORGIVEN, Fault

from bedrock_converse import (
    APIError,
    BedrockClient,
    BedrockError,
    EventStreamError,
    ProtocolError,
    RequestTimeout,
    ResponseInvalid,
    RetryPolicy,
    ServiceUnavailableError,
    StreamIncomplete,
    ThrottlingError,
    Timeout,
    TransportError,
)
from bedrock_converse.testing import FakeBedrock, error, html_503, redirect, reply, throttled

if TYPE_CHECKING:
    from bedrock_converse.testing import Answer

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
TEXT = "one two three four five six seven eight nine ten"

# answer -> error class, requests sent, possibly billed
FAULTS: dict[str, tuple[Answer, type[BedrockError], int, bool]] = {
    "ends between two events": (reply(TEXT).cut(after_events=3, cleanly=True), StreamIncomplete, 1, True),
    "ends inside an event": (reply(TEXT).cut(inside_event=2, cleanly=True), StreamIncomplete, 1, True),
    "cut between two events": (reply(TEXT).cut(after_events=3), ProtocolError, 1, True),
    "connection reset": (reply(TEXT).reset(after_events=2), TransportError, 1, True),
    "empty body": (reply(TEXT).empty_body(), StreamIncomplete, 1, True),
    "wrong checksum": (reply(TEXT).bad_crc(2), EventStreamError, 1, True),
    "broken JSON in a good frame": (reply(TEXT).malformed_json(2), EventStreamError, 1, True),
    "a frame of 4 GiB announced": (reply(TEXT).huge_frame(2), EventStreamError, 1, True),
    "another content type": (reply(TEXT).content_type("text/html"), ResponseInvalid, 1, True),
    "silence between two events": (reply(TEXT).hang(after_events=2), RequestTimeout, 1, True),
    "silence before the head": (reply(TEXT).hang(), RequestTimeout, 1, True),
    "exception in the middle": (reply(TEXT).fails(throttled(), after_events=2), ThrottlingError, 1, True),
    "unknown exception in the middle": (
        reply(TEXT).fails(error("brandNewException", 400), after_events=2),
        APIError,
        1,
        True,
    ),
    "exception as the first event": (throttled().in_stream(), ThrottlingError, 3, False),
    "HTTP 429": (throttled(), ThrottlingError, 3, False),
    "HTML 503": (html_503(), ServiceUnavailableError, 3, False),
    "redirect": (redirect("http://127.0.0.1:1/secret"), APIError, 1, False),
}
QUICK = Timeout(connect=5, first_event=0.6, idle=0.3)


async def read(client: BedrockClient) -> None:
    async with client.converse_stream(MODEL, "the prompt") as stream:
        async for _ in stream:
            pass


@both
@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_table_of_streams(backend: str, fault: str) -> None:
    """The right class with its facts and what had come, as many requests as are allowed, and the next call works."""
    answer, kind, requests, billed = FAULTS[fault]

    async def main() -> None:
        fake = FakeBedrock()
        fake.on(MODEL).then(*[answer] * requests).then(reply("fine"))
        policy = RetryPolicy(base_delay_transient=0, base_delay_throttling=0)
        async with (
            fake.serve() as url,
            BedrockClient(
                region=fake.region, credentials=fake.credentials, endpoint_url=url, retry=policy, timeout=QUICK
            ) as client,
        ):
            with pytest.raises(kind) as caught:
                await read(client)
            failure = caught.value
            assert len(fake.requests) == requests == failure.attempts
            assert failure.possibly_billed == billed
            assert (failure.operation, failure.model_id, failure.region) == ("ConverseStream", MODEL, fake.region)
            if failure.partial is not None:
                assert TEXT.startswith(failure.partial.text)
            assert "the prompt" not in str(failure)
            assert client.stats.live_streams == 0
            assert (await client.converse(MODEL, "x")).text == "fine"
        fake.check()

    run(backend, main)


INTRODUCTION = """\
# Faults, and what you get

Written from the tables of `tests/faults.py`. Each row stands for several answers, which are sent over real TCP on
asyncio, on trio, and with an `httpx.AsyncClient` of the caller's. The class is the one to catch; what is raised may be
a subclass. It has the number of requests, the request id and the status as soon as the head of the answer had come, and
the library's error as `__cause__`. Three requests mean that the failure was retried twice, as AWS's table and the rule
on billing allow; what may have been billed is not retried.

The connection is discarded, unless it carried a good answer with an error that AWS names; the next call works. Silence
ends when its time limit does. What is marked with * holds for the client's own connections: httpx, with its own pool
and its own reader, decides otherwise.
"""
STRICT = " \\*"


def guide() -> str:
    """The guide as the tables say it."""

    def row(name: str, fault: Fault) -> str:
        billed = "yes" if fault.billed else "no"
        return f"| {name}{STRICT * fault.strict} | `{fault.kind.__name__}` | {fault.requests} | {billed} |"

    def table(faults: dict[str, Fault]) -> list[str]:
        head = [
            "| fault | what you get | requests sent (of 3) | could it have been billed |",
            "| --- | --- | ---: | --- |",
        ]
        return [*head, *(row(name, fault) for name, fault in faults.items())]

    return "\n".join(
        [
            INTRODUCTION,
            "## Whole answers",
            "",
            *table(UNARY),
            "",
            "## Streams",
            "",
            *table(STREAMS),
            "",
            "## What is no fault",
            "",
            "These give the whole reply, and whatever came behind it is nobody's answer:",
            "",
            *(f"- {name}{STRICT * forgiven.strict}" for name, forgiven in UNARY_FORGIVEN.items()),
            "",
            "and in streams:",
            "",
            *(f"- {name}{STRICT * forgiven.strict}" for name, forgiven in STREAMS_FORGIVEN.items()),
            "",
        ]
    )


def test_the_guide_shows_the_tables() -> None:
    """docs/faults.md is what the tables say; `WRITE_GUIDE=1` writes it anew."""
    if os.environ.get("WRITE_GUIDE"):
        GUIDE.write_text(guide(), encoding="utf-8")
    assert GUIDE.read_text(encoding="utf-8") == guide()
