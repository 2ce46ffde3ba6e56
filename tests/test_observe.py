from __future__ import annotations

import gc
import logging
import pickle
import subprocess
import sys
from typing import Any

import pytest

from bedrock_converse import observe
from bedrock_converse.errors import ConfigError, ConnectError, ThrottlingError
from bedrock_converse.observe import (
    AttemptFailed,
    CallEnded,
    CallStarted,
    FirstEvent,
    LoggingObserver,
    Observer,
    fan_out,
)

CALL: dict[str, Any] = {
    "call_id": "call-1",
    "operation": "ConverseStream",
    "model_id": "us.amazon.nova-lite-v1:0",
    "region": "us-east-1",
    "streaming": True,
}
STARTED = CallStarted(**CALL, max_attempts=3, request_bytes=120)
FAILED = AttemptFailed(
    **CALL,
    attempt=1,
    max_attempts=3,
    duration=0.5,
    error=ThrottlingError("SECRET PROMPT", status_code=429, code="ThrottlingException", request_id="req-1"),
    retry=True,
    delay=1.25,
    reason=None,
)
FIRST = FirstEvent(**CALL, attempt=2, duration=2.5, request_id="req-2")
ENDED = CallEnded(**CALL, outcome="success", attempts=2, duration=4.0, request_id="req-2", stop_reason="end_turn")


def send_all(observer: Observer) -> None:
    observer.call_started(STARTED)
    observer.attempt_failed(FAILED)
    observer.first_event(FIRST)
    observer.call_ended(ENDED)


class Recorder(Observer):
    def __init__(self) -> None:
        self.seen: list[object] = []

    def call_started(self, call: CallStarted) -> None:
        self.seen.append(call)

    def attempt_failed(self, attempt: AttemptFailed) -> None:
        self.seen.append(attempt)

    def first_event(self, event: FirstEvent) -> None:
        self.seen.append(event)

    def call_ended(self, call: CallEnded) -> None:
        self.seen.append(call)


class Broken(Observer):
    def call_started(self, call: CallStarted) -> None:
        raise ZeroDivisionError("broken observer")

    call_ended = call_started  # type: ignore[assignment]


def test_the_base_class_does_nothing() -> None:
    """An observer overrides only what it cares about."""
    send_all(Observer())


def test_every_observer_sees_every_record() -> None:
    """The fan-out hands on the very same records, in order."""
    one, two = Recorder(), Recorder()
    watching = fan_out([one, two])
    assert watching is not None
    send_all(watching)
    assert one.seen == two.seen == [STARTED, FAILED, FIRST, ENDED]


def test_nobody_watching_is_none() -> None:
    """Without observers the client has nothing to call, hence no record to build."""
    assert fan_out(()) is None


def test_a_broken_observer_is_logged_once_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Its exception is logged the first time; the others still see everything."""
    recorder = Recorder()
    watching = fan_out([Broken(), recorder])
    assert watching is not None
    with caplog.at_level(logging.DEBUG, "bedrock_converse"):
        send_all(watching)
        send_all(watching)
    assert len(recorder.seen) == 8
    assert len(caplog.records) == 1
    assert "Broken" in caplog.records[0].getMessage()
    assert "broken observer" in caplog.text


def test_each_broken_observer_is_logged_itself(caplog: pytest.LogCaptureFixture) -> None:
    """One broken observer does not hide another one of the same class."""
    with caplog.at_level(logging.DEBUG, "bedrock_converse"):
        for observer in (Broken(), Broken()):
            watching = fan_out([observer])
            assert watching is not None
            send_all(watching)
            gc.collect()
    assert len(caplog.records) == 2


def test_a_broken_observer_cannot_log_the_failure_it_was_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """The text of the call's own error, its context, stays out of the log."""
    watching = fan_out([Broken()])
    assert watching is not None
    with caplog.at_level(logging.DEBUG, "bedrock_converse"):
        try:
            raise FAILED.error
        except ThrottlingError:
            watching.call_started(STARTED)
    assert "ZeroDivisionError" in caplog.text
    assert "SECRET" not in caplog.text


def test_interrupts_are_not_swallowed() -> None:
    """Only exceptions of the observer are kept away; Ctrl-C is not one."""

    class Interrupting(Observer):
        def call_started(self, call: CallStarted) -> None:
            raise KeyboardInterrupt

    watching = fan_out([Interrupting()])
    assert watching is not None
    with pytest.raises(KeyboardInterrupt):
        watching.call_started(STARTED)


def test_async_methods_are_refused() -> None:
    """Nobody would await them, so they are refused when the client is made."""

    class Async(Observer):
        async def call_ended(self, call: CallEnded) -> None: ...  # type: ignore[override]

    with pytest.raises(ConfigError, match=r"Async\.call_ended is an async function"):
        fan_out([Async()])


def test_what_is_no_observer_is_refused() -> None:
    """A plain function, the usual mistake, gets a message that names what is missing."""
    with pytest.raises(ConfigError, match="call_started"):
        fan_out([print])  # type: ignore[list-item]


@pytest.mark.parametrize("record", [STARTED, FIRST, ENDED], ids=lambda record: type(record).__name__)
def test_records_are_frozen_values(record: Any) -> None:
    """Records cannot be changed, and survive pickle."""
    with pytest.raises(AttributeError):
        record.operation = "Other"
    assert pickle.loads(pickle.dumps(record)) == record


def test_a_failed_attempt_tells_id_and_status() -> None:
    """The facts of the error are at hand."""
    assert (FAILED.request_id, FAILED.status_code) == ("req-1", 429)


def test_logging_observer_writes_one_line_per_call(caplog: pytest.LogCaptureFixture) -> None:
    """At the default level: the failed attempt that is tried again, and the end."""
    with caplog.at_level(logging.INFO, "bedrock_converse"):
        send_all(LoggingObserver())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    retried, ended = (record.getMessage() for record in caplog.records)
    assert retried == (
        "ConverseStream us.amazon.nova-lite-v1:0 us-east-1 attempt 1 of 3 failed after 0.500 s, next one in 1.250 s: "
        "error=ThrottlingError 429 ThrottlingException request=req-1 call=call-1"
    )
    assert ended == (
        "ConverseStream us.amazon.nova-lite-v1:0 us-east-1 success after 4.000 s: "
        "attempts=2 stop_reason=end_turn request=req-2 call=call-1"
    )


def test_logging_observer_tells_start_and_first_event_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    """The rest is there for whoever debugs."""
    with caplog.at_level(logging.DEBUG, "bedrock_converse"):
        send_all(LoggingObserver())
    assert [record.levelname for record in caplog.records] == ["DEBUG", "WARNING", "DEBUG", "INFO"]


def test_logging_observer_never_writes_the_text_of_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """AWS's messages may quote the request; class, status and code do not."""
    ended = CallEnded(**CALL, outcome="error", attempts=1, duration=1.0, error=FAILED.error)
    with caplog.at_level(logging.DEBUG, "bedrock_converse"):
        observer = LoggingObserver()
        send_all(observer)
        observer.call_ended(ended)
    assert caplog.records[-1].levelname == "ERROR"
    assert "SECRET" not in caplog.text


def test_logging_observer_takes_level_and_logger(caplog: pytest.LogCaptureFixture) -> None:
    """Both may be chosen."""
    with caplog.at_level(logging.DEBUG, "mine"):
        LoggingObserver(logging.WARNING, logger=logging.getLogger("mine")).call_ended(ENDED)
    assert [(record.name, record.levelname) for record in caplog.records] == [("mine", "WARNING")]


def test_error_label_names_the_reason() -> None:
    """An error that never got an answer is told by its reason."""
    assert observe.error_label(ConnectError("no", reason="dns")) == "ConnectError dns"


def test_importing_is_light() -> None:
    """The module imports neither pydantic nor anything that speaks to the network."""
    code = (
        "import sys, types; package = types.ModuleType('bedrock_converse'); package.__path__ = [sys.argv[1]];"
        "sys.modules['bedrock_converse'] = package; import bedrock_converse.observe;"
        "sys.exit([m for m in ('pydantic', 'anyio', 'ssl', 'httpx') if m in sys.modules] or 0)"
    )
    folder = observe.__file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
