"""JSON that belongs to the user: tool input, JSON schemas, additional request fields. Checked, and never changed."""

from __future__ import annotations

from math import isfinite
from typing import Any

_ATOMS = frozenset({str, int, bool, type(None)})
MAX_DEPTH = 200  # pydantic-core serializes 255 levels, the request's own included


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
    if type(value) not in _ATOMS:
        _check(value, 0)
    return value


def _check(value: Any, depth: int) -> None:
    # The path is put together on the way out of an error: most documents have none, and some have a million items.
    if depth > MAX_DEPTH:
        raise NotJson("", f"is nested more than {MAX_DEPTH} levels deep, or contains itself")
    container = value
    if isinstance(value, dict):
        for key, item in container.items():
            if not isinstance(key, str):
                raise NotJson("", f"has a key of type {type(key).__name__}; JSON keys are str")
            if type(item) not in _ATOMS:
                try:
                    _check(item, depth + 1)
                except NotJson as error:
                    raise error.within(key) from None
    elif isinstance(value, list):
        for index, item in enumerate(container):
            if type(item) not in _ATOMS:
                try:
                    _check(item, depth + 1)
                except NotJson as error:
                    raise error.within(f"[{index}]") from None
    elif isinstance(value, float):
        if not isfinite(value):
            raise NotJson("", f"is {value}, which JSON cannot hold; use None or a str")
    elif not isinstance(value, str | int):
        kind = type(value).__name__
        hint = "; use a list" if kind in ("tuple", "set", "frozenset") else ""
        raise NotJson("", f"is a {kind}, which JSON does not have{hint}")
