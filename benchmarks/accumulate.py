"""Microseconds to put a reply together from its events: per event fed, per snapshot asked for.

python benchmarks/accumulate.py
"""

from __future__ import annotations

import json
import timeit
from typing import TYPE_CHECKING, Any

from bedrock_converse import types
from bedrock_converse._wire.accumulate import Accumulator

if TYPE_CHECKING:
    from collections.abc import Callable

PIECES = 1000


def delta(**piece: Any) -> types.ContentBlockDeltaEvent:
    return types.ContentBlockDeltaEvent.model_validate_json(json.dumps({"delta": piece, "contentBlockIndex": 0}))


text = [delta(text=" river") for _ in range(PIECES)]
tool = [delta(toolUse={"input": '"river",'}) for _ in range(PIECES)]
reasoning = [delta(reasoningContent={"text": " river"}) for _ in range(PIECES)]
stop = types.MessageStopEvent.model_validate_json('{"stopReason": "end_turn"}')
metadata = types.ConverseStreamMetadataEvent.model_validate_json(
    '{"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 4}}'
)


def fed(events: list[Any]) -> Accumulator:
    accumulator = Accumulator()
    feed = accumulator.feed
    for event in events:
        feed(event)
    return accumulator


def loop_alone(events: list[Any]) -> None:
    for _event in events:
        pass


def snapshot_after_each(events: list[Any]) -> None:
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
        _ = accumulator.response


def microseconds(function: Callable[[], object], calls: int) -> float:
    function()
    return min(timeit.repeat(function, number=calls, repeat=7)) / calls * 1e6


if __name__ == "__main__":
    loop = microseconds(lambda: loop_alone(text), 100) / PIECES
    for name, events in {"text": text, "tool input": tool, "reasoning": reasoning}.items():
        print(f"feed, {name:16} {microseconds(lambda: fed(events), 50) / PIECES - loop:6.3f} µs per delta")  # noqa: B023
    whole = fed([*text, stop, metadata])
    print(f"complete reply         {microseconds(lambda: whole.response, 2000):6.2f} µs per snapshot")
    each = microseconds(lambda: snapshot_after_each(text), 5) / PIECES
    print(f"a snapshot per delta   {each:6.2f} µs per delta")
