from __future__ import annotations

import asyncio
import math
import selectors
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio.testing
from anyio.lowlevel import checkpoint

from bedrock_converse._http.deadline import Phase, Timeout
from bedrock_converse._http.timer import AsyncioCallTimer, AsyncioScope, CallTimer, call_timer, cancel_scope
from bedrock_converse.errors import RequestTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it, as trio's MockClock does."""

    def __init__(self) -> None:
        selector = selectors.SelectSelector()
        select = selector.select

        def jump(timeout: float | None = None) -> Any:
            assert timeout is not None, "nothing will ever happen any more"
            self.now += timeout
            return select(0)

        selector.select = jump  # type: ignore[method-assign]
        self.now = 1000.0
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        raise AssertionError(context)  # a callback of ours has failed; asyncio would only log that


def run(main: Callable[[], Awaitable[None]], backend: str = "asyncio") -> None:
    """Run a test in virtual time: it takes no time, and no busy machine can make it fail."""
    if backend == "trio":
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    else:
        anyio.run(main, backend_options={"loop_factory": VirtualTimeLoop})


def pending_cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def answer(value: str = "ok") -> str:
    await checkpoint()
    return value


def test_each_backend_has_its_timer() -> None:
    """asyncio has the cheap one, trio the one that uses scopes."""
    made: list[type[CallTimer]] = []

    async def main() -> None:
        made.append(type(call_timer(Timeout())))

    run(main, "asyncio")
    run(main, "trio")
    assert made == [AsyncioCallTimer, CallTimer]


@BACKENDS
@pytest.mark.parametrize(
    ("phase", "reported", "words"),
    [
        ("connect", "connect", "no connection within 10 s"),
        ("first_event", "first_event", "no event of the stream within 10 s"),
        ("answer", "first_event", "no complete answer within 10 s"),
        ("idle", "idle", "no further event of the stream within 10 s"),
    ],
)
def test_a_phase_runs_out(backend: str, phase: Phase, reported: str, words: str) -> None:
    """The error says which phase it was and how long it was allowed to take; nothing of the cancellation is left."""

    async def main() -> None:
        timer = call_timer(Timeout(**{phase: 10}))
        timer.start(phase)
        with pytest.raises(RequestTimeout, match=words) as caught:
            await timer.wait(anyio.sleep_forever)
        assert (caught.value.phase, caught.value.seconds) == (reported, 10)
        timer.close()
        await anyio.sleep(1)
        if backend == "asyncio":
            assert pending_cancellations() == 0

    run(main, backend)


@BACKENDS
def test_the_total_runs_out(backend: str) -> None:
    """When less is left of the total than of the phase, the total is what the error names."""

    async def main() -> None:
        timer = call_timer(Timeout(total=10))
        assert timer.remaining == 10
        timer.start("idle")
        with pytest.raises(RequestTimeout, match="total of 10 s") as caught:
            await timer.wait(anyio.sleep_forever)
        assert (caught.value.phase, caught.value.seconds) == ("total", 10)
        assert timer.remaining == 0
        timer.close()

    run(main, backend)


@BACKENDS
def test_in_time(backend: str) -> None:
    """A wait that is over in time gives its result, and its exceptions untouched."""

    async def fail() -> None:
        await checkpoint()
        raise TimeoutError("the peer's own")

    async def main() -> None:
        timer = call_timer(Timeout())
        timer.start("answer")
        assert await timer.wait(answer, "hello") == "hello"
        with pytest.raises(TimeoutError, match="the peer's own"):
            await timer.wait(fail)
        timer.close()

    run(main, backend)


@BACKENDS
def test_without_limits(backend: str) -> None:
    """No limit means no timer at all."""

    async def main() -> None:
        timer = call_timer(Timeout.of(None))
        timer.start("idle")
        assert await timer.wait(answer) == "ok"
        assert timer.remaining == math.inf
        if isinstance(timer, AsyncioCallTimer):
            assert timer._handle is None

    run(main, backend)


@BACKENDS
def test_dripping_does_not_stretch_a_phase(backend: str) -> None:
    """Reads that bring something but no event share the clock of the phase."""
    reads = 0

    async def main() -> None:
        nonlocal reads
        timer = call_timer(Timeout(idle=10))
        timer.start("idle")
        with suppress(RequestTimeout):
            while reads < 10:
                await timer.wait(anyio.sleep, 3)
                reads += 1
        timer.close()

    run(main, backend)
    assert reads == 3


@BACKENDS
def test_each_event_starts_the_clock_anew(backend: str) -> None:
    """A stream may take much longer than the idle limit as long as its events keep coming."""

    async def main() -> None:
        timer = call_timer(Timeout(idle=10))
        for _ in range(8):
            timer.start("idle")
            await timer.wait(anyio.sleep, 9)
        timer.close()

    run(main, backend)


@BACKENDS
def test_the_callers_own_time_does_not_count(backend: str) -> None:
    """Between two waits nothing of ours runs: slow code of the caller's is neither cancelled nor blamed."""

    async def main() -> None:
        timer = call_timer(Timeout(idle=10))
        for _ in range(2):
            timer.start("idle")
            assert await timer.wait(answer) == "ok"
            await anyio.sleep(20)
        timer.close()

    run(main, backend)


@BACKENDS
def test_a_shorter_phase_after_a_longer_one(backend: str) -> None:
    """The timer that was set for the long phase does not make the short one late."""

    async def main() -> None:
        timer = call_timer(Timeout(answer=60, idle=10))
        timer.start("answer")
        await timer.wait(answer)
        timer.start("idle")
        with anyio.fail_after(100), pytest.raises(RequestTimeout):
            await timer.wait(anyio.sleep_forever)
        timer.close()

    run(main, backend)


@BACKENDS
def test_the_callers_fail_after_is_not_ours(backend: str) -> None:
    """The caller's own limit ends in the caller's own TimeoutError."""

    async def main() -> None:
        timer = call_timer(Timeout())
        timer.start("answer")
        with pytest.raises(TimeoutError), anyio.fail_after(7):
            await timer.wait(anyio.sleep_forever)
        await checkpoint()
        timer.close()

    run(main, backend)


def test_the_callers_asyncio_timeout_is_not_ours() -> None:
    """The same with `asyncio.timeout`."""

    async def main() -> None:
        timer = call_timer(Timeout())
        timer.start("answer")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await timer.wait(anyio.sleep_forever)
        timer.close()

    run(main)


@BACKENDS
def test_ours_passes_through_the_callers(backend: str) -> None:
    """Our limit inside a longer one of the caller's is our error, not the one of the caller's scope."""

    async def main() -> None:
        timer = call_timer(Timeout(answer=10))
        timer.start("answer")
        with pytest.raises(RequestTimeout), anyio.fail_after(100) as scope:
            await timer.wait(anyio.sleep_forever)
        assert not scope.cancel_called
        timer.close()

    run(main, backend)


def test_a_task_group_around_is_not_disturbed() -> None:
    """Our cancellation of the task is taken back before anyio or asyncio can see it."""

    async def main() -> None:
        timer = call_timer(Timeout(answer=10))
        timer.start("answer")
        async with asyncio.TaskGroup() as tasks:
            other = tasks.create_task(asyncio.sleep(30, "done"))
            with pytest.raises(RequestTimeout):
                await timer.wait(anyio.sleep_forever)
            await asyncio.sleep(10)
        assert other.result() == "done"
        timer.close()

    run(main)


def test_a_cancelled_task_stays_cancelled() -> None:
    """When the caller cancels in the same step in which our limit runs out, the cancellation wins."""

    async def main() -> None:
        started = asyncio.Event()

        async def call() -> None:
            timer = call_timer(Timeout(answer=10))
            timer.start("answer")
            started.set()
            try:
                await timer.wait(anyio.sleep_forever)
            finally:
                timer.close()

        task = asyncio.create_task(call())
        await started.wait()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.now += 10
        loop.call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_the_callers_cleanup_is_not_cut_short() -> None:
    """While a cancellation of the caller's passes through, our limit does not add a second one."""

    async def main() -> None:
        cleaned = False

        async def read() -> None:
            nonlocal cleaned
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(2.5)
                cleaned = True

        async def call() -> None:
            timer = call_timer(Timeout(answer=10))
            timer.start("answer")
            await timer.wait(read)

        task = asyncio.create_task(call())
        await asyncio.sleep(9)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned

    run(main)


def test_a_cancellation_that_is_swallowed_does_not_disarm_ours() -> None:
    """When a library loses the caller's cancellation and goes on waiting, our limit still ends it, a little later."""

    async def main() -> None:
        async def deaf() -> None:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            await asyncio.sleep(3600)

        async def call() -> None:
            timer = call_timer(Timeout(answer=10))
            timer.start("answer")
            await timer.wait(deaf)

        loop = asyncio.get_running_loop()
        began = loop.time()
        task = asyncio.create_task(call())
        await asyncio.sleep(9)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 12 <= loop.time() - began < 12.1

    run(main)


@BACKENDS
def test_what_the_cleanup_raises_becomes_the_cause(backend: str) -> None:
    """A library that answers our cancellation with an error of its own does not hide that the time ran out."""

    async def read() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("the connection is gone")

    async def main() -> None:
        timer = call_timer(Timeout(answer=10))
        timer.start("answer")
        with pytest.raises(RequestTimeout) as caught:
            await timer.wait(read)
        assert isinstance(caught.value.__cause__, OSError)
        timer.close()

    run(main, backend)


def test_a_result_that_survives_the_cancellation_is_kept() -> None:
    """If the answer was there after all, it is used, and the task is not left half cancelled."""

    async def main() -> None:

        async def read() -> str:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "just in time"
            return "never"

        timer = call_timer(Timeout(answer=10))
        timer.start("answer")
        assert await timer.wait(read) == "just in time"
        assert pending_cancellations() == 0
        timer.close()

    run(main)


def test_an_inner_timeout_does_not_disarm_ours() -> None:
    """A library's own timeout that strikes at the same time as ours, and is retried inside, cannot make us hang."""

    async def main() -> None:

        async def stubborn() -> None:
            while True:
                with anyio.move_on_after(10):
                    await asyncio.sleep(60)

        timer = call_timer(Timeout(answer=10))
        timer.start("answer")
        async with asyncio.timeout(100):
            with pytest.raises(RequestTimeout):
                await timer.wait(stubborn)
        timer.close()

    run(main)


def test_a_stream_may_change_tasks() -> None:
    """A call that was begun in one task and is read in another is limited there."""

    async def main() -> None:
        timer = call_timer(Timeout(idle=10))

        async def read(forever: bool) -> str:
            timer.start("idle")
            return await timer.wait(anyio.sleep_forever if forever else answer)

        assert await asyncio.create_task(read(forever=False)) == "ok"
        with pytest.raises(RequestTimeout):
            await asyncio.create_task(read(forever=True))
        timer.close()

    run(main)


def test_a_long_stream_needs_few_loop_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand waits share one timer of the event loop; that is what makes them cheap."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timer = call_timer(Timeout())
        made = 0
        original = loop.call_at

        def call_at(*args: Any, **options: Any) -> asyncio.TimerHandle:
            nonlocal made
            made += 1
            return original(*args, **options)

        monkeypatch.setattr(loop, "call_at", call_at)
        timer.start("first_event")
        await timer.wait(answer)
        for _ in range(1000):
            timer.start("idle")
            await timer.wait(answer)
        timer.close()
        assert made == 2

    run(main)


def test_closing_leaves_no_timer_in_the_loop() -> None:
    """A thousand finished calls must not wait in the loop's heap for their limits to pass."""

    async def main() -> None:
        timer = call_timer(Timeout())
        assert isinstance(timer, AsyncioCallTimer)
        timer.start("answer")
        await timer.wait(answer)
        handle = timer._handle
        assert handle is not None
        timer.close()
        assert handle.cancelled()

    run(main)


@BACKENDS
def test_what_remains(backend: str) -> None:
    """The rest of the total shrinks by the clock of the event loop."""

    async def main() -> None:
        timer = call_timer(Timeout(idle=3600, total=7200))
        timer.start("idle")
        await timer.wait(anyio.sleep, 3000)
        assert timer.remaining == pytest.approx(4200)
        timer.close()

    run(main, backend)


# --- scopes that others may cancel ------------------------------------------------------------------------------------


@BACKENDS
def test_a_scope_is_cancelled_from_outside(backend: str) -> None:
    """The block ends, the task goes on, and no cancellation stays behind."""

    async def main() -> None:
        scope = cancel_scope()
        assert isinstance(scope, AsyncioScope) is (backend == "asyncio")
        async with anyio.create_task_group() as tasks:

            async def from_outside() -> None:
                scope.cancel()
                scope.cancel()

            tasks.start_soon(from_outside)
            with scope:
                await anyio.sleep(math.inf)
            assert scope.cancel_called
            await anyio.sleep(1)
        if backend == "asyncio":
            assert pending_cancellations() == 0

    run(main, backend)


@BACKENDS
def test_a_scope_that_is_over_cancels_nothing(backend: str) -> None:
    """What comes after the block is nobody's business."""

    async def main() -> None:
        with cancel_scope() as scope:
            await checkpoint()
        scope.cancel()
        await anyio.sleep(1)

    run(main, backend)


@BACKENDS
def test_a_scope_hides_no_cancellation_of_others(backend: str) -> None:
    """The caller's own limit ends the caller's block, whether or not the scope was cancelled in the same moment."""

    async def main() -> None:
        for also_ours in (False, True):
            with anyio.CancelScope() as callers:
                with cancel_scope() as scope:
                    callers.cancel()
                    if also_ours:
                        scope.cancel()
                    await anyio.sleep(math.inf)
                await checkpoint()  # where it arrives at the latest
                pytest.fail("the caller's cancellation was lost")
            assert callers.cancelled_caught
        await anyio.sleep(1)

    run(main, backend)


def test_a_cancelled_task_stays_cancelled_in_a_scope() -> None:
    """`task.cancel()` passes through, also when the scope is cancelled right after it."""

    async def main() -> None:
        scopes: list[Any] = []

        async def connect() -> None:
            with cancel_scope() as scope:
                scopes.append(scope)
                await anyio.sleep(math.inf)

        for also_ours in (False, True):
            task = asyncio.create_task(connect())
            await anyio.sleep(1)
            task.cancel()
            if also_ours:
                scopes[-1].cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main)


@BACKENDS
def test_an_error_in_a_cancelled_scope_is_raised(backend: str) -> None:
    """What clean-up raises instead of the cancellation is told."""

    async def main() -> None:
        async def clean_up_badly() -> None:
            with cancel_scope() as scope:
                scope.cancel()
                try:
                    await anyio.sleep(math.inf)
                finally:
                    raise OSError("broken")

        with pytest.raises(OSError, match="broken"):
            await clean_up_badly()
        await anyio.sleep(1)

    run(main, backend)
