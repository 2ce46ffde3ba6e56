"""A tool call that a person has to approve: the run pauses, is stored as JSON, and goes on in a later request."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse import BedrockClient
from bedrock_converse.tools import Allow, Deny, Pause, PausedRun, run_tools, tool


@tool
def delete_file(path: str) -> str:
    """Deletes a file for good."""
    return f"{path} is gone"


async def first_request(bedrock: BedrockClient) -> str:
    run = await run_tools(
        bedrock, MODEL, "Delete report.pdf.", [delete_file], before_call=lambda call: Pause(), max_tokens=100
    )
    assert run.paused is not None
    return run.paused.to_json()  # into your database


async def later_request(bedrock: BedrockClient, stored: str, yes: bool) -> str:
    paused = PausedRun.from_json(stored)
    decisions = {call.tool_use_id: Allow() if yes else Deny("The user said no.") for call in paused.waiting}
    return (await run_tools(bedrock, MODEL, paused, [delete_file], decisions=decisions, max_tokens=100)).text


async def main() -> None:
    async with bedrock_client() as bedrock:
        stored = await first_request(bedrock)
        print("waiting:", PausedRun.from_json(stored).waiting[0].name)
        print(
            "yes:", await later_request(bedrock, stored, yes=True), "\nno:", await later_request(bedrock, stored, False)
        )


asyncio.run(main())
