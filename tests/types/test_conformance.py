"""The types against AWS's own model: botocore's `service-2.json`, walked from the seven operations.

`differences(service)` lists, in words, everything in which the types and a service model disagree. When AWS adds
something and botocore is updated, the list says what to write.
"""

from __future__ import annotations

import copy
import types as python_types
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

import botocore
import pytest
from botocore.loaders import Loader
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from bedrock_converse import types
from bedrock_converse.types.base import CheckedEnum, NullReadsEmpty, OpenEnum, to_camel
from bedrock_converse.types.unions import WireUnion
from bedrock_converse.types.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WRITTEN_FOR = (1, 44)  # an older botocore knows less than the types do, which is no defect

OPERATIONS = (
    "Converse",
    "ConverseStream",
    "CountTokens",
    "ApplyGuardrail",
    "InvokeModel",
    "InvokeModelWithResponseStream",
    "InvokeGuardrailChecks",
)

NOT_CLASSES = {
    "ConverseStreamResponse": "it only holds the stream, which the user iterates",
    "InvokeModelWithResponseStreamResponse": "it only holds the stream and headers",
    "ResponseStream": "an event stream with one event, PayloadPart",
    "ConverseStreamOutput": "an event stream: the alias is checked in a test of its own",
    "Document": "any JSON value, the user's own",
    "ToolInputSchema": "the schema itself in Python: checked in a test of its own",
}

NAMED_VALUES = {
    ("ToolResultContentBlock", "json"): types.JsonBlock,
    ("ToolResultBlockDelta", "json"): types.JsonBlock,
    ("ReasoningContentBlock", "redactedContent"): types.RedactedReasoning,
    ("ReasoningContentBlockDelta", "redactedContent"): types.RedactedReasoning,
    ("ReasoningContentBlockDelta", "text"): types.ReasoningTextDelta,
    ("ReasoningContentBlockDelta", "signature"): types.ReasoningSignatureDelta,
    ("ContentBlockDelta", "toolResult"): types.ToolResultDelta,
}
"""Members whose plain type another member of the same flattened union has already; here a class stands for them."""

ESSENTIAL = {
    "ConverseResponse": {"output", "stopReason", "usage"},
    "TokenUsage": {"inputTokens", "outputTokens", "totalTokens"},
    "CountTokensResponse": {"inputTokens"},
    "ApplyGuardrailResponse": {"action"},
    "InvokeGuardrailChecksResponse": {"results"},
    "Message": {"role", "content"},
    "ToolUseBlock": {"toolUseId", "name"},
    "ToolResultBlock": {"toolUseId", "content"},
    "MessageStartEvent": {"role"},
    "ToolUseBlockStart": {"toolUseId", "name"},
    "ToolResultBlockStart": {"toolUseId"},
    "MessageStopEvent": {"stopReason"},
    "ConverseStreamMetadataEvent": {"usage"},
}
"""The members without which even an answer from AWS is unusable (DESIGN 2, requiredness)."""

FIXED = {("CachePointBlock", "type"): "default"}
"""Required members with the one value that AWS knows: filled in, so not required in Python."""

OURS = {
    *("Blob", "Document", "Model", "UnknownBlock", "UnknownEvent", "ToolInputSchema", "ConverseStreamOutput"),
    *("JsonBlock", "RedactedReasoning", "ReasoningTextDelta", "ReasoningSignatureDelta", "ToolResultDelta"),
    *("user", "assistant"),
    *("GuardrailFinding", "GuardrailOutcome", "GuardrailVerdict"),
}
"""Public names that are no shape of their own."""

SIMPLE = {
    "string": str,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": bool,
    "blob": types.Blob,
}


class ServiceModel:
    """A service model as botocore ships it, and what of it the operations reach."""

    def __init__(self, service: dict[str, Any]) -> None:
        self.shapes: dict[str, Any] = service["shapes"]
        operations = [service["operations"][name] for name in OPERATIONS]
        self.sent = self._reached(operation["input"]["shape"] for operation in operations)
        self.received = self._reached(operation["output"]["shape"] for operation in operations)

    def _reached(self, roots: Iterator[str]) -> set[str]:
        seen: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            shape = self.shapes[name]
            if name not in seen and not shape.get("exception"):
                seen.add(name)
                inner = [
                    *shape.get("members", {}).values(),
                    *(shape[key] for key in ("member", "value") if key in shape),
                ]
                waiting.extend(member["shape"] for member in inner)
        return seen

    @property
    def reached(self) -> list[str]:
        return sorted(self.sent | self.received)

    def python_type(self, name: str) -> Any:
        """What stands for a shape in Python; raises AttributeError for a class or alias that is not there."""
        shape = self.shapes[name]
        if shape.get("document"):
            return types.Document
        if shape["type"] == "list":
            return list[self.python_type(shape["member"]["shape"])]
        if shape["type"] == "map":
            return dict[str, self.python_type(shape["value"]["shape"])]
        if shape["type"] == "structure" or "enum" in shape:
            return getattr(types, name)
        return SIMPLE[shape["type"]]


def differences(service: dict[str, Any]) -> list[str]:
    """Everything in which the types and the service model disagree."""
    model = ServiceModel(service)
    found: list[str] = []
    for name in model.reached:
        shape = model.shapes[name]
        if name in NOT_CLASSES:
            continue
        if "enum" in shape:
            check = _enum_differences
        elif shape.get("union"):
            check = _union_differences
        elif shape["type"] == "structure":
            check = _structure_differences
        else:
            continue
        if not hasattr(types, name):
            found.append(
                f"{name}: AWS has it and the types do not ({', '.join(shape.get('enum', shape.get('members')))})"
            )
            continue
        found.extend(f"{name}{difference}" for difference in check(model, name))
    found.extend(
        f"{name}: the types have it and AWS does not" for name in sorted({*types.__all__} - {*model.reached} - OURS)
    )
    return found


def _enum_differences(model: ServiceModel, name: str) -> Iterator[str]:
    values, marker = get_args(getattr(types, name))
    known = [value for part in get_args(values) for value in get_args(part)]
    if str not in get_args(values) or not isinstance(marker, OpenEnum | CheckedEnum):
        yield ": is not an open enum"
    if isinstance(marker, CheckedEnum) and list(marker.known) != known:
        yield f": checks {marker.known} but is typed {known}"
    expected = model.shapes[name]["enum"]
    yield from (f": AWS has the value {value!r}" for value in expected if value not in known)
    yield from (f": AWS does not have the value {value!r}" for value in known if value not in expected)


def _union_differences(model: ServiceModel, name: str) -> Iterator[str]:
    members = model.shapes[name]["members"]
    alias = getattr(types, name)
    union = get_args(alias)[1]
    if not isinstance(union, WireUnion) or union.name != name:
        yield ": is not the union of that name"
        return
    yield from (f".{tag}: AWS has this tag" for tag in members if tag not in union.tags)
    yield from (f".{tag}: AWS does not have this tag" for tag in union.tags if tag not in members)
    for tag, member in members.items():
        expected = _expected(model, name, tag, member["shape"])
        if isinstance(expected, str):
            yield expected
        elif tag in union.tags and union.tags[tag] != expected:
            yield f".{tag}: is {union.tags[tag]}, not {expected}"
    flattened = {*_flattened(union), types.UnknownBlock}
    if flattened != {*_alternatives(alias)}:
        yield f": is typed as {_alternatives(alias)}, but holds {flattened}"


def _structure_differences(model: ServiceModel, name: str) -> Iterator[str]:
    shape = model.shapes[name]
    cls = getattr(types, name)
    hints = get_type_hints(cls, include_extras=True)
    fields = {to_camel(field): field for field in cls.model_fields}
    yield from (f".{member}: AWS has this member" for member in shape["members"] if member not in fields)
    yield from (f".{member}: AWS does not have this member" for member in fields if member not in shape["members"])
    for member, field in fields.items():
        if cls.model_fields[field].alias != member:
            yield f".{member}: has the alias {cls.model_fields[field].alias!r}"
        if member in shape["members"]:
            target = shape["members"][member]["shape"]
            expected = _expected(model, name, member, target)
            if isinstance(expected, str):
                yield expected
            elif (actual := _plain(hints[field])) != expected:
                yield f".{member}: is {actual}, not {expected}"
            yield from _requiredness_differences(model, name, member, hints[field])


def _requiredness_differences(model: ServiceModel, name: str, member: str, hint: Any) -> Iterator[str]:
    shape = model.shapes[name]
    cls = getattr(types, name)
    [(field_name, field)] = [(key, value) for key, value in cls.model_fields.items() if value.alias == member]
    container = model.shapes[shape["members"][member]["shape"]]["type"] in ("list", "map")
    essential = ESSENTIAL.get(name, set())
    required = member in (shape.get("required", ()) if name in model.sent else essential)
    reads_empty = container and name not in model.sent and member not in essential
    if (member in essential) != (field_name in cls.essential):
        yield f".{member}: is {'not ' if member in essential else ''}marked as essential"
    if (name, member) in FIXED:
        if field.default != FIXED[name, member]:
            yield f".{member}: is not {FIXED[name, member]!r} by default"
    elif required != field.is_required():
        yield f".{member}: is {'' if field.is_required() else 'not '}required in Python"
    elif reads_empty:
        if not _is_null_reads_empty(hint) or field.get_default(call_default_factory=True) not in ([], {}):
            yield f".{member}: only AWS sends it, so absent and null must both read as empty"
    elif not required and (field.default is not None or field.default is PydanticUndefined):
        yield f".{member}: is not None by default"


def _expected(model: ServiceModel, owner: str, member: str, target: str) -> Any:
    try:
        return NAMED_VALUES.get((owner, member)) or model.python_type(target)
    except AttributeError as error:
        return f".{member}: needs {error.name}, which AWS has and the types do not"


def _plain(hint: Any) -> Any:
    """The hint without `| None` and without our marker for lists that may be null."""
    if get_origin(hint) in (Union, python_types.UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        return _plain(parts[0]) if len(parts) == 1 else hint
    return get_args(hint)[0] if _is_null_reads_empty(hint) else hint


def _is_null_reads_empty(hint: Any) -> bool:
    return get_origin(hint) is Annotated and isinstance(get_args(hint)[1], NullReadsEmpty)


def _alternatives(alias: Any) -> list[Any]:
    """The parts of a union alias, nested ones spread out."""
    body = get_args(alias)[0]
    return list(get_args(body)) if get_origin(body) in (Union, python_types.UnionType) else [body]


def _flattened(union: WireUnion) -> Iterator[Any]:
    for tag, member in union.tags.items():
        if tag in union.nested:
            yield from _flattened(union.nested[tag])
        else:
            yield member


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    """botocore's model of Bedrock Runtime."""
    if tuple(int(part) for part in botocore.__version__.split(".")[:2]) < WRITTEN_FOR:
        pytest.skip(f"botocore {botocore.__version__} is older than the model that the types are written for")
    return Loader().load_service_model("bedrock-runtime", "service-2")


@pytest.fixture
def changed(service: dict[str, Any]) -> dict[str, Any]:
    """A model of AWS's that a test may change."""
    return copy.deepcopy(service)


def public_models() -> list[type[types.Model]]:
    values = [getattr(types, name) for name in types.__all__]
    return [
        value
        for value in values
        if isinstance(value, type) and issubclass(value, types.Model) and value is not types.Model
    ]


def test_types_equal_the_service_model(service: dict[str, Any]) -> None:
    """Every structure, member, type, requiredness, union tag and enum value is AWS's."""
    found = differences(service)
    assert not found, "the types and AWS's model differ:\n" + "\n".join(f"  - {line}" for line in found)


def test_walk_reaches_the_whole_conversation(service: dict[str, Any]) -> None:
    """The walk is no empty one: it sees requests and responses, and what lies deep in both."""
    model = ServiceModel(service)
    assert {"ConverseRequest", "CachePointBlock", "ToolInputSchema", "AudioFormat"} <= model.sent
    assert {"TokenUsage", "ImageBlockDelta", "GuardrailAutomatedReasoningRule", "PayloadPart"} <= model.received
    assert len(model.reached) > 150


def test_exempt_names_exist(service: dict[str, Any]) -> None:
    """Every exemption names something that is there: none outlives its reason."""
    model = ServiceModel(service)
    assert set(NOT_CLASSES) <= set(model.reached)
    assert set(types.__all__) >= OURS
    assert all(tag in model.shapes[shape]["members"] for shape, tag in [*NAMED_VALUES, *FIXED])
    assert all(set(model.shapes[shape]["required"]) >= members for shape, members in ESSENTIAL.items())


def test_new_member_is_listed(changed: dict[str, Any]) -> None:
    """A member that AWS adds is named, with its structure."""
    changed["shapes"]["ImageBlock"]["members"]["altText"] = {"shape": "String"}
    assert differences(changed) == ["ImageBlock.altText: AWS has this member"]


def test_new_union_member_is_listed(changed: dict[str, Any]) -> None:
    """A tag that AWS adds is named, and so is the structure behind it."""
    changed["shapes"]["HologramBlock"] = {"type": "structure", "members": {"depth": {"shape": "Integer"}}}
    changed["shapes"]["ContentBlock"]["members"]["hologram"] = {"shape": "HologramBlock"}
    assert differences(changed) == [
        "ContentBlock.hologram: AWS has this tag",
        "ContentBlock.hologram: needs HologramBlock, which AWS has and the types do not",
        "HologramBlock: AWS has it and the types do not (depth)",
    ]


def test_new_enum_value_is_listed(changed: dict[str, Any]) -> None:
    """A value that AWS adds to an enum is named."""
    changed["shapes"]["StopReason"]["enum"].append("bored")
    assert differences(changed) == ["StopReason: AWS has the value 'bored'"]


def test_changed_requiredness_is_listed(changed: dict[str, Any]) -> None:
    """A member of a request that becomes required is named."""
    changed["shapes"]["S3Location"]["required"].append("bucketOwner")
    assert differences(changed) == ["S3Location.bucketOwner: is not required in Python"]


def test_changed_type_is_listed(changed: dict[str, Any]) -> None:
    """A member whose type changes is named, with both types."""
    changed["shapes"]["TokenUsage"]["members"]["inputTokens"]["shape"] = "String"
    assert differences(changed) == ["TokenUsage.inputTokens: is <class 'int'>, not <class 'str'>"]


def test_response_only_list_that_is_required_stays_lenient(changed: dict[str, Any]) -> None:
    """What only AWS sends reads as empty or None whether its model requires it or not."""
    changed["shapes"]["GuardrailTraceAssessment"]["required"] = ["modelOutput", "actionReason"]
    assert differences(changed) == []


def test_stream_events_are_awss(service: dict[str, Any]) -> None:
    """`ConverseStreamOutput` is the union of AWS's events, without its exceptions, and `UnknownEvent`."""
    shapes = service["shapes"]
    names = [member["shape"] for member in shapes["ConverseStreamOutput"]["members"].values()]
    events = {getattr(types, name) for name in names if not shapes[name].get("exception")}
    assert set(get_args(types.ConverseStreamOutput)) == {*events, types.UnknownEvent}


def test_invoke_stream_has_one_event(service: dict[str, Any]) -> None:
    """`PayloadPart` is the one event of an InvokeModel stream; the rest are exceptions."""
    shapes = service["shapes"]
    names = [member["shape"] for member in shapes["ResponseStream"]["members"].values()]
    assert [name for name in names if not shapes[name].get("exception")] == ["PayloadPart"]


def test_tool_input_schema_has_one_tag(service: dict[str, Any]) -> None:
    """`ToolInputSchema` can be the schema itself as long as `json` is its only tag."""
    assert list(service["shapes"]["ToolInputSchema"]["members"]) == ["json"]
    assert _alternatives(types.ToolInputSchema) == [dict[str, Any], types.UnknownBlock]


def test_only_fixed_fields_have_a_value_by_default() -> None:
    """No default but None and empty, save for the fixed wire values: nothing is sent that the user did not write."""
    defaults = {
        (cls.__name__, field.alias): field.default
        for cls in public_models()
        for field in cls.model_fields.values()
        if field.default not in (None, PydanticUndefined)
    }
    assert defaults == FIXED


def missing(read: Callable[[], Any]) -> set[str]:
    """The wire names of the members that reading an empty object complains about."""
    try:
        read()
    except ValidationError as error:
        return {str(detail["loc"][0]) for detail in error.errors() if detail["type"] == "missing"}
    return set()


@pytest.mark.parametrize("cls", public_models(), ids=lambda cls: cls.__name__)
def test_json_door_needs_the_essential_members_only(cls: type[types.Model]) -> None:
    """From AWS, only the essential members must be there."""
    assert missing(lambda: cls.model_validate_json("{}")) == ESSENTIAL.get(cls.__name__, set())


@pytest.mark.parametrize(
    "cls", [cls for cls in public_models() if cls.__name__ not in ESSENTIAL], ids=lambda cls: cls.__name__
)
def test_json_door_leaves_missing_members_unset(cls: type[types.Model]) -> None:
    """From AWS, a missing member is None or empty, and in no dump."""
    empty = cls.model_validate_json("{}")
    assert all(value in (None, [], {}, *FIXED.values()) for value in empty.__dict__.values())
    assert empty.model_dump_json(by_alias=True, exclude_unset=True) == "{}"


@pytest.mark.parametrize("cls", public_models(), ids=lambda cls: cls.__name__)
def test_python_door_needs_the_required_members(service: dict[str, Any], cls: type[types.Model]) -> None:
    """In Python, what a request requires is required; of what only AWS sends, the essential members."""
    name = cls.__name__
    model = ServiceModel(service)
    required = set(model.shapes[name].get("required", ())) if name in model.sent else ESSENTIAL.get(name, set())
    fixed = {member for shape, member in FIXED if shape == name}
    assert missing(lambda: cls.model_validate({})) == required - fixed


def test_named_values_are_models_of_one_value() -> None:
    """The classes that stand for a union's member hold just that value."""
    assert {cls.__name__ for cls in NAMED_VALUES.values()} <= OURS
    assert all(issubclass(cls, Value) for cls in NAMED_VALUES.values())
