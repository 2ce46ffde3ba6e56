"""A client that talks to a scripted Bedrock on loopback, and the same under trio."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from steady import run_steadily

from bedrock_converse.client import BedrockClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bedrock_converse.testing import FakeBedrock

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"


@asynccontextmanager
async def bedrock(fake: FakeBedrock, **settings: Any) -> AsyncIterator[BedrockClient]:
    """A client of the fake; the script must have been followed when it ends."""
    async with (
        fake.serve() as url,
        BedrockClient(region="us-east-1", credentials=fake.credentials, endpoint_url=url, **settings) as client,
    ):
        yield client
    fake.check()


def under_trio(test: Callable[[], Awaitable[None]]) -> None:
    """Runs an async test under trio."""
    run_steadily(test, backend="trio")


def sent(fake: FakeBedrock, index: int = -1) -> dict[str, Any]:
    """The body of a request that the fake received, as JSON."""
    return fake.requests[index].json
