"""Who may have a connection. All of the pool's accounting is here, and none of it waits for anything.

Every connection, idle or in use or still being opened, holds one of `limit` slots. A granted `claim` owns a slot until
`put_back` (its connection is idle now), `give_up` (it is gone) or `withdraw` (there never was one): one of the three,
once, whatever happens in between. When all slots are taken, claims queue; a slot that comes back goes to the longest
waiting claim directly, so that nobody can overtake it.

    While a claim waits, no connection is idle and no slot is free.

Each step takes constant time. Idle connections are taken from the top of their origin's stack (the one used last is the
likeliest to be alive, and those that are not needed grow old) and retired from the bottom of all of them.
"""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import anyio

    from bedrock_converse._http.connection import Connection, Origin

__all__ = ["Claim", "Slots"]


class Claim:
    """A wish for a connection to `origin`, and what became of it."""

    __slots__ = ("connection", "fresh", "granted", "origin", "wake")

    def __init__(self, origin: Origin, fresh: bool) -> None:
        self.origin = origin
        self.fresh = fresh
        """No idle connection will do."""
        self.granted = False
        """The slot is this claim's, with `connection` or (None) to open one in."""
        self.connection: Connection | None = None
        self.wake: anyio.Event | None = None
        """Set by whoever waits; set off when the claim is granted or refused."""

    def grant(self, connection: Connection | None) -> None:
        self.granted = True
        self.connection = connection
        if self.wake is not None:
            self.wake.set()


class Slots:
    def __init__(self, limit: int, keepalive_expiry: float) -> None:
        self.limit = limit
        self.taken = 0
        self.connections: set[Connection] = set()
        """All that exist. A slot without one is on its way from a granted claim to `add`."""
        self.when_quiet: Callable[[], None] | None = None
        """Called when the last request has given its connection back."""
        self._keepalive_expiry = keepalive_expiry
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        self._queue: OrderedDict[Claim, None] = OrderedDict()

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def active(self) -> int:
        return self.taken - len(self._idle)

    @property
    def queued(self) -> int:
        return len(self._queue)

    def claim(self, origin: Origin, fresh: bool = False) -> Claim:
        """Granted at once if that is possible, otherwise in the queue until it is granted or withdrawn."""
        claim = Claim(origin, fresh)
        now = monotonic()
        self._retire_expired(now)
        while origin.idle and not fresh:
            connection, _ = origin.idle.popitem()
            del self._idle[connection]
            if connection.alive(now):
                claim.grant(connection)
                return claim
            self.connections.discard(connection)
            connection.close()
            self.taken -= 1
        if self.taken == self.limit and self._idle:
            self.retire(next(iter(self._idle)))
        if self.taken < self.limit:
            self.taken += 1
            claim.grant(None)
        else:
            self._queue[claim] = None
        return claim

    def claim_spare(self) -> bool:
        """Take a slot if that is in nobody's way."""
        if self.taken >= self.limit:
            return False
        self.taken += 1
        return True

    def withdraw(self, claim: Claim) -> None:
        """Whoever made the claim is gone. If it was granted meanwhile, the slot goes on to the next."""
        if not claim.granted:
            self._queue.pop(claim, None)
        elif claim.connection is not None:
            self.put_back(claim.connection)
        else:
            self._free_slot()

    def add(self, connection: Connection) -> None:
        """The connection that is being opened in a granted slot."""
        self.connections.add(connection)

    def put_back(self, connection: Connection) -> None:
        """The connection is idle: for whoever waits, or for later."""
        if connection not in self.connections:
            return
        connection.used = True
        connection.answering = False
        if self._queue:
            claim, _ = self._queue.popitem(last=False)
            if claim.origin is connection.origin and not claim.fresh and connection.quiet:
                claim.grant(connection)
            else:
                self.connections.discard(connection)
                connection.close()
                claim.grant(None)
            return
        now = monotonic()
        connection.expires_at = now + self._keepalive_expiry
        self._idle[connection] = None
        connection.origin.idle[connection] = None
        self._retire_expired(now)
        self._look_if_quiet()

    def give_up(self, connection: Connection) -> None:
        """The connection is good for nothing more. May be called again, and does nothing then."""
        if connection in self.connections:
            self.connections.discard(connection)
            connection.abort()
            self._free_slot()

    def retire(self, connection: Connection) -> None:
        """Close a connection if it is idle: it is in the way, it is old, or its peer has closed it."""
        if connection in self._idle:
            del self._idle[connection]
            del connection.origin.idle[connection]
            self.connections.discard(connection)
            connection.close()
            self.taken -= 1

    def refuse_all(self) -> None:
        """Wake every waiting claim without granting it."""
        while self._queue:
            claim, _ = self._queue.popitem(last=False)
            if claim.wake is not None:
                claim.wake.set()

    def cut_off(self) -> None:
        """The end: everything is closed, whatever it does, and nobody waits any longer."""
        self.refuse_all()
        for connection in list(self.connections):
            self.retire(connection)
            self.give_up(connection)

    def _free_slot(self) -> None:
        if self._queue:
            claim, _ = self._queue.popitem(last=False)
            claim.grant(None)
        else:
            self.taken -= 1
            self._look_if_quiet()

    def _retire_expired(self, now: float) -> None:
        # All live equally long, so the oldest is the first to expire.
        while self._idle:
            oldest = next(iter(self._idle))
            if oldest.expires_at > now:
                return
            self.retire(oldest)

    def _look_if_quiet(self) -> None:
        if self.when_quiet is not None and not self.active:
            self.when_quiet()
