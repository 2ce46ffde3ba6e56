"""The HTTP/1.1 codec: whole, byte by byte, broken, and against h11."""

from __future__ import annotations

import re
import string

import h11
import httpcore
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bedrock_converse._http.http11 import MAX_HEAD, ResponseDecoder, ResponseHead, encode_head

OK = b"HTTP/1.1 200 OK\r\n"


def decode(
    data: bytes, *, size: int | None = None, eof: bool = False, method: bytes = b"POST"
) -> tuple[ResponseHead, bytes, ResponseDecoder]:
    """Feed `data` in pieces of `size` bytes."""
    decoder = ResponseDecoder(method)
    pieces = [data[i : i + (size or len(data))] for i in range(0, len(data), size or len(data))]
    head = None
    payload = b""
    for piece in pieces:
        if head is None:
            head = decoder.head(piece)
            if head is not None:
                payload += decoder.body(b"")
        elif not decoder.complete:
            payload += decoder.body(piece)
    decoder.check()
    if eof and not decoder.complete:
        decoder.end()
    assert head is not None
    return head, payload, decoder


ANSWERS = {
    "counted": (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "empty": (OK + b"content-length: 0\r\n\r\n", b""),
    "chunked": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n06;a=b\r\n world\r\n0\r\n\r\n", b"hello world"),
    "trailers": (OK + b"transfer-encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", b"x"),
    "equal lengths": (OK + b"content-length: 2, 2\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", b""),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", b"x"),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        + OK
        + b"content-length: 1\r\n\r\nx",
        b"x",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_reads_the_same_in_pieces_of_any_size(name: str) -> None:
    """Whole, byte by byte and in every size between: the same head, payload and end."""
    data, payload = ANSWERS[name]
    whole = decode(data)
    for size in range(1, len(data) + 1):
        head, got, decoder = decode(data, size=size)
        assert (head, got) == (whole[0], payload)
        assert decoder.complete
        assert decoder.reusable


def test_a_head_keeps_order_case_and_duplicates() -> None:
    """Headers come out as they were sent, without the blanks around the values."""
    head, _, _ = decode(b"HTTP/1.1 418 I'm a  teapot\r\nX-A: 1\r\nx-a:  2 \t\r\nB:\r\nContent-Length: 0\r\n\r\n")
    assert head == (
        418,
        b"I'm a  teapot",
        [(b"X-A", b"1"), (b"x-a", b"2"), (b"B", b""), (b"Content-Length", b"0")],
        b"HTTP/1.1",
    )


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    """Neither counted nor chunked: everything up to the end, and the connection is used up."""
    _, payload, decoder = decode(OK + b"\r\nabc", size=4, eof=True)
    assert payload == b"abc"
    assert decoder.complete
    assert not decoder.reusable


def test_head_has_no_body() -> None:
    """The answer to HEAD ends with its headers, whatever they announce."""
    _, payload, decoder = decode(OK + b"content-length: 5\r\n\r\n", method=b"HEAD")
    assert payload == b""
    assert decoder.reusable


@pytest.mark.parametrize(
    "data",
    [
        OK + b"connection: close\r\ncontent-length: 0\r\n\r\n",
        OK + b"Connection: Keep-Alive, Close\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        OK + b"content-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
        OK + b"content-length: 7\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["close", "close among others", "HTTP/1.0", "more than was asked for", "two lengths"],
)
def test_a_connection_is_not_reused(data: bytes) -> None:
    """The peer closes it, or has sent more than the answer, or it is not certain where the answer ends."""
    _, payload, decoder = decode(data)
    assert payload == b""
    assert decoder.complete
    assert not decoder.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nA: b\n\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b": nothing\r\n\r\n",
        OK + b"a b: c\r\n\r\n",
        OK + b"a : b\r\n\r\n",
        OK + b"a: b\r\n folded\r\n\r\n",
        OK + b"a: b\0\r\n\r\n",
        OK + b"a: b\rc\r\n\r\n",
        OK + b"content-length: 5, 6\r\n\r\n",
        OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"content-length: +1\r\n\r\n",
        OK + b"content-length: 0x1\r\n\r\n",
        OK + b"content-length: 1_0\r\n\r\n",
        OK + b"content-length:\r\n\r\n",
        OK + b"content-length: 1" + b"0" * 30 + b"\r\n\r\n",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n",
        OK + b"transfer-encoding: identity\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\ncontent-length: x\r\n\r\n" + OK + b"content-length: 0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n-1\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n+1\r\nx\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1\nx\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1 ;a\r\nx\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1\r\nxy\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n" + b"0" * 5000,
        OK + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
    ],
)
def test_what_is_not_certain_is_refused(data: bytes) -> None:
    """Malformed or ambiguous: the peer's fault, in pieces of any size."""
    for size in (None, 1):
        with pytest.raises(httpcore.RemoteProtocolError):
            decode(data, size=size)


@pytest.mark.parametrize("filler", [b"a", b"a: b\r\n", b" "])
def test_endless_headers_are_refused(filler: bytes) -> None:
    """A head that never ends is given up at `MAX_HEAD`, whatever it is made of."""
    decoder = ResponseDecoder(b"POST")
    decoder.head(OK)
    piece = filler * 500

    def feed() -> None:
        for _ in range(MAX_HEAD // len(piece) + 1):
            decoder.head(piece)

    with pytest.raises(httpcore.RemoteProtocolError):
        feed()


def test_endless_interim_answers_are_refused() -> None:
    """A server that never comes to the point."""
    decoder = ResponseDecoder(b"POST")

    def feed() -> None:
        for _ in range(MAX_HEAD // 2500 + 1):
            decoder.head(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    with pytest.raises(httpcore.RemoteProtocolError, match="interim"):
        feed()


def test_endless_trailers_are_refused() -> None:
    """Trailers count together, not line by line."""
    decoder = ResponseDecoder(b"POST")
    decoder.head(OK + b"transfer-encoding: chunked\r\n\r\n")
    decoder.body(b"0\r\n")

    def feed() -> None:
        for _ in range(MAX_HEAD // 3000 + 1):
            decoder.body(b"a: b\r\n" * 500)
        decoder.check()

    with pytest.raises(httpcore.RemoteProtocolError):
        feed()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "without sending a response"),
        (OK, "in the middle of the response headers"),
        (OK + b"content-length: 5\r\n\r\nhe", "3 bytes before the end"),
        (OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhe", "in the middle of the response body"),
        (OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "in the middle of the response body"),
        (OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "in the middle of the response body"),
    ],
)
def test_an_end_in_the_middle_is_an_error(data: bytes, message: str) -> None:
    """A cut answer is never a short one."""
    decoder = ResponseDecoder(b"POST")
    if decoder.head(data) is not None:
        decoder.body(b"")
    with pytest.raises(httpcore.RemoteProtocolError, match=message):
        decoder.end()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_comes_before_malformed_chunks_is_given(size: int) -> None:
    """All of it, however it is cut: only then comes the error, at the next step or at the end of the connection."""
    data = b"3\r\nabc\r\n2\r\ndefg"
    for last_step in (ResponseDecoder.check, ResponseDecoder.end, lambda decoder: decoder.body(b"x")):
        decoder = ResponseDecoder(b"POST")
        decoder.head(OK + b"transfer-encoding: chunked\r\n\r\n")
        assert b"".join(decoder.body(data[i : i + size]) for i in range(0, len(data), size)) == b"abcde"
        with pytest.raises(httpcore.RemoteProtocolError, match="longer than announced"):
            last_step(decoder)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_head_with_bare_line_feeds_is_not_waited_for(size: int) -> None:
    """Its end never comes in the form that we read, so it is refused at once."""
    decoder = ResponseDecoder(b"POST")
    data = OK + b"a: b\ncontent-length: 0\n\n"
    with pytest.raises(httpcore.RemoteProtocolError, match="malformed"):
        [decoder.head(data[i : i + size]) for i in range(0, len(data), size)]


def test_nothing_is_held_back() -> None:
    """What has come of a chunk is given out before the chunk is complete: nothing is buffered but its line."""
    decoder = ResponseDecoder(b"POST")
    decoder.head(OK + b"transfer-encoding: chunked\r\n\r\n")
    assert decoder.body(b"100000\r\nab") == b"ab"
    assert decoder.body(b"cd") == b"cd"


def test_a_request_head() -> None:
    """Request line, headers as they are, empty line."""
    assert encode_head(b"POST", b"/a%3Ab", [(b"Host", b"x"), (b"a", b"")]) == (
        b"POST /a%3Ab HTTP/1.1\r\nHost: x\r\na: \r\n\r\n"
    )


@pytest.mark.parametrize("value", [b"s3cret\r\nx: y", b"s3cret\nx", b"s3cret\rx", b"s3cret\0"])
def test_header_injection_is_refused_without_showing_the_value(value: bytes) -> None:
    """A line break in a value would begin another header; the message names the header only."""
    with pytest.raises(httpcore.LocalProtocolError, match="authorization") as caught:
        encode_head(b"POST", b"/", [(b"host", b"x"), (b"authorization", value)])
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        (b"POST", b"/a b", b"a"),
        (b"POST", b"/a\r\nx: y", b"a"),
        (b"POST", b"", b"a"),
        (b"POST", b"/\xff", b"a"),
        (b"PO ST", b"/", b"a"),
        (b"", b"/", b"a"),
        (b"POST", b"/", b""),
        (b"POST", b"/", b"a b"),
        (b"POST", b"/", b"a:"),
        (b"POST", b"/", b"a\r\nb"),
    ],
)
def test_request_smuggling_is_refused(method: bytes, target: bytes, name: bytes) -> None:
    """Methods, paths and names have only the characters that HTTP allows there."""
    with pytest.raises(httpcore.LocalProtocolError):
        encode_head(method, target, [(name, b"value")])


# Against h11.

names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=8).map(str.encode)
values = st.text(string.ascii_letters + string.digits + string.punctuation + " \t", max_size=12)
plain_headers = st.lists(
    st.tuples(names, values.map(lambda value: value.strip().encode())).filter(
        lambda header: header[0].lower() not in (b"content-length", b"transfer-encoding", b"connection", b"upgrade")
    ),
    max_size=4,
)
STATUSES = [b"200 OK", b"404 Not Found", b"204 No Content", b"500 ", b"429 Slow", b"304 Same", b"205", b"206 Part"]
INTERIM = [b"100 Continue\r\n", b"103 Early Hints\r\nlink: </a>\r\n", b"102 \r\ncontent-length: 3\r\n"]
SPECIAL = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"0",
    b"-1",
    b"\r\n\r\n",
    b"\xff",
    b"HTTP/1.1 200\r\n",
]


def lengths(size: int) -> st.SearchStrategy[bytes]:
    """What may stand in a Content-Length: mostly the truth."""
    true = b"%d" % size
    lies = [b"%d" % (size + 1), b"0", b"%d, %d" % (size, size), b"0%d" % size, b"-1", b"x", b"", b"9" * 25]
    return st.one_of(st.just(true), st.just(true), st.sampled_from(lies))


@st.composite
def chunked_bodies(draw: st.DrawFn, payload: list[bytes]) -> bytes:
    """Sizes in any spelling, with extensions and trailers now and then."""
    size_line = st.sampled_from([b"%x", b"%X", b"%04x", b"%x ", b"%x;a=b", b'%x; a = "b c" '])
    body = b"".join(draw(size_line) % len(part) + b"\r\n%b\r\n" % part for part in payload)
    trailers = b"".join(b"%b: %b\r\n" % header for header in draw(st.just([]) | plain_headers))
    return body + draw(st.sampled_from([b"0", b"0", b"000", b"0;x"])) + b"\r\n" + trailers + b"\r\n"


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Answers as servers send them, and now and then broken ones."""
    payload = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=4))
    headers = draw(plain_headers)
    framing = draw(st.sampled_from(["length", "length", "chunked", "chunked", "both", "neither"]))
    chunked = framing in ("chunked", "both")
    body = draw(chunked_bodies(payload)) if chunked else b"".join(payload)
    if chunked:
        headers.append((draw(st.sampled_from([b"Transfer-Encoding", b"transfer-encoding"])), b"chunked"))
    if framing in ("length", "both"):
        for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
            headers.append((b"Content-Length", draw(lengths(len(body)))))
    if draw(st.booleans()):
        headers.append((b"connection", draw(st.sampled_from([b"close", b"keep-alive", b"Close, x"]))))
    version = draw(st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/1.9"]))
    data = b"".join(b"HTTP/1.1 %b\r\n" % interim for interim in draw(st.lists(st.sampled_from(INTERIM), max_size=2)))
    data += b"%b %b\r\n" % (version, draw(st.sampled_from(STATUSES)))
    data += b"".join(b"%b: %b\r\n" % header for header in draw(st.permutations(headers))) + b"\r\n" + body
    data += draw(st.sampled_from([b"", b"", b"", b"\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]))
    if draw(st.integers(0, 3)) == 0:
        where = draw(st.integers(0, len(data)))
        new = draw(st.one_of(st.binary(max_size=2), st.sampled_from(SPECIAL)))
        data = data[:where] + new + data[where + draw(st.integers(0, 2)) :]
    return data


Read = tuple[int, list[tuple[bytes, bytes]], bytes, bool]
"""Status, headers, payload, and whether another request may follow on the connection."""


def ours(data: bytes, size: int) -> Read | str:
    decoder = ResponseDecoder(b"POST")
    head, payload = None, b""
    try:
        for i in range(0, len(data), size):
            if head is None:
                head = decoder.head(data[i : i + size])
                payload += decoder.body(b"") if head is not None else b""
            else:
                payload += decoder.body(data[i : i + size])
        decoder.check()
        if not decoder.complete:
            decoder.end()
    except httpcore.RemoteProtocolError:
        return "refused"
    assert head is not None
    return head.status, [(name.lower(), value) for name, value in head.headers], payload, decoder.reusable


def h11s(data: bytes, size: int) -> Read | str:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=b"POST", target=b"/", headers=[(b"host", b"x")]))
    connection.send(h11.EndOfMessage())
    head, payload = None, b""
    feed = [data[i : i + size] for i in range(0, len(data), size)]
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(feed.pop(0) if feed else b"")
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                payload += event.data
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed | h11.PAUSED):
                break
    except h11.RemoteProtocolError:
        return "refused"
    if head is None:
        return "refused"
    more = bool(feed) or bool(connection.trailing_data[0])
    headers = [(bytes(name), bytes(value)) for name, value in head.headers]
    return head.status_code, headers, payload, connection.their_state is h11.DONE and not more


EQUAL_BUT_DIFFERENT = re.compile(rb"(?i)(content-length:|,)[ \t]*0[0-9]")
"""Two lengths, 5 and 05, are one number here and two texts to h11."""


def other_headers(read: Read | str) -> object:
    """h11 makes one of several equal lengths."""
    return read if isinstance(read, str) else [header for header in read[1] if header[0] != b"content-length"]


@settings(max_examples=examples(600), suppress_health_check=[HealthCheck.too_slow])
@given(data=answers(), size=st.integers(1, 200))
def test_it_agrees_with_h11(data: bytes, size: int) -> None:
    """Where both accept an answer they read the same; what h11 refuses is refused; what h11 would not reuse is not.

    The other way round h11 is more generous: bare line feeds, folded headers.
    """
    assume(not EQUAL_BUT_DIFFERENT.search(data))
    mine, theirs = ours(data, size), h11s(data, size)
    if mine != "refused":
        assert (mine[0], other_headers(mine), mine[2]) == (theirs[0], other_headers(theirs), theirs[2])
        assert theirs[3] or not mine[3]


@settings(max_examples=examples(300))
@given(data=answers(), size=st.integers(1, 200))
def test_the_pieces_do_not_matter(data: bytes, size: int) -> None:
    """In pieces or at once: the same answer, or refused both times."""
    assert ours(data, size) == ours(data, len(data) or 1)


@settings(max_examples=examples(300))
@given(data=st.binary(max_size=300), prefix=st.sampled_from([b"", OK, OK + b"transfer-encoding: chunked\r\n\r\n"]))
def test_rubbish_is_refused_and_nothing_else_happens(data: bytes, prefix: bytes) -> None:
    """Random bytes give an answer or `RemoteProtocolError`; no other exception, no hang."""
    ours(prefix + data, 7)
