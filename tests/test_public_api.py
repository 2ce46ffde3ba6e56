"""The names of the package: sorted, there, documented, and no others."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

import bedrock_converse

NAMES: list[str] = list(getattr(bedrock_converse, "__all__", ()))


def test_all_is_sorted() -> None:
    """A reader finds a name where the alphabet puts it; none is there twice."""
    assert sorted(set(NAMES)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_name_is_there_and_documented(name: str) -> None:
    """Importable from the package; a class or function says what it is in words of its own."""
    value = getattr(bedrock_converse, name)
    if inspect.isclass(value):
        assert (vars(value).get("__doc__") or "").strip(), f"{name} has no docstring of its own"
    elif callable(value):
        assert (inspect.getdoc(value) or "").strip(), f"{name} has no docstring"


def test_no_public_name_is_left_out() -> None:
    """What can be reached without an underscore is in `__all__`, or is a module of ours."""
    reachable = {name for name, value in vars(bedrock_converse).items() if not isinstance(value, ModuleType)}
    assert {name for name in reachable if not name.startswith("_")} <= {*NAMES, "annotations", "TYPE_CHECKING"}


def test_dir_shows_every_name() -> None:
    """`dir()` and so every shell's completion knows the names, lazy or not."""
    assert set(NAMES) <= set(dir(bedrock_converse))
