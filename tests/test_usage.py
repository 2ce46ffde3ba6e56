"""Usage: sums that keep cache tokens apart, and prices that say None rather than guess."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bedrock_converse.errors import ConfigError
from bedrock_converse.types import ConverseResponse, TokenUsage
from bedrock_converse.types.results import CallFacts
from bedrock_converse.usage import Usage, cost

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def reply(model_id: str | None = SONNET, usage: dict[str, Any] | None = None, **members: Any) -> ConverseResponse:
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
        "stopReason": "end_turn",
        "usage": usage or {"inputTokens": 1_000_000, "outputTokens": 0, "totalTokens": 1_000_000},
        **members,
    }
    return ConverseResponse.model_validate(body).with_facts(CallFacts(model_id=model_id))


CACHED = {
    "inputTokens": 10,
    "outputTokens": 5,
    "totalTokens": 1815,
    "cacheReadInputTokens": 800,
    "cacheWriteInputTokens": 1000,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 700}, {"ttl": "5m", "inputTokens": 300}],
}


def test_cache_tokens_are_kept_apart() -> None:
    """By kind and by lifetime; input is all that was read; the total is AWS's."""
    usage = Usage.of(reply(usage=CACHED))
    assert usage == Usage(
        requests=1,
        uncached_input_tokens=10,
        cache_read_tokens=800,
        cache_write_5m_tokens=300,
        cache_write_1h_tokens=700,
        output_tokens=5,
    )
    assert (usage.input_tokens, usage.cache_write_tokens, usage.total_tokens) == (1810, 1000, 1815)


def test_writes_without_details_are_five_minutes() -> None:
    """AWS's default lifetime; and details without the sum count as well."""
    plain = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 9, "cacheWriteInputTokens": 7}
    assert Usage.of(reply(usage=plain)).cache_write_5m_tokens == 7
    details = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 9, "cacheDetails": [{"ttl": "1h", "inputTokens": 7}]}
    assert Usage.of(reply(usage=details)).cache_write_1h_tokens == 7


def test_sums() -> None:
    """Over replies, usages, sums and missing usages alike; nothing at all is zero."""
    tokens = TokenUsage(input_tokens=1, output_tokens=2, total_tokens=3)
    total = Usage.sum([reply(usage=CACHED), tokens, None, Usage.of(tokens) + Usage.of(tokens)])
    assert (total.requests, total.unknown, total.output_tokens) == (5, 1, 11)
    assert Usage.sum([]) == Usage()


def test_a_reply_without_usage_is_unknown() -> None:
    """A stream that ended without metadata is not free of charge."""
    partial = reply()
    object.__setattr__(partial, "usage", None)
    assert Usage.of(partial) == Usage(requests=1, unknown=1)


def test_without_the_library_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typed error with the command."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(ConfigError, match="pip install"):
        cost(reply())


@pytest.fixture
def prices() -> Any:
    return pytest.importorskip("genai_prices")


AT = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.usefixtures("prices")
def test_cost_of_a_reply() -> None:
    """A million input tokens of Sonnet 4.5 through a regional profile."""
    assert cost(reply(), timestamp=AT) == Decimal("3.3")


@pytest.mark.usefixtures("prices")
def test_cache_lifetimes_have_their_own_prices() -> None:
    """An hour costs 2x, five minutes 1.25x, a read 0.1x."""

    def million(**kind: int) -> Decimal | None:
        return cost(Usage(requests=1, **kind), SONNET, timestamp=AT)

    assert million(cache_write_1h_tokens=1_000_000) == Decimal("6.6")
    assert million(cache_write_5m_tokens=1_000_000) == Decimal("4.125")
    assert million(cache_read_tokens=1_000_000) == Decimal("0.33")
    assert million(output_tokens=1_000_000) == Decimal("16.5")


@pytest.mark.usefixtures("prices")
def test_the_routers_model_is_priced() -> None:
    """Not the router, which has no price."""
    invoked = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
    routed = reply(
        "arn:aws:bedrock:us-east-1:1:default-prompt-router/x", trace={"promptRouter": {"invokedModelId": invoked}}
    )
    assert cost(routed, timestamp=AT) == Decimal("0.06")


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize(
    "source",
    [
        reply("made.up-model"),
        reply("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"),
        reply(None),
        reply(performanceConfig={"latency": "optimized"}),
        reply(serviceTier={"type": "flex"}),
        reply(serviceTier={"type": "reserved"}),
        Usage(requests=2, unknown=1),
        None,
    ],
)
def test_what_is_not_known_is_none(source: Any) -> None:
    """Never 0, and never the ordinary price for a tier that has none in the list."""
    assert cost(source, timestamp=AT) is None


@pytest.mark.usefixtures("prices")
def test_the_default_tier_is_the_ordinary_price() -> None:
    """AWS says `default` in its replies."""
    assert cost(reply(serviceTier={"type": "default"}), timestamp=AT) == Decimal("3.3")


def test_a_tier_with_a_price(monkeypatch: pytest.MonkeyPatch, prices: Any) -> None:
    """The tier that served the reply chooses among the model's prices."""
    from genai_prices import types

    model = prices.calc_price(prices.Usage(input_tokens=1), SONNET, provider_id="aws").model
    flex = types.PriceVariant(when={"service_tier": "flex"}, prices=types.ModelPrice(input_mtok=Decimal("1.5")))
    monkeypatch.setattr(model, "price_variants", [flex])
    assert cost(reply(serviceTier={"type": "flex"}), timestamp=AT) == Decimal("1.5")
