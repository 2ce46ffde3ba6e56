"""What a guardrail did to a reply, and having it check only what the user said last."""

import asyncio
import os

from _local import MODEL, bedrock_client

from bedrock_converse import assistant, user
from bedrock_converse.guardrail import guard_last_turn
from bedrock_converse.types import GuardrailConfiguration

CONFIG = GuardrailConfiguration(
    guardrail_identifier=os.environ.get("GUARDRAIL", "abc123"), guardrail_version="DRAFT", trace="enabled"
)


async def main() -> None:
    history = [user("My mail is ann@example.com."), assistant("Noted."), user("Name a river.")]
    async with bedrock_client() as bedrock:
        reply = await bedrock.converse(
            MODEL, history, guardrail_config=CONFIG, transforms=[guard_last_turn], max_tokens=20
        )
    match reply.guardrail.action:
        case "blocked":
            print("withheld:", reply.guardrail.reason)
        case "masked":
            print(reply.text, [finding.kind for finding in reply.guardrail.findings])
        case _:
            print(reply.text)


asyncio.run(main())
