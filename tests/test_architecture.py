"""The package's imports go one way, and each folder keeps to its own third parties.

Read from the source: an import counts wherever it stands, at the top, in a function, under TYPE_CHECKING, or as
`import_module("name")`.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[1] / "bedrock_converse"
BASE = {"_later", "_loop", "_version", "errors", "observe", "types"}
ENGINE = BASE | {"_aws", "_http", "_wire"}
CLIENT = ENGINE | {"client", "stream"}
TOP = {"__main__", "cli", "integrations"}
FEATURES = {path.stem for path in PACKAGE.glob("*") if path.stem not in {*CLIENT, *TOP, "__init__", "testing", "py"}}
MAY_IMPORT = {
    **dict.fromkeys(BASE, BASE),
    "_wire": BASE | {"_wire"},
    "_aws": BASE | {"_aws"},
    "_http": ENGINE,
    "client": CLIENT,
    "stream": CLIENT,
    **dict.fromkeys(FEATURES, CLIENT | FEATURES),
    "__init__": CLIENT | FEATURES,
    **dict.fromkeys(TOP, CLIENT | FEATURES | TOP | {"__init__"}),
    "cli": CLIENT | FEATURES | {"__init__", "cli", "testing"},  # `serve` is the testing kit's server
    "testing": ENGINE | {"testing"},
}
TESTING_ABOVE_THE_CLIENT = {"testing/plugin_module.py", "testing/pytest_plugin.py", "testing/recording.py"}
THIRD_PARTIES = {
    **{part: set[str]() for part in BASE - {"types"}},
    "_loop": {"anyio"},
    "types": {"pydantic", "pydantic_core"},
    "_wire": {"pydantic", "pydantic_core"},
    "_aws": {"anyio", "botocore"},
    "_http": {"anyio", "certifi", "httpcore", "httpx", "trio"},
    "client": {"anyio", "httpx"},
    "testing": {"anyio", "h11", "httpcore", "httpx", "pydantic", "pydantic_core", "pytest", "trio"},
    "usage": {"genai_prices", "pydantic"},
}
BY_DEFAULT = {"anyio", "pydantic", "pydantic_core"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names that the source imports."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module="bedrock_converse", names=names):
                yield from (f"bedrock_converse.{name.name}" for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.ImportFrom():
                raise AssertionError(f"line {node.lineno}: a relative import")
            case ast.Call(func=ast.Name("import_module"), args=[ast.Constant(str(module)), *_]):
                yield module
            case _:
                pass


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    """Only what lies below, and only the third parties of its folder."""
    inside = path.relative_to(PACKAGE)
    part = inside.parts[0].removesuffix(".py")
    ours = MAY_IMPORT[part] | (CLIENT | {"__init__"} if inside.as_posix() in TESTING_ABOVE_THE_CLIENT else set())
    theirs = THIRD_PARTIES.get(part, BY_DEFAULT)
    parts = {entry.stem for entry in PACKAGE.iterdir()}
    for name in set(imports(ast.parse(path.read_text("utf-8")))):
        package, _, rest = name.partition(".")
        if package == "bedrock_converse":
            wanted = rest.split(".")[0] if rest.split(".")[0] in parts else "__init__"
            assert wanted in ours, f"{inside} may not import {name}"
        elif part != "integrations" or package == "botocore":
            assert package in theirs or package in sys.stdlib_module_names, f"{inside} may not import {name}"


def test_httpx_is_an_annotation_to_the_client() -> None:
    """client.py names httpx's classes for the reader; only the engine runs them."""
    if not (PACKAGE / "client.py").exists():
        pytest.skip("no client yet")
    tree = ast.parse((PACKAGE / "client.py").read_text("utf-8"))
    for_reading = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for name in imports(node)
    }
    assert [*imports(tree)].count("httpx") == int("httpx" in for_reading)
