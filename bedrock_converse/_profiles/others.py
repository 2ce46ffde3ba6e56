"""Every family but Claude. A later row wins over an earlier one, so the general comes first."""

from __future__ import annotations

from bedrock_converse._profiles.facts import Source, row

__all__ = ["ROWS"]

PEER = Source("pydantic-ai providers/bedrock.py and models/bedrock.py, 4fda389", "2026-08-23")
PEER_LIVE = Source("pydantic-ai providers/bedrock.py: measured live in us-east-1", "2026-07-03")
LANGCHAIN = Source("langchain-aws chat_models/bedrock_converse.py and utils.py, 0434c7f", "2026-08-20")
MODELS_DEV = Source("models.dev, by way of langchain-aws data/_profiles.py (MIT), 0434c7f", "2026-08-20")
STRANDS = Source("strands-agents sdk-python models/bedrock.py, 1232230", "2026-05-15")
CACHING = Source("docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: Claude and Nova only", "2026-08-23")
RECORDED = Source("recorded Converse calls that AWS answered with 200 (pydantic-ai, ruby_llm)", "2026-08-23")
NOVA_2 = Source("aws-samples: nova-2-lite with reasoningConfig; recorded by ruby_llm", "2026-08-23")

REDACTED = Source("langchain-aws #1223, inspect_ai #5217: reasoning comes unasked and is redacted", "2026-08-23")
GROK = Source("hermes-agent #111438: temperature and top_p are refused", "2026-08-23")

NOTHING = frozenset[str]()
NO_CACHE = (
    "ai21. amazon.titan cohere. deepseek. google. meta. minimax. mistral. moonshot. moonshotai. nvidia. openai. qwen. "
    "writer. zai."
)
STRUCTURED = (
    "mistral.magistral-small mistral.ministral-3 mistral.mistral-large-3 mistral.voxtral qwen.qwen3 "
    "google.gemma-3-12b-it google.gemma-3-27b-it minimax.minimax-m2 nvidia.nemotron-nano zai. moonshot. moonshotai."
)

ROWS = (
    row("amazon.titan google. minimax. nvidia. qwen.", PEER, tool_choice=NOTHING),
    row("amazon.nova meta.llama mistral. cohere. ai21. writer.", PEER_LIVE, leading_assistant=False),
    row("qwen. zai. moonshot. moonshotai.", PEER_LIVE, leading_assistant=True),
    row("amazon.titan", PEER, family="titan", reasoning_style="none"),
    row(
        "amazon.nova",
        PEER,
        family="nova",
        structured_output=False,
        strict_tools=False,
        media_in_tool_result=frozenset({"image"}),
        top_k_place=("inferenceConfig", "topK"),
        reasoning_style="none",
    ),
    row("amazon.nova", RECORDED, tool_choice=frozenset({"auto", "any", "tool"}), tool_result_status=True),
    row(
        "amazon.nova",
        LANGCHAIN,
        streams=True,
        streams_tools=True,
        cache_in=frozenset({"system", "messages"}),
        cache_tool_turns=False,
        cache_ttls=NOTHING,
    ),
    row(
        "amazon.nova-lite amazon.nova-micro amazon.nova-pro amazon.nova-premier",
        LANGCHAIN,
        inline_reasoning_tag="thinking",
    ),
    row("amazon.nova-2", NOVA_2, reasoning_style="nova", efforts=("low", "medium", "high")),
    row("amazon.nova-2", LANGCHAIN, system_tools=frozenset({"nova_code_interpreter", "nova_grounding"})),
    row(
        "meta.llama",
        PEER,
        family="llama",
        beside_tool_result=NOTHING,
        media_in_tool_result=frozenset({"image", "document"}),
        reasoning_style="none",
        sends_back_reasoning=False,
    ),
    row("meta.llama", LANGCHAIN, tool_choice=NOTHING, streams=True, streams_tools=False),
    row(
        "meta.llama3-1 meta.llama3-3 meta.llama4 meta.llama3-2-11b meta.llama3-2-90b",
        LANGCHAIN,
        tool_choice=frozenset({"auto"}),
    ),
    row(
        "mistral.",
        PEER,
        family="mistral",
        beside_tool_result=NOTHING,
        media_in_tool_result=frozenset({"document"}),
        tool_result_format="json",
        sends_back_reasoning=False,
    ),
    row("mistral.", LANGCHAIN, tool_choice=NOTHING, streams=True, streams_tools=False),
    row("mistral.mistral-large", LANGCHAIN, tool_choice=frozenset({"auto", "any"})),
    row("cohere.", PEER, family="command", reasoning_style="none", sends_back_reasoning=False),
    row("cohere.", LANGCHAIN, tool_choice=NOTHING, streams=True, streams_tools=False),
    row("cohere.command-r", LANGCHAIN, streams_tools=True),
    row("ai21.", PEER, family="jamba", reasoning_style="none", sends_back_reasoning=False),
    row("ai21.", LANGCHAIN, tool_choice=NOTHING, streams=True, streams_tools=True),
    row("ai21.jamba-instruct", LANGCHAIN, streams_tools=False),
    row(
        "writer.",
        PEER_LIVE,
        family="palmyra",
        beside_tool_result=NOTHING,
        tool_result_status=False,
    ),
    row("writer.", LANGCHAIN, tool_choice=NOTHING, streams=True, streams_tools=False),
    row("deepseek.", PEER, family="deepseek"),
    row("deepseek.v3", LANGCHAIN, tool_choice=frozenset({"any", "tool"})),
    row("deepseek.v3-v1", LANGCHAIN, tool_choice=frozenset({"any"})),
    row("deepseek.r1", LANGCHAIN, tool_choice=NOTHING, streams=True, streams_tools=False),
    row("deepseek.r1", PEER, reasoning_style="fixed", reasoning_always_on=True, sends_back_reasoning=True),
    row("openai.", PEER, family="gpt"),
    row(
        "openai.gpt-oss",
        PEER,
        family="gpt-oss",
        reasoning_style="openai",
        efforts=("low", "medium", "high"),
        reasoning_always_on=True,
    ),
    row("openai.gpt-oss", LANGCHAIN, tool_choice=NOTHING),
    row("qwen.", PEER, family="qwen", media_in_tool_result=NOTHING),
    row("openai.gpt-5.6 xai.grok", REDACTED, reasoning_always_on=True),
    row("xai.grok", GROK, family="grok", sampling="none"),
    row("qwen.qwen3 qwen.qwq", RECORDED, reasoning_style="qwen", efforts=("low", "high"), reasoning_always_on=True),
    row(
        "zai.",
        PEER,
        family="glm",
        tool_choice=frozenset({"auto", "any", "tool"}),
    ),
    row(
        "moonshot. moonshotai.",
        PEER,
        family="kimi",
        tool_choice=frozenset({"auto", "any", "tool"}),
        media_in_tool_result=NOTHING,
    ),
    row("moonshot. moonshotai.", MODELS_DEV, reasoning_style="openai", efforts=("low", "high", "max")),
    row("moonshot.kimi-k2-thinking", PEER, reasoning_always_on=True),
    row("nvidia.nemotron", STRANDS, family="nemotron", empty_tool_result=False),
    row("google.", PEER, family="gemma"),
    row("minimax.", PEER, family="minimax"),
    row(STRUCTURED, PEER, structured_output=True, strict_tools=True),
    row(NO_CACHE, CACHING, cache_in=NOTHING),
    row("amazon.nova-lite amazon.nova-pro", MODELS_DEV, context_window=300_000, max_output=8_192),
    row("amazon.nova-micro", MODELS_DEV, context_window=128_000, max_output=8_192),
    row("amazon.nova-2-lite", MODELS_DEV, context_window=128_000, max_output=4_096),
    row("meta.llama3-1 meta.llama3-3", MODELS_DEV, context_window=128_000, max_output=4_096),
    row("meta.llama4-maverick", MODELS_DEV, context_window=1_000_000, max_output=16_384),
    row("meta.llama4-scout", MODELS_DEV, context_window=3_500_000, max_output=16_384),
    row("mistral.mistral-large-3 mistral.devstral-2", MODELS_DEV, context_window=256_000, max_output=8_192),
    row("mistral.pixtral-large", MODELS_DEV, context_window=128_000, max_output=8_192),
    row("mistral.magistral-small", MODELS_DEV, context_window=128_000, max_output=40_000),
    row("deepseek.v3", MODELS_DEV, context_window=163_840, max_output=81_920),
    row("minimax.minimax-m2", MODELS_DEV, context_window=196_608, max_output=98_304),
    row("moonshot. moonshotai.", MODELS_DEV, context_window=262_143, max_output=16_000),
    row("openai.gpt-oss", MODELS_DEV, context_window=128_000, max_output=16_384),
    row("openai.gpt-5.4 openai.gpt-5.5", MODELS_DEV, context_window=272_000, max_output=128_000),
    row("openai.gpt-5.6", MODELS_DEV, context_window=1_050_000, max_output=128_000),
    row("nvidia.nemotron-super-3", MODELS_DEV, context_window=262_144, max_output=131_072),
    row("nvidia.nemotron-nano", MODELS_DEV, context_window=128_000, max_output=4_096),
)
