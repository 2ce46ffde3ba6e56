"""What the examples talk to: a small Bedrock of their own on this machine, or AWS, if the environment names a MODEL.

python examples/hello.py
AWS_REGION=us-east-1 MODEL=us.amazon.nova-lite-v1:0 python examples/hello.py
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bedrock_converse import BedrockClient
from bedrock_converse.testing import Answer, FakeBedrock, ReceivedRequest
from bedrock_converse.testing.models import lorem, tools

MODEL = os.environ.get("MODEL", "local.latin-v1:0")


@asynccontextmanager
async def bedrock_client() -> AsyncGenerator[BedrockClient]:
    if "MODEL" in os.environ:
        async with BedrockClient() as bedrock:
            yield bedrock
        return
    fake = FakeBedrock()
    fake.pace(tokens_per_second=200, time_to_first_token=0.1)
    fake.on(MODEL).always(answer)
    async with (
        fake.serve() as url,
        BedrockClient(region="us-east-1", endpoint_url=url, credentials=fake.credentials) as bedrock,
    ):
        yield bedrock


def answer(request: ReceivedRequest) -> Answer:
    """Knows how to call a tool, and otherwise only Latin."""
    return tools(request) if getattr(request.input, "tool_config", None) else lorem(request)
