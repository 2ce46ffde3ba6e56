"""What to do about the errors that every newcomer meets: patterns of AWS's own texts, with the dates they were seen."""

from __future__ import annotations

import re

__all__ = ["hint_for", "is_context_overflow", "throttling_scope"]

_HINTS: list[tuple[re.Pattern[str], str]] = [
    (
        # recorded 2025-2026 for most Anthropic, Meta and Nova models
        re.compile(r"on-demand throughput (isn.t|is not) supported", re.IGNORECASE),
        "Call the model through an inference profile: put a geography before the id, as in us.<model id>, eu.<model "
        "id> or global.<model id>.",
    ),
    (
        # "You don't have access to the model with the specified model ID." 2024-2026
        re.compile(
            r"don.t have access to the model|model access is denied|not authorized .*foundation.model", re.IGNORECASE
        ),
        "Enable the model for this account and region (Bedrock console, model access), and allow bedrock:InvokeModel "
        "(and bedrock:InvokeModelWithResponseStream for streams) for these credentials.",
    ),
    (
        # "The provided model identifier is invalid." recorded 2025-2026
        re.compile(r"model identifier is invalid|could not resolve the foundation model", re.IGNORECASE),
        "Check the id's spelling, and that the model exists in this region; some are reached only through an inference "
        "profile (us.<model id>).",
    ),
    (
        # ExpiredTokenException, 2024-2026
        re.compile(r"security token included in the request is expired|bearer token has expired", re.IGNORECASE),
        "The credentials have expired: renew them (aws sso login, a new API key), or pass a callable that returns "
        "fresh ones.",
    ),
    (
        # "Authentication failed: Please make sure your API Key is valid." 2026-07 and -09
        # "Invalid API Key format: Must start with pre-defined prefix" 2026-03
        re.compile(r"make sure your api key is valid|invalid api key", re.IGNORECASE),
        "AWS does not take this API key, which comes from api_key= or, before any other credentials, from "
        "AWS_BEARER_TOKEN_BEDROCK: it may be cut off, deleted, or made for another region.",
    ),
    (
        # UnrecognizedClientException, recorded 2026
        re.compile(r"security token included in the request is invalid", re.IGNORECASE),
        "AWS does not know these keys: look for stale AWS_* variables or a wrong profile; temporary keys need their "
        "session token.",
    ),
    (
        # InvalidSignatureException "Signature expired: ... is now earlier than ..."
        re.compile(r"signature (expired|not yet current)", re.IGNORECASE),
        "This machine's clock is off; AWS accepts five minutes.",
    ),
    (
        # our own words for a 3xx, see deserialize.parse_error
        re.compile(r"redirects are never followed"),
        "Bedrock itself never redirects: look for a proxy or gateway that wants a login, or give endpoint_url= (or "
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME) the address that answers.",
    ),
    (
        # 2026-05: the rule was tightened from non-empty to non-blank
        re.compile(
            r"text content blocks must (be|contain) non-(empty|whitespace)|text field .* is blank", re.IGNORECASE
        ),
        "A text block is empty or blank; leave it out.",
    ),
]

_OVERFLOW = re.compile(
    r"input is too long for requested model"
    r"|input length and `?max_tokens`? exceed context limit"
    r"|prompt is too long"
    r"|too many (input |total )?(text )?(tokens|bytes).*(maximum|limit|exceed)"
    r"|too many total text bytes"
    r"|exceeds? (the )?(model.s )?(maximum )?context (window|length|limit)"
    r"|maximum context length"
    r"|context window (limit )?exceeded",
    re.IGNORECASE,
)
"""Seen in peers' sources and threads, 2024-2026."""

# "Too many tokens per day, please wait before trying again." 2024-2026; the rest are its sisters in other quotas' texts
_PER_DAY = re.compile(r"\bper[ -]day\b|/ ?day\b|\bdaily\b", re.IGNORECASE)
_TOKENS = re.compile(r"too many tokens|tokens? per minute", re.IGNORECASE)


LONGEST = 4000
"""Characters of a message that are looked at: a hostile one must not keep the patterns busy."""


def hint_for(message: str) -> str | None:
    """What to do about AWS's `message`, or None."""
    return next((hint for pattern, hint in _HINTS if pattern.search(message[:LONGEST])), None)


def is_context_overflow(message: str) -> bool:
    """The message of a ValidationException says that the input does not fit the model."""
    return _OVERFLOW.search(message[:LONGEST]) is not None


def throttling_scope(message: str) -> str:
    """What is throttled: `rate`, `tokens` (per minute) or `day`."""
    said = message[:LONGEST]
    if _PER_DAY.search(said):
        return "day"
    return "tokens" if _TOKENS.search(said) else "rate"
