"""The pool's books: who gets a connection, and that no slot is ever lost."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from fuzzing import examples
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bedrock_converse._http import slots as module
from bedrock_converse._http.connection import Connection, Origin
from bedrock_converse._http.slots import Claim, Slots


class FakeConnection(Connection):
    """Without a socket: remembers how it ended."""

    __slots__ = ("ended", "peer_gone")

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        self.ended = ""
        self.peer_gone = False

    @property
    def quiet(self) -> bool:
        return not self.peer_gone

    def close(self) -> None:
        assert not self.ended
        self.ended = "closed"

    def abort(self) -> None:
        assert not self.ended
        self.ended = "aborted"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def origin(host: str = "a") -> Origin:
    return Origin(False, host, 80, None)


def opened(slots: Slots, where: Origin) -> FakeConnection:
    """Claim and open."""
    claim = slots.claim(where, fresh=True)
    assert claim.granted
    assert claim.connection is None
    connection = FakeConnection(where)
    slots.add(connection)
    return connection


def test_the_last_one_in_is_the_first_one_out() -> None:
    """The connection used last is the likeliest to be alive; the others may grow old."""
    slots, where = Slots(10, 60), origin()
    first, second = opened(slots, where), opened(slots, where)
    slots.put_back(first)
    slots.put_back(second)
    assert slots.claim(where).connection is second
    assert slots.claim(where).connection is first


def test_a_connection_serves_its_own_origin_only() -> None:
    """Another host gets a connection of its own."""
    slots, a, b = Slots(10, 60), origin("a"), origin("b")
    slots.put_back(opened(slots, a))
    claim = slots.claim(b)
    assert claim.granted
    assert claim.connection is None
    assert (slots.taken, slots.idle) == (2, 1)


def test_waiting_claims_are_served_in_order() -> None:
    """First come, first served; a newcomer cannot overtake."""
    slots, where = Slots(1, 60), origin()
    connection = opened(slots, where)
    waiting = [slots.claim(where) for _ in range(3)]
    assert slots.queued == 3
    for index, claim in enumerate(waiting):
        assert [other.granted for other in waiting] == [other < index for other in range(3)]
        slots.put_back(connection)
        assert claim.connection is connection


def test_a_full_pool_evicts_the_oldest_idle_connection_of_another_origin() -> None:
    """An idle connection does not stand in the way of a request to another host."""
    slots, a, b = Slots(2, 60), origin("a"), origin("b")
    old, new = opened(slots, a), opened(slots, a)
    slots.put_back(old)
    slots.put_back(new)
    assert slots.claim(b).granted
    assert (old.ended, new.ended) == ("closed", "")
    assert (slots.taken, slots.idle) == (2, 1)


def test_a_returned_connection_makes_room_for_a_waiting_claim_of_another_origin() -> None:
    """The slot is what the waiting claim gets when the connection is of no use to it."""
    slots, a, b = Slots(1, 60), origin("a"), origin("b")
    connection = opened(slots, a)
    waiting = slots.claim(b)
    slots.put_back(connection)
    assert connection.ended == "closed"
    assert waiting.granted
    assert waiting.connection is None
    assert slots.taken == 1


def test_a_fresh_claim_gets_no_idle_connection() -> None:
    """After a connection died its idle neighbours are suspect: the retry asks for a new one, even in a full pool."""
    slots, where = Slots(1, 60), origin()
    idle = opened(slots, where)
    slots.put_back(idle)
    claim = slots.claim(where, fresh=True)
    assert claim.granted
    assert claim.connection is None
    assert idle.ended == "closed"


def test_expired_connections_go_without_being_asked_for(clock: list[float]) -> None:
    """A claim for another origin, or a return, finds the old ones at the bottom."""
    slots, a, b = Slots(10, 60), origin("a"), origin("b")
    old, busy = opened(slots, a), opened(slots, b)
    slots.put_back(old)
    clock[0] += 59
    assert slots.claim(b).granted
    assert not old.ended
    clock[0] += 1
    slots.put_back(busy)
    assert old.ended == "closed"
    assert (slots.taken, slots.idle) == (2, 1)


def test_a_dead_connection_is_passed_over() -> None:
    """The peer closed it while it was idle: the next one is tried, then a new one."""
    slots, where = Slots(10, 60), origin()
    alive, dead = opened(slots, where), opened(slots, where)
    slots.put_back(alive)
    slots.put_back(dead)
    dead.peer_gone = True
    assert slots.claim(where).connection is alive
    assert dead.ended == "closed"
    assert slots.taken == 1


def test_a_claim_withdrawn_after_it_was_granted_hands_on_what_it_got() -> None:
    """Cancelled between being woken and running: the next in the queue gets the connection."""
    slots, where = Slots(1, 60), origin()
    connection = opened(slots, where)
    first, second = slots.claim(where), slots.claim(where)
    slots.put_back(connection)
    slots.withdraw(first)
    assert second.connection is connection
    slots.withdraw(second)
    assert (slots.taken, slots.idle, slots.queued) == (1, 1, 0)


def test_a_slot_granted_to_a_withdrawn_claim_goes_on() -> None:
    """The same for a slot without a connection."""
    slots, where = Slots(1, 60), origin()
    connection = opened(slots, where)
    first, second = slots.claim(where), slots.claim(where)
    slots.give_up(connection)
    slots.withdraw(first)
    assert second.granted
    slots.withdraw(second)
    assert (slots.taken, slots.queued) == (0, 0)


def test_giving_up_twice_frees_one_slot() -> None:
    """An error and a later close both give up: the slot comes back once."""
    slots, where = Slots(10, 60), origin()
    connection, _other = opened(slots, where), opened(slots, where)
    slots.give_up(connection)
    slots.give_up(connection)
    slots.put_back(connection)
    assert connection.ended == "aborted"
    assert slots.taken == 1


def test_quiet_is_when_the_last_request_is_over() -> None:
    """What a drain waits for."""
    slots, where, calls = Slots(10, 60), origin(), list[int]()
    first, second = opened(slots, where), opened(slots, where)
    slots.when_quiet = lambda: calls.append(slots.active)
    slots.put_back(first)
    assert calls == []
    slots.give_up(second)
    assert calls == [0]


def test_a_connection_that_something_came_on_is_not_handed_on() -> None:
    """Whoever waits gets its slot, and opens a connection of his own."""
    slots, where = Slots(1, 60), origin()
    connection = opened(slots, where)
    waiting = slots.claim(where)
    connection.peer_gone = True
    slots.put_back(connection)
    assert (waiting.granted, waiting.connection) == (True, None)
    assert connection.ended == "closed"
    assert slots.taken == 1


class Books(RuleBasedStateMachine):
    """Everything that can happen, in any order; the sums must always be right."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(3, 60)
        self.origins = [origin("a"), origin("b")]
        self.waiting: list[Claim] = []
        self.held: list[Any] = []
        self.all: list[FakeConnection] = []
        self.now = 0.0
        self.real, module.monotonic = module.monotonic, lambda: self.now

    def teardown(self) -> None:
        module.monotonic = self.real

    def take(self, claim: Claim) -> None:
        connection = claim.connection
        if connection is None:
            connection = FakeConnection(claim.origin)
            self.slots.add(connection)
            self.all.append(connection)
        assert connection.origin is claim.origin
        assert not connection.peer_gone
        self.held.append(connection)

    def collect(self) -> None:
        """Whoever was granted wakes up."""
        for claim in [claim for claim in self.waiting if claim.granted]:
            self.waiting.remove(claim)
            self.take(claim)

    @rule(which=st.integers(0, 1), fresh=st.booleans())
    def claim(self, which: int, fresh: bool) -> None:
        claim = self.slots.claim(self.origins[which], fresh)
        if claim.granted:
            assert not (fresh and claim.connection)
            self.take(claim)
        else:
            self.waiting.append(claim)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), gone=st.booleans())
    def put_back(self, data: st.DataObject, gone: bool) -> None:
        connection = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        connection.peer_gone = gone
        self.slots.put_back(connection)
        self.collect()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), twice=st.booleans())
    def give_up(self, data: st.DataObject, twice: bool) -> None:
        connection = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.slots.give_up(connection)
        if twice:
            self.slots.give_up(connection)
        self.collect()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        self.slots.withdraw(self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1))))
        self.collect()

    @precondition(lambda self: self.held and len(self.waiting) > 1)
    @rule(lost=st.booleans())
    def cancelled_after_being_woken(self, lost: bool) -> None:
        connection = self.held.pop()
        (self.slots.give_up if lost else self.slots.put_back)(connection)
        granted = next(claim for claim in self.waiting if claim.granted)
        self.waiting.remove(granted)
        self.slots.withdraw(granted)
        self.collect()

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.slots.idle)
    @rule()
    def a_peer_closes(self) -> None:
        idle = [c for c in self.all if not c.ended and c not in self.held]
        idle[0].peer_gone = True

    @precondition(lambda self: self.slots.idle)
    @rule()
    def a_peer_closes_and_we_are_told(self) -> None:
        idle = [c for c in self.all if not c.ended and c not in self.held]
        self.slots.retire(idle[0])

    @invariant()
    def the_sums_are_right(self) -> None:
        slots = self.slots
        living = {connection for connection in self.all if not connection.ended}
        assert slots.connections == living
        assert slots.taken == len(living) <= slots.limit
        assert slots.active == len(self.held)
        assert slots.idle == len(living) - len(self.held) == sum(len(o.idle) for o in self.origins)
        assert slots.queued == len(self.waiting)
        assert not self.waiting or (slots.idle == 0 and slots.taken == slots.limit)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=examples(150), stateful_step_count=40, deadline=None)
