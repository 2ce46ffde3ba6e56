"""A real boto3 client against the loopback server, http and https."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import trustme
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EventStreamError

from bedrock_converse.testing import (
    FakeBedrock,
    access_denied,
    apply_guardrail_result,
    cited,
    reasoning,
    redacted,
    reply,
    throttled,
    token_count,
    tool_call,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Hi"}]}]


def connect(fake: FakeBedrock, url: str, **options: Any) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=fake.credentials.access_key_id,
        aws_secret_access_key=fake.credentials.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5),
        **options,
    )


@pytest.fixture
def fake() -> Iterator[FakeBedrock]:
    with FakeBedrock() as fake:
        yield fake


@pytest.fixture
def client(fake: FakeBedrock) -> Iterator[Any]:
    with fake.serve() as url:
        client = connect(fake, url)
        yield client
        client.close()


CONTENT = reply(
    reasoning("Hm."),
    redacted(b"\x01"),
    "Hello there.",
    cited("It is.", title="T", quote="q"),
    tool_call("t", {"a": [1]}),
)


def test_converse_and_stream(fake: FakeBedrock, client: Any) -> None:
    """boto3 reads the same content from both."""
    fake.on(MODEL).then(CONTENT, CONTENT)
    content = client.converse(modelId=MODEL, messages=MESSAGES)["output"]["message"]["content"]
    assert content[1] == {"reasoningContent": {"redactedContent": b"\x01"}}
    assert content[4]["toolUse"]["input"] == {"a": [1]}
    events = list(client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta.get("text", "") for delta in deltas) == "Hello there.It is."
    assert "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta) == '{"a": [1]}'
    assert events[-1]["metadata"]["usage"]["inputTokens"] == 10


def test_other_operations(fake: FakeBedrock, client: Any) -> None:
    """count_tokens and apply_guardrail."""
    fake.then(token_count(7), apply_guardrail_result("NONE"))
    assert client.count_tokens(modelId=MODEL, input={"converse": {"messages": MESSAGES}})["inputTokens"] == 7
    content = [{"text": {"text": "Hi"}}]
    applied = client.apply_guardrail(guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=content)
    assert applied["action"] == "NONE"


def test_errors(fake: FakeBedrock, client: Any) -> None:
    """Errors are boto3's own classes, over HTTP and inside a stream."""
    fake.then(throttled(), access_denied(), reply("Hello you").fails(throttled(), after_events=2))
    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse(modelId=MODEL, messages=MESSAGES)
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.converse(modelId=MODEL, messages=MESSAGES)
    stream = client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    with pytest.raises(EventStreamError, match="throttlingException"):
        list(stream)
    stream.close()


def test_broken_connections(fake: FakeBedrock, client: Any) -> None:
    """A reset is a reset, and the server goes on."""
    fake.then(reply("x").reset(), reply("x").closed(), "fine")
    for _ in range(2):
        with pytest.raises(ConnectionClosedError):
            client.converse(modelId=MODEL, messages=MESSAGES)
    assert client.converse(modelId=MODEL, messages=MESSAGES)["stopReason"] == "end_turn"


def test_signature_is_checked(fake: FakeBedrock) -> None:
    """Another secret gets AWS's 403."""
    with fake.serve() as url:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=fake.credentials.access_key_id,
            aws_secret_access_key="wrong",
        )
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            client.converse(modelId=MODEL, messages=MESSAGES)
        client.close()


def test_tls(fake: FakeBedrock, tmp_path: Path) -> None:
    """The server speaks TLS when it is given a certificate; faults work there too."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    fake.then("Hello", reply("Hello you").cut(after_events=2), "again")
    with fake.serve(ssl_context=context) as url:
        assert url.startswith("https://127.0.0.1:")
        client = connect(fake, url, verify=str(tmp_path / "ca.pem"))
        assert client.converse(modelId=MODEL, messages=MESSAGES)["stopReason"] == "end_turn"
        stream = client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
        with pytest.raises(Exception, match=r"ended prematurely|IncompleteRead|Connection broken"):
            list(stream)
        stream.close()
        assert client.converse(modelId=MODEL, messages=MESSAGES)["stopReason"] == "end_turn"
        client.close()
