"""How hard a model thinks: one `effort` for all of them, and what it thought, ready to be sent back.

    BedrockClient(transforms=(prepare(), set_effort("medium"), plan_cache(messages=True)))

    reply = await client.converse(MODEL, "Which is larger, 9.11 or 9.9?", transforms=(set_effort("high"),))
    print(reasoning_text(reply.content))
    history += [reply.message, user("Why?")]       # signatures and redacted bytes go back as they came

Claude from 4.6 takes AWS's own `outputConfig.effort`; other families have request fields of their own, which the
model's profile knows. On a model that nobody knows, AWS's own member is used. What a request says already stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args, overload

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._shaping.blocks import RequestT, changed, kind_of
from bedrock_converse.errors import ConfigError, RequestInvalid
from bedrock_converse.profiles import ProfilesLike, profile_for
from bedrock_converse.types import (
    AnyToolChoice,
    OutputConfig,
    ReasoningTextBlock,
    RedactedReasoning,
    SpecificToolChoice,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bedrock_converse._shaping.blocks import Transform
    from bedrock_converse.profiles import Profile

__all__ = ["Effort", "drop_reasoning", "reasoning_blocks", "reasoning_text", "set_effort"]

Effort: TypeAlias = Literal["off", "low", "medium", "high"] | int
"""How hard to think: not at all, three levels, or a budget in tokens (at least 1,024)."""

WhenForced: TypeAlias = Literal["raise", "off", "send"]

LEVELS = ("low", "medium", "high", "xhigh", "max")
BUDGETS = {"low": 2_048, "medium": 8_192, "high": 16_384}
"""What a level is in tokens, and back, where a model takes only the other."""
LEAST_BUDGET = 1_024
"""Claude refuses less. docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html, 2026-08"""

# --- asking for it ----------------------------------------------------------------------------------------------------


@overload
def set_effort(
    effort: Effort, request: RequestT, /, *, tool_forced: WhenForced = "raise", profiles: ProfilesLike | None = None
) -> RequestT: ...
@overload
def set_effort(
    effort: Effort, /, *, tool_forced: WhenForced = "raise", profiles: ProfilesLike | None = None
) -> Transform: ...
@discreet
def set_effort(
    effort: Effort, request: Any = None, /, *, tool_forced: WhenForced = "raise", profiles: ProfilesLike | None = None
) -> Any:
    """A new request that asks for this effort, in the model's own way; without a request, the transform that does.

    Args:
        effort: see `Effort`. A level that the model does not have becomes the next higher one, else its highest. Where
            a model takes only budgets, `low`, `medium` and `high` are 2,048, 8,192 and 16,384 tokens, but at most half
            of `max_tokens` and at least 1,024. Where it takes only levels, a budget becomes the lowest that has as many
            tokens, else `high`.
        request: the request. It is not changed.
        tool_forced: what to do when the request forces a tool (`tool_choice` `any` or a name) on a model that then
            refuses to reason: `raise`, turn reasoning `off` for this request, or `send` it all the same.
        profiles: facts of your own about models.

    Raises:
        RequestInvalid: the model cannot do that: it does not reason, cannot stop, has no such setting, `max_tokens`
            leaves no room, or a tool is forced. `.path` names the member that is in the way.
        ConfigError: an effort that there is not.
    """
    if isinstance(effort, bool) or not (effort in ("off", *BUDGETS) or (isinstance(effort, int) and effort > 0)):
        given = repr(effort) if isinstance(effort, (str, int)) else type(effort).__name__  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"effort is 'off', 'low', 'medium', 'high' or a number of tokens, not {given}")
    if tool_forced not in get_args(WhenForced):
        raise ConfigError(f"tool_forced is 'raise', 'off' or 'send', not {tool_forced!r}")
    setting = EffortSetting(effort=effort, tool_forced=tool_forced, profiles=profiles)
    return setting if request is None else setting(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortSetting:
    """The transform that `set_effort` makes."""

    effort: Effort
    tool_forced: WhenForced
    profiles: ProfilesLike | None

    def __call__(self, request: RequestT, /) -> RequestT:
        """The request with its effort."""
        profile = profile_for(request.model_id, self.profiles)
        effort = self.effort
        refused = effort != "off" and profile.forced_tool_with_reasoning is False and _forces_tool(request)
        if refused and self.tool_forced == "raise":
            hint = "leave tool_choice out, or give set_effort(tool_forced='off')"
            problem = "this model does not reason while a tool is forced"
            raise RequestInvalid(path="toolConfig.toolChoice", problem=problem, hint=hint)
        if refused and self.tool_forced == "off":
            effort = "off"
        if effort == "off":
            return _turned_off(request, profile)
        return _ASK[profile.reasoning_style](request, effort, profile)


def _forces_tool(request: Any) -> bool:
    config = request.tool_config
    return config is not None and isinstance(config.tool_choice, AnyToolChoice | SpecificToolChoice)


def _refuse(problem: str, path: str = "additionalModelRequestFields") -> RequestInvalid:
    return RequestInvalid(
        path=path, problem=problem, hint="`profiles=` takes facts of your own, if this one is outdated"
    )


def _turned_off(request: RequestT, profile: Profile) -> RequestT:
    """Nothing to say to a model that does not reason unless asked to."""
    if profile.reasoning_always_on:
        raise _refuse("this model always reasons: it cannot be turned off")
    if profile.reasoning_style == "nova":
        return _with_fields(request, reasoningConfig={"type": "disabled"})
    if profile.reasons_by_default and profile.reasoning_style == "anthropic_adaptive":
        return _with_fields(request, thinking={"type": "disabled"})
    return request


def _adaptive(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    """Claude from 4.6. Without an effort Bedrock gave no reasoning back (litellm #36507, 2026-08-11)."""
    if isinstance(effort, int) and profile.reasoning_budget is not False:
        return _budget(request, effort, profile)
    return _own_effort(_with_fields(request, thinking={"type": "adaptive"}), effort, profile)


def _own_effort(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    """`outputConfig.effort`, AWS's own member.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputConfig.html
    """
    config = request.output_config or OutputConfig()
    fields = request.additional_model_request_fields
    if config.effort is not None or (isinstance(fields, dict) and "output_config" in fields):
        return request
    return cast("RequestT", changed(request, output_config=changed(config, effort=_level(effort, profile))))


def _budget(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    """Claude before 4.6: `budget_tokens`, at least 1,024 and less than `max_tokens`."""
    most = request.inference_config.max_tokens if request.inference_config else None
    budget = effort if isinstance(effort, int) else BUDGETS[effort]
    if isinstance(effort, str) and most is not None:
        budget = min(budget, max(most // 2, LEAST_BUDGET))
    if most is not None and not LEAST_BUDGET <= budget < most:
        problem = f"{most:,} leave no room for thinking: it takes at least {LEAST_BUDGET:,}, and the answer the rest"
        raise RequestInvalid(path="inferenceConfig.maxTokens", problem=problem)
    if budget < LEAST_BUDGET:
        problem = f"a budget for thinking is at least {LEAST_BUDGET:,} tokens, not {budget:,}"
        raise RequestInvalid(path="additionalModelRequestFields.thinking.budget_tokens", problem=problem)
    return _with_fields(request, thinking={"type": "enabled", "budget_tokens": budget})


def _nova(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    """Nova 2. With `high` it refuses limits and sampling of yours (langchain-aws, 2026-08-20)."""
    level = _level(effort, profile)
    config = request.inference_config
    if level == "high" and config is not None:
        for name, member in (("max_tokens", "maxTokens"), ("temperature", "temperature"), ("top_p", "topP")):
            if getattr(config, name) is not None:
                problem = f"with high effort this model takes no {member}: leave it out, or ask for medium"
                raise RequestInvalid(path=f"inferenceConfig.{member}", problem=problem)
    return _with_fields(request, reasoningConfig={"type": "enabled", "maxReasoningEffort": level})


def _openai(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    return _with_fields(request, reasoning_effort=_level(effort, profile))


def _qwen(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    return _with_fields(request, reasoning_config=_level(effort, profile))


def _unsettable(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    raise _refuse("this model always reasons, and its effort cannot be set")


def _unable(request: RequestT, effort: Effort, profile: Profile) -> RequestT:
    raise _refuse("this model does not reason")


_ASK: dict[str | None, Callable[..., Any]] = {
    "anthropic_adaptive": _adaptive,
    "anthropic_budget": _budget,
    "nova": _nova,
    "openai": _openai,
    "qwen": _qwen,
    "fixed": _unsettable,
    "none": _unable,
    None: _own_effort,
}


def _level(effort: Effort, profile: Profile) -> str:
    """The model's own level: the one that is asked for, else the next higher, else its highest."""
    if isinstance(effort, int):
        effort = cast("Effort", next((level for level, tokens in BUDGETS.items() if tokens >= effort), "high"))
    known = [level for level in profile.efforts if level in LEVELS]
    if not known:
        raise _refuse("no level of effort is known for this model")
    wanted = LEVELS.index(str(effort))
    return next((level for level in known if LEVELS.index(level) >= wanted), known[-1])


def _with_fields(request: RequestT, **fields: Any) -> RequestT:
    """The request with these members of `additionalModelRequestFields`; those that it has already stay."""
    present = request.additional_model_request_fields
    if present is not None and not isinstance(present, dict):
        raise RequestInvalid(path="additionalModelRequestFields", problem="is not an object, so nothing can be added")
    known = cast("dict[str, Any]", present or {})
    missing = {name: value for name, value in fields.items() if name not in known}
    return cast(
        "RequestT", changed(request, additional_model_request_fields={**known, **missing}) if missing else request
    )


# --- what came of it --------------------------------------------------------------------------------------------------


def reasoning_blocks(content: Iterable[Any]) -> list[ReasoningTextBlock | RedactedReasoning]:
    """The reasoning in content (`reply.content`, `message.content`), as it came: signatures, redacted bytes and all.

    To send it back, append the whole message to the history; nothing needs to be taken apart.
    """
    return [block for block in content if isinstance(block, ReasoningTextBlock | RedactedReasoning)]


def reasoning_text(content: Iterable[Any]) -> str:
    """What the model thought, as far as it can be read; empty when it is redacted, or when there is none."""
    return "".join(block.text for block in reasoning_blocks(content) if isinstance(block, ReasoningTextBlock))


def drop_reasoning(request: RequestT, /) -> RequestT:
    """A new request without any reasoning in its history: for a change of model in the middle of a conversation.

    A message that held nothing else is left out. `prepare()` drops what the new model is known to refuse; a provider's
    redacted bytes look like another's, so only you know that they are foreign. It is a transform, too; put it first.
    """
    messages: list[Any] = []
    for message in request.messages or ():
        content: list[Any] = [block for block in message.content if kind_of(block) != "reasoningContent"]
        if content or not message.content:
            messages.append(changed(message, content=content))
    return request if request.messages is None else cast("RequestT", changed(request, messages=messages))
