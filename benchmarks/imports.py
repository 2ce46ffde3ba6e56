"""What `import bedrock_converse` costs, next to `import httpx, pydantic` plus one model class.

Run by hand: `python benchmarks/imports.py [runs]`. It makes a clean environment (the package and its own dependencies,
no test tools) in a temporary folder, starts new interpreters there in turn, and compares the medians of the CPU time
that the statement took, modules compiled beforehand. The aim is a ratio of at most 1.25.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
STATEMENTS = {
    "import httpx, pydantic + a model": (
        "import httpx, pydantic\nclass Model(pydantic.BaseModel):\n    name: str\n    sizes: list[int] = []\n"
    ),
    "import bedrock_converse": "import bedrock_converse\n",
    "from bedrock_converse import BedrockClient": "from bedrock_converse import BedrockClient\n",
}
TIMED = "from time import process_time; start = process_time()\n{}print(process_time() - start)"


def clean_environment(folder: str) -> Path:
    """A new environment with the package as users install it; gives its interpreter."""
    venv.create(folder, with_pip=True)
    python = Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python")
    subprocess.run([python, "-m", "pip", "install", "-qq", str(ROOT)], check=True)
    return python


def seconds(python: Path, statement: str) -> float:
    """How much CPU time a new interpreter takes over the statement, its own start not counted."""
    command = [python, "-I", "-c", TIMED.format(statement)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        python = clean_environment(folder)
        times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
        for run in range(runs + 1):
            for name, statement in STATEMENTS.items():
                taken = seconds(python, statement)
                if run:  # the first one compiles
                    times[name].append(taken)
    base = median(next(iter(times.values())))
    for name, taken in times.items():
        print(f"{name:45} {median(taken) * 1000:7.1f} ms   ratio {median(taken) / base:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
