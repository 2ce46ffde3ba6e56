"""Names of a package that are imported when somebody asks for them (PEP 562): what a first call does not need.

A pydantic class costs as much as importing a small module, and the types are 150 of them. Nobody can tell the
difference: `from package import name`, `dir()`, `help()` and pickle work as ever, and type checkers read the imports
that stand under TYPE_CHECKING.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["later"]


def later(package: str, *modules: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package whose `__all__` has the names of these modules of its own, too.

    A name is looked for in one module after the other, each imported when its turn comes: so the commonest stand first.
    """
    space = vars(sys.modules[package])

    def find(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name in space.get("__all__", ()):
            for module in modules:
                found = import_module(f"{package}.{module}")
                if name in found.__all__:
                    return space.setdefault(name, getattr(found, name))
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted({*space, *space["__all__"]})

    return find, names
