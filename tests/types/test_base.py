"""The two doors of a model, unknown members, blobs, open enums, nulls, dumps, reprs."""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from bedrock_converse import types
from bedrock_converse.types import (
    ApplyGuardrailResponse,
    CachePointBlock,
    ImageBlock,
    InferenceConfiguration,
    InvokeModelTokensRequest,
    Message,
    S3Location,
    ServiceTier,
    TokenUsage,
    ToolResultBlock,
    ToolUseBlock,
)
from bedrock_converse.types.base import FromWire, Model, NullList, NullMap, Unverified, WritingContext, to_camel

USAGE = '{"inputTokens":1,"outputTokens":2,"totalTokens":3,"serverToolUsage":{"webSearch":1}}'
SECRET = "my-mother's-maiden-name"


def models() -> list[type[Model]]:
    """Every public model."""
    values = [getattr(types, name) for name in types.__all__]
    return [value for value in values if isinstance(value, type) and issubclass(value, Model)]


def problem(error: ValidationError) -> str:
    """The only problem of a validation error."""
    [detail] = error.errors()
    return str(detail["msg"])


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wire"),
    [("name", "name"), ("tool_use_id", "toolUseId"), ("top_p", "topP"), ("s3_location", "s3Location")],
)
def test_wire_names_are_camel_case(name: str, wire: str) -> None:
    """One rule between Python's names and the wire's."""
    assert to_camel(name) == wire


def test_python_takes_either_name() -> None:
    """boto3's spelling and Python's give the same object."""
    assert InferenceConfiguration.model_validate({"maxTokens": 5}) == InferenceConfiguration(max_tokens=5)


@pytest.mark.parametrize("name", ["json", "schema"])
def test_deprecated_methods_make_room_for_members(name: str) -> None:
    """pydantic's v1 methods whose names AWS uses are gone, so that nobody calls one for the member."""
    assert not hasattr(S3Location(uri="s3://b/k"), name)


def test_models_are_mutable_and_compare_by_value() -> None:
    """A member can be set, and equality is that of the members."""
    block = S3Location(uri="s3://b/k")
    block.uri = "s3://b/other"
    assert block == S3Location(uri="s3://b/other")


# --- the JSON door ----------------------------------------------------------------------------------------------------


def test_json_door_keeps_unknown_members() -> None:
    """What AWS adds is there to be read."""
    assert TokenUsage.model_validate_json(USAGE).model_extra == {"serverToolUsage": {"webSearch": 1}}


def test_json_door_does_not_mark_unknown_members() -> None:
    """AWS's own unknown members may be sent back, so they are not marked."""
    assert not isinstance(TokenUsage.model_validate_json(USAGE).model_extra, Unverified)


def test_json_door_gives_unknown_members_back() -> None:
    """Unknown members are in a dump, as they came."""
    usage = TokenUsage.model_validate_json(USAGE)
    assert usage.model_dump_json(by_alias=True, exclude_unset=True) == USAGE


def test_json_door_reads_a_missing_required_member_as_none() -> None:
    """A member that the model requires may be missing on the wire: it is None, and unset."""
    block = ToolUseBlock.model_validate_json('{"toolUseId":"t","name":"n"}')
    assert block.input is None
    assert block.model_fields_set == {"tool_use_id", "name"}


def test_json_door_reads_a_null_required_member_as_none() -> None:
    """An explicit null for a required member is None, and stays null in a dump."""
    block = S3Location.model_validate_json('{"uri":null}')
    assert block.uri is None
    assert block.model_dump_json(by_alias=True, exclude_unset=True) == '{"uri":null}'


@pytest.mark.parametrize("member", ["role", "content"])
def test_json_door_refuses_without_an_essential_member(member: str) -> None:
    """Without these even AWS's answer is unusable."""
    wire = {"role": "user", "content": []}
    del wire[member]
    with pytest.raises(ValidationError, match=member):
        Message.model_validate_json(json.dumps(wire))


# --- the Python door --------------------------------------------------------------------------------------------------


def test_python_door_requires_required_members() -> None:
    """What a request requires is required at construction."""
    with pytest.raises(ValidationError, match="uri"):
        S3Location.model_validate({})


def test_python_door_marks_unknown_members() -> None:
    """A misspelt member is kept, and marked for the sending side to refuse."""
    config = InferenceConfiguration.model_validate({"max_token": 5})
    assert isinstance(config.model_extra, Unverified)
    assert config.model_extra == {"max_token": 5}


def test_python_door_marks_unknown_members_below() -> None:
    """The same in a dict inside a dict."""
    message = Message.model_validate(
        {"role": "user", "content": [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}, "x": 1}}]}
    )
    assert isinstance(message.content[0].model_extra, Unverified)


def test_python_door_leaves_a_model_from_aws_alone() -> None:
    """A parsed object inside a new one is the same object: its unknown members stay AWS's."""
    message = Message.model_validate_json('{"role":"assistant","content":[],"x":1}')
    request = types.ConverseRequest(model_id="m", messages=[message])
    assert request.messages == [message]
    assert request.messages[0] is message
    assert not isinstance(message.model_extra, Unverified)


def test_setting_an_unknown_attribute_marks_it() -> None:
    """A typo in an assignment is caught like one in the constructor."""
    config = InferenceConfiguration(max_tokens=5)
    config.temprature = 0.5  # type: ignore[attr-defined]
    assert isinstance(config.model_extra, Unverified)


def test_setting_a_known_attribute_marks_nothing() -> None:
    """Changing a member of an answer does not put AWS's unknown members in doubt."""
    usage = TokenUsage.model_validate_json(USAGE)
    usage.input_tokens = 5
    assert not isinstance(usage.model_extra, Unverified)


def test_copy_with_an_unknown_member_marks_it() -> None:
    """A typo in `model_copy(update=...)` is caught, too."""
    copied = InferenceConfiguration(max_tokens=5).model_copy(update={"temprature": 0.5})
    assert isinstance(copied.model_extra, Unverified)


def test_copy_with_a_known_member_marks_nothing() -> None:
    """Updating what is known leaves AWS's unknown members as they are."""
    usage = TokenUsage.model_validate_json(USAGE).model_copy(update={"input_tokens": 5})
    assert usage.input_tokens == 5
    assert not isinstance(usage.model_extra, Unverified)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_mark_survives_copies(again: Any) -> None:
    """A copy of something unverified is unverified."""
    copied = again(InferenceConfiguration.model_validate({"max_token": 5}))
    assert isinstance(copied.model_extra, Unverified)


def test_marked_and_unmarked_compare_equal() -> None:
    """Who wrote an unknown member does not count in `==`."""
    assert S3Location.model_validate({"uri": "u", "x": 1}) == S3Location.model_validate_json('{"uri":"u","x":1}')


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_python_door_refuses_what_json_cannot_hold(number: float) -> None:
    """NaN and infinities are no temperatures."""
    with pytest.raises(ValidationError, match="finite"):
        InferenceConfiguration(temperature=number)


# --- fixed wire values ------------------------------------------------------------------------------------------------


def test_fixed_value_counts_as_set() -> None:
    """A cache point always says that it is one, in both dumps."""
    block = CachePointBlock()
    assert block.model_dump(by_alias=True, exclude_unset=True) == {"type": "default"}
    assert block.model_dump(by_alias=True, exclude_none=True) == {"type": "default"}


def test_fixed_value_counts_as_set_in_a_dict() -> None:
    """The same for a cache point that was written as a dict."""
    message = Message.model_validate({"role": "user", "content": [{"cachePoint": {}}]})
    assert message.to_wire()["content"] == [{"cachePoint": {"type": "default"}}]


def test_fixed_value_that_aws_left_out_stays_out() -> None:
    """What AWS sent without the value is dumped without it: equal JSON comes before completeness."""
    wire = '{"role":"user","content":[{"cachePoint":{}}]}'
    assert Message.model_validate_json(wire).model_dump_json(by_alias=True, exclude_unset=True) == wire


def test_other_defaults_do_not_count_as_set() -> None:
    """Members that are None or empty by default are in no `exclude_unset` dump."""
    assert CachePointBlock().model_fields_set == {"type"}
    assert TokenUsage(input_tokens=1, output_tokens=1, total_tokens=2).model_dump(exclude_unset=True).keys() == {
        "input_tokens",
        "output_tokens",
        "total_tokens",
    }


# --- blobs ------------------------------------------------------------------------------------------------------------

AWKWARD = b"\xfb\xff\xfe\xff"  # "+//+/w==" in the standard alphabet, "-__-_w==" in the URL-safe one


@pytest.mark.parametrize(
    "blob", [AWKWARD, bytearray(AWKWARD), memoryview(AWKWARD)], ids=["bytes", "bytearray", "memoryview"]
)
@pytest.mark.parametrize(
    "build",
    [lambda blob: InvokeModelTokensRequest(body=blob).body, lambda blob: ImageBlock(format="png", source=blob).source],
)
def test_blob_takes_anything_with_bytes(build: Any, blob: Any) -> None:
    """bytes, bytearray and memoryview are taken, in a field and in a union, and read as bytes."""
    taken = build(blob)
    assert type(taken) is bytes
    assert taken == AWKWARD


def test_blob_is_a_copy_of_what_can_change() -> None:
    """A buffer that the caller reuses does not change the request."""
    buffer = bytearray(b"one")
    block = ImageBlock(format="png", source=buffer)
    buffer[:] = b"two"
    assert block.source == b"one"


def test_blob_in_a_strided_view() -> None:
    """A memoryview that skips bytes gives those that it shows."""
    assert ImageBlock(format="png", source=memoryview(b"abcdef")[::2]).source == b"ace"


@pytest.mark.parametrize(
    "build",
    [
        lambda: InvokeModelTokensRequest(body="aGk="),
        lambda: ImageBlock(format="png", source="aGk="),
        lambda: ImageBlock.model_validate({"format": "png", "source": {"bytes": "aGk="}}),
    ],
)  # type: ignore[arg-type]
def test_blob_refuses_str_with_a_hint(build: Any) -> None:
    """boto3 encodes a str twice, without a word; here it is refused, in one sentence that says what to do."""
    with pytest.raises(ValidationError) as caught:
        build()
    assert "not str" in problem(caught.value)
    assert "base64 is done for you" in problem(caught.value)


def test_blob_refuses_other_types() -> None:
    """A number or a list is no blob, and the message says what is."""
    with pytest.raises(ValidationError, match="bytes, bytearray or memoryview, not int"):
        InvokeModelTokensRequest(body=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", [InvokeModelTokensRequest, types.InvokeModelResponse])
def test_blob_is_standard_base64_on_the_wire(cls: Any) -> None:
    """With + and /, which AWS wants, and not the URL-safe alphabet, which it refuses."""
    assert json.loads(cls(body=AWKWARD).model_dump_json())["body"] == "+//+/w=="


def test_blob_in_a_union_is_standard_base64_on_the_wire() -> None:
    """The same one level down."""
    dumped = ImageBlock(format="png", source=AWKWARD).model_dump_json(by_alias=True, exclude_none=True)
    assert json.loads(dumped) == {"format": "png", "source": {"bytes": "+//+/w=="}}


def test_blob_from_the_wire() -> None:
    """Standard base64 is read, in a field and in a union."""
    assert InvokeModelTokensRequest.model_validate_json('{"body":"+//+/w=="}').body == AWKWARD
    assert ImageBlock.model_validate_json('{"source":{"bytes":"+//+/w=="}}').source == AWKWARD


def test_blob_that_is_no_base64_is_refused() -> None:
    """What is no base64 is no blob, and is not silently read as text."""
    with pytest.raises(ValidationError, match="base64"):
        InvokeModelTokensRequest.model_validate_json('{"body":"!"}')


def test_blob_stays_bytes_in_a_python_dump() -> None:
    """For boto3, a blob is bytes."""
    assert ImageBlock(format="png", source=AWKWARD).model_dump(by_alias=True)["source"] == {"bytes": AWKWARD}


def test_whoever_writes_large_parts_himself() -> None:
    """He is asked for what stands for a blob or a document, and can have it checked."""

    class Elsewhere(WritingContext):
        def write_blob(self, value: bytes | bytearray | memoryview) -> str:
            return f"<{len(value)}>"

        def write_document(self, value: Any) -> Any:
            return {"of": len(super().write_document(value))}

    dumped = ImageBlock(format="png", source=AWKWARD).model_dump_json(exclude_none=True, context=Elsewhere())
    assert json.loads(dumped) == {"format": "png", "source": {"bytes": "<4>"}}
    block = ToolUseBlock(tool_use_id="t", name="n", input=[1, 2, 3])
    assert json.loads(block.model_dump_json(context=Elsewhere()))["input"] == {"of": 3}
    block.input.append(math.nan)
    with pytest.raises(PydanticSerializationError, match=r"\[3\]: is nan"):
        block.model_dump_json(context=Elsewhere())


def test_by_itself_the_context_changes_nothing() -> None:
    """Base64 and JSON as without one."""
    for block in (ImageBlock(format="png", source=AWKWARD), ToolUseBlock(tool_use_id="t", name="n", input=[1])):
        assert block.model_dump_json(context=WritingContext()) == block.model_dump_json()


# --- enums ------------------------------------------------------------------------------------------------------------


def test_open_enum_takes_any_str() -> None:
    """A value that AWS adds tomorrow is no error, in either door."""
    assert ServiceTier(type="turbo").type == "turbo"
    assert ToolUseBlock.model_validate_json('{"toolUseId":"t","name":"n","type":"tool_use"}').type == "tool_use"


def test_open_enum_takes_str_only() -> None:
    """But a number is no enum value."""
    with pytest.raises(ValidationError, match="string"):
        ServiceTier(type=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_known_role_from_aws_is_a_plain_str(role: str) -> None:
    """Known roles need no mark."""
    assert type(Message.model_validate_json(json.dumps({"role": role, "content": []})).role) is str


def test_unknown_role_from_aws_is_marked() -> None:
    """A role that AWS sent, and that we do not know, may be sent back."""
    message = Message.model_validate_json('{"role":"critic","content":[]}')
    assert isinstance(message.role, FromWire)
    assert message.role == "critic"


def test_unknown_role_in_python_is_not_marked() -> None:
    """A role that the user wrote is checked when it is sent."""
    assert type(Message(role="critic", content=[]).role) is str


@pytest.mark.parametrize("again", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_role_from_aws_stays_marked_in_a_copy(again: Any) -> None:
    """A stored history may be sent as well as the one in memory."""
    assert isinstance(again(Message.model_validate_json('{"role":"critic","content":[]}')).role, FromWire)


def test_role_from_aws_is_dumped_as_it_came() -> None:
    """The mark is not seen on the wire."""
    wire = '{"role":"critic","content":[]}'
    assert Message.model_validate_json(wire).model_dump_json(by_alias=True, exclude_unset=True) == wire


# --- lists and maps that only AWS sends -------------------------------------------------------------------------------


def test_null_list_reads_as_empty() -> None:
    """Code that loops over the outputs need not ask for None."""
    answer = ApplyGuardrailResponse.model_validate_json('{"action":"NONE","outputs":null}')
    assert answer.outputs == []
    assert isinstance(answer.outputs, NullList)


def test_null_map_reads_as_empty() -> None:
    """The same for a map."""
    trace = types.GuardrailTraceAssessment.model_validate_json('{"inputAssessment":null}')
    assert trace.input_assessment == {}
    assert isinstance(trace.input_assessment, NullMap)


@pytest.mark.parametrize(
    "wire",
    [
        '{"action":"NONE","outputs":null,"assessments":[]}',
        '{"action":"NONE","outputs":[]}',
        '{"action":"NONE"}',
        '{"action":"NONE","outputs":[{"text":"t"}]}',
    ],
)
def test_null_and_empty_and_missing_lists_come_out_as_they_came(wire: str) -> None:
    """Three ways of nothing, each kept."""
    answer = ApplyGuardrailResponse.model_validate_json(wire)
    assert answer.model_dump_json(by_alias=True, exclude_unset=True) == wire


def test_null_list_that_was_filled_is_no_longer_null() -> None:
    """Appending to what came as null makes it a list."""
    answer = ApplyGuardrailResponse.model_validate_json('{"action":"NONE","outputs":null}')
    answer.outputs.append(types.GuardrailOutputContent(text="t"))
    assert answer.model_dump_json(by_alias=True, exclude_unset=True) == '{"action":"NONE","outputs":[{"text":"t"}]}'


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_null_list_stays_null_in_a_copy(again: Any) -> None:
    """A stored answer is the answer."""
    answer = again(ApplyGuardrailResponse.model_validate_json('{"action":"NONE","outputs":null}'))
    assert answer.model_dump_json(by_alias=True, exclude_unset=True) == '{"action":"NONE","outputs":null}'


def test_empty_lists_are_not_shared() -> None:
    """Each answer has a list of its own."""
    one, other = (ApplyGuardrailResponse.model_validate_json('{"action":"NONE"}') for _ in range(2))
    one.outputs.append(types.GuardrailOutputContent(text="t"))
    assert other.outputs == []


# --- documents --------------------------------------------------------------------------------------------------------

USER_DATA = {"max_tokens": None, "tool_use_id": [None, {"a_b": None}], "camelCase": {"": 0}, "type": True, "n": 1.0}


@pytest.mark.parametrize("dump", [{"exclude_none": True}, {"exclude_unset": True}, {"exclude_defaults": True}])
def test_user_data_passes_untouched(dump: dict[str, bool]) -> None:
    """Tool input keeps its nulls and its keys in every dump."""
    block = ToolUseBlock(tool_use_id="t", name="n", input=USER_DATA)
    assert json.loads(block.model_dump_json(by_alias=True, **dump))["input"] == USER_DATA


def test_user_data_from_the_wire_is_untouched() -> None:
    """The same inwards."""
    wire = json.dumps({"toolUseId": "t", "name": "n", "input": USER_DATA})
    assert ToolUseBlock.model_validate_json(wire).input == USER_DATA


def test_user_data_is_not_copied() -> None:
    """A large tool input is passed on, not duplicated."""
    data = {"rows": [1, 2, 3]}
    assert ToolUseBlock(tool_use_id="t", name="n", input=data).input is data


@pytest.mark.parametrize("number", [10**30, -(2**63), 1e300, 0.1])
def test_user_numbers_keep_their_value(number: float) -> None:
    """Integers beyond 64 bits and floats come through exactly."""
    dumped = ToolUseBlock(tool_use_id="t", name="n", input=[number]).model_dump_json(by_alias=True)
    assert json.loads(dumped)["input"] == [number]


@pytest.mark.parametrize("mode", ["json", "python"])
def test_user_data_that_json_cannot_hold_is_never_coerced(mode: str) -> None:
    """NaN does not become null: the dump fails, and says where."""
    block = ToolUseBlock(tool_use_id="t", name="n", input={"rows": [{"price": float("nan")}]})
    with pytest.raises(ValueError, match=re.escape("rows[0].price: is nan")):
        block.model_dump(mode=mode)


# --- errors and reprs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda: S3Location(uri={"q": SECRET}),  # type: ignore[arg-type]
        lambda: Message(role="user", content=[[SECRET]]),  # type: ignore[list-item]
        lambda: Message(role="user", content=[{"text": {"q": SECRET}}]),  # type: ignore[list-item]
        lambda: Message(role="user", content=[SECRET.encode()]),  # type: ignore[list-item]
        lambda: Message(role="user", content=[{"toolUse": SECRET}]),  # type: ignore[list-item]
        lambda: Message(role=[SECRET], content=SECRET),  # type: ignore[arg-type]
        lambda: types.ToolSpecification(name="n", input_schema=SECRET),  # type: ignore[arg-type]
        lambda: InvokeModelTokensRequest(body=SECRET),  # type: ignore[arg-type]
        lambda: types.JsonBlock.model_validate_json(f'{{"a": {SECRET}}}'),
        lambda: types.ReasoningTextDelta([SECRET]),  # type: ignore[arg-type]
        lambda: Message.model_validate_json(f'{{"role": "user", "content": ["{SECRET}"]}}'),
        lambda: Message.model_validate_json(f'{{"role": "user", "content": {SECRET}}}'),
    ],
)
def test_validation_errors_hide_the_prompt(build: Any) -> None:
    """Neither `str` nor `repr` of an error holds what the user wrote."""
    with pytest.raises(ValidationError) as caught:
        build()
    assert SECRET not in str(caught.value) + repr(caught.value)


def test_repr_of_a_large_image_is_short() -> None:
    """A picture in a log line is its size."""
    assert (
        repr(ImageBlock(format="png", source=bytes(5_000_000))) == "ImageBlock(format='png', source=<5,000,000 bytes>)"
    )


def test_repr_of_a_large_image_in_a_message_is_short() -> None:
    """The same inside a message, and for redacted reasoning."""
    message = types.user("hi", ImageBlock(format="png", source=bytes(5_000_000)), types.RedactedReasoning(bytes(40)))
    assert len(repr(message)) < 200


def test_repr_shows_short_bytes() -> None:
    """Up to 32 bytes are shown as they are."""
    assert repr(ImageBlock(format="png", source=b"abc")) == "ImageBlock(format='png', source=b'abc')"


def test_repr_leaves_out_what_is_not_set() -> None:
    """Members that are None by default only get in the way."""
    assert repr(InferenceConfiguration(max_tokens=5)) == "InferenceConfiguration(max_tokens=5)"


# --- JSON schema ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("cls", models(), ids=lambda cls: cls.__name__)
def test_json_schema_of_every_model(cls: type[Model], mode: Any) -> None:
    """Every model has a JSON schema (FastAPI and OpenAPI ask for it), and it is JSON."""
    assert json.loads(json.dumps(cls.model_json_schema(mode=mode)))


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_json_schema_shows_the_wire_form(mode: Any) -> None:
    """A union is an object with one of its tags, a blob base64 text, names are the wire's: no Python form beside it."""
    definitions = ToolResultBlock.model_json_schema(mode=mode)["$defs"]
    schema = ToolResultBlock.model_json_schema(mode=mode)
    items = schema["properties"]["content"]["items"]
    assert set(schema["properties"]) == {"toolUseId", "content", "status", "type"}
    assert (items["type"], items["minProperties"], items["maxProperties"]) == ("object", 1, 1)
    assert set(items["properties"]) == {"json", "text", "image", "document", "video", "searchResult"}
    source = definitions["ImageBlock"]["properties"]["source"]
    source = source["anyOf"][0] if "anyOf" in source else source
    assert source["properties"]["bytes"]["anyOf"][0]["type"] == "string"
