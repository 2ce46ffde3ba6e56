"""Errors travel: into logs and crash reports, with the local variables of every frame that they have passed."""

from __future__ import annotations

from functools import wraps
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, currentframe, iscoroutinefunction
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

__all__ = ["discreet", "forget_locals"]

WAITS = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR
ENGINE = {"bedrock_converse", "httpx", "httpx2", "httpcore", "httpcore2", "anyio", "trio"}
"""Whose frames may hold a request's bytes. None of them lets two tasks share an error that one of them is handling."""

P = ParamSpec("P")
R = TypeVar("R")


def discreet(function: Callable[P, R]) -> Callable[P, R]:
    """For functions that users call with prompts or secrets: what they raise shows no local variable of ours.

    Whatever it is, cancellations too: `asyncio.timeout` makes them the context of its `TimeoutError`.
    """

    def hidden(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            forget_locals(error)
            raise

    async def hidden_async(*args: Any, **kwargs: Any) -> Any:
        try:
            return await cast("Any", function)(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            forget_locals(error)
            raise

    return cast("Callable[P, R]", wraps(function)(hidden_async if iscoroutinefunction(function) else hidden))


def forget_locals(error: BaseException) -> None:
    """Empty the frames that `error` has left behind, and those of what led to it.

    A request's bytes (signed headers, the prompt) go through the hands of every function that sends them. What a
    traceback says stays: files, lines, messages. Frames that are still running keep their variables, so call this where
    an error leaves the code that has to forget.
    """
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        clear_frames(current)
        pending += [current.__cause__, *getattr(current, "exceptions", ())]
        # A cancellation is made by whoever cancels, and under trio its context is what that other task was handling:
        # with frames that wait for us, and clearing a waiting coroutine's frame ends the coroutine.
        context = current.__context__ if isinstance(current, Exception) else None
        if context is not None and not being_handled(context):
            pending.append(context)


def clear_frames(error: BaseException) -> None:
    """Empty the frames of one error. A frame that runs in another thread (the loop of a pool of threads, which holds
    what it has been given to do) cannot be emptied: it is taken out of the story."""
    kept: TracebackType | None = None
    at = error.__traceback__
    while at is not None:
        try:
            if not may_wait(at.tb_frame):
                at.tb_frame.clear()
            kept = at
        except RuntimeError:
            if runs_here(at.tb_frame):
                kept = at
            elif kept is None:
                error.__traceback__ = at.tb_next
            else:
                kept.tb_next = at.tb_next
        at = at.tb_next


def may_wait(frame: FrameType) -> bool:
    """It is of a coroutine or generator of somebody else's, which may have caught this very error and be waiting since,
    in another task: clearing its frame would end it."""
    return bool(frame.f_code.co_flags & WAITS) and frame.f_globals.get("__name__", "").partition(".")[0] not in ENGINE


def runs_here(frame: FrameType) -> bool:
    """In this thread: it is one of our callers."""
    caller: FrameType | None = currentframe()
    while caller is not None and caller is not frame:
        caller = caller.f_back
    return caller is not None


def being_handled(error: BaseException) -> bool:
    """We were called in the `except` block of this one: it is the caller's, and so are its frames."""
    if error.__traceback__ is None:
        return False
    if may_wait(error.__traceback__.tb_frame):
        return True
    try:
        error.__traceback__.tb_frame.clear()
    except RuntimeError:  # that frame is running
        return True
    return False
