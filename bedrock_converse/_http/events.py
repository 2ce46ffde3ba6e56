"""The events of a stream, one after the other: bytes -> frames -> events, without a task in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bedrock_converse._loop import at_most
from bedrock_converse._wire.deserialize import parse_event
from bedrock_converse._wire.eventstream import FrameDecoder
from bedrock_converse.errors import (
    APIError,
    EventStreamError,
    ProtocolError,
    ResponseInvalid,
    StreamIncomplete,
    TransportError,
)

if TYPE_CHECKING:
    from bedrock_converse._http.call import Call
    from bedrock_converse._http.timer import CallTimer
    from bedrock_converse._http.transport import Answer

__all__ = ["EventSource"]

LINGER = 0.1
"""Seconds that the end of a stream is waited for once everything has come. The connection can be used again if it
comes; if the peer holds it open, it is cut."""


class EventSource:
    """Reads the events of one answer. `poll` gives what has arrived, `fill` waits for more."""

    __slots__ = (
        "_decoder",
        "_pending",
        "_timer",
        "answer",
        "at_end",
        "call",
        "operation",
        "total_expired",
        "total_is_over",
    )

    def __init__(self, call: Call, answer: Answer, timer: CallTimer) -> None:
        self.call = call
        self.answer = answer
        self.operation = call.operation
        self.at_end = False
        """The answer has been read to its end."""
        self._timer = timer
        self.total_is_over = timer.total_is_over
        """The call has taken all of its time, whatever has arrived."""
        self.total_expired = timer.total_expired
        """The error for that."""
        self._decoder = FrameDecoder()
        self._pending: Any = None

    def poll(self) -> Any:
        """The next event that has arrived, or None.

        Raises:
            APIError: it is an exception.
            ProtocolError: it cannot be understood, or the stream ends inside it.
        """
        if self._pending is not None:
            event, self._pending = self._pending, None
            return event
        try:
            while (frame := self._decoder.next_frame()) is not None:
                event = parse_event(self.operation, frame)
                if event is not None:
                    return event
        except EventStreamError as error:
            if error.kind == "truncated":
                raise StreamIncomplete(str(error), possibly_billed=True) from error
            raise
        return None

    async def fill(self) -> None:
        """Waits until more has arrived, or the end; `at_end` tells which."""
        try:
            data = await self.answer.read_within(self._timer)
        except TransportError as error:
            if type(error) in (TransportError, ProtocolError):  # reset, or cut short: one class for every way
                raise StreamIncomplete(f"the stream broke off: {error}", possibly_billed=True) from error.__cause__
            raise
        if data:
            self._decoder.receive_data(data)
        else:
            self.at_end = True
            self._decoder.receive_eof()

    async def first(self) -> None:
        """Waits for the first event, and keeps it for `poll`.

        Raises:
            BedrockError: the stream begins with an exception, is empty, or breaks before its first event.
        """
        while (event := self.poll()) is None:
            if self.at_end:
                raise StreamIncomplete("the stream ended without a single event", possibly_billed=True)
            await self.fill()
            self._timer.check()
        self._pending = event

    async def next(self) -> Any:
        """Waits for the next event when `poll` has none; None at the end of the stream."""
        self._timer.start("idle")
        while not self.at_end:
            await self.fill()
            event = self.poll()
            if event is not None:
                return event
            self._timer.check()
        return None

    async def linger(self) -> Any:
        """Everything has come: gives the end of the stream a moment, so that the connection can be used again.

        Returns an event if one comes all the same, else None.
        """
        try:
            if self.answer.ended:  # nothing to wait for
                return await self.next()
            return await at_most(LINGER, self.next)
        except (EventStreamError, ResponseInvalid):
            raise  # as it would be if these bytes had come together with the last ones
        except TransportError:
            return None  # the reply is complete; how the connection ends is of no matter

    async def close(self) -> None:
        """Gives the connection back, or cuts it."""
        await self.answer.give_up()

    def explain(self, error: BaseException) -> None:
        """What an error in the middle of a stream means: nothing is retried, and AWS has generated what came so far."""
        if isinstance(error, (APIError, TransportError)):
            error.possibly_billed = True
            if isinstance(error, TransportError) and error.status_code is None:
                error.status_code = self.answer.status
            if isinstance(error, ProtocolError):
                self.answer.distrust()
            if error.request_id is None:
                error.request_id = self.answer.request_id
