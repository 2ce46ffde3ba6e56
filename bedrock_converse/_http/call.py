"""One call: credentials, signature, attempts, and telling the observers. Knows no arguments and no streams' contents.

perform(...)   a whole answer
open_stream    the first event of a stream, and an `EventSource` for the rest
"""

from __future__ import annotations

import os
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple

from bedrock_converse import _version
from bedrock_converse._aws.credentials import ApiKey
from bedrock_converse._http.classify import clock_is_off, clock_suspected, credentials_rejected
from bedrock_converse._http.connection import Exchange
from bedrock_converse._http.events import EventSource
from bedrock_converse._http.retry import Attempt, RetryPolicy, run_attempts
from bedrock_converse._http.timer import CallTimer, call_timer
from bedrock_converse._http.transport import Pieces, SignedHeaders
from bedrock_converse._wire.deserialize import EVENT_STREAM, parse_response
from bedrock_converse._wire.retry_after import retry_after
from bedrock_converse._wire.serialize import merged_headers
from bedrock_converse.errors import APIError, BedrockError, ProtocolError, ResponseInvalid, TransportError
from bedrock_converse.observe import AttemptFailed, CallEnded, CallStarted, FanOut, FirstEvent, Outcome
from bedrock_converse.types.results import CallFacts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bedrock_converse._http.deadline import Timeout
    from bedrock_converse._http.hub import Hub, Loop, Target
    from bedrock_converse._http.limiter import Slot
    from bedrock_converse._http.running import RunningCalls
    from bedrock_converse._http.transport import Answer
    from bedrock_converse._wire.serialize import WireRequest
    from bedrock_converse.types.results import Result

__all__ = ["Call", "CallSettings"]


class CallSettings(NamedTuple):
    """How one call is made: the client's settings with the view's and the call's own on top."""

    timeout: Timeout
    retry: RetryPolicy
    extra_headers: Mapping[str, str]
    observers: FanOut | None


class Call:
    """One call, from its first attempt to its end."""

    def __init__(
        self,
        hub: Hub,
        find_target: Callable[[], Awaitable[Target]],
        wire: WireRequest,
        settings: CallSettings,
        model_id: str | None,
    ) -> None:
        self.wire = wire
        self.settings = settings
        self.model_id = model_id
        self.operation = wire.operation
        self.call_id = new_call_id()
        self.attempts = 0
        self.hub = hub
        self._find_target = find_target
        self._target: Target | None = None
        self._timer: CallTimer = call_timer(settings.timeout)
        self._running: RunningCalls | None = None
        self._slot: Slot | None = None
        self._answer: Answer | None = None
        self._last_error: BedrockError | None = None
        self._used: Any = None
        self._skew = 0.0
        self._sent_at = self._answered_at = 0.0
        self._started = monotonic()
        self._first_event_after: float | None = None
        self._announced = False
        self._ended = False

    # --- the two kinds of call ---

    async def perform(self) -> Result:
        """The whole answer.

        Raises:
            BedrockError: whatever went wrong, with all its facts.
        """
        try:
            result = await self._run(self._attempt_unary)
        except BaseException as error:
            self.ended_with(error)
            raise
        facts = (
            CallFacts(self.model_id, self._answer.request_id, self._answer.status, self._answer.headers, self.attempts)
            if self._answer
            else CallFacts(self.model_id)
        )
        self.end("success", result)
        return result.with_facts(facts)

    async def open_stream(self) -> EventSource:
        """The stream, once its first event has come.

        Raises:
            BedrockError: whatever went wrong, with all its facts.
        """
        try:
            source = await self._run(self._attempt_stream)
        except BaseException as error:
            self.ended_with(error)
            raise
        self._first_event_after = monotonic() - self._started
        if self.settings.observers:
            self.settings.observers.first_event(
                FirstEvent(
                    **self._record(),
                    attempt=self.attempts,
                    duration=self._first_event_after,
                    request_id=source.answer.request_id,
                )
            )
        return source

    async def _run(self, attempt: Callable[[Loop, Target], Awaitable[Any]]) -> Any:
        self._target = target = await self._timer.wait(self._find_target)
        self._announce()
        loop = await self._timer.wait(self._prepare, target)

        async def numbered(number: int) -> Any:
            try:
                self._timer.start("total")
                self._used = await self._timer.wait(loop.running.unless_closed, target.identity.get)
                self.attempts = number
                return await attempt(loop, target)
            except BedrockError as error:
                self.annotate(error)  # before the policy's hook sees it
                raise

        try:
            return await run_attempts(
                numbered,
                policy=self.settings.retry,
                quota=target.quota,
                recoveries=(self._renew_credentials, self._correct_clock),
                on_attempt=self._report if self.settings.observers else None,
                remaining=lambda: self._timer.remaining,
                sleep=self._sleep,
            )
        except BedrockError as error:
            error.attempts = min(error.attempts, self.attempts)  # the time may have run out over the credentials
            raise

    async def _prepare(self, target: Target) -> Loop:
        loop = await self.hub.loop(secure=target.endpoint.scheme == "https")
        self._running = loop.running
        self._running.begin()
        self.wire.body.encode()  # a large one has been, in a thread
        if self.hub.limiter is not None and self.model_id is not None:
            self._slot = await self.hub.limiter.acquire(self.model_id)
        return loop

    async def _sleep(self, seconds: float) -> None:
        assert self._running is not None
        self._timer.start("total")
        await self._timer.wait(self._running.sleep, seconds)

    # --- one attempt ---

    async def _attempt_unary(self, loop: Loop, target: Target) -> Result:
        answer = await self._send(loop, target, "answer")
        timer = self._timer
        try:
            if not 200 <= answer.status < 300:
                raise await timer.wait(answer.read_error)
            body = answer.whole() or await timer.wait(answer.read_whole)
            return parse_response(self.operation, answer.status, answer.headers, body)
        except BaseException as error:
            await self._give_up(answer, error)
            raise

    async def _attempt_stream(self, loop: Loop, target: Target) -> EventSource:
        answer = await self._send(loop, target, "first_event")
        try:
            if not 200 <= answer.status < 300:
                raise await self._timer.wait(answer.read_error)
            content_type = answer.headers.get("content-type", "none")
            if answer.status != 200 or content_type.partition(";")[0].strip().lower() != EVENT_STREAM:
                raise ResponseInvalid(
                    f"status {answer.status}, content type {content_type[:100]}: not an event stream",
                    status_code=answer.status,
                    possibly_billed=True,
                )
            source = EventSource(self, answer, self._timer)
            await source.first()
        except BaseException as error:
            await self._give_up(answer, error)
            raise
        return source

    async def _send(self, loop: Loop, target: Target, phase: str) -> Answer:
        timer, endpoint = self._timer, target.endpoint
        exchange = Exchange(fresh=isinstance(self._last_error, TransportError))
        self._answer = None
        self._sent_at = time()
        try:
            answer = await loop.transport.send(
                f"{endpoint.scheme}://{endpoint.host}{endpoint.base_path}{self.wire.path}",
                self._headers(target),
                Pieces(self.wire.body.pieces),
                exchange=exchange,
                timer=timer,
                timeout=self.settings.timeout,
                phase=phase,
            )
        except BedrockError as error:
            self._last_error = error
            raise
        self._answer = answer
        if answer.status >= 400:
            self._answered_at = time()
        return answer

    def _headers(self, target: Target) -> SignedHeaders:
        """All headers of one attempt. The secret is in no local variable: crash reports show those."""
        wire, endpoint, extra = self.wire, target.endpoint, self.settings.extra_headers
        signed = merged_headers(wire.headers, extra)
        headers = SignedHeaders(
            {
                "Host": endpoint.host,
                "User-Agent": user_agent(),
                "Accept-Encoding": "identity",
                "Content-Length": str(wire.body.length),
                "amz-sdk-invocation-id": self.call_id,
                "amz-sdk-request": f"attempt={self.attempts}; max={self.settings.retry.max_attempts}",
            }
        )
        trace = _lambda_trace()
        if trace:
            headers["X-Amzn-Trace-Id"] = trace
        if extra:
            headers = SignedHeaders(merged_headers(headers, extra))
        headers.update(signed)
        if isinstance(target.identity, ApiKey):
            headers["Authorization"] = f"Bearer {self._used}"
            return headers
        self._skew = target.clock.skew
        headers.update(
            self.hub.signer.sign(
                method=wire.method,
                host=endpoint.host,
                path=endpoint.base_path + wire.path,
                headers=signed,
                payload_hash=wire.body.sha256,
                credentials=self._used,
                region=endpoint.require_region(),
                now=target.clock.now(),
            )
        )
        return headers

    async def _give_up(self, answer: Answer, error: BaseException) -> None:
        await answer.give_up()
        if isinstance(error, BedrockError):
            self._last_error = error
            error.request_id = error.request_id or answer.request_id
            if isinstance(error, APIError):  # perhaps in the first frame of a stream, which has no headers of its own
                error.retry_after = retry_after(answer.headers) if error.retry_after is None else error.retry_after
            else:
                error.status_code = error.status_code or answer.status
                error.possibly_billed |= isinstance(error, TransportError) and answer.status < 300
            if isinstance(error, ProtocolError) or (isinstance(error, APIError) and error.code is None):
                answer.distrust()  # somebody else than AWS has spoken

    # --- repairs ---

    async def _renew_credentials(self, error: BedrockError) -> bool:
        assert self._target is not None
        assert self._running is not None
        identity: Any = self._target.identity
        if not credentials_rejected(error) or not identity.renewable:
            return False
        identity.invalidate(self._used)
        self._timer.start("total")
        return await self._timer.wait(self._running.unless_closed, identity.get) != self._used

    async def _correct_clock(self, error: BedrockError) -> bool:
        target, answer = self._target, self._answer
        if target is None or answer is None or isinstance(target.identity, ApiKey) or not clock_suspected(error):
            return False  # only a refusal on account of the signature tells: any proxy can put a date on a 400
        date = None if "age" in answer.headers else answer.headers.get("date")  # a cache keeps the date of its copy
        measured = target.clock.learn(date, sent_at=self._sent_at, received_at=self._answered_at)
        return clock_is_off(error, measured=measured, used=self._skew)

    # --- observers, and the end ---

    def _record(self) -> dict[str, Any]:
        return {
            "call_id": self.call_id,
            "operation": self.operation.name,
            "model_id": self.model_id,
            "region": self._target.endpoint.region if self._target else None,
            "streaming": self.operation.streams,
        }

    def _announce(self) -> None:
        if self._announced:
            return
        self._announced = True
        if self.settings.observers:
            self.settings.observers.call_started(
                CallStarted(
                    **self._record(),
                    max_attempts=self.settings.retry.max_attempts,
                    request_bytes=self.wire.body.length,
                )
            )

    def _report(self, attempt: Attempt) -> None:
        if attempt.error is None or self.settings.observers is None:
            return
        self.settings.observers.attempt_failed(
            AttemptFailed(
                **self._record(),
                attempt=attempt.number,
                max_attempts=attempt.max_attempts,
                duration=attempt.duration,
                error=attempt.error,
                retry=attempt.retry,
                delay=attempt.delay,
                reason=attempt.reason,
            )
        )

    def annotate(self, error: BedrockError) -> None:
        """Fills in the facts that only the call knows."""
        error.operation = error.operation or self.operation.name
        error.model_id = error.model_id or self.model_id
        if error.region is None and self._target is not None:
            error.region = self._target.endpoint.region
        if error.request_id is None and self._answer is not None and not isinstance(error, APIError):
            error.request_id = self._answer.request_id

    def ended_with(self, error: BaseException) -> BaseException:
        """Ends the call with what it raises; gives the same error, with its facts."""
        self._announce()  # if not even the region was found: an end without a start would puzzle whoever counts
        if isinstance(error, BedrockError):
            self.annotate(error)
            error.attempts = error.attempts or (self.attempts if self._answer is not None else 0)
            self.end("error", error=error)
        else:
            self.end("cancelled")
        return error

    def drop(self) -> None:
        """Ends the call for a stream that nobody has closed: what the garbage collector does, in any thread."""
        if self._answer is not None:
            self._answer.drop()
        if self._slot is not None:
            self._slot.drop()
        running, self._running = self._running, None
        if running is not None:
            running.drop()
        self.end("left")

    def end(
        self, outcome: Outcome, reply: Any = None, *, error: BedrockError | None = None, received: int | None = None
    ) -> None:
        """The call is over. Does nothing the second time."""
        if self._ended:
            return
        self._ended = True
        self._timer.close()
        if self._slot is not None:
            self._slot.release()
        if self._running is not None:
            self._running.end()
        if self.settings.observers is None:
            return
        answer = self._answer
        self.settings.observers.call_ended(
            CallEnded(
                **self._record(),
                outcome=outcome,
                attempts=self.attempts,
                duration=monotonic() - self._started,
                time_to_first_event=self._first_event_after,
                error=error,
                request_id=(answer.request_id if answer else None) or (error.request_id if error else None),
                status_code=answer.status if answer else (error.status_code if error else None),
                usage=getattr(reply, "usage", None) if self.operation.name.startswith("Converse") else None,
                stop_reason=getattr(reply, "stop_reason", None),
                request_bytes=self.wire.body.length,
                response_bytes=received if received is not None else (answer.received if answer else None),
            )
        )


def new_call_id() -> str:
    """A random UUID (RFC 9562, version 4), one for all attempts. `uuid.uuid4` takes three times as long."""
    h = os.urandom(16).hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


_user_agent = ""


def user_agent() -> str:
    """`bedrock-converse/0.1.0 python/3.11.7 app/my-app`; the last from `AWS_SDK_UA_APP_ID` (at most 50 characters)."""
    global _user_agent
    if not _user_agent:
        import platform
        import re

        app = re.sub(r"[^A-Za-z0-9!#$%&'*+.^_`|~-]", "-", os.environ.get("AWS_SDK_UA_APP_ID", ""))[:50]
        _user_agent = f"bedrock-converse/{_version.__version__} python/{platform.python_version()}" + (
            f" app/{app}" if app else ""
        )
    return _user_agent


def _lambda_trace() -> str | None:
    """Lambda's trace header, which the service it calls is to see too (X-Ray)."""
    trace = os.environ.get("_X_AMZN_TRACE_ID", "").strip()
    if not trace or "AWS_LAMBDA_FUNCTION_NAME" not in os.environ or not trace.isascii() or not trace.isprintable():
        return None
    return trace
