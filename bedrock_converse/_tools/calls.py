"""What `run_tools` says about a call, what it can be told about one, and how a run ends: done, waiting or failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from bedrock_converse.errors import BedrockError
from bedrock_converse.types import ConverseResponse, Message, ToolResultBlock, ToolUseBlock
from bedrock_converse.types.parse import parse_json
from bedrock_converse.usage import Usage

__all__ = [
    "Allow",
    "Answer",
    "Decision",
    "Deny",
    "Pause",
    "PausedRun",
    "Rewrite",
    "ToolCall",
    "ToolFailed",
    "ToolFinished",
    "ToolLoopError",
    "ToolRun",
    "ToolStarted",
]


class ToolFailed(BedrockError):  # noqa: N818 - named for what happened, as the other leaves are
    """For tools to raise: the model gets the message as an error result, word for word, and no exception's name."""


ToolLoopReason = Literal["rounds", "time", "unfinished"]


class ToolLoopError(BedrockError):
    """The model and its tools did not come to an end."""

    def __init__(
        self,
        message: str = "",
        *,
        reason: ToolLoopReason = "rounds",
        messages: list[Message] | None = None,
        reply: ConverseResponse | None = None,
        usage: Usage | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.reason: ToolLoopReason = reason
        """`rounds` and `time`: a limit was reached. `unfinished`: a reply with tool calls was cut (`max_tokens`) or
        broken (`malformed_tool_use`), so that its calls cannot be trusted."""
        self.messages: list[Message] = messages or []
        """The conversation up to the last round that was complete: it can be sent again as it is."""
        self.reply = reply
        """The last reply of the model's."""
        self.usage: Usage = usage or Usage()
        """What all rounds cost."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model wants made."""

    tool_use_id: str
    """Its id, unique in the conversation."""
    name: str
    """The tool, by its own name: not the one that AWS's alphabet allows."""
    input: Any = field(repr=False)
    """The arguments as the model wrote them: a dict, or the raw text when that is no JSON. Not checked yet."""


# --- decisions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allow:
    """Make the call."""


@dataclass(frozen=True, slots=True)
class Deny:
    """Do not make the call, and tell the model why, as an error result."""

    reason: str = "The call was not allowed."


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Make the call with other arguments. They are checked like the model's; the history keeps the model's."""

    input: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Do not make the call: this is its result, whatever a tool could return."""

    result: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop here: the run is returned with `.paused`, to be resumed with a decision."""


Decision: TypeAlias = Allow | Deny | Rewrite | Answer | Pause
"""What can be decided about a call before it is made."""


# --- what happens -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call is about to be made."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call has its result."""

    call: ToolCall
    result: ToolResultBlock = field(repr=False)
    """What the model is told."""
    seconds: float = 0.0
    """How long it took; 0 when it was not made."""
    error: Exception | None = field(default=None, repr=False)
    """The exception, if it failed with one."""
    failed: bool = False
    """Whether the model is told that it failed: an exception, wrong arguments, no such tool, or not allowed."""


class PausedRun(BaseModel):
    """A run that waits for decisions. Keep it as JSON, and give it to `run_tools` in place of the messages.

    Calls of the same round that did not have to wait have been made; their results are in here.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True, extra="forbid")

    messages: list[Message]
    """The conversation, up to the reply with the calls."""
    waiting: list[ToolUseBlock]
    """The calls that wait for a decision, in order: `{call.tool_use_id: Allow() for call in paused.waiting}`."""
    results: list[ToolResultBlock]
    """The results that the other calls of this round have."""
    rounds: int
    """How often the model was called."""
    usage: Usage
    """What that cost."""
    reply: ConverseResponse
    """The reply with the calls, as the model gave it."""

    def to_json(self) -> str:
        """The run as JSON, without loss."""
        return self.model_dump_json(by_alias=True, exclude_unset=True)

    @classmethod
    def from_json(cls, data: str | bytes) -> PausedRun:
        """Reads what `to_json` wrote.

        Raises:
            pydantic.ValidationError: it is something else.
        """
        return parse_json(cls.model_validate_json, data)


@dataclass(frozen=True)
class ToolRun:
    """A run that came to an end, or waits for a decision."""

    reply: ConverseResponse
    """The model's last reply: the answer, or (paused) the one with the calls."""
    messages: list[Message] = field(repr=False)
    """The whole conversation, the answer included: append the user's next message and send it again. When paused, it
    ends before the reply with the calls."""
    calls: list[ToolFinished]
    """The calls that were made, in order."""
    usage: Usage
    """What all rounds cost."""
    rounds: int
    """How often the model was called."""
    paused: PausedRun | None = None
    """The run that waits for decisions; None when it came to an end."""

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.reply.text
