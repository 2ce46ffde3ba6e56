"""A Bedrock of ready-made answers: as little work per request as a loopback server can do.

The model id in the path names the workload: `call` (a whole answer), `slow` (the same after a second), `burst` (200
text events in one go), `paced` (50 events, the first after 240 ms, then one every 40 ms), `idle` (one event, then
silence).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys

from bedrock_converse._wire.eventstream import encode_event

PACED_EVENTS, FIRST, INTERVAL, BURST, SLOW = 50, 0.24, 0.04, 200, 1.0

USAGE = {"inputTokens": 12, "outputTokens": 200, "totalTokens": 212}
ANSWER = json.dumps(
    {
        "metrics": {"latencyMs": 434},
        "output": {"message": {"content": [{"text": "The Danube. " * 25}], "role": "assistant"}},
        "stopReason": "end_turn",
        "usage": {**USAGE, "serverToolUsage": {}},
    }
).encode()
COMMON = b"date: Sun, 22 Nov 2026 12:00:00 GMT\r\nx-amzn-requestid: 3cf5a2a4-1111-2222-3333-444444444444\r\n"
UNARY = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(ANSWER)
    + COMMON
    + b"\r\n"
    + ANSWER
)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n"
    + COMMON
    + b"\r\n"
)


def event(name: str, members: object) -> bytes:
    return encode_event(name, json.dumps(members, separators=(",", ":")).encode())


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


START = event("messageStart", {"role": "assistant", "p": "abcdefgh"})
DELTAS = [
    event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": " token"}, "p": "abcdefghijklmnop"[: n % 16]})
    for n in range(BURST)
]
END = b"".join(
    [
        event("contentBlockStop", {"contentBlockIndex": 0, "p": "abc"}),
        event("messageStop", {"stopReason": "end_turn", "p": "abcd"}),
        event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 2300}, "p": "ab"}),
    ]
)
BURST_ANSWER = STREAM_HEAD + b"".join(map(chunk, [START, *DELTAS, END])) + b"0\r\n\r\n"
PIECES = [chunk(delta) for delta in DELTAS[:PACED_EVENTS]]


class Bedrock(asyncio.Protocol):
    transport: asyncio.Transport
    pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pending += data
        head, end, body = self.pending.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return
        self.pending = body[length:]
        path = head.split(b" ", 2)[1]
        if b"/burst" in path:
            self.transport.write(BURST_ANSWER)
        elif b"/paced" in path:
            asyncio.get_running_loop().call_later(FIRST, self.pace, 0)
        elif b"/slow" in path:
            asyncio.get_running_loop().call_later(SLOW, self.transport.write, UNARY)
        elif b"/idle" in path:
            self.transport.write(STREAM_HEAD + chunk(START + DELTAS[0]))
        else:
            self.transport.write(UNARY)

    def pace(self, number: int) -> None:
        if self.transport.is_closing():
            return
        if number == 0:
            self.transport.write(STREAM_HEAD + chunk(START) + PIECES[0])
        elif number < PACED_EVENTS:
            self.transport.write(PIECES[number])
        else:
            self.transport.write(chunk(END) + b"0\r\n\r\n")
            return
        asyncio.get_running_loop().call_later(INTERVAL, self.pace, number + 1)


async def main(certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(Bedrock, "127.0.0.1", 0, backlog=4096, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the benchmark ends


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
