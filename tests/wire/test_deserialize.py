"""Answers, errors and frames: each failure has one class wherever it comes from, and nothing else ever comes out."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from wire.generate import BY_NAME, SERVICE

from bedrock_converse import errors
from bedrock_converse._http.retry import classify
from bedrock_converse._wire.deserialize import parse_error, parse_event, parse_response
from bedrock_converse._wire.eventstream import Frame, FrameDecoder, encode_error, encode_event, encode_exception
from bedrock_converse.errors import (
    AccessDeniedError,
    APIError,
    ContextWindowExceeded,
    EventStreamError,
    InternalServerError,
    InvalidRequestError,
    ModelError,
    ResponseInvalid,
    ServiceUnavailableError,
    ThrottlingError,
)
from bedrock_converse.types import ContentBlockDeltaEvent, ConverseResponse, PayloadPart, UnknownEvent

VECTORS = Path(__file__).resolve().parents[2] / ".." / "shared" / "vectors"
CONVERSE, STREAM, INVOKE = BY_NAME["Converse"], BY_NAME["ConverseStream"], BY_NAME["InvokeModel"]
REPLY: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
}
MODELED = {
    "ValidationException": (InvalidRequestError, 400),
    "AccessDeniedException": (AccessDeniedError, 403),
    "ResourceNotFoundException": (errors.NotFoundError, 404),
    "ServiceQuotaExceededException": (errors.QuotaExceededError, 400),
    "ConflictException": (errors.ConflictError, 400),
    "ThrottlingException": (ThrottlingError, 429),
    "ModelNotReadyException": (errors.ModelNotReadyError, 429),
    "ModelTimeoutException": (errors.ModelTimeoutError, 408),
    "ModelErrorException": (ModelError, 424),
    "ModelStreamErrorException": (errors.ModelStreamError, 424),
    "InternalServerException": (InternalServerError, 500),
    "ServiceUnavailableException": (ServiceUnavailableError, 503),
}


def vectors(name: str) -> Any:
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return json.loads(path.read_text("utf-8"))


def frame_of(encoded: bytes) -> Frame:
    decoder = FrameDecoder()
    decoder.receive_data(encoded)
    frame = decoder.next_frame()
    assert frame is not None
    return frame


def raised_by(frame: Frame) -> APIError:
    with pytest.raises(APIError) as caught:
        parse_event(STREAM, frame)
    return caught.value


def answered(body: Any, status: int = 200, **headers: str) -> Any:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_response(CONVERSE, status, {"content-type": "application/json"} | headers, encoded)


class TestAnswers:
    def test_converse(self) -> None:
        """A whole reply."""
        reply = answered(REPLY)
        assert isinstance(reply, ConverseResponse)
        assert (reply.stop_reason, reply.output.content) == ("end_turn", ["hi"])

    def test_invoke_model(self) -> None:
        """The model's own body as it is, and the members that came in headers; other headers are not looked at."""
        headers = {"content-type": "text/x", "x-amzn-bedrock-service-tier": "flex", "x-other": "1"}
        reply: Any = parse_response(INVOKE, 200, headers, b"\x00\xff")
        assert (reply.body, reply.content_type, reply.service_tier) == (b"\x00\xff", "text/x", "flex")
        assert reply.performance_config_latency is None
        assert reply.to_boto3() == {"body": b"\x00\xff", "contentType": "text/x", "serviceTier": "flex"}

    def test_invoke_model_answers_with_something(self) -> None:
        """No bytes at all are an answer that was lost."""
        with pytest.raises(ResponseInvalid, match="empty") as caught:
            parse_response(INVOKE, 200, {}, b"")
        assert (caught.value.status_code, caught.value.possibly_billed) == (200, True)

    @pytest.mark.parametrize("missing", ["output", "stopReason", "usage"])
    def test_an_essential_member_is_missing(self, missing: str) -> None:
        """Named in the words of the wire."""
        body = {name: value for name, value in REPLY.items() if name != missing}
        with pytest.raises(ResponseInvalid, match=missing):
            answered(body)

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"", "empty"),
            (b"<html>Bad gateway</html>", "not JSON"),
            (b'{"output": ', "not JSON"),
            (b"\xff\xfe\xfd", "not JSON"),
            (b"null", "the body"),
            (b"[1]", "the body"),
            (b'"text"', "the body"),
            (b"{" * 100_000, "not JSON"),
            (b"[" * 100_000 + b"]" * 100_000, "not JSON"),
            (b"1" * 5_000, "the body"),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_what_is_no_answer(self, body: bytes, said: str) -> None:
        """Proxies' pages, cut and absurd JSON are ResponseInvalid, which may have been billed."""
        with pytest.raises(ResponseInvalid, match=said) as caught:
            answered(body)
        assert caught.value.possibly_billed
        assert caught.value.status_code == 200

    @pytest.mark.parametrize("status", [201, 202, 204, 206])
    def test_another_status_is_no_answer(self, status: int) -> None:
        """AWS answers 200 and nothing else: 204 has no reply in it."""
        with pytest.raises(ResponseInvalid, match=str(status)):
            answered(REPLY, status)

    def test_a_page_is_shown_and_a_reply_is_not(self) -> None:
        """The beginning of a proxy's page helps; half of a model's reply does not belong in a log."""
        with pytest.raises(ResponseInvalid, match="Blocked by policy"):
            answered(b"<h1>Blocked by policy</h1>", **{"content-type": "text/html"})
        with pytest.raises(ResponseInvalid) as caught:
            answered(b'{"output": {"message": "CANARY')
        assert "CANARY" not in str(caught.value) + repr(caught.value)

    @pytest.mark.parametrize(
        "body", [b'{"output": {"message": "CANARY', json.dumps({**REPLY, "usage": "CANARY"}).encode()]
    )
    def test_no_frame_of_ours_holds_the_reply(self, body: bytes) -> None:
        """Error reporters show the locals of every frame, and the errors in __context__."""
        with pytest.raises(ResponseInvalid) as caught:
            answered(body)
        frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
        ours = [frame for frame in frames if "bedrock_converse/_wire" in frame.f_code.co_filename]
        assert ours
        assert "CANARY" not in repr([frame.f_locals for frame in ours])
        assert caught.value.__context__ is None

    def test_lone_surrogates_and_deep_nesting_are_read(self) -> None:
        """What pydantic calls invalid JSON gets one try: tool input may hold both."""
        deep: Any = "x"
        for _ in range(300):
            deep = [deep]
        block = {"toolUse": {"toolUseId": "a", "name": "b", "input": {"half": "\ud83d", "deep": deep}}}
        body = copy.deepcopy(REPLY)
        body["output"]["message"]["content"] = [block]
        assert answered(body).output.content[0].input == block["toolUse"]["input"]


class TestErrorsOverHttp:
    def test_every_vector(self) -> None:
        """The code is the one that the table names; without one it is None."""
        for case in vectors("errors.json")["cases"]:
            if case["status"] == 200:
                continue
            error = parse_error(case["status"], httpx.Headers(case["headers"]), case["body"].encode())
            assert error.code == case["expected_error"], case["id"]
            assert error.status_code == case["status"]

    @pytest.mark.parametrize("code", MODELED)
    @pytest.mark.parametrize("where", ["header", "code", "__type"])
    @pytest.mark.parametrize(
        "written", ["{}", "{}:http://internal.amazon.com/coral/x/", "aws.x#{}", "aws.x#{}:http://y"]
    )
    def test_modeled_errors(self, code: str, where: str, written: str) -> None:
        """One class and one spelling of the code, wherever and however AWS writes it."""
        expected, status = MODELED[code]
        for cased in (code, code.lower(), code[0].lower() + code[1:], code.upper()):
            name = written.format(cased)
            headers = {"x-amzn-errortype": name} if where == "header" else {}
            body = {"message": "no", **({} if where == "header" else {where: name})}
            error = parse_error(status, headers, json.dumps(body).encode())
            assert (type(error), error.code, error.status_code, error.message) == (expected, code, status, "no")

    def test_every_modeled_error_is_known(self) -> None:
        """AWS's model has no error besides those in the table above; ConflictException is another operation's."""
        modeled = {shape.name for name in BY_NAME for shape in SERVICE.operation_model(name).error_shapes}
        assert modeled | {"ConflictException"} == set(MODELED)

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("ValidationError", 400, InvalidRequestError),
            ("NotAuthorized", 400, AccessDeniedError),
            ("IncompleteSignature", 400, AccessDeniedError),
            ("RequestExpired", 400, AccessDeniedError),
            ("InvalidClientTokenId", 403, AccessDeniedError),
            ("OptInRequired", 403, AccessDeniedError),
            ("BadCScoreException", 403, AccessDeniedError),
            ("MissingAuthenticationToken", 403, AccessDeniedError),
            ("FTUFormNotFilled", 404, errors.NotFoundError),
            ("InternalFailure", 500, InternalServerError),
            ("ServiceUnavailable", 503, ServiceUnavailableError),
        ],
    )
    def test_codes_that_bedrocks_guide_has_and_its_model_has_not(
        self, code: str, status: int, expected: type[APIError]
    ) -> None:
        """The class that the failure has under its other name, in an answer and in a stream."""
        over_http = parse_error(status, {"x-amzn-errortype": code}, b'{"message":"no"}')
        in_a_stream = raised_by(frame_of(encode_exception(code, b'{"message":"no"}')))
        for error in (over_http, in_a_stream):
            assert (type(error), error.code, error.status_code) == (expected, code, status)

    @pytest.mark.parametrize(
        "written", ["ThrottlingException\r\nX: y", " ThrottlingException x", "\tThrottlingException"]
    )
    def test_a_code_is_one_word(self, written: str) -> None:
        """It begins a line of the log, and must not begin another one."""
        error = parse_error(429, {}, json.dumps({"__type": written}).encode())
        assert (type(error), error.code) == (ThrottlingError, "ThrottlingException")

    @pytest.mark.parametrize("status", [400, 403, 418, 429, 500, 503])
    def test_an_unknown_code_stays_an_api_error(self, status: int) -> None:
        """With the code for the user to look at."""
        error = parse_error(status, {"x-amzn-errortype": "BrandNewException"}, b'{"message":"x"}')
        assert type(error) is APIError
        assert (error.code, error.status_code) == ("BrandNewException", status)

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (400, InvalidRequestError),
            (401, AccessDeniedError),
            (403, AccessDeniedError),
            (404, errors.NotFoundError),
            (413, APIError),
            (429, ThrottlingError),
            (500, InternalServerError),
            (502, InternalServerError),
            (503, ServiceUnavailableError),
            (504, InternalServerError),
            (599, InternalServerError),
        ],
    )
    def test_without_a_code_the_status_decides(self, status: int, expected: type[APIError]) -> None:
        """A proxy's answer, by its status."""
        error = parse_error(status, {"content-type": "text/html"}, b"<html><h1>Sorry</h1></html>")
        assert type(error) is expected
        assert error.code is None
        assert "Sorry" in error.message

    def test_what_may_pass_by_itself_is_retryable(self) -> None:
        """`.retryable` and the retry policy agree with AWS's tables, row by row."""
        table = vectors("retry.json")
        rows = [
            *((row, row["kind"]) for row in table["classification_throttling"]),
            *((row, "transient") for row in table["classification_transient"]),
            *((row, None) for row in table["classification_not_retryable"] if row["status"] >= 400),
            *((row, row["botocore"]["kind"]) for row in table["bedrock_classification"]),
        ]
        for row, kind in rows:
            headers = {"x-amzn-errortype": row["error_code"]} if row["error_code"] else {}
            error = parse_error(row["status"], headers, b"{}")
            assert classify(error) == kind, row
            assert error.retryable is (kind is not None), row

    @pytest.mark.parametrize(
        ("status", "retryable"), [(429, True), (500, True), (501, False), (502, True), (529, False)]
    )
    def test_which_nameless_failures_may_pass(self, status: int, retryable: bool) -> None:
        """A proxy's 502 does; what is not implemented will not be."""
        assert parse_error(status, {}, b"").retryable is retryable

    @pytest.mark.parametrize("name", ["message", "Message", "errorMessage"])
    def test_the_message_under_its_names(self, name: str) -> None:
        """AWS writes it in three ways."""
        assert parse_error(400, {}, json.dumps({name: "the reason"}).encode()).message == "the reason"

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"oops", b'"oops"', b'["x"]', b"null", b"1", b"NaN", b'{"code": {"a": 1}}', b'{"message": 5}'),
            *(b'{"message": null, "__type": ["x"]}', b"\xff\xfe\x00", b"<html>", b"{" * 100_000, b"[" * 100_000),
            *(b"9" * 10_000, b'{"a":' * 2_000, b"\xef\xbb\xbf{}", b'{"message": "\\ud800"}', b"\x00" * 100),
        ],
        ids=lambda body: repr(body)[:24],
    )
    @pytest.mark.parametrize("status", [300, 400, 429, 500, 700])
    def test_garbage_is_still_an_error_of_ours(self, status: int, body: bytes) -> None:
        """No body makes reading the error fail, and the error can be shown, pickled and copied."""
        error = parse_error(status, {}, body)
        assert isinstance(error, APIError)
        assert error.message
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(copy.deepcopy(error)))

    @settings(max_examples=examples(400), deadline=None)
    @given(
        status=st.integers(300, 599),
        headers=st.dictionaries(
            st.sampled_from(
                ["x-amzn-errortype", "retry-after", "x-amz-retry-after", "location", "date", "x-amzn-requestid"]
            ),
            st.text(max_size=20) | st.sampled_from([":", "#", "http://[", "//", "\x00", "#:#:", "1e9", "-1"]),
        ),
        body=st.binary(max_size=40)
        | st.recursive(st.none() | st.text(max_size=5), st.lists).map(json.dumps).map(str.encode),
    )
    def test_any_answer_is_an_error_of_ours(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Whatever a peer may answer."""
        assert isinstance(parse_error(status, headers, body), APIError)

    def test_a_huge_page_is_cut(self) -> None:
        """Ten megabytes of a proxy's page do not live on in the error."""
        error = parse_error(502, {}, b"<html>" + b"x" * 10_000_000)
        assert len(error.body) == 2000
        assert len(str(error)) < 500

    def test_the_body_is_kept(self) -> None:
        """Parsed where it is JSON, as text where it is not."""
        assert parse_error(400, {}, b'{"message":"x","extra":[1]}').body == {"message": "x", "extra": [1]}
        assert parse_error(400, {}, b"plain").body == "plain"

    def test_facts_from_headers(self) -> None:
        """The request id, and how long to wait, in seconds."""
        headers = {"x-amzn-requestid": "id-1", "x-amz-retry-after": "1500"}
        error = parse_error(429, headers, b"{}")
        assert (error.request_id, error.retry_after) == ("id-1", 1.5)
        assert parse_error(429, {"retry-after": "7"}, b"{}").retry_after == 7
        assert parse_error(429, {"retry-after": "soon"}, b"{}").retry_after is None

    @pytest.mark.parametrize(
        ("location", "host"),
        [
            ("https://other.example/model/x?X-Amz-Security-Token=CANARY", "other.example"),
            ("https://user:CANARY@other.example:8443/CANARY", "other.example"),
            ("//other.example/CANARY", "other.example"),
            ("/CANARY", "another path"),
            ("http://[CANARY", "an invalid address"),
            ("", "nowhere"),
            (None, "nowhere"),
        ],
    )
    def test_a_redirect_names_the_host_only(self, location: str | None, host: str) -> None:
        """Nothing of a Location but its host is shown: the rest may hold secrets."""
        error = parse_error(307, {} if location is None else {"location": location}, b"")
        assert f"redirects to {host};" in str(error)
        assert "CANARY" not in str(error)
        assert not error.retryable

    def test_what_the_model_said(self) -> None:
        """424 tells what the model answered."""
        body = {"message": "failed", "originalStatusCode": 503, "resourceName": "r", "originalMessage": "busy"}
        error: Any = parse_error(424, {"x-amzn-errortype": "ModelErrorException"}, json.dumps(body).encode())
        assert (error.original_status_code, error.original_message, error.resource_name) == (503, "busy", "r")
        nonsense = json.dumps({"originalStatusCode": "x", "resourceName": 1}).encode()
        error = parse_error(424, {"x-amzn-errortype": "ModelErrorException"}, nonsense)
        assert (error.original_status_code, error.original_message, error.resource_name) == (None, None, None)

    def test_context_window(self) -> None:
        """A ValidationException about the length of the input has a class of its own, over HTTP and in a stream."""
        body = b'{"message":"Input is too long for requested model."}'
        headers = {"x-amzn-errortype": "ValidationException"}
        assert type(parse_error(400, headers, body)) is ContextWindowExceeded
        assert type(parse_error(400, {}, body)) is ContextWindowExceeded
        assert type(parse_error(403, {"x-amzn-errortype": "AccessDeniedException"}, body)) is AccessDeniedError
        assert type(raised_by(frame_of(encode_exception("validationException", body)))) is ContextWindowExceeded

    def test_throttling_scope(self) -> None:
        """Tokens per day do not come back within a call."""
        headers = {"x-amzn-errortype": "ThrottlingException"}
        for message, scope in [
            ("Too many requests, please wait before trying again.", "rate"),
            ("Too many tokens, please wait before trying again.", "tokens"),
            ("Too many tokens per day, please wait before trying again.", "day"),
        ]:
            error: Any = parse_error(429, headers, json.dumps({"message": message}).encode())
            assert error.scope == scope
            assert error.retryable is (scope != "day")

    def test_lone_surrogates(self) -> None:
        """They are replaced in what is printed; the body stays as it came."""
        body = {"message": "bad \ud800 text", "__type": "x#Odd\udc00Exception", "originalMessage": "\ud800"}
        for error in (parse_error(400, {}, json.dumps(body).encode()), self.streamed(json.dumps(body).encode())):
            assert error.message == "bad \ufffd text"
            assert str(error).encode()
            assert error.body == body
        assert parse_error(400, {}, json.dumps(body).encode()).code == "Odd\ufffdException"

    @staticmethod
    def streamed(payload: bytes) -> Any:
        frame = Frame({":message-type": "exception", ":exception-type": "modelStreamErrorException"}, payload, 0)
        with pytest.raises(errors.ModelStreamError) as caught:
            parse_event(STREAM, frame)
        assert caught.value.original_message == "\ufffd"
        return caught.value


class TestErrorsInStreams:
    @pytest.mark.parametrize("code", MODELED)
    def test_modeled_exceptions(self, code: str) -> None:
        """The class, code and status that the same failure has over HTTP."""
        expected, status = MODELED[code]
        name = code[0].lower() + code[1:]
        error = raised_by(frame_of(encode_exception(name, b'{"message":"no"}')))
        assert (type(error), error.code, error.status_code, error.message) == (expected, code, status, "no")
        over_http = parse_error(status, {"x-amzn-errortype": code}, b'{"message":"no"}')
        assert error.retryable is over_http.retryable

    def test_an_unknown_exception(self) -> None:
        """APIError with the code as it came, and no status, since none is known."""
        error = raised_by(frame_of(encode_exception("brandNewException", b'{"message":"x"}')))
        assert (type(error), error.code, error.status_code) == (APIError, "brandNewException", None)

    @pytest.mark.parametrize("payload", [b"", b"oops", b"\xff", b"[1]", b"null", b'{"message":{}}', b"{" * 100_000])
    def test_garbage_in_an_exception(self, payload: bytes) -> None:
        """The class is still right."""
        error = raised_by(frame_of(encode_exception("throttlingException", payload)))
        assert type(error) is ThrottlingError
        assert error.message

    @pytest.mark.parametrize("header", [5, True, b"x", None])
    def test_an_exception_without_a_name(self, header: Any) -> None:
        """A header of another type, or none."""
        headers = {":message-type": "exception"} | ({} if header is None else {":exception-type": header})
        error = raised_by(Frame(headers, b'{"message":"x"}'))
        assert (type(error), error.code, error.message) == (APIError, None, "x")

    def test_an_error_frame(self) -> None:
        """`:message-type: error` says it all in its headers."""
        error = raised_by(frame_of(encode_error("InternalServerException", "down")))
        assert (type(error), error.code, error.message) == (InternalServerError, "InternalServerException", "down")

    @pytest.mark.parametrize(
        ("headers", "kind"),
        [
            ({}, "message_type"),
            ({":message-type": "surprise"}, "message_type"),
            ({":message-type": 5, ":event-type": "messageStop"}, "message_type"),
            ({":event-type": "messageStop"}, "message_type"),
            ({":message-type": "event"}, "event_type"),
            ({":message-type": "event", ":event-type": 7}, "event_type"),
        ],
    )
    def test_frames_that_say_nothing(self, headers: dict[str, Any], kind: str) -> None:
        """A frame that is neither event nor exception is EventStreamError, with where it was."""
        with pytest.raises(EventStreamError) as caught:
            parse_event(STREAM, Frame(headers, b"{}", 77))
        assert (caught.value.kind, caught.value.offset) == (kind, 77)


class TestEvents:
    def test_a_delta(self) -> None:
        """Typed, and without the padding."""
        event = parse_event(
            STREAM,
            frame_of(encode_event("contentBlockDelta", b'{"p":"abc","delta":{"text":"x"},"contentBlockIndex":1}')),
        )
        assert event == ContentBlockDeltaEvent(delta="x", content_block_index=1)

    def test_padding_goes_at_the_top_only(self) -> None:
        """A `p` inside the user's data is theirs."""
        payload = b'{"p":"abc","stopReason":"end_turn","additionalModelResponseFields":{"p":1},"extra":{"p":2}}'
        event: Any = parse_event(STREAM, frame_of(encode_event("messageStop", payload)))
        assert event.additional_model_response_fields == {"p": 1}
        assert event.model_extra == {"extra": {"p": 2}}
        dumped = json.loads(event.model_dump_json(by_alias=True, exclude_unset=True))
        assert dumped.keys() == {"stopReason", "additionalModelResponseFields", "extra"}
        assert "p" not in event.model_fields_set

    @pytest.mark.parametrize(
        "written",
        [
            '{"stopReason":"stop","additionalModelResponseFields":{"p":"q"}%s}',
            '{%s"additionalModelResponseFields":{"a":1,"p":"q"},"stopReason":"stop"}',
            '{"stopReason":"stop"%s,"additionalModelResponseFields":{"a":[],"p":"q"}}',
            '{"additionalModelResponseFields":{"a":[]}%s,"stopReason":"stop"}',
            '{"stopReason":"stop"%s,"awsAdded":"text"}',
            '{"additionalModelResponseFields":{"text":",\\"p\\":\\"q"},"stopReason":"stop"%s}',
            '{"additionalModelResponseFields":{"text":"x"},"stopReason":",\\"p\\":\\"q"%s}',
            '{ "additionalModelResponseFields" : [1] , "stopReason" : "p" %s }\n',
        ],
    )
    @pytest.mark.parametrize("padding", ["", "a", "abcXYZ019" * 7, "a" * 500, '\\"', "é", "a}", "{", 5, None])
    def test_padding_wherever_it_stands(self, written: str, padding: Any) -> None:
        """Only the event's own `p` goes, whatever is in it and wherever AWS puts it; nothing else is touched."""
        member = '"p":' + (f'"{padding}"' if isinstance(padding, str) else json.dumps(padding))
        member = f"{member}," if "{%s" in written else f",{member}"
        payload = (written % member).encode()
        expected = json.loads(payload)
        del expected["p"]
        event: Any = parse_event(STREAM, frame_of(encode_event("messageStop", payload)))
        assert json.loads(event.model_dump_json(by_alias=True, exclude_unset=True)) == expected

    def test_cut_inside_the_padding(self) -> None:
        """What is no JSON does not become JSON by losing its padding."""
        with pytest.raises(EventStreamError):
            parse_event(STREAM, frame_of(encode_event("messageStop", b'{"stopReason":"stop","p":"abcdef')))

    def test_a_chunk(self) -> None:
        """InvokeModel's stream brings bytes."""
        event = parse_event(
            BY_NAME["InvokeModelWithResponseStream"], frame_of(encode_event("chunk", b'{"bytes":"+/8=","p":"a"}'))
        )
        assert event == PayloadPart(bytes=b"\xfb\xff")

    def test_an_unknown_event_is_kept(self) -> None:
        """With its value, and without the padding."""
        frame = frame_of(encode_event("brandNew", b'{"p":"abc","a":[1]}'))
        assert parse_event(STREAM, frame) == UnknownEvent("brandNew", {"a": [1]})

    def test_initial_response_is_nothing(self) -> None:
        """Some services begin with it."""
        assert parse_event(STREAM, frame_of(encode_event("initial-response", b"{}"))) is None

    @pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'{"delta":{"text":"CANARY'])
    def test_broken_json(self, payload: bytes) -> None:
        """A frame with a right checksum around broken JSON: the stream is broken there."""
        with pytest.raises(EventStreamError, match="contentBlockDelta") as caught:
            parse_event(STREAM, frame_of(encode_event("contentBlockDelta", payload)))
        assert caught.value.kind == "payload"
        assert "CANARY" not in str(caught.value)

    @pytest.mark.parametrize("payload", [b"", b"{", b"\xff"])
    def test_broken_json_in_an_unknown_event(self, payload: bytes) -> None:
        """An empty payload is a value of None; anything else must be JSON."""
        frame = frame_of(encode_event("brandNew", payload))
        if payload:
            with pytest.raises(EventStreamError, match="brandNew"):
                parse_event(STREAM, frame)
        else:
            assert parse_event(STREAM, frame) == UnknownEvent("brandNew", None)

    @pytest.mark.parametrize("payload", [b"{}", b"[]", b"null", b'{"role":"assistant","x":1}', b'{"stopReason":5}'])
    def test_json_of_another_shape(self, payload: bytes) -> None:
        """An essential member is missing, or has the wrong type: ResponseInvalid, and nothing of it is shown."""
        with pytest.raises(ResponseInvalid, match="messageStop event") as caught:
            parse_event(STREAM, frame_of(encode_event("messageStop", payload)))
        assert caught.value.possibly_billed

    def test_lone_surrogates_are_read(self) -> None:
        """Half of an emoji at the end of a delta, whose other half begins the next."""
        event: Any = parse_event(STREAM, frame_of(encode_event("contentBlockDelta", b'{"delta":{"text":"\\ud83d"}}')))
        assert event.delta == "\ud83d"

    @settings(max_examples=examples(300), deadline=None)
    @given(
        headers=st.dictionaries(
            st.sampled_from([":message-type", ":event-type", ":exception-type", ":error-code", ":error-message"]),
            st.sampled_from(["event", "exception", "error", "messageStop", "chunk", "x", ""])
            | st.integers()
            | st.binary(),
        ),
        payload=st.binary(max_size=30),
    )
    def test_any_frame(self, headers: dict[str, Any], payload: bytes) -> None:
        """An event, nothing, or one of our own errors."""
        with suppress(errors.BedrockError):
            assert parse_event(STREAM, Frame(headers, payload)) is None or headers[":message-type"] == "event"
