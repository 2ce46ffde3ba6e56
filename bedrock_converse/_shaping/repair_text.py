"""Repairs of what blocks hold: blank text, reasoning, documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from bedrock_converse._shaping.blocks import changed, is_blank, kind_of
from bedrock_converse._shaping.draft import PLACEHOLDER, Draft, Piece, Turn
from bedrock_converse.media import DOCUMENT_TEXT, MAX_NAME, document_name
from bedrock_converse.types import DocumentBlock, ReasoningTextBlock, RedactedReasoning, ToolResultBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "repair_blank_text",
    "repair_document_names",
    "repair_empty_history",
    "repair_lonely_documents",
    "repair_reasoning",
    "without_blanks",
]

ForeignReasoning = Literal["drop", "tag", "keep"]

MEDIA = frozenset({"image", "document", "video", "audio"})
NO_OUTPUT = "(no output)"

# AWS documents no underscore, but took one in a recorded request (langchain-aws, claude-sonnet-5, 2026-08)
DOCUMENT_NAME = re.compile(r"[A-Za-z0-9_()\[\]-]+( [A-Za-z0-9_()\[\]-]+)*")


def repair_empty_history(draft: Draft) -> None:
    """A request needs a message: without one, or with a system prompt only, AWS answers 400."""
    if not draft.turns and not draft.stored_prompt:
        draft.turns.append(Turn("user", [Piece(PLACEHOLDER, "messages")], "messages"))
        draft.note("empty_history", "messages", "there is no message", f"added a user message {PLACEHOLDER!r}")


# --- reasoning --------------------------------------------------------------------------------------------------------


def repair_reasoning(draft: Draft, foreign: ForeignReasoning) -> None:
    """Reasoning that this model cannot take back: another model's, or Claude's own that lost its signature."""
    for turn in draft.turns:
        if turn.role == "assistant" and turn.holds("reasoningContent"):
            turn.pieces = list(_own_reasoning(draft, turn.pieces, foreign))


def _own_reasoning(draft: Draft, pieces: list[Piece], foreign: ForeignReasoning) -> Iterator[Piece]:
    for piece in pieces:
        block = piece.block
        problem = _foreign(block, draft)
        if problem and foreign != "keep":
            tagged = foreign == "tag" and isinstance(block, ReasoningTextBlock) and not is_blank(block.text)
            draft.note("reasoning", piece.path, problem, "turned into tagged text" if tagged else "left out")
            if tagged:
                yield Piece(f"<thinking>\n{block.text}\n</thinking>", piece.path)
            continue
        if isinstance(block, ReasoningTextBlock) and block.signature == "":
            # strands strips it, too: AWS wants at least one character, or no signature (checked 2026-05-15)
            draft.note("reasoning", piece.path, "the signature is empty", "left the signature out")
            piece = Piece(changed(block, signature=None), piece.path)
        yield piece


def _foreign(block: Any, draft: Draft) -> str | None:
    if not isinstance(block, ReasoningTextBlock | RedactedReasoning):
        return None
    if draft.profile.sends_back_reasoning is False:
        return "this model takes no reasoning back"
    if draft.profile.reasoning_needs_signature and isinstance(block, ReasoningTextBlock) and not block.signature:
        return "reasoning without a signature: another model's, or the signature was lost"
    return None


# --- blank text -------------------------------------------------------------------------------------------------------


def repair_blank_text(draft: Draft) -> None:
    """Text of white space alone goes; a message or result that is left with nothing gets a placeholder."""
    for turn in draft.turns:
        turn.pieces = list(without_blanks(draft, turn.pieces))
        if all(piece.kind == "cachePoint" for piece in turn.pieces):
            turn.pieces.insert(0, Piece(PLACEHOLDER, turn.path))
            draft.note("blank_text", turn.path, "the message says nothing", f"wrote {PLACEHOLDER!r}")
        for piece in turn.pieces:
            if isinstance(piece.block, ToolResultBlock):
                piece.block = _filled_result(draft, piece.block, piece.path)
    draft.system = list(without_blanks(draft, draft.system))


def without_blanks(draft: Draft, pieces: list[Piece]) -> Iterator[Piece]:
    """The pieces without blank text, but for a line break that keeps a cache point off the media before it."""
    before = ""
    for index, piece in enumerate(pieces):
        if is_blank(piece.block):
            following = next((other for other in pieces[index + 1 :] if not is_blank(other.block)), None)
            if before not in MEDIA or following is None or following.kind != "cachePoint":
                draft.note("blank_text", piece.path, "the text is blank", "left out")
                continue
        before = piece.kind
        yield piece


def _filled_result(draft: Draft, result: ToolResultBlock, path: str) -> ToolResultBlock:
    """The result without blank text and cache points, and with something in it where the model wants that."""
    content: list[Any] = [block for block in result.content if kind_of(block) != "cachePoint"]
    if len(content) < len(result.content):
        draft.note("cache_points", path, "a cache point inside a tool result", "left out")
    filled = [block for block in content if not is_blank(block)]
    if len(filled) < len(content):
        draft.note(
            "blank_text", path, "the tool result holds blank text", "left out" if filled else f"wrote {NO_OUTPUT!r}"
        )
        filled = filled or [NO_OUTPUT]
    if not filled and draft.profile.empty_tool_result is False:
        draft.note("tool_result", path, "this model takes no tool result without content", f"wrote {NO_OUTPUT!r}")
        filled = [NO_OUTPUT]
    return changed(result, content=filled)


# --- documents --------------------------------------------------------------------------------------------------------


def repair_document_names(draft: Draft) -> None:
    """Names that AWS takes, unique over the whole history ignoring case, tool results included."""
    taken: set[str] = set()
    for _, piece in draft.blocks("document", "toolResult"):
        piece.block = _named(draft, piece.block, piece.path, taken)


def _named(draft: Draft, block: Any, path: str, taken: set[str]) -> Any:
    if isinstance(block, ToolResultBlock):
        content = [
            _named(draft, inner, f"{path}.toolResult.content[{index}]", taken)
            for index, inner in enumerate(block.content)
        ]
        return changed(block, content=content)
    if not isinstance(block, DocumentBlock):
        return block
    valid = len(block.name) <= MAX_NAME and DOCUMENT_NAME.fullmatch(block.name)
    base = name = block.name if valid else document_name(block.name)
    number = 1
    while name.lower() in taken:
        number += 1
        suffix = f" ({number})"
        name = base[: MAX_NAME - len(suffix)].rstrip(" ") + suffix
    taken.add(name.lower())
    if name != block.name:
        problem = "another document has the name" if valid else "the document's name has characters that AWS refuses"
        draft.note("document_name", f"{path}.document.name", problem, "gave it another name")
    return changed(block, name=name) if name != block.name else block


def repair_lonely_documents(draft: Draft) -> None:
    """A user's document wants text beside it."""
    for turn in draft.turns:
        documents = [index for index, piece in enumerate(turn.pieces) if piece.kind == "document"]
        says_something = any(piece.kind == "text" and not is_blank(piece.block) for piece in turn.pieces)
        if turn.role == "user" and documents and not says_something:
            path = turn.pieces[documents[0]].path
            turn.pieces.insert(documents[0], Piece(DOCUMENT_TEXT, path))
            draft.note("document_text", path, "a document without text beside it", f"wrote {DOCUMENT_TEXT!r} before it")
