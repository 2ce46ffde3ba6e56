"""Every public name of the types says what it means."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bedrock_converse import types

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(types.__file__).parent
MODULES = sorted(path for path in FOLDER.glob("*.py"))
PAGES = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_"
NO_STRUCTURES = {"base.py", "document.py", "parse.py", "results.py", "unions.py", "values.py"}


def docstring_below(body: list[ast.stmt], index: int) -> str:
    """The string literal right below a statement, or nothing."""
    following = body[index + 1] if index + 1 < len(body) else None
    if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
        return str(following.value.value)
    return ""


def described(path: Path) -> Iterator[tuple[str, str]]:
    """Every public thing of a module, with its docstring."""
    tree = ast.parse(path.read_text())
    yield path.name, ast.get_docstring(tree) or ""
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in types.__all__:
            yield node.target.id, docstring_below(tree.body, index)
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef) and node.name in types.__all__:
            yield from described_members(node)


def is_machinery(name: str) -> bool:
    """Whether a class attribute is pydantic's or Python's, or documented on `Model` for all."""
    return name.startswith("__") or name in ("model_config", "essential")


def described_members(cls: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Every public field, property and method of a class, with its docstring."""
    for index, node in enumerate(cls.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not is_machinery(node.target.id):
            yield f"{cls.name}.{node.target.id}", docstring_below(cls.body, index)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield f"{cls.name}.{node.name}", ast.get_docstring(node) or ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_everything_public_has_a_docstring(path: Path) -> None:
    """Modules, classes, functions, members and aliases: none without a sentence."""
    bare = [
        name for name, text in described(path) if not re.search(r"\w{2,}.*[.:?]$", text.strip().split("\n\n")[0], re.S)
    ]
    assert bare == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_placeholder_is_left(path: Path) -> None:
    """No docstring is a word that stands for one still to be written."""
    placeholders = [name for name, text in described(path) if re.fullmatch(r"(DOC|MEMBER|TODO|TBD|XXX)\b.*", text)]
    assert placeholders == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name not in NO_STRUCTURES], ids=lambda path: path.name
)
def test_every_structure_names_its_page(path: Path) -> None:
    """A class for a structure of AWS's links AWS's page, alone on the last line."""
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    structures = [
        node for node in classes if any(getattr(base, "id", "") in ("Model", "Result") for base in node.bases)
    ]
    for node in structures:
        last = (ast.get_docstring(node) or "").splitlines()[-1]
        operation = re.sub(r"(Request|Response)$", "", node.name)
        assert last in (f"{PAGES}{node.name}.html", f"{PAGES}{operation}.html"), node.name


def test_pages_exist_for_shapes_and_operations_only() -> None:
    """The page of a request or response that is no shape of AWS's reference is its operation's."""
    pages = set(re.findall(r"API_runtime_(\w+)\.html", "".join(path.read_text() for path in MODULES)))
    operations = {"Converse", "ConverseStream", "CountTokens", "ApplyGuardrail", "InvokeModel"}
    operations |= {"InvokeModelWithResponseStream", "InvokeGuardrailChecks"}
    assert pages <= {*types.__all__, *operations}
    assert pages >= operations


def test_summaries_are_one_line() -> None:
    """The first paragraph of every public class fits on one line: editors and `help` show no more."""
    long = [name for name in types.__all__ if "\n" in summary(name)]
    assert long == []


def summary(name: str) -> str:
    value = getattr(types, name)
    return (value.__doc__ or "").split("\n\n")[0] if isinstance(value, type) else ""


def test_document_source_warns_about_paths() -> None:
    """The most expensive misunderstanding, a path as the document's text, is spelled out."""
    assert "does not read a file" in (types.DocumentBlock.__doc__ or "")


def test_public_names_are_sorted_and_there() -> None:
    """`__all__` is sorted, without duplicates, and every name can be imported."""
    assert list(types.__all__) == sorted(set(types.__all__))
    assert all(hasattr(types, name) for name in types.__all__)


def test_modules_export_what_the_package_does() -> None:
    """Every public structure and alias of a module is public in the package, too."""
    for path in MODULES:
        tree = ast.parse(path.read_text())
        names = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and path.name not in NO_STRUCTURES]
        assert [name for name in names if not name.startswith("_") and name not in types.__all__] == []
