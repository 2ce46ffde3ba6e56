"""Counting tokens: everything that counts is sent, and the form of the id that AWS takes is found once."""

from __future__ import annotations

import sys

import pytest
from fake_client import bedrock, sent

from bedrock_converse.errors import InvalidRequestError, RequestInvalid, ThrottlingError
from bedrock_converse.testing import FakeBedrock, throttled, token_count, validation_error
from bedrock_converse.tokens import count_tokens
from bedrock_converse.tools import tool

BARE = "anthropic.claude-sonnet-4-20250514-v1:0"
GEO = f"us.{BARE}"
REFUSED = validation_error("The provided model doesn't support counting tokens.")


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["bedrock_converse.tokens"], "_remembered", {})


def asked(fake: FakeBedrock) -> list[str | None]:
    return [request.model_id for request in fake.requests]


async def test_everything_that_counts_is_sent() -> None:
    """System, tools and model fields; what does not count is accepted and left out."""

    @tool
    def weather(city: str) -> str:
        """The weather."""
        return city

    fake = FakeBedrock()
    fake.on(BARE).then(token_count(42))
    async with bedrock(fake) as client:
        count = await count_tokens(
            client,
            BARE,
            "hi",
            tools=[weather],
            system="Be brief.",
            additional_model_request_fields={"thinking": {"type": "disabled"}},
            max_tokens=100,
            service_tier="flex",
        )
    assert count == 42
    converse = sent(fake)["input"]["converse"]
    assert set(converse) == {"messages", "system", "toolConfig", "additionalModelRequestFields"}
    assert converse["toolConfig"]["tools"][0]["toolSpec"]["name"] == "weather"


@pytest.mark.parametrize(("given", "other"), [(GEO, BARE), (BARE, GEO)])
async def test_the_other_form(given: str, other: str) -> None:
    """Tried once, and remembered: also for another client in the same Region."""
    fake = FakeBedrock()
    fake.on(given).then(REFUSED)
    fake.on(other).then(token_count(7), token_count(8), token_count(9))
    async with bedrock(fake) as client:
        assert [await count_tokens(client, given, "hi") for _ in range(2)] == [7, 8]
        assert await count_tokens(client.with_options(max_tokens=5), given, "hi") == 9
    assert asked(fake) == [given, other, other, other]


async def test_arns_that_name_their_model() -> None:
    """Count as the model."""
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{GEO}"
    fake = FakeBedrock()
    fake.on(arn).then(REFUSED)
    fake.on(BARE).then(token_count(7))
    async with bedrock(fake) as client:
        assert await count_tokens(client, arn, "hi") == 7


async def test_both_forms_refused() -> None:
    """The first refusal is raised, and nothing is remembered."""
    fake = FakeBedrock()
    fake.on(GEO).then(REFUSED, REFUSED)
    fake.on(BARE).then(validation_error("other"), token_count(7))
    async with bedrock(fake) as client:
        with pytest.raises(InvalidRequestError, match="doesn't support"):
            await count_tokens(client, GEO, "hi")
        assert await count_tokens(client, GEO, "hi") == 7


async def test_a_remembered_form_is_not_tried_again() -> None:
    """An invalid conversation costs one request once the form is known."""
    fake = FakeBedrock()
    fake.on(GEO).then(REFUSED)
    fake.on(BARE).then(token_count(7), validation_error("bad conversation"))
    async with bedrock(fake) as client:
        await count_tokens(client, GEO, "hi")
        with pytest.raises(InvalidRequestError, match="bad conversation"):
            await count_tokens(client, GEO, "hi")


async def test_opaque_arns_have_no_other_form() -> None:
    """The refusal stands."""
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    fake = FakeBedrock()
    fake.on(arn).then(REFUSED)
    async with bedrock(fake) as client:
        with pytest.raises(InvalidRequestError):
            await count_tokens(client, arn, "hi")


async def test_other_errors_are_no_refusal() -> None:
    """Throttling says nothing about ids."""
    from bedrock_converse._http.retry import RetryPolicy

    fake = FakeBedrock()
    fake.on(GEO).then(throttled())
    async with bedrock(fake, retry=RetryPolicy.none()) as client:
        with pytest.raises(ThrottlingError):
            await count_tokens(client, GEO, "hi")


async def test_what_is_refused() -> None:
    """A typo, and tools given twice."""
    async with bedrock(FakeBedrock()) as client:
        with pytest.raises(RequestInvalid):
            await count_tokens(client, BARE, "hi", sytem="x")
        with pytest.raises(RequestInvalid):
            await count_tokens(client, BARE, "hi", tools=[print], tool_config={"tools": []})
