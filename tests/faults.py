"""The fault tables: bytes that a peer may send instead of a good answer, and what our caller gets for them.

`UNARY` and `STREAMS` have what is an error, `UNARY_FORGIVEN` and `STREAMS_FORGIVEN` what is none although it looks like
one. `tests/http` runs every row over real TCP and writes docs/faults.md from them.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine import EVENTS, REPLY, REPLY_BODY, chunk
from wire.raw_frames import frame, header, prelude, sized, text_headers

from bedrock_converse import (
    AccessDeniedError,
    APIError,
    EventStreamError,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    RequestTimeout,
    ResponseInvalid,
    ServiceUnavailableError,
    StreamIncomplete,
    ThrottlingError,
    TransportError,
)
from bedrock_converse._wire.eventstream import encode_error, encode_event, encode_exception, encode_frame

if TYPE_CHECKING:
    from bedrock_converse import BedrockError

Ending = Literal["open", "close", "half-close", "reset"]


@dataclass(frozen=True)
class Fault:
    """Several answers that mean the same to our caller, and what that is."""

    answers: tuple[bytes, ...]
    kind: type[BedrockError]
    requests: int = 1
    billed: bool = True
    ending: Ending = "open"
    """What the server does behind the answer: it waits for the next request, closes the connection, sends no more but
    goes on reading, or resets the connection."""
    head: bool = True
    """The head of the answer can be read, and with it the status and the request id."""
    strict: bool = False
    """httpx is more generous, waits, or keeps the connection: not for an http_client."""


@dataclass(frozen=True)
class Forgiven:
    """Several answers that are read all the same."""

    answers: tuple[bytes, ...]
    ending: Ending = "open"
    strict: bool = False
    """httpx gives up on it, or keeps the connection."""


def at_every_end(answers: tuple[bytes, ...], kind: type[BedrockError], **facts: Any) -> dict[str, Fault]:
    """The peer goes away there, politely or not, or falls silent."""
    broken = kind if issubclass(kind, StreamIncomplete) else TransportError
    return {
        "closed": Fault(answers, kind, ending="close", **facts),
        "half-closed": Fault(answers, kind, ending="half-close", **facts),
        "reset": Fault(answers, broken, ending="reset", **facts),
        "silence": Fault(answers, RequestTimeout, ending="open", **facts),
    }


def rows(where: str, faults: dict[str, Fault]) -> dict[str, Fault]:
    return {f"{how} {where}": fault for how, fault in faults.items()}


# --- heads and bodies -------------------------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: the-request\r\n"
STREAM_OK = OK.replace(b"application/json", b"application/vnd.amazon.eventstream")
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def whole(body: bytes, head: bytes = OK) -> bytes:
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def status(line: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    return whole(body, b"".join(b"%b\r\n" % header for header in [b"HTTP/1.1 " + line, *headers]))


EVIL = whole(REPLY_BODY.replace(b"Hello", b"not yours"))
"""Another call's answer."""


def headed(*lines: bytes, body: bytes = REPLY_BODY) -> bytes:
    return OK + b"".join(b"%b\r\n" % line for line in lines) + b"\r\n" + body


def changed(old: bytes, new: bytes) -> bytes:
    assert old in REPLY_BODY
    return whole(REPLY_BODY.replace(old, new))


def without(member: str) -> bytes:
    return whole(json.dumps({name: value for name, value in REPLY.items() if name != member}).encode())


PACKED = gzip.compress(REPLY_BODY)
GZIP = OK + b"content-encoding: gzip\r\n"
HTML = b"<html><h1>It works!</h1></html>"
DEEP = b'{"a":' * 100_000
NO_HTTP = (
    REPLY_BODY,  # HTTP/0.9
    HTML,
    b"\x00\x01 nonsense \r\n\r\n",
    b"\x00" * 5000,
    b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"220 mail.example.com ESMTP\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46",  # TLS: an alert
    b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",  # HTTP/2: SETTINGS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"HTTP/2 200\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 XX OK\r\n\r\n",
    b"HTTP/1.1 99 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 1000 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 000 OK\r\ncontent-length: 0\r\n\r\n",
    b"\r\n" + whole(REPLY_BODY),
)
NO_LENGTH = (b"-5", b"+5", b"5.0", b"0x5", b"five", b"", b"5, 6", b"9" * 400, b"5\r\ncontent-length: 6")
BAD_CHUNKS = (
    b"nonsense\r\n",
    b"-5\r\nhello\r\n",
    b"f" * 40 + b"\r\n",
    b"5\r\nhello, you\r\n",
    b"%x\n%b\n0\n\n" % (len(REPLY_BODY), REPLY_BODY),
    chunk(REPLY_BODY) + b"0\r\nno colon\r\n\r\n",
)

UNARY: dict[str, Fault] = {
    **rows("before the answer", at_every_end((b"",), ProtocolError, head=False)),
    **rows("inside the head", at_every_end((b"HTTP/1.1 2", OK[:-9], OK), ProtocolError, head=False)),
    **rows(
        "inside a body with a length",
        at_every_end(tuple(whole(REPLY_BODY)[:-missing] for missing in (len(REPLY_BODY), 100, 1)), ProtocolError),
    ),
    **rows(
        "inside a chunked body",
        at_every_end(
            (
                *(OK + CHUNKED + part for part in (b"", b"1", b"ff\r\nabc", chunk(REPLY_BODY)[:-2], chunk(REPLY_BODY))),
                *(OK + CHUNKED + chunk(REPLY_BODY) + end for end in (b"0", b"0\r\n", b"0\r\nx-trailer: a\r\n")),
            ),
            ProtocolError,
        ),
    ),
    "reset behind a body without a length": Fault((headed(),), TransportError, ending="reset"),
    "not HTTP/1": Fault(NO_HTTP, ProtocolError, ending="close", head=False),
    "another protocol that waits for us": Fault(NO_HTTP[5:9], ProtocolError, head=False, strict=True),
    "malformed headers": Fault(
        (headed(b"no colon"), headed(b"a b: c"), headed(b": empty"), headed(b"a: b\0")),
        ProtocolError,
        head=False,
    ),
    "folded headers, bare line feeds": Fault(
        (headed(b"a: b", b" c"), whole(REPLY_BODY).replace(b"\r\n", b"\n"), headed(b"a: b\nc: d")),
        ProtocolError,
        head=False,
        strict=True,
    ),
    "2 MB of headers": Fault(
        (headed(b"x: " + b"y" * 2_000_000), headed(*[b"x: y"] * 400_000)), ProtocolError, ending="close", head=False
    ),
    "protocol switched unasked": Fault(
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",), ProtocolError, head=False
    ),
    "content-length that is no number": Fault(
        tuple(headed(b"content-length: " + value) for value in NO_LENGTH), ProtocolError, head=False
    ),
    "content-length too great": Fault(
        tuple(headed(b"content-length: %d" % size) for size in (len(REPLY_BODY) + 1, 10**17)),
        ProtocolError,
        ending="close",
    ),
    "content-length too small": Fault(
        tuple(headed(b"content-length: %d" % (len(REPLY_BODY) - less)) for less in (1, 100)),
        ResponseInvalid,
        strict=True,
    ),
    "transfer encoding that is not chunked": Fault(
        tuple(
            headed(b"transfer-encoding: " + value, body=chunk(REPLY_BODY) + LAST_CHUNK)
            for value in (b"gzip", b"gzip, chunked", b"identity", b"chunked\r\ntransfer-encoding: chunked")
        ),
        ProtocolError,
        head=False,
    ),
    "malformed chunks": Fault(
        tuple(OK + CHUNKED + broken for broken in BAD_CHUNKS), ProtocolError, ending="close", strict=True
    ),
    "broken compression": Fault(
        (whole(b"no gzip", GZIP), whole(PACKED[:-10], GZIP), whole(PACKED + b"junk", GZIP), whole(b"", GZIP)),
        ProtocolError,
        strict=True,
    ),
    "compression that nobody asked for, not declared": Fault((whole(PACKED),), ResponseInvalid),
    "compression that nobody knows": Fault((whole(b"x", OK + b"content-encoding: br\r\n"),), ProtocolError),
    "another 2xx status": Fault(
        (
            b"HTTP/1.1 204 No Content\r\nx-amzn-requestid: the-request\r\n\r\n",
            *(
                whole(REPLY_BODY).replace(b"200 OK", line)
                for line in (b"201 Made", b"202 Later", b"203 ?", b"206 Part")
            ),
            whole(b"").replace(b"200 OK", b"205 Reset"),
        ),
        ResponseInvalid,
    ),
    "a body behind a 204": Fault(
        (whole(REPLY_BODY).replace(b"200 OK", b"204 No Content"),), ResponseInvalid, strict=True
    ),
    "empty body": Fault((whole(b""), OK + CHUNKED + LAST_CHUNK), ResponseInvalid),
    "HTML": Fault((whole(HTML), whole(HTML, b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n")), ResponseInvalid),
    "truncated JSON": Fault(tuple(whole(REPLY_BODY[:size]) for size in (1, 50, len(REPLY_BODY) - 1)), ResponseInvalid),
    "more behind the JSON": Fault((whole(REPLY_BODY * 2), whole(REPLY_BODY + b"x")), ResponseInvalid),
    "not JSON": Fault(
        (whole(REPLY_BODY.replace(b'"', b"'")), whole(b'{"output":"\xff\xfe"}'), changed(b"Hello", b"\xc3\x28")),
        ResponseInvalid,
    ),
    "JSON that is no object": Fault(
        tuple(whole(body) for body in (b"null", b"[]", b"5", b'"text"', b"true")), ResponseInvalid
    ),
    "an event stream": Fault((whole(b"".join(EVENTS), STREAM_OK),), ResponseInvalid),
    "JSON 100,000 levels deep": Fault(
        (whole(DEEP), whole(REPLY_BODY[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")), ResponseInvalid
    ),
    "numbers that are none": Fault(
        (
            changed(b'"inputTokens": 1', b'"inputTokens": NaN'),
            changed(b'"inputTokens": 1', b'"inputTokens": 1.5'),
            changed(b'"latencyMs": 5', b'"latencyMs": -Infinity'),
            changed(b'"latencyMs": 5', b'"latencyMs": ' + b"9" * 5000),
        ),
        ResponseInvalid,
    ),
    "essential members missing": Fault(
        (whole(b"{}"), *map(without, ("output", "stopReason", "usage")), changed(b'"end_turn"', b"null")),
        ResponseInvalid,
    ),
    "members of another type": Fault(
        (
            changed(b'[{"text": "Hello"}]', b'"Hello"'),
            changed(b'[{"text": "Hello"}]', b"null"),
            changed(b'{"text": "Hello"}', b"null"),
            changed(b'{"text": "Hello"}', b"{}"),
            changed(b'{"text": "Hello"}', b'{"text":"Hello","image":{}}'),
        ),
        ResponseInvalid,
    ),
    "an error with status 200": Fault(
        (whole(b'{"message":"Too many requests"}', OK + b"x-amzn-errortype: ThrottlingException\r\n"),), ResponseInvalid
    ),
    "larger than 64 MiB, compressed": Fault(
        (whole(gzip.compress(b" " * 68_000_000, 1), GZIP),), ResponseInvalid, strict=True
    ),
    **{
        f"redirect {code}": Fault(
            (status(b"%d Elsewhere" % code, b"", b"location: http://127.0.0.1:1/secret?x=y"),), APIError, 1, False
        )
        for code in (300, 301, 302, 303, 304, 307, 308)
    },
    "400, not from AWS": Fault(
        tuple(status(b"400 Bad", body) for body in (b"", HTML, b'"oops"', b"[]", b"\xff\xfe", DEEP, b"x" * 3_000_000)),
        InvalidRequestError,
        1,
        False,
    ),
    "401 and 403, not from AWS": Fault(
        (status(b"401 Who", HTML), status(b"403 No", b"\xff\xfe")), AccessDeniedError, 1, False
    ),
    "404, not from AWS": Fault((status(b"404 Where", HTML),), NotFoundError, 1, False),
    "other 4xx, not from AWS": Fault(
        tuple(status(b"%d ?" % code, HTML) for code in (402, 405, 407, 408, 409, 413, 418, 424, 431, 499)),
        APIError,
        1,
        False,
    ),
    "429, not from AWS": Fault((status(b"429 Slow", HTML), status(b"429 Slow")), ThrottlingError, 3, False),
    "503, not from AWS": Fault((status(b"503 Busy", HTML), status(b"503 Busy")), ServiceUnavailableError, 3, False),
    "500, 502 and 504, not from AWS": Fault(
        (status(b"500 Oops", b'["x"]'), status(b"502 Bad", HTML), status(b"504 Late")), InternalServerError, 3, False
    ),
    "other 5xx, not from AWS": Fault(
        (status(b"501 ?"), status(b"505 ?"), status(b"529 ?")), InternalServerError, 1, False
    ),
    "400, its body cut": Fault(
        (status(b"400 Bad", b"{", b"content-encoding: gzip"), b"HTTP/1.1 400 Bad\r\ncontent-length: 99\r\n\r\n{"),
        InvalidRequestError,
        1,
        False,
        ending="close",
    ),
    "503, its body cut": Fault(
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 99\r\n\r\n{", b"HTTP/1.1 503 Busy\r\n" + CHUNKED + b"nonsense"),
        ServiceUnavailableError,
        3,
        False,
        ending="close",
    ),
    "400, silence inside the body": Fault(
        (b"HTTP/1.1 400 Bad\r\ncontent-length: 99\r\n\r\n{",), RequestTimeout, 1, False
    ),
    "503, silence inside the body": Fault(
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 99\r\n\r\n{",), RequestTimeout, 3, False
    ),
}

UNARY_FORGIVEN: dict[str, Forgiven] = {
    "interim answers (100, 102, 103)": Forgiven(
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 \r\n\r\n"
            + whole(REPLY_BODY),
            b"HTTP/1.1 100 Continue\r\n\r\n" + OK + CHUNKED + chunk(REPLY_BODY) + LAST_CHUNK,
        )
    ),
    "another content type, or none": Forgiven(
        (
            whole(REPLY_BODY, OK.replace(b"application/json", b"text/html")),
            whole(REPLY_BODY, b"HTTP/1.1 200 OK\r\n"),
        )
    ),
    "declared compression": Forgiven(
        (whole(PACKED, GZIP), whole(zlib.compress(REPLY_BODY), OK + b"content-encoding: deflate\r\n"))
    ),
    "declared compression, in several parts": Forgiven(
        (whole(gzip.compress(REPLY_BODY[:9]) + gzip.compress(REPLY_BODY[9:]), GZIP),), strict=True
    ),
    "half-closed behind the answer": Forgiven((whole(REPLY_BODY),), "half-close"),
    "equal lengths, several times": Forgiven((headed(*[b"content-length: %d" % len(REPLY_BODY)] * 2),)),
    "a length and chunks": Forgiven((headed(b"content-length: 5", CHUNKED[:-4], body=chunk(REPLY_BODY) + LAST_CHUNK),)),
    "neither a length nor chunks": Forgiven((headed(), headed().replace(b"HTTP/1.1", b"HTTP/1.0")), "close"),
    "bytes that are no ASCII in a header": Forgiven((whole(REPLY_BODY, OK + b"x: \xe9\xff\r\n"),)),
    "more behind the answer": Forgiven(
        (whole(REPLY_BODY) + b"\r\n", whole(REPLY_BODY) + EVIL, whole(REPLY_BODY) + EVIL[:12]), strict=True
    ),
    "a byte order mark, blanks, members that are unknown or come twice": Forgiven(
        (
            whole(b"\xef\xbb\xbf" + REPLY_BODY),
            whole(b"\n " + REPLY_BODY + b"\r\n"),
            whole(REPLY_BODY[:-1] + b',"stopReason":"end_turn"}'),
            whole(REPLY_BODY[:-1] + b',"new":' + b"[" * 900 + b"]" * 900 + b"}"),
        )
    ),
}

# --- streams ----------------------------------------------------------------------------------------------------------

START, HEL, LO, STOP_BLOCK, STOP, METADATA = EVENTS
ALL = b"".join(EVENTS)


def stream(*frames: bytes, end: bytes = LAST_CHUNK, head: bytes = STREAM_OK) -> bytes:
    return head + CHUNKED + b"".join(map(chunk, frames)) + end


def after_start(*frames: bytes) -> tuple[bytes, ...]:
    """Each of the frames as the second of a stream."""
    return tuple(stream(START, bad, HEL, LO, STOP_BLOCK, STOP, METADATA) for bad in frames)


def delta(payload: bytes) -> bytes:
    return encode_event("contentBlockDelta", payload)


def event(**headers: Any) -> bytes:
    return encode_frame({":" + name.replace("_", "-"): value for name, value in headers.items()}, b"{}")


def exception(name: str, body: bytes = b'{"message":"AWS says no"}') -> bytes:
    return encode_exception(name, body)


CUT_STREAMS = tuple(
    STREAM_OK + CHUNKED + b"".join(map(chunk, EVENTS[:count])) + part
    for count, part in [
        (1, b""),
        (2, b"ff\r\nabc"),
        (3, b"f"),
        (4, chunk(STOP[:40])),
        (5, b""),
        (5, chunk(METADATA[:9])),
    ]
)
UNTIMELY = (1, 30, len(START) + 5, len(START + HEL + LO + STOP_BLOCK) + 60)

STREAMS: dict[str, Fault] = {
    **rows("before the answer", at_every_end((b"",), ProtocolError, head=False)),
    **rows(
        "between head and first event",
        at_every_end((STREAM_OK + CHUNKED, stream(START[:20], end=b"")), StreamIncomplete),
    ),
    **rows("between or inside events", at_every_end(CUT_STREAMS, StreamIncomplete)),
    "ends between two events": Fault(
        (*(stream(*EVENTS[:count]) for count in range(1, 5)), whole(b"".join(EVENTS[:4]), STREAM_OK)),
        StreamIncomplete,
    ),
    "ends inside an event": Fault(tuple(stream(ALL[:size]) for size in UNTIMELY), StreamIncomplete),
    "metadata without messageStop": Fault((stream(METADATA), stream(*EVENTS[:4], METADATA)), StreamIncomplete),
    "no events": Fault(
        (stream(), whole(b"", STREAM_OK), stream(encode_event("initial-response", b"{}"))), StreamIncomplete
    ),
    "malformed chunks": Fault(
        (stream(START, end=b"nonsense\r\n"), stream(START, HEL, end=b"5\r\nmore than five\r\n")), StreamIncomplete
    ),
    "another content type, or none": Fault(
        (
            whole(REPLY_BODY),
            whole(HTML, OK.replace(b"application/json", b"text/html")),
            stream(ALL, head=OK),
            stream(ALL, head=STREAM_OK.replace(b"eventstream", b"eventstreams")),
            stream(ALL, head=b"HTTP/1.1 200 OK\r\n"),
        ),
        ResponseInvalid,
    ),
    "another 2xx status": Fault(
        (
            stream(ALL).replace(b"200 OK", b"206 Part"),
            b"HTTP/1.1 204 No Content\r\nx-amzn-requestid: the-request\r\n\r\n",
        ),
        ResponseInvalid,
    ),
    "something else under the right content type": Fault(
        (stream(HTML), stream(REPLY_BODY), stream(gzip.compress(ALL)), stream(b"\0" * 20)), EventStreamError
    ),
    "broken compression": Fault(
        (stream(b"no gzip", head=STREAM_OK + b"content-encoding: gzip\r\n"),), ProtocolError, strict=True
    ),
    "wrong checksum": Fault(
        (
            stream(START[:-1] + b"\0"),
            *after_start(HEL[:-1] + b"\0", HEL[:8] + b"\0\0\0\0" + HEL[12:], HEL.replace(b"Hel", b"hel")),
        ),
        EventStreamError,
    ),
    "impossible lengths": Fault(
        after_start(prelude(0, 0), prelude(15, 0), prelude(100, 99), prelude(200_000, 131_073)), EventStreamError
    ),
    "a frame of more than 24 MiB announced": Fault(
        tuple(stream(START, prelude(size, 0), end=b"") for size in (2**32 - 1, 24 * 2**20 + 17)), EventStreamError
    ),
    "malformed frame headers": Fault(
        after_start(
            *map(
                frame,
                (
                    header(b"x", 10),
                    header(b"x", 7, b"\xff\xff"),
                    header(b"x", 7, sized(b"\xff")),
                    header(b"", 0),
                    header(b"x", 9, b"short"),
                    text_headers(message_type="event") * 2,
                ),
            )
        ),
        EventStreamError,
    ),
    "frames without a known type": Fault(
        after_start(
            event(),
            event(event_type="messageStop"),
            event(message_type="ping", event_type="messageStop"),
            event(message_type=5, event_type="messageStop"),
            event(message_type="event"),
            event(message_type="event", event_type=5),
            event(message_type="event", event_type=b"messageStop"),
        ),
        EventStreamError,
    ),
    "broken JSON in a good frame": Fault(
        after_start(delta(b""), delta(b"{"), delta(b"\xff"), delta(DEEP), encode_event("brandNew", b"{")),
        EventStreamError,
    ),
    "JSON of another shape": Fault(
        after_start(
            delta(b"[]"),
            delta(b"null"),
            delta(b'{"contentBlockIndex":0.5,"delta":{"text":"a"}}'),
            delta(b'{"contentBlockIndex":NaN,"delta":{"text":"a"}}'),
            delta(b'{"contentBlockIndex":0,"delta":"text"}'),
            delta(b'{"contentBlockIndex":0,"delta":{"text":"a","image":{}}}'),
            encode_event("messageStop", b"{}"),
            encode_event("messageStop", b'{"stopReason":null}'),
            encode_event("metadata", b"{}"),
            encode_event("metadata", b'{"usage":5}'),
        ),
        ResponseInvalid,
    ),
    "exception that may pass, before the first event": Fault(
        (
            stream(exception("throttlingException")),
            stream(exception("throttlingException"), end=b""),
            stream(encode_error("ThrottlingException", "slow")),
        ),
        ThrottlingError,
        3,
        False,
    ),
    "exception that will not pass, before the first event": Fault(
        (stream(exception("validationException")), stream(exception("validationException"), ALL)),
        InvalidRequestError,
        1,
        False,
    ),
    "unknown exception before the first event": Fault(
        (stream(exception("brandNewException")), stream(exception("", b"")), stream(event(message_type="exception"))),
        APIError,
        1,
        False,
    ),
    "exception in the middle": Fault(
        (*after_start(exception("throttlingException")), stream(*EVENTS[:5], exception("throttlingException"))),
        ThrottlingError,
    ),
    "exception behind the last event": Fault((stream(*EVENTS, exception("throttlingException")),), ThrottlingError),
    "exception without a readable body": Fault(
        after_start(*(exception("internalServerException", body) for body in (b"", b"\xff", b"[]", b'{"message":5}'))),
        InternalServerError,
    ),
    "unknown exception in the middle": Fault(
        after_start(
            exception("brandNewException"),
            exception("", b""),
            event(message_type="exception"),
            event(message_type="exception", exception_type=5),
            encode_error("Whatever", "text"),
            event(message_type="error"),
            event(message_type="error", error_code=b"x", error_message=7),
        ),
        APIError,
    ),
    "nonsense behind the last event": Fault((stream(ALL, b"this is no frame at all"),), EventStreamError),
    "redirect": Fault((status(b"307 There", b"", b"location: http://127.0.0.1:1/"),), APIError, 1, False),
    "400, not from AWS": Fault(
        (status(b"400 Bad", HTML), stream(exception("validationException")).replace(b"200 OK", b"400 Bad")),
        InvalidRequestError,
        1,
        False,
    ),
    "429, not from AWS": Fault((status(b"429 Slow", HTML), status(b"429 Slow")), ThrottlingError, 3, False),
    "503, not from AWS": Fault((status(b"503 Busy", HTML),), ServiceUnavailableError, 3, False),
}

STREAMS_FORGIVEN: dict[str, Forgiven] = {
    "broken off behind the last event": Forgiven((stream(*EVENTS, end=b""), stream(*EVENTS, HEL[:20])), "close"),
    "malformed chunks behind the last event": Forgiven((stream(*EVENTS, end=b"nonsense\r\n"),), strict=True),
    "silence behind the last event": Forgiven((stream(*EVENTS, end=b""),)),
    "no metadata": Forgiven((stream(*EVENTS[:5]),)),
    "more behind the answer": Forgiven((stream(ALL) + b"junk", stream(ALL) + EVIL), strict=True),
    "content type in other letters, with parameters": Forgiven(
        tuple(
            stream(ALL, head=OK.replace(b"application/json", kind))
            for kind in (b"Application/VND.Amazon.EventStream", b"application/vnd.amazon.eventstream; a=b")
        )
    ),
    "declared compression": Forgiven((stream(gzip.compress(ALL), head=STREAM_OK + b"content-encoding: gzip\r\n"),)),
    "a length instead of chunks": Forgiven((whole(ALL, STREAM_OK),)),
    "neither a length nor chunks": Forgiven((STREAM_OK + b"\r\n" + ALL,), "close"),
    "events that nobody knows": Forgiven(
        after_start(
            encode_event("brandNew", b'{"a":[1]}'), encode_event("brandNew", b""), encode_event("initial-response", b"")
        )
    ),
    "no messageStart, or two; two messageStop or metadata": Forgiven(
        (
            stream(*EVENTS[1:]),
            stream(START, *EVENTS),
            stream(*EVENTS[:5], STOP, METADATA),
            stream(*EVENTS, METADATA),
        )
    ),
    "a block index that is missing, negative, huge or null": Forgiven(
        tuple(
            stream(START, *[delta(b'{%b"delta":{"text":"%b"}}' % (index, text)) for text in (b"Hel", b"lo")], STOP)
            for index in (b"", *(b'"contentBlockIndex":%b,' % index for index in (b"-1", b"1" * 25, b"null")))
        )
    ),
}
