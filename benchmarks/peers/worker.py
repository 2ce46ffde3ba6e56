"""Runs one workload with one client, in the client's own environment, and prints its figures as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import sys
import time
from typing import Any

from clients import CLIENTS, Client


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


async def calls(client: Client, concurrency: int, total: int) -> dict[str, Any]:
    async def caller(count: int) -> None:
        for _ in range(count):
            await client.call("call")

    await asyncio.gather(*(caller(2) for _ in range(concurrency)))
    began = cpu()
    await asyncio.gather(*(caller(total // concurrency) for _ in range(concurrency)))
    return {"call_us": (cpu() - began) / (total // concurrency * concurrency) * 1e6}


async def burst(client: Client, streams: int, rounds: int) -> dict[str, Any]:
    async def reader(count: int) -> None:
        for _ in range(count):
            async for _ in client.stream("burst"):
                pass

    await asyncio.gather(*(reader(1) for _ in range(streams)))
    began = cpu()
    await asyncio.gather(*(reader(rounds) for _ in range(streams)))
    return {"event_us": (cpu() - began) / (streams * rounds * 204) * 1e6}


async def paced(client: Client, streams: int) -> dict[str, Any]:
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
    began = cpu()
    await asyncio.gather(*(reader() for _ in range(streams)))
    used = cpu() - began
    heart.cancel()
    return {
        "event_us": used / (streams * 54) * 1e6,
        "whole_p50": statistics.median(whole),
        "whole_p99": sorted(whole)[int(len(whole) * 0.99)],
        "first_p99": sorted(first)[int(len(first) * 0.99)],
        "lag_p99_ms": sorted(lags)[int(len(lags) * 0.99)] * 1e3,
    }


async def memory(client: Client, streams: int) -> dict[str, Any]:
    held: list[Any] = []

    async def hold() -> None:
        stream = client.stream("idle")
        await anext(stream)
        held.append(stream)

    await asyncio.gather(*(hold() for _ in range(10)))
    before = resident()
    await asyncio.gather(*(hold() for _ in range(streams)))
    figure = (resident() - before) / streams / 1024
    print(json.dumps({"stream_kib": figure}), flush=True)
    os._exit(0)  # closing so many streams is no part of it


async def main(name: str, url: str, workload: str, size: int) -> None:
    began = cpu()
    client = CLIENTS[name][0](url, max(size, 10) + 16)
    await client.open()
    if workload == "cold":
        await client.call("call")
        print(json.dumps({"cold_s": cpu()}))
    elif workload == "calls":
        print(json.dumps(await calls(client, size, max(1200, size * 4))))
    elif workload == "burst":
        print(json.dumps(await burst(client, size, 6)))
    elif workload == "paced":
        print(json.dumps(await paced(client, size)))
    elif workload == "memory":
        print(json.dumps(await memory(client, size)))
    assert began >= 0
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
