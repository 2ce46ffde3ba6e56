"""Counting the tokens of what `converse` would send: `count_tokens(client, MODEL, messages, system=, tools=, ...)`.

    count = await count_tokens(client, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", history, tools=[weather])

AWS counts for free, but it is choosy about ids: in most Regions it refuses a geo prefix (`us.`), in some it refuses the
id without one. Where the form that was given is refused, the other is tried once, and the one that works is remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._tools.hidden import Hidden
from bedrock_converse._tools.toolset import tool_config
from bedrock_converse.errors import AccessDeniedError, APIError, InvalidRequestError, NotFoundError, RequestInvalid
from bedrock_converse.profiles import base_model_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bedrock_converse._tools.toolset import ToolLike
    from bedrock_converse._wire.arguments import MessagesLike
    from bedrock_converse.client import BedrockClient

__all__ = ["count_tokens"]

_COUNTED = {"system", "tool_config", "additional_model_request_fields"}
_CALL = {"timeout", "retry", "extra_headers"}
_UNCOUNTED = {
    *("inference_config", "max_tokens", "temperature", "top_p", "stop_sequences", "guardrail_config", "output_config"),
    *("additional_model_response_field_paths", "request_metadata", "performance_config", "service_tier", "tool_choice"),
    *("transforms", "prompt_variables", "extra_fields"),
}
_REFUSALS = (InvalidRequestError, NotFoundError, AccessDeniedError)
_remembered: dict[tuple[str | None, str], str] = {}
"""The form of an id that AWS takes, by Region. A fact about AWS, whoever asks, so it is shared; bounded below."""
_MOST_REMEMBERED = 1000


@discreet
async def count_tokens(
    client: BedrockClient,
    model_id: str,
    messages: MessagesLike | None = None,
    *,
    tools: Sequence[ToolLike] = (),
    **options: Any,
) -> int:
    """How many input tokens the conversation has for a model.

    Args:
        client: The client, or a view of it.
        model_id: The model, as `converse` takes it. An ARN that names its model counts as the model.
        messages: The conversation.
        tools: Tools as `run_tools` takes them; they count, and not little. Or give `tool_config=`.
        options: What `converse` takes. `system`, `tool_config` and `additional_model_request_fields` count; the
            others do not change the count and are ignored. `timeout`, `retry` and `extra_headers` are for the call.

    Raises:
        InvalidRequestError: AWS refuses both forms of the id (not every model can be counted for), or the conversation.
        RequestInvalid: an option that `converse` does not take, or `tools` and `tool_config` together.
        BedrockError: as `client.count_tokens` does.
    """
    if tools and options.get("tool_config") is not None:
        raise RequestInvalid(path="tool_config", problem="is made from tools=; give one of them")
    for name in options.keys() - _COUNTED - _CALL - _UNCOUNTED:
        raise RequestInvalid(path=name, problem="is not an argument of converse")
    counted = {name: value for name, value in options.items() if name in _COUNTED | _CALL}
    if tools:
        counted["tool_config"] = tool_config(tools)
    hidden = Hidden((messages, counted))
    del messages, counted, options  # not for the locals of an error
    return await _count(client, model_id, hidden)


async def _count(client: BedrockClient, model_id: str, conversation: Hidden[tuple[Any, dict[str, Any]]]) -> int:
    form = _remembered.get((client.region, model_id), model_id)
    try:
        return await _ask(client, form, conversation)
    except _REFUSALS as error:
        key = (client.region, model_id)  # known by now, if it was not before
        other = _other_form(client.region, model_id)
        if other is None or key in _remembered:
            raise
        refused = error
    try:
        count = await _ask(client, other, conversation)
    except APIError:
        raise refused from None
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered[key] = other
    return count


async def _ask(client: BedrockClient, form: str, conversation: Hidden[tuple[Any, dict[str, Any]]]) -> int:
    return (await client.count_tokens(form, conversation.value[0], **conversation.value[1])).input_tokens


_GEO = (("us-gov-", "us-gov"), ("us-", "us"), ("eu-", "eu"), ("ap-", "apac"), ("ca-", "ca"), ("sa-", "sa"))


def _other_form(region: str | None, model_id: str) -> str | None:
    """The id without its geo prefix (or ARN), or with the one of the Region; None when there is no other."""
    base = base_model_id(model_id)
    if base is None:
        return None
    if base != model_id:
        return base
    prefix = next((geo for start, geo in _GEO if (region or "").startswith(start)), None)
    return f"{prefix}.{base}" if prefix else None
