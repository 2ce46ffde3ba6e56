"""The codecs against botocore, which is the oracle, over requests and answers generated from AWS's service model."""

from __future__ import annotations

import base64
import json
import pickle
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.auth
import httpx
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire.generate import (
    ANSWERS,
    ATOMS,
    BY_NAME,
    MODEL_IDS,
    SERVICE,
    TEXT,
    UNARY,
    answers,
    complete,
    events,
    extra_or_equal,
    mutated,
    requests,
    same_json,
)

from bedrock_converse._aws.credentials import Credentials
from bedrock_converse._aws.sigv4 import Signer
from bedrock_converse._http.retry import RetryPolicy, RetryQuota, decide
from bedrock_converse._wire.deserialize import parse_error, parse_event, parse_response
from bedrock_converse._wire.diagnose import find_problem
from bedrock_converse._wire.eventstream import Frame
from bedrock_converse._wire.serialize import WireRequest, serialize
from bedrock_converse.errors import APIError, EventStreamError, RequestInvalid, ResponseInvalid
from bedrock_converse.types.base import to_camel

VECTORS = Path(__file__).resolve().parents[2] / ".." / "shared" / "vectors" / "sigv4.json"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SERIALIZER = create_serializer("rest-json", False)
PARSER = create_parser("rest-json")
SIGNER = Signer()
GENERATED = settings(
    max_examples=examples(2000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def botocore_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore reads the clock itself; this puts NOW in its place."""
    if not hasattr(botocore.auth, "get_current_datetime"):
        pytest.skip("this botocore is too old to be the oracle")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))


def body_of(wire: WireRequest) -> bytes:
    wire.body.encode()
    return b"".join(wire.body.pieces)


def our_authorization(wire: WireRequest, endpoint: str, credentials: Credentials, region: str) -> str:
    parts = urlsplit(endpoint)
    wire.body.encode()
    added = SIGNER.sign(
        method=wire.method,
        host=parts.netloc,
        path=parts.path.rstrip("/") + wire.path,
        headers=wire.headers,
        payload_hash=wire.body.sha256,
        credentials=credentials,
        region=region,
        now=NOW,
    )
    return added["Authorization"]


def botocore_authorization(wire: WireRequest, endpoint: str, credentials: Credentials, region: str) -> str:
    url = endpoint.rstrip("/") + wire.path
    request = AWSRequest(method=wire.method, url=url, headers=wire.headers, data=body_of(wire))
    keys = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    botocore.auth.SigV4Auth(keys, "bedrock", region).add_auth(request)
    return request.headers["Authorization"]


def check_request(name: str, arguments: dict[str, Any]) -> None:
    """boto3's arguments give botocore's path, headers, body (equal as JSON) and signature."""
    operation = BY_NAME[name]
    expected = SERIALIZER.serialize_to_request(arguments, SERVICE.operation_model(name))
    model = operation.request.model_validate(arguments)
    wire = serialize(model)
    body = body_of(wire)
    assert (wire.method, wire.path) == (expected["method"], expected["url_path"])
    assert wire.body.length == len(body)
    if operation.payload:
        assert body == expected["body"]
        # botocore sends no Content-Type with a blob; AWS's default for it is JSON, and that is what goes out here
        assert wire.headers == {"Content-Type": "application/json"} | dict(expected["headers"])
    else:
        assert same_json(json.loads(body), json.loads(expected["body"]))
        assert wire.headers == dict(expected["headers"])
    signed = (wire, "https://bedrock-runtime.us-east-1.amazonaws.com", Credentials("AKIDEXAMPLE", "secret", "token"))
    assert our_authorization(*signed, "us-east-1") == botocore_authorization(*signed, "us-east-1")
    assert find_problem(model) is None  # what can be sent has no problem to be found


def check_answer(name: str, members: dict[str, Any]) -> None:
    """An answer is read as botocore reads it, unknown members on top, and comes out as the JSON that it was."""
    body = json.dumps(members).encode()
    response = {"status_code": 200, "headers": {}, "body": body}
    expected = PARSER.parse(response, SERVICE.operation_model(name).output_shape)
    expected.pop("ResponseMetadata")
    reply = parse_response(BY_NAME[name], 200, {}, body)
    assert extra_or_equal(expected, reply.to_boto3())
    assert same_json(json.loads(reply.model_dump_json(by_alias=True, exclude_unset=True)), members)


@GENERATED
@given(request=requests())
def test_generated_requests(botocore_clock: None, request: tuple[str, dict[str, Any]]) -> None:
    """Requests of any shape go out as botocore sends them."""
    check_request(*request)


@pytest.mark.parametrize("turn", range(6))
@pytest.mark.parametrize("name", BY_NAME)
def test_complete_requests(botocore_clock: None, name: str, turn: int) -> None:
    """A request with every member that AWS's model has."""
    check_request(name, complete(SERVICE.operation_model(name).input_shape, turn, wire=False))


@settings(GENERATED, max_examples=examples(500))
@given(answer=answers())
def test_generated_answers(answer: tuple[str, dict[str, Any]]) -> None:
    """Answers of any shape are read as botocore reads them."""
    check_answer(*answer)


@pytest.mark.parametrize("turn", range(6))
@pytest.mark.parametrize("name", [name for name in UNARY if BY_NAME[name].payload is None])
def test_complete_answers(name: str, turn: int) -> None:
    """An answer with every member that AWS's model has."""
    check_answer(name, complete(SERVICE.operation_model(name).output_shape, turn, wire=True))


@settings(GENERATED, max_examples=examples(500))
@given(answer=answers(), data=st.data())
def test_mutated_answers(answer: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    """Whatever AWS's JSON turns into, it is an answer or ResponseInvalid."""
    name, members = answer
    for _ in range(data.draw(st.integers(1, 3))):
        members = mutated(data, members) if isinstance(members, dict | list) else members
    body = json.dumps(members).encode()
    if data.draw(st.integers(0, 3)) == 0:
        at = data.draw(st.integers(0, len(body)))
        body = body[:at] + data.draw(st.binary(max_size=3)) + body[at + data.draw(st.integers(0, 3)) :]
    with suppress(ResponseInvalid):
        parse_response(BY_NAME[name], 200, {"content-type": "application/json"}, body)


@settings(GENERATED, max_examples=examples(600))
@given(event=events(), data=st.data())
def test_generated_and_mutated_events(event: tuple[str, str, dict[str, Any]], data: st.DataObject) -> None:
    """Events are read as botocore reads them; broken ones are our own errors, and never anything else."""
    name, kind, members = event
    operation = BY_NAME[name]
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    parsed: Any = parse_event(operation, Frame(headers, json.dumps({**members, "p": "abcdef"}).encode()))
    assert same_json(json.loads(parsed.model_dump_json(by_alias=True, exclude_unset=True)), members)
    output = SERVICE.operation_model(name).output_shape
    shape = next(member for member in output.members.values() if kind in getattr(member, "members", {}))
    stream_parser = PARSER._event_stream_parser
    expected = stream_parser._do_parse(
        {"headers": {"event-type": kind}, "body": json.dumps(members).encode(), "status_code": 200}, shape
    )
    assert extra_or_equal(expected.get(kind, {}), parsed.model_dump(by_alias=True, exclude_unset=True))
    broken = json.dumps(mutated(data, members)).encode()[: data.draw(st.integers(0, 400))]
    with suppress(ResponseInvalid, EventStreamError):
        parse_event(operation, Frame(headers, broken))


LABELS = st.one_of(
    MODEL_IDS,
    st.text(max_size=20),
    st.text("./%:\\#?;&=+ ~-_@é\x00\x7f\x85\u2028\ud800", max_size=12),
    st.integers(2040, 2060).map("x".__mul__),
)


@settings(GENERATED, max_examples=examples(500))
@given(
    request=st.one_of(
        st.tuples(st.just("Converse"), st.fixed_dictionaries({"modelId": LABELS})),
        st.tuples(
            st.just("ApplyGuardrail"),
            st.fixed_dictionaries({"guardrailIdentifier": LABELS, "guardrailVersion": LABELS}),
        ),
    )
)
def test_any_id_in_the_path(botocore_clock: None, request: tuple[str, dict[str, str]]) -> None:
    """Refused, or one segment each: as botocore encodes it, as it is signed, and as httpx sends it."""
    name, ids = request
    arguments: dict[str, Any] = {"source": "INPUT", "content": []} if name == "ApplyGuardrail" else {}
    model = BY_NAME[name].request.model_validate(dict.fromkeys(ids, "x") | arguments)
    for label in BY_NAME[name].labels:
        setattr(model, label, ids[to_camel(label)])
    if any(map(hostile, ids.values())):
        with pytest.raises(RequestInvalid) as caught:
            serialize(model)
        assert hostile(ids[caught.value.path])
        return
    wire = serialize(model)
    shape = SERVICE.operation_model(name)
    assert wire.path == SERIALIZER.serialize_to_request(ids | arguments, shape)["url_path"]
    template = shape.http["requestUri"].split("/")
    sent = dict(zip(template, map(unquote, wire.path.split("/")), strict=True))
    assert sent == {segment: ids.get(segment.strip("{}"), segment) for segment in template}
    assert httpx.URL(f"https://example.com{wire.path}").raw_path == wire.path.encode()
    signed = (wire, "https://bedrock-runtime.us-east-1.amazonaws.com", Credentials("AKIDEXAMPLE", "secret"))
    assert our_authorization(*signed, "us-east-1") == botocore_authorization(*signed, "us-east-1")


def hostile(label: str) -> bool:
    """What would name another path, break out of its line, or not be text; or is longer than AWS takes."""
    control = any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in label)
    surrogate = any("\ud800" <= letter <= "\udfff" for letter in label)
    return not label.strip() or label in (".", "..") or control or surrogate or len(label) > 2048


KNOWN = sorted({*BY_NAME} & {*SERVICE.operation_names})  # an old botocore knows less, and is not the oracle then
EXCEPTIONS = [shape for name in KNOWN for shape in SERVICE.operation_model(name).error_shapes]
CODES = st.one_of(
    st.sampled_from([shape.name for shape in EXCEPTIONS]).flatmap(
        lambda name: st.sampled_from(
            [name, name.lower(), f"aws.namespace#{name}", f"{name}:http://internal/", "#" + name]
        )
    ),
    st.sampled_from(["", ":", "#", "ExpiredTokenException", "SlowDown", "\x00", "é"]),
    st.text(max_size=10),
)


@settings(GENERATED, max_examples=examples(150))
@given(data=st.data(), status=st.integers(300, 599), shape=st.sampled_from(EXCEPTIONS))
def test_any_error(data: st.DataObject, status: int, shape: Any) -> None:
    """AWS's errors, whole and damaged, over HTTP and in a stream: an APIError that can be shown, kept and judged."""
    members = data.draw(ANSWERS.of(shape)) | data.draw(
        st.dictionaries(st.sampled_from(["__type", "code", "Message", "message"]), st.one_of(CODES, ATOMS), max_size=2)
    )
    for _ in range(data.draw(st.integers(0, 2))):
        members = mutated(data, members) if isinstance(members, dict | list) else members
    body = json.dumps(members).encode()[: data.draw(st.integers(0, 300))]
    code = data.draw(CODES)
    headers = data.draw(
        st.dictionaries(st.sampled_from(["retry-after", "x-amz-retry-after", "location", "date"]), TEXT, max_size=2)
    )
    over_http = parse_error(status, headers | {"x-amzn-errortype": code}, body)
    with pytest.raises(APIError) as caught:
        parse_event(BY_NAME["ConverseStream"], Frame({":message-type": "exception", ":exception-type": code}, body))
    for error in (over_http, parse_error(status, headers, body), caught.value):
        assert isinstance(error, APIError)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), repr(again)) == (type(error), str(error), repr(error))
        assert decide(error, 1, RetryPolicy(), RetryQuota(), random=lambda: 0.5).delay >= 0
    if caught.value.code:
        assert (type(caught.value), caught.value.code) == (type(over_http), over_http.code)


def test_the_model_of_every_operation_was_generated() -> None:
    """The operations that are tested here are the operations that there are."""
    assert set(BY_NAME) <= set(SERVICE.operation_names)


class TestVectors:
    """Requests as botocore put them on the wire."""

    @pytest.fixture
    def vectors(self) -> dict[str, Any]:
        if not VECTORS.exists():
            pytest.skip("the vectors are not here")
        return json.loads(VECTORS.read_text("utf-8"))

    def test_every_case(self, vectors: dict[str, Any], botocore_clock: None) -> None:
        """Path, body and content type are the recorded ones, and the signature is the recorded one for equal bytes."""
        equal_bytes = 0
        for case in vectors["cases"]:
            wire = serialize(BY_NAME[case["operation"]].request.model_validate(case["params"]))
            endpoint = case["endpoint_url"] or f"https://{case['host_header']}"
            assert urlsplit(endpoint).path.rstrip("/") + wire.path == case["wire_path"], case["name"]
            assert wire.headers == {"Content-Type": case["content_type"]}
            body = body_of(wire)
            assert same_json(json.loads(body), json.loads(base64.b64decode(case["body_b64"]))), case["name"]
            keys = Credentials(
                vectors["fixed"]["access_key_id"], vectors["fixed"]["secret_access_key"], case["session_token"]
            )
            if body == base64.b64decode(case["compact_body_b64"]):
                equal_bytes += 1
                ours = our_authorization(
                    wire, f"https://{case['host_header']}{urlsplit(endpoint).path}", keys, case["region"]
                )
                assert ours == case["compact_authorization"], case["name"]
        assert equal_bytes >= len(vectors["cases"]) - 4  # the others only differ in the order of keys

    def test_hostile_model_ids(self, vectors: dict[str, Any]) -> None:
        """Each is refused, or is one path segment as botocore writes it."""
        for case in vectors["hostile_model_ids"]:
            model_id = case["model_id"].replace("...(3000)", "x" * 2990)
            request = BY_NAME["Converse"].request(model_id=model_id)
            if model_id in ("", "..") or "\0" in model_id or len(model_id) > 2048:
                with pytest.raises(RequestInvalid) as caught:
                    serialize(request)
                assert caught.value.path == "modelId"
            else:
                assert serialize(request).path == case["botocore_wire_path"]
                assert serialize(request).path.count("/") == 3
