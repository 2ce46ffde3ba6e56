"""The guards of conftest.py do hold: without them, no test of ours would notice."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from blockbuster import BlockingError

import bedrock_converse


def sleep_as_if_ours() -> None:
    """Sleep in a frame that says it lies in the package."""
    frame = Path(bedrock_converse.__file__).with_name("sleeper.py")
    exec(compile("import time; time.sleep(0.001)", frame, "exec"))


async def test_blocking_in_our_code_is_an_error() -> None:
    with pytest.raises(BlockingError, match=r"time\.sleep"):
        sleep_as_if_ours()


async def test_blocking_in_a_test_is_not() -> None:
    time.sleep(0.001)  # noqa: ASYNC251 - that is what is tried


@pytest.mark.may_block
async def test_the_mark_lifts_the_guard() -> None:
    sleep_as_if_ours()


@pytest.mark.parametrize("address", ["192.0.2.1", "bedrock-runtime.us-east-1.amazonaws.com"])
def test_nothing_leaves_loopback(address: str) -> None:
    """Neither a connection nor a name to look up; the failure is no `Exception` that somebody might catch."""
    with socket.socket() as sock, pytest.raises(pytest.fail.Exception, match="tried to reach"):
        sock.connect((address, 443))
    with pytest.raises(pytest.fail.Exception, match="tried to reach"):
        socket.getaddrinfo(address, 443)


def test_the_machine_has_no_aws_settings() -> None:
    assert {name for name in os.environ if name.startswith(("AWS_", "BOTO"))} == {
        "AWS_CONFIG_FILE",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
