"""This client against its peers: CPU per call and per event, waits, cold start, memory. `make bench` runs it.

    python -m benchmarks.peers                        # everything, three rounds, markdown on standard output
    python -m benchmarks.peers --rounds 1 --only calls-1 calls-32 burst --clients bedrock_converse aiobotocore
    python -m benchmarks.peers --picture docs/cpu_per_call.png
    python -m benchmarks.peers --profile calls-200    # where our time goes, by layer

Every client runs in an environment of its own under `.venv-bench/` (made on the first run, from PyPI; ours gets the
checkout anew in every run) and in a process of its own, pinned to one core; the server is pinned to another. Clients
take turns in each round; figures are medians. CPU is user plus system time of the client's process. Of your environment
variables the clients see none. Compare ratios within one run: machines differ, and so do moments. Linux only.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.peers.clients import CLIENTS
from benchmarks.peers.environments import ENVIRONMENTS, PROJECT, Environment, prepare
from benchmarks.peers.tables import BEST_PEER, COSTS, OURS, WAITS, Results, Row, table

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_LIMIT = 90.0
"""Seconds for a workload, warming up included."""


class Workload(NamedTuple):
    kind: str
    size: int
    """Calls or streams at once."""
    tls: bool = False
    api_key: bool = False


WORKLOADS = {
    **{f"calls-{size}": Workload("calls", size) for size in (1, 32, 200, 1000)},
    "burst": Workload("burst", 8),
    "paced-300": Workload("paced", 300),
    "paced-1000": Workload("paced", 1000),
    "memory": Workload("memory", 200),
    "cold": Workload("cold", 1),
    "cold-key": Workload("cold", 1, api_key=True),
    "tls-cold": Workload("cold", 1, tls=True),
    "tls-1": Workload("calls", 1, tls=True),
    "tls-200": Workload("calls", 200, tls=True),
    "tls-first-200": Workload("first", 200, tls=True),
    "tls-burst": Workload("burst", 8, tls=True),
}


class Bench(NamedTuple):
    """What the workers need: the environments by client, and the servers' addresses."""

    environments: dict[str, Environment]
    plain: str
    tls: str
    authority: str

    def run(self, name: str, workload: Workload, *options: str) -> dict[str, Any] | str:
        """The figures of one process, or in a word why there are none."""
        url = self.tls if workload.tls else self.plain
        script = PROJECT / "benchmarks" / "peers" / "worker.py"
        command = [self.environments[name].interpreter, script, name, url, workload.kind, str(workload.size), *options]
        try:
            done = subprocess.run(
                command,
                env=self.variables(workload),
                capture_output=True,
                text=True,
                timeout=None if options else TIME_LIMIT,
                preexec_fn=pinned(0),
            )
        except subprocess.TimeoutExpired:
            return f"> {TIME_LIMIT:.0f} s"
        if done.returncode:
            print(f"{name}, {workload}: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return "failed"
        return json.loads(done.stdout.splitlines()[-1])

    def variables(self, workload: Workload) -> dict[str, str]:
        """All that a client's process has in its environment."""
        keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        return {
            "PATH": os.defpath,
            "HOME": str(ENVIRONMENTS),
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            **({"AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-example"} if workload.api_key else keys),
            # botocore's clients and ours read the first; Python's `ssl`, and so all others, the second.
            **({"AWS_CA_BUNDLE": self.authority, "SSL_CERT_FILE": self.authority} if workload.tls else {}),
        }


def pinned(core: int) -> Any:
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


@contextmanager
def prepared(names: list[str]) -> Iterator[Bench]:
    """Environments and servers for the clients; those that find no Python are left out. Each has started once."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    lock = (ENVIRONMENTS / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another benchmark of this checkout is running: each would spoil the other's figures")
    environments = {name: made for name in names if (made := prepare(name))}
    certificate, authority = certificate_files()
    servers = [serve(), serve(certificate)]
    try:
        ports = [int(server.stdout.readline()) for server in servers if server.stdout]
        made = Bench(environments, f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}", authority)
        for name in environments:
            for workload in ("cold", "tls-cold"):  # bytecode and files are in the cache from here on
                made.run(name, WORKLOADS[workload])
        yield made
    finally:
        for server in servers:
            server.communicate("")


def certificate_files() -> tuple[str, str]:
    """The server's certificate with its key, and the authority to trust; made anew."""
    import trustme

    authority = trustme.CA()
    server, trust = ENVIRONMENTS / "server.pem", ENVIRONMENTS / "authority.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(server))
    authority.cert_pem.write_to_path(str(trust))
    return str(server), str(trust)


def serve(*certificate: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.peers.server", *certificate]
    return subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(1)
    )


def measure(bench: Bench, workloads: dict[str, Workload], rounds: int) -> Results:
    """Medians. What failed or took too long once is not tried again."""
    names = list(bench.environments)
    figures: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    failures: Results = {}
    for number in range(rounds):
        for title, workload in workloads.items():
            print(f"round {number + 1} of {rounds}: {title}", file=sys.stderr)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                if (name, title) in failures or (workload.api_key and not CLIENTS[name].takes_api_key):
                    continue
                result = bench.run(name, workload)
                if isinstance(result, str):
                    failures[name, title] = result
                    continue
                for figure, value in result.items():
                    figures[name, title][figure].append(value)
    medians = {
        key: {figure: statistics.median(values) for figure, values in all_.items()} for key, all_ in figures.items()
    }
    return {**medians, **failures}


def describe(bench: Bench, wanted: list[str], rounds: int) -> str:
    """What the reader has to know in order to repeat it."""
    clients = [
        f"{CLIENTS[name].label} {made.version} (Python {made.python})" for name, made in bench.environments.items()
    ]
    left_out = [
        f"{CLIENTS[name].label} (no Python {'.'.join(map(str, CLIENTS[name].python))} or newer found)"
        for name in wanted
        if name not in bench.environments
    ]
    return (
        f"{time.strftime('%Y-%m-%d')}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} before; medians of {rounds} rounds; "
        f"`{shlex.join(['python', '-m', 'benchmarks.peers', *sys.argv[1:]])}`.\n"
        f"{', '.join(clients)}." + (f"\nLeft out: {', '.join(left_out)}." if left_out else "")
    )


def profile(bench: Bench, title: str) -> None:
    """Where the CPU time goes, by layer."""
    workload = WORKLOADS[title]
    runs = 20 if workload.kind == "cold" else 1  # a start is over after a few dozen samples
    for name in bench.environments:
        layers: Counter[str] = Counter()
        for _ in range(runs):
            result = bench.run(name, workload, "--profile")
            if isinstance(result, str):
                sys.exit(result)
            figure = next(figure for figure in result if figure.endswith("_us"))
            for layer, share in result["layers"].items():
                layers[layer] += share * result[figure] / runs
        unit = figure.removesuffix("_us")
        print(f"\n{CLIENTS[name].label}, {title}: {layers.total():,.1f} µs of CPU a {unit}\n")
        print(f"| layer | share | µs a {unit} |\n| --- | ---: | ---: |")
        for layer, cost in layers.most_common():
            print(f"| {layer} | {cost / layers.total():.1%} | {cost:,.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = [name for name, client in CLIENTS.items() if client.usual]
    profiled = [name for name, workload in WORKLOADS.items() if workload.kind != "memory"]
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, metavar="CLIENT", help=f"of {', '.join(CLIENTS)}")
    parser.add_argument("--picture", metavar="FILE", help="draw CPU per call against concurrency instead")
    parser.add_argument("--profile", choices=profiled, metavar="WORKLOAD", help="show where the time goes instead")
    options = parser.parse_args()
    names = options.clients or ([OURS] if options.profile else usual)
    with prepared(names) as bench:
        if options.profile:
            profile(bench, options.profile)
            return
        print(describe(bench, names, options.rounds), end="\n\n")
        labels = {name: CLIENTS[name].label for name in bench.environments}
        peers = [name for name in labels if CLIENTS[name].sdk]
        if options.picture:
            from benchmarks.peers.picture import SIZES, draw

            results = measure(bench, {f"calls-{size}": Workload("calls", size) for size in SIZES}, options.rounds)
            draw(options.picture, results, labels)
            rows = [Row(f"{size:,} at a time: CPU µs a call", f"calls-{size}", "call_us", BEST_PEER) for size in SIZES]
            print(table(rows, results, labels, peers, BEST_PEER))
            return
        results = measure(bench, {name: WORKLOADS[name] for name in options.only}, options.rounds)
        print(table(COSTS, results, labels, peers, "the best peer (cold start: to boto3)"))
        if any(workload.startswith("paced") for workload in options.only):
            print("\nPaced streams. The server's schedule: the first token after 0.24 s, the whole in 2.24 s.\n")
            print(table(WAITS, results, labels, peers, "raw aiohttp"))


if __name__ == "__main__":
    main()
