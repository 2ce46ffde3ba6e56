"""Unions: `{tag: value}` on the wire, the value itself in Python, and `UnknownBlock` for what nobody knows."""

from __future__ import annotations

import copy
import json
import pickle
from types import MappingProxyType
from typing import Annotated, Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from bedrock_converse import types
from bedrock_converse.types import (
    ContentBlockDeltaEvent,
    DocumentBlock,
    GuardrailConverseTextBlock,
    ImageBlock,
    JsonBlock,
    Message,
    ReasoningTextBlock,
    RedactedReasoning,
    S3Location,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    UnknownBlock,
    user,
)
from bedrock_converse.types.unions import UnknownTag, WireUnion

NEW = {"url": "s3://b/k", "frames": [1, None, {"a_b": 2}]}

FORMS: list[tuple[dict[str, Any], Any]] = [
    ({"text": "hi"}, "hi"),
    ({"image": {"format": "png", "source": {"bytes": "+/8="}}}, ImageBlock(format="png", source=b"\xfb\xff")),
    (
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        ImageBlock(format="png", source=S3Location(uri="s3://b/k")),
    ),
    ({"document": {"name": "d", "source": {"text": "hi"}}}, DocumentBlock(name="d", source="hi")),
    (
        {"document": {"name": "d", "source": {"content": [{"text": "a"}, {"text": "b"}]}}},
        DocumentBlock(name="d", source=["a", "b"]),
    ),
    (
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1}}},
        ToolUseBlock(tool_use_id="t", name="n", input={"a": 1}),
    ),
    (
        {"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}, {"text": "x"}]}},
        ToolResultBlock(tool_use_id="t", content=[JsonBlock({"a": 1}), "x"]),
    ),
    ({"guardContent": {"text": {"text": "hi"}}}, GuardrailConverseTextBlock(text="hi")),
    ({"cachePoint": {"type": "default"}}, types.CachePointBlock()),
    (
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        ReasoningTextBlock(text="hm", signature="s"),
    ),
    ({"reasoningContent": {"redactedContent": "+/8="}}, RedactedReasoning(b"\xfb\xff")),
    ({"videoSummary": NEW}, UnknownBlock("videoSummary", NEW)),
    ({"reasoningContent": {"summary": NEW}}, UnknownBlock(("reasoningContent", "summary"), NEW)),
    ({"guardContent": {"audio": NEW}}, UnknownBlock(("guardContent", "audio"), NEW)),
]
"""A content block on the wire, and the same in Python."""


def read(block: dict[str, Any]) -> Any:
    """A content block through the JSON door."""
    return Message.model_validate_json(json.dumps({"role": "user", "content": [block]})).content[0]


def write(block: Any) -> Any:
    """A content block as the wire JSON that it becomes."""
    dumped = json.loads(user(block).model_dump_json(by_alias=True, exclude_none=True))
    return dumped["content"][0]


def problem(content: Any) -> str:
    """What the Python door has to say about a content block."""
    with pytest.raises(ValidationError) as caught:
        user(content)
    [detail] = caught.value.errors()
    return str(detail["msg"])


# --- the value itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wire", "value"), FORMS)
def test_json_door_gives_the_value(wire: dict[str, Any], value: Any) -> None:
    """`{tag: value}` from the wire is the value, nested unions too."""
    assert read(wire) == value
    assert type(read(wire)) is type(value)


@pytest.mark.parametrize(("wire", "value"), FORMS)
def test_value_is_written_under_its_tag(wire: dict[str, Any], value: Any) -> None:
    """The value goes out under the tags of its type."""
    assert write(value) == wire


@pytest.mark.parametrize(("wire", "value"), FORMS)
def test_wire_form_comes_back_equal(wire: dict[str, Any], value: Any) -> None:
    """In and out is the JSON that it was."""
    message = Message.model_validate_json(json.dumps({"role": "user", "content": [wire]}))
    assert json.loads(message.model_dump_json(by_alias=True, exclude_unset=True))["content"] == [wire]


@pytest.mark.parametrize(("wire", "value"), FORMS)
def test_python_dump_has_the_wire_form(wire: dict[str, Any], value: Any) -> None:
    """A Python dump has tags as well, and reads back through the Python door unless its tag is unknown."""
    [dumped] = user(value).model_dump(by_alias=True, exclude_unset=True)["content"]
    assert dumped.keys() == wire.keys()
    if not isinstance(value, UnknownBlock):
        assert user(dumped).content == [value]


def test_python_door_takes_boto3s_dicts() -> None:
    """A dict as boto3 takes it, blobs as bytes, is the value."""
    block = {"image": {"format": "png", "source": {"bytes": b"x"}}}
    assert user(block).content == [ImageBlock(format="png", source=b"x")]


def test_python_door_takes_any_mapping() -> None:
    """A read-only mapping is a mapping."""
    assert user(MappingProxyType({"text": "hi"})).content == ["hi"]


def test_python_door_keeps_the_object() -> None:
    """A block goes in as it is, not as a copy."""
    block = ToolUseBlock(tool_use_id="t", name="n", input={})
    assert user(block).content[0] is block


def test_subclasses_stand_for_their_class() -> None:
    """A str enum is text, and a block with methods of the user's own is a block."""

    class Words(str):
        __slots__ = ()

    class Picture(ImageBlock):
        pass

    assert write(Words("hi")) == {"text": "hi"}
    assert write(Picture(format="png", source=b"x")) == {"image": {"format": "png", "source": {"bytes": "eA=="}}}


def test_match_works() -> None:
    """The purpose of it all."""
    [block] = user(ToolUseBlock(tool_use_id="t", name="n", input={"a": 1})).content
    match block:
        case str():
            found: Any = "text"
        case ToolUseBlock(name=name, input=arguments):
            found = (name, arguments)
        case _:
            found = None
    assert found == ("n", {"a": 1})


def test_types_are_unique_over_the_flattened_union() -> None:
    """A table in which one type stands for two members is refused when it is written."""
    with pytest.raises(TypeError, match="str stands for text and name"):
        WireUnion("Twice", text=str, name=str)


def test_tag_may_have_any_name() -> None:
    """AWS may call a tag `name` or `self`."""
    assert WireUnion("Odd", name=str, self=int).tag_of == {str: "name", int: "self"}


def test_types_are_unique_over_nested_unions() -> None:
    """Nested unions count."""
    inner = Annotated[str | UnknownBlock, WireUnion("Inner", text=str)]
    with pytest.raises(TypeError, match="str stands for text and inner"):
        WireUnion("Outer", text=str, inner=inner)


# --- exactly one key --------------------------------------------------------------------------------------------------


def test_empty_dict_is_refused() -> None:
    """A dict without a tag names those that there are."""
    assert problem({}).startswith("ContentBlock has exactly one of text, image, document,")


def test_two_tags_are_refused() -> None:
    """Two tags are one too many, and both are named."""
    assert problem({"text": "hi", "image": {}}).endswith("not image, text")


def test_tag_beside_an_unknown_key_is_refused() -> None:
    """Another API's key beside the text is no second block."""
    assert problem({"text": "hi", "cache_control": {"type": "ephemeral"}}).endswith("not cache_control, text")


def test_none_only_is_refused() -> None:
    """A tag with None is no tag."""
    assert problem({"text": None}).endswith("not none")


def test_keys_that_are_no_str_are_refused() -> None:
    """Keys of any type give a typed error, one or many."""
    assert "Keys should be strings" in problem({1: "hi"})
    assert problem({1: "hi", "text": "hi"}).endswith("not 1, text")


def test_none_beside_a_tag_is_nothing() -> None:
    """A dict with all members, all but one None, has one."""
    assert user({"text": "hi", "image": None, "toolUse": None}).content == ["hi"]


@pytest.mark.parametrize(
    "wire", ['{"text":"hi","image":null}', '{"__type":"Text","text":"hi"}', '{"__type":null,"text":"hi"}']
)
def test_json_door_ignores_nulls_and_type_names(wire: str) -> None:
    """AWS may write the other members as null, and `__type` beside the one that counts."""
    assert read(json.loads(wire)) == "hi"


@pytest.mark.parametrize("wire", ["{}", '{"text":null}', '{"text":"a","image":{}}', "[]", '"hi"', "5"])
def test_json_door_refuses_what_is_no_union(wire: str) -> None:
    """From the wire, too, anything but one member is a typed error."""
    with pytest.raises(ValidationError):
        read(json.loads(wire))


# --- hints ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blob", [b"x", bytearray(b"x"), memoryview(b"x")], ids=["bytes", "bytearray", "memoryview"])
def test_bare_bytes_in_content_are_refused_with_a_hint(blob: Any) -> None:
    """Bytes do not say what they are; the message says how to."""
    assert "ImageBlock(format=..., source=data) or image(data)" in problem(blob)


def test_other_types_are_refused_with_the_right_ones() -> None:
    """The message names the types and the tags."""
    assert problem(5).startswith("ContentBlock takes str, ImageBlock, DocumentBlock,")
    assert problem(5).endswith("toolRemoval, not int")


def test_block_of_another_union_is_refused() -> None:
    """A reasoning block is no system prompt."""
    with pytest.raises(ValidationError, match=r"SystemContentBlock takes .*, not ReasoningTextBlock"):
        types.ConverseRequest(model_id="m", system=[ReasoningTextBlock(text="hm")])  # type: ignore[list-item]


def test_list_in_a_union_is_checked() -> None:
    """The pieces of a document are checked and unwrapped like any others."""
    assert DocumentBlock(name="d", source=["a", {"text": "b"}]).source == ["a", "b"]  # type: ignore[list-item]
    with pytest.raises(ValidationError, match="DocumentContentBlock takes str"):
        DocumentBlock(name="d", source=["a", 5])  # type: ignore[list-item]


def test_wrong_type_that_was_assigned_fails_on_the_way_out() -> None:
    """Assignment is not checked, but nothing wrong is written."""
    message = user("hi")
    message.content.append(5)  # type: ignore[arg-type]
    with pytest.raises(PydanticSerializationError, match="ContentBlock takes str"):
        message.model_dump_json()


# --- blobs in unions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blob", [bytearray(b"x"), memoryview(b"x")], ids=["bytearray", "memoryview"])
def test_assigned_buffer_is_written(blob: Any) -> None:
    """A buffer that was assigned, and so not read as bytes, is written all the same."""
    block = ImageBlock(format="png", source=b"")
    block.source = blob
    assert write(block)["image"]["source"] == {"bytes": "eA=="}


# --- UnknownBlock -----------------------------------------------------------------------------------------------------


def test_unknown_block_has_path_and_value() -> None:
    """A tag may be given bare; the path is a tuple."""
    block = UnknownBlock("videoSummary", NEW)
    assert (block.path, block.value) == (("videoSummary",), NEW)


def test_unknown_block_keeps_the_whole_path() -> None:
    """Below a known tag, the path says where."""
    assert read({"reasoningContent": {"summary": NEW}}).path == ("reasoningContent", "summary")


def test_unknown_block_keeps_its_value_untouched() -> None:
    """Nulls and names inside are AWS's, and stay."""
    assert read({"videoSummary": NEW}).value == NEW


@pytest.mark.parametrize("value", [NEW, [], "text", 0, False, 1.5])
def test_unknown_member_may_be_any_json(value: Any) -> None:
    """Whatever JSON AWS puts there comes back."""
    assert write(read({"videoSummary": value})) == {"videoSummary": value}


def test_unknown_block_from_aws_may_be_sent() -> None:
    """What AWS sent is not marked."""
    assert read({"videoSummary": NEW}).unverified is False


def test_unknown_block_that_the_user_wrote_may_be_sent() -> None:
    """Writing `UnknownBlock` is saying that one means it."""
    assert write(UnknownBlock("videoSummary", NEW)) == {"videoSummary": NEW}


def test_unknown_tag_in_a_dict_is_marked() -> None:
    """A dict with a tag that nobody knows is most likely a typo."""
    [block] = user({"txt": "hi"}).content
    assert block == UnknownBlock("txt", "hi")
    assert block.unverified is True


def test_unknown_nested_tag_in_a_dict_is_marked() -> None:
    """The same below a known tag."""
    [block] = user({"reasoningContent": {"reasoningTxt": {"text": "hm"}}}).content
    assert block.path == ("reasoningContent", "reasoningTxt")
    assert block.unverified is True


@pytest.mark.parametrize("wrong", [{"txt": "hi"}, {"reasoningContent": {"reasoningTxt": {"text": "hm"}}}])
def test_marked_tag_is_not_written(wrong: dict[str, Any]) -> None:
    """The dump fails with the tag's name, which the serializer turns into a hint."""
    with pytest.raises(PydanticSerializationError, match=r"UnknownTag: (txt|reasoningTxt)"):
        user(wrong).model_dump_json()
    assert issubclass(UnknownTag, ValueError)


def test_unknown_block_inside_a_dict_is_meant() -> None:
    """Written as `UnknownBlock` below a known tag, it is no typo."""
    assert write({"reasoningContent": UnknownBlock("summary", NEW)}) == {"reasoningContent": {"summary": NEW}}


def test_unknown_block_takes_any_depth() -> None:
    """A path of the user's own may go below a tag that is unknown itself."""
    assert write(UnknownBlock(("newBlock", "deep", "deeper"), 1)) == {"newBlock": {"deep": {"deeper": 1}}}


def test_unknown_block_below_a_known_tag() -> None:
    """A path, or a value that starts at the known tag: the same JSON."""
    assert write(UnknownBlock(("reasoningContent", "summary"), NEW)) == {"reasoningContent": {"summary": NEW}}
    assert write(UnknownBlock("reasoningContent", {"summary": NEW})) == {"reasoningContent": {"summary": NEW}}


@pytest.mark.parametrize(
    "block",
    [
        UnknownBlock("image", {"format": "png", "source": {"bytes": "+/8="}, "newMember": {"a": None}}),
        UnknownBlock(("reasoningContent", "redactedContent"), "+/8="),
        UnknownBlock(("reasoningContent", "reasoningText"), {"text": "hm", "newMember": 1}),
    ],
)
def test_unknown_block_that_became_known_is_written(block: UnknownBlock) -> None:
    """What an older version did not know, or a user did not want to know, goes out as the JSON that it is."""
    expected: Any = block.value
    for tag in reversed(block.path):
        expected = {tag: expected}
    assert write(block) == expected


def test_unknown_block_is_checked_on_the_way_out() -> None:
    """What JSON cannot hold is refused here as in tool input."""
    with pytest.raises(PydanticSerializationError, match="is nan"):
        write(UnknownBlock("videoSummary", {"a": float("nan")}))


def test_unknown_block_that_does_not_fit_hides_its_value() -> None:
    """What became known, and is not as it should be, fails without being shown."""
    with pytest.raises(PydanticSerializationError) as caught:
        write(UnknownBlock("image", {"format": ["my secret"]}))
    assert "secret" not in str(caught.value)


def test_unknown_block_needs_a_tag() -> None:
    """Without a tag there is nothing to write."""
    with pytest.raises(ValueError, match="tag"):
        UnknownBlock((), {})


def test_unknown_block_equality() -> None:
    """Path and value count; who wrote it does not."""
    assert read({"txt": "hi"}) == UnknownBlock("txt", "hi") == user({"txt": "hi"}).content[0]
    assert UnknownBlock("txt", "hi") != UnknownBlock("txt", "ho")
    assert UnknownBlock("txt", "hi") != UnknownBlock("text", "hi")
    assert UnknownBlock("txt", "hi") != "hi"


def test_unknown_block_is_not_hashable() -> None:
    """It is mutable, like the models."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(UnknownBlock("txt", "hi"))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@pytest.mark.parametrize(
    "block", [UnknownBlock(("a", "b"), NEW), user({"txt": "hi"}).content[0]], ids=["known to be meant", "unverified"]
)
def test_unknown_block_survives_copies(again: Any, block: Any) -> None:
    """A copy is equal, and as verified as the original."""
    copied = again(block)
    assert copied == block
    assert copied.unverified is block.unverified


def test_unknown_block_deep_copy_is_deep() -> None:
    """Changing the copy leaves the original."""
    block = UnknownBlock("a", {"list": []})
    copy.deepcopy(block).value["list"].append(1)
    assert block.value == {"list": []}


def test_unknown_block_matches_by_position() -> None:
    """`case UnknownBlock(path, value)` works."""
    match read({"videoSummary": NEW}):
        case UnknownBlock(("videoSummary",), value):
            assert value == NEW
        case _:
            pytest.fail("no match")


def test_unknown_block_repr() -> None:
    """The path reads as one, and a large value is cut."""
    assert repr(UnknownBlock(("a", "b"), {"c": 1})) == "UnknownBlock('a.b', {'c': 1})"
    assert len(repr(UnknownBlock("image2", {"bytes": "x" * 5_000_000}))) < 300


def test_unknown_block_in_a_message_repr_is_short() -> None:
    """A picture of a kind that nobody knows does not fill the log either."""
    assert len(repr(user(UnknownBlock("image2", {"bytes": "x" * 5_000_000})))) < 400


# --- every union ------------------------------------------------------------------------------------------------------

UNIONS = [name for name in types.__all__ if isinstance(([*get_args(getattr(types, name)), None, None])[1], WireUnion)]


@pytest.mark.parametrize("name", UNIONS)
def test_every_union_keeps_what_it_does_not_know(name: str) -> None:
    """Each of AWS's unions gives an unknown member back as equal JSON."""
    adapter: TypeAdapter[Any] = TypeAdapter(getattr(types, name))
    block = adapter.validate_json('{"somethingNew":{"a_b":[1,null]}}')
    assert block == UnknownBlock("somethingNew", {"a_b": [1, None]})
    assert adapter.dump_json(block) == b'{"somethingNew":{"a_b":[1,null]}}'


@pytest.mark.parametrize("name", UNIONS)
@pytest.mark.parametrize("value", [{}, {"a": 1, "b": 2}, {"a": None}, {1: 2}, object(), None, 1.5, (), frozenset()])
def test_every_union_refuses_with_a_typed_error(name: str, value: Any) -> None:
    """Nothing but ValidationError comes out of the Python door."""
    with pytest.raises(ValidationError):
        TypeAdapter(getattr(types, name)).validate_python(value)


def test_empty_structures_are_members() -> None:
    """`{"auto": {}}` is a value, not nothing."""
    config = types.ToolConfiguration.model_validate_json('{"tools":[],"toolChoice":{"auto":{}}}')
    assert config.tool_choice == types.AutoToolChoice()
    assert config.model_dump_json(by_alias=True, exclude_unset=True) == '{"tools":[],"toolChoice":{"auto":{}}}'


# --- deltas, whose values have names of their own ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ({"text": ""}, ""),
        ({"toolUse": {"input": "{"}}, types.ToolUseBlockDelta(input="{")),
        ({"toolResult": [{"text": "a"}, {"json": [1]}]}, types.ToolResultDelta(["a", JsonBlock([1])])),
        ({"reasoningContent": {"text": "hm"}}, types.ReasoningTextDelta("hm")),
        ({"reasoningContent": {"signature": "s"}}, types.ReasoningSignatureDelta("s")),
        ({"reasoningContent": {"redactedContent": "+/8="}}, RedactedReasoning(b"\xfb\xff")),
        ({"image": {"source": {"bytes": "+/8="}}}, types.ImageBlockDelta(source=b"\xfb\xff")),
        (
            {"citation": {"title": "t", "sourceContent": [{"text": "q"}]}},
            types.CitationsDelta(title="t", source_content=[types.CitationSourceContentDelta(text="q")]),
        ),
        ({"toolResult": [{"table": 1}]}, types.ToolResultDelta([UnknownBlock("table", 1)])),
        ({"hologram": 1}, UnknownBlock("hologram", 1)),
    ],
)
def test_deltas_read_and_write(wire: dict[str, Any], value: Any) -> None:
    """Each kind of delta is the value, and comes back as it was."""
    event = ContentBlockDeltaEvent.model_validate_json(json.dumps({"delta": wire, "contentBlockIndex": 0}))
    assert event.delta == value
    assert json.loads(event.model_dump_json(by_alias=True, exclude_unset=True))["delta"] == wire
    assert (
        json.loads(ContentBlockDeltaEvent(delta=value).model_dump_json(by_alias=True, exclude_unset=True))["delta"]
        == wire
    )


# --- the tool's input schema ------------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"max_tokens": {"type": "integer", "default": None}}, "$defs": {}}


@pytest.mark.parametrize("given", [SCHEMA, {"json": SCHEMA}])
def test_input_schema_is_the_schema_itself(given: dict[str, Any]) -> None:
    """Bare, or as boto3 takes it: in Python it is the schema, on the wire it has its tag, and nothing in it changes."""
    tool = ToolSpecification(name="n", input_schema=given)
    assert tool.input_schema == SCHEMA
    assert json.loads(tool.model_dump_json(by_alias=True, exclude_none=True))["inputSchema"] == {"json": SCHEMA}


def test_input_schema_from_the_wire() -> None:
    """From the wire it has its tag, and may have another."""
    read_tool = ToolSpecification.model_validate_json
    assert read_tool(json.dumps({"name": "n", "inputSchema": {"json": SCHEMA}})).input_schema == SCHEMA
    assert read_tool('{"name":"n","inputSchema":{"xml":1}}').input_schema == UnknownBlock("xml", 1)


def test_input_schema_with_a_property_json() -> None:
    """A schema that has `json` among others is the schema."""
    schema = {"json": {}, "type": "object"}
    assert ToolSpecification(name="n", input_schema=schema).input_schema == schema


@pytest.mark.parametrize("tagged", [False, True])
@pytest.mark.parametrize("given", ["{}", [], None, 5, ToolSpecification])
def test_input_schema_is_a_dict(given: Any, tagged: bool) -> None:
    """Text or a class is no schema, and the message says so; below boto3's `json`, too."""
    given = {"json": given} if tagged else given
    with pytest.raises(ValidationError, match="takes a JSON Schema as a dict"):
        ToolSpecification(name="n", input_schema=given)
