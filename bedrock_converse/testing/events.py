"""From a whole reply to the events that a stream of it has, as observed on the real wire.

messageStart
contentBlockStart        for tool calls, tool results and images only
contentBlockDelta ...    text, reasoning and citations begin with one of these
contentBlockStop
messageStop
metadata
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bedrock_converse.testing.plan import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

__all__ = ["PADDING", "Event", "compact", "count_tokens", "pad", "split_text", "stream_events"]

PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""What AWS pads each event with, in a key `p`, so that the length of a frame does not betray its text."""

_TOKEN = re.compile(r"\s*\w{1,7}|\s*[^\w\s]|\s+")

Event = tuple[str, dict[str, Any], float]
"""The event's type, its JSON and the tokens in it."""


def count_tokens(text: str) -> int:
    """A rough count, as good as any for a model that does not exist: words and pieces of words, and signs."""
    return len(_TOKEN.findall(text))


def compact(value: Mapping[str, Any]) -> bytes:
    """JSON as AWS writes it, without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def split_text(text: str, random: Random) -> Iterator[str]:
    """The text in deltas of one to four tokens; every character is in one of them."""
    tokens = _TOKEN.findall(text)
    start = 0
    while start < len(tokens):
        end = start + random.choice((1, 1, 1, 2, 2, 3, 4))
        yield "".join(tokens[start:end])
        start = end


def pad(event: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """The event with its padding."""
    return {**event, "p": PADDING[: random.randint(2, len(PADDING))]}


def stream_events(response: Mapping[str, Any], random: Random) -> Iterator[Event]:
    """The events of a `ConverseResponse` in wire JSON.

    Raises:
        ScriptError: it has a block that streams cannot carry.
    """
    message = response["output"]["message"]
    yield "messageStart", {"role": message["role"]}, 0
    for index, block in enumerate(message["content"]):
        [(tag, value)] = block.items()
        if tag not in _BLOCKS:
            raise ScriptError(f"a {tag} block cannot be streamed; script the events themselves with events(...)")
        for event_type, member, tokens in _BLOCKS[tag](value, random):
            yield event_type, {**member, "contentBlockIndex": index}, tokens
        yield "contentBlockStop", {"contentBlockIndex": index}, 0
    stop = {"stopReason": response["stopReason"]}
    if "additionalModelResponseFields" in response:
        stop["additionalModelResponseFields"] = response["additionalModelResponseFields"]
    yield "messageStop", stop, 0
    members = ("usage", "metrics", "trace", "performanceConfig", "serviceTier")
    metadata = {name: response[name] for name in members if response.get(name) is not None}
    if metadata:
        yield "metadata", metadata, 0


def _delta(delta: dict[str, Any], tokens: float = 0) -> Event:
    return "contentBlockDelta", {"delta": delta}, tokens


def _text(text: str, random: Random) -> Iterator[Event]:
    for piece in split_text(text, random) if text else [""]:
        yield _delta({"text": piece}, count_tokens(piece))


def _tool_use(block: Mapping[str, Any], random: Random) -> Iterator[Event]:
    start = {name: value for name, value in block.items() if name != "input"}
    yield "contentBlockStart", {"start": {"toolUse": start}}, 0
    yield _delta({"toolUse": {"input": ""}})  # observed: the first one is empty
    if block["input"] != {}:
        for piece in split_text(json.dumps(block["input"]), random):
            yield _delta({"toolUse": {"input": piece}}, count_tokens(piece))


def _tool_result(block: Mapping[str, Any], random: Random) -> Iterator[Event]:
    start = {name: value for name, value in block.items() if name != "content"}
    yield "contentBlockStart", {"start": {"toolResult": start}}, 0
    for piece in block["content"]:
        yield _delta({"toolResult": [piece]})


def _reasoning(block: Mapping[str, Any], random: Random) -> Iterator[Event]:
    if "reasoningText" not in block:
        yield _delta({"reasoningContent": dict(block)}, 1)
        return
    thought = block["reasoningText"]
    for piece in split_text(thought["text"], random):
        yield _delta({"reasoningContent": {"text": piece}}, count_tokens(piece))
    if thought.get("signature") is not None:
        yield _delta({"reasoningContent": {"signature": thought["signature"]}})


def _citations(block: Mapping[str, Any], random: Random) -> Iterator[Event]:
    for part in block.get("content") or ():
        yield from _text(part["text"], random)
    for citation in block.get("citations") or ():
        yield _delta({"citation": citation})


def _image(block: Mapping[str, Any], random: Random) -> Iterator[Event]:
    yield "contentBlockStart", {"start": {"image": {"format": block["format"]}}}, 0
    rest = {name: value for name, value in block.items() if name != "format"}
    yield _delta({"image": rest})


_BLOCKS = {
    "text": _text,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning,
    "citationsContent": _citations,
    "image": _image,
}
