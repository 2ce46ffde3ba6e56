"""CPU per call against concurrency, drawn with matplotlib."""

from __future__ import annotations

import time
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.ticker import NullFormatter, NullLocator

from benchmarks.peers.clients import CLIENTS
from benchmarks.peers.tables import OURS, Results, number

SIZES = [1, 3, 10, 32, 100, 300, 1000]
COSTS = [50, 100, 200, 500, 1000, 2000, 5000, 10000]
"""Marks of the vertical axis, µs."""
OUR_COLOUR, YARDSTICK = "#d1495b", "#9a9a9a"
PEERS = ["#2e5e8c", "#3c8d7a", "#8a6fb0", "#b5852b"]


def draw(path: str, results: Results, labels: dict[str, str]) -> None:
    """Both axes logarithmic: the clients' costs differ tenfold, and equal distances are equal ratios."""
    mpl.use("Agg")
    lines = {name: points(name, results) for name in labels}
    lines = {name: line for name, line in lines.items() if line}
    figure, axes = pyplot.subplots(figsize=(9, 5.2))
    colours = iter(PEERS)
    ends: list[tuple[float, str, dict[str, Any]]] = []
    for name, line in lines.items():
        style: dict[str, Any] = {"color": YARDSTICK, "linewidth": 1.5, "linestyle": "--"}
        if name.startswith(OURS):
            style = {"color": OUR_COLOUR, "linewidth": 3.5, "zorder": 9}
        elif CLIENTS[name].sdk:
            style = {"color": next(colours, YARDSTICK), "linewidth": 1.5}
        axes.plot(*zip(*line, strict=True), marker="o", markersize=6 if name == OURS else 4, **style)
        size, cost = line[-1]
        label = f"{labels[name]}, {number(cost)}" + ("" if size == SIZES[-1] else f" at {size}; then too slow")
        ends.append((cost, label, {"color": style["color"], "weight": "bold" if name == OURS else "normal"}))
    axes.set(xscale="log", yscale="log", xlim=(0.9, SIZES[-1] * 1.1), xlabel="calls at a time")
    axes.set_title("CPU time of the client for one converse call, µs (less is better)", loc="left", pad=12)
    note = f"{time.strftime('%Y-%m-%d')}. Both axes are logarithmic. Dashed: no SDK, a bare POST of a ready-made body."
    axes.annotate(note, (0, -0.17), xycoords="axes fraction", fontsize=8, color="#555555")
    axes.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
    low, high = axes.get_ylim()
    marks = [mark for mark in COSTS if low <= mark <= high]
    axes.set_yticks(marks, [f"{mark:,}" for mark in marks])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    below = 0.0
    for cost, label, style in sorted(ends, key=lambda end: end[0]):
        below = max(cost, below * (high / low) ** 0.055)  # labels keep a line's distance
        axes.annotate(label, (SIZES[-1] * 1.2, below), annotation_clip=False, va="center", fontsize=9, **style)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def points(name: str, results: Results) -> list[tuple[int, float]]:
    """Up to where the client kept within the time limit."""
    found = [(size, results.get((name, f"calls-{size}"))) for size in SIZES]
    return [(size, result["call_us"]) for size, result in found if isinstance(result, dict)]
