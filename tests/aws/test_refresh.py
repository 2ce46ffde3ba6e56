"""Renewal: once for all who wait, before the end, off the event loop, on asyncio and trio."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from steady import run_steadily

from bedrock_converse._aws import refresh
from bedrock_converse._aws.refresh import Renewed, Source
from bedrock_converse.errors import ConfigError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

both_backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


class Clock:
    """A clock that stands still unless told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Numbers(Source[int]):
    """Gives 1, 2, 3, ..., each living `life` seconds; waits for `gate`, and raises what is in `errors` first."""

    what = "the test"

    def __init__(self, clock: Clock, life: float | None = 3600.0) -> None:
        self.clock = clock
        self.life = life
        self.asked = 0
        self.refused: list[bool] = []
        self.errors: list[BaseException] = []
        self.gate = threading.Event()
        self.gate.set()

    def load(self, prepared: Any, *, refused: bool) -> int:
        self.asked += 1
        number = self.asked
        self.refused.append(refused)
        assert self.gate.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        return number

    def expires_at(self, value: int) -> float | None:
        return None if self.life is None else self.clock.now + self.life


class NumbersOnLoop(Numbers):
    """The same as a coroutine; waits for `held`, if there is one."""

    on_loop = True

    def __init__(self, clock: Clock, life: float | None = 3600.0) -> None:
        super().__init__(clock, life)
        self.held: anyio.Event | None = None

    async def load_on_loop(self) -> int:
        self.asked += 1
        number = self.asked
        if self.held is not None:
            await self.held.wait()
        await anyio.lowlevel.checkpoint()
        if self.errors:
            raise self.errors.pop(0)
        return number


def in_thread(life: float | None = 3600.0) -> tuple[Clock, Numbers, Renewed[int]]:
    clock = Clock()
    source = Numbers(clock, life)
    return clock, source, Renewed(source, clock=clock)


def on_loop(life: float | None = 3600.0) -> tuple[Clock, NumbersOnLoop, Renewed[int]]:
    clock = Clock()
    source = NumbersOnLoop(clock, life)
    return clock, source, Renewed(source, clock=clock)


either_way = pytest.mark.parametrize("kind", [in_thread, on_loop])


async def gather(times: int, ask: Callable[[], Awaitable[int]]) -> list[Any]:
    """Ask `times` times at once; give the answers and errors."""
    answers: list[Any] = []

    async def one() -> None:
        try:
            answers.append(await ask())
        except CredentialsError as error:
            answers.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(one)
    return answers


async def gather_slowly(source: Numbers, times: int, ask: Callable[[], Awaitable[int]]) -> list[Any]:
    """The same, with an answer that does not come before all have asked."""
    source.gate.clear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(release, source.gate)
        return await gather(times, ask)


async def release(gate: threading.Event) -> None:
    await anyio.sleep(0.05)
    gate.set()


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - threads change what it looks at
            await anyio.sleep(0.002)


def renewal_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("bedrock-converse")]


class TestBoth:
    @both_backends
    @either_way
    def test_a_hundred_first_calls_ask_once(self, backend: str, kind: Any) -> None:
        """One renewal, however many tasks wait for it."""
        _, source, renewed = kind()

        async def main() -> None:
            assert await gather(100, renewed.get) == [1] * 100
            assert source.asked == 1

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_served_as_it_is(self, backend: str, kind: Any) -> None:
        """Until 15 minutes before the end the source is left alone."""
        clock, source, renewed = kind()

        async def main() -> None:
            assert await renewed.get() == 1
            clock.now += 3600 - 901
            assert await renewed.get() == 1
            assert source.asked == 1

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_everybody_waits_near_the_end(self, backend: str, kind: Any) -> None:
        """Less than ten minutes before the end all calls wait for one renewal."""
        clock, source, renewed = kind()

        async def main() -> None:
            await renewed.get()
            clock.now += 3600 - 599
            assert await gather(20, renewed.get) == [2] * 20
            assert source.asked == 2

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_failure_reaches_all_who_wait_and_is_not_kept(self, backend: str, kind: Any) -> None:
        """Each gets an error of its own with the cause; the next call tries again."""
        _, source, renewed = kind()
        source.errors.append(KeyError("canary"))

        async def main() -> None:
            errors = await gather_slowly(source, 5, renewed.get)
            assert {type(error) for error in errors} == {CredentialsError}
            assert len({id(error) for error in errors}) == 5
            assert all(isinstance(error.__cause__, KeyError) for error in errors)
            assert str(errors[0]) == "Getting credentials from the test failed with KeyError"
            assert await renewed.get() == 2

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_short_lives_have_short_windows(self, backend: str, kind: Any) -> None:
        """Credentials for 15 minutes are served for half of that, and not renewed at every call."""
        clock, source, renewed = kind(life=900.0)

        async def main() -> None:
            for _ in range(10):
                await renewed.get()
            clock.now += 449
            assert await renewed.get() == 1
            assert source.asked == 1
            clock.now += 152
            assert await renewed.get() == 2

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_no_expiry_means_for_good(self, backend: str, kind: Any) -> None:
        """What does not say when it ends is kept."""
        clock, source, renewed = kind(life=None)

        async def main() -> None:
            await renewed.get()
            clock.now += 1e9
            assert await renewed.get() == 1
            assert source.asked == 1

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_expired_on_arrival(self, backend: str, kind: Any) -> None:
        """A source that gives what has ended already is an error with a word on the clock."""
        _, _, renewed = kind(life=-1.0)

        async def main() -> None:
            with pytest.raises(CredentialsError, match="has expired already") as caught:
                await renewed.get()
            assert "clock" in str(caught.value)

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_refused_values_are_renewed_once(self, backend: str, kind: Any) -> None:
        """All tasks that AWS refused say so; one renewal follows, and late comers change nothing."""
        _, source, renewed = kind(life=None)

        async def main() -> None:
            used = await renewed.get()
            for _ in range(20):
                renewed.invalidate(used)
            assert await gather(20, renewed.get) == [2] * 20
            renewed.invalidate(used)
            assert await renewed.get() == 2
            assert source.asked == 2

        run_steadily(main, backend=backend)
        if kind is in_thread:
            assert source.refused == [False, True]

    @both_backends
    @either_way
    def test_old_value_serves_while_renewal_fails(
        self, backend: str, kind: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Early on a failure is one line in the log; the source is asked again after a pause, not at each call."""
        clock, source, renewed = kind()

        async def main() -> None:
            await renewed.get()
            source.errors += [OSError("canary"), OSError("canary")]
            clock.now += 3600 - 899
            for _ in range(5):
                assert await renewed.get() == 1
                await until(lambda: not renewal_threads())
            assert source.asked == 2
            clock.now += refresh.PAUSE
            assert await renewed.get() == 1
            await until(lambda: source.asked == 3 and not renewal_threads())
            clock.now += refresh.PAUSE
            await renewed.get()
            await until(lambda: source.asked == 4 and not renewal_threads())
            assert await renewed.get() == 4

        with caplog.at_level(logging.DEBUG):
            run_steadily(main, backend=backend)
        lines = [record.getMessage() for record in caplog.records if record.name == "bedrock_converse"]
        assert len(lines) == 1
        assert "the present ones still serve" in lines[0]
        assert "canary" not in lines[0]

    @both_backends
    @either_way
    def test_config_errors_become_credentials_errors(self, backend: str, kind: Any) -> None:
        """A source's ConfigError keeps its words."""
        _, source, renewed = kind()
        source.errors.append(ConfigError("no such thing", hint="get one"))

        async def main() -> None:
            with pytest.raises(CredentialsError, match="From the test: no such thing") as caught:
                await renewed.get()
            assert caught.value.hint == "get one"

        run_steadily(main, backend=backend)

    @both_backends
    @either_way
    def test_a_second_event_loop(self, backend: str, kind: Any) -> None:
        """What one loop got serves the next one; a renewal there works too."""
        clock, source, renewed = kind()
        assert run_steadily(renewed.get, backend=backend) == 1
        assert run_steadily(renewed.get, backend=backend) == 1
        clock.now += 3600
        assert run_steadily(renewed.get, backend=backend) == 2
        assert source.asked == 2


class TestInThread:
    @both_backends
    def test_renewed_in_the_background(self, backend: str) -> None:
        """From 15 minutes before the end one renewal runs, while calls get the old value at once."""
        clock, source, renewed = in_thread()

        async def main() -> None:
            await renewed.get()
            clock.now += 3600 - 899
            source.gate.clear()
            with anyio.fail_after(5):
                assert await gather(50, renewed.get) == [1] * 50
            source.gate.set()
            await until(lambda: not renewal_threads())
            assert await renewed.get() == 2
            assert source.asked == 2

        run_steadily(main, backend=backend)

    @both_backends
    def test_cancelled_waiters(self, backend: str) -> None:
        """A waiter that is cancelled neither stops nor repeats the renewal; the others get its value."""
        _, source, renewed = in_thread()
        source.gate.clear()
        answers: list[int] = []

        async def wait() -> None:
            answers.append(await renewed.get())

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await until(lambda: source.asked == 1)
                for _ in range(20):
                    with anyio.move_on_after(0.001) as scope:
                        await renewed.get()
                    assert scope.cancelled_caught
                tasks.start_soon(wait)
                await anyio.sleep(0.01)
                source.gate.set()
            assert answers == [1, 1]
            assert source.asked == 1

        run_steadily(main, backend=backend)

    @both_backends
    def test_all_waiters_cancelled(self, backend: str) -> None:
        """With nobody left to wait, the renewal still lands, and serves the next call."""
        _, source, renewed = in_thread()
        source.gate.clear()

        async def main() -> None:
            with anyio.move_on_after(0.02):
                await renewed.get()
            source.gate.set()
            await until(lambda: not renewal_threads())
            assert await renewed.get() == 1
            assert source.asked == 1

        run_steadily(main, backend=backend)

    @both_backends
    def test_too_slow(self, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A source that hangs is given up; when it comes back at last, it does not undo what is newer."""
        monkeypatch.setattr(refresh, "TIME_LIMIT", 0.05)
        _, source, renewed = in_thread()
        source.gate.clear()

        async def main() -> None:
            with pytest.raises(CredentialsError, match="took more than"):
                await renewed.get()
            slow, source.gate = source.gate, threading.Event()
            source.gate.set()
            assert await renewed.get() == 2
            slow.set()
            await until(lambda: not renewal_threads())
            assert await renewed.get() == 2

        run_steadily(main, backend=backend)

    @both_backends
    def test_too_slow_in_the_background(
        self, backend: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A renewal that hangs while the old value still serves is told once, and tried again after the pause."""
        monkeypatch.setattr(refresh, "TIME_LIMIT", 0.05)
        clock, source, renewed = in_thread()

        async def main() -> None:
            await renewed.get()
            hung = source.gate = threading.Event()
            clock.now += 3600 - 899
            await renewed.get()
            await anyio.sleep(0.06)
            for _ in range(5):
                assert await renewed.get() == 1
            assert source.asked == 2
            source.gate = threading.Event()
            source.gate.set()
            clock.now += refresh.PAUSE
            assert await renewed.get() == 1
            hung.set()
            await until(lambda: not renewal_threads())
            assert await renewed.get() == 3

        with caplog.at_level(logging.WARNING):
            run_steadily(main, backend=backend)
        assert caplog.text.count("took more than") == 1

    @both_backends
    def test_refused_while_a_renewal_runs(self, backend: str) -> None:
        """A renewal that began before AWS said no may bring back the refused value: another one is made."""
        clock, source, renewed = in_thread()

        async def main() -> None:
            used = await renewed.get()
            clock.now += 3600 - 899
            source.gate.clear()
            await renewed.get()
            await until(lambda: source.asked == 2)
            early, source.gate = source.gate, threading.Event()
            source.gate.set()
            renewed.invalidate(used)
            assert await renewed.get() == 3
            early.set()
            await until(lambda: not renewal_threads())
            assert await renewed.get() == 3

        run_steadily(main, backend=backend)

    @both_backends
    def test_no_thread_is_left(self, backend: str) -> None:
        """The thread ends with the renewal."""
        _, source, renewed = in_thread()

        async def main() -> None:
            await renewed.get()
            await until(lambda: not renewal_threads())
            assert source.asked == 1

        run_steadily(main, backend=backend)

    def test_two_loops_in_two_threads(self) -> None:
        """An asyncio loop and a trio loop at once: one renewal for both."""
        _, source, renewed = in_thread()
        source.gate.clear()
        answers: list[int] = []
        loops = [
            threading.Thread(
                target=lambda backend=backend: answers.extend(run_steadily(gather, 10, renewed.get, backend=backend))
            )
            for backend in ("asyncio", "trio")
        ]
        for loop in loops:
            loop.start()
        time.sleep(0.2)
        source.gate.set()
        for loop in loops:
            loop.join(10)
        assert answers == [1] * 20
        assert source.asked == 1

    @both_backends
    def test_the_loop_is_gone_when_it_lands(self, backend: str) -> None:
        """A loop that ended in the meantime does not disturb the renewal, nor those who wait elsewhere."""
        _, source, renewed = in_thread()
        source.gate.clear()
        answers: list[int] = []

        async def abandoned() -> None:
            flight = renewed._start(None, None)  # pyright: ignore[reportPrivateUsage]
            assert flight is not None
            waiting = flight.wait()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await waiting
            ended = asyncio.new_event_loop()
            ended.close()
            flight._waiters.add((ended, lambda: None))  # pyright: ignore[reportPrivateUsage]

        async def patient() -> None:
            answers.append(await renewed.get())

        run_steadily(abandoned, backend=backend)
        waiting = threading.Thread(target=anyio.run, args=(patient,), kwargs={"backend": backend})
        waiting.start()
        time.sleep(0.1)
        source.gate.set()
        waiting.join(10)
        assert answers == [1]

    @both_backends
    def test_a_source_that_exits(self, backend: str) -> None:
        """`sys.exit` in a source ends neither the program nor in a hang."""
        _, source, renewed = in_thread()
        source.errors.append(SystemExit(3))

        async def main() -> None:
            with pytest.raises(CredentialsError, match="SystemExit"):
                await renewed.get()
            assert await renewed.get() == 2

        run_steadily(main, backend=backend)

    @both_backends
    def test_no_thread_to_be_had(self, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine that is out of threads is a typed error, and the next call tries again."""
        _, _, renewed = in_thread()

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        async def main() -> None:
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", refuse)
                with pytest.raises(CredentialsError, match="No thread"):
                    await renewed.get()
            assert await renewed.get() == 1

        run_steadily(main, backend=backend)

    @both_backends
    def test_preparation_fails_early(self, backend: str, caplog: pytest.LogCaptureFixture) -> None:
        """When what the source needs cannot be had, the old value serves; near the end the error comes out."""
        clock, source, renewed = in_thread()

        async def main() -> None:
            await renewed.get()

            async def prepare() -> None:
                raise CredentialsError("the caller has no credentials")

            source.prepare = prepare  # pyright: ignore[reportAttributeAccessIssue]
            clock.now += 3600 - 899
            assert await renewed.get() == 1
            clock.now += 300
            with pytest.raises(CredentialsError, match="the caller has no credentials"):
                await renewed.get()

        with caplog.at_level(logging.WARNING):
            run_steadily(main, backend=backend)
        assert "the caller has no credentials" in caplog.text

    def test_after_a_fork(self) -> None:
        """In a forked process a renewal that ran in the parent is begun anew, and no lock is stuck."""
        program = """
import asyncio, os, sys, threading, time, warnings
warnings.simplefilter("ignore")
from bedrock_converse._aws.refresh import Renewed, Source
gate = threading.Event()
class Slow(Source):
    def load(self, prepared, *, refused):
        if os.getpid() == parent:
            gate.wait(10)
        return os.getpid()
parent = os.getpid()
renewed = Renewed(Slow())
async def begin():
    try:
        await asyncio.wait_for(renewed.get(), 0.1)
    except TimeoutError:
        pass
asyncio.run(begin())
renewed._lock.acquire()
child = os.fork()
if child == 0:
    assert asyncio.run(renewed.get()) == os.getpid()
    os._exit(0)
renewed._lock.release()
_, status = os.waitpid(child, 0)
gate.set()
assert asyncio.run(renewed.get()) == parent
print(os.waitstatus_to_exitcode(status))
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
        assert (done.stdout.strip(), done.stderr) == ("0", "")


class TestOnLoop:
    @both_backends
    def test_early_renewal_is_one_tasks_business(self, backend: str) -> None:
        """From 15 minutes before the end one task asks and waits; the others get the old value at once."""
        clock, source, renewed = on_loop()

        async def main() -> None:
            await renewed.get()
            clock.now += 3600 - 899
            source.held = anyio.Event()
            answers: list[int] = []

            async def ask() -> None:
                answers.append(await renewed.get())

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(ask)
                await until(lambda: len(answers) == 9)
                source.held.set()
            assert sorted(answers) == [1] * 9 + [2]

        run_steadily(main, backend=backend)

    @both_backends
    def test_a_cancelled_leader_hands_over(self, backend: str) -> None:
        """When the asking task is cancelled, one of those that wait asks in its place."""
        _, source, renewed = on_loop()

        async def main() -> None:
            source.held = anyio.Event()
            answers: list[int] = []
            leader = anyio.CancelScope()

            async def lead() -> None:
                with leader:
                    await renewed.get()

            async def follow() -> None:
                answers.append(await renewed.get())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lead)
                await until(lambda: source.asked == 1)
                for _ in range(5):
                    tasks.start_soon(follow)
                await anyio.sleep(0.01)
                leader.cancel()
                await until(lambda: source.asked == 2)
                source.held.set()
            assert answers == [2] * 5

        run_steadily(main, backend=backend)

    @both_backends
    def test_too_slow(self, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A coroutine that hangs is given up after the same time as a thread."""
        monkeypatch.setattr(refresh, "TIME_LIMIT", 0.05)
        _, source, renewed = on_loop()

        async def main() -> None:
            source.held = anyio.Event()
            for answer in await gather(3, renewed.get):
                assert "took more than" in str(answer)
            source.held = None
            assert await renewed.get() == 2

        run_steadily(main, backend=backend)

    def test_each_loop_asks_for_itself(self) -> None:
        """Two loops at once cannot wait for each other's coroutine: each asks once."""
        _, source, renewed = on_loop()
        barrier = threading.Barrier(2)
        answers: list[int] = []

        async def main() -> None:
            barrier.wait(5)
            answers.extend(await gather(10, renewed.get))

        loops = [
            threading.Thread(target=anyio.run, args=(main,), kwargs={"backend": name}) for name in ("asyncio", "trio")
        ]
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join(10)
        assert len(answers) == 20
        assert source.asked <= 2
