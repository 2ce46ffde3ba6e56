"""The fixtures, `fake.patch()`, and what the plugin costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bedrock_converse import BedrockClient
from bedrock_converse.testing import FakeBedrock
from bedrock_converse.testing.pytest_plugin import bedrock_client, fake_bedrock  # noqa: F401 - fixtures

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]

pytest_plugins = ["pytester"]


async def test_fixtures(fake_bedrock: FakeBedrock, bedrock_client: BedrockClient) -> None:  # noqa: F811
    """The client talks to the fake."""
    fake_bedrock.reply("Hello")
    assert (await bedrock_client.converse("m", "Hi")).text == "Hello"


def test_unused_script_fails_the_test(pytester: pytest.Pytester) -> None:
    """A test whose script was not followed fails, with the account."""
    pytester.makepyfile(
        """
        from bedrock_converse.testing.pytest_plugin import bedrock_client, fake_bedrock

        def test_it(fake_bedrock):
            fake_bedrock.on("m").reply("never")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*NEVER ASKED*reply('never')*"])


def modules_after(statement: str) -> list[str]:
    """The modules of the package, and h11, after a statement in a process of its own."""
    code = f"import sys\n{statement}\nprint(*[name for name in sys.modules if name[:9] in ('bedrock_c', 'h11')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    assert not done.stderr
    return done.stdout.split()


def test_costs_no_import() -> None:
    """Loading the plugin imports nothing of the package."""
    plugin = ROOT / "bedrock_converse" / "testing" / "plugin_module.py"  # a wheel has it beside the package
    assert modules_after(f"import runpy; runpy.run_path({str(plugin)!r})") == []


def test_package_does_not_import_testing() -> None:
    """`import bedrock_converse` imports nothing of the kit."""
    modules = modules_after("import bedrock_converse")
    assert "bedrock_converse.client" in modules
    assert not [name for name in modules if "testing" in name or name == "h11"]


async def test_patch_catches_clients_of_the_code() -> None:
    """A client that the code makes by itself, without any argument, talks to the fake; afterwards all is as before."""
    before = dict(os.environ)
    real = httpx.AsyncHTTPTransport.handle_async_request

    async def code_under_test() -> str:
        async with BedrockClient() as client:
            return (await client.converse("m", "Hi")).text

    with FakeBedrock() as fake, fake.patch():
        fake.reply("Hello")
        assert await code_under_test() == "Hello"
    assert dict(os.environ) == before
    assert httpx.AsyncHTTPTransport.handle_async_request is real


async def test_patch_leaves_others_alone() -> None:
    """Requests to other services go where they were going."""
    fake = FakeBedrock(verify=False)
    with fake.serve() as url, fake.patch():
        async with httpx.AsyncClient(verify=False) as client:
            assert (await client.get(f"{url}/something/else")).status_code == 404
