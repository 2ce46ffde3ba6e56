"""Hypothesis strategies made from botocore's service model: boto3-shaped arguments, and answers as wire JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import strategies as st

from bedrock_converse._wire.operations import OPERATIONS

SERVICE = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime")
BY_NAME = {operation.name: operation for operation in OPERATIONS.values()}
UNARY = sorted(name for name, operation in BY_NAME.items() if not operation.streams)

STRINGS = st.sampled_from(
    [
        *("", " ", "x", "Hello", "NaN", "-Infinity", "null", "0", 'say "hi"', "\\", "a/b:c", "\x00\x1f\x7f", "\r\n"),
        *("Grüße", "世界", "🙂", "\u2028\u2029\ufeff", "e\u0301", "\uffff", "</script>", "toolUse", "__type", "p"),
    ]
)
TEXT = st.one_of(STRINGS, STRINGS, st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
PRINTABLE = st.text("".join(map(chr, range(33, 127))), min_size=1, max_size=12)
MODEL_IDS = st.one_of(
    st.sampled_from(
        [
            "amazon.nova-lite-v1:0",
            "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.x-v1:0",
            *("a/../b", "a%2Fb", "a#b?c", "..a", "~-._", "a b", "é"),
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
        lambda text: text.strip() and text not in (".", "..")
    ),
)
NUMBERS = st.one_of(st.integers(-(2**63), 2**64), st.floats(allow_nan=False, allow_infinity=False))
ATOMS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
DOCUMENTS = st.one_of(
    st.dictionaries(TEXT, st.one_of(ATOMS, st.lists(ATOMS, max_size=2), st.dictionaries(TEXT, ATOMS, max_size=2)))
    | st.lists(ATOMS, max_size=3)
    | st.booleans()
    | NUMBERS
    | TEXT
)
OBJECTS = st.dictionaries(TEXT, ATOMS, max_size=3)
SIMPLE = {
    "integer": st.integers(-(2**31), 2**31),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
}
BLOBS = st.binary(max_size=40)


class Generator:
    """Values of a shape: as Python for boto3, or (`wire`) as JSON that AWS might send, unknown members included."""

    def __init__(self, *, wire: bool) -> None:
        self.wire = wire
        self._strategies: dict[str, st.SearchStrategy[Any]] = {}

    def of(self, shape: Any, member: Any = None) -> st.SearchStrategy[Any]:
        """The strategy for a shape; `member` is the reference to it, which says where in the request it travels."""
        location = member.serialization.get("location") if member is not None else None
        if location == "uri":
            return MODEL_IDS
        if location == "header":
            return PRINTABLE
        if shape.name not in self._strategies:
            self._strategies[shape.name] = st.deferred(lambda: self._of(shape))
        return self._strategies[shape.name]

    def _of(self, shape: Any) -> st.SearchStrategy[Any]:
        kind = shape.type_name
        if shape.name == "ToolInputSchema":
            return OBJECTS.map(lambda schema: {"json": schema})
        if getattr(shape, "is_document_type", False):
            return DOCUMENTS
        if kind == "string":
            return st.sampled_from(shape.enum) if shape.enum else TEXT
        if kind == "blob":
            return BLOBS.map(lambda blob: base64.b64encode(blob).decode()) if self.wire else BLOBS
        if kind == "list":
            return st.lists(self.of(shape.member), min_size=1, max_size=3) | st.just([])
        if kind == "map":
            return st.dictionaries(TEXT, self.of(shape.value), max_size=2)
        if kind == "structure":
            return self._union(shape) if getattr(shape, "is_tagged_union", False) else self._structure(shape)
        return SIMPLE[kind]

    def _union(self, shape: Any) -> st.SearchStrategy[Any]:
        return st.one_of(
            [self.of(member, member).map(lambda value, tag=tag: {tag: value}) for tag, member in shape.members.items()]
        )

    def _structure(self, shape: Any) -> st.SearchStrategy[Any]:
        members = {name: self.of(member, member) for name, member in shape.members.items()}
        required = [name for name in members if name in shape.required_members]
        optional = [name for name in members if name not in shape.required_members]

        @st.composite
        def structure(draw: st.DrawFn) -> dict[str, Any]:
            chosen = draw(st.lists(st.sampled_from(optional), unique=True, max_size=3)) if optional else []
            value = {name: draw(members[name]) for name in [*required, *chosen]}
            if self.wire and draw(st.integers(0, 9)) == 0:
                value["aws" + "Added"] = draw(DOCUMENTS)
            return value

        return structure()


def complete(shape: Any, turn: int, *, wire: bool, member: Any = None) -> Any:
    """A value with every member there is; of a union every tag where it is in a list, else the one whose turn it is."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return {"a": [1, 2.5, None, True, {"b": "c"}]}
    if kind == "list":
        turns = range(len(shape.member.members)) if getattr(shape.member, "is_tagged_union", False) else [turn]
        return [complete(shape.member, each, wire=wire) for each in turns]
    if kind == "map":
        return {"key": complete(shape.value, turn, wire=wire)}
    if kind == "structure":
        names = list(shape.members)
        if getattr(shape, "is_tagged_union", False):
            names = [names[turn % len(names)]]
        return {name: complete(shape.members[name], turn, wire=wire, member=shape.members[name]) for name in names}
    if kind == "blob":
        return base64.b64encode(b"\xfb\xff\xfe").decode() if wire else b"\xfb\xff\xfe"
    if kind == "string":
        return shape.enum[turn % len(shape.enum)] if shape.enum else "text"
    return {"integer": 7, "long": 2**53 + 1, "float": 0.5, "double": 0.1, "boolean": turn % 2 == 0}[kind]


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An operation and boto3's arguments for it; Converse and its relatives most of the time."""
    name = draw(st.sampled_from([*BY_NAME, "Converse", "Converse", "ConverseStream", "CountTokens"]))
    return name, draw(ARGUMENTS.of(SERVICE.operation_model(name).input_shape))


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A unary operation with a JSON answer, and the JSON."""
    name = draw(st.sampled_from([name for name in UNARY if BY_NAME[name].payload is None] + ["Converse"] * 3))
    return name, draw(ANSWERS.of(SERVICE.operation_model(name).output_shape))


@st.composite
def events(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    """A streaming operation, the name of one of its events, and the event's JSON."""
    name, stream = draw(
        st.sampled_from([("ConverseStream", "stream")] * 4 + [("InvokeModelWithResponseStream", "body")])
    )
    shape = SERVICE.operation_model(name).output_shape.members[stream]
    kinds = [kind for kind, member in shape.members.items() if not member.metadata.get("exception")]
    kind = draw(st.sampled_from(kinds))
    return name, kind, draw(ANSWERS.of(shape.members[kind]))


ARGUMENTS = Generator(wire=False)
ANSWERS = Generator(wire=True)


def same_json(left: Any, right: Any) -> bool:
    """Equal as JSON: 1 is 1.0, but true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def extra_or_equal(expected: Any, actual: Any) -> bool:
    """`actual` holds all of `expected`; members on top are fine."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(key in actual and extra_or_equal(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(extra_or_equal, expected, actual))
    return expected == actual and isinstance(expected, bool) == isinstance(actual, bool)


def mutated(data: st.DataObject, value: Any) -> Any:
    """The JSON with one part of it replaced, dropped or doubled."""
    paths: list[tuple[Any, ...]] = []

    def walk(part: Any, path: tuple[Any, ...]) -> None:
        paths.append(path)
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, item in items:
            walk(item, (*path, key))

    walk(value, ())
    path = data.draw(st.sampled_from(paths))
    new = data.draw(
        st.one_of(ATOMS, OBJECTS, st.sampled_from([[], [None], {}, {"text": None}, {"text": "a", "image": {}}, [[]]]))
    )
    copy = json.loads(json.dumps(value))
    if not path:
        return new
    *front, last = path
    parent = copy
    for key in front:
        parent = parent[key]
    if data.draw(st.booleans()):
        parent[last] = new
    else:
        del parent[last]
    return copy
