"""Prompt caching: `plan_cache(system="1h", tools="1h", messages="5m")` puts cache points where AWS takes them.

A cache point ends a prefix: everything before it, in the order tools, system, messages, is read from the cache when an
earlier call wrote the same. Reads cost a tenth of ordinary input, writes 1.25 times (five minutes) or twice (an hour).

    async with BedrockClient(transforms=(prepare(), plan_cache(system=True, messages=True))) as client: ...

It comes last among the transforms, since what stands before a point must not change any more; see `docs/prepare.md`.
What AWS refuses never leaves: more than four points, a point in the wrong place, an hour behind five minutes, a
lifetime or a place that the model does not know. Points of your own (`CachePointBlock` in content, system or tools)
stay, count, and are put right in the same way.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, overload

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._shaping.blocks import RequestT, changed, kind_of
from bedrock_converse._shaping.cache_points import MAX_POINTS, place_for, settle
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.profiles import ProfilesLike, profile_for
from bedrock_converse.types import CachePointBlock, Message, ToolResultBlock

if TYPE_CHECKING:
    from bedrock_converse._shaping.blocks import Transform
    from bedrock_converse.profiles import Profile

__all__ = ["CacheLife", "plan_cache"]

CacheLife: TypeAlias = Literal["5m", "1h"] | bool | None
"""How long a cached prefix lives after its last use: five minutes, an hour, True for AWS's default (five minutes), and
None or False for no cache point at all."""

LIVES = ("5m", "1h", True, False, None)
TOOL_BLOCKS = frozenset({"toolUse", "toolResult"})


@overload
def plan_cache(
    request: RequestT,
    /,
    *,
    system: CacheLife = None,
    tools: CacheLife = None,
    messages: CacheLife = None,
    profiles: ProfilesLike | None = None,
) -> RequestT: ...
@overload
def plan_cache(
    *,
    system: CacheLife = None,
    tools: CacheLife = None,
    messages: CacheLife = None,
    profiles: ProfilesLike | None = None,
) -> Transform: ...
@discreet
def plan_cache(
    request: Any = None,
    /,
    *,
    system: CacheLife = None,
    tools: CacheLife = None,
    messages: CacheLife = None,
    profiles: ProfilesLike | None = None,
) -> Any:
    """A new request with cache points; without a request, the transform that makes one.

    Args:
        request: the request to cache. It is not changed.
        system: a point at the end of the system prompt.
        tools: a point behind the tools (Claude only; on other models it is left out).
        messages: a point at the end of the newest user message that can take one, so that the next turn reads what this
            one wrote. Before trailing documents and videos, which are cached from the next turn on.
        profiles: facts of your own about models.

    At most four points remain: of those in messages the newest, then the first of system and tools. A later point never
    lives longer than an earlier one (AWS answers 400): it gets the earlier one's life. Points that the model does not
    take are left out, yours as well. A prefix below the model's minimum (1,024 tokens or more) is not cached, silently.

    Raises:
        RequestInvalid: a life that is none of `CacheLife`.
    """
    for name, life in (("system", system), ("tools", tools), ("messages", messages)):
        if not any(life is known or (isinstance(life, str) and life == known) for known in LIVES):
            problem = f"a cache point lives '5m', '1h', or True for the default, not {life!r}"
            raise RequestInvalid(path=f"plan_cache({name}=)", problem=problem)
    plan = CachePlan(system=system, tools=tools, messages=messages, profiles=profiles)
    return plan if request is None else plan(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePlan:
    """The transform that `plan_cache` makes."""

    system: CacheLife
    tools: CacheLife
    messages: CacheLife
    profiles: ProfilesLike | None

    def __call__(self, request: RequestT, /) -> RequestT:
        """The request with its cache points planned."""
        profile = profile_for(request.model_id, self.profiles)
        draft = _Draft(
            tools=list(request.tool_config.tools) if request.tool_config else [],
            system=list(request.system or ()),
            messages=list(request.messages or ()),
        )
        _put_right(draft, profile)
        if self.tools and "tools" in profile.cache_in:
            draft.tools = _end_with_point(draft.tools, _point(self.tools))
        if self.system and "system" in profile.cache_in:
            draft.system = _end_with_point(draft.system, _point(self.system))
        if self.messages and "messages" in profile.cache_in:
            _mark_newest(draft.messages, _point(self.messages), profile)
        _keep_newest(draft)
        _order_lives(draft, profile)
        return _with(request, draft)


@dataclass(slots=True)
class _Draft:
    """The three lists that points stand in, in the order in which AWS reads them; copies, free to change."""

    tools: list[Any]
    system: list[Any]
    messages: list[Message]


def _point(life: CacheLife) -> CachePointBlock:
    return CachePointBlock(ttl=life) if isinstance(life, str) else CachePointBlock()


# --- points that are there already ------------------------------------------------------------------------------------


def _put_right(draft: _Draft, profile: Profile) -> None:
    """Your own points: those that AWS or the model refuses move or go."""
    draft.tools = settle(draft.tools, kind_of) if "tools" in profile.cache_in else _without_points(draft.tools)
    draft.system = settle(draft.system, kind_of) if "system" in profile.cache_in else _without_points(draft.system)
    for index, message in enumerate(draft.messages):
        content = [_clean_result(block) if isinstance(block, ToolResultBlock) else block for block in message.content]
        content = settle(content, kind_of) if _takes_points(message, profile) else _without_points(content)
        draft.messages[index] = changed(message, content=content)


def _without_points(blocks: list[Any]) -> list[Any]:
    return [block for block in blocks if kind_of(block) != "cachePoint"]


def _clean_result(result: ToolResultBlock) -> ToolResultBlock:
    return cast("ToolResultBlock", changed(result, content=_without_points(result.content)))


def _takes_points(message: Message, profile: Profile) -> bool:
    if "messages" not in profile.cache_in:
        return False
    return profile.cache_tool_turns is not False or TOOL_BLOCKS.isdisjoint(kind_of(block) for block in message.content)


# --- planned points ---------------------------------------------------------------------------------------------------


def _end_with_point(blocks: list[Any], point: CachePointBlock) -> list[Any]:
    """The blocks with a point as late as possible: the list itself when one stands there, or when there is no place."""
    place = place_for(blocks, kind_of)
    if place is None or (place < len(blocks) and kind_of(blocks[place]) == "cachePoint"):
        return blocks
    return [*blocks[:place], point, *blocks[place:]]


def _mark_newest(messages: list[Message], point: CachePointBlock, profile: Profile) -> None:
    """A point in the newest user message that has a place for one."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.role == "user" and _takes_points(message, profile) and place_for(message.content, kind_of):
            messages[index] = changed(message, content=_end_with_point(message.content, point))
            return


# --- what AWS allows over the whole request ---------------------------------------------------------------------------


def _keep_newest(draft: _Draft) -> None:
    """At most four: the oldest go, those in messages first, since a later point covers what an earlier one did."""
    surplus = sum(_count(blocks) for blocks in (draft.tools, draft.system)) - MAX_POINTS
    surplus += sum(_count(message.content) for message in draft.messages)
    for index, message in enumerate(draft.messages):
        drop = min(surplus, _count(message.content))
        if drop > 0:
            draft.messages[index] = changed(message, content=_without_first(message.content, drop))
            surplus -= drop
    for name in ("system", "tools"):
        blocks = getattr(draft, name)
        drop = min(surplus, _count(blocks))
        if drop > 0:
            setattr(draft, name, _without_first(blocks, drop))
            surplus -= drop


def _count(blocks: list[Any]) -> int:
    return sum(kind_of(block) == "cachePoint" for block in blocks)


def _without_first(blocks: list[Any], drop: int) -> list[Any]:
    kept: list[Any] = []
    for block in blocks:
        if drop and kind_of(block) == "cachePoint":
            drop -= 1
        else:
            kept.append(block)
    return kept


def _order_lives(draft: _Draft, profile: Profile) -> None:
    """No hour behind five minutes (a 400: strands harness-sdk #3758, live, 2026-08-14), and no life where the model
    takes none. The later point is shortened; lengthening the earlier one would cost more than you asked for."""
    hour_allowed = "1h" in profile.cache_ttls

    def shorten(blocks: list[Any]) -> list[Any]:
        nonlocal hour_allowed
        if not _count(blocks):
            return blocks
        ordered: list[Any] = []
        for block in blocks:
            if isinstance(block, CachePointBlock):
                life = block.ttl
                if life == "1h" and not hour_allowed:
                    life = "5m"
                if life in (None, "5m"):
                    hour_allowed = False
                if not profile.cache_ttls:
                    life = None
                if life != block.ttl:
                    block = cast("CachePointBlock", changed(block, ttl=life))
            ordered.append(block)
        return ordered

    draft.tools, draft.system = shorten(draft.tools), shorten(draft.system)
    draft.messages = [changed(message, content=shorten(message.content)) for message in draft.messages]


def _with(request: RequestT, draft: _Draft) -> RequestT:
    """The request with the three lists; whatever did not change is shared with the old one."""
    members: dict[str, Any] = {}
    if request.tool_config is not None and request.tool_config.tools:
        # a list that held nothing but a cache point is no list any more: AWS wants at least one tool
        members["tool_config"] = changed(request.tool_config, tools=draft.tools) if draft.tools else None
    if request.system:
        members["system"] = draft.system or None
    if request.messages is not None:
        members["messages"] = draft.messages
    return cast("RequestT", changed(request, **members))
