"""Which figures are shown, what they are compared with, and what they should be; as markdown."""

from __future__ import annotations

from typing import NamedTuple

Figures = dict[str, float]
Results = dict[tuple[str, str], Figures | str]
"""(client, workload) -> medians, or in a word why there are none."""

OURS = "bedrock_converse"
BEST_PEER = "the best peer"


class Row(NamedTuple):
    title: str
    workload: str
    figure: str
    base: str | None = None
    """What ours is divided by: a client's, or the best peer's."""
    target: float | None = None
    """The most that the ratio may be; that the figure itself may be, where there is no base."""
    stretch: float | None = None
    base_workload: str | None = None
    """Where the base is of another workload."""


COSTS = [
    Row("`converse`, 1 at a time: CPU µs a call", "calls-1", "call_us", BEST_PEER, 0.75, 0.7),
    Row("`converse`, 32 at a time: CPU µs a call", "calls-32", "call_us", BEST_PEER, 0.5, 0.4),
    Row("`converse`, 200 at a time: CPU µs a call", "calls-200", "call_us", BEST_PEER, 0.6, 0.5),
    Row("`converse`, 1,000 at a time: CPU µs a call", "calls-1000", "call_us", BEST_PEER),
    Row("growth of that from 32 to 1,000 at a time", "growth", "growth", None, 1.3),
    Row("streams of 200 events in a burst, 8 at a time: CPU µs an event", "burst", "event_us", BEST_PEER, 0.6, 0.5),
    Row("300 paced streams: CPU µs an event", "paced-300", "event_us", BEST_PEER, 0.5),
    Row("1,000 paced streams: CPU µs an event", "paced-1000", "event_us", BEST_PEER, 0.5),
    Row("memory of an open, idle stream: KiB", "memory", "stream_kib", None, 64),
    Row("cold start to the first answer, SigV4: CPU s", "cold", "cold_s", "boto3", 1.4, 1.2),
    Row("the same with an API key", "cold-key", "cold_s", "boto3", 1.1, 0.95, "cold"),
    Row("the same with SigV4 over TLS", "tls-cold", "cold_s", "boto3"),
    Row("TLS, 1 at a time: CPU µs a call", "tls-1", "call_us", BEST_PEER),
    Row("TLS, 200 at a time: CPU µs a call", "tls-200", "call_us", BEST_PEER),
    Row("TLS, 200 calls that each open a connection: CPU µs a call", "tls-first-200", "call_us", BEST_PEER),
    Row("TLS, streams in a burst: CPU µs an event", "tls-burst", "event_us", BEST_PEER),
]
WAITS = [
    row
    for streams in (300, 1000)
    for row in (
        Row(f"{streams:,} paced streams: first token p50, s", f"paced-{streams}", "first_p50", "aiohttp"),
        Row(f"{streams:,} paced streams: first token p99, s", f"paced-{streams}", "first_p99", "aiohttp", 1.25),
        Row(f"{streams:,} paced streams: whole stream p50, s", f"paced-{streams}", "whole_p50", "aiohttp"),
        Row(f"{streams:,} paced streams: whole stream p99, s", f"paced-{streams}", "whole_p99", "aiohttp", 1.15),
        Row(
            f"{streams:,} paced streams: event loop lag p99, ms",
            f"paced-{streams}",
            "lag_p99",
            None,
            10 if streams == 300 else None,
        ),
    )
]


def table(rows: list[Row], results: Results, labels: dict[str, str], peers: list[str], comparison: str) -> str:
    """One line per row that was measured, one column per client of `labels`, then ours beside `comparison`."""
    results = with_growth(results)
    lines = [
        f"| work | {' | '.join(labels.values())} | ours to {comparison} | target |",
        "| --- |" + " ---: |" * len(labels) + " ---: | --- |",
    ]
    for row in rows:
        if any((name, row.workload) in results for name in labels):
            cells = [cell(results.get((name, row.workload), "-"), row.figure) for name in labels]
            lines.append(f"| {row.title} | " + " | ".join([*cells, *verdict(row, results, labels, peers)]) + " |")
    return "\n".join(lines)


def with_growth(results: Results) -> Results:
    """CPU per call at 1,000 to that at 32, for every client that has both."""
    grown: Results = {}
    for name, workload in results:
        few, many = results.get((name, "calls-32")), results.get((name, "calls-1000"))
        if workload == "calls-32" and isinstance(few, dict) and isinstance(many, dict):
            grown[name, "growth"] = {"growth": many["call_us"] / few["call_us"]}
    return {**results, **grown}


def cell(result: Figures | str, figure: str) -> str:
    return result if isinstance(result, str) else number(result[figure])


def number(value: float) -> str:
    """Three digits that say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def verdict(row: Row, results: Results, labels: dict[str, str], peers: list[str]) -> tuple[str, str]:
    """The ratio with what it is to, and the target with whether it is met."""
    ours = results.get((OURS, row.workload))
    names = peers if row.base == BEST_PEER else [row.base] if row.base else []
    bases = {
        name: result[row.figure]
        for name in names
        if name in labels and isinstance(result := results.get((name, row.base_workload or row.workload)), dict)
    }
    if isinstance(ours, str):
        return "-", f"at most {row.target}: **not met**" if row.target else "-"
    if ours is None or (row.base and not bases):
        return "-", f"at most {row.target}" if row.target else "-"
    compared = ours[row.figure]
    ratio = "-"
    if bases:
        best = min(bases, key=lambda name: bases[name])
        compared /= bases[best]
        ratio = f"{compared:.2f}" + (f" ({labels[best]})" if row.base == BEST_PEER else "")
    if row.target is None:
        return ratio, "-"
    judged = f"at most {row.target}: {met(compared, row.target)}"
    return ratio, judged + (f"; stretch {row.stretch}: {met(compared, row.stretch)}" if row.stretch else "")


def met(value: float, most: float) -> str:
    return "met" if value <= most else "**not met**"
