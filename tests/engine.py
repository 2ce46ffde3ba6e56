"""Shared by the tests of client, stream and call: both backends, a client for a server, canned answers."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from steady import run_steadily

from bedrock_converse import BedrockClient, Credentials, RetryPolicy
from bedrock_converse._wire.eventstream import encode_event
from bedrock_converse.observe import Observer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from loopback import Server

    from bedrock_converse.testing import FakeBedrock

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
FAST = RetryPolicy(base_delay_transient=0.001, base_delay_throttling=0.001)
both = pytest.mark.parametrize("backend", ["asyncio", "trio"])
every_way = pytest.mark.parametrize(
    ("backend", "own"),
    [("asyncio", True), ("trio", True), ("asyncio", False), ("trio", False)],
    ids=["asyncio", "trio", "http_client", "http_client on trio"],
)
"""On both backends, through our own pool and through an http_client."""


def run(backend: str, main: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Run a test's coroutine on a backend; a hang fails."""

    async def limited() -> Any:
        with anyio.fail_after(seconds):
            return await main()

    return run_steadily(limited, backend=backend)


async def converse(client: BedrockClient, text: str = "x") -> None:
    """The simplest use of a client."""
    await client.converse(MODEL, text)


def client_for(where: FakeBedrock | str, url: str | None = None, **options: Any) -> BedrockClient:
    """A client for a fake at `url`, or for any server, with quick retries."""
    defaults: dict[str, Any] = {"region": "us-east-1", "retry": FAST}
    if isinstance(where, str):
        defaults["endpoint_url"] = where.rstrip("/")
        secrets: dict[str, Any] = {"credentials": KEYS}
    else:
        defaults["endpoint_url"] = url
        secrets = {"credentials": where.credentials}
    if not options.keys() & {"credentials", "api_key", "profile"}:
        defaults.update(secrets)
    return BedrockClient(**{**defaults, **options})


REPLY = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
    "metrics": {"latencyMs": 5},
}
REPLY_BODY = json.dumps(REPLY).encode()
EVENTS = [
    encode_event("messageStart", b'{"role":"assistant"}'),
    encode_event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"Hel"}}'),
    encode_event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"lo"}}'),
    encode_event("contentBlockStop", b'{"contentBlockIndex":0}'),
    encode_event("messageStop", b'{"stopReason":"end_turn"}'),
    encode_event(
        "metadata",
        b'{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":5}}',
    ),
]
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
    b"x-amzn-requestid: the-request\r\ntransfer-encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def carrier(own: bool, **options: Any) -> AsyncIterator[httpx.AsyncClient | None]:
    """For `http_client=`: None for our own pool, or an `httpx.AsyncClient`."""
    if own:
        yield None
    else:
        async with httpx.AsyncClient(trust_env=False, **options) as client:
            yield client


async def closed(server: Server, count: int = 0, seconds: float = 2) -> None:
    """Wait until so many connections are open at the server: it sees that the clients' sockets are closed."""
    with anyio.move_on_after(seconds):
        while server.open != count:  # noqa: ASYNC110 - the server is in another thread
            await anyio.sleep(0.002)
    assert server.open == count


class Seen(Observer):
    """Keeps every record, in order."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def call_started(self, call: Any) -> None:
        self.records.append(call)

    def attempt_failed(self, attempt: Any) -> None:
        self.records.append(attempt)

    def first_event(self, event: Any) -> None:
        self.records.append(event)

    def call_ended(self, call: Any) -> None:
        self.records.append(call)

    @property
    def names(self) -> list[str]:
        return [type(record).__name__ for record in self.records]

    @property
    def outcomes(self) -> list[str]:
        return [record.outcome for record in self.records if hasattr(record, "outcome")]
