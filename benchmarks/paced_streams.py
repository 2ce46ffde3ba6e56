"""How well one server process keeps the pace of many streams at once: the drift of each stream, in percent.

python benchmarks/paced_streams.py [streams] [tokens per second]

`python -m bedrock_converse serve` runs in a process of its own; a bare client reads from it. Each stream is 5 s long.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import time

SECONDS = 5.0


async def read_stream(port: int, tokens: int) -> float:
    """Seconds from the request to the last byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"messages":[{"role":"user","content":[{"text":"Go."}]}],"inferenceConfig":{"maxTokens":%d}}' % tokens
    head = b"POST /model/lorem/converse-stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    started = time.perf_counter()
    writer.write(head + body)
    last = b""
    while not last.endswith(b"0\r\n\r\n"):
        piece = await reader.read(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        last = (last + piece)[-5:]
    writer.close()
    return time.perf_counter() - started


async def measure(port: int, streams: int, rate: float) -> list[float]:
    """The drift of each stream, in percent of what a single one takes."""
    tokens = round(SECONDS * rate)
    alone = await read_stream(port, tokens)
    times = await asyncio.gather(*(read_stream(port, tokens) for _ in range(streams)))
    return sorted((taken / alone - 1) * 100 for taken in times)


def main() -> None:
    """Print the median, the 99th percentile and the worst."""
    streams = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < 0 else min(hard, 65536), hard))
    command = [sys.executable, "-m", "bedrock_converse", "serve", "--port", "0", "--tps", str(rate), "--ttft", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split(" listens at ")[1].split()[0]
            drift = asyncio.run(measure(int(url.rpartition(":")[2]), streams, rate))
        finally:
            server.terminate()
    worst = drift[int(len(drift) * 0.99)]
    print(f"{streams} streams of {rate:g} tokens/s for {SECONDS:g} s: drift median {statistics.median(drift):.1f} %,")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    print(f"99th percentile {worst:.1f} %, worst {drift[-1]:.1f} %; the server used {cpu:.1f} s of CPU")


if __name__ == "__main__":
    main()
