"""Microseconds per signature: ours against botocore's `SigV4Auth` on the same request.

python benchmarks/sigv4.py
"""

from __future__ import annotations

import hashlib
import timeit
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from bedrock_converse._aws.credentials import Credentials
from bedrock_converse._aws.sigv4 import Signer

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
PATH = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
HEADERS = {"content-type": "application/json"}
BODY = b'{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}'
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "t" * 800)

signer = Signer()
credentials = Credentials(*KEYS)
botocore_signer = SigV4Auth(BotocoreCredentials(*KEYS), "bedrock", "us-east-1")
payload_hash = hashlib.sha256(BODY).hexdigest()


def ours() -> None:
    signer.sign(
        method="POST",
        host=HOST,
        path=PATH,
        headers=HEADERS,
        payload_hash=payload_hash,
        credentials=credentials,
        region="us-east-1",
        now=datetime.now(UTC),
    )


def botocores() -> None:
    request = AWSRequest(method="POST", url=f"https://{HOST}{PATH}", headers=HEADERS, data=BODY)
    # AWSRequest hands out its prepared form only after URL joining; SigV4Auth works on the plain one.
    botocore_signer.add_auth(request)


def microseconds(function: object, calls: int = 20_000) -> float:
    return min(timeit.repeat(function, number=calls, repeat=5)) / calls * 1e6  # type: ignore[arg-type]


if __name__ == "__main__":
    print(f"ours     {microseconds(ours):6.2f} µs per signature")
    print(f"botocore {microseconds(botocores):6.2f} µs per signature (request object and body hash included)")
