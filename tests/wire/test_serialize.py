"""Request model -> path, headers, body: large ones in pieces, extra members added, and nothing wrong gets through."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import weakref
from typing import Any

import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire.generate import BY_NAME, SERVICE, complete, same_json

from bedrock_converse._wire.pieces import BLOB_SLICE, PIECE
from bedrock_converse._wire.serialize import (
    LARGE_BODY,
    MAX_LABEL,
    Body,
    WireRequest,
    check_header,
    serialize,
)
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types import (
    ApplyGuardrailRequest,
    ConverseRequest,
    DocumentBlock,
    ImageBlock,
    InferenceConfiguration,
    InvokeModelRequest,
    InvokeModelWithResponseStreamRequest,
    JsonBlock,
    Model,
    RedactedReasoning,
    ToolResultBlock,
    UnknownBlock,
    assistant,
    user,
)
from bedrock_converse.types.base import to_camel


def body_of(wire: WireRequest) -> bytes:
    wire.body.encode()
    return b"".join(wire.body.pieces)


def written(request: Model, *, large: bool) -> bytes | RequestInvalid:
    """What becomes of a request when it counts as large, or as small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bedrock_converse._wire.serialize.LARGE_BODY", -1 if large else 1 << 40)
        patch.setattr("bedrock_converse._wire.pieces.WORTH_A_TOKEN", 40)
        patch.setattr("bedrock_converse._wire.pieces.PIECE", 60)
        try:
            return body_of(serialize(request))
        except RequestInvalid as error:
            return error


def converse(*content: Any, **members: Any) -> ConverseRequest:
    return ConverseRequest(model_id="m", messages=[user(*content)], **members)


def image(data: Any) -> ImageBlock:
    return ImageBlock(format="png", source=data)


def late_image(data: Any) -> ImageBlock:
    """An image whose bytes were put in after it was made: they are no copy of our own."""
    block = image(b"")
    block.source = data
    return block


def plain_dump(request: Model) -> Any:
    """The body as pydantic alone writes it."""
    return json.loads(request.model_dump_json(by_alias=True, exclude_none=True, exclude={"model_id"}))


class TestBody:
    @pytest.mark.parametrize(
        "size",
        [
            *(0, 1, 2, 3, 1000, LARGE_BODY // 4 * 3 - 1000),
            *(LARGE_BODY // BLOB_SLICE * BLOB_SLICE + more for more in (-1, 0, 1, 2, 3, BLOB_SLICE - 1)),
        ],
    )
    def test_a_blob_of_any_size(self, size: int) -> None:
        """Written at once or in pieces, the body is the same JSON."""
        data = bytes(range(256)) * (size // 256 + 1)
        request = converse("before", image(data[:size]), "after")
        body = serialize(request).body
        body.encode()
        joined = b"".join(body.pieces)
        assert json.loads(joined) == plain_dump(request)
        assert body.length == len(joined)
        assert body.sha256 == hashlib.sha256(joined).hexdigest()
        assert (
            base64.b64decode(json.loads(joined)["messages"][0]["content"][1]["image"]["source"]["bytes"]) == data[:size]
        )

    @settings(max_examples=examples(40), deadline=None)
    @given(sizes=st.lists(st.sampled_from([0, 1, 100, BLOB_SLICE, BLOB_SLICE + 1, LARGE_BODY]), max_size=5))
    def test_any_number_of_blobs(self, sizes: list[int]) -> None:
        """Each where it belongs, in messages, tool results, documents and reasoning."""
        data = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
        blocks = [
            [image(one), DocumentBlock(name="d", source=one), ToolResultBlock(tool_use_id="a", content=[image(one)])][
                size % 3
            ]
            for size, one in zip(sizes, data, strict=True)
        ]
        request = ConverseRequest(
            model_id="m", messages=[user(*blocks), assistant(*[RedactedReasoning(one) for one in data])]
        )
        wire = serialize(request)
        assert json.loads(body_of(wire)) == plain_dump(request)
        assert wire.body.length == len(body_of(wire))

    @pytest.mark.parametrize(
        "content",
        [
            *("x" * 3_000_000, '"\n\u2028' * 200_000, "é" * 1_000_000, "\U0001f642" * 600_000),
            image(b"x" * 2_000_000),
            ToolResultBlock(tool_use_id="t", content=[JsonBlock({"rows": [{"a": 1, "b": ["x"]}] * 30_000})]),
            ToolResultBlock(tool_use_id="t", content=[JsonBlock({str(key): None for key in range(30_000)})]),
        ],
        ids=["text", "text with escapes", "letters", "emoji", "blob", "rows", "keys"],
    )
    def test_large_bodies_are_written_in_small_steps(self, content: Any) -> None:
        """Nothing of a large body is done before `encode`, and that does little at a time."""
        request = converse(content)
        body = serialize(request).body
        assert body.large
        assert not body.length
        body.encode()
        assert max(map(len, body.pieces)) <= 8 * PIECE
        assert json.loads(b"".join(body.pieces)) == plain_dump(request)
        assert body.length == len(b"".join(body.pieces))
        assert body.sha256 == hashlib.sha256(b"".join(body.pieces)).hexdigest()

    def test_many_small_things_are_large(self) -> None:
        """No blob and no text is long here, but together they are."""
        assert serialize(converse(*[image(b"x" * 60_000) for _ in range(20)])).body.large
        assert serialize(converse(*["x" * 1000] * 1000)).body.large
        assert serialize(converse(ToolResultBlock(tool_use_id="t", content=[JsonBlock([1] * 10_000)]))).body.large
        assert serialize(converse("hi"), extra_fields={"new": ["x" * 1000] * 1000}).body.large

    def test_a_large_body_lets_go_of_the_request(self) -> None:
        """Once it is written, nothing keeps the request, its images and documents alive."""
        request = converse(image(b"x" * LARGE_BODY))
        wire = serialize(request)
        gone = weakref.ref(request)
        wire.body.encode()
        del request
        assert gone() is None

    def test_a_document_that_changes_meanwhile(self) -> None:
        """Other tasks go on while a thread writes: what they pull away is a typed error, too."""

        class Growing(dict[str, Any]):
            def items(self) -> Any:
                for number in range(3):
                    for pair in super().items():
                        self[f"new {number}"] = "x" * PIECE
                        yield pair

        block = ToolResultBlock(tool_use_id="t", content=[JsonBlock({"a": Growing(a="x" * LARGE_BODY)})])
        body = serialize(converse(block)).body
        with pytest.raises(RequestInvalid, match="was changed by another task or thread"):
            body.encode()

    @pytest.mark.parametrize("size", [100, LARGE_BODY])
    @pytest.mark.parametrize("kind", ["bytearray", "memoryview", "not contiguous", "numbers", "rows"])
    def test_other_buffers(self, kind: str, size: int) -> None:
        """Whatever shape a buffer has, its bytes are sent."""
        size -= size % 4
        data = bytes(range(256)) * (size // 256 + 1)
        buffers: dict[str, tuple[Any, bytes]] = {
            "bytearray": (bytearray(data[:size]), data[:size]),
            "memoryview": (memoryview(data)[:size], data[:size]),
            "not contiguous": (memoryview(data * 2)[: 2 * size : 2], (data * 2)[: 2 * size : 2]),
            "numbers": (memoryview(data[:size]).cast("I"), data[:size]),
            "rows": (memoryview(data[:size]).cast("B", shape=[2, size // 2]), data[:size]),
        }
        value, expected = buffers[kind]
        sent = json.loads(body_of(serialize(converse(late_image(value)))))
        assert base64.b64decode(sent["messages"][0]["content"][0]["image"]["source"]["bytes"]) == expected

    def test_a_released_buffer_is_refused(self) -> None:
        """Its bytes are gone."""
        view = memoryview(b"x")
        view.release()
        for more in ("", "x" * LARGE_BODY):
            with pytest.raises(RequestInvalid):
                serialize(converse(late_image(view), more))

    def test_large(self) -> None:
        """What is worth a thread is told before anything is encoded."""
        assert not serialize(converse("hi")).body.large
        assert serialize(converse(image(b"x" * LARGE_BODY))).body.large

    def test_encoding_again_changes_nothing(self) -> None:
        """A retry uses the same pieces."""
        body = Body(lambda: [b"a", b"b"])
        body.encode()
        pieces = body.pieces
        body.encode()
        assert body.pieces is pieces

    def test_an_empty_body_has_a_hash(self) -> None:
        """InvokeModel without a body: SigV4 still wants the hash of nothing."""
        body = serialize(InvokeModelRequest(model_id="m")).body
        body.encode()
        assert (body.length, body.sha256) == (0, hashlib.sha256(b"").hexdigest())

    def test_base64_is_the_standard_alphabet(self) -> None:
        """AWS rejects the URL-safe one."""
        assert b'"+/8="' in body_of(serialize(converse(image(b"\xfb\xff"))))


class TestPath:
    def test_an_arn_is_one_segment(self) -> None:
        """Slashes and colons of an ARN are encoded."""
        request = ConverseRequest(model_id="arn:aws:bedrock:us-east-1:1:prompt/A:1")
        assert serialize(request).path == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprompt%2FA%3A1/converse"

    def test_two_labels(self) -> None:
        """A guardrail's id and version."""
        request = ApplyGuardrailRequest(
            guardrail_identifier="g/1", guardrail_version="DRAFT", source="INPUT", content=[]
        )
        assert serialize(request).path == "/guardrail/g%2F1/version/DRAFT/apply"
        assert json.loads(body_of(serialize(request))) == {"source": "INPUT", "content": []}

    @pytest.mark.parametrize(
        "bad", ["", "  ", ".", "..", "a\0b", "a\nb", "a\x7fb", "a\x85b", "x" * (MAX_LABEL + 1), "\udc80"]
    )
    @pytest.mark.parametrize("label", ["guardrail_identifier", "guardrail_version"])
    def test_hostile_labels(self, label: str, bad: str) -> None:
        """What would name another path, or no path, is refused by name."""
        members = {"guardrail_identifier": "g", "guardrail_version": "1", "source": "INPUT", "content": []}
        request = ApplyGuardrailRequest.model_validate(members | {label: bad})
        with pytest.raises(RequestInvalid) as caught:
            serialize(request)
        assert caught.value.path == {"guardrail_identifier": "guardrailIdentifier"}.get(label, "guardrailVersion")

    @pytest.mark.parametrize("good", ["...", "..a", "a..", "~", "%", "%2e%2e", "é", "x" * MAX_LABEL])
    def test_odd_but_harmless_labels(self, good: str) -> None:
        """One segment, which decodes to the id."""
        path = serialize(ConverseRequest(model_id=good)).path
        assert path.count("/") == 3


class TestHeaders:
    def test_invoke_model(self) -> None:
        """All members but id and body are headers; without a content type it is JSON, AWS's default."""
        request = InvokeModelRequest(model_id="m", body=b"{}", accept="image/png", trace="ENABLED", service_tier="flex")
        assert serialize(request).headers == {
            "Content-Type": "application/json",
            "Accept": "image/png",
            "X-Amzn-Bedrock-Trace": "ENABLED",
            "X-Amzn-Bedrock-Service-Tier": "flex",
        }
        other = InvokeModelWithResponseStreamRequest(model_id="m", body=b"x", accept="a/b", content_type="c/d")
        assert serialize(other).headers == {"Content-Type": "c/d", "X-Amzn-Bedrock-Accept": "a/b"}

    @pytest.mark.parametrize("body", [b"\x00\xff", bytearray(b"ab"), memoryview(b"ab"), b""])
    def test_the_body_goes_as_it_is(self, body: Any) -> None:
        """Bytes, whatever they are."""
        request = InvokeModelRequest(model_id="m")
        request.body = body
        assert body_of(serialize(request)) == bytes(body)

    @pytest.mark.parametrize("value", ["", "a b\tc", "~!@#$%^&*()"])
    def test_harmless_values(self, value: str) -> None:
        """Printable ASCII, blanks and tabs."""
        check_header("X-Team", value)

    @pytest.mark.parametrize(
        "value",
        [
            *("CANARY\r\nx: y", "CANARY\n", "CANARY\r", "CANARY\0", "CANARY\x7f", "CANARYé", 5, b"CANARY", None),
            *(" CANARY", "CANARY ", "\tCANARY", "CANARY\t", " ", "\t"),
        ],
    )
    def test_hostile_values(self, value: Any) -> None:
        """What would begin another header, or does not fit into one, is refused and not shown."""
        with pytest.raises(RequestInvalid) as caught:
            check_header("X-Team", value)
        assert "X-Team" in caught.value.path
        assert "CANARY" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\n", "é", "x\n", 5, None, b"x"])
    def test_hostile_names(self, name: Any) -> None:
        """A name is a token of HTTP."""
        with pytest.raises(RequestInvalid):
            check_header(name, "x")


class TestExtraFields:
    def sent(self, extra: Any, **members: Any) -> Any:
        return json.loads(body_of(serialize(converse("hi", **members), extra_fields=extra)))

    def test_they_are_added(self) -> None:
        """Any JSON under any new name, keys untouched."""
        extra = {"newMember": {"some_key": [1, None, "ü"]}, "flag": False}
        assert self.sent(extra) == {"messages": [{"role": "user", "content": [{"text": "hi"}]}], **extra}
        assert json.loads(body_of(serialize(ConverseRequest(model_id="m"), extra_fields=extra))) == extra

    def test_none_given(self) -> None:
        """Nothing is added by nothing."""
        assert self.sent({}) == self.sent(None)

    def test_with_a_large_blob(self) -> None:
        """They stand behind what was written in pieces."""
        request = converse(image(b"x" * LARGE_BODY))
        sent = json.loads(body_of(serialize(request, extra_fields={"new": 1})))
        assert sent == {**plain_dump(request), "new": 1}

    def test_a_known_member_that_was_not_given(self) -> None:
        """By its wire name it goes as it is: a way around this library's types."""
        assert self.sent({"inferenceConfig": {"brandNew": 1}})["inferenceConfig"] == {"brandNew": 1}

    @pytest.mark.parametrize(
        ("extra", "path", "problem"),
        [
            ({"messages": []}, "extra_fields.messages", "also given"),
            ({"system": []}, "extra_fields.system", "also given"),
            ({"modelId": "x"}, "extra_fields.modelId", "also given"),
            ({"model_id": "x"}, "extra_fields.model_id", "also given"),
            ({"inferenceConfig": {}}, "extra_fields.inferenceConfig", "also given"),
            ({"inference_config": {}}, "extra_fields.inference_config", "also given"),
            ({"tool_config": {}}, "extra_fields.tool_config", "'toolConfig' on the wire"),
            ({"a": {"b": [math.nan]}}, "extra_fields.a.b[0]", "nan"),
            ({"a": {1: 2}}, "extra_fields.a", "int"),
            ({"a": (1,)}, "extra_fields.a", "list"),
            ({"a": b"x"}, "extra_fields.a", "bytes"),
            ({"a": InferenceConfiguration(max_tokens=1)}, "extra_fields.a", "InferenceConfiguration"),
            ({"a": "\ud800"}, "extra_fields.a", "surrogate"),
            ({"\ud800": 1}, "extra_fields", "key"),
            ({5: 1}, "extra_fields", "key"),
            ([("a", 1)], "extra_fields", "takes a dict, not list"),
            ("text", "extra_fields", "takes a dict, not str"),
        ],
    )
    def test_what_is_refused(self, extra: Any, path: str, problem: str) -> None:
        """A member given twice under either name, and what JSON cannot hold."""
        with pytest.raises(RequestInvalid) as caught:
            self.sent(extra, system=["x"], inference_config={"maxTokens": 1})
        assert caught.value.path == path
        assert problem in caught.value.problem

    def test_what_json_brought_counts_as_given(self) -> None:
        """A request read from JSON keeps members that nobody knows; no key is ever written twice."""
        request = ConverseRequest.model_validate_json(b'{"modelId": "m", "newMember": 1}')
        assert json.loads(body_of(serialize(request))) == {"newMember": 1}
        with pytest.raises(RequestInvalid, match="also given"):
            serialize(request, extra_fields={"newMember": 2})

    def test_not_with_a_raw_body(self) -> None:
        """InvokeModel's body belongs to the model."""
        with pytest.raises(RequestInvalid, match="InvokeModel sends its body as it is"):
            serialize(InvokeModelRequest(model_id="m", body=b"{}"), extra_fields={"a": 1})


# --- whatever is put into a request -----------------------------------------------------------------------------------

NESTED: list[Any] = []
NESTED.append(NESTED)
JUNK = st.sampled_from(
    [
        *(
            None,
            True,
            0,
            -1,
            10**400,
            1.5,
            math.nan,
            math.inf,
            "",
            "x",
            "\ud800",
            b"",
            b"x",
            bytearray(b"x"),
            [],
            [None],
        ),
        *({}, {"text": "x"}, {1: 2}, {"\ud800": "x"}, {"a": math.nan}, (), (1,), {1}, object(), object, NESTED, [[]]),
        *(["x"], [b"x"], ["\ud800"], user("x"), [user("x")], image(b"x"), [image(b"x")], UnknownBlock("new", {"a": 1})),
        *(
            UnknownBlock("text", 5),
            [UnknownBlock("image", {})],
            JsonBlock({"a": {1}}),
            RedactedReasoning(b"x"),
            lambda: 1,
        ),
        *(ConverseRequest(model_id="x"), memoryview(b"abcd")[::2]),
        *("long " * 10, b"long " * 10, ["long " * 10], {"long": "long " * 10}, "half an emoji is \ud800 " * 10),
        *(JsonBlock(["long " * 10] * 3), {"long " * 10: math.nan}, {"a": [b"long " * 10]}, ["half \ud800"] * 10),
    ]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place below a model where something could be put: (container, name, index or key)."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, Model):
        for name in type(value).model_fields:
            found += [(value, name), *places(getattr(value, name))]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += [(value, index), *places(item)]
    elif isinstance(value, dict):
        for key, item in value.items():
            found += [(value, key), *places(item)]
    return found


@settings(max_examples=examples(1500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_anything_put_anywhere(data: st.DataObject) -> None:
    """A complete request with junk put into it goes out as JSON that reads as it does, or is RequestInvalid."""
    name = data.draw(st.sampled_from(sorted(BY_NAME)))
    arguments = complete(SERVICE.operation_model(name).input_shape, data.draw(st.integers(0, 5)), wire=False)
    request = BY_NAME[name].request.model_validate(arguments)
    container, where = data.draw(st.sampled_from(places(request)))
    junk = data.draw(JUNK)
    if isinstance(container, Model):
        setattr(container, where, junk)
    else:
        container[where] = junk
    body = written(request, large=False)
    in_pieces = written(request, large=True)
    if isinstance(body, RequestInvalid):
        assert isinstance(in_pieces, RequestInvalid)
        assert (in_pieces.path, in_pieces.problem) == (body.path, body.problem)
    else:
        assert in_pieces == body
        if BY_NAME[name].payload is None:
            labels = {to_camel(label): getattr(request, label) for label in BY_NAME[name].labels}
            sent = json.loads(body, parse_constant=lambda constant: pytest.fail(f"{constant} was sent"))
            again = type(request).model_validate_json(json.dumps(sent | labels))
            # an UnknownBlock may have become a known one, and where None left out a fixed value it is filled in again
            assert again == request or junk is None or "UnknownBlock" in repr(junk)


def test_equal_models_give_equal_bytes() -> None:
    """The same request twice is the same body: a retry's signature and AWS's cache rely on it."""
    arguments = complete(SERVICE.operation_model("Converse").input_shape, 0, wire=False)
    bodies = [body_of(serialize(ConverseRequest.model_validate(arguments))) for _ in range(2)]
    assert bodies[0] == bodies[1]
    assert same_json(json.loads(bodies[0]), json.loads(bodies[1]))
