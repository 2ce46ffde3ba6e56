"""What a request costs to write, a reply to read and an event to decode, beside botocore's serializer and parsers.

    python benchmarks/codec.py

CPU time, best of several rounds: read the ratios, not the digits. botocore's figures are for its serializer and parsers
alone, without the validation and the handlers that run around them in boto3.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.eventstream import EventStream
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from bedrock_converse._wire.accumulate import Accumulator
from bedrock_converse._wire.deserialize import parse_event, parse_response
from bedrock_converse._wire.eventstream import FrameDecoder, encode_event
from bedrock_converse._wire.operations import OPERATIONS
from bedrock_converse._wire.serialize import serialize
from bedrock_converse._wire.soundness import spend_model
from bedrock_converse.types import ConverseRequest

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime")
SERIALIZER = create_serializer("rest-json", False)
PARSER = create_parser("rest-json")
CONVERSE, STREAM = OPERATIONS["Converse"], OPERATIONS["ConverseStream"]
FRAMES = 20_000

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city"}, "days": {"type": "integer"}},
    "required": ["city"],
}


def arguments() -> dict[str, Any]:
    """boto3's arguments for a conversation of ten messages with three tools."""
    messages: list[dict[str, Any]] = []
    for turn in range(5):
        call = {"toolUse": {"toolUseId": f"tooluse_{turn}", "name": "tool1", "input": {"city": "Paris", "days": turn}}}
        messages.append({"role": "user", "content": [{"text": "What is the weather like in Paris tomorrow? " * 5}]})
        messages.append({"role": "assistant", "content": [{"text": "I shall have a look. " * 20}, call]})
    tools = [
        {"toolSpec": {"name": f"tool{number}", "description": "Looks it up", "inputSchema": {"json": SCHEMA}}}
        for number in range(3)
    ]
    return {
        "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "messages": messages,
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 300, "temperature": 0.5},
        "toolConfig": {"tools": tools},
    }


REPLY = json.dumps(
    {
        "metrics": {"latencyMs": 1303},
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": "Let me look that up for you. " * 10},
                    {"toolUse": {"toolUseId": "tooluse_1", "name": "tool1", "input": {"city": "Paris", "days": 2}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 1200, "outputTokens": 90, "totalTokens": 1290, "cacheReadInputTokens": 0},
    }
).encode()


def delta(number: int) -> bytes:
    padding = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[: number * 7 % 52]
    payload = {"contentBlockIndex": 0, "delta": {"text": f"word {number} "}, "p": padding}
    return encode_event("contentBlockDelta", json.dumps(payload, separators=(",", ":")).encode())


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def our_events(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    for chunk in chunks:
        decoder.receive_data(chunk)
        while (frame := decoder.next_frame()) is not None:
            parse_event(STREAM, frame)


def our_replies(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    accumulator = Accumulator()
    for chunk in chunks:
        decoder.receive_data(chunk)
        while (frame := decoder.next_frame()) is not None:
            accumulator.feed(parse_event(STREAM, frame))  # type: ignore[arg-type]
    assert accumulator.response.content


class _Chunks:
    """What botocore's `EventStream` reads from."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def stream(self) -> list[bytes]:
        return self._chunks


def botocores_events(chunks: list[bytes]) -> None:
    shape = SERVICE.operation_model("ConverseStream").get_event_stream_output()
    for _ in EventStream(_Chunks(chunks), shape, PARSER._event_stream_parser, "ConverseStream"):
        pass


def microseconds(work: Callable[[], object], count: int, rounds: int = 7) -> float:
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(count):
            work()
        best = min(best, time.process_time() - started)
    return best / count * 1e6


def show(title: str, ours: float, theirs: float | None = None) -> None:
    other = f"{theirs:>11.1f}{theirs / ours:>8.1f}" if theirs else ""
    print(f"{title:<52}{ours:>9.1f}{other}")


def main() -> None:
    print(f"{'µs':<52}{'ours':>9}{'botocore':>11}{'ratio':>8}")
    given = arguments()
    request = ConverseRequest.model_validate(given)
    model = SERVICE.operation_model("Converse")
    show(
        "request of 10 messages, 3 tools: serialize",
        microseconds(lambda: serialize(request), 1000),
        microseconds(lambda: SERIALIZER.serialize_to_request(given, model), 200),
    )
    show("  of this, the look at its soundness", microseconds(lambda: spend_model(request), 1000))
    show("  before it, from boto3's dicts to models", microseconds(lambda: ConverseRequest.model_validate(given), 500))
    answer = {"status_code": 200, "headers": {}, "body": REPLY}
    show(
        "reply with text and a tool call: parse",
        microseconds(lambda: parse_response(CONVERSE, 200, {}, REPLY), 3000),
        microseconds(lambda: PARSER.parse(answer, model.output_shape), 500),
    )
    chunks = [delta(number) for number in range(FRAMES)]
    for title, cut in (("one a chunk", chunks), ("chunks of 16 KiB", in_pieces(b"".join(chunks), 16384))):
        theirs = microseconds(lambda cut=cut: botocores_events(cut), 1, 3) / FRAMES
        ours = microseconds(lambda cut=cut: our_events(cut), 1) / FRAMES
        show(f"text delta, bytes to typed event, {title}", ours, theirs)
    show("  and added to the reply", microseconds(lambda: our_replies(chunks), 1) / FRAMES)


if __name__ == "__main__":
    main()
