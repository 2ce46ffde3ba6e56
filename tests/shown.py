"""What crash reporters show of an error: the local variables of its frames, as `traceback`, rich and Sentry do."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Iterator, Mapping
from typing import Any, cast

__all__ = ["shown_by_crash_reports"]


def shown_by_crash_reports(error: BaseException) -> str:
    """Texts and frames of the error and of all that led to it; not the locals of the tests' own frames."""
    lines = traceback.format_exception(error)
    for story in stories(error):
        lines += [str(story), repr(story), *getattr(story, "__notes__", ())]
        at = story.__traceback__
        while at is not None:
            code = at.tb_frame.f_code
            if "/tests/" not in code.co_filename:
                for name, value in at.tb_frame.f_locals.items():
                    lines += [f"{code.co_qualname}: {name} = {text}" for text in parts(value)]
            at = at.tb_next
    return "\n".join(lines)


def stories(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            pending += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]
            yield current


def parts(value: Any, depth: int = 6) -> Iterator[str]:
    """The `repr`, and what is inside: Sentry walks containers, whatever their class, rich walks dataclasses too."""
    yield repr(value)
    if not depth or isinstance(value, type):
        return
    inside: list[Any] = []
    if isinstance(value, Mapping):
        inside = [*cast("Mapping[Any, Any]", value).items()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inside = [*cast("list[Any]", value)]
    elif dataclasses.is_dataclass(value):
        inside = [getattr(value, field.name, None) for field in dataclasses.fields(value) if field.repr]
    elif hasattr(value, "__rich_repr__"):
        inside = [*value.__rich_repr__()]
    for item in inside:
        yield from parts(item, depth - 1)
