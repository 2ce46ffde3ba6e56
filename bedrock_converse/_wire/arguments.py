"""Arguments -> request model: the flat forms, `str` for a message, boto3-shaped dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar, cast

from pydantic import ValidationError

from bedrock_converse._wire.diagnose import find_problem
from bedrock_converse._wire.pieces import fragments
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types import (
    AnyToolChoice,
    AutoToolChoice,
    ConverseRequest,
    ConverseStreamRequest,
    GuardrailConfiguration,
    GuardrailStreamConfiguration,
    Message,
    SpecificToolChoice,
    ToolConfiguration,
)
from bedrock_converse.types.base import Model

if TYPE_CHECKING:
    from bedrock_converse.types import (
        InferenceConfiguration,
        OutputConfig,
        PerformanceConfiguration,
        PromptVariableValues,
        ServiceTier,
        SystemContentBlock,
        Tool,
        ToolChoice,
        ToolSpecification,
    )

__all__ = [
    "ConverseArguments",
    "InvokeArguments",
    "MessagesLike",
    "as_messages",
    "as_system",
    "build_converse",
    "validated",
]

M = TypeVar("M", bound=Model)

MessagesLike: TypeAlias = str | Message | Sequence[Message | Mapping[str, Any]]
"""A `str` is one message of the user's; otherwise a message or several, as models or as boto3-shaped dicts."""


class SpecifiedTool(Protocol):
    """A tool that knows how it is described to a model, as what `@tool` makes does."""

    @property
    def specification(self) -> ToolSpecification: ...


class ConverseArguments(TypedDict, total=False):
    """What `converse` and `converse_stream` take besides model id and messages. Dicts are boto3-shaped."""

    system: str | Sequence[SystemContentBlock | Mapping[str, Any]]
    """What the model is told before the conversation."""
    inference_config: InferenceConfiguration | Mapping[str, Any]
    max_tokens: int
    """The most tokens that the model may write. AWS's quotas reserve them up front, so say what you need."""
    temperature: float
    """From 0 (always the likeliest) to 1."""
    top_p: float
    """From 0 to 1. Most models want either this or the temperature."""
    stop_sequences: Sequence[str]
    tools: Sequence[Tool | SpecifiedTool | Mapping[str, Any]]
    """What the model may call: specifications, or what `@tool` makes. Your code answers the calls; `run_tools` does it
    for you."""
    tool_config: ToolConfiguration | Mapping[str, Any]
    tool_choice: Literal["auto", "any"] | str | ToolChoice | Mapping[str, Any]
    """`auto`, `any` (some tool must be called), or the name of the tool to call."""
    guardrail_config: GuardrailStreamConfiguration | GuardrailConfiguration | Mapping[str, Any]
    additional_model_request_fields: Any
    """Parameters of the model's own, as JSON; they pass untouched."""
    additional_model_response_field_paths: Sequence[str]
    prompt_variables: Mapping[str, PromptVariableValues | Mapping[str, Any]]
    """Values for the variables of a prompt, whose ARN stands for the model id."""
    request_metadata: Mapping[str, str]
    performance_config: PerformanceConfiguration | Mapping[str, Any]
    service_tier: Literal["priority", "default", "flex", "reserved"] | str | ServiceTier | Mapping[str, Any]
    output_config: OutputConfig | Mapping[str, Any]


class InvokeArguments(TypedDict, total=False):
    """What `invoke_model` and `invoke_model_stream` take besides model id and body."""

    accept: str
    """The media type of the answer's body; `application/json` when not given."""
    content_type: str
    """The media type of the body; `application/json` when not given."""
    trace: Literal["ENABLED", "DISABLED", "ENABLED_FULL"] | str
    guardrail_identifier: str
    guardrail_version: str
    performance_config_latency: Literal["standard", "optimized"] | str
    service_tier: Literal["priority", "default", "flex", "reserved"] | str
    request_metadata: str | Mapping[str, str]


_INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
MANY_BLOCKS = 1000
_TOOL_CONFIG = {"tools": ("tools",), "tool_choice": ("tool_choice", "toolChoice")}
ARGUMENTS = frozenset(ConverseArguments.__annotations__)


def build_converse(
    request_class: type[M],
    model_id: object,
    messages: object,
    arguments: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> M:
    """The request that the arguments of a call describe; `defaults` fill in what the call does not say.

    Raises:
        RequestInvalid: an argument that nobody knows, one given twice, or one that is not what it should be.
    """
    check_names(arguments)
    members = with_defaults(arguments, defaults or {})
    _fold_inference(members)
    fold_tools(members)
    _fold_tool_choice(members)
    if isinstance(members.get("service_tier"), str):
        members["service_tier"] = {"type": members["service_tier"]}
    if "system" in members:
        members["system"] = as_system(members["system"])
    if messages is not None:
        members["messages"] = as_messages(messages)
    if request_class is ConverseRequest or request_class is ConverseStreamRequest:
        members = _with_guardrail(request_class, members)
    return validated(request_class, {**members, "model_id": _model_id(model_id)})


def check_names(arguments: Mapping[str, Any]) -> None:
    """Refuses arguments that nobody knows."""
    for name in arguments.keys() - ARGUMENTS:
        close = get_close_matches(name, ARGUMENTS, n=1)
        raise RequestInvalid(
            path=name,
            problem="is not an argument" + (f"; did you mean {close[0]}=?" if close else ""),
            hint="What AWS has added since this release goes into extra_fields=.",
        )


def with_defaults(arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What the arguments and the defaults say. A default gives way to what the arguments say about the same thing, be
    it flat or in a config."""
    given = {name: value for name, value in arguments.items() if value is not None}
    members = {name: value for name, value in defaults.items() if value is not None}
    _drop_inference(members, given)
    _drop_tools(members, given)
    return {**members, **given}


def _drop_tools(defaults: dict[str, Any], given: Mapping[str, Any]) -> None:
    if "tool_config" in given:
        defaults.pop("tools", None)
        defaults.pop("tool_choice", None)
    elif "tool_config" in defaults:
        names = [name for flat, both in _TOOL_CONFIG.items() if flat in given for name in both]
        if names:
            defaults["tool_config"] = _without(defaults["tool_config"], "toolConfig", *names)


def _drop_inference(defaults: dict[str, Any], given: Mapping[str, Any]) -> None:
    if "inference_config" in given:
        config = _as_dict(given["inference_config"], "inferenceConfig")
        for name, wire_name in _INFERENCE.items():
            if config.get(name) is not None or config.get(wire_name) is not None:
                defaults.pop(name, None)
    elif "inference_config" in defaults:
        names = [name for flat in given.keys() & _INFERENCE.keys() for name in (flat, _INFERENCE[flat])]
        defaults["inference_config"] = _without(defaults["inference_config"], "inferenceConfig", *names)


def _without(config: Any, path: str, *names: str) -> dict[str, Any]:
    return {name: value for name, value in _as_dict(config, path).items() if name not in names}


def _as_dict(config: Any, path: str) -> dict[str, Any]:
    if isinstance(config, Model):
        return {name: getattr(config, name) for name in config.model_fields_set}
    if isinstance(config, Mapping):
        return dict(cast("Mapping[str, Any]", config))
    raise RequestInvalid(path=path, problem=f"must be a dict or a model, not {type(config).__name__}")


def _fold_inference(members: dict[str, Any]) -> None:
    flat = {name: members.pop(name) for name in _INFERENCE if name in members}
    if not flat:
        return
    config = members.get("inference_config")
    if config is None:
        members["inference_config"] = {_INFERENCE[name]: value for name, value in flat.items()}
        return
    held = _as_dict(config, "inferenceConfig")
    for name in flat:
        if held.get(name) is not None or held.get(_INFERENCE[name]) is not None:
            raise RequestInvalid(path=name, problem="is given twice: here and in inference_config")
    members["inference_config"] = {**held, **{_INFERENCE[name]: value for name, value in flat.items()}}


def fold_tools(members: dict[str, Any]) -> None:
    """Puts a flat `tools` into its place in `tool_config`. An empty list is no tools."""
    tools = members.pop("tools", None)
    if tools is None:
        return
    if not isinstance(tools, Sequence) or isinstance(tools, str | bytes):
        raise RequestInvalid(path="tools", problem=f"must be a list of tools, not {type(tools).__name__}")
    config = members.get("tool_config")
    held = {} if config is None else _as_dict(config, "toolConfig")
    if held.get("tools") is not None:
        raise RequestInvalid(path="tools", problem="is given twice: here and in tool_config")
    listed = [_specified(tool, index) for index, tool in enumerate(cast("Sequence[Any]", tools))]
    if listed:
        members["tool_config"] = {**held, "tools": listed}


def _specified(tool: Any, index: int) -> Any:
    if isinstance(tool, Model | Mapping):
        return cast("Any", tool)
    specification = getattr(tool, "specification", None)
    if specification is None and callable(tool):
        raise RequestInvalid(path=f"tools[{index}]", problem="is a bare function", hint="Decorate it with @tool.")
    return tool if specification is None else specification


def _fold_tool_choice(members: dict[str, Any]) -> None:
    choice = members.pop("tool_choice", None)
    if choice is None:
        return
    config = members.get("tool_config")
    if config is None:
        raise RequestInvalid(path="tool_choice", problem="needs tools to choose from: give tools= too")
    held = _as_dict(config, "toolConfig")
    if held.get("tool_choice") is not None or held.get("toolChoice") is not None:
        raise RequestInvalid(path="tool_choice", problem="is given twice: here and in tool_config")
    if choice == "auto":
        choice = AutoToolChoice()
    elif choice == "any":
        choice = AnyToolChoice()
    elif isinstance(choice, str):
        choice = SpecificToolChoice(name=choice)
    members["tool_config"] = {**held, "tool_choice": choice}


def _with_guardrail(request_class: type[Model], members: dict[str, Any]) -> dict[str, Any]:
    config: Any = members.get("guardrail_config")
    wanted = GuardrailConfiguration if request_class is ConverseRequest else GuardrailStreamConfiguration
    if not isinstance(config, (GuardrailConfiguration, GuardrailStreamConfiguration)) or type(config) is wanted:
        if wanted is GuardrailConfiguration and isinstance(config, Mapping):
            _refuse_stream_mode(cast("Mapping[str, Any]", config))
        return members
    held = {**_as_dict(config, "guardrailConfig"), **(config.__pydantic_extra__ or {})}
    if wanted is GuardrailConfiguration:
        _refuse_stream_mode(held)
    return {**members, "guardrail_config": held}


def _refuse_stream_mode(config: Mapping[str, Any]) -> None:
    if config.get("stream_processing_mode") is not None or config.get("streamProcessingMode") is not None:
        raise RequestInvalid(
            path="guardrailConfig.streamProcessingMode", problem="is for converse_stream only; leave it out here"
        )


def as_messages(messages: object) -> list[Any]:
    """What `messages` accepts, as a list of messages or dicts."""
    if isinstance(messages, str):
        return [{"role": "user", "content": [messages]}]
    if isinstance(messages, Message):
        return [messages]
    if isinstance(messages, Mapping):
        raise RequestInvalid(path="messages", problem="is one dict; put it into a list, or write user(...)")
    if isinstance(messages, bytes) or not isinstance(messages, Sequence):
        raise RequestInvalid(
            path="messages", problem=f"must be a str, a message or a list of messages, not {type(messages).__name__}"
        )
    for index, message in enumerate(cast("Sequence[object]", messages)):
        if not isinstance(message, (Message, Mapping)):
            raise RequestInvalid(
                path=f"messages[{index}]",
                problem=f"must be a message, not {type(message).__name__}; write user(...) or assistant(...)",
            )
    return list(cast("Sequence[Any]", messages))


def are_many(messages: object) -> bool:
    """Whether validating the messages would hold the event loop: dicts take about 5 µs for each block."""
    if not isinstance(messages, list | tuple):
        return False
    blocks = 0
    for message in cast("Sequence[Any]", messages):
        if isinstance(message, dict):
            content: Any = cast("dict[str, Any]", message).get("content")
            blocks += 1 + (len(cast("list[Any]", content)) if isinstance(content, list) else 0)
    return blocks > MANY_BLOCKS


def as_system(system: object) -> Any:
    """What `system` accepts: a `str` is one block."""
    return [system] if isinstance(system, str) else system


def _model_id(model_id: object) -> str:
    if not isinstance(model_id, str):
        raise RequestInvalid(path="modelId", problem=f"must be a str, not {type(model_id).__name__}")
    return model_id


def validated(request_class: type[M], members: Mapping[str, Any]) -> M:
    """The model, or `RequestInvalid` in the place of pydantic's error (whose text could show the input)."""
    try:
        return request_class.model_validate(dict(members))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        problem, kind = first["msg"], type(first.pop("input")).__name__  # crash reports show the locals of frames
        if first["type"] == "list_type" and kind in ("str", "dict"):  # other APIs take one for many
            problem = f"must be a list, not one {kind}: put it into [...]"
        raise RequestInvalid(path=_path(request_class, first["loc"]), problem=problem) from None


def _path(request_class: type[Model], loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            field = request_class.model_fields.get(part) if not path else None
            name = (field.alias if field else None) or part
            path += f".{name}" if path else name
    return path


def converted(request: Model, request_class: type[M]) -> M:
    """`converse` and `converse_stream` accept each other's request."""
    if isinstance(request, request_class):
        return request
    members = _with_guardrail(
        request_class,
        {name: getattr(request, name) for name in request.model_fields_set & set(type(request).model_fields)},
    )
    made = validated(request_class, members)
    object.__setattr__(made, "__pydantic_extra__", request.__pydantic_extra__)
    return made


def json_body(body: object) -> bytes:
    """The body of an InvokeModel request: bytes as they are, a dict or list as JSON.

    Raises:
        RequestInvalid: it is something else (a `str` might be text, or JSON already), or JSON cannot hold it.
    """
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(cast("bytes", body))
    if isinstance(body, str):
        raise RequestInvalid(
            path="body", problem="must be bytes or a dict, not str", hint="JSON text goes in as body.encode()."
        )
    if not isinstance(body, Mapping | list):
        raise RequestInvalid(path="body", problem=f"must be bytes or a dict, not {type(body).__name__}")
    problem = find_problem(cast("object", body), "body")
    if problem:
        raise RequestInvalid(path=problem[0], problem=problem[1])
    try:
        return b"".join(fragments(dict(cast("Mapping[str, Any]", body)) if isinstance(body, Mapping) else body))
    except (TypeError, ValueError, RuntimeError) as error:
        raise RequestInvalid(path="body", problem=f"cannot be written as JSON ({type(error).__name__})") from None
