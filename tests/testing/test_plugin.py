"""The fixtures, `fake.patch()`, and what the plugin costs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from bedrock_converse import BedrockClient
from bedrock_converse.testing import FakeBedrock
from bedrock_converse.testing.pytest_plugin import bedrock_client, fake_bedrock  # noqa: F401 - fixtures

if TYPE_CHECKING:
    import pytest

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


def test_costs_no_import() -> None:
    """Loading the plugin imports nothing of the package."""
    code = "import sys, pytest_bedrock_converse; print([name for name in sys.modules if name.startswith('bedrock_c')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_package_does_not_import_testing() -> None:
    """`import bedrock_converse` imports nothing of the kit."""
    code = "import sys, bedrock_converse; print('bedrock_converse.testing' in sys.modules, 'h11' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "False False"


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
