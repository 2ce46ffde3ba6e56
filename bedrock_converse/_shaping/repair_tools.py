"""Repairs of tool calls and results: names, ids, who answers whom, and in which message."""

from __future__ import annotations

from collections import deque
from typing import Any

from bedrock_converse._shaping.blocks import changed, kind_of
from bedrock_converse._shaping.draft import PLACEHOLDER, Draft, Piece, Turn, is_call
from bedrock_converse._tools.names import unique_id, wire_name
from bedrock_converse.profiles import ANYTHING
from bedrock_converse.types import (
    SpecificToolChoice,
    SystemTool,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
)

__all__ = ["repair_missing_tools", "repair_pairs", "repair_result_turns", "repair_tool_ids", "repair_tool_names"]

UNANSWERED = "This call was not answered."
UNAVAILABLE = "No longer available: do not call it."


# --- names and ids ----------------------------------------------------------------------------------------------------


def repair_tool_names(draft: Draft) -> None:
    """Names outside `[a-zA-Z0-9_-]{1,64}`: AWS checks every name in the history on every turn (hermes-agent #90016)."""
    for _, piece in draft.blocks("toolUse"):
        piece.block = _renamed(draft, piece.block, f"{piece.path}.toolUse.name")
    config = draft.tool_config
    if isinstance(config, ToolConfiguration):
        tools = [
            _renamed(draft, tool, f"toolConfig.tools[{index}].toolSpec.name") for index, tool in enumerate(config.tools)
        ]
        choice = config.tool_choice
        if isinstance(choice, SpecificToolChoice):
            choice = _renamed(draft, choice, "toolConfig.toolChoice.tool.name")
        draft.tool_config = changed(config, tools=tools, tool_choice=choice)


def _renamed(draft: Draft, block: Any, path: str) -> Any:
    if not isinstance(block, ToolUseBlock | ToolSpecification | SpecificToolChoice):
        return block
    name = wire_name(block.name)
    if name == block.name:
        return block
    draft.tool_names[name] = block.name
    draft.note("tool_name", path, "the tool's name is not 1 to 64 of [a-zA-Z0-9_-]", f"renamed to {name!r}")
    return changed(block, name=name)


def repair_tool_ids(draft: Draft) -> None:
    """Ids outside AWS's alphabet, or used twice; the results follow their calls."""
    taken: set[str] = set()
    waiting: dict[str, deque[str]] = {}
    latest: dict[str, str] = {}
    for turn in draft.turns:
        fresh: set[str] = set()
        for piece in turn.pieces:
            block = piece.block
            if isinstance(block, ToolUseBlock):
                new = unique_id(block.tool_use_id, taken)
                if block.tool_use_id not in fresh:
                    # an id that comes again in a later turn is another call: what answers it comes after it
                    waiting[block.tool_use_id] = deque()
                    fresh.add(block.tool_use_id)
                waiting[block.tool_use_id].append(new)
                latest[block.tool_use_id] = new
            elif isinstance(block, ToolResultBlock):
                queue = waiting.get(block.tool_use_id)
                new = queue.popleft() if queue else latest.get(block.tool_use_id, block.tool_use_id)
            else:
                continue
            if new != block.tool_use_id:
                problem = "the id is used twice, or not 1 to 64 of [a-zA-Z0-9_.:-]"
                draft.note("tool_id", f"{piece.path}.{piece.kind}.toolUseId", problem, f"changed to {new!r}")
                piece.block = changed(block, tool_use_id=new)


# --- calls and their results ------------------------------------------------------------------------------------------


def repair_pairs(draft: Draft) -> None:
    """Every call answered once, in the user message right after it; results without a call go."""
    results: dict[str, Piece] = {}
    for turn, piece in draft.blocks("toolResult"):
        if turn.role == "user" and isinstance(piece.block, ToolResultBlock):
            results.setdefault(piece.block.tool_use_id, piece)
    turns, paired = list(draft.turns), set[int]()
    for index, turn in enumerate(turns):
        calls = [piece for piece in turn.pieces if is_call(piece.block)] if turn.role == "assistant" else []
        if calls:
            following = turns[index + 1] if index + 1 < len(turns) else None
            _answer(draft, turn, calls, following, results, paired)
    for turn in draft.turns:
        if turn.role == "user" and turn.holds("toolResult"):
            _drop_stray_results(draft, turn, paired)
        if all(piece.kind == "cachePoint" for piece in turn.pieces):
            turn.pieces.insert(0, Piece(PLACEHOLDER, turn.path))


def _answer(
    draft: Draft, turn: Turn, calls: list[Piece], following: Turn | None, results: dict[str, Piece], paired: set[int]
) -> None:
    """Sees to it that the turn after `turn` holds one result for each of its calls."""
    found = {call.block.tool_use_id: results.get(call.block.tool_use_id) for call in calls}
    if following is None and not any(found.values()):
        draft.note("tool_pairs", turn.path, "the history ends with tool calls: their results are missing", None)
        return
    if following is None or following.role != "user":
        following = Turn("user", [], turn.path)
        draft.turns.insert(draft.turns.index(turn) + 1, following)
    here = {id(piece) for piece in following.pieces}
    for call in calls:
        result = found[call.block.tool_use_id]
        if result is None:
            result = Piece(_unanswered(draft, call.block), call.path)
            draft.note("tool_pairs", call.path, "the tool call was not answered", "added a result that says so")
        elif id(result) not in here:
            for other in draft.turns:
                other.pieces = [piece for piece in other.pieces if piece is not result]
            draft.note("tool_pairs", result.path, "the result does not follow its call", "moved behind the call")
        paired.add(id(result))
        if id(result) not in here:
            following.pieces.insert(_end_of_results(following), result)


def _unanswered(draft: Draft, call: ToolUseBlock) -> ToolResultBlock:
    status = None if draft.profile.tool_result_status is False else "error"
    return ToolResultBlock(tool_use_id=call.tool_use_id, content=[UNANSWERED], status=status)


def _end_of_results(turn: Turn) -> int:
    return max((index + 1 for index, piece in enumerate(turn.pieces) if piece.kind == "toolResult"), default=0)


def _drop_stray_results(draft: Draft, turn: Turn, paired: set[int]) -> None:
    kept: list[Piece] = []
    for piece in turn.pieces:
        if isinstance(piece.block, ToolResultBlock) and id(piece) not in paired:
            draft.note("tool_pairs", piece.path, "a result that answers no call, or answers one again", "left out")
        else:
            kept.append(piece)
    turn.pieces = kept


def repair_result_turns(draft: Draft) -> None:
    """Results first in their message, alone where the model wants it, without `status` where it refuses that."""
    turns: list[Turn] = []
    for turn in draft.turns:
        turns.append(turn)
        if turn.role != "user" or not turn.holds("toolResult"):
            continue
        if draft.profile.tool_result_status is False:
            _drop_status(draft, turn)
        results = [piece for piece in turn.pieces if piece.kind == "toolResult"]
        rest = [piece for piece in turn.pieces if piece.kind != "toolResult"]
        foremost = turn.pieces[: _end_of_results(turn)]
        if any(piece.kind not in ("toolResult", "cachePoint") for piece in foremost):
            path = results[-1].path
            draft.note("tool_results_first", path, "a tool result behind other content", "moved to the front")
            turn.pieces = [*results, *rest]
        if any(_disturbs(draft, piece.kind) for piece in rest):
            _set_apart(draft, turn, turns)
    draft.turns = turns


def _disturbs(draft: Draft, kind: str) -> bool:
    allowed = draft.profile.beside_tool_result
    # a kind that nobody knows yet is let through, unless nothing at all may stand there
    return kind != "cachePoint" and kind not in allowed and (not allowed or kind in ANYTHING)


def _set_apart(draft: Draft, turn: Turn, turns: list[Turn]) -> None:
    """Two user messages with an assistant's between them, since AWS merges neighbours (pydantic-ai #6081)."""
    end = _end_of_results(turn)
    while end < len(turn.pieces) and turn.pieces[end].kind == "cachePoint":
        end += 1
    rest, turn.pieces = turn.pieces[end:], turn.pieces[:end]
    path = rest[0].path
    turns += [Turn("assistant", [Piece(PLACEHOLDER, path)], path), Turn("user", rest, path)]
    problem = "this model does not take it in one message with tool results"
    draft.note("tool_results_alone", path, problem, "moved to a message of its own")


def _drop_status(draft: Draft, turn: Turn) -> None:
    for piece in turn.pieces:
        if isinstance(piece.block, ToolResultBlock) and piece.block.status is not None:
            path = f"{piece.path}.toolResult.status"
            draft.note("tool_result", path, "this model refuses a status", "left out")
            piece.block = changed(piece.block, status=None)


# --- the tools themselves ---------------------------------------------------------------------------------------------


def repair_missing_tools(draft: Draft) -> None:
    """Tool calls or results in the history, and no `toolConfig`: AWS answers 400."""
    tools: dict[str, Any] = {}
    for _, piece in draft.blocks("toolUse"):
        if isinstance(piece.block, ToolUseBlock):
            name = piece.block.name
            tools[name] = _former_tool(name) if is_call(piece.block) else SystemTool(name=name)
    config = draft.tool_config
    declared = config is not None and any(kind_of(tool) != "cachePoint" for tool in config.tools)
    if tools and not declared and not draft.stored_prompt:
        draft.tool_config = ToolConfiguration(tools=list(tools.values()))
        problem = "the history holds tool calls, and there is no toolConfig"
        draft.note("tool_config", "toolConfig", problem, "declared the tools that were called, as no longer available")


def _former_tool(name: str) -> ToolSpecification:
    return ToolSpecification(name=name, description=UNAVAILABLE, input_schema={"type": "object", "properties": {}})
