"""What replies cost: token totals with every kind of cache token in its place, and a price.

    total = Usage.sum(replies)
    print(total.input_tokens, total.cache_read_tokens, total.output_tokens)
    print(cost(reply))                                  # a Decimal in US dollars, or None: not known

AWS's `inputTokens` leaves out what was read from or written to the cache, and cache writes for an hour cost more than
those for five minutes. Both are easy to get wrong, so here the kinds are kept apart and named.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from bedrock_converse.errors import ConfigError
from bedrock_converse.types import ConverseResponse, TokenUsage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

__all__ = ["Usage", "cost"]

Source: TypeAlias = "ConverseResponse | TokenUsage | Usage | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, summed over any number of replies. Usages add up with `+` and with `Usage.sum`."""

    requests: int = 0
    """How many replies this is the sum of."""
    unknown: int = 0
    """How many of them came without a usage (a stream that ended without its metadata): their tokens are missing."""
    uncached_input_tokens: int = 0
    """Tokens that were neither read from the cache nor written to it: AWS's `inputTokens`."""
    cache_read_tokens: int = 0
    """Tokens that came from the cache, at a fraction of the price."""
    cache_write_5m_tokens: int = 0
    """Tokens written to the cache for five minutes, or for a time that AWS did not tell."""
    cache_write_1h_tokens: int = 0
    """Tokens written to the cache for an hour, which is dearer."""
    output_tokens: int = 0
    """Tokens that the model wrote, reasoning included."""

    @property
    def cache_write_tokens(self) -> int:
        """Tokens written to the cache, for whatever time."""
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def input_tokens(self) -> int:
        """All that the model read: uncached, from the cache, and written to it."""
        return self.uncached_input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        """Everything that was read and written."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(Usage)})

    @classmethod
    def of(cls, source: Source) -> Usage:
        """The usage of one reply, or of its `usage`; None is a reply whose usage never came."""
        if isinstance(source, Usage):
            return source
        # reply.usage is None, whatever its type says, when a stream ended without metadata
        tokens: TokenUsage | None = source.usage if isinstance(source, ConverseResponse) else source
        if tokens is None:
            return cls(requests=1, unknown=1)
        written = tokens.cache_write_input_tokens or 0
        by_ttl = tokens.cache_details
        for_an_hour = sum(detail.input_tokens or 0 for detail in by_ttl if detail.ttl == "1h")
        written = max(written, sum(detail.input_tokens or 0 for detail in by_ttl))  # some replies give the details only
        return cls(
            requests=1,
            uncached_input_tokens=tokens.input_tokens,
            cache_read_tokens=tokens.cache_read_input_tokens or 0,
            cache_write_5m_tokens=written - for_an_hour,
            cache_write_1h_tokens=for_an_hour,
            output_tokens=tokens.output_tokens,
        )

    @classmethod
    def sum(cls, sources: Iterable[Source]) -> Usage:
        """The sum over replies, their usages, or other sums."""
        total = cls()
        for source in sources:
            total += cls.of(source)
        return total


# --- price ------------------------------------------------------------------------------------------------------------


def cost(
    source: Source,
    model_id: str | None = None,
    *,
    service_tier: str | None = None,
    timestamp: datetime | None = None,
) -> Decimal | None:
    """What it cost in US dollars, by the prices of the `genai-prices` library; None when that is not known.

    Not known are: a model without a price (an ARN of your own inference profile, for example: name its model in
    `model_id`), a missing usage, a latency-optimized reply, a service tier without a price for that model, and a sum
    that includes any reply without usage. It is a list price in us-east-1, not a bill.

    Args:
        source: A reply, its usage, or a sum of replies of the same model.
        model_id: The model; by default the one that a prompt router chose, else the one that the call named.
        service_tier: `flex`, `priority`, ...; by default the tier that served the reply.
        timestamp: When it ran, since prices change; by default now.

    Raises:
        ConfigError: genai-prices is not installed: `pip install "bedrock-converse-async[prices]"`.
    """
    prices = _prices()
    if isinstance(source, ConverseResponse):
        model_id = model_id or _serving_model(source)
        service_tier = service_tier or (source.service_tier.type if source.service_tier else None)
        if source.performance_config and source.performance_config.latency == "optimized":
            return None
    usage = Usage.of(source)
    if usage.unknown or model_id is None:
        return None
    tokens = prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_tokens=usage.output_tokens,
    )
    tier = None if service_tier in (None, "default") else service_tier
    try:
        price = prices.calc_price(
            tokens,
            model_id.rpartition("/")[2],
            provider_id="aws",
            genai_request_timestamp=timestamp,
            price_context={"service_tier": tier} if tier else None,
        )
    except LookupError:
        return None
    return price.total_price if tier is None or _has_tier(price.model, tier) else None


def _serving_model(reply: ConverseResponse) -> str | None:
    router = reply.trace.prompt_router if reply.trace else None
    return (router.invoked_model_id if router else None) or reply.model_id


def _has_tier(model: Any, tier: str) -> bool:
    """genai-prices falls back to the ordinary price, which would be wrong without a word."""
    return any(variant.when.get("service_tier") == tier for variant in getattr(model, "price_variants", None) or ())


def _prices() -> Any:
    try:
        import genai_prices  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    except ImportError as error:
        hint = 'pip install "bedrock-converse-async[prices]"'
        raise ConfigError("prices come from the genai-prices library, which is not installed", hint=hint) from error
    return genai_prices  # pyright: ignore[reportUnknownVariableType]
