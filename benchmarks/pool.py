"""What the transport alone costs: CPU per call and per event, ours against httpx's and httpcore's, in one run.

    python benchmarks/pool.py                    # all workloads, a markdown table
    python benchmarks/pool.py calls --rounds 9   # one of: calls, burst, paced, memory
    python benchmarks/pool.py profile            # where our time goes, by function

A server process with ready-made answers is pinned to one core, this process to another. Clients take turns in each
round, and the table shows the median over the rounds of the CPU time (user and system) of this process. Everything is
loopback, so system time includes the kernel's work for both ends of each packet that this process sends. httpx's own
pool is left out at 1,000 connections: it looks at each of them for each request, which takes minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

BODY = b'{"messages":[{"role":"user","content":[{"text":"' + b"hello " * 50 + b'"}]}]}'
HEADERS = {
    "content-type": "application/json",
    "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date, Signature={'a' * 64}",
    "x-amz-date": "20260102T030405Z",
    "accept-encoding": "identity",
    "user-agent": "benchmark",
}
ANSWER = (
    b'{"output":{"message":{"content":[{"text":"' + b"x" * 300 + b'"}],"role":"assistant"}},"stopReason":"end_turn"}'
)
HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Type: application/json\r\n"
    b"Connection: keep-alive\r\nx-amzn-RequestId: 3cf5a2a4-1111-2222-3333-444444444444\r\n"
)
EVENT = b"e" * 150
EVENTS = 200
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
PACED_EVENTS, FIRST, INTERVAL = 50, 0.24, 0.04


class Answers(asyncio.Protocol):
    """`/call`: one answer. `/burst`: 200 chunks at once. `/paced`: a chunk every 40 ms. `/silent`: a head only."""

    transport: asyncio.Transport
    pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pending += data
        while (end := self.pending.find(b"\r\n\r\n")) >= 0:
            head = self.pending[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r")[0] or 0)
            if len(self.pending) < end + 4 + length:
                return
            self.pending = self.pending[end + 4 + length :]
            self.answer(head.split(b" ", 2)[1])

    def answer(self, path: bytes) -> None:
        if path == b"/call":
            self.transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (HEAD, len(ANSWER), ANSWER))
            return
        self.transport.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        if path == b"/burst":
            self.transport.write(CHUNK * EVENTS + b"0\r\n\r\n")
        elif path == b"/paced":
            asyncio.get_running_loop().call_later(FIRST, self.pace, PACED_EVENTS)

    def pace(self, left: int) -> None:
        self.transport.write(CHUNK if left > 1 else CHUNK + b"0\r\n\r\n")
        if left > 1:
            asyncio.get_running_loop().call_later(INTERVAL, self.pace, left - 1)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# The clients: each sends one request and counts the bytes of the answer's body.

Call = Callable[[str], Awaitable[int]]
LIMITS = {"connect": 30.0, "read": 60.0, "write": 60.0, "pool": 60.0}


def make_clients() -> tuple[dict[str, Call], list[Callable[[], Awaitable[Any]]]]:
    import httpcore
    import httpx

    from bedrock_converse._http.pool import BODY as OUR_BODY
    from bedrock_converse._http.pool import Exchange, PoolTransport

    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
    client = httpx.AsyncClient(limits=limits, timeout=60, trust_env=False)
    stock = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
    ours = PoolTransport(max_connections=1000, trust_env=False)
    idle: list[httpcore.AsyncHTTPConnection] = []
    stream = httpx.ByteStream(BODY)
    urls: dict[str, httpx.URL] = {}
    headers: dict[str, httpx.Headers] = {}

    def request(url: str) -> httpx.Request:
        if url not in urls:
            urls[url] = httpx.URL(url)
            headers[url] = httpx.Headers(
                {"host": urls[url].netloc.decode(), **HEADERS, "content-length": str(len(BODY))}
            )
        return httpx.Request("POST", urls[url], headers=headers[url], stream=stream, extensions={"timeout": LIMITS})

    async def httpx_client(url: str) -> int:
        async with client.stream("POST", url, content=BODY, headers=HEADERS) as response:
            return sum([len(part) async for part in response.aiter_raw()])

    async def httpx_transport(url: str) -> int:
        response = await stock.handle_async_request(request(url))
        count = sum([len(part) async for part in response.stream])  # type: ignore[union-attr]
        await response.aclose()
        return count

    async def httpcore_connection(url: str) -> int:
        parsed = httpcore.URL(url)
        connection = idle.pop() if idle else httpcore.AsyncHTTPConnection(parsed.origin)
        response = await connection.handle_async_request(
            httpcore.Request(
                "POST", parsed, headers=request(url).headers.raw, content=stream, extensions={"timeout": LIMITS}
            )
        )
        count = sum([len(part) async for part in response.stream])  # type: ignore[union-attr]
        await response.aclose()
        idle.append(connection)
        return count

    async def ours_through_httpx(url: str) -> int:
        response = await ours.handle_async_request(request(url))
        return sum([len(part) async for part in response.extensions[OUR_BODY]])

    async def ours_direct(url: str) -> int:
        sent = request(url)
        answer = await ours.post(sent.url, dict(sent.headers), BODY, timeouts=LIMITS, exchange=Exchange())
        return sum([len(part) async for part in answer.body])

    async def close_idle() -> None:
        for connection in idle:
            await connection.aclose()

    clients: dict[str, Call] = {
        "httpx.AsyncClient": httpx_client,
        "httpx.AsyncHTTPTransport": httpx_transport,
        "httpcore.AsyncHTTPConnection, no pool": httpcore_connection,
        "PoolTransport.handle_async_request": ours_through_httpx,
        "PoolTransport.send": ours_direct,
    }
    return clients, [client.aclose, stock.aclose, ours.aclose, close_idle]


async def measure(call: Call, url: str, concurrency: int, total: int) -> float:
    """CPU microseconds per call."""
    each = max(1, total // concurrency)

    async def worker() -> None:
        for _ in range(each):
            await call(url)

    begin = time.process_time()
    await asyncio.gather(*[worker() for _ in range(concurrency)])
    return (time.process_time() - begin) / (each * concurrency) * 1e6


WORKLOADS: dict[str, list[tuple[str, str, int, int, int]]] = {
    # column, path, concurrency, calls per round, events per call
    "calls": [(f"{n} concurrent: µs per call", "call", n, 1000 if n == 1 else 2000, 1) for n in (1, 32, 200, 1000)],
    "burst": [("burst of 200, 8 streams: µs per event", "burst", 8, 160, EVENTS)],
    "paced": [("300 paced streams: µs per event", "paced", 300, 300, PACED_EVENTS)],
}


async def table(base: str, workloads: list[str], rounds: int) -> None:
    clients, closers = make_clients()
    columns = [column for name in workloads for column in WORKLOADS[name]]
    samples: dict[tuple[str, str], list[float]] = {}
    for column, path, concurrency, total, events in columns:
        for turn in range(rounds if path != "paced" else min(rounds, 3)):
            for name, call in clients.items():
                if concurrency == 1000 and name.startswith("httpx."):
                    continue
                if turn == 0 and path != "paced":
                    await measure(call, base + path, concurrency, concurrency)  # open the connections
                few = name.startswith("httpx.") and concurrency > 1  # they need milliseconds each
                cost = await measure(call, base + path, concurrency, total // 4 if few else total) / events
                samples.setdefault((name, column), []).append(cost)
    for close in closers:
        await close()
    print("| " + " | ".join(["CPU", *[column for column, *_ in columns]]) + " |")
    print("| --- |" + " ---: |" * len(columns))
    for name in clients:
        found = [samples.get((name, column)) for column, *_ in columns]
        cells = [f"{statistics.median(costs):.1f}" if costs else "-" for costs in found]
        print("| " + " | ".join([name, *cells]) + " |")


async def memory(base: str) -> None:
    """Resident bytes per open stream on which nothing happens."""
    import httpx

    from bedrock_converse._http.pool import Exchange, PoolTransport

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    transport = PoolTransport(max_connections=1000)
    answers: list[Any] = []

    async def hold(count: int) -> None:
        for _ in range(count):
            sent = httpx.Request("POST", base + "silent", content=BODY, headers=HEADERS)
            answers.append(await transport.post(sent.url, dict(sent.headers), BODY, timeouts={}, exchange=Exchange()))

    await hold(100)
    before = resident()
    await hold(800)
    print(f"one idle open stream: {(resident() - before) / 800 / 1024:.1f} KiB")
    await transport.aclose()


async def profile(base: str) -> None:
    import cProfile
    import pstats

    clients, closers = make_clients()
    call = clients["PoolTransport.send"]
    await measure(call, base + "call", 32, 320)
    profiler = cProfile.Profile()
    profiler.enable()
    await measure(call, base + "call", 32, 6400)
    profiler.disable()
    for close in closers:
        await close()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", default="all", choices=["all", *WORKLOADS, "memory", "profile", "serve"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.what == "serve":
        asyncio.run(serve())
        return
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        base = f"http://127.0.0.1:{int(server.stdout.readline())}/"
        if len(cores) > 1:
            os.sched_setaffinity(server.pid, {cores[0]})
            os.sched_setaffinity(0, {cores[-1]})
        if options.what in ("memory", "profile"):
            asyncio.run({"memory": memory, "profile": profile}[options.what](base))
        else:
            workloads = list(WORKLOADS) if options.what == "all" else [options.what]
            asyncio.run(table(base, workloads, options.rounds))
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
