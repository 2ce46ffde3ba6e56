"""For every test: no AWS settings of the machine, no way off loopback, no blocking call of ours on an event loop."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from blockbuster import BlockBuster
from fuzzing import examples
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# An example may take its time: these machines are busy, and what must be quick says so in a test of its own.
settings.register_profile("here", max_examples=examples(100), deadline=None, print_blob=True)
settings.load_profile("here")


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing about AWS or a proxy from the environment, no config files, no instance metadata."""
    for variable in list(os.environ):
        if variable.startswith(("AWS_", "BOTO")) or variable.upper().endswith("_PROXY"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def guard(loopback_only: None) -> BlockBuster:
    """Built once `loopback_only` stands: it puts back, after each test, what it found when it was built."""
    # An error where a frame of ours is on the stack: what a test does on its own loop is its own affair.
    guard = BlockBuster("bedrock_converse")
    for lock in ("threading.Lock.acquire", "threading.Lock.acquire_lock"):
        # Ours are held for microseconds, between threads that meet by chance. One held over I/O shows in a heartbeat.
        del guard.functions[lock]
    return guard


@pytest.fixture(autouse=True)
def no_blocking_on_the_loop(request: pytest.FixtureRequest, guard: BlockBuster) -> Iterator[None]:
    """A file read, a sleep or a blocking socket of ours on a running asyncio loop raises; `may_block` lifts it.

    It sees neither trio nor CPU time.
    """
    if request.node.get_closest_marker("may_block"):
        yield
        return
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """A socket that leaves loopback, or a question to a name server, fails the test, whoever catches `Exception`."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, method, staying_here(getattr(socket.socket, method)))
        ask = socket.getaddrinfo

        def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
            check_loopback(host)
            return ask(host, *args, **kwargs)

        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


def staying_here(method: Callable[..., Any]) -> Callable[..., Any]:
    def checked(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            check_loopback(args[-1][0])
        return method(self, *args)

    return checked


def check_loopback(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        local = ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        pytest.fail(f"a test tried to reach {name}", pytrace=False)
