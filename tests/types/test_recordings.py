"""The types over recorded traffic: what goes in comes out as equal JSON, and botocore reads the same."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bedrock_converse import types
from bedrock_converse.types.parse import parse_json

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"
RECORDINGS = sorted(WIRE.glob("*.json"))
pytestmark = pytest.mark.skipif(not RECORDINGS, reason="the recordings are not here")

REQUESTS: dict[str, type[types.Model]] = {
    "Converse": types.ConverseRequest,
    "ConverseStream": types.ConverseStreamRequest,
    "CountTokens": types.CountTokensRequest,
    "ApplyGuardrail": types.ApplyGuardrailRequest,
}
RESPONSES: dict[str, Any] = {
    "Converse": types.ConverseResponse,
    "CountTokens": types.CountTokensResponse,
    "ApplyGuardrail": types.ApplyGuardrailResponse,
}


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def answered(path: Path) -> bool:
    """Whether a recording holds an answer in one piece."""
    recording = load(path)
    return recording["operation"] in RESPONSES and recording["response"]["status"] == 200


ANSWERS = [path for path in RECORDINGS if answered(path)]
REPLIES = [path for path in ANSWERS if load(path)["operation"] == "Converse"]


def read_answer(path: Path) -> Any:
    recording = load(path)
    body = base64.b64decode(recording["response"]["body_b64"])
    return parse_json(RESPONSES[recording["operation"]].model_validate_json, body)


def without_bytes_marker(value: Any) -> Any:
    """botocore's parse as it was: bytes are kept as `{"__bytes__": base64}`."""
    if isinstance(value, dict):
        if set(value) == {"__bytes__"}:
            return base64.b64decode(value["__bytes__"])
        return {key: without_bytes_marker(item) for key, item in value.items()}
    return [without_bytes_marker(item) for item in value] if isinstance(value, list) else value


def missing_or_different(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Where `actual` does not hold `expected`; members on top are fine."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            line
            for key, item in expected.items()
            for line in missing_or_different(item, actual.get(key, "(missing)"), f"{path}.{key}")
        ]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        return [line for index, (e, a) in pairs for line in missing_or_different(e, a, f"{path}[{index}]")]
    return [] if expected == actual and type(expected) is type(actual) else [f"{path}: {actual!r} is not {expected!r}"]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_request_dumps_to_equal_json(path: Path) -> None:
    """A recorded request goes in by the JSON door, and out as the JSON that it was."""
    recording = load(path)
    body = recording["request"]["body"]
    request = REQUESTS[recording["operation"]].model_validate_json(json.dumps(body))
    assert json.loads(request.model_dump_json(by_alias=True, exclude_none=True)) == body


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_boto3_shaped_request_dumps_to_equal_json(path: Path) -> None:
    """The same request as keyword arguments for boto3, blobs as bytes, goes in by the Python door."""
    recording = load(path)
    body = recording["request"]["body"]
    cls = REQUESTS[recording["operation"]]
    arguments = cls.model_validate_json(json.dumps(body)).model_dump(by_alias=True, exclude_unset=True)
    arguments |= {
        field.alias: "x" for field in cls.model_fields.values() if field.is_required() and field.alias not in body
    }
    request = cls.model_validate(arguments)
    dumped = json.loads(request.model_dump_json(by_alias=True, exclude_none=True))
    assert {key: value for key, value in dumped.items() if key in body} == body


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_answer_dumps_to_equal_json(path: Path) -> None:
    """A recorded answer comes out as the JSON that AWS sent: unknown members and nulls included."""
    body = base64.b64decode(load(path)["response"]["body_b64"])
    assert json.loads(read_answer(path).model_dump_json(by_alias=True, exclude_unset=True)) == json.loads(body)


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_answer_is_what_botocore_reads(path: Path) -> None:
    """`to_boto3()` holds all that botocore reads from the same answer."""
    expected = without_bytes_marker(load(WIRE / "expected" / path.name)["parsed"])
    expected.pop("ResponseMetadata", None)
    assert missing_or_different(expected, read_answer(path).to_boto3()) == []


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.stem)
def test_reply_can_be_sent_back(path: Path) -> None:
    """The model's message goes out in the next request as the JSON that it came in."""
    body = json.loads(base64.b64decode(load(path)["response"]["body_b64"]))
    request = types.ConverseRequest(model_id="m", messages=[types.user("hi"), read_answer(path).message])
    dumped = json.loads(request.model_dump_json(by_alias=True, exclude_none=True))
    assert dumped["messages"][1] == body["output"]["message"]


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_answer_can_be_stored(path: Path) -> None:
    """A dump, read again, is an equal answer."""
    answer = read_answer(path)
    assert type(answer).model_validate_json(answer.model_dump_json(by_alias=True, exclude_unset=True)) == answer
