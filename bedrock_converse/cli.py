"""The command line: `python -m bedrock_converse serve` is a local Bedrock, for developing without AWS."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bedrock_converse.testing import FakeBedrock

__all__ = ["main"]

_SERVE = """\
A Bedrock on this machine, for developing without AWS. It speaks Converse, ConverseStream, CountTokens, ApplyGuardrail
and InvokeModel to any client. Model ids: echo, lorem, tools; any other id echoes, unless a script says what it does.
"""

_SCRIPT = """\
a Python file that scripts models with the names of bedrock_converse.testing, for example
fake.on("flaky").then(throttled()).always(reply("Here I am.")), or a recording (.jsonl) to replay
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bedrock_converse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run a local Bedrock", description=_SERVE)
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8080, help="the port (8080); 0 takes a free one")
    serve.add_argument("--script", type=Path, help=_SCRIPT)
    serve.add_argument("--tps", type=float, default=50.0, help="tokens per second (50); 0 is as fast as possible")
    serve.add_argument("--ttft", type=float, default=0.2, help="seconds until the first token (0.2)")
    serve.add_argument("--verify", action="store_true", help="accept only the keys that are printed at the start")
    options = parser.parse_args(arguments)
    try:
        _serve(options)
    except KeyboardInterrupt:
        return 0
    except (OSError, ValueError) as error:  # a port that is taken, a script that is not there, a pace of -1
        sys.stderr.write(f"serve: {error}\n")
        return 1
    return 0


def _serve(options: argparse.Namespace) -> None:
    import anyio

    from bedrock_converse.testing import FakeBedrock
    from bedrock_converse.testing.models import LOCAL_MODELS, echo

    fake = FakeBedrock(verify=options.verify, remember=0)
    if options.tps > 0 or options.ttft > 0:
        fake.pace(tokens_per_second=options.tps or None, time_to_first_token=options.ttft)
    if options.script is not None:
        _load(options.script, fake)
    for name, model in LOCAL_MODELS.items():
        fake.on(name).always(model)
    fake.on().always(echo)

    async def serve() -> None:
        async with fake.serve(host=options.host, port=options.port) as url:
            sys.stdout.write(_welcome(url, fake))
            sys.stdout.flush()
            await anyio.sleep_forever()

    anyio.run(serve)


def _load(path: Path, fake: FakeBedrock) -> None:
    import bedrock_converse.testing as testing

    if path.suffix == ".jsonl":
        testing.replay(path, fake=fake)
    else:
        runpy.run_path(
            str(path), init_globals={name: getattr(testing, name) for name in testing.__all__} | {"fake": fake}
        )


def _welcome(url: str, fake: FakeBedrock) -> str:
    variables = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url, **fake.environment}
    exports = "\n".join(f"  export {name}={value}" for name, value in variables.items())
    return f"A local Bedrock listens at {url} (Ctrl-C stops it). For boto3 and for bedrock_converse:\n\n{exports}\n"
