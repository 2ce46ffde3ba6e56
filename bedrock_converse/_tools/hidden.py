"""Values kept out of the locals of our frames: error trackers collect those, and show their reprs."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Hidden"]

T = TypeVar("T")


class Hidden(Generic[T]):
    """Holds a value, a prompt mostly, and does not show it."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value
