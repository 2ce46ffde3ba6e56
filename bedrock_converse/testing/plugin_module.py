"""The pytest plugin of `bedrock_converse`: two fixtures.

A wheel holds it as `pytest_bedrock_converse`, a module beside the package: pytest imports plugins at its start, and
there it costs test runs that do not use it nothing. It imports nothing of the package before a fixture is asked for.

`fake_bedrock` is a `FakeBedrock` whose script must have been followed when the test ends. `bedrock_client` is a
`BedrockClient` that talks to it, without a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from bedrock_converse import BedrockClient
    from bedrock_converse.testing import FakeBedrock

__all__ = ["bedrock_client", "fake_bedrock"]


@pytest.fixture
def fake_bedrock() -> Generator[FakeBedrock]:
    """A fake with an empty script; the test fails if the script was not followed to its end."""
    from bedrock_converse.testing import FakeBedrock

    fake = FakeBedrock()
    yield fake
    fake.check()


@pytest.fixture
def bedrock_client(fake_bedrock: FakeBedrock) -> BedrockClient:
    """A client of the test's `fake_bedrock`. It holds no connection, so nothing has to be closed."""
    import httpx

    from bedrock_converse import BedrockClient

    http_client: Any = httpx.AsyncClient(transport=fake_bedrock.transport())
    return BedrockClient(region=fake_bedrock.region, credentials=fake_bedrock.credentials, http_client=http_client)
