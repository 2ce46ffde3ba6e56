"""Tools that look over httpx's shoulder see every request of our transport, called directly or through a client.

Each is used as its own documentation says, with nothing set up for this library.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import respx
from direct import post
from loopback import Peer, serve
from steady import run_steadily

from bedrock_converse._http.pool import EXCHANGE, Exchange, PoolTransport, body_of

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
WAYS = pytest.mark.parametrize("direct", [False, True], ids=["handle_async_request", "post"])
URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/a%3A0/converse"


async def send(
    transport: PoolTransport, url: str, direct: bool = False, exchange: Exchange | None = None
) -> httpx.Response:
    """As the client sends and reads, in either of the transport's two ways."""
    extensions: dict[str, Any] = {"timeout": {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}}
    if exchange is not None:
        extensions[EXCHANGE] = exchange
    request = httpx.Request("POST", url, json={"question": "how?"}, extensions=extensions)
    if direct:
        status, headers, body = await post(transport, request)
    else:
        response = await transport.handle_async_request(request)
        status, headers, body = response.status_code, response.headers.raw, body_of(response)
    content = b"".join([part async for part in body])
    await body.aclose()
    return httpx.Response(status, headers=headers, content=content)


# respx


@BACKENDS
@WAYS
def test_respx_sees_and_answers(backend: str, direct: bool) -> None:
    """Plain `respx.mock`: the request with its body, the answer, no slot taken, then the real network again."""

    async def main() -> None:
        async with PoolTransport() as transport:
            await send(transport, server.url, direct)  # an idle connection must not let a request slip by
            with respx.mock as mock:
                route = mock.post(URL).respond(429, json={"message": "slow down"}, headers={"x-amzn-requestid": "r"})
                mock.post(server.url).respond(200, json={"mocked": True})
                exchange = Exchange()
                response = await send(transport, URL, direct, exchange)
                assert (response.status_code, response.json()) == (429, {"message": "slow down"})
                assert response.headers["x-amzn-requestid"] == "r"
                assert json.loads(route.calls.last.request.content) == {"question": "how?"}
                assert exchange.reused is None
                assert (await send(transport, server.url, direct)).json() == {"mocked": True}
                assert route.call_count == 1
            assert transport.stats().active == 0
            assert (await send(transport, server.url, direct)).text == "real"

    async def real(peer: Peer) -> None:
        while await peer.request():
            await peer.reply(b"real")

    with serve(real) as server:
        run_steadily(main, backend=backend)
        server.wait_until_open(0)
    assert len(server.requests) == 2


@BACKENDS
@WAYS
def test_respx_can_raise_and_pass_through(backend: str, direct: bool) -> None:
    """A side effect is raised as it is; a route that passes through reaches the server."""

    async def main() -> None:
        async with PoolTransport() as transport:
            with respx.mock as mock:
                mock.post(URL).mock(side_effect=httpx.ConnectError("refused by the test"))
                passing = mock.post(server.url).pass_through()
                with pytest.raises(httpx.ConnectError, match="refused by the test"):
                    await send(transport, URL, direct)
                assert (await send(transport, server.url, direct)).text == "hello"
                assert passing.called
            assert (await send(transport, server.url, direct)).text == "hello"

    with serve() as server:
        run_steadily(main, backend=backend)
        server.wait_until_open(0)


def test_respx_is_seen_by_a_pool_that_is_imported_later() -> None:
    """The first import of the pool happens inside `respx.mock`, as it does when a test makes the first call."""
    code = """
import anyio, httpx, respx

async def main():
    with respx.mock as mock:
        mock.get("https://example.test/").respond(text="mocked")
        from bedrock_converse._http.pool import PoolTransport
        async with PoolTransport() as transport:
            response = await transport.handle_async_request(httpx.Request("GET", "https://example.test/"))
            assert await response.aread() == b"mocked"

anyio.run(main)
"""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30, cwd=root)


# pytest-httpx


@WAYS
def test_pytest_httpx_sees_and_answers(direct: bool, request: pytest.FixtureRequest) -> None:
    """The `httpx_mock` fixture: the request, the answer, and its own check that every answer was asked for."""
    pytest.importorskip("pytest_httpx")
    mock = request.getfixturevalue("httpx_mock")
    mock.add_response(url=URL, method="POST", json={"mocked": True}, match_json={"question": "how?"})
    mock.add_exception(httpx.ReadTimeout("too slow, says the test"))

    async def main() -> None:
        async with PoolTransport() as transport:
            assert (await send(transport, URL, direct)).json() == {"mocked": True}
            with pytest.raises(httpx.ReadTimeout, match="says the test"):
                await send(transport, URL, direct)

    anyio.run(main)
    assert len(mock.get_requests()) == 2


# vcrpy


@BACKENDS
@WAYS
def test_vcrpy_records_and_replays(backend: str, direct: bool, tmp_path: Path) -> None:
    """The first run goes to the server and into the cassette, the second one comes from it."""
    vcr = pytest.importorskip("vcr")
    cassette = str(tmp_path / "cassette.yaml")

    async def main() -> None:
        async with PoolTransport() as transport:
            with vcr.use_cassette(cassette, record_mode="once"):
                assert (await send(transport, server.url, direct)).text == "hello"
            with vcr.use_cassette(cassette, record_mode="none") as tape:
                assert (await send(transport, server.url, direct)).text == "hello"
                assert tape.play_count == 1
            assert transport.stats().active == 0

    with serve() as server:
        run_steadily(main, backend=backend)
    assert len(server.requests) == 1


# OpenTelemetry


@BACKENDS
@WAYS
def test_opentelemetry_sees_every_request(backend: str, direct: bool) -> None:
    """Spans with method, status and error; the trace context goes out with the request."""
    pytest.importorskip("opentelemetry.sdk")
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    async def main() -> None:
        async with PoolTransport() as transport:
            assert (await send(transport, server.url, direct)).text == "hello"
            with pytest.raises(httpx.ConnectError):
                await send(transport, "http://127.0.0.1:9/", direct)

    instrumentor = instrumentation.HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with serve() as server:
            run_steadily(main, backend=backend)
    finally:
        instrumentor.uninstrument()
    good, bad = spans.get_finished_spans()
    assert good.name == bad.name == "POST"
    assert good.attributes["http.status_code"] == 200
    assert good.attributes["http.url"] == server.url
    assert not bad.status.is_ok
    assert server.requests[0].header(b"traceparent") is not None
