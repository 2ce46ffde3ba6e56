"""This client against its peers: CPU per call and per event, waits, cold start, memory. `make bench` runs it.

    python -m benchmarks.peers                        # everything, five rounds, markdown on standard output
    python -m benchmarks.peers --rounds 1 --only calls-1 calls-32 burst
    python -m benchmarks.peers --picture docs/cpu_per_call.png

Every client runs in an environment of its own under `.venv-bench/` (made on the first run, from PyPI) and in a process
of its own, pinned to one core; the server is pinned to another. Clients take turns in each round; figures are medians.
CPU is user plus system time of the client's process. Compare ratios within one run: machines differ, and so do moments.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from clients import CLIENTS, SDKS

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
ENVIRONMENTS = PROJECT / ".venv-bench"
OURS = "bedrock_converse"

WORKLOADS: dict[str, tuple[str, int, str, str]] = {
    "calls-1": ("calls", 1, "call_us", "`converse`, 1 at a time: µs a call"),
    "calls-32": ("calls", 32, "call_us", "`converse`, 32 at a time: µs a call"),
    "calls-200": ("calls", 200, "call_us", "`converse`, 200 at a time: µs a call"),
    "calls-1000": ("calls", 1000, "call_us", "`converse`, 1,000 at a time: µs a call"),
    "burst": ("burst", 8, "event_us", "200 events in a burst, 8 streams: µs an event"),
    "paced-300": ("paced", 300, "event_us", "300 paced streams: µs an event"),
    "paced-1000": ("paced", 1000, "event_us", "1,000 paced streams: µs an event"),
    "cold": ("cold", 1, "cold_s", "cold start to the first answer: CPU s"),
    "memory": ("memory", 200, "stream_kib", "memory of an open stream: KiB"),
    "tls-1": ("calls", 1, "call_us", "`converse` over TLS, 1 at a time: µs a call"),
    "tls-200": ("calls", 200, "call_us", "`converse` over TLS, 200 at a time: µs a call"),
}
TOO_SLOW = {
    ("raw httpx", "calls-1000"),
    ("raw httpx", "paced-1000"),
    ("capo-bedrock-runtime", "paced-1000"),
    ("capo-bedrock-runtime", "paced-300"),
}
"""Left out: they take minutes."""


def environment(name: str) -> Path:
    """The Python of the client's own environment, made on its first use."""
    folder = ENVIRONMENTS / name.split(" (")[0].replace(" ", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making an environment for {name} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        packages = CLIENTS[name][1] or [str(PROJECT)]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, stderr=subprocess.DEVNULL)
    return python


def versions(name: str) -> str:
    wanted = (CLIENTS[name][1] or ["bedrock-converse-async"])[0]
    script = f"from importlib.metadata import version; print(version({wanted!r}))"
    return subprocess.run([environment(name), "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def pinned(core: int) -> Any:
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


def serve(certificate: str | None) -> tuple[subprocess.Popen[str], int]:
    command = [str(environment(OURS)), str(HERE / "server.py"), *([certificate] if certificate else [])]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(1))
    assert server.stdout
    return server, int(server.stdout.readline())


def run(name: str, workload: str, ports: dict[str, int], certificate: str) -> dict[str, float] | None:
    kind, size, _, _ = WORKLOADS[workload]
    tls = workload.startswith("tls")
    url = f"https://localhost:{ports['tls']}" if tls else f"http://127.0.0.1:{ports['plain']}"
    variables = {"SSL_CERT_FILE": certificate, "AWS_CA_BUNDLE": certificate} if tls else {}
    command = [str(environment(name)), str(HERE / "worker.py"), name, url, kind, str(size)]
    try:
        done = subprocess.run(
            command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=90, preexec_fn=pinned(0)
        )
    except subprocess.TimeoutExpired:
        print(f"{name}, {workload}: not done within 90 s", file=sys.stderr)
        return None
    if done.returncode:
        print(f"{name}, {workload}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def measure(names: list[str], workloads: list[str], rounds: int) -> dict[tuple[str, str], dict[str, float]]:
    certificates = certificate_files()
    plain, plain_port = serve(None)
    tls, tls_port = serve(certificates[0])
    figures: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    try:
        for number in range(rounds):
            for workload in workloads:
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    if (name, workload) in TOO_SLOW:
                        continue
                    result = run(name, workload, {"plain": plain_port, "tls": tls_port}, certificates[1])
                    for figure, value in (result or {}).items():
                        figures[name, workload][figure].append(value)
            print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    finally:
        for server in (plain, tls):
            server.communicate("")
    return {
        key: {figure: statistics.median(values) for figure, values in all_.items()} for key, all_ in figures.items()
    }


def certificate_files() -> tuple[str, str]:
    """The server's certificate with its key, and the authority to trust; made anew by trustme."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    import trustme

    authority = trustme.CA()
    server, trust = ENVIRONMENTS / "server.pem", ENVIRONMENTS / "authority.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(server))
    authority.cert_pem.write_to_path(str(trust))
    return str(server), str(trust)


def table(figures: dict[tuple[str, str], dict[str, float]], names: list[str], workloads: list[str]) -> str:
    lines = ["| work | " + " | ".join(names) + " | ours to the best peer |", "| --- |" + " ---: |" * (len(names) + 1)]
    for workload in workloads:
        _, _, figure, title = WORKLOADS[workload]
        cells = [
            f"{figures.get((name, workload), {}).get(figure, float('nan')):.3g}".replace("nan", "-") for name in names
        ]
        peers = [figures[name, workload][figure] for name in SDKS if (name, workload) in figures]
        ours = figures.get((OURS, workload), {}).get(figure)
        ratio = f"{ours / min(peers):.2f}" if ours and peers else "-"
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {ratio} |")
    for workload in workloads:
        if workload.startswith("paced"):
            lines.append("")
            lines.append(f"{WORKLOADS[workload][1]} paced streams (the server's own schedule is 2.24 s):")
            for name in names:
                if (name, workload) in figures:
                    f = figures[name, workload]
                    lines.append(
                        f"- {name}: whole stream p50 {f['whole_p50']:.2f} s, p99 {f['whole_p99']:.2f} s; "
                        f"first token p99 {f['first_p99']:.2f} s; loop lag p99 {f['lag_p99_ms']:.1f} ms"
                    )
    return "\n".join(lines)


def picture(path: str, names: list[str]) -> None:
    """CPU per call against concurrency, 1 to 1,000."""
    import matplotlib as plotting

    plotting.use("Agg")
    from matplotlib import pyplot

    sizes = [1, 8, 32, 100, 200, 500, 1000]
    for size in sizes:
        WORKLOADS.setdefault(f"calls-{size}", ("calls", size, "call_us", ""))
        if size > 200:
            TOO_SLOW.add(("raw httpx", f"calls-{size}"))
    figures = measure(names, [f"calls-{size}" for size in sizes], 3)
    _, axes = pyplot.subplots(figsize=(8, 4.5))
    for name in names:
        points = [(s, figures[name, f"calls-{s}"]["call_us"]) for s in sizes if (name, f"calls-{s}") in figures]
        ours = name == OURS
        axes.plot(
            *zip(*points, strict=True), marker="o", label=name, linewidth=3 if ours else 1.5, zorder=9 if ours else 1
        )
    axes.set(xscale="log", xlabel="calls at a time", ylabel="CPU per call, µs", title="converse: what a call costs")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    pyplot.tight_layout()
    pyplot.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--clients", nargs="*", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--picture", help="draw CPU per call against concurrency into this file instead")
    options = parser.parse_args()
    if options.picture:
        picture(options.picture, [name for name in options.clients if name != "bedrock_converse (API key)"])
        return
    figures = measure(options.clients, options.only, options.rounds)
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, medians of {options.rounds} rounds;")
    print(", ".join(f"{name} {versions(name)}" for name in options.clients if "(" not in name), end=".\n\n")
    print(table(figures, options.clients, options.only))


if __name__ == "__main__":
    main()
