"""One effort for every model, each told in its own way; and what the model thought, ready to be sent back."""

import asyncio

from _local import MODEL, bedrock_client

from bedrock_converse import RequestInvalid
from bedrock_converse.reasoning import reasoning_text, set_effort
from bedrock_converse.types import ConverseRequest, user

QUESTION = "Is 91 a prime?"
MODELS = (
    "us.anthropic.claude-sonnet-4-6",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "qwen.qwen3-32b-v1:0",
    "us.meta.llama3-3-70b-instruct-v1:0",
)


async def main() -> None:
    for model_id in MODELS:
        try:
            request = set_effort("high", ConverseRequest(model_id=model_id, messages=[user(QUESTION)]))
            print(model_id, request.additional_model_request_fields, request.output_config or "")
        except RequestInvalid as error:
            print(model_id, error.problem)

    async with bedrock_client() as bedrock:
        reply = await bedrock.converse(MODEL, QUESTION, max_tokens=40, transforms=(set_effort("low"),))
        print("it thought:", reasoning_text(reply.content) or "(nothing that can be read)")
        history = [user(QUESTION), reply.message, user("Why?")]  # signatures and redacted bytes go back untouched
        print((await bedrock.converse(MODEL, history, max_tokens=40)).finish_reason)


asyncio.run(main())
