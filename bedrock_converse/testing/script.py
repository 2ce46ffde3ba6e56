"""Who gets which answer: routes, their steps in order, and the account of what was asked at the end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self, cast

from bedrock_converse.testing.answers import Answer
from bedrock_converse.testing.plan import ScriptError
from bedrock_converse.testing.replies import reply
from bedrock_converse.types import Message
from bedrock_converse.types.results import Result

if TYPE_CHECKING:
    from bedrock_converse.testing.requests import ReceivedRequest

__all__ = ["Route", "Script"]

Scripted = Any
"""What a step may be: an `Answer`, whatever `reply()` takes, or a function of the request that gives one."""


@dataclass(eq=False)
class Step:
    """One line of a script."""

    answer: Answer | Callable[[ReceivedRequest], Any]
    forever: bool = False
    used: bool = False

    @property
    def open(self) -> bool:
        """It still has an answer to give."""
        return self.forever or not self.used

    def serves(self, operation: str) -> bool:
        """It can answer that operation; a function says so only when it is called."""
        return not isinstance(self.answer, Answer) or operation in self.answer.operations

    async def answer_to(self, request: ReceivedRequest) -> Answer:
        """The answer, from the function if it is one."""
        if isinstance(self.answer, Answer):
            return self.answer
        given = self.answer(request)
        if inspect.isawaitable(given):
            given = await given
        answer = to_answer(given)
        if not isinstance(answer, Answer):
            raise ScriptError(f"{self} gave another function")
        if request.operation not in answer.operations:
            raise ScriptError(f"{self} gave {answer}, which is no answer to {request.operation}")
        return answer

    def __str__(self) -> str:
        if isinstance(self.answer, Answer):
            return str(self.answer)
        return f"{getattr(self.answer, '__name__', type(self.answer).__name__)}(request)"


def to_answer(scripted: Scripted) -> Answer | Callable[[ReceivedRequest], Any]:
    """Let plain values stand for the reply that holds them."""
    if isinstance(scripted, Answer):
        return scripted
    if isinstance(scripted, str | Result | Message | Mapping) or hasattr(scripted, "__get_pydantic_core_schema__"):
        return reply(cast("Any", scripted))
    if isinstance(scripted, list | tuple):
        return reply(*scripted)  # type: ignore[misc]
    if callable(scripted):
        return scripted
    raise TypeError(f"an answer is a reply(...), an error, text or a function, not {type(scripted).__name__}")


class Route:
    """The answers for one model, or for all: given in the order in which they are scripted, each once.

    A request takes the first step that is left and that can answer its operation: a `token_count(...)` between two
    replies waits for `count_tokens`, and holds up no `converse`. Errors answer any operation.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.steps: list[Step] = []

    def reply(self, *content: Any, **how: Any) -> Self:
        """The next answer is a reply; the arguments are those of `reply()`."""
        return self.then(reply(*content, **how))

    def then(self, *answers: Scripted) -> Self:
        """The next answers, one for each request: `.then(throttled(), reply("Hi"), lambda request: ...)`."""
        self.steps.extend(Step(to_answer(answer)) for answer in answers)
        return self

    def times(self, count: int) -> Self:
        """The answer before this is given `count` times in all."""
        if not self.steps or count < 1:
            raise ValueError("times() repeats the answer before it, once or more")
        last = self.steps[-1].answer
        self.steps.extend(Step(last) for _ in range(count - 1))
        return self

    def always(self, answer: Scripted) -> Self:
        """From here on always this answer, as often as it is asked for, or never."""
        self.steps.append(Step(to_answer(answer), forever=True))
        return self

    def matches(self, target: str) -> bool:
        """The route is for that model."""
        return self.target == target or fnmatchcase(target, self.target)

    @property
    def rank(self) -> int:
        """Exact names go before patterns, patterns before `*`."""
        return 2 if self.target == "*" else int("*" in self.target)

    def next_step(self, operation: str) -> Step | None:
        """The step that answers now."""
        return next((step for step in self.steps if step.open and step.serves(operation)), None)


class Script:
    """All routes, and what became of them."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.asked: list[tuple[str, Step | None]] = []

    def on(self, target: str) -> Route:
        """The route for that model; the same one when asked again."""
        for route in self.routes:
            if route.target == target:
                return route
        route = Route(target)
        self.routes.append(route)
        self.routes.sort(key=lambda route: route.rank)  # stable: else in the order they were scripted
        return route

    def take(self, request: ReceivedRequest) -> Step | None:
        """The step for a request, used up; None if nothing was scripted for it."""
        for route in self.routes:
            if route.matches(request.target) and (step := route.next_step(request.operation)) is not None:
                step.used = True
                self.asked.append((str(request), step))
                return step
        self.unanswered(str(request))
        return None

    def unanswered(self, request: str) -> None:
        """Note a request that nothing was scripted for."""
        self.asked.append((request, None))

    def forget(self) -> None:
        """Drop the account of what was asked."""
        self.asked.clear()

    def check(self) -> None:
        """Compare.

        Raises:
            ScriptError: something was scripted and never asked for, or asked for and not scripted.
        """
        left = [(route, step) for route in self.routes for step in route.steps if step.open and not step.forever]
        unanswered = sum(step is None for _, step in self.asked)
        if not left and not unanswered:
            return
        rows = [
            (request, f"{step}" if step else "NOTHING SCRIPTED", " " if step else "!") for request, step in self.asked
        ]
        rows += [("NEVER ASKED", f"{step}  (for {route.target})", "!") for route, step in left]
        width = max(len(asked) for asked, _, _ in rows)
        lines = [f"  {mark} {asked:<{width}}  {answered}" for asked, answered, mark in rows]
        counts = [
            f"{unanswered} request(s) without an answer" if unanswered else "",
            f"{len(left)} answer(s) never asked for" if left else "",
        ]
        head = "The script was not followed: " + ", ".join(part for part in counts if part) + "."
        raise ScriptError("\n".join([head, f"    {'asked':<{width}}  scripted", *lines]))
