"""Proxies over real sockets: tunnels, plain requests, refusals; and that nobody sees their passwords."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from typing import Any

import anyio
import httpx
import pytest
import trustme
from loopback import Peer, Server, serve
from steady import run_steadily
from stepwise import WAYS, EveryAwait, living_tasks

from bedrock_converse._http.connect_failures import classify_connect_error
from bedrock_converse._http.pool import EXCHANGE, Exchange, PoolTransport
from bedrock_converse._http.proxy import Proxy, bypassed, proxy_from_environment
from bedrock_converse.errors import ConfigError

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
SECRET = "s3cret"
AUTHORIZATION = b"Basic dXNlcjpzM2NyZXQ="  # user:s3cret
AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def client_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def tunnel(peer: Peer) -> None:
    """A proxy that knows CONNECT and asks for a login."""
    received = await peer.request()
    if received is None:
        return
    if received.header(b"proxy-authorization") != AUTHORIZATION:
        await peer.reply(b"login first", b"407 Proxy Authentication Required")
        return
    method, target, _ = received.line.split(b" ")
    assert method == b"CONNECT"
    assert received.header(b"host") == target
    host, _, port = target.rpartition(b":")
    reader, writer = await asyncio.open_connection(host.decode(), int(port))
    await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def back() -> None:
        while data := await reader.read(65536):
            await peer.send(data)

    task = asyncio.create_task(back())
    try:
        while data := await peer.reader.read(65536):
            writer.write(data)
    finally:
        task.cancel()
        writer.transport.abort()


async def call(transport: PoolTransport, url: str, exchange: Exchange | None = None) -> bytes:
    extensions: dict[str, Any] = {"timeout": {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}}
    if exchange is not None:
        extensions[EXCHANGE] = exchange
    request = httpx.Request("POST", url, content=b"question", extensions=extensions)
    response = await transport.handle_async_request(request)
    return await response.aread()


def with_login(server: Server) -> str:
    return server.url.replace("://", f"://user:{SECRET}@")


@BACKENDS
@pytest.mark.parametrize("secure_proxy", [False, True], ids=["http proxy", "https proxy"])
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_https_goes_through_a_tunnel(
    backend: str,
    secure_proxy: bool,
    how: str,
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CONNECT with the login, then TLS to the real server; the tunnel is reused, and warming up works through it."""

    async def main() -> None:
        async with PoolTransport(ssl_context=client_tls, proxy=argument) as transport:
            assert await transport.warm_up(server.url, 2) == 2
            exchange = Exchange()
            assert await call(transport, server.url, exchange) == b"hello"
            assert await call(transport, server.url, exchange) == b"hello"
            assert exchange.reused
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(tls=server_tls) as server, serve(tunnel, server_tls if secure_proxy else None) as proxy:
        argument = with_login(proxy) if how == "argument" else None
        if how == "environment":
            monkeypatch.setenv("HTTPS_PROXY", with_login(proxy))
        run_steadily(main, backend=backend)
    assert len(proxy.requests) == 2
    assert len(server.requests) == 2
    assert server.requests[0].header(b"proxy-authorization") is None


@BACKENDS
def test_http_is_sent_to_the_proxy(backend: str) -> None:
    """Without TLS the proxy gets the request itself, with the whole URL and its login."""

    async def forward(peer: Peer) -> None:
        while await peer.request():
            await peer.reply(b"from the proxy")

    async def main() -> None:
        async with PoolTransport(proxy=with_login(proxy)) as transport:
            for _ in range(2):
                assert await call(transport, "http://bedrock.invalid/model/a%3Ab?x=1") == b"from the proxy"

    with serve(forward) as proxy:
        run_steadily(main, backend=backend)
    assert proxy.accepted == 1
    assert proxy.requests[0].line == b"POST http://bedrock.invalid:80/model/a%3Ab?x=1 HTTP/1.1"
    assert proxy.requests[0].header(b"host") == b"bedrock.invalid"
    assert proxy.requests[0].header(b"proxy-authorization") == AUTHORIZATION


async def refuses(peer: Peer) -> None:
    await peer.request()
    await peer.reply(b"no", b"403 Forbidden")


async def hangs_up(peer: Peer) -> None:
    await peer.request()
    peer.writer.close()


async def babbles(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"220 mail.example ESMTP\r\n")


async def answers_early(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\n\r\nearly")


@BACKENDS
@pytest.mark.parametrize(
    ("script", "login", "message"),
    [
        (tunnel, "user:wrong-s3cret@", "407 Proxy Authentication Required"),
        (refuses, "", "403 Forbidden"),
        (hangs_up, "", "closed the connection without"),
        (babbles, "", "not HTTP/1"),
        (answers_early, "", "before the tunnel was there"),
        (None, "", "cannot connect to"),
    ],
    ids=["407", "403", "hangs up", "no HTTP", "early", "not there"],
)
def test_a_proxy_that_does_not_help(
    backend: str, script: Any, login: str, message: str, client_tls: ssl.SSLContext
) -> None:
    """One kind of error, which names the proxy without its login; nothing was sent, no slot or socket is left."""

    async def main() -> None:
        async with PoolTransport(ssl_context=client_tls, proxy=url) as transport:
            exchange = Exchange()
            with pytest.raises(httpx.ProxyError, match=message) as caught:
                await call(transport, "https://bedrock.invalid/", exchange)
            assert classify_connect_error(caught.value) == "proxy"
            assert f"127.0.0.1:{proxy.port}" in str(caught.value)
            assert (exchange.reused, exchange.written) == (None, False)
            assert transport.stats().open == 0
            text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
            assert SECRET not in text.replace(repr(url), "")  # which is a variable of this test
            assert "czNjcmV0" not in text

    with serve(script or refuses) as proxy:
        url = proxy.url.replace("://", f"://{login}")
        if script is not None:
            run_steadily(main, backend=backend)
            proxy.wait_until_open(0)
    if script is None:
        run_steadily(main, backend=backend)


@BACKENDS
def test_a_proxy_that_keeps_silent(backend: str, client_tls: ssl.SSLContext) -> None:
    """The connect limit covers the tunnel."""

    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    async def main() -> None:
        async with PoolTransport(ssl_context=client_tls, proxy=proxy.url) as transport:
            request = httpx.Request("GET", "https://bedrock.invalid/", extensions={"timeout": {"connect": 0.05}})
            with pytest.raises(httpx.ConnectTimeout, match="tunnel through the proxy"):
                await transport.handle_async_request(request)

    with serve(silent) as proxy:
        run_steadily(main, backend=backend)
        proxy.wait_until_open(0)


@BACKENDS
def test_cancelled_at_every_await_of_a_tunnel(
    backend: str, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    """Connecting to the proxy, asking it, shaking hands through it: nothing is left."""

    async def main() -> None:
        for way in WAYS[backend]:
            await anyio.to_thread.run_sync(int)
            tasks = await living_tasks()
            for run_cancelled in EveryAwait(way, at_least=5):
                async with PoolTransport(ssl_context=client_tls, proxy=with_login(proxy)) as transport:
                    await run_cancelled(lambda: call(transport, server.url))
                    assert transport.stats().active == 0
                await anyio.to_thread.run_sync(proxy.wait_until_open, 0)
                assert await living_tasks() == tasks

    with serve(tls=server_tls) as server, serve(tunnel) as proxy:
        run_steadily(main, backend=backend)
        server.wait_until_open(0)


def test_the_environment_can_be_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """`trust_env=False`: straight to the server."""

    async def main() -> None:
        async with PoolTransport(trust_env=False) as transport:
            assert await call(transport, server.url) == b"hello"

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    with serve() as server:
        anyio.run(main)


# Which proxy.


def test_a_proxy_url() -> None:
    """Scheme, host, port and login; the port has a default; special characters are unquoted."""
    assert Proxy.parse("http://user:s3cret@proxy:3128") == Proxy(False, "proxy", 3128, AUTHORIZATION)
    assert Proxy.parse("https://proxy") == Proxy(True, "proxy", 443, None)
    assert Proxy.parse("proxy:8080") == Proxy(False, "proxy", 8080, None)
    assert Proxy.parse("http://[::1]:8080/").host == "::1"
    assert Proxy.parse("http://us%40er:p%3Aw@proxy").authorization == b"Basic dXNAZXI6cDp3"


def test_a_proxy_does_not_show_its_login() -> None:
    """Neither repr nor str has it."""
    proxy = Proxy.parse(f"http://user:{SECRET}@proxy:3128")
    assert SECRET not in repr(proxy) + str(proxy)
    assert "dXNlcj" not in repr(proxy) + str(proxy)
    assert str(proxy) == "proxy:3128"


@pytest.mark.parametrize(
    "url",
    [f"socks5://user:{SECRET}@proxy:1080", f"http://user:{SECRET}@", f"http://{SECRET}:{SECRET}@x:port", "http://"],
)
def test_a_url_that_is_no_http_proxy(url: str) -> None:
    """A `ConfigError` that does not quote it; SOCKS gets a hint."""
    with pytest.raises(ConfigError) as caught:
        Proxy.parse(url)
    assert SECRET not in str(caught.value)
    if url.startswith("socks"):
        assert "http_client=httpx.AsyncClient(proxy=" in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "secure", "expected"),
    [
        ({}, True, None),
        ({"HTTPS_PROXY": "http://a:1"}, True, "a:1"),
        ({"HTTPS_PROXY": "http://a:1"}, False, None),
        ({"http_proxy": "http://a:1"}, False, "a:1"),
        ({"ALL_PROXY": "http://b:2"}, True, "b:2"),
        ({"ALL_PROXY": "http://b:2", "HTTPS_PROXY": "http://a:1"}, True, "a:1"),
        ({"HTTPS_PROXY": ""}, True, None),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "example.com"}, True, None),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "other.com"}, True, "a:1"),
    ],
)
def test_the_environment_chooses(
    environment: dict[str, str], secure: bool, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheme's own variable, then the one for all, unless the host is excepted."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = proxy_from_environment(secure, "bedrock.example.com", 443)
    assert (proxy and str(proxy)) == expected


@pytest.mark.parametrize(
    ("exceptions", "host", "is_bypassed"),
    [
        ("", "a.example.com", False),
        ("*", "a.example.com", True),
        ("example.com", "a.example.com", True),
        ("example.com", "example.com", True),
        (".example.com", "a.example.com", True),
        ("*.example.com", "a.example.com", True),
        ("EXAMPLE.com", "A.Example.Com", True),
        ("example.com", "badexample.com", False),
        ("ample.com", "example.com", False),
        ("other.org, example.com", "example.com", True),
        ("example.com:443", "example.com", True),
        ("example.com:80", "example.com", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1:443", "127.0.0.1", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "example.com", False),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
        ("[::1]:443", "::1", True),
        ("[::1]:80", "::1", False),
        ("fe80::/10", "fe80::1", True),
        (":443", "example.com", False),
        (".", "example.com", False),
    ],
)
def test_exceptions(exceptions: str, host: str, is_bypassed: bool) -> None:
    """`NO_PROXY`: names with those below them, addresses, networks, ports."""
    assert bypassed(host, 443, exceptions) == is_bypassed
