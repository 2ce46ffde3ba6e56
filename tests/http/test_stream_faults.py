"""The fault table, streams, over real TCP; and the guide that both tables are written to, docs/faults.md."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engine import MODEL, both, run

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


def guide() -> str:
    """The guide as the tables say it."""
    whole = runpy.run_path(str(Path(__file__).with_name("test_failures.py")))["FAULTS"]

    def rows(faults: dict[str, tuple[object, type[BedrockError], int, bool]]) -> list[str]:
        return [
            f"| {name} | `{kind.__name__}` | {requests} | {'yes' if billed else 'no'} |"
            for name, (_, kind, requests, billed) in faults.items()
        ]

    head = ["| fault | what you get | requests sent (of 3) | could it have been billed |", "| --- | --- | ---: | --- |"]
    return "\n".join(
        [
            "# Faults, and what you get",
            "",
            "Written from the tables of `test_failures.py` and `test_stream_faults.py` in `tests/http`, which run each",
            "row over real TCP, on asyncio and trio. The class is the one to catch; what is raised may be a subclass.",
            "Three requests mean that the failure was retried twice, as AWS's table and the rule on billing allow; a",
            "failure that may have been billed is not retried. The connection is discarded, and the next call works.",
            "",
            "## Whole answers",
            "",
            *head,
            *rows(whole),
            "",
            "## Streams",
            "",
            *head,
            *rows(FAULTS),
            "",
        ]
    )


def test_the_guide_shows_the_tables() -> None:
    """docs/faults.md is what the tables say; `WRITE_GUIDE=1` writes it anew."""
    if os.environ.get("WRITE_GUIDE"):
        GUIDE.write_text(guide(), encoding="utf-8")
    assert GUIDE.read_text(encoding="utf-8") == guide()
