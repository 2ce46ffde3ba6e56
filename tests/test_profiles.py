"""Profiles: which model an id names, what is known about it, and how a user's own facts go before."""

from __future__ import annotations

import datetime
from dataclasses import fields, replace

import pytest
from histories import WIRE, recorded
from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse._shaping.blocks import kind_of
from bedrock_converse.errors import ConfigError
from bedrock_converse.profiles import FIELDS, ROWS, Profile, Profiles, base_model_id, profile_for
from bedrock_converse.types import AnyToolChoice, AutoToolChoice, OutputConfig, SpecificToolChoice, ToolResultBlock

ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"
OPAQUE = f"{ACCOUNT}:application-inference-profile/mi1dadi0g15f"


@pytest.mark.parametrize(
    ("model_id", "base"),
    [
        ("anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
        ("us.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("global.amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0"),
        ("mx.amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0"),
        ("eu.newcomer.model-1", "newcomer.model-1"),
        ("deepseek.v3.2", "deepseek.v3.2"),
        ("zai.glm-4.7", "zai.glm-4.7"),
        ("minimax.minimax-m2.1", "minimax.minimax-m2.1"),
        ("amazon.nova-pro-v1:0:300k", "amazon.nova-pro-v1:0:300k"),
        (f"{ACCOUNT}:inference-profile/us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("arn:aws-cn:bedrock:cn-north-1::foundation-model/meta.llama3-8b-v1:0", "meta.llama3-8b-v1:0"),
        (f"{ACCOUNT}:custom-model/amazon.nova-lite-v1:0:300k/abcdef123456", "amazon.nova-lite-v1:0:300k"),
        (f"{ACCOUNT}:default-prompt-router/anthropic.claude:1", "anthropic.claude:1"),
        (OPAQUE, None),
        (f"{ACCOUNT}:provisioned-model/abc", None),
        (f"{ACCOUNT}:prompt/ABCDE12345:1", None),
        ("arn:aws:bedrock", None),
        ("arn:", None),
        ("", None),
        ("my-model", "my-model"),
    ],
)
def test_base_model_id(model_id: str, base: str | None) -> None:
    """Geo prefixes go, ARNs that name a model give it, and the opaque ones give None."""
    assert base_model_id(model_id) == base


@given(st.text())
def test_every_string_has_a_profile(model_id: str) -> None:
    """No model id, however odd, is an error: profiles advise."""
    assert isinstance(profile_for(model_id), Profile)


@pytest.mark.parametrize("model_id", [OPAQUE, "newcomer.model-1", ""])
def test_unknown_models_accept_everything(model_id: str) -> None:
    """A model without facts has no field that says no."""
    profile = profile_for(model_id)
    assert profile == replace(Profile(), model_id=profile.model_id)
    assert not [item.name for item in fields(profile) if getattr(profile, item.name) is False]
    assert profile.cache_in == {"tools", "system", "messages"}


@pytest.mark.parametrize(
    ("model_id", "expected"),
    [
        ("us.anthropic.claude-sonnet-4-6", {"family": "claude", "reasoning_style": "anthropic_adaptive"}),
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            {"reasoning_style": "anthropic_budget", "structured_output": True},
        ),
        ("anthropic.claude-opus-4-7", {"sampling": "none", "structured_output": False, "reasoning_budget": False}),
        ("anthropic.claude-opus-4-20250514-v1:0", {"structured_output": False, "cache_ttls": frozenset()}),
        ("anthropic.claude-3-haiku-20240307-v1:0", {"reasoning_style": "none", "leading_assistant": True}),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", {"cache_ttls": frozenset({"5m", "1h"}), "sampling": "one"}),
        ("us.amazon.nova-lite-v1:0", {"cache_in": frozenset({"system", "messages"}), "cache_tool_turns": False}),
        ("us.amazon.nova-lite-v1:0", {"inline_reasoning_tag": "thinking", "leading_assistant": False}),
        ("us.amazon.nova-2-lite-v1:0", {"reasoning_style": "nova", "inline_reasoning_tag": None}),
        ("us.meta.llama3-3-70b-instruct-v1:0", {"tool_result_alone": True, "tool_choice": frozenset({"auto"})}),
        ("mistral.mistral-large-2407-v1:0", {"tool_result_format": "json", "streams_tools": False}),
        ("us.writer.palmyra-x5-v1:0", {"tool_result_status": False}),
        ("deepseek.r1-v1:0", {"reasoning_style": "fixed", "cache_in": frozenset()}),
        ("openai.gpt-oss-20b-1:0", {"reasoning_style": "openai", "reasoning_always_on": True}),
        ("qwen.qwen3-32b-v1:0", {"reasoning_style": "qwen", "efforts": ("low", "high")}),
        ("qwen.qwen3-32b-v1:0", {"tool_choice": frozenset(), "structured_output": True}),
        ("moonshotai.kimi-k2.5", {"media_in_tool_result": frozenset(), "leading_assistant": True}),
        ("nvidia.nemotron-nano-9b-v2", {"empty_tool_result": False}),
    ],
)
def test_known_facts(model_id: str, expected: dict[str, object]) -> None:
    """A sample of each family's facts, the later and more special rows winning."""
    profile = profile_for(model_id)
    assert {name: getattr(profile, name) for name in expected} == expected


def test_what_may_stand_beside_tool_results() -> None:
    """Claude refuses documents and videos there, Llama everything; of an unknown model nothing is known."""
    claude = profile_for("anthropic.claude-sonnet-4-6").beside_tool_result
    assert {"text", "image"} <= claude
    assert claude.isdisjoint({"document", "video"})
    assert profile_for("meta.llama4-scout-17b-instruct-v1:0").tool_result_alone
    assert {"text", "image", "document", "video"} <= Profile().beside_tool_result


def test_every_fact_has_a_source_and_a_day() -> None:
    """Rows set fields that exist, and say who says so and when it was checked."""
    for row in ROWS:
        assert set(row.facts) <= FIELDS, row
        assert row.source.text, row
        assert datetime.date.fromisoformat(row.source.checked) <= datetime.date(2026, 11, 22), row


def test_profiles_say_where_each_fact_is_from() -> None:
    """`sources` has an entry for every field that a row set, and for no other."""
    profile = profile_for("us.amazon.nova-lite-v1:0")
    changed = {n for n in FIELDS if getattr(profile, n) != getattr(Profile(), n)}
    assert changed <= set(profile.sources)
    assert profile.sources["cache_tool_turns"].checked == "2026-08-20"


def test_known_profiles_cannot_be_changed() -> None:
    """The shared profiles are frozen: a user changes a copy."""
    with pytest.raises(AttributeError):
        profile_for("amazon.nova-lite-v1:0").family = "mine"  # type: ignore[misc]


def test_an_alias_makes_an_opaque_arn_a_model() -> None:
    """An application inference profile is treated as the model that the user names."""
    profiles = Profiles({OPAQUE: "eu.anthropic.claude-sonnet-4-6"})
    assert profile_for(OPAQUE, profiles) == profile_for("anthropic.claude-sonnet-4-6")
    assert profile_for("amazon.nova-lite-v1:0", profiles) == profile_for("amazon.nova-lite-v1:0")


def test_facts_go_before_the_known_ones() -> None:
    """A mapping replaces single facts, for every id that begins with the key, and their source is dropped."""
    profile = profile_for(
        "us.amazon.nova-lite-v1:0", {"amazon.nova": {"leading_assistant": True, "cache_in": "system"}}
    )
    assert profile.leading_assistant is True
    assert profile.cache_in == frozenset({"system"})
    assert profile.cache_tool_turns is False
    assert "leading_assistant" not in profile.sources


def test_the_longest_key_wins() -> None:
    """The more special entry is the one that counts, and the id as written goes before its base."""
    profiles = Profiles({"amazon.": {"family": "a"}, "amazon.nova-lite": {"family": "b"}, "us.amazon": {"family": "c"}})
    assert profiles.profile_for("eu.amazon.nova-lite-v1:0").family == "b"
    assert profiles.profile_for("amazon.nova-pro-v1:0").family == "a"
    assert profiles.profile_for("us.amazon.nova-lite-v1:0").family == "c"


def test_a_profile_stands_for_itself() -> None:
    """A whole `Profile` is used as it is: for one id, or for the call."""
    mine = Profile(family="mine", cache_in=frozenset())
    assert profile_for("anything", mine) is mine
    assert profile_for("acme.one", {"acme.": mine}) is mine


def test_an_alias_leads_to_your_own_facts() -> None:
    """What you say about the model that an ARN stands for counts for the ARN."""
    profiles = Profiles({OPAQUE: "acme.one", "acme.": {"family": "acme"}})
    assert profiles.profile_for(OPAQUE).family == "acme"


@pytest.mark.parametrize(
    ("facts", "problem"),
    [({"cache_in": 5}, "cache_in"), ({"reasoning_style": "loud"}, "reasoning_style"), ({"efforts": None}, "efforts")],
)
def test_values_that_a_field_cannot_have(facts: dict[str, object], problem: str) -> None:
    """A typed error that names the field, before it can do harm."""
    with pytest.raises(ConfigError, match=problem):
        Profiles({"acme.": facts})


def test_sets_and_tuples_may_be_lists() -> None:
    """Facts may come from JSON."""
    profile = profile_for(
        "acme.one", {"acme.": {"cache_in": ["system"], "top_k_place": ["a", "b"], "efforts": ["low"]}}
    )
    assert (profile.cache_in, profile.top_k_place, profile.efforts) == (frozenset({"system"}), ("a", "b"), ("low",))


def test_aliases_in_a_ring_end() -> None:
    """Two ids that stand for each other are no endless loop."""
    profiles = Profiles({"acme.a": "acme.b", "acme.b": "acme.a"})
    assert profiles.profile_for("acme.a").family is None


def test_with_facts_leaves_the_original_alone() -> None:
    """`with_facts` adds to what was there, in a new value."""
    first = Profiles({"acme.": {"family": "acme"}})
    second = first.with_facts("acme.", sampling="none").with_facts("acme.", streams=False)
    assert first.profile_for("acme.x").sampling == "any"
    profile = second.profile_for("acme.x")
    assert (profile.family, profile.sampling, profile.streams) == ("acme", "none", False)


def test_with_facts_on_top_of_an_alias() -> None:
    """Facts added to an alias keep what the alias brought."""
    profiles = Profiles({OPAQUE: "anthropic.claude-sonnet-4-6"}).with_facts(OPAQUE, sampling="any")
    profile = profiles.profile_for(OPAQUE)
    assert (profile.family, profile.sampling) == ("claude", "any")


def test_misspelt_fields_are_refused_with_a_hint() -> None:
    """A fact that is no field is a typed error that names the nearest one."""
    with pytest.raises(ConfigError, match="did you mean 'cache_ttls'"):
        Profiles({"acme.": {"cache_ttl": {"1h"}}})
    with pytest.raises(ConfigError, match="not int"):
        Profiles({"acme.": 3})  # type: ignore[dict-item]


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_recorded_requests_do_not_contradict() -> None:
    """No fact says no to something in a recorded request that AWS answered with 200."""
    wrong: list[str] = []
    for name, request in recorded(status=200):
        profile = profile_for(request.model_id)
        choice = request.tool_config.tool_choice if request.tool_config else None
        kind = {AutoToolChoice: "auto", AnyToolChoice: "any", SpecificToolChoice: "tool"}.get(type(choice), "")
        results = [block for m in request.messages or () for block in m.content if isinstance(block, ToolResultBlock)]
        inside = {kind_of(block) for result in results for block in result.content}
        checks = {
            "tool_choice": not kind or kind in profile.tool_choice,
            "tool_result_status": profile.tool_result_status is not False or not any(r.status for r in results),
            "media_in_tool_result": inside & {"image", "document", "video"} <= profile.media_in_tool_result,
            "structured_output": profile.structured_output or not (request.output_config or OutputConfig()).text_format,
        }
        wrong += [f"{name}: {fact}" for fact, sound in checks.items() if not sound]
    assert wrong == []
