"""The codecs over recorded traffic: requests as AWS saw them, answers as it sent them, and botocore's parse of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from wire.generate import BY_NAME, extra_or_equal, same_json
from wire.raw_frames import cut, decode

from bedrock_converse._wire.accumulate import Accumulator
from bedrock_converse._wire.deserialize import parse_error, parse_event, parse_response
from bedrock_converse._wire.serialize import serialize
from bedrock_converse.errors import AccessDeniedError, APIError, InvalidRequestError

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"
RECORDINGS = [(path, json.loads((WIRE / "expected" / path.name).read_text())) for path in sorted(WIRE.glob("*.json"))]
pytestmark = pytest.mark.skipif(not RECORDINGS, reason="the recordings are not here")


def of_kind(*kinds: str) -> Any:
    """The recordings of these kinds, as parameters: the recording and what botocore made of it."""
    chosen = [(path, expected) for path, expected in RECORDINGS if expected["kind"] in kinds]
    return pytest.mark.parametrize(("path", "expected"), chosen, ids=[path.stem for path, _ in chosen])


def load(path: Path) -> tuple[Any, int, dict[str, str], bytes]:
    """A recording: its operation, and the answer's status, headers and body."""
    recording = json.loads(path.read_text())
    response = recording["response"]
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return BY_NAME[recording["operation"]], response["status"], headers, base64.b64decode(response["body_b64"])


def with_bytes(value: Any) -> Any:
    """botocore's parse as it was: bytes are kept as `{"__bytes__": base64}`."""
    if isinstance(value, dict):
        if set(value) == {"__bytes__"}:
            return base64.b64decode(value["__bytes__"])
        return {key: with_bytes(item) for key, item in value.items()}
    return [with_bytes(item) for item in value] if isinstance(value, list) else value


@of_kind("response", "stream", "stream_error", "error")
def test_request(path: Path, expected: dict[str, Any]) -> None:
    """A recorded request, built again, has the recorded path and an equal body."""
    recorded = json.loads(path.read_text())["request"]
    operation = BY_NAME[expected["operation"]]
    segments = urlsplit(recorded["uri"]).path.split("/")[1:]
    labels = [unquote(part) for part, name in zip(segments, operation.path.split("/")[1:], strict=False) if "{" in name]
    if len(segments) != operation.path.count("/"):  # an ARN that the recorder wrote out, slashes and all
        labels = ["/".join(map(unquote, segments[1:-1]))]
    wire_names = [operation.request.model_fields[name].alias for name in operation.labels]
    members = recorded["body"] | dict(zip(wire_names, labels, strict=True))
    wire = serialize(operation.request.model_validate_json(json.dumps(members)))
    wire.body.encode()
    assert same_json(json.loads(b"".join(wire.body.pieces)), recorded["body"])
    assert wire.path == "/" + "/".join(
        quote(labels.pop(0), safe="-._~") if "{" in part else part for part in operation.path.split("/")[1:]
    )


@of_kind("response")
def test_response(path: Path, expected: dict[str, Any]) -> None:
    """A recorded answer is what botocore reads, unknown members on top, and comes out as the JSON that came in."""
    operation, status, headers, body = load(path)
    reply = parse_response(operation, status, headers, body)
    parsed = with_bytes(expected["parsed"])
    parsed.pop("ResponseMetadata", None)
    assert extra_or_equal(parsed, reply.to_boto3())
    assert same_json(json.loads(reply.model_dump_json(by_alias=True, exclude_unset=True)), json.loads(body))


@of_kind("stream", "stream_error")
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_stream(path: Path, expected: dict[str, Any], size: int) -> None:
    """Recorded frames, cut anywhere, give botocore's events without the padding, and end in its error."""
    operation, _, _, body = load(path)
    frames, broken = decode(cut(body, size))
    assert broken is None
    accumulator = Accumulator()
    events: list[Any] = []
    error: APIError | None = None
    for frame in frames:
        try:
            event: Any = parse_event(operation, frame)
        except APIError as raised:
            error = raised
            break
        accumulator.feed(event)
        payload = json.loads(frame.payload)
        payload.pop("p", None)
        assert same_json(json.loads(event.model_dump_json(by_alias=True, exclude_unset=True)), payload)
        events.append({frame.headers[":event-type"]: event.model_dump(by_alias=True, exclude_unset=True)})
    assert extra_or_equal(with_bytes(expected["events"]), events)
    assert accumulator.complete is (expected["kind"] == "stream")
    if expected["kind"] == "stream":
        assert error is None
        assert accumulator.response.stop_reason == next(
            event["messageStop"]["stopReason"] for event in events if "messageStop" in event
        )
    else:
        said = expected["stream_error"]
        assert error is not None
        assert (error.code or "").lower() == said["code"].lower()
        assert error.message == said["message"]


CLASSES = {"ValidationException": InvalidRequestError, "UnrecognizedClientException": AccessDeniedError}


@of_kind("error")
def test_error(path: Path, expected: dict[str, Any]) -> None:
    """A recorded refusal has the class, code, message, status and request id that AWS gave it."""
    _, status, headers, body = load(path)
    error = parse_error(status, headers, body)
    said = expected["error"]
    # botocore calls an answer without a type by its status: "400"; those recorders dropped x-amzn-ErrorType
    code = None if said["code"].isdigit() else said["code"]
    assert type(error) is CLASSES.get(said["code"], InvalidRequestError)
    assert (error.code, error.message) == (code, said["message"])
    assert (error.status_code, error.request_id) == (said["status"], said["request_id"])


@of_kind("stream_error")
def test_stream_error_has_the_class_that_it_has_over_http(path: Path, expected: dict[str, Any]) -> None:
    """The recorded exception frame is InvalidRequestError with status 400, as over HTTP."""
    operation, _, _, body = load(path)
    last = decode([body])[0][len(expected["events"])]
    with pytest.raises(InvalidRequestError) as caught:
        parse_event(operation, last)
    assert caught.value.code == "ValidationException"
    assert caught.value.status_code == 400
