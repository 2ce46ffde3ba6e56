"""Sending as the client does, past httpx: `PoolTransport.post` with what an `httpx.Request` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedrock_converse._http.pool import EXCHANGE, Exchange, PoolTransport

if TYPE_CHECKING:
    import httpx

    from bedrock_converse._http.pool import RawAnswer

__all__ = ["post"]


async def post(transport: PoolTransport, request: httpx.Request) -> RawAnswer:
    assert request.method == "POST"
    return await transport.post(
        request.url,
        dict(request.headers),
        request.content,
        timeouts=request.extensions.get("timeout") or {},
        exchange=request.extensions.get(EXCHANGE) or Exchange(),
    )
