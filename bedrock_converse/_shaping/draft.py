"""A history taken apart so that it can be repaired, where every block remembers where it stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bedrock_converse._shaping.blocks import changed, kind_of
from bedrock_converse.types import Message, ToolUseBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_converse.profiles import Profile
    from bedrock_converse.types import ConverseRequest, ConverseStreamRequest

__all__ = ["PLACEHOLDER", "Change", "Draft", "Piece", "Rule", "Turn", "is_call"]

PLACEHOLDER = "."
"""Stands where AWS wants text and there is none. White space is refused; other clients use the same."""

Rule: TypeAlias = Literal[
    "empty_history",
    "reasoning",
    "blank_text",
    "tool_result",
    "tool_name",
    "tool_id",
    "same_role",
    "tool_pairs",
    "tool_results_first",
    "tool_results_alone",
    "document_name",
    "document_text",
    "leading_assistant",
    "tool_config",
    "cache_points",
]
"""Which rule of AWS's, or of the model's, a change is about."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was wrong with a request, and what was done about it. Holds no text of yours."""

    rule: Rule
    """The rule that it is about."""
    path: str
    """Where it stands in the request that came in, in the names of the wire: `messages[2].content[0]`."""
    problem: str
    """What is wrong there."""
    action: str | None
    """What `mode="fix"` does about it; None when nothing can be done."""
    required: bool = True
    """True: AWS, or the model, refuses the request for it. False: it is better so, but was seen accepted."""

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" + (f"; {self.action}" if self.action else "")


@dataclass(slots=True)
class Piece:
    """A block, and the path at which it came in."""

    block: Any
    path: str

    @property
    def kind(self) -> str:
        return kind_of(self.block)


@dataclass(slots=True)
class Turn:
    """A message taken apart; `message` is None for one that was not there before."""

    role: str
    pieces: list[Piece]
    path: str
    message: Message | None = None

    def build(self) -> Message:
        """The message, or the one that came in when nothing in it changed."""
        content = [piece.block for piece in self.pieces]
        if self.message is None:
            return Message(role=self.role, content=content)
        return changed(self.message, content=content)

    def holds(self, *kinds: str) -> bool:
        return any(piece.kind in kinds for piece in self.pieces)


def is_call(block: Any) -> bool:
    """Whether this is a tool call that wants a result from you: AWS answers its own (`server_tool_use`) itself."""
    return isinstance(block, ToolUseBlock) and block.type != "server_tool_use"


@dataclass(slots=True)
class Draft:
    """What the repairs work on: copies of the lists, never of the blocks, which they replace and do not change."""

    profile: Profile
    turns: list[Turn]
    system: list[Piece]
    tool_config: Any
    stored_prompt: bool
    """The model id is a stored prompt's ARN: messages and tools may be in there."""
    changes: list[Change] = field(default_factory=list[Change])
    tool_names: dict[str, str] = field(default_factory=dict[str, str])
    """New name of a tool -> the name that it came in with."""

    @classmethod
    def of(cls, request: ConverseRequest | ConverseStreamRequest, profile: Profile) -> Draft:
        """The request taken apart."""
        return cls(
            profile=profile,
            turns=[
                Turn(
                    message.role, _pieces(message.content, f"messages[{index}].content"), f"messages[{index}]", message
                )
                for index, message in enumerate(request.messages or ())
            ],
            system=_pieces(request.system or [], "system"),
            tool_config=request.tool_config,
            stored_prompt=request.model_id.startswith("arn:") and ":prompt/" in request.model_id,
        )

    def build(self, request: Any) -> Any:
        """The request put together again; what did not change is shared with the one that came in."""
        members: dict[str, Any] = {"tool_config": self.tool_config}
        messages = [turn.build() for turn in self.turns]
        if messages or request.messages:
            members["messages"] = messages
        if request.system:
            members["system"] = [piece.block for piece in self.system] or None
        return changed(request, **members)

    def note(self, rule: Rule, path: str, problem: str, action: str | None, *, required: bool = True) -> None:
        """Lists a change."""
        self.changes.append(Change(rule, path, problem, action, required))

    def blocks(self, *kinds: str) -> Iterator[tuple[Turn, Piece]]:
        """Every piece of these kinds, with its turn."""
        for turn in self.turns:
            for piece in turn.pieces:
                if piece.kind in kinds:
                    yield turn, piece


def _pieces(blocks: list[Any], path: str) -> list[Piece]:
    return [Piece(block, f"{path}[{index}]") for index, block in enumerate(blocks)]
