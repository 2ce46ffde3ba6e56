"""One environment per client under `.venv-bench/`, from PyPI; ours with the checkout as it is now."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.clients import CLIENTS, Client, Ours

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = PROJECT / ".venv-bench"


class Environment(NamedTuple):
    interpreter: Path
    python: str
    version: str
    """Of the client."""


def prepare(name: str) -> Environment | None:
    """None where no Python is found that the client runs on."""
    client = CLIENTS[name]
    python = find_python(client.python)
    if python is None:
        return None
    interpreter = ENVIRONMENTS / name / "bin" / "python"
    ours = issubclass(client, Ours)
    needs = [*client.packages, *(dependencies() if ours else [])]
    wanted = [answer(python, "-c", "import platform; print(platform.python_version())"), *needs]
    made_for = ENVIRONMENTS / name / "made-for"
    if not made_for.exists() or json.loads(made_for.read_text()) != wanted:
        print(f"making an environment for {client.label} ...", file=sys.stderr)
        subprocess.run([python, "-m", "venv", "--clear", "--without-pip", ENVIRONMENTS / name], check=True)
        install(interpreter, *needs)
        made_for.write_text(json.dumps(wanted))
    if ours:
        install(interpreter, "--force-reinstall", "--no-deps", str(PROJECT))
    return Environment(interpreter, *versions(interpreter, client))


def dependencies() -> list[str]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]


def install(interpreter: Path, *arguments: str) -> None:
    """Compiles to bytecode as well. The environment itself has no pip: it holds the client, and what that needs."""
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--compile", *arguments], check=True)


def versions(interpreter: Path, client: type[Client]) -> list[str]:
    package = client.packages[0] if client.packages else "bedrock-converse-async"
    script = (
        "import platform, sys; from importlib.metadata import version; "
        "print(platform.python_version(), version(sys.argv[1]))"
    )
    return subprocess.run(
        [interpreter, "-c", script, package], capture_output=True, text=True, check=True
    ).stdout.split()


def find_python(least: tuple[int, int]) -> str | None:
    """This one if it is new enough, else `python3.12` and so on, from the path or from pyenv."""
    if sys.version_info >= least:
        return sys.executable
    for minor in range(least[1], least[1] + 4):
        wanted = f"{least[0]}.{minor}"
        for candidate in (shutil.which(f"python{wanted}"), from_pyenv(wanted)):
            # A version manager's shim may only say that it is not selected.
            if candidate and answer(candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])") == wanted:
                return candidate
    return None


def from_pyenv(wanted: str) -> str | None:
    latest = answer("pyenv", "latest", wanted) if shutil.which("pyenv") else ""
    return f"{answer('pyenv', 'prefix', latest)}/bin/python" if latest else None


def answer(*command: str) -> str:
    """What the command says; nothing when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout.strip()
