"""What lies in the repository: the files that belong there, and in them nothing of the machine they were written on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {
    ".ci",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "bedrock_converse",
    "benchmarks",
    "docs",
    "examples",
    "pyproject.toml",
    "tests",
}
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:root|work|Users|home/(?!user\b)\w+|tmp/\w)[/\w]")
LEFTOVER = re.compile(r"\b(?:FIX" "ME|TO" r"DO)\b(?!\|)|<{7} |>{7} ")


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and not name.endswith(".png")]  # pictures have no lines
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_top_level(tracked: list[Path]) -> None:
    """A newcomer sees a handful of files, each of them known."""
    assert {path.relative_to(ROOT).parts[0] for path in tracked} <= TOP_LEVEL


@pytest.mark.parametrize("pattern", [MACHINE_PATH, LEFTOVER], ids=["machine path", "leftover"])
def test_no_traces(pattern: re.Pattern[str], tracked: list[Path]) -> None:
    """No path of somebody's machine, no mark of unfinished work, no merge conflict."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_every_text_file_ends_with_one_newline(tracked: list[Path]) -> None:
    """And no file is empty by mistake: only `__init__.py` and `py.typed` may be."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in tracked
        if (text := path.read_bytes()) != text.rstrip() + b"\n" and path.name not in ("__init__.py", "py.typed")
    ]
    assert wrong == []
