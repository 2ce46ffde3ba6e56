"""The tools of a run: found by the name that the model uses, and made one call at a time."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydantic import ValidationError

from bedrock_converse._tools.calls import ToolCall, ToolFailed, ToolFinished
from bedrock_converse._tools.function import FunctionTool, tool
from bedrock_converse._tools.names import wire_name
from bedrock_converse._tools.results import Unusable, describe_invalid, error_block, result_block
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types import (
    AnyToolChoice,
    AutoToolChoice,
    CachePointBlock,
    SpecificToolChoice,
    SystemTool,
    ToolConfiguration,
    ToolSpecification,
    UnknownBlock,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anyio import CapacityLimiter

    from bedrock_converse.profiles import Profile

__all__ = ["ToolLike", "Toolset", "tool_config"]

ToolLike: TypeAlias = (
    "FunctionTool[..., Any] | Callable[..., Any] | ToolSpecification | SystemTool | CachePointBlock | UnknownBlock"
)
"""A tool, a function or pydantic model (as if decorated with `@tool`), or what AWS's `tools` takes besides: a bare
`ToolSpecification` is a tool that somebody else runs, and its calls pause the run."""


def tool_config(tools: Sequence[ToolLike], tool_choice: Any = None) -> ToolConfiguration | None:
    """The tools as `converse(tool_config=...)` takes them; None when there are none.

    Args:
        tools: See `ToolLike`.
        tool_choice: `"auto"`, `"any"`, the name of a tool, or one of AWS's classes.

    Raises:
        RequestInvalid: two tools of one name, or something that is no tool.
        ConfigError: a function that cannot be a tool.
    """
    return Toolset(tools).config(tool_choice)


class Toolset:
    """The tools of one run."""

    def __init__(self, tools: Sequence[ToolLike]) -> None:
        self._wire: list[Any] = []
        self._by_wire_name: dict[str, tuple[str, FunctionTool[..., Any] | None]] = {}
        for index, given in enumerate(tools):
            entry = self._entry(given, index)
            self._wire.append(entry.specification if isinstance(entry, FunctionTool) else entry)
            if not isinstance(entry, FunctionTool | ToolSpecification):
                continue
            found = cast("FunctionTool[..., Any]", entry) if isinstance(entry, FunctionTool) else None
            own, wire = given.name if isinstance(given, ToolSpecification) else entry.name, wire_name(entry.name)
            if wire in self._by_wire_name:
                raise RequestInvalid(path=f"tools[{index}]", problem=f"is a second tool with the name {own}")
            self._by_wire_name[wire] = (own, found)

    @staticmethod
    def _entry(given: Any, index: int) -> Any:
        if isinstance(given, FunctionTool | SystemTool | CachePointBlock | UnknownBlock):
            return cast("Any", given)
        if isinstance(given, ToolSpecification):
            return given.model_copy(update={"name": wire_name(given.name)})
        if callable(given):
            return tool(given)
        raise RequestInvalid(path=f"tools[{index}]", problem=f"is a {type(given).__name__}, which is no tool")

    def __bool__(self) -> bool:
        return bool(self._wire)

    @property
    def names(self) -> list[str]:
        """The names of the tools that can be called."""
        return [name for name, _ in self._by_wire_name.values()]

    def own_name(self, name: str) -> str:
        """The name that a tool has here, for the one that the model uses; unknown ones stay as they are."""
        return self._by_wire_name[name][0] if name in self._by_wire_name else name

    def knows(self, call: ToolCall) -> bool:
        """Whether there is a tool of that name."""
        return wire_name(call.name) in self._by_wire_name

    def runs(self, call: ToolCall) -> bool:
        """Whether there is something to run; False for tools that somebody else runs."""
        found = self.find(call)
        return found is not None and found.runs

    def find(self, call: ToolCall) -> FunctionTool[..., Any] | None:
        """The tool that runs here and that a call means."""
        return self._by_wire_name.get(wire_name(call.name), (call.name, None))[1]

    def config(self, tool_choice: Any = None) -> ToolConfiguration | None:
        """The tools as AWS takes them; None when there are none."""
        if not self._wire:
            return None
        choice = tool_choice
        if isinstance(tool_choice, str):
            simple = {"auto": AutoToolChoice, "any": AnyToolChoice}
            choice = simple[tool_choice]() if tool_choice in simple else SpecificToolChoice(name=wire_name(tool_choice))
        return ToolConfiguration(tools=self._wire, tool_choice=choice)


@dataclass(frozen=True)
class Caller:
    """Makes calls: never raises for what a tool or the model did wrong, but tells the model."""

    tools: Toolset
    context: Any
    profile: Profile
    threads: CapacityLimiter

    async def make(self, call: ToolCall, arguments: Any) -> ToolFinished:
        """Makes one call with these arguments, the model's or rewritten ones."""
        started = time.monotonic()
        found = self.tools.find(call)
        assert found is not None  # calls of other tools never come here

        def failed(text: str, error: Exception | None = None) -> ToolFinished:
            result = error_block(call.tool_use_id, text, self.profile)
            return ToolFinished(call, result, time.monotonic() - started, error, failed=True)

        try:
            made = found.bind(arguments, self.context)
        except ValidationError as error:
            return failed(describe_invalid(error), error)
        try:
            result = result_block(call.tool_use_id, await self._run(found, made), self.profile)
        except _TimedOut as error:
            return failed(f"The tool took longer than {found.timeout:g} s.", error)
        except ToolFailed as error:
            return failed(error.message, error)
        except Unusable as error:
            return failed(str(error), error)
        except Exception as error:  # noqa: BLE001 - it is not swallowed: the model reads it, and so can the caller
            return failed(_named(error), error)
        return ToolFinished(call, result, time.monotonic() - started, failed=result.status == "error")

    async def _run(self, found: FunctionTool[..., Any], made: Callable[[], Any]) -> Any:
        import anyio

        if found.timeout is None:
            return await self._call(found, made)
        with anyio.CancelScope(deadline=anyio.current_time() + found.timeout):
            return await self._call(found, made)
        raise _TimedOut

    async def _call(self, found: FunctionTool[..., Any], made: Callable[[], Any]) -> Any:
        from anyio import to_thread

        if found.is_async:
            return await made()
        # a thread cannot be stopped, but nobody waits for one whose result is no longer wanted
        value = await to_thread.run_sync(made, abandon_on_cancel=True, limiter=self.threads)
        return await value if inspect.isawaitable(value) else value


class _TimedOut(Exception):  # noqa: N818 - caught above
    pass


def _named(error: Exception) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
