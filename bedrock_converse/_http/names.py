"""From a host's name to the addresses to try, in which order."""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import lru_cache, partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bedrock_converse._aws.flight import Flights

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ATTEMPT_DELAY", "Address", "interleave", "resolve"]

ATTEMPT_DELAY: Final = 0.25
"""How long one address may take before the next is tried beside it, in seconds (RFC 8305, section 5)."""

Address: TypeAlias = tuple[int, int, int, str, Any]

_look_ups: Flights[list[Address]] = Flights("dns")
"""A thousand calls at once to one host need one."""


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of `host`, or `socket.gaierror`. Works on every event loop."""
    # numbers need no look-up, so no thread either
    return _numeric(host, port) or await _look_ups.get((host, port), partial(_look_up, host, port))


@lru_cache(maxsize=256)
def _numeric(host: str, port: int) -> list[Address]:
    with suppress(socket.gaierror):
        return _look_up(host, port, socket.AI_NUMERICHOST)
    return []


def _look_up(host: str, port: int, flags: int = 0) -> list[Address]:
    return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)]


def interleave(addresses: Sequence[Address]) -> list[Address]:
    """One family after the other in turn, beginning with the one that the system prefers (RFC 8305, section 4)."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    other = [address for address in addresses if address[0] != addresses[0][0]]
    pairs = zip_longest(first, other)
    return [address for pair in pairs for address in pair if address is not None]
