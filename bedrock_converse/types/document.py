"""JSON that belongs to the user: tool input, JSON schemas, additional request fields. Checked, and never changed."""

from __future__ import annotations

from math import isfinite
from typing import Any

_ATOMS = frozenset({int, bool, type(None)})
MAX_DEPTH = 200  # pydantic-core serializes 255 levels, the request's own included
ITEM = 64
"""What an item costs besides its characters, in characters: many small ones take longer than their length tells."""
UNLIMITED = 1 << 60


class NotJson(ValueError):  # noqa: N818 - never leaves the package: the serializer turns it into RequestInvalid
    """A value that JSON cannot hold. `path` is relative to the document."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or 'the value'}: {problem}")
        self.path = path
        self.problem = problem

    def within(self, place: str) -> NotJson:
        """The same, seen from the container that has it at `place`: a key, or an index in brackets."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        return NotJson(f"{place}{dot}{self.path}", self.problem)


def check_json(value: Any) -> Any:
    """Returns `value` itself if JSON can hold it as it is.

    Raises:
        NotJson: for NaN and infinities, for types that JSON does not have (tuples, sets, bytes, dates, models), for
            keys that are not `str`, for cycles and for more than 200 levels. Nothing is ever coerced.
    """
    spend(value, UNLIMITED)
    return value


def spend(value: Any, budget: int, depth: int = 0) -> int:
    """What is left of `budget`, in characters, when `value` has been written as JSON; below zero: it is too much.

    An estimate that takes keys for short. The check of `check_json` on the way; but once it is known to be too much,
    the rest is not looked at.
    """
    # The path is put together on the way out of an error: most documents have none, and some have a million items.
    if depth > MAX_DEPTH:
        raise NotJson("", f"is nested more than {MAX_DEPTH} levels deep, or contains itself")
    budget -= ITEM
    content = value
    named = isinstance(value, dict)
    if named or isinstance(value, list):
        for place, item in content.items() if named else enumerate(content):
            if named and not isinstance(place, str):
                raise NotJson("", f"has a key of type {type(place).__name__}; JSON keys are str")
            kind = type(item)  # pyright: ignore[reportUnknownVariableType]  # it may be anything
            if kind is str:
                budget -= ITEM + len(item)
            elif kind in _ATOMS:
                budget -= ITEM
            else:
                try:
                    budget = spend(item, budget, depth + 1)
                except NotJson as error:
                    raise error.within(f"{place}" if named else f"[{place}]") from None
            if budget < 0:
                break
    elif isinstance(value, str):
        return budget - len(value)
    elif isinstance(value, float):
        if not isfinite(value):
            raise NotJson("", f"is {value}, which JSON cannot hold; use None or a str")
    elif value is not None and not isinstance(value, int):
        name = type(value).__name__
        hint = "; use a list" if name in ("tuple", "set", "frozenset") else ""
        raise NotJson("", f"is a {name}, which JSON does not have{hint}")
    return budget


def is_large(value: Any, budget: int) -> bool:
    """Whether writing it would take more than `budget`. What is no JSON is not large: it will be refused."""
    try:
        return spend(value, budget) < 0
    except NotJson:
        return False
