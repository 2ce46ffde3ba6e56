"""The README shows nothing that does not work: its code runs, its commands exist, its promises have their tests."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bedrock_converse
from bedrock_converse import BedrockClient, BedrockError, errors
from bedrock_converse.testing import FakeBedrock, access_denied, reply, run_in_virtual_time, throttled
from bedrock_converse.testing.models import lorem, tools

if TYPE_CHECKING:
    from bedrock_converse.testing import Answer, ReceivedRequest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
TESTS = [code for code in PYTHON if "def test_" in code]
EXAMPLES = [code for code in PYTHON if code not in TESTS]
COMMANDS = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]
IN_TEXT = re.findall(r"`((?:make|python3) [^`]+)`", README)


def model(request: ReceivedRequest) -> Answer:
    return tools(request) if getattr(request.input, "tool_config", None) else lorem(request)


async def run(code: Any, names: dict[str, Any]) -> None:
    async with BedrockClient() as bedrock:
        names["bedrock"] = bedrock
        await eval(code, names)


def test_every_block_has_a_language_that_is_checked() -> None:
    """A block in another language would go unread."""
    assert {language for language, _ in BLOCKS} == {"python", "sh", "text"}
    assert README.count("```") == 2 * len(BLOCKS)


def test_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    """In order, as one reads them, each in an event loop of its own; the first one is a whole program."""
    fake = FakeBedrock(verify=False)  # the made-up keys of the README
    fake.on().always(model)
    names: dict[str, Any] = {"__name__": "readme"}
    with fake.patch():
        for number, source in enumerate(EXAMPLES):
            code = compile(source, f"README block {number}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(run(code, names))
            else:
                exec(code, names)
    assert len(fake.requests) >= 10
    assert "Lorem ipsum" in capsys.readouterr().out


def test_tests_pass(tmp_path: Path) -> None:
    """The tests that the README shows, by pytest, with nothing but the package installed."""
    for number, source in enumerate(TESTS):
        (tmp_path / f"test_{number}.py").write_text(source, "utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(TESTS)} passed" in done.stdout


@pytest.mark.parametrize(
    ("answers", "printed"),
    [
        ([throttled().retry_after(7)] * 3, "try again in 7.0 s; tried 3 times"),
        ([reply("Once upon a time there was a river.").cut(after_events=4)], "broke off after: Once upon a time there"),
        ([reply("Once upon a time").reset()], "broke off after: nothing"),
        ([access_denied()], "hint: "),
    ],
    ids=["throttled", "cut", "reset", "denied"],
)
def test_errors_are_caught(answers: list[Answer], printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The example about errors, with the errors that it is about."""
    [source] = [source for source in EXAMPLES if "except ThrottlingError" in source]
    fake = FakeBedrock()
    fake.on().then(*answers)
    code = compile(source, "README, errors", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with fake.patch():
        run_in_virtual_time(run, code, {"MODEL": "nova"})
    assert printed in capsys.readouterr().out
    fake.check()


@pytest.mark.parametrize("command", [*COMMANDS, *IN_TEXT])
def test_commands_exist(command: str) -> None:
    """`make` targets are the Makefile's, modules run, and what is installed is this."""
    match shlex.split(command):
        case ["make", target, *variables]:
            makefile = (ROOT / "Makefile").read_text("utf-8")
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)
            assert all(f"$({variable.partition('=')[0]})" in makefile for variable in variables)
        case ["python3", "-m", "pip", "install", "."]:
            assert (ROOT / "pyproject.toml").exists()
        case ["python3", "-m", module, subcommand, *options]:
            shown = subprocess.run([sys.executable, "-m", module, subcommand, "--help"], capture_output=True, text=True)
            assert shown.returncode == 0
            assert all(option in shown.stdout for option in options if option.startswith("-"))
        case other:
            pytest.fail(f"what is {other}?")


def test_every_error_is_in_the_tree() -> None:
    """The tree in the README has our errors, all of them, and no others."""
    [tree] = [code for language, code in BLOCKS if language == "text" and "BedrockError" in code]
    drawn = set(re.findall(r"\b[A-Z]\w+(?:Error|Invalid|Incomplete|Exceeded|Timeout|Closed)\b", tree))
    assert drawn - {"ValueError"} == set(errors.__all__)
    assert all(issubclass(getattr(errors, name), BedrockError) for name in errors.__all__)


@pytest.mark.parametrize("promise", re.findall(r"`(tests/[\w/]+\.py::[\w:]+)`", README))
def test_promises_have_their_tests(promise: str) -> None:
    """Each promise names a test that exists."""
    path, *names = promise.split("::")
    body: list[ast.stmt] = ast.parse((ROOT / path).read_text("utf-8")).body
    for name in names:
        [found] = [node for node in body if getattr(node, "name", None) == name]
        body = getattr(found, "body", [])


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    """A link into the repository is a file there."""
    assert (ROOT / link).exists()


def test_defaults_are_what_the_readme_says() -> None:
    """The numbers in the text."""
    timeout, retry = bedrock_converse.Timeout(), bedrock_converse.RetryPolicy()
    text = " ".join(README.split())
    assert f"{timeout.connect:.0f} s to connect, {timeout.first_event:.0f} s to the first event of a stream" in text
    assert f"{timeout.answer:.0f} s for an answer that does not stream, {timeout.idle:.0f} s between two events" in text
    assert f"no limit in total, {retry.max_attempts} attempts" in text
    assert timeout.total is None
    assert inspect.signature(BedrockClient).parameters["max_connections"].default == 1000


def test_modules_that_are_named_exist() -> None:
    """What is said to stand on top does."""
    [named] = re.findall(r"On top, each on its own: (.*?)\.\n", README, re.DOTALL)
    names = re.findall(r"`(\w+)`", named)
    assert len(names) > 5
    for name in names:
        import_module(f"bedrock_converse.{name}")


def test_short() -> None:
    """Read in one sitting."""
    assert README.count("\n") < 300
