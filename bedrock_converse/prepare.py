"""Makes a history sendable, or says exactly why it is not: `prepare(request)`.

Histories come from databases, other models, trimmed contexts and other people's frameworks, and AWS checks all of it on
every turn: one blank text of last week, one tool name that a model made up, and every further call is a 400.

    prepared = prepare(request)
    prepared.request                    # send this
    for change in prepared.changes:     # nothing is changed silently
        print(change)                   # messages[3].content[0]: the text is blank; left out

Given to a client, it works on every call:

    BedrockClient(transforms=(prepare(), set_effort("medium"), plan_cache(system=True, messages=True)))

That is the one right order. Repairs come first, since the others look at a history that is sound. What adds to the
request (effort, an output schema, guarded turns) comes in the middle. Cache points come last, since everything before a
point must stay as it is: see `docs/prepare.md`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, get_args, overload

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._shaping.blocks import RequestT, changed
from bedrock_converse._shaping.draft import PLACEHOLDER, Change, Draft, Piece, Rule, Turn
from bedrock_converse._shaping.repair_text import (
    ForeignReasoning,
    repair_blank_text,
    repair_document_names,
    repair_empty_history,
    repair_lonely_documents,
    repair_reasoning,
    without_blanks,
)
from bedrock_converse._shaping.repair_tools import (
    repair_missing_tools,
    repair_pairs,
    repair_result_turns,
    repair_tool_ids,
    repair_tool_names,
)
from bedrock_converse.caching import plan_cache
from bedrock_converse.errors import ConfigError, RequestInvalid
from bedrock_converse.profiles import ProfilesLike, profile_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bedrock_converse._shaping.blocks import Transform

__all__ = ["Change", "Mode", "PrepareWarning", "Prepared", "Rule", "prepare"]

Mode: TypeAlias = Literal["fix", "warn", "raise", "off"]
"""`fix` repairs, and raises where it cannot. `warn` changes nothing and warns (`PrepareWarning`). `raise` changes
nothing and raises for what AWS or the model refuses. `off` looks at nothing."""


class PrepareWarning(UserWarning):
    """A request, about to be sent as it is, that AWS or the model will refuse."""


@dataclass(frozen=True, slots=True)
class Prepared(Generic[RequestT]):
    """What `prepare` gives back."""

    request: RequestT
    """The request to send. It shares with the one that came in whatever did not change."""
    changes: tuple[Change, ...] = ()
    """What was done, in the order of the rules; with `warn` and `raise`, what would have been done."""
    tool_names: Mapping[str, str] | None = None
    """New name -> the name that came in, for tools that were renamed: the model calls them by the new one."""


@overload
def prepare(
    request: RequestT,
    /,
    *,
    mode: Mode = "fix",
    reasoning: ForeignReasoning = "drop",
    profiles: ProfilesLike | None = None,
) -> Prepared[RequestT]: ...
@overload
def prepare(
    *,
    mode: Mode = "fix",
    reasoning: ForeignReasoning = "drop",
    profiles: ProfilesLike | None = None,
    report: Callable[[Prepared[Any]], object] | None = None,
) -> Transform: ...
@discreet
def prepare(
    request: Any = None,
    /,
    *,
    mode: Mode = "fix",
    reasoning: ForeignReasoning = "drop",
    profiles: ProfilesLike | None = None,
    report: Callable[[Prepared[Any]], object] | None = None,
) -> Any:
    """The request made sendable, with a list of what was done; without a request, the transform that does it.

    Args:
        request: the request to prepare. It is not changed.
        mode: see `Mode`.
        reasoning: what becomes of reasoning that the model cannot take back: `drop` it, `tag` readable reasoning as
            text in `<thinking>`, or `keep` it.
        profiles: facts of your own about models.
        report: for the transform: called with each `Prepared` that has changes, for a log or a metric.

    What is repaired, in this order: a request without messages; document names; reasoning that is not the model's own;
    blank text; tool names and ids; neighbours of one role; calls without results and results without calls; results
    not first in their message, or beside what the model does not take there; documents without text beside them; an
    assistant's turn at the beginning; a missing `toolConfig`; cache points where AWS or the model takes none. A line
    break that separates media from a cache point stays. Preparing again changes nothing.

    Raises:
        RequestInvalid: with `raise`, for what AWS refuses (`.path` and `.problem` are the first such change's); with
            `fix`, for what cannot be repaired: a history that ends with tool calls.
        ConfigError: a `mode` or `reasoning` that there is not.
    """
    for name, value, known in (("mode", mode, get_args(Mode)), ("reasoning", reasoning, get_args(ForeignReasoning))):
        if value not in known:
            raise ConfigError(f"prepare({name}=) takes {', '.join(map(repr, known))}, not {value!r}")
    preparation = Preparation(mode=mode, reasoning=reasoning, profiles=profiles, report=report)
    return preparation if request is None else preparation.prepare(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """The transform that `prepare` makes."""

    mode: Mode
    reasoning: ForeignReasoning
    profiles: ProfilesLike | None
    report: Callable[[Prepared[Any]], object] | None

    def __call__(self, request: RequestT, /) -> RequestT:
        """The request to send."""
        prepared = self.prepare(request)
        if self.report is not None and prepared.changes:
            self.report(prepared)
        return prepared.request

    def prepare(self, request: RequestT, /) -> Prepared[RequestT]:
        """The request to send, and what was done."""
        if self.mode == "off":
            return Prepared(request)
        repaired, draft = _repaired(request, self.reasoning, self.profiles)
        changes = tuple(draft.changes)
        refused = [change for change in changes if change.required]
        if self.mode == "fix":
            _raise_for([change for change in refused if change.action is None])
            return Prepared(repaired, changes, draft.tool_names or None)
        if self.mode == "raise":
            _raise_for(refused)
        elif changes:
            shown = "\n".join(f"  {change.path}: {change.problem}" for change in changes)
            warnings.warn(f"the request needs repair:\n{shown}", PrepareWarning, stacklevel=3)
        return Prepared(request, changes)


def _raise_for(refused: list[Change]) -> None:
    if refused:
        first, *others = refused
        hint = "; ".join(f"{change.path}: {change.problem}" for change in others) or None
        raise RequestInvalid(path=first.path, problem=first.problem, hint=hint and f"and also: {hint}")


def _repaired(request: RequestT, reasoning: ForeignReasoning, profiles: ProfilesLike | None) -> tuple[RequestT, Draft]:
    """The request after all repairs. Their order matters: each relies on what those before it made sure of."""
    profile = profile_for(request.model_id, profiles)
    draft = Draft.of(request, profile)
    repair_empty_history(draft)
    repair_document_names(draft)
    repair_reasoning(draft, reasoning)
    repair_blank_text(draft)
    repair_tool_names(draft)
    repair_tool_ids(draft)
    repair_neighbours(draft)
    repair_pairs(draft)
    repair_result_turns(draft)
    repair_lonely_documents(draft)
    repair_leading_assistant(draft)
    repair_missing_tools(draft)
    return _with_sound_points(draft, draft.build(request)), draft


def repair_neighbours(draft: Draft) -> None:
    """Neighbours of one role become one message. AWS merges them itself (a recorded call to Titan was a 200)."""
    merged: list[Turn] = []
    for turn in draft.turns:
        before = merged[-1] if merged else None
        if before is not None and before.role == turn.role and turn.role in ("user", "assistant"):
            before.pieces = [*before.pieces, *turn.pieces]
            problem = f"a second {turn.role} message in a row"
            draft.note("same_role", turn.path, problem, "joined with the one before", required=False)
        else:
            merged.append(turn)
    draft.turns = merged


def repair_leading_assistant(draft: Draft) -> None:
    """A conversation begins with a user; Claude, Qwen, GLM and Kimi alone take an assistant's turn first."""
    index = next((index for index, turn in enumerate(draft.turns) if turn.role in ("user", "assistant")), None)
    if index is not None and draft.turns[index].role == "assistant" and draft.profile.leading_assistant is False:
        path = draft.turns[index].path
        draft.turns.insert(index, Turn("user", [Piece(PLACEHOLDER, path)], path))
        problem = "this model wants a conversation to begin with a user message"
        draft.note("leading_assistant", path, problem, f"put a user message {PLACEHOLDER!r} before it")


def _with_sound_points(draft: Draft, built: RequestT) -> RequestT:
    """The request with its cache points put right, and without the line breaks of points that are gone."""
    planned = plan_cache(built, profiles=draft.profile)
    problem, action = "a cache point where AWS or the model takes none", "moved or left out"
    messages: list[Any] = []
    for turn, old, new in zip(draft.turns, built.messages or (), planned.messages or (), strict=True):
        if old is not new:
            draft.note("cache_points", turn.path, problem, action)
        pieces = without_blanks(draft, [Piece(block, turn.path) for block in new.content])
        messages.append(changed(new, content=[piece.block for piece in pieces]))
    if built.system is not planned.system:
        draft.note("cache_points", "system", problem, action)
    if built.tool_config is not planned.tool_config:
        draft.note("cache_points", "toolConfig.tools", problem, action)
    return changed(planned, messages=messages) if messages else planned
