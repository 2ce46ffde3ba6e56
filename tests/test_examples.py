"""Every example runs, as a user would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPTS = sorted(path for path in EXAMPLES.glob("*.py") if not path.name.startswith(("_", "test_", "demo")))
TESTS = sorted(EXAMPLES.glob("test_*.py"))


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=EXAMPLES.parent, env=environment())


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("MODEL", "REGION", "PYTHONWARNINGS")}


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_example_runs(path: Path) -> None:
    """It ends well, says something, and leaves nothing unclosed."""
    done = run(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_example_test_passes(path: Path) -> None:
    """The tests that we show to users pass, by the fixtures that come with the package."""
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*SCRIPTS, *TESTS], ids=lambda path: path.stem)
def test_example_is_short(path: Path) -> None:
    """One idea: at most 40 lines, beginning with what there is to learn."""
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith('"""')
    assert len(lines) <= 40


@pytest.mark.slow
def test_demo() -> None:
    """`make demo` without arguments: an answer, a stream, a tool call, what it took; all on this machine."""
    done = run(EXAMPLES / "demo.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the model calls get_weather({'city': 'Oslo'})" in done.stdout
    assert "4 calls, 4 requests" in done.stdout
    assert "\x1b" not in done.stdout  # colours are for terminals


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["--region", "us-east-1"], "needs both"),
        (["--model", "some.model-v1:0"], "needs both"),
        (["--region", "us-east-1", "--model", "some.model-v1:0"], "No AWS credentials"),
    ],
)
def test_demo_says_what_is_missing(arguments: list[str], missing: str) -> None:
    """In one line, with a status that a script can see, and without a traceback."""
    done = run(EXAMPLES / "demo.py", *arguments)
    assert done.returncode == 1
    assert missing in done.stderr
    assert done.stderr.count("\n") == 1
