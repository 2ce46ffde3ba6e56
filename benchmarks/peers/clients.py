"""Every client behind the same three functions: `call`, `stream` (which tells each event's time) and `close`."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
TEXT = "Name three rivers of Europe, and say a word about each of them. " * 5
MESSAGES = [{"role": "user", "content": [{"text": TEXT}]}]
BODY = json.dumps({"messages": MESSAGES, "inferenceConfig": {"maxTokens": 300}}).encode()


class Client:
    """One client under test."""

    def __init__(self, url: str, connections: int) -> None:
        self.url, self.connections = url, connections

    async def open(self) -> None: ...
    async def call(self, model: str) -> None: ...
    def stream(self, model: str) -> AsyncIterator[Any]: ...
    async def close(self) -> None: ...


class Ours(Client):
    key: str | None = None

    async def open(self) -> None:
        from bedrock_converse import BedrockClient, Credentials

        auth: dict[str, Any] = (
            {"api_key": self.key} if self.key else {"credentials": Credentials("AKIDEXAMPLE", "secret")}
        )
        self.client = BedrockClient(
            region="us-east-1", endpoint_url=self.url, max_connections=max(1000, self.connections), **auth
        )

    async def call(self, model: str) -> None:
        reply = await self.client.converse(model, TEXT, max_tokens=300)
        assert reply.text

    async def stream(self, model: str) -> AsyncIterator[Any]:
        async with self.client.converse_stream(model, TEXT, max_tokens=300) as stream:
            async for event in stream:
                yield event

    async def close(self) -> None:
        await self.client.aclose()


class OursWithKey(Ours):
    key = "bedrock-api-key-example"


class Boto3(Client):
    """As frameworks drive it: a thread per call, and a thread hop per event."""

    async def open(self) -> None:
        import boto3
        from botocore.config import Config

        os.environ.update(KEYS)
        self.threads = ThreadPoolExecutor(min(self.connections, 200))
        self.client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=self.url,
            config=Config(max_pool_connections=self.connections, read_timeout=300),
        )

    async def call(self, model: str) -> None:
        await self._run(
            lambda: self.client.converse(modelId=model, messages=MESSAGES, inferenceConfig={"maxTokens": 300})
        )

    async def stream(self, model: str) -> AsyncIterator[Any]:
        answer = await self._run(
            lambda: self.client.converse_stream(modelId=model, messages=MESSAGES, inferenceConfig={"maxTokens": 300})
        )
        events = iter(answer["stream"])
        end = object()
        while (event := await self._run(lambda: next(events, end))) is not end:
            yield event

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def close(self) -> None:
        self.threads.shutdown(wait=False)


class Aiobotocore(Client):
    async def open(self) -> None:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        os.environ.update(KEYS)
        config = AioConfig(max_pool_connections=self.connections, read_timeout=300)
        self.manager = get_session().create_client(
            "bedrock-runtime", region_name="us-east-1", endpoint_url=self.url, config=config
        )
        self.client = await self.manager.__aenter__()

    async def call(self, model: str) -> None:
        await self.client.converse(modelId=model, messages=MESSAGES, inferenceConfig={"maxTokens": 300})

    async def stream(self, model: str) -> AsyncIterator[Any]:
        answer = await self.client.converse_stream(modelId=model, messages=MESSAGES, inferenceConfig={"maxTokens": 300})
        async for event in answer["stream"]:
            yield event

    async def close(self) -> None:
        await self.manager.__aexit__(None, None, None)


class Capo(Client):
    async def open(self) -> None:
        from capo_bedrock_runtime import AsyncBedrockRuntimeClient

        os.environ.update(KEYS)
        self.client = AsyncBedrockRuntimeClient(region="us-east-1", endpoint=self.url)
        await self.client.__aenter__()

    async def call(self, model: str) -> None:
        await self.client.converse(model, messages=MESSAGES, inference_config={"max_tokens": 300})

    async def stream(self, model: str) -> AsyncIterator[Any]:
        config = {"max_tokens": 300}
        async with self.client.converse_stream(model, messages=MESSAGES, inference_config=config) as answer:
            async for event in answer["stream"]:
                yield event

    async def close(self) -> None:
        await self.client.__aexit__(None, None, None)


class RawHttpx(Client):
    """No SDK at all: a POST, and the body's pieces."""

    async def open(self) -> None:
        import httpx

        limits = httpx.Limits(max_connections=self.connections, max_keepalive_connections=self.connections)
        verify = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        self.client = httpx.AsyncClient(limits=limits, timeout=300, verify=verify)

    async def call(self, model: str) -> None:
        answer = await self.client.post(f"{self.url}/model/{model}/converse", content=BODY)
        answer.json()

    async def stream(self, model: str) -> AsyncIterator[Any]:
        async with self.client.stream("POST", f"{self.url}/model/{model}/converse-stream", content=BODY) as answer:
            async for piece in answer.aiter_raw():
                yield piece

    async def close(self) -> None:
        await self.client.aclose()


class RawAiohttp(Client):
    """No SDK at all, over aiohttp's C parser: a practical limit."""

    async def open(self) -> None:
        import aiohttp

        context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self.connections, ssl=context))

    async def call(self, model: str) -> None:
        async with self.session.post(f"{self.url}/model/{model}/converse", data=BODY) as answer:
            json.loads(await answer.read())

    async def stream(self, model: str) -> AsyncIterator[Any]:
        async with self.session.post(f"{self.url}/model/{model}/converse-stream", data=BODY) as answer:
            async for piece, _ in answer.content.iter_chunks():
                yield piece

    async def close(self) -> None:
        await self.session.close()


CLIENTS: dict[str, tuple[type[Client], list[str]]] = {
    "bedrock_converse": (Ours, []),
    "bedrock_converse (API key)": (OursWithKey, []),
    "boto3 in threads": (Boto3, ["boto3"]),
    "aiobotocore": (Aiobotocore, ["aiobotocore"]),
    "capo-bedrock-runtime": (Capo, ["capo-bedrock-runtime"]),
    "raw httpx": (RawHttpx, ["httpx"]),
    "raw aiohttp": (RawAiohttp, ["aiohttp"]),
}
"""Name -> class, and what to install for it; nothing means this project."""
SDKS = ["boto3 in threads", "aiobotocore", "capo-bedrock-runtime"]
"""The peers proper: what ours is compared with."""
