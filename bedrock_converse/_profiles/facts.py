"""The form of a row of facts: which models, what is so, who says it, and when that was checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Row", "Source", "row"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact is from, so that a reader can check it again."""

    text: str
    """A page, a file of a public repository, or a recorded request and its answer."""
    checked: str
    """The day on which the source said so, as `YYYY-MM-DD`."""


@dataclass(frozen=True, slots=True)
class Row:
    """Facts about every model whose base id begins with one of the prefixes."""

    prefixes: tuple[str, ...]
    source: Source
    facts: Mapping[str, Any]


def row(prefixes: str, source: Source, **facts: Any) -> Row:
    """A row of the tables: prefixes separated by spaces, the source, and the fields of `Profile` that it sets."""
    return Row(tuple(prefixes.split()), source, facts)
