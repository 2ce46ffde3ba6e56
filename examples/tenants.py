"""One client, a view per tenant: their credentials and limits, but the same connections.

A view costs next to nothing, so make one per request. Each identity has a retry quota of its own: a tenant who is being
throttled takes nothing from the others. In production the credentials may be `assume_role(arn, external_id=...)`.
"""

import asyncio

from bedrock_converse import BedrockClient, Credentials
from bedrock_converse.testing import FakeBedrock, ReceivedRequest

MODEL = "us.amazon.nova-lite-v1:0"
TENANTS = {"Acme": Credentials("AKIAACME", "secret-of-acme"), "Globex": Credentials("AKIAGLOBEX", "secret-of-globex")}


def who_asks(request: ReceivedRequest) -> str:
    return f"I see {request.headers['authorization'].split('/')[0]}, at most {request.json['inferenceConfig']}."


async def main() -> None:
    fake = FakeBedrock(credentials=list(TENANTS.values()))  # it refuses any other signature
    fake.on(MODEL).always(who_asks)
    async with fake.serve() as url, BedrockClient(region="us-east-1", endpoint_url=url) as bedrock:
        for tenant, credentials in TENANTS.items():
            view = bedrock.with_options(credentials=credentials, max_tokens=500)
            reply = await view.converse(MODEL, "Who am I?")
            print(f"{tenant}: {reply.text}")
        print(f"{bedrock.stats.open} connection for all")


asyncio.run(main())
