"""Proxies: which one a connection goes through, and the tunnel through it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpcore

from bedrock_converse._http.http11 import ResponseDecoder, encode_head
from bedrock_converse._http.network import seconds_left
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from bedrock_converse._http.network import Stream

__all__ = ["Proxy", "open_tunnel", "proxy_from_environment"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. Its credentials are in no repr and in no message."""

    secure: bool
    """Talk TLS to the proxy itself."""
    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)
    """The value of `Proxy-Authorization`."""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """`http://[user:password@]host[:port]`, or `https://`. Raises `ConfigError`, which does not quote the URL."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ConfigError("the proxy URL cannot be read") from None
        if parts.scheme not in ("http", "https"):
            raise ConfigError(
                f"proxies of the kind {parts.scheme}:// are not supported",
                hint="Pass http_client=httpx.AsyncClient(proxy=...), with httpx[socks] installed for SOCKS.",
            )
        if not host:
            raise ConfigError("the proxy URL names no host")
        authorization = None
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = b"Basic " + b64encode(login.encode())
        secure = parts.scheme == "https"
        return cls(secure, host, port or (443 if secure else 80), authorization)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def proxy_from_environment(secure: bool, host: str, port: int) -> Proxy | None:
    """What `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (or the system's settings) say for this host."""
    from urllib.request import getproxies

    proxies = getproxies()
    url = proxies.get("https" if secure else "http") or proxies.get("all")
    if not url or bypassed(host, port, proxies.get("no", "")):
        return None
    return Proxy.parse(url)


def bypassed(host: str, port: int, exceptions: str) -> bool:
    """Does a `NO_PROXY` list name this host? Its entries: `*`; a name, which stands for the names below it too, with or
    without a leading dot; an address or a network (`10.0.0.0/8`); each with or without `:port`."""
    host = host.lower()
    for entry in exceptions.lower().replace(",", " ").split():
        if entry == "*" or entry == host or names_network(entry, host):
            return True
        name, _, wanted = entry.rpartition(":") if entry.rpartition(":")[2].isdigit() else (entry, "", "")
        name = name.strip("[]").removeprefix("*").lstrip(".")
        if wanted in ("", str(port)) and (host == name or (name and host.endswith(f".{name}"))):
            return True
    return False


def names_network(entry: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # one of them is a name
        return False


async def open_tunnel(stream: Stream, proxy: Proxy, target: bytes, deadline: float | None) -> None:
    """Have the proxy at the other end of `stream` connect to `target`, host:port (CONNECT, RFC 9110, section 9.3.6).

    Raises `httpcore.ProxyError` when it does not, or httpcore's own error when the connection breaks.
    """
    headers = [(b"host", target)]
    if proxy.authorization is not None:
        headers.append((b"proxy-authorization", proxy.authorization))
    await stream.send(encode_head(b"CONNECT", target, headers), seconds_left(deadline))
    decoder = ResponseDecoder(b"CONNECT")
    while (head := decoder.head(data := await stream.receive(deadline))) is None:
        if not data:
            decoder.end()
    if not 200 <= head.status < 300:
        reason = head.reason.decode("ascii", "replace")
        raise httpcore.ProxyError(f"the proxy {proxy} answered {head.status} {reason}".rstrip())
    if decoder.overrun:
        raise httpcore.ProxyError(f"the proxy {proxy} sent data before the tunnel was there")
