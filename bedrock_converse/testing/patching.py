"""`fake.patch()`: catches the requests of clients that the code under test makes itself."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

import httpx

from bedrock_converse.testing.requests import match_operation

if TYPE_CHECKING:
    from collections.abc import Generator

    from bedrock_converse.testing.fake import FakeBedrock

__all__ = ["patch"]

_OF_THE_MACHINE = ("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN")
"""Settings that would win over the fake's keys."""


@contextmanager
def patch(fake: FakeBedrock) -> Generator[FakeBedrock]:
    """Send every Bedrock request of httpx to the fake, and put its credentials into the environment."""
    transport = fake.transport()
    real = httpx.AsyncHTTPTransport.handle_async_request

    async def handle(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        if request.method == "POST" and match_operation(path) is not None:
            return await transport.handle_async_request(request)
        return await real(self, request)

    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_MACHINE}
    with (
        mock.patch.dict(os.environ, kept | fake.environment, clear=True),
        mock.patch.object(httpx.AsyncHTTPTransport, "handle_async_request", handle),
    ):
        yield fake
