"""Tools: functions that a model may call, and the loop that calls them.

    @tool
    async def weather(city: str) -> str:
        \"\"\"The weather in a city, now.\"\"\"
        return await forecasts.now(city)

    run = await run_tools(client, MODEL, "Do I need an umbrella in Oslo?", [weather])
    print(run.text, len(run.calls), run.usage.total_tokens)

`tool` makes a tool of a function or of a pydantic model. `run_tools` runs model and tools until there is an answer, and
`stream_tools` does it event by event. A hook decides about calls before they are made; a run that has to wait for a
decision is a value, kept as JSON and resumed by a later request. `tool_config` is for those who write their own loop.
"""

from __future__ import annotations

from bedrock_converse._tools.calls import (
    Allow,
    Answer,
    Decision,
    Deny,
    Pause,
    PausedRun,
    Rewrite,
    ToolCall,
    ToolFailed,
    ToolFinished,
    ToolLoopError,
    ToolRun,
    ToolStarted,
)
from bedrock_converse._tools.function import FunctionTool, tool
from bedrock_converse._tools.loop import BeforeCall
from bedrock_converse._tools.names import wire_name
from bedrock_converse._tools.run import ToolEvent, ToolStream, run_tools, stream_tools
from bedrock_converse._tools.toolset import ToolLike, tool_config

__all__ = [
    "Allow",
    "Answer",
    "BeforeCall",
    "Decision",
    "Deny",
    "FunctionTool",
    "Pause",
    "PausedRun",
    "Rewrite",
    "ToolCall",
    "ToolEvent",
    "ToolFailed",
    "ToolFinished",
    "ToolLike",
    "ToolLoopError",
    "ToolRun",
    "ToolStarted",
    "ToolStream",
    "run_tools",
    "stream_tools",
    "tool",
    "tool_config",
    "wire_name",
]
