"""Every way to write a wrong request: refused before anything is sent, with its place and without the user's words."""

from __future__ import annotations

import decimal
import math
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_converse import types
from bedrock_converse._wire.diagnose import find_problem
from bedrock_converse._wire.serialize import serialize
from bedrock_converse.errors import RequestInvalid
from bedrock_converse.types import (
    ConverseRequest,
    DocumentBlock,
    ImageBlock,
    InferenceConfiguration,
    InvokeModelRequest,
    JsonBlock,
    Message,
    ToolResultBlock,
    ToolUseBlock,
    UnknownBlock,
    assistant,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "CANARY-the-users-own-words"
HALF = CANARY + "\ud800"
BLOCK = "messages[0].content[0]"


def request(**members: Any) -> ConverseRequest:
    return ConverseRequest(model_id="m", messages=[user(CANARY)], **members)


def changed(change: Callable[[ConverseRequest], object], **members: Any) -> ConverseRequest:
    """A request that was valid when it was made."""
    made = request(**members)
    change(made)
    return made


def assigned(name: str, value: Any, **members: Any) -> ConverseRequest:
    return changed(lambda made: setattr(made, name, value), **members)


def content(*blocks: Any) -> ConverseRequest:
    """Content that was put into the message after it was made."""
    return changed(lambda made: setattr(made.messages[0], "content", list(blocks)))


def tool_input(value: Any) -> ConverseRequest:
    return ConverseRequest(model_id="m", messages=[assistant(ToolUseBlock(tool_use_id="a", name="b", input=value))])


def late(block: Any, name: str, value: Any) -> Any:
    """A block with a member assigned after it was made."""
    setattr(block, name, value)
    return block


def nested(depth: int) -> Any:
    value: Any = CANARY
    for _ in range(depth):
        value = {"a": [value]}
    return value


def cycle() -> Any:
    value: dict[str, Any] = {"text": CANARY}
    value["a"] = [value]
    return value


def own_content() -> ConverseRequest:
    made = request()
    block = ToolResultBlock(tool_use_id="a", content=["x"])
    block.content.append(block)  # type: ignore[arg-type]
    made.messages[0].content.append(block)  # type: ignore[index,union-attr]
    return made


def written(*blocks: dict[str, Any]) -> ConverseRequest:
    """Content as boto3 takes it."""
    return ConverseRequest.model_validate({"modelId": "m", "messages": [{"role": "user", "content": list(blocks)}]})


IMAGE = ImageBlock(format="png", source=b"x")

# what is wrong: how to make it, where it is, what is said about it
WRONG: dict[str, tuple[Callable[[], Any], str, str]] = {
    # members that nobody knows
    "unknown member": (lambda: request(temprature=1), "temprature", "is not a member of ConverseRequest"),
    "unknown member, nearly right": (lambda: request(toolConfg=CANARY), "toolConfg", "did you mean 'toolConfig'?"),
    "unknown member, set": (lambda: assigned("tolerance", 1), "tolerance", "not a member"),
    "unknown member, copied": (lambda: request().model_copy(update={"tone": CANARY}), "tone", "not a member"),
    "unknown member, deep": (
        lambda: written({"toolUse": {"toolUseId": "a", "name": CANARY, "input": {}, "inptu": 1}}),
        f"{BLOCK}.toolUse.inptu",
        "did you mean 'input'?",
    ),
    "unknown member in a config": (
        lambda: request(inference_config={"maxTokns": 5}),
        "inferenceConfig.maxTokns",
        "did you mean 'maxTokens'?",
    ),
    "unknown member of InvokeModel": (lambda: InvokeModelRequest(model_id="m", bdy=b""), "bdy", "did you mean 'body'?"),
    # tags and roles
    "unknown tag": (lambda: written({"txt": CANARY}), BLOCK, "did you mean 'text'?"),
    "unknown tag of a source": (
        lambda: written({"image": {"format": "png", "source": {"byts": b"x"}}}),
        f"{BLOCK}.image.source",
        "did you mean 'bytes'?",
    ),
    "unknown tag below a tag": (lambda: written({"reasoningContent": {"redacted": b"x"}}), BLOCK, "'redactedContent'?"),
    "unknown role": (
        lambda: ConverseRequest(model_id="m", messages=[{"role": "uesr", "content": [CANARY]}]),
        "messages[0].role",
        "'uesr'; did you mean 'user'?",
    ),
    "prompt as role": (
        lambda: changed(lambda made: setattr(made.messages[0], "role", CANARY)),
        "messages[0].role",
        "AWS knows",
    ),
    "UnknownBlock with bytes": (lambda: content(UnknownBlock("new", {"a": b"x"})), f"{BLOCK}.new.a", "bytes"),
    "UnknownBlock with NaN": (
        lambda: content(UnknownBlock(("new", "er"), {"a": math.nan})),
        f"{BLOCK}.new.er.a",
        "nan",
    ),
    "UnknownBlock with a strange tag": (lambda: content(UnknownBlock("a\ud800", CANARY)), BLOCK, "tag"),
    "UnknownBlock with no str": (lambda: content(UnknownBlock((1,), CANARY)), BLOCK, "tag"),  # type: ignore[arg-type]
    "UnknownBlock that is known": (
        lambda: content(UnknownBlock("toolUse", {"input": CANARY})),
        f"{BLOCK}.toolUse",
        "toolUseId",
    ),
    # values of the wrong type, assigned later
    "messages is a str": (lambda: assigned("messages", CANARY), "messages", "takes a list, not str"),
    "messages is a message": (lambda: assigned("messages", user(CANARY)), "messages", "takes a list, not Message"),
    "messages is a tuple": (lambda: assigned("messages", (user(CANARY),)), "messages", "takes a list, not tuple"),
    "messages has a dict": (
        lambda: assigned("messages", [{"role": "user", "content": [{"text": CANARY}]}]),
        "messages[0]",
        "takes Message, not dict (what is assigned after construction is not converted)",
    ),
    "messages has a block": (
        lambda: assigned("messages", [ToolUseBlock(tool_use_id="a", name=CANARY, input={})]),
        "messages[0]",
        "takes Message, not ToolUseBlock",
    ),
    "messages has None": (lambda: assigned("messages", [None]), "messages[0]", "takes Message, not NoneType"),
    "messages has itself": (lambda: changed(lambda made: made.messages.append(made.messages)), "messages[1]", "list"),
    "config is a dict": (lambda: assigned("inference_config", {"maxTokens": 1}), "inferenceConfig", "not dict"),
    "config is another model": (
        lambda: assigned("inference_config", request()),
        "inferenceConfig",
        "not ConverseRequest",
    ),
    "content is a str": (
        lambda: changed(lambda made: setattr(made.messages[0], "content", CANARY)),
        "messages[0].content",
        "takes a list, not str",
    ),
    "content has bytes": (lambda: content(CANARY.encode()), BLOCK, "takes no bare bytes"),
    "content has a number": (lambda: content(5), BLOCK, "not int"),
    "content has None": (lambda: content(None), BLOCK, "not NoneType"),
    "content has a list": (lambda: content([CANARY]), BLOCK, "not list"),
    "content has a dict": (lambda: content({"text": CANARY}), BLOCK, "not dict"),
    "content has a message": (lambda: content(user(CANARY)), BLOCK, "not Message"),
    "content has itself": (own_content, "messages[0].content[1].toolResult.content[1]", "not ToolResultBlock"),
    "a role that is a number": (
        lambda: changed(lambda made: setattr(made.messages[0], "role", 5)),
        "messages[0].role",
        "string",
    ),
    "a member that is gone": (
        lambda: changed(lambda made: delattr(made.messages[0], "role")),
        "messages[0].role",
        "is missing",
    ),
    "a role that is None": (
        lambda: changed(lambda made: setattr(made.messages[0], "role", None)),
        "messages[0].role",
        "is missing",
    ),
    "a member that never was": (
        lambda: assigned("messages", [Message.model_construct(role="user")]),
        "messages[0].content",
        "is missing",
    ),
    "max_tokens is a float": (
        lambda: request(inference_config=late(InferenceConfiguration(), "max_tokens", 1.5)),
        "inferenceConfig.maxTokens",
        "integer",
    ),
    "max_tokens is a str": (
        lambda: request(inference_config=late(InferenceConfiguration(), "max_tokens", "5")),
        "inferenceConfig.maxTokens",
        "integer",
    ),
    "temperature is a str": (
        lambda: request(inference_config=late(InferenceConfiguration(), "temperature", CANARY)),
        "inferenceConfig.temperature",
        "number",
    ),
    "stop_sequences is a str": (
        lambda: request(inference_config=late(InferenceConfiguration(), "stop_sequences", CANARY)),
        "inferenceConfig.stopSequences",
        "list",
    ),
    "stop_sequences has a number": (
        lambda: request(inference_config=late(InferenceConfiguration(), "stop_sequences", [CANARY, 1])),
        "inferenceConfig.stopSequences[1]",
        "string",
    ),
    "stop_sequences has None": (
        lambda: request(inference_config=late(InferenceConfiguration(), "stop_sequences", [None])),
        "inferenceConfig.stopSequences[0]",
        "string",
    ),
    "metadata has None": (lambda: assigned("request_metadata", {"a": None}), "requestMetadata.a", "string"),
    "metadata has a number": (lambda: assigned("request_metadata", {"a": 1}), "requestMetadata.a", "string"),
    "metadata is a list": (lambda: assigned("request_metadata", [CANARY]), "requestMetadata", "takes a dict, not list"),
    "a blob is a str": (
        lambda: content(late(ImageBlock(format="png", source=b"x"), "source", CANARY)),
        f"{BLOCK}.image.source",
        "a blob takes bytes, not str",
    ),
    "a blob is a number": (
        lambda: content(late(ImageBlock(format="png", source=b"x"), "source", 5)),
        f"{BLOCK}.image.source",
        "not int",
    ),
    # numbers and text that JSON or UTF-8 cannot hold
    "temperature is NaN": (
        lambda: request(inference_config=late(InferenceConfiguration(), "temperature", math.nan)),
        "inferenceConfig.temperature",
        "nan",
    ),
    "top_p is infinite": (
        lambda: request(inference_config=late(InferenceConfiguration(), "top_p", -math.inf)),
        "inferenceConfig.topP",
        "-inf",
    ),
    "half an emoji": (lambda: content(HALF), f"{BLOCK}.text", "lone surrogate"),
    "half an emoji in a name": (
        lambda: content(DocumentBlock(name=HALF, source=b"x")),
        f"{BLOCK}.document.name",
        "lone surrogate",
    ),
    "half an emoji in a stop sequence": (
        lambda: request(inference_config={"stopSequences": ["x", HALF]}),
        "inferenceConfig.stopSequences[1]",
        "lone surrogate",
    ),
    "half an emoji in metadata": (lambda: request(request_metadata={"a": HALF}), "requestMetadata.a", "lone surrogate"),
    "half an emoji as a key": (lambda: request(request_metadata={HALF: "a"}), "requestMetadata", "key"),
    "half an emoji as a variable": (lambda: request(prompt_variables={HALF: "a"}), "promptVariables", "key"),
    # the user's own JSON
    "NaN in tool input": (lambda: tool_input({"a": [CANARY, math.nan]}), f"{BLOCK}.toolUse.input.a[1]", "nan"),
    "half an emoji in tool input": (
        lambda: tool_input({"a": [{"b": HALF}]}),
        f"{BLOCK}.toolUse.input.a[0].b",
        "surrogate",
    ),
    "half an emoji as a key in tool input": (lambda: tool_input({HALF: 1}), f"{BLOCK}.toolUse.input", "surrogate"),
    "a tuple in tool input": (lambda: tool_input({"a": (CANARY,)}), f"{BLOCK}.toolUse.input.a", "use a list"),
    "bytes in tool input": (lambda: tool_input({"a": CANARY.encode()}), f"{BLOCK}.toolUse.input.a", "bytes"),
    "a model in tool input": (lambda: tool_input({"a": user(CANARY)}), f"{BLOCK}.toolUse.input.a", "Message"),
    "a Decimal in tool input": (lambda: tool_input({"a": decimal.Decimal(1)}), f"{BLOCK}.toolUse.input.a", "Decimal"),
    "a key that is a number": (lambda: tool_input({"k": {1: CANARY}}), f"{BLOCK}.toolUse.input.k", "key of type int"),
    "tool input in itself": (lambda: tool_input(cycle()), f"{BLOCK}.toolUse.input.a[0].a[0]", "contains itself"),
    "tool input too deep": (lambda: tool_input(nested(150)), f"{BLOCK}.toolUse.input.a[0].a[0]", "200 levels"),
    "tool input far too deep": (lambda: tool_input(nested(5000)), f"{BLOCK}.toolUse.input.a[0].a[0]", "200 levels"),
    "NaN in a tool result": (
        lambda: content(ToolResultBlock(tool_use_id="a", content=[JsonBlock({"a": math.inf})])),
        f"{BLOCK}.toolResult.content[0].json.a",
        "inf",
    ),
    "NaN in a schema": (
        lambda: request(tool_config={"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {"a": math.nan}}}}]}),
        "toolConfig.tools[0].toolSpec.inputSchema.a",
        "nan",
    ),
    "a set in the model's fields": (
        lambda: request(additional_model_request_fields={"a": {CANARY}}),
        "additionalModelRequestFields.a",
        "set",
    ),
    # what goes into the path, headers and raw bodies
    "no model": (lambda: ConverseRequest(model_id=" "), "modelId", "empty"),
    "model id is None": (lambda: assigned("model_id", None), "modelId", "must be a str"),
    "model id is a list": (lambda: assigned("model_id", [CANARY]), "modelId", "must be a str, not list"),
    "model id never was": (lambda: ConverseRequest.model_construct(), "modelId", "must be a str"),
    "model id has half an emoji": (lambda: assigned("model_id", HALF), "modelId", "lone surrogate"),
    "body is a str": (lambda: late(InvokeModelRequest(model_id="m"), "body", CANARY), "body", "takes bytes, not str"),
    "body is a number": (lambda: late(InvokeModelRequest(model_id="m"), "body", 5), "body", "takes bytes, not int"),
    "body is a list": (lambda: late(InvokeModelRequest(model_id="m"), "body", [1]), "body", "takes bytes, not list"),
    "line break in a header": (
        lambda: InvokeModelRequest(model_id="m", request_metadata=f"a\r\nx-injected: {CANARY}"),
        "header X-Amzn-Bedrock-Request-Metadata",
        "line break",
    ),
    "header is a number": (
        lambda: late(InvokeModelRequest(model_id="m"), "accept", 5),
        "header Accept",
        "must be a str",
    ),
    "no request at all": (lambda: user(CANARY), "request", "Message is not the request of an operation"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_and_where(case: str) -> None:
    """RequestInvalid before anything is sent, with the place in the wire's names; nobody's words are in it."""
    make, path, problem = WRONG[case]
    wrong = make()
    with pytest.raises(RequestInvalid) as caught:
        serialize(wrong)
    error = caught.value
    if path.endswith("a[0].a[0]"):  # and so on
        assert error.path.startswith(path)
    else:
        assert error.path == path
    assert problem in error.problem
    assert len(str(error)) < 1000
    assert CANARY not in str(error) + repr(error) + repr(pickle.loads(pickle.dumps(error)))
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if "bedrock_converse/_wire" in frame.f_code.co_filename]
    assert ours
    assert CANARY not in repr([frame.f_locals for frame in ours])
    assert error.__context__ is None
    assert error.__cause__ is None
    assert isinstance(error, ValueError)
    assert not error.retryable


RIGHT: dict[str, Callable[[], Any]] = {
    "nothing but an id": lambda: ConverseRequest(model_id="m"),
    "words that look like numbers": lambda: content("NaN", "Infinity"),
    "a member without which AWS answered": lambda: ConverseRequest(
        model_id="m",
        messages=[
            Message.model_validate_json(b'{"role":"assistant","content":[{"image":{"format":"png"}},{"new":1}]}')
        ],
    ),
    "a role that AWS sent": lambda: ConverseRequest(
        model_id="m", messages=[Message.model_validate_json(b'{"role":"oracle","content":[],"mood":[1]}')]
    ),
    "a subclass of a model": lambda: ConverseRequest(
        model_id="m", messages=[type("Mine", (Message,), {})(role="user", content=["x"])]
    ),
    "a subclass of the request": lambda: type("Mine", (ConverseRequest,), {})(model_id="m"),
    "deep, but not too deep": lambda: tool_input(nested(95)),
    "None in a document": lambda: tool_input({"a": None, "b": [None]}),
    "a huge number": lambda: tool_input({"a": 10**300, "b": -(10**300), "c": 1e300}),
    "a block from the future": lambda: content(UnknownBlock("new", {"a": [1, None]})),
    "a block from the past": lambda: content(UnknownBlock("text", "x")),
}


@pytest.mark.parametrize("case", RIGHT)
def test_no_problem_where_there_is_none(case: str) -> None:
    """What is sent has no problem, also when something else made the search necessary."""
    right = RIGHT[case]()
    serialize(right)
    assert find_problem(right) is None


def test_a_long_path_is_cut() -> None:
    """A key may be as long as it likes; the error is still one line."""
    with pytest.raises(RequestInvalid) as caught:
        serialize(tool_input({"k" * 10_000: math.nan}))
    assert caught.value.path.startswith(f"{BLOCK}.toolUse.input.kkk")
    assert caught.value.path.endswith("...")
    assert len(str(caught.value)) < 400


def test_one_wrong_request_does_not_spoil_another() -> None:
    """A request with a typo is alive somewhere, and this one goes out, oddities of AWS's own included."""
    wrong = request(temprature=1)
    for make in RIGHT.values():
        serialize(make())
    assert wrong.model_extra == {"temprature": 1}


def test_every_public_union_says_what_it_takes() -> None:
    """A value of no known type in any union of the service is named by the union's own words."""
    wrong = request(tool_config={"tools": [{"cachePoint": {"type": "default"}}]})
    wrong.tool_config.tools[0] = types.InferenceConfiguration()  # type: ignore[union-attr,assignment]
    with pytest.raises(RequestInvalid, match="Tool takes ToolSpecification"):
        serialize(wrong)
