"""Anthropic's Claude. A later row wins over an earlier one, so the general comes first."""

from __future__ import annotations

from bedrock_converse._profiles.facts import Source, row

__all__ = ["ROWS"]

PEER = Source("pydantic-ai providers/bedrock.py and profiles/anthropic.py, 4fda389", "2026-08-23")
PEER_LIVE = Source("pydantic-ai providers/bedrock.py: measured live in us-east-1", "2026-07-03")
LANGCHAIN = Source("langchain-aws chat_models/bedrock_converse.py and utils.py, 0434c7f", "2026-08-20")
MODELS_DEV = Source("models.dev, by way of langchain-aws data/_profiles.py (MIT), 0434c7f", "2026-08-20")
STRUCTURED = Source(
    "docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html, as read by pydantic-ai 4fda389", "2026-08-23"
)
CACHE_1H = Source(
    "aws.amazon.com/about-aws/whats-new/2026/01: one-hour caching; strands harness-sdk #2042", "2026-04-02"
)
EFFORT = Source("platform.claude.com/docs/en/build-with-claude/effort; pydantic-ai profiles/anthropic.py", "2026-08-23")
SAMPLING = Source("bedrock-access-gateway #191 and mem0 #4393: temperature and top_p together are a 400", "2026-08-23")
RECORDED = Source("recorded Converse calls that AWS answered with 200 (pydantic-ai, dd-trace-py)", "2026-08-23")
DISAGREE = Source("langchain-aws refuses a forced tool beside adaptive thinking, pydantic-ai sends it", "2026-08-23")
THINKS = Source("docs.apiyi.com/en/live/2026-11/claude-thinking-guide-refresh; langchain-aws utils.py", "2026-11-09")

LATEST = "anthropic.claude-fable-5 anthropic.claude-mythos-5 anthropic.claude-opus-5 anthropic.claude-sonnet-5"
FROM_4_7 = f"anthropic.claude-opus-4-7 anthropic.claude-opus-4-8 {LATEST}"
FROM_4_6 = f"anthropic.claude-opus-4-6 anthropic.claude-sonnet-4-6 {FROM_4_7}"
HAIKU = "anthropic.claude-haiku-4-5 anthropic.claude-haiku-5"
FROM_4_5 = f"anthropic.claude-opus-4-5 anthropic.claude-sonnet-4-5 {HAIKU} {FROM_4_6}"
BEFORE_4 = "anthropic.claude-v2 anthropic.claude-instant anthropic.claude-3"

ROWS = (
    row(
        "anthropic.claude",
        PEER,
        family="claude",
        tool_choice=frozenset({"auto", "any", "tool"}),
        tool_result_status=True,
        beside_tool_result=frozenset({"text", "image", "audio", "searchResult", "guardContent"}),
        media_in_tool_result=frozenset({"image", "document"}),
        top_k_place=("top_k",),
        reasoning_style="anthropic_budget",
        sends_back_reasoning=True,
        reasoning_needs_signature=True,
        cache_in=frozenset({"tools", "system", "messages"}),
        cache_tool_turns=True,
    ),
    row("anthropic.claude", PEER_LIVE, leading_assistant=True),
    row("anthropic.claude", LANGCHAIN, streams=True, streams_tools=True, empty_tool_result=True),
    row("anthropic.claude", RECORDED, cache_ttls=frozenset[str]()),
    row("anthropic.claude-v2 anthropic.claude-instant", LANGCHAIN, streams_tools=False, cache_in=frozenset[str]()),
    row(BEFORE_4, PEER, reasoning_style="none", structured_output=False, strict_tools=False),
    row("anthropic.claude-3-7", PEER, reasoning_style="anthropic_budget"),
    row(
        "anthropic.claude-3-7 anthropic.claude-sonnet-4 anthropic.claude-opus-4 anthropic.claude-haiku-4",
        LANGCHAIN,
        forced_tool_with_reasoning=False,
    ),
    row(FROM_4_6, DISAGREE, forced_tool_with_reasoning=None),
    row("anthropic.claude-sonnet-4 anthropic.claude-opus-4", STRUCTURED, structured_output=False, strict_tools=False),
    row(FROM_4_5, STRUCTURED, structured_output=True, strict_tools=True),
    row(
        "anthropic.claude-opus-4-1 anthropic.claude-opus-4-7 anthropic.claude-opus-4-8 anthropic.claude-opus-5",
        STRUCTURED,
        structured_output=False,
        strict_tools=False,
    ),
    row(FROM_4_5, CACHE_1H, cache_ttls=frozenset({"5m", "1h"})),
    row(FROM_4_5, SAMPLING, sampling="one"),
    row(FROM_4_6, EFFORT, reasoning_style="anthropic_adaptive", efforts=("low", "medium", "high", "max")),
    row(
        FROM_4_7,
        EFFORT,
        efforts=("low", "medium", "high", "xhigh", "max"),
        reasoning_budget=False,
        sampling="none",
    ),
    row(LATEST, THINKS, reasons_by_default=True),
    row(
        "anthropic.claude-fable-5 anthropic.claude-mythos-5 anthropic.claude-opus-5-5", THINKS, reasoning_always_on=True
    ),
    row("anthropic.claude-fable-5 anthropic.claude-mythos-5", PEER, tool_choice=frozenset({"auto"})),
    row("anthropic.claude", MODELS_DEV, context_window=200_000),
    row("anthropic.claude-v2", MODELS_DEV, context_window=100_000),
    row("anthropic.claude-opus-4-1", MODELS_DEV, max_output=32_000),
    row(FROM_4_5, MODELS_DEV, max_output=64_000),
    row(FROM_4_6, MODELS_DEV, context_window=1_000_000, max_output=128_000),
    row("anthropic.claude-sonnet-4-6", MODELS_DEV, max_output=64_000),
)
