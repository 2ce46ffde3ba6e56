"""What a docstring says about a function and its parameters, in the three styles that people write."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["parse_docstring"]

_ARGUMENTS = {"args", "arguments", "parameters", "params", "keyword args", "keyword arguments", "other parameters"}
_OTHERS = {
    *("returns", "return", "yields", "yield", "raises", "example", "examples", "note", "notes", "warning", "warnings"),
    *("attributes", "references", "see also", "todo", "warns", "receives"),
}
_UNDERLINE = re.compile(r"-{3,}\s*$")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?::.*)?$")
_SPHINX_ENTRY = re.compile(r":(?:param|parameter|arg|argument|key)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_SPHINX_FIELD = re.compile(r":\w+(?:\s[^:]*)?:")


def parse_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """What the function does (all before the first section), and what each parameter means.

    Google (`Args:`), NumPy (`Parameters` underlined) and Sphinx (`:param name:`) are read.
    """
    lines = inspect.cleandoc(text or "").splitlines()
    intro: list[str] = []
    entries: list[tuple[re.Pattern[str], list[str]]] = []
    current = intro
    skip = False
    for index, line in enumerate(lines):
        if skip:
            skip = False
            continue
        following = lines[index + 1] if index + 1 < len(lines) else ""
        title = line.strip().rstrip(":").lower()
        underlined = _UNDERLINE.match(following.strip()) is not None
        if title in _ARGUMENTS | _OTHERS and not line[:1].isspace() and (underlined or line.rstrip().endswith(":")):
            current = list[str]()
            if title in _ARGUMENTS:
                entries.append((_NUMPY_ENTRY if underlined else _GOOGLE_ENTRY, current))
            skip = underlined
        elif _SPHINX_FIELD.match(line):
            current = [line]
            entries.append((_SPHINX_ENTRY, current))
        else:
            current.append(line)
    described: dict[str, str] = {}
    for pattern, body in entries:
        described |= _entries(pattern, body)
    return "\n".join(intro).strip(), described


def _entries(pattern: re.Pattern[str], lines: Iterable[str]) -> dict[str, str]:
    """A section's entries: each begins at the section's own margin, and what is indented more belongs to it."""
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc("\n" + "\n".join(lines)).splitlines():
        entry = None if line[:1].isspace() else pattern.match(line)
        if entry:
            name, found[entry[1]] = entry[1], entry[2] if entry.lastindex == 2 else ""
        elif name and line[:1].isspace():
            found[name] = f"{found[name]} {line.strip()}".strip()
        elif line.strip():
            name = ""
    return {name: text for name, text in found.items() if text}
