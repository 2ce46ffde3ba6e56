"""Runs one workload with one client, in the client's own environment, and prints its figures as JSON.

    python worker.py CLIENT URL KIND SIZE [--profile]

With `--profile` the work is ten times as long, and the figures have the shares of its CPU time by layer.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from typing import Any

from clients import CLIENTS, Client
from meter import Meter, Sampler, cpu

EVENTS_OF_A_BURST, EVENTS_OF_A_PACED_STREAM = 204, 54
"""With their first and their last three, as the server sends them."""
longer = 1


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


async def calls(client: Client, concurrency: int, meter: Meter) -> dict[str, float]:
    """Over warm connections."""
    each = max(1200, concurrency * 4) // concurrency * longer

    async def caller(count: int) -> None:
        for _ in range(count):
            await client.call("call")

    await asyncio.gather(*(caller(2) for _ in range(concurrency)))
    with meter:
        await asyncio.gather(*(caller(each) for _ in range(concurrency)))
    return {"call_us": meter.seconds / (each * concurrency) * 1e6}


async def first_calls(client: Client, concurrency: int, meter: Meter) -> dict[str, float]:
    """All at once by a client that has made one; the server is slow to answer, so each call opens a connection."""
    await client.call("call")
    with meter:
        await asyncio.gather(*(client.call("slow") for _ in range(concurrency)))
    return {"call_us": meter.seconds / concurrency * 1e6}


async def burst(client: Client, streams: int, meter: Meter) -> dict[str, float]:
    rounds = 6 * longer

    async def reader(count: int) -> None:
        for _ in range(count):
            async for _ in client.stream("burst"):
                pass

    await asyncio.gather(*(reader(1) for _ in range(streams)))
    with meter:
        await asyncio.gather(*(reader(rounds) for _ in range(streams)))
    return {"event_us": meter.seconds / (streams * rounds * EVENTS_OF_A_BURST) * 1e6}


async def paced(client: Client, streams: int, meter: Meter) -> dict[str, float]:
    whole: list[float] = []
    first: list[float] = []
    lags: list[float] = []

    async def reader() -> None:
        began = time.perf_counter()
        seen = False
        async for _ in client.stream("paced"):
            if not seen:
                first.append(time.perf_counter() - began)
                seen = True
        whole.append(time.perf_counter() - began)

    async def heartbeat() -> None:
        while True:
            due = time.perf_counter() + 0.01
            await asyncio.sleep(0.01)
            lags.append(time.perf_counter() - due)

    await asyncio.gather(*(client.call("call") for _ in range(8)))
    heart = asyncio.create_task(heartbeat())
    with meter:
        for _ in range(longer):
            await asyncio.gather(*(reader() for _ in range(streams)))
    heart.cancel()
    return {
        "event_us": meter.seconds / (streams * longer * EVENTS_OF_A_PACED_STREAM) * 1e6,
        "whole_p50": percentile(whole, 50),
        "whole_p99": percentile(whole, 99),
        "first_p50": percentile(first, 50),
        "first_p99": percentile(first, 99),
        "lag_p99": percentile(lags, 99) * 1e3,
    }


async def memory(client: Client, streams: int, _: Meter) -> dict[str, float]:
    streams = min(streams, client.most_streams - 10)
    held: list[Any] = []

    async def hold() -> None:
        stream = client.stream("idle")
        await anext(stream)
        held.append(stream)

    await asyncio.gather(*(hold() for _ in range(10)))
    before = resident()
    await asyncio.gather(*(hold() for _ in range(streams)))
    print(json.dumps({"stream_kib": (resident() - before) / streams / 1024}), flush=True)
    os._exit(0)  # closing so many streams is no part of it


async def cold(client: Client, _: int, meter: Meter) -> dict[str, float]:
    """All that the process has used, from its start; and the client's part of it."""
    with meter:
        await client.open()
        await client.call("call")
    return {"cold_s": cpu(), "start_us": meter.seconds * 1e6}


KINDS = {"calls": calls, "first": first_calls, "burst": burst, "paced": paced, "memory": memory, "cold": cold}


async def main(name: str, url: str, kind: str, size: int, meter: Meter) -> dict[str, Any]:
    client = CLIENTS[name](url, max(size, 10) + 16, held=kind in ("first", "paced", "memory"))
    if kind != "cold":
        await client.open()
    figures = await KINDS[kind](client, size, meter)
    await client.close()
    return figures


if __name__ == "__main__":
    name, url, kind, size, *options = sys.argv[1:]
    if options == ["--profile"]:
        longer = 10
        sampler = Sampler()
        print(json.dumps({**asyncio.run(main(name, url, kind, int(size), sampler)), "layers": sampler.shares()}))
    else:
        print(json.dumps(asyncio.run(main(name, url, kind, int(size), Meter()))))
