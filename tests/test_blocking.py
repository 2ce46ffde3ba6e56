"""The event loop is never held for long: a task that only wants to run every few milliseconds finds no gap over 50 ms.

The figures are gaps of the loop, measured in a process of its own, where the heavy imports have not happened yet, and
without what a busy machine gives to other processes (see `heartbeat`). What remains is mostly Python's garbage
collector, which stops all threads for 20 to 40 ms when so many modules have come.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

LIMIT = 0.050

HEARTBEAT = """
import asyncio, gc, json, sys, time
sys.path.insert(0, {tests!r})
from bedrock_converse import BedrockClient, Credentials
from heartbeat import Pulse

async def beat(pulse):
    while True:
        await asyncio.sleep(0.001)
        pulse.beat()

async def watched(work):
    pulse = Pulse()
    task = asyncio.create_task(beat(pulse))
    await asyncio.sleep(0.05)
    pulse.start()
    await work()
    await asyncio.sleep(0.02)
    task.cancel()
    return pulse.worst

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
"""

SCENARIOS = {
    "the very first call": """
        async def work(url):
            async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=KEYS) as client:
                assert (await client.converse("m", "x")).text == "Hello"
    """,
    "the very first stream": """
        async def work(url):
            client = BedrockClient(region="us-east-1", endpoint_url=url, credentials=KEYS)
            try:
                async with client.converse_stream("m", "x"):
                    pass
            except Exception as error:
                assert type(error).__name__ == "ResponseInvalid"
            await client.aclose()
    """,
    "botocore's chain, and its import": """
        import os, tempfile
        made = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump({"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}, made)
        made.flush()
        config = tempfile.NamedTemporaryFile("w")
        print(f"[default]\\nregion = us-east-1\\ncredential_process = cat {made.name}", file=config, flush=True)
        os.environ["AWS_CONFIG_FILE"] = config.name
        async def work(url):
            async with BedrockClient(endpoint_url=url) as client:
                await client.converse("m", "x")
            assert "botocore.session" in sys.modules
    """,
    "an endpoint by AWS's rules": """
        async def work(url):
            client = BedrockClient(region="us-east-1", credentials=KEYS)
            try:
                await client.converse("m", "x", timeout=0.5)
            except Exception as error:
                assert "bedrock_converse" in type(error).__module__
            assert client.endpoint_url == "https://bedrock-runtime.us-east-1.amazonaws.com"
    """,
    "credentials that take two seconds": """
        def slowly():
            time.sleep(2)
            return KEYS
        async def work(url):
            async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=slowly) as client:
                await asyncio.gather(*(client.converse("m", "x") for _ in range(5)))
    """,
    "the TLS context": """
        async def work(url):
            client = BedrockClient(region="us-east-1", endpoint_url=url.replace("http:", "https:"), credentials=KEYS)
            try:
                await client.converse("m", "x", timeout=2)  # that server does not speak TLS
            except Exception as error:
                assert "bedrock_converse" in type(error).__module__
    """,
    "warming up": """
        async def work(url):
            async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=KEYS) as client:
                await client.warm_up(connections=5)
    """,
}

LARGE = {
    "a document of 20 MB": "[{'document': {'format': 'pdf', 'name': 'd', 'source': {'bytes': PDF}}}]",
    "26 MB of text": "[{'text': 'hello wor\\n' * 2_600_000}]",
    "26 MB of text that is not ASCII": "[{'text': '\u4f60\u597d' * 4_300_000}]",
    "a tool's result of 100,000 rows": "[{'toolResult': {'toolUseId': 't', 'content': [{'json': ROWS}]}}]",
    "200 images, none of them large": "[{'image': {'format': 'png', 'source': {'bytes': bytes(65_000)}}}] * 200",
    "20,000 pieces of text": "[{'text': 'x' * 1000}] * 20_000",
}
"""What one message says: all that AWS takes, and more."""
HISTORY = "[{'role': 'user', 'content': [{'text': 'x' * 2000}]}] * 10_000"
REQUESTS = {
    **{name: f"client.converse('m', [{{'role': 'user', 'content': {content}}}])" for name, content in LARGE.items()},
    "a history of 10,000 messages": f"client.converse('m', {HISTORY})",
    "100,000 rows in a new member": "client.converse('m', 'x', extra_fields={'rows': ROWS})",
    "100,000 rows for InvokeModel": "client.invoke_model('m', {'rows': ROWS})",
}
LARGE_REQUEST = """
    PDF = bytes(20_000_000)
    ROWS = [{"id": number, "name": "row", "value": 1.5, "ok": True, "tags": ["a", "b"]} for number in range(100_000)]
    gc.freeze()  # the application's own 200,000 objects; looking through them takes 40 to 55 ms, and is not our doing
    async def work(url):
        async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=KEYS) as client:
            await REQUEST
"""
LARGE_ANSWER = """
    async def work(url):
        async with BedrockClient(region="us-east-1", endpoint_url=url, credentials=KEYS) as client:
            assert (await client.converse("m", "x")).content
"""
ANSWERS: dict[str, list[Any]] = {
    "4 MB of text": [{"text": "hello wor\n" * 360_000}],
    "an image of 12 MB": [{"image": {"format": "png", "source": {"bytes": "abcd" * 3_000_000}}}],
    "500 KB of arguments": [
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"rows": [{"a": 1, "b": "x"}] * 25_000}}}
    ],
}
"""The largest that models write, and more. What is larger still holds the loop for longer: see `_wire.deserialize`."""

SERVER = """
import asyncio, os, sys
BODY = sys.stdin.readline().encode()
async def connected(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            left = int(head.lower().partition(b"content-length:")[2].partition(b"\\r")[0])
            while left:
                data = await reader.read(min(left, 65536))
                if not data:
                    return
                left -= len(data)
                if left > 1_000_000:
                    await asyncio.sleep(0.001)
            writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n%b"
                         % (len(BODY), BODY))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)
asyncio.run(main())
"""

RUN = """
async def main():
    print(await watched(lambda: work({url!r})))
asyncio.run(main())
"""


def worst_gap(work: str, content: list[Any] | None = None) -> float:
    """The longest gap of the loop in seconds, in a new process that talks to a server in another one."""
    text = json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": content or [{"text": "Hello"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
            "metrics": {"latencyMs": 5},
        }
    )
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            server.stdin.write(f"{text}\n")
            server.stdin.flush()
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            tests = str(Path(__file__).parent)
            program = HEARTBEAT.format(tests=tests) + textwrap.dedent(work) + RUN.format(url=url)
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        finally:
            server.stdin.close()
    assert done.returncode == 0, done.stderr[-2000:]
    return float(done.stdout.splitlines()[-1])


def check_no_gap(work: str, content: list[Any] | None = None) -> None:
    gaps: list[float] = []
    for _ in range(3):
        gaps.append(worst_gap(work, content))
        if gaps[-1] < LIMIT:
            return
    pytest.fail(f"gaps of {', '.join(f'{gap * 1000:.0f} ms' for gap in gaps)}")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_gap(scenario: str) -> None:
    """The loop goes on through everything that takes long."""
    check_no_gap(SCENARIOS[scenario])


@pytest.mark.slow
@pytest.mark.parametrize("request_", REQUESTS)
def test_no_gap_by_a_large_request(request_: str) -> None:
    """Whatever it is that makes it large; the first call of a process besides."""
    check_no_gap(LARGE_REQUEST.replace("REQUEST", REQUESTS[request_]))


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_gap_by_a_large_answer(answer: str) -> None:
    """As large as answers come."""
    check_no_gap(LARGE_ANSWER, ANSWERS[answer])


@pytest.mark.parametrize("hold", ["time.sleep(0.1)", "sum(range(20_000_000))"])
def test_a_gap_is_seen(hold: str) -> None:
    """Waiting holds the loop as much as computing does."""
    assert worst_gap(f"async def work(url): {hold}") >= LIMIT


def test_an_api_key_needs_no_botocore() -> None:
    """A first call with one imports nothing of it, and no trio."""
    program = """
import asyncio, sys
from bedrock_converse import BedrockClient
async def main():
    client = BedrockClient(region="us-east-1", api_key="k", endpoint_url="http://127.0.0.1:9")
    try:
        await client.converse("m", "x", timeout=2)
    except Exception as error:
        print(type(error).__name__)
asyncio.run(main())
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("botocore", "boto3")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["ConnectError", "[]"], done.stderr
