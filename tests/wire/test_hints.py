"""What AWS's own texts mean: hints, the context window, what is throttled. Each text was seen in the wild."""

from __future__ import annotations

import pytest

from bedrock_converse._wire.deserialize import parse_error
from bedrock_converse._wire.hints import hint_for, is_context_overflow, throttling_scope

HINTED = [
    (
        "Invocation of model ID anthropic.claude-sonnet-4-5 with on-demand throughput isn\u2019t supported."
        " Retry your request with the ID or ARN of an inference profile that contains this model.",
        "inference profile",
    ),
    ("Invocation of model ID x with on-demand throughput is not supported.", "inference profile"),
    ("You don't have access to the model with the specified model ID.", "model access"),
    ("You don\u2019t have access to the model with the specified model ID.", "model access"),
    (
        "User: arn:aws:iam::123456789012:user/x is not authorized to perform: bedrock:InvokeModel on resource:"
        " arn:aws:bedrock:us-east-1::foundation-model/x because no identity-based policy allows it",
        "bedrock:InvokeModel",
    ),
    ("The provided model identifier is invalid.", "spelling"),
    ("Could not resolve the foundation model from the provided model identifier.", "spelling"),
    ("The security token included in the request is expired", "renew"),
    ("Bearer Token has expired", "renew"),
    ("Authentication failed: Please make sure your API Key is valid.", "AWS_BEARER_TOKEN_BEDROCK"),
    ("Invalid API Key format: Must start with pre-defined prefix", "AWS_BEARER_TOKEN_BEDROCK"),
    ("The security token included in the request is invalid.", "stale AWS_*"),
    ("Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z", "clock"),
    ("Signature not yet current: 20260101T001000Z is still later than 20260101T000500Z", "clock"),
    ("the endpoint redirects to login.example; redirects are never followed", "endpoint_url"),
    ("messages: text content blocks must be non-empty", "leave it out"),
    ("messages: text content blocks must contain non-whitespace text", "leave it out"),
    (
        "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field.",
        "leave",
    ),
]


@pytest.mark.parametrize(("message", "word"), HINTED)
def test_newcomers_errors_have_a_hint(message: str, word: str) -> None:
    """The hint says what to do, and is shown with the error."""
    assert word in (hint_for(message) or "")
    error = parse_error(400, {}, b'{"message": "%s"}' % message.encode())
    assert error.hint == hint_for(message)
    assert f"hint: {error.hint}" in str(error)


@pytest.mark.parametrize("message", ["", "no", "Input is too long for requested model.", "Too many requests"])
def test_other_errors_have_none(message: str) -> None:
    """No advice where none is known."""
    assert hint_for(message) is None


@pytest.mark.parametrize(
    "message",
    [
        "Input is too long for requested model.",
        "The model returned the following errors: Input is too long for requested model.",
        "prompt is too long: 208310 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000, decrease input length",
        "Too many input tokens. Max input tokens: 8192, request input token count: 9000; limit exceeded",
        "too many total text bytes: 30000000 > 26214400",
        "This model's maximum context length is 8192 tokens. Please reduce the length of the prompt",
        "The input exceeds the model's context window",
        "context window exceeded",
    ],
)
def test_context_overflow(message: str) -> None:
    """The texts with which models say that the input does not fit."""
    assert is_context_overflow(message)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Malformed input request",
        "max_tokens must be at most 8192",
        "The text field is too long",
        "1 validation error",
    ],
)
def test_other_refusals_are_no_overflow(message: str) -> None:
    """Compacting the conversation would not help here."""
    assert not is_context_overflow(message)


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        ("", "rate"),
        ("Too many requests, please wait before trying again.", "rate"),
        ("Your request rate is too high. Reduce the frequency of requests.", "rate"),
        ("Too many tokens, please wait before trying again.", "tokens"),
        ("You have exceeded the tokens per minute quota", "tokens"),
        ("Too many tokens per day, please wait before trying again.", "day"),
        ("Daily token quota exceeded", "day"),
        ("TOO MANY TOKENS PER DAY, PLEASE WAIT BEFORE TRYING AGAIN.", "day"),
        ("Too many requests per day.", "day"),
        ("You have used up your daily request limit", "day"),
        ("Limit of 5,000,000 tokens/day reached", "day"),
        ("Too many tokens in the last few days; wait a minute", "tokens"),
    ],
)
def test_throttling_scope(message: str, scope: str) -> None:
    """Requests, tokens per minute, or tokens per day, which no retry brings back."""
    assert throttling_scope(message) == scope


def test_only_the_beginning_of_a_message_is_looked_at() -> None:
    """A hostile peer's endless text must not keep the patterns busy: some of them take quadratic time."""
    padding = "too many tokens " * 250
    assert hint_for(padding + "The provided model identifier is invalid.") is None
    assert not is_context_overflow(padding + "prompt is too long")
    assert throttling_scope(padding + "per day") == "tokens"
