"""Recordings: what is in the file, what is not, and that replaying gives the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_converse import BedrockClient, BedrockError, Credentials
from bedrock_converse.testing import (
    FakeBedrock,
    chunks,
    model_stream_error,
    record,
    replay,
    reply,
    run_in_virtual_time,
    throttled,
    token_count,
    tool_call,
)

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = Credentials("ASIASECRETKEYID", "secretAccessKey", "sessionTokenSecret")


async def use(client: BedrockClient) -> list[Any]:
    """A bit of everything."""
    seen: list[Any] = [(await client.converse("m", "What is it?")).text]
    for _ in range(2):
        try:
            async with client.converse_stream("m", "Hi") as stream:
                seen.append(await stream.final())
        except BedrockError as error:
            seen.append((type(error), error.message))
    seen.append((await client.count_tokens("m", "Hi")).input_tokens)
    async with client.invoke_model_stream("m", {"a": 1}) as stream:
        seen.append([part async for part in stream])
    return seen


def scripted() -> FakeBedrock:
    fake = FakeBedrock(credentials=SECRETS)
    fake.on("m").then(throttled(), "It is this.", reply("Hello you", tool_call("t", a=1)))
    fake.on("m").then(
        reply("Hello you").fails(model_stream_error(), after_events=2), token_count(3), chunks({"d": 1}, "z")
    )
    return fake


async def record_all(path: Path, **options: Any) -> list[Any]:
    fake = scripted()
    with fake.patch():
        async with BedrockClient(credentials=SECRETS) as client, record(client, path, **options):
            return await use(client)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_replay_gives_the_same(tmp_path: Path, backend: str) -> None:
    """Replies, errors, retries and events are the same again, for any credentials."""
    path = tmp_path / "talk.jsonl"

    recorded = run_in_virtual_time(record_all, path, backend=backend)
    fake = replay(path)

    async def again() -> list[Any]:
        with fake.patch():
            async with BedrockClient() as client:
                return await use(client)

    assert run_in_virtual_time(again, backend=backend) == recorded
    fake.check()


def test_file(tmp_path: Path) -> None:
    """One JSON object a line, an event each, nothing in base64, and no secret anywhere."""
    path = tmp_path / "talk.jsonl"
    run_in_virtual_time(record_all, path)
    text = path.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["request"]["body"]["messages"][0]["content"] == [{"text": "What is it?"}]
    assert {"event": {"messageStart": {"role": "assistant"}}} in lines
    assert {"event": {"chunk": {"body": {"d": 1}}}} in lines
    assert {"event": {"chunk": {"text": "z"}}} in lines
    assert sum("request" in line for line in lines) == 6
    secrets = ("ASIASECRETKEYID", "secretAccessKey", "sessionTokenSecret", "Signature", "uthorization")
    assert not any(secret in text for secret in secrets)


def test_redact(tmp_path: Path) -> None:
    """The hook sees each line, may change it or leave it out."""
    path = tmp_path / "talk.jsonl"

    def redact(line: dict[str, Any]) -> dict[str, Any] | None:
        if "request" in line:
            line["request"]["body"] = "gone"
        return None if "event" in line else line

    run_in_virtual_time(lambda: record_all(path, redact=redact))
    text = path.read_text("utf-8")
    assert "What is it?" not in text
    assert "messageStart" not in text


async def test_left_early(tmp_path: Path) -> None:
    """A stream that was left early is recorded as far as it came."""
    path = tmp_path / "talk.jsonl"
    fake = FakeBedrock()
    fake.reply("one two three four five six seven")
    with fake.patch():
        async with BedrockClient() as client, record(client, path), client.converse_stream("m", "Hi") as stream:
            async for _ in stream.text():
                break
    lines = path.read_text("utf-8").splitlines()
    assert lines[-1] == '{"end": "left"}'


@pytest.mark.parametrize("text", ["not json\n", '{"event": {}}\n', "[1]\n"])
def test_no_recording(tmp_path: Path, text: str) -> None:
    """A file that is no recording is refused with its line."""
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match="line 1 of"):
        replay(path)
