from __future__ import annotations

import asyncio
import json
import logging
import pickle
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bedrock_converse._http.retry import Attempt, Decision, RetryPolicy, RetryQuota, decide, run_attempts
from bedrock_converse._wire.retry_after import retry_after
from bedrock_converse.errors import (
    AccessDeniedError,
    APIError,
    BedrockError,
    ConfigError,
    ConnectError,
    CredentialsError,
    InternalServerError,
    RequestInvalid,
    RequestTimeout,
    ThrottlingError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = Path(__file__).resolve().parents[2] / ".." / "shared" / "vectors" / "retry.json"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are not here")


def server_error(**facts: Any) -> InternalServerError:
    return InternalServerError("no", status_code=500, code="InternalServerException", **facts)


def throttled(**facts: Any) -> ThrottlingError:
    return ThrottlingError("no", status_code=429, code="ThrottlingException", **facts)


def expired() -> AccessDeniedError:
    return AccessDeniedError("no", status_code=403, code="ExpiredTokenException")


class Script:
    """An attempt that plays one outcome after the other, and a sleep that only writes down what it was asked for."""

    def __init__(self, *outcomes: object) -> None:
        self.outcomes = list(outcomes)
        self.numbers: list[int] = []
        self.sleeps: list[float] = []

    async def attempt(self, number: int) -> object:
        self.numbers.append(number)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)

    async def run(
        self, *, policy: RetryPolicy | None = None, quota: RetryQuota | None = None, **options: Any
    ) -> object:
        return await run_attempts(
            self.attempt,
            policy=policy or RetryPolicy(),
            quota=quota or RetryQuota(),
            sleep=self.sleep,
            random=options.pop("random", lambda: 1.0),
            **options,
        )


# --- the policy -------------------------------------------------------------------------------------------------------


def test_policy_is_a_value() -> None:
    """Equal policies are equal, hash alike, survive pickle and cannot be changed."""
    policy = RetryPolicy(max_attempts=5, retry_possibly_billed=True)
    assert pickle.loads(pickle.dumps(policy)) == policy == RetryPolicy(max_attempts=5, retry_possibly_billed=True)
    assert hash(policy) == hash(RetryPolicy(max_attempts=5, retry_possibly_billed=True))
    with pytest.raises(AttributeError):
        policy.max_attempts = 1  # type: ignore[misc]


def test_policy_without_retries() -> None:
    """`none()` is one attempt."""
    assert RetryPolicy.none() == RetryPolicy(max_attempts=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"max_attempts": 0},
        {"max_attempts": True},
        {"max_attempts": 2.0},
        {"max_attempts": "3"},
        {"base_delay_transient": -1},
        {"base_delay_throttling": float("nan")},
        {"max_backoff": float("inf")},
        {"max_backoff": 10**400},
        {"retry_after_cap": None},
        {"retry_possibly_billed": 1},
        {"on_attempt": "print"},
    ],
    ids=str,
)
def test_policy_refuses_what_makes_no_sense(fields: dict[str, Any]) -> None:
    """A bad field is a ConfigError that names it."""
    with pytest.raises(ConfigError, match=next(iter(fields))):
        RetryPolicy(**fields)


def test_policy_refuses_an_async_hook() -> None:
    """Nobody would await it."""

    async def hook(attempt: Attempt) -> None: ...

    with pytest.raises(ConfigError, match="async"):
        RetryPolicy(on_attempt=hook)


@pytest.mark.parametrize(
    ("environ", "attempts"),
    [
        ({}, 3),
        ({"AWS_MAX_ATTEMPTS": ""}, 3),
        ({"AWS_MAX_ATTEMPTS": "7"}, 7),
        ({"AWS_MAX_ATTEMPTS": " 1 ", "AWS_RETRY_MODE": "adaptive"}, 1),
    ],
)
def test_policy_from_the_environment(environ: dict[str, str], attempts: int) -> None:
    """`AWS_MAX_ATTEMPTS` counts, `AWS_RETRY_MODE` does not."""
    assert RetryPolicy.from_environment(environ) == RetryPolicy(max_attempts=attempts)


@pytest.mark.parametrize("value", ["0", "-1", "three", "1.5", "²", "9" * 5000])
def test_policy_from_a_broken_environment(value: str) -> None:
    """A value that is no number is refused by the name of the variable, not ignored."""
    with pytest.raises(ConfigError, match="AWS_MAX_ATTEMPTS"):
        RetryPolicy.from_environment({"AWS_MAX_ATTEMPTS": value})


# --- the decision -----------------------------------------------------------------------------------------------------


def decision(error: BedrockError, attempt: int = 1, policy: RetryPolicy | None = None, **options: Any) -> Decision:
    quota = options.pop("quota", None) or RetryQuota()
    return decide(error, attempt, policy or RetryPolicy(max_attempts=10**6), quota, random=lambda: 1.0, **options)


@pytest.mark.parametrize(
    ("error", "delays"),
    [
        (server_error(), [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20, 20]),
        (throttled(), [1, 2, 4, 8, 16, 20, 20]),
    ],
)
def test_backoff_doubles_up_to_the_cap(error: BedrockError, delays: list[float]) -> None:
    """The longest wait doubles from the base of its kind up to 20 s."""
    assert [decision(error, number).delay for number in range(1, len(delays) + 1)] == pytest.approx(delays)


def test_backoff_does_not_overflow() -> None:
    """A hundred thousand attempts wait for the cap, as AWS's vectors ask."""
    assert decision(server_error(), 100_000).delay == 20


def test_jitter_is_uniform() -> None:
    """Waits are spread evenly over the whole span: every bin within 20 % of the mean."""
    policy, quota = RetryPolicy(max_attempts=1000), RetryQuota(10**9)
    waits = Counter(int(decide(server_error(), 100, policy, quota).delay) for _ in range(20_000))
    assert set(waits) == set(range(20))
    assert all(800 <= amount <= 1200 for amount in waits.values())


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"x-amz-retry-after": "0"}, 0.05),
        ({"x-amz-retry-after": "10000"}, 5.05),
        ({"x-amz-retry-after": "invalid"}, 0.05),
        ({"retry-after": "10"}, 10),
        ({"retry-after": "0"}, 0.05),
        ({"retry-after": "3600"}, 60),
    ],
    ids=str,
)
def test_what_the_server_asks_for(headers: dict[str, str], delay: float) -> None:
    """AWS's own header adds at most 5 s to our wait, `Retry-After` goes up to its cap; neither makes it shorter."""
    assert decision(server_error(retry_after=retry_after(headers))).delay == pytest.approx(delay)


def test_a_header_alone_makes_nothing_retryable() -> None:
    """`Retry-After` on a 400 changes nothing."""
    error = APIError("no", status_code=400, retry_after=1.0)
    assert decision(error).reason == "not_retryable"


def test_what_may_have_been_billed_is_not_retried() -> None:
    """The rule above the table; only the policy can lift it."""
    error = RequestTimeout("no", phase="first_event", seconds=300, possibly_billed=True)
    quota = RetryQuota()
    assert decision(error, quota=quota).reason == "possibly_billed"
    assert quota.available == 500
    assert decision(error, policy=RetryPolicy(retry_possibly_billed=True), quota=quota).retry


@pytest.mark.parametrize(
    "error",
    [server_error(possibly_billed=True), throttled(possibly_billed=True), TransportError("no", possibly_billed=True)],
    ids=["500", "429", "broken"],
)
def test_the_rule_holds_for_every_kind(error: BedrockError) -> None:
    """Whatever the table says about its kind, what may have been billed stops."""
    assert decision(error).reason == "possibly_billed"


def test_a_wait_that_outlasts_the_call_is_not_begun() -> None:
    """When the total would pass during the wait, the call stops at once, and the quota is not charged."""
    quota = RetryQuota()
    assert decision(throttled(), remaining=1.0, quota=quota).reason == "deadline_exceeded"
    assert quota.available == 500
    assert decision(throttled(), remaining=1.1, quota=quota).retry


def test_quota_is_charged_by_kind() -> None:
    """A transient failure costs 14, throttling 5."""
    quota = RetryQuota()
    decision(server_error(), quota=quota)
    assert quota.available == 486
    decision(throttled(), quota=quota)
    assert quota.available == 481


def test_quota_never_leaves_its_bounds() -> None:
    """It cannot be overdrawn, nor filled beyond its capacity."""
    quota = RetryQuota(20, available=13)
    assert not quota.acquire(14)
    assert quota.available == 13
    quota.release(100)
    assert quota.available == 20


# --- the loop ---------------------------------------------------------------------------------------------------------

LOOP_CASES: list[tuple[str, dict[str, Any], int, list[object], str | None, int, list[float]]] = [
    ("first try", {}, 486, ["ok"], None, 487, []),
    ("second try", {}, 500, [server_error(), "ok"], None, 500, [0.05]),
    ("third try", {}, 500, [server_error(), server_error(), "ok"], None, 486, [0.05, 0.1]),
    ("all fail", {}, 500, [server_error()] * 3, "max_attempts_exceeded", 472, [0.05, 0.1]),
    ("quota runs out", {"max_attempts": 5}, 20, [server_error()] * 2, "retry_quota_exceeded", 6, [0.05]),
    ("no quota", {}, 0, [server_error()], "retry_quota_exceeded", 0, []),
    ("throttling", {}, 500, [throttled(), "ok"], None, 500, [1.0]),
    ("not retryable", {}, 500, [APIError("no", status_code=404)], "not_retryable", 500, []),
    ("mixed", {}, 500, [throttled(), server_error(), "ok"], None, 495, [1.0, 0.1]),
    ("none", {"max_attempts": 1}, 500, [server_error()], "max_attempts_exceeded", 500, []),
]


@pytest.mark.parametrize(
    ("fields", "available", "outcomes", "reason", "left", "sleeps"),
    [case[1:] for case in LOOP_CASES],
    ids=[case[0] for case in LOOP_CASES],
)
async def test_loop(
    fields: dict[str, Any],
    available: int,
    outcomes: list[object],
    reason: str | None,
    left: int,
    sleeps: list[float],
) -> None:
    """Outcome, quota and waits of whole calls."""
    seen: list[Attempt] = []
    quota, script = RetryQuota(available=available), Script(*outcomes)
    policy = RetryPolicy(**fields, on_attempt=seen.append)
    if reason is None:
        assert await script.run(policy=policy, quota=quota) == "ok"
    else:
        with pytest.raises(APIError):
            await script.run(policy=policy, quota=quota)
    assert seen[-1].reason == reason
    assert quota.available == left
    assert script.sleeps == pytest.approx(sleeps)
    assert script.numbers == list(range(1, len(outcomes) + 1))


async def test_the_last_error_is_raised_with_its_history() -> None:
    """The error knows how many attempts there were; its notes tell what happened before, without AWS's words."""
    first, last = throttled(request_id="req-1"), server_error(request_id="req-2")
    with pytest.raises(InternalServerError) as caught:
        await Script(first, last).run(policy=RetryPolicy(max_attempts=2))
    assert caught.value is last
    assert last.attempts == 2
    assert last.__notes__ == [
        "attempt 1 failed with ThrottlingError 429 ThrottlingException, request id req-1; tried again after 1.00 s"
    ]
    assert pickle.loads(pickle.dumps(last)).__notes__ == last.__notes__
    assert last.__context__ is None


async def test_attempts_counts_requests_that_were_sent() -> None:
    """An error before anything is sent leaves the count at 0."""
    error = RequestInvalid("no")
    with pytest.raises(RequestInvalid):
        await Script(error).run()
    assert error.attempts == 0


async def test_a_total_that_ends_stops_the_call_at_once() -> None:
    """With too little time left for the wait, the last error is raised without sleeping."""
    script = Script(throttled(), "never")
    with pytest.raises(ThrottlingError):
        await script.run(remaining=lambda: 0.5)
    assert script.sleeps == []


async def test_foreign_exceptions_pass_through() -> None:
    """What is not ours is not retried, and leaves the quota alone."""
    quota = RetryQuota()
    with pytest.raises(ZeroDivisionError):
        await Script(server_error(), ZeroDivisionError()).run(quota=quota)
    assert quota.available == 500


async def test_hooks_see_each_attempt() -> None:
    """The policy's hook and the caller's see the same records, failures and success."""
    mine: list[Attempt] = []
    theirs: list[Attempt] = []
    error = server_error()
    await Script(error, "ok").run(policy=RetryPolicy(on_attempt=theirs.append), on_attempt=mine.append)
    assert mine == theirs
    first, second = mine
    assert (first.number, first.max_attempts, first.error, first.retry, first.delay) == (1, 3, error, True, 0.05)
    assert (second.number, second.error, second.retry, second.delay, second.reason) == (2, None, False, 0.0, None)
    assert first.duration >= 0


async def test_a_broken_hook_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What a hook raises is logged once, without the text of the call's own error, and the call goes on."""

    def hook(attempt: Attempt) -> None:
        raise ZeroDivisionError

    policy = RetryPolicy(on_attempt=hook)
    with caplog.at_level(logging.ERROR, "bedrock_converse"):
        assert await Script(InternalServerError("SECRET", status_code=500), "ok").run(policy=policy) == "ok"
        assert await Script("ok").run(policy=policy) == "ok"
    assert len(caplog.records) == 1
    assert "ZeroDivisionError" in caplog.text
    assert "SECRET" not in caplog.text


# --- recoveries -------------------------------------------------------------------------------------------------------


class Repair:
    """A recovery that writes down what it was asked about."""

    def __init__(self, *results: bool | BaseException) -> None:
        self.results = list(results)
        self.asked: list[BedrockError] = []

    async def __call__(self, error: BedrockError) -> bool:
        self.asked.append(error)
        result = self.results.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result


async def test_repaired_refusals_are_tried_again_at_once() -> None:
    """Fresh credentials: one more attempt, without wait and without quota."""
    quota, repair, script = RetryQuota(available=400), Repair(True), Script(expired(), "ok")
    assert await script.run(quota=quota, recoveries=[repair]) == "ok"
    assert script.sleeps == []
    assert quota.available == 400


async def test_a_repair_happens_once_per_call() -> None:
    """If the fresh credentials are refused too, that is the answer."""
    repair, last = Repair(True), expired()
    with pytest.raises(AccessDeniedError) as caught:
        await Script(expired(), last).run(recoveries=[repair])
    assert caught.value is last
    assert len(repair.asked) == 1


async def test_different_repairs_may_follow_each_other() -> None:
    """A skewed clock hides expired credentials: each is repaired once."""
    clock, credentials = Repair(True), Repair(True)
    assert await Script(expired(), expired(), "ok").run(recoveries=[clock, credentials]) == "ok"
    assert len(clock.asked) == len(credentials.asked) == 1


async def test_what_cannot_be_repaired_goes_by_the_table() -> None:
    """A recovery that declines leaves the decision to the table."""
    repair, script = Repair(False, False), Script(server_error(), "ok")
    assert await script.run(recoveries=[repair]) == "ok"
    assert script.sleeps == [0.05]


async def test_a_repair_does_not_exceed_max_attempts() -> None:
    """One attempt means one attempt; the repair is made all the same, for the next call."""
    repair = Repair(True)
    with pytest.raises(AccessDeniedError):
        await Script(expired()).run(policy=RetryPolicy.none(), recoveries=[repair])
    assert len(repair.asked) == 1


async def test_a_failing_repair_ends_the_call() -> None:
    """When refreshing fails, that is what the caller has to know; the refusal is its context."""
    refused = expired()
    with pytest.raises(CredentialsError) as caught:
        await Script(refused).run(recoveries=[Repair(CredentialsError("cannot refresh"))])
    assert caught.value.__context__ is refused
    assert caught.value.attempts == 1


async def test_broken_connections_are_not_repaired() -> None:
    """Recoveries are for what AWS refused; a lost connection says nothing about credentials."""
    repair = Repair()
    assert await Script(ConnectError("no", reason="refused"), "ok").run(recoveries=[repair]) == "ok"
    assert repair.asked == []


# --- cancellation -----------------------------------------------------------------------------------------------------


def cancelled_during_the_wait() -> tuple[RetryQuota, Callable[[], Any]]:
    quota = RetryQuota()
    script = Script(throttled(), "never")

    async def call() -> None:
        with anyio.move_on_after(0.01) as scope:
            await run_attempts(script.attempt, policy=RetryPolicy(), quota=quota, random=lambda: 1.0)
        assert scope.cancelled_caught
        assert script.numbers == [1]

    return quota, call


async def test_a_cancelled_wait_gives_the_quota_back() -> None:
    """The wait ends at once, and what the retry would have cost is not lost (asyncio)."""
    quota, call = cancelled_during_the_wait()
    await call()
    assert quota.available == 500


def test_a_cancelled_wait_gives_the_quota_back_on_trio() -> None:
    """The same under trio."""
    quota, call = cancelled_during_the_wait()
    anyio.run(call, backend="trio")
    assert quota.available == 500


async def test_a_cancelled_repair_gives_the_quota_back() -> None:
    """Throttled, then refused as expired, and cancelled while credentials are renewed."""
    quota = RetryQuota()
    with pytest.raises(asyncio.CancelledError):
        await Script(throttled(), expired()).run(quota=quota, recoveries=[Repair(False, asyncio.CancelledError())])
    assert quota.available == 500


async def test_a_wait_that_the_total_cuts_gives_the_quota_back() -> None:
    """A hook may take the time that was left: then the wait ends, and the retry was not made."""

    class Late(Script):
        async def sleep(self, seconds: float) -> None:
            raise RequestTimeout("no", phase="total", seconds=1)

    quota = RetryQuota()
    with pytest.raises(RequestTimeout) as caught:
        await Late(throttled(), "never").run(quota=quota)
    assert quota.available == 500
    assert caught.value.attempts == 1
    assert len(caught.value.__notes__) == 1


async def test_a_hook_that_interrupts_costs_no_quota() -> None:
    """What is no `Exception` (Ctrl-C) goes through a hook, and the retry that was paid for is not made."""

    def hook(attempt: Attempt) -> None:
        raise KeyboardInterrupt

    quota = RetryQuota(available=400)
    with pytest.raises(KeyboardInterrupt):
        await Script(throttled(), "never").run(quota=quota, policy=RetryPolicy(on_attempt=hook))
    assert quota.available == 400
    with pytest.raises(KeyboardInterrupt):
        await Script("ok").run(quota=quota, policy=RetryPolicy(on_attempt=hook))
    assert quota.available == 401


async def test_a_hook_that_hides_its_being_async_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A lambda around an async function: the coroutine is closed, not left to warn later."""
    policy = RetryPolicy(on_attempt=lambda _: asyncio.sleep(0))
    with caplog.at_level(logging.ERROR, "bedrock_converse"):
        assert await Script("ok").run(policy=policy) == "ok"
    assert "asynchronous" in caplog.text


async def test_a_cancelled_retry_gives_the_quota_back() -> None:
    """A retry that is cancelled while it runs has proved nothing."""
    quota = RetryQuota()
    with pytest.raises(asyncio.CancelledError):
        await Script(server_error(), asyncio.CancelledError()).run(quota=quota)
    assert quota.available == 500


# --- the shared vectors -----------------------------------------------------------------------------------------------


def answer(response: dict[str, Any]) -> object:
    status = response["status_code"]
    if status == 200:
        return "ok"
    asked = retry_after(response.get("headers", {}))
    return APIError("no", status_code=status, code=response.get("error_code"), retry_after=asked)


@needs_vectors
async def test_aws_standard_2_1() -> None:
    """AWS's own table of whole calls, step by step: outcome, quota and wait."""
    cases = [c for c in json.loads(VECTORS.read_bytes())["standard_2_1"] if not c.get("not_applicable_to_bedrock")]
    assert len(cases) == 17
    for case in cases:
        quota = RetryQuota(available=case.get("preset_available", case.get("initial_tokens", 500)))
        policy_fields = {"max_attempts": case.get("max_attempts", 3), "max_backoff": case.get("max_backoff_s", 20.0)}
        steps: list[dict[str, Any]] = list(case["steps"])
        while steps:  # a success ends a call; the steps after it are the next one
            steps = steps[await play(steps, policy_fields, quota, case["name"]) :]


async def play(steps: list[dict[str, Any]], fields: dict[str, Any], quota: RetryQuota, name: str) -> int:
    """One call; returns how many steps it took."""
    quotas: list[int] = []
    seen: list[Attempt] = []

    def after(attempt: Attempt) -> None:
        seen.append(attempt)
        quotas.append(quota.available)

    script = Script(*(answer(step["response"]) for step in steps))
    with suppress(APIError):
        await script.run(policy=RetryPolicy(**fields), quota=quota, on_attempt=after)
    for step, attempt, left in zip(steps, seen, quotas, strict=False):
        expected = step["expected"]
        outcome = {None: "retry_request" if attempt.retry else "success", "not_retryable": "fail_request"}.get(
            attempt.reason, attempt.reason
        )
        assert (outcome, left) == (expected["outcome"], expected["retry_quota"]), name
        assert attempt.delay == pytest.approx(expected.get("delay_s", 0.0)), name
    return len(seen)


@needs_vectors
def test_aws_backoff_sequences() -> None:
    """AWS's back-off sequences."""
    sequences = json.loads(VECTORS.read_bytes())["backoff_sequences"]
    for name, error in (("transient_2_1", server_error()), ("throttling_2_1", throttled())):
        delays = [decision(error, number).delay for number in range(1, len(sequences[name]) + 1)]
        assert delays == pytest.approx(sequences[name])
