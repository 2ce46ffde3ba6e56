"""What a model can do on Bedrock, as advisory data: `profile_for(model_id)`.

Models differ in what they take: a cache point behind the tools, a tool result beside a picture, reasoning that is sent
back. AWS publishes no table of it, so this one is gathered from public clients and recorded traffic. Each fact carries
its source and the day it was checked (`profile.sources["cache_in"]`), because AWS changes them.

Nothing here blocks a request. The other modules (`prepare`, `plan_cache`, `set_effort`, `parse`, ...) ask a profile
what to do, and a model that nobody knows is taken to accept everything: None means "not known", a set names what is
accepted.

Where a fact is wrong, or a model is new or hidden behind an ARN, say so in a `Profiles` value and pass it around:

    profiles = Profiles({
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc": "anthropic.claude-sonnet-4-6",
        "acme.": {"cache_in": {"system"}, "reasoning_style": "openai"},
    })
    prepare(request, profiles=profiles)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from pydantic import TypeAdapter, ValidationError

from bedrock_converse._profiles import anthropic, others
from bedrock_converse._profiles.facts import Source
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from bedrock_converse._profiles.facts import Row

__all__ = ["Profile", "Profiles", "ProfilesLike", "ReasoningStyle", "Source", "base_model_id", "profile_for"]

ReasoningStyle: TypeAlias = Literal["anthropic_adaptive", "anthropic_budget", "openai", "qwen", "nova", "fixed", "none"]
"""How reasoning is asked for. `anthropic_adaptive`: `thinking: {"type": "adaptive"}` and an effort; `anthropic_budget`:
`thinking` with `budget_tokens`; `openai`: `reasoning_effort`; `qwen`: `reasoning_config`; `nova`: `reasoningConfig`;
`fixed`: it reasons and takes no setting; `none`: it does not reason."""

MEDIA = frozenset({"image", "document", "video", "audio"})
ANYTHING = frozenset({"text", "searchResult", "guardContent", *MEDIA})


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one model can do. None means that nobody checked; sets name what is accepted. Change it with `replace()`."""

    model_id: str | None = None
    """The base id, without geo prefix and ARN; None when the model cannot be told (an opaque ARN)."""
    family: str | None = None
    """The family, in one word: `claude`, `nova`, `llama`, ...; None for a model that no row knows."""

    tool_choice: frozenset[str] = frozenset({"auto", "any", "tool"})
    """The kinds of tool choice that may be sent. Empty: leave `tool_choice` out."""
    forced_tool_with_reasoning: bool | None = None
    """False: the choices `any` and `tool` are refused while the model reasons."""
    tool_result_format: Literal["text", "json"] | None = None
    """The form that the model reads best in a tool result; None: either. AWS was not seen refusing the other."""
    tool_result_status: bool | None = None
    """False: `ToolResultBlock.status` is refused."""
    beside_tool_result: frozenset[str] = ANYTHING
    """Kinds of block (`text`, `image`, ...) that may share a message with tool results. Empty: results stand alone."""
    media_in_tool_result: frozenset[str] = MEDIA
    """Media that may stand inside a tool result."""
    empty_tool_result: bool | None = None
    """False: a tool result without content is refused."""
    leading_assistant: bool | None = None
    """False: the conversation must begin with a user message."""

    cache_in: frozenset[str] = frozenset({"tools", "system", "messages"})
    """Where cache points may stand."""
    cache_tool_turns: bool | None = None
    """False: no cache point in a message that holds tool calls or results."""
    cache_ttls: frozenset[str] = frozenset({"5m", "1h"})
    """The lifetimes that a cache point may name. Empty: leave `ttl` out, and it is five minutes."""

    reasoning_style: ReasoningStyle | None = None
    """How reasoning is asked for."""
    efforts: tuple[str, ...] = ("low", "medium", "high")
    """The levels of effort, the lowest first."""
    reasoning_budget: bool | None = None
    """False: a token budget is refused (Claude from 4.7: adaptive thinking only)."""
    reasons_by_default: bool | None = None
    """True: it reasons unless told not to."""
    reasoning_always_on: bool | None = None
    """True: reasoning cannot be turned off."""
    sends_back_reasoning: bool | None = None
    """True: reasoning in the history belongs in the next request. False: it is refused or of no use there."""
    reasoning_needs_signature: bool | None = None
    """True: readable reasoning without its signature is refused."""
    inline_reasoning_tag: str | None = None
    """The tag in which the model writes reasoning into its text: `thinking` for `<thinking>...</thinking>`."""

    sampling: Literal["any", "one", "none"] = "any"
    """`one`: temperature or top_p, not both. `none`: neither."""
    top_k_place: tuple[str, ...] | None = None
    """The path of top-k in `additional_model_request_fields`; None: no place is known, and unknown keys are a 400."""
    structured_output: bool | None = None
    """True: `output_config.text_format` works. Not known counts as no: `parse` then forces a tool."""
    strict_tools: bool | None = None
    """True: `ToolSpecification.strict` works."""
    streams: bool | None = None
    """False: `converse_stream` is refused."""
    streams_tools: bool | None = None
    """False: `converse_stream` is refused when there are tools."""
    system_tools: frozenset[str] = frozenset()
    """Tools that AWS runs itself on this model, by name."""
    context_window: int | None = None
    """Tokens that fit in, input and output together."""
    max_output: int | None = None
    """The most tokens that a reply can have."""

    sources: Mapping[str, Source] = field(default_factory=dict[str, Source], compare=False, repr=False)
    """Who says so, and when it was checked: one entry per field that a row set. Your own overrides have none."""

    @property
    def tool_result_alone(self) -> bool:
        """True when tool results may share their message with nothing else."""
        return not self.beside_tool_result


ROWS: tuple[Row, ...] = (*anthropic.ROWS, *others.ROWS)
FIELDS = {item.name for item in fields(Profile)} - {"model_id", "sources"}
SETS = {item.name for item in fields(Profile) if str(item.type).startswith("frozenset")}

# --- which model an id means ------------------------------------------------------------------------------------------

PROVIDERS = frozenset(name.partition(".")[0] for row in ROWS for name in row.prefixes)
GEO_PREFIXES = frozenset(("us", "us-gov", "eu", "apac", "jp", "au", "ca", "sa", "amer", "global"))
ARN = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(?P<kind>[a-z-]+)/(?P<name>.+)", re.DOTALL)
NAMING_ARNS = frozenset({"foundation-model", "inference-profile", "custom-model", "default-prompt-router"})
"""Kinds of ARN whose resource name begins with the model's; the others (`application-inference-profile`,
`provisioned-model`, `imported-model`, `prompt`) are opaque."""


def base_model_id(model_id: str) -> str | None:
    """The model behind an id, without geo prefix (`us.`, `global.`), or in an ARN; None for an ARN that names none.

    `arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0` is `amazon.nova-lite-v1:0`.
    """
    if model_id.startswith("arn:"):
        found = ARN.fullmatch(model_id)
        if found is None or found["kind"] not in NAMING_ARNS:
            return None
        model_id = found["name"].partition("/")[0]
    head, dot, rest = model_id.partition(".")
    if not dot:
        return None if model_id == "" else model_id
    provider = rest.partition(".")[0]
    # a prefix that AWS adds tomorrow is recognised by the provider behind it
    if head in GEO_PREFIXES or (head not in PROVIDERS and provider in PROVIDERS):
        return rest
    return model_id


# --- profiles ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _known(base: str | None) -> Profile:
    """The profile that the rows give to a base id: later rows win."""
    if base is None:
        return Profile()
    facts: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for row in ROWS:
        if base.startswith(row.prefixes):
            facts |= row.facts
            sources |= dict.fromkeys(row.facts, row.source)
    return Profile(model_id=base, sources=sources, **facts)


class Profiles:
    """Profiles with your own facts on top. Immutable: `with_facts()` gives a new one.

    Keys are model ids, ARNs, or the beginning of either; the longest that fits wins. Values are

    * a model id: "treat it as this model" (what an application inference profile's ARN needs),
    * a mapping of fields of `Profile`: these facts replace the known ones,
    * a whole `Profile`.

    Raises:
        ConfigError: a field that `Profile` does not have, or a value that the field cannot have.
    """

    __slots__ = ("_overrides",)

    def __init__(self, overrides: Mapping[str, str | Mapping[str, Any] | Profile] | None = None) -> None:
        self._overrides = {key: _checked(key, value) for key, value in (overrides or {}).items()}

    def with_facts(self, model_id: str, /, **facts: Any) -> Profiles:
        """New profiles where models whose id begins with `model_id` have these facts besides."""
        own = self._overrides.get(model_id)
        if isinstance(own, Mapping):
            facts = {**own, **facts}
        elif own is not None:
            facts = {name: getattr(self.profile_for(model_id), name) for name in FIELDS} | facts
        return Profiles({**self._overrides, model_id: facts})

    def profile_for(self, model_id: str) -> Profile:
        """The profile of a model: your facts, then the known ones, then "everything is accepted"."""
        base = base_model_id(model_id)
        key = self._longest(model_id) or (self._longest(base) if base else None)
        if key is None:
            return _known(base)
        own = self._overrides[key]
        if isinstance(own, Profile):
            return own
        if isinstance(own, str):
            # "A": "A" or a ring of such entries must not run forever: the target is looked up without its own alias
            rest = {other: value for other, value in self._overrides.items() if other != key}
            return Profiles(rest).profile_for(own)
        known = _known(base)
        return replace(known, sources={n: s for n, s in known.sources.items() if n not in own}, **own)

    def _longest(self, model_id: str) -> str | None:
        return max((key for key in self._overrides if model_id.startswith(key)), key=len, default=None)

    def __repr__(self) -> str:
        return f"Profiles({sorted(self._overrides)})"


def _checked(key: str, value: Any) -> str | Mapping[str, Any] | Profile:
    if isinstance(value, str | Profile):
        return value
    if not isinstance(value, Mapping):
        problem = f"a model id, a mapping of facts or a Profile is expected, not {type(value).__name__}"
        raise ConfigError(f"profiles[{key!r}]: {problem}")
    facts: dict[str, Any] = dict(cast("Mapping[str, Any]", value))
    for name in facts:
        if name not in FIELDS:
            close = get_close_matches(str(name), sorted(FIELDS), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the fields are {', '.join(sorted(FIELDS))}"
            raise ConfigError(f"profiles[{key!r}]: Profile has no field {name!r}", hint=hint)
        if name in SETS and isinstance(facts[name], str):
            facts[name] = {facts[name]}
    try:
        checked = _reader().validate_python(facts)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"profiles[{key!r}]: {where}: {first['msg']}") from None
    return {name: getattr(checked, name) for name in facts}


@cache
def _reader() -> TypeAdapter[Profile]:
    return TypeAdapter(Profile)


ProfilesLike: TypeAlias = Profiles | Profile | Mapping[str, str | Mapping[str, Any] | Profile]
"""What `profiles=` takes: a `Profiles`, the mapping that makes one, or one `Profile` for the model at hand."""


def profile_for(model_id: str, profiles: ProfilesLike | None = None) -> Profile:
    """What a model can do, by its id or ARN.

    Args:
        model_id: what goes to AWS: an id, an inference profile, an ARN. `base_model_id` says which model it names.
        profiles: facts of your own that go before the known ones.

    Raises:
        ConfigError: `profiles` has a field that `Profile` does not have.
    """
    if profiles is None:
        return _known(base_model_id(model_id))
    if isinstance(profiles, Profile):
        return profiles
    return (profiles if isinstance(profiles, Profiles) else Profiles(profiles)).profile_for(model_id)
