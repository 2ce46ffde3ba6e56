"""Every client behind the same four functions: `open`, `call`, `stream` and `close`.

Each is set up as for a service: a pool that has room for every call of the workload, where that can be said and serves
it. Credentials, region and certificate authorities come from the environment, for all alike.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TEXT = "Name three rivers of Europe, and say a word about each of them. " * 5
MESSAGES = [{"role": "user", "content": [{"text": TEXT}]}]
BODY = json.dumps({"messages": MESSAGES, "inferenceConfig": {"maxTokens": 300}}).encode()


class Client:
    """One client under test, for at most so many calls at once."""

    label: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    """What to install for it; the first one's version is shown. The project itself where there are none."""
    python: ClassVar[tuple[int, int]] = (3, 11)
    """The oldest Python that it runs on."""
    sdk = False
    """A peer proper, which ours is compared with."""
    takes_api_key = False
    """From the environment, over plain HTTP, which boto3 refuses."""
    most_streams: ClassVar[int] = 10_000
    """That it can hold open."""
    usual = True
    """Measured unless `--clients` says otherwise."""

    def __init__(self, url: str, connections: int, *, held: bool) -> None:
        """`held`: calls keep their connections for long, so that none can wait for another's."""
        self.url, self.connections, self.held = url, connections, held

    async def open(self) -> None: ...
    async def call(self, model: str) -> None: ...
    def stream(self, model: str) -> AsyncIterator[Any]: ...
    async def close(self) -> None: ...


class Ours(Client):
    label = "bedrock_converse"
    takes_api_key = True

    async def open(self) -> None:
        from bedrock_converse import BedrockClient

        self.client = BedrockClient(endpoint_url=self.url, max_connections=max(1000, self.connections))

    async def call(self, model: str) -> None:
        reply = await self.client.converse(model, TEXT, max_tokens=300)
        assert reply.text

    async def stream(self, model: str) -> AsyncIterator[Any]:
        async with self.client.converse_stream(model, TEXT, max_tokens=300) as stream:
            async for event in stream:
                yield event

    async def close(self) -> None:
        await self.client.aclose()


class OursOverAiohttp(Ours):
    """aiohttp's C parser and pool in the place of ours, through `http_client=`.

    It costs more, so there is no extra for it: on 2026-11-22 with httpx-aiohttp 0.2.0, aiohttp 3.14.5, httpx 0.28.1 and
    Python 3.11 a call took 1.9, 2.6, 2.6 and 2.2 times the CPU at 1, 32, 200 and 1,000 at a time, an event of a burst
    1.15 times (1.5 over TLS): the requests and responses of httpx around it cost more than the parser saves.
    """

    label = "bedrock_converse over httpx-aiohttp"
    packages = ("httpx-aiohttp",)
    usual = False

    async def open(self) -> None:
        import httpx
        import httpx_aiohttp

        from bedrock_converse import BedrockClient

        limits = httpx.Limits(max_connections=self.connections)
        self.carrier = httpx.AsyncClient(transport=httpx_aiohttp.AiohttpTransport(limits=limits))
        self.client = BedrockClient(endpoint_url=self.url, http_client=self.carrier)

    async def close(self) -> None:
        await super().close()
        await self.carrier.aclose()


class Boto3(Client):
    """As frameworks drive it: a thread per call, and a thread hop per event."""

    label = "boto3 in threads"
    packages = ("boto3",)
    sdk = True

    async def open(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        import boto3
        from botocore.config import Config

        self.threads = ThreadPoolExecutor(min(self.connections, 200))
        self.client = boto3.client(
            "bedrock-runtime",
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
    label = "aiobotocore"
    packages = ("aiobotocore",)
    sdk = True
    takes_api_key = True

    async def open(self) -> None:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        config = AioConfig(max_pool_connections=self.connections, read_timeout=300)
        self.manager = get_session().create_client("bedrock-runtime", endpoint_url=self.url, config=config)
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
    """As serves it best: it opens ten connections unless told otherwise, which saves a tenth of the CPU of short calls.

    Streams would wait for each other (300 paced ones for more than a minute), so for those it gets room for all.
    """

    label = "capo-bedrock-runtime"
    packages = ("capo-bedrock-runtime",)
    sdk = True
    takes_api_key = True

    async def open(self) -> None:
        from capo_bedrock_runtime import AsyncBedrockRuntimeClient
        from zapros import AsyncStdNetworkHandler

        limits = {"max_connections_per_host": self.connections, "max_idle_connections_per_host": self.connections}
        self.client = AsyncBedrockRuntimeClient(
            http_handler=AsyncStdNetworkHandler(http1=limits if self.held else True),
            region=os.environ["AWS_REGION"],
            endpoint=self.url,
            bearer=os.environ.get("AWS_BEARER_TOKEN_BEDROCK"),
        )
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


class AwsSdk(Client):
    """AWS's SDK v4, over aiohttp as it comes: at most 100 connections, for which it has no setting."""

    label = "aws-sdk-bedrock-runtime"
    packages = ("aws-sdk-bedrock-runtime",)
    python = (3, 12)
    sdk = True
    most_streams = 100

    async def open(self) -> None:
        from aws_sdk_bedrock_runtime import models
        from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
        from aws_sdk_bedrock_runtime.config import AsyncBedrockRuntimeConfig

        self.models = models
        self.client = AsyncBedrockRuntimeClient(await AsyncBedrockRuntimeConfig.resolve(endpoint_uri=self.url))

    def _arguments(self) -> dict[str, Any]:
        message = self.models.Message(role="user", content=[self.models.ContentBlockText(value=TEXT)])
        return {"messages": [message], "inference_config": self.models.InferenceConfiguration(max_tokens=300)}

    async def call(self, model: str) -> None:
        await self.client.converse(self.models.ConverseInput(model_id=model, **self._arguments()))

    async def stream(self, model: str) -> AsyncIterator[Any]:
        request = self.models.ConverseStreamInput(model_id=model, **self._arguments())
        async with await self.client.converse_stream(request) as answer:
            async for event in answer.output_stream:
                yield event

    async def close(self) -> None:
        await self.client.close()


class RawHttpx(Client):
    """No SDK at all: a POST, and the body's pieces."""

    label = "raw httpx"
    packages = ("httpx",)

    async def open(self) -> None:
        import httpx

        limits = httpx.Limits(max_connections=self.connections, max_keepalive_connections=self.connections)
        self.client = httpx.AsyncClient(limits=limits, timeout=300)

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

    label = "raw aiohttp"
    packages = ("aiohttp",)

    async def open(self) -> None:
        import aiohttp

        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self.connections))

    async def call(self, model: str) -> None:
        async with self.session.post(f"{self.url}/model/{model}/converse", data=BODY) as answer:
            json.loads(await answer.read())

    async def stream(self, model: str) -> AsyncIterator[Any]:
        async with self.session.post(f"{self.url}/model/{model}/converse-stream", data=BODY) as answer:
            async for piece, _ in answer.content.iter_chunks():
                yield piece

    async def close(self) -> None:
        await self.session.close()


CLIENTS: dict[str, type[Client]] = {
    "bedrock_converse": Ours,
    "boto3": Boto3,
    "aiobotocore": Aiobotocore,
    "capo": Capo,
    "aws-sdk": AwsSdk,
    "httpx": RawHttpx,
    "aiohttp": RawAiohttp,
    "over-httpx-aiohttp": OursOverAiohttp,
}
