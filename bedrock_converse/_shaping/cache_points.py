"""Where AWS takes a cache point among the blocks of a message, and how one that stands elsewhere gets there.

Refused, each with a 400 (seen on Claude; the sources are public issue threads):

* first in a message: "There is nothing available to cache" (strands harness-sdk #3677, live, 2026-08-07);
* right after a document or a video: "content.N.type: Field required" (strands #1966, 2026-03-24; pydantic-ai #4207).
  After a PDF it was seen accepted (strands #3677) and refused (aws-samples client #119), so that counts as refused;
  audio was not seen, and is taken to be like video;
* right after reasoning: "Cache point cannot be inserted after reasoning block" (opencode #36517, 2026-07-12);
* inside a tool result (Portkey gateway #1762).

After text, pictures, tool calls and tool results it was recorded with a 200 (2026-08-23).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MAX_POINTS", "place_for", "settle"]

MAX_POINTS = 4
"""Cache points in a request: AWS refuses a fifth."""

NOT_AFTER = frozenset({"document", "video", "audio", "reasoningContent", "cachePoint"})

T = TypeVar("T")


def place_for(items: Sequence[T], kind: Callable[[T], str], latest: int | None = None) -> int | None:
    """The last index (up to `latest`) at which a cache point may be inserted; None when there is none."""
    for index in range(len(items) if latest is None else latest, 0, -1):
        if kind(items[index - 1]) not in NOT_AFTER:
            return index
    return None


def settle(items: Sequence[T], kind: Callable[[T], str]) -> list[T]:
    """The blocks of a message with every cache point where AWS takes it.

    A misplaced point moves back before what it may not follow (that is cached from the next turn on, when a later point
    stands behind it); with nothing before that, it moves on behind the next block that it may follow. A point that
    finds no place of its own, or would stand beside another, goes. The other blocks stay in their order.
    """
    rest = [item for item in items if kind(item) != "cachePoint"]
    if len(rest) == len(items):
        return rest
    taken: dict[int, T] = {}
    passed = 0
    for item in items:
        if kind(item) != "cachePoint":
            passed += 1
            continue
        place = place_for(rest, kind, passed)
        if place is None:
            later = (index for index in range(passed + 1, len(rest) + 1) if kind(rest[index - 1]) not in NOT_AFTER)
            place = next(later, None)
        if place is not None:
            taken.setdefault(place, item)
    settled: list[T] = []
    for index, item in enumerate(rest, 1):
        settled.append(item)
        if index in taken:
            settled.append(taken[index])
    return settled
