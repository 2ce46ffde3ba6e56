"""The benchmark's tables and its arguments; what it measures is no test's business."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
LABELS = {"bedrock_converse": "ours", "boto3": "boto3 in threads", "capo": "capo", "aiohttp": "raw aiohttp"}


@pytest.fixture(scope="module")
def tables() -> Any:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "peers" / "tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(tables: Any, rows: Any, results: Any) -> list[list[str]]:
    table = tables.table(rows, results, LABELS, ["boto3", "capo"], "others")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_a_row_compares_ours_with_the_best_peer(tables: Any) -> None:
    """Not with the yardsticks, and the target stands beside the ratio with the verdict."""
    results = {
        (name, "calls-1"): {"call_us": cost}
        for name, cost in [("bedrock_converse", 360.0), ("boto3", 1234.5), ("capo", 500.0), ("aiohttp", 99.96)]
    }
    _, _, row = lines(tables, tables.COSTS, results)
    assert row[1:] == ["360", "1,234", "500", "100", "0.72 (capo)", "at most 0.75: met; stretch 0.7: **not met**"]


def test_why_a_figure_is_missing_is_told(tables: Any) -> None:
    """What took too long or failed is no base, and a target that ours did not reach is not met."""
    results = {
        ("bedrock_converse", "burst"): "failed",
        ("boto3", "burst"): "> 90 s",
        ("capo", "burst"): {"event_us": 12.34},
    }
    _, _, row = lines(tables, tables.COSTS, results)
    assert row[1:] == ["failed", "> 90 s", "12.3", "-", "-", "at most 0.6: **not met**"]


def test_growth_is_that_of_each_client(tables: Any) -> None:
    """From 32 calls at a time to 1,000; its target holds for ours alone."""
    costs = {"bedrock_converse": (200.0, 280.0), "capo": (500.0, 900.0)}
    results = {
        (name, workload): {"call_us": cost}
        for name, both in costs.items()
        for workload, cost in zip(("calls-32", "calls-1000"), both, strict=True)
    }
    growth = next(row for row in lines(tables, tables.COSTS, results) if row[0].startswith("growth"))
    assert growth[1:] == ["1.4", "-", "1.8", "-", "-", "at most 1.3: **not met**"]


def test_waits_are_compared_with_raw_aiohttp(tables: Any) -> None:
    """And the event loop's lag with a number of milliseconds."""
    figures = {"first_p50": 0.25, "first_p99": 0.3, "whole_p50": 2.25, "whole_p99": 2.4, "lag_p99": 4.0}
    results = {("bedrock_converse", "paced-300"): figures, ("aiohttp", "paced-300"): {**figures, "first_p99": 0.2}}
    verdicts = [row[-2:] for row in lines(tables, tables.WAITS, results)[2:]]
    assert verdicts == [
        ["1.00", "-"],
        ["1.50", "at most 1.25: **not met**"],
        ["1.00", "-"],
        ["1.00", "at most 1.15: met"],
        ["-", "at most 10: met"],
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("--help", 0, "--profile WORKLOAD"),
        ("--only nonsense", 2, "tls-first-200"),
        ("--clients nobody", 2, "over-httpx-aiohttp"),
    ],
)
def test_arguments(arguments: str, code: int, told: str) -> None:
    """They are checked before any environment is made, and what is wrong is told with what may be chosen."""
    command = [sys.executable, "-m", "benchmarks.peers", *arguments.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code
    assert told in done.stdout + done.stderr
