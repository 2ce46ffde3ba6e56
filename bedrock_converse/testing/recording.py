"""Recordings: real answers, kept in a file that people can read, for tests that need no AWS.

    {"request": {"operation": "ConverseStream", "target": "us.amazon.nova-lite-v1:0", "body": {...}}}
    {"response": {"status": 200, "headers": {"content-type": "application/vnd.amazon.eventstream"}}}
    {"event": {"messageStart": {"role": "assistant"}}}
    ...                                         one line for each event
    {"end": "complete"}                         or the name of what broke it

JSON, one object a line; an interaction is the lines from one "request" to the next. A whole answer has one line
`{"body": {...}}` in place of events (`{"text": ...}` if it is no JSON). Signatures, keys and all other headers of
requests are never written.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread
import httpx

from bedrock_converse._wire.eventstream import FrameDecoder
from bedrock_converse.errors import BedrockError
from bedrock_converse.testing.answers import Answer
from bedrock_converse.testing.fake import FakeBedrock
from bedrock_converse.testing.plan import Piece, Plan
from bedrock_converse.testing.replies import EventsAnswer
from bedrock_converse.testing.requests import BadRequest, receive

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from bedrock_converse import BedrockClient

__all__ = ["record", "replay"]

_KEPT_HEADERS = ("content-type", "retry-after", "x-amz-retry-after", "x-amzn-errortype", "x-amzn-requestid")


# --- writing ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def record(
    client: BedrockClient,
    path: str | os.PathLike[str],
    *,
    redact: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None,
) -> AsyncGenerator[None]:
    """`async with record(client, "rivers.jsonl"):` notes every attempt of the client and its views.

    Args:
        client: The client, over its own connections or any `http_client`.
        path: The file; at the end of the block all that was noted is added to it.
        redact: Gets each line as a dict, and gives what is to be written; None leaves the line out.
    """
    hub: Any = client._hub  # pyright: ignore[reportPrivateUsage]  # there is no public way to see the wire
    real = hub.loop
    interactions: list[_Interaction] = []

    def begin(url: str, body: bytes) -> _Interaction:
        interactions.append(_Interaction(url, body))
        return interactions[-1]

    async def loop(**how: Any) -> Any:
        found = await real(**how)
        return replace(found, transport=_RecordingTransport(found.transport, begin))

    hub.loop = loop
    try:
        yield
    finally:
        del hub.loop
        lines = [line if redact is None else redact(line) for each in interactions for line in each.lines()]
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_append, Path(path), [line for line in lines if line is not None])


def _append(path: Path, lines: list[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


class _RecordingTransport:
    def __init__(self, transport: Any, begin: Callable[[str, bytes], _Interaction]) -> None:
        self._transport = transport
        self._begin = begin

    async def send(self, url: str, headers: dict[str, str], pieces: list[bytes], **how: Any) -> Any:
        interaction = self._begin(url, b"".join(pieces))
        try:
            answer = await self._transport.send(url, headers, pieces, **how)
        except BedrockError as error:
            interaction.end(type(error).__name__)
            raise
        interaction.answered(answer.status, answer.headers)
        answer._pieces = _Tee(answer._pieces, interaction)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Tee:
    """The pieces of a body, which are noted as they pass."""

    def __init__(self, pieces: AsyncIterator[bytes], interaction: _Interaction) -> None:
        self._pieces = pieces
        self._interaction = interaction

    def __aiter__(self) -> _Tee:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._pieces.__anext__()
        except StopAsyncIteration:
            self._interaction.end("complete")
            raise
        except Exception as error:
            self._interaction.end(type(error).__name__)
            raise
        self._interaction.received.append(piece)
        return piece


class _Interaction:
    def __init__(self, url: str, body: bytes) -> None:
        self._url = url
        self._body = body
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._end = "left"  # unless something else becomes of it
        self.received: list[bytes] = []

    def answered(self, status: int, headers: dict[str, str]) -> None:
        self._status = status
        self._headers = {name: headers[name] for name in _KEPT_HEADERS if name in headers}

    def end(self, how: str) -> None:
        self._end = how

    def lines(self) -> Iterator[dict[str, Any]]:
        yield {"request": _request(self._url, self._body)}
        if self._status is not None:
            yield {"response": {"status": self._status, "headers": self._headers}}
            body = b"".join(self.received)
            if "eventstream" in self._headers.get("content-type", ""):
                yield from _events(body)
            else:
                yield _body(body)
        yield {"end": self._end}


def _request(url: str, body: bytes) -> dict[str, Any]:
    path = httpx.URL(url).raw_path.decode("ascii")
    try:
        request = receive("POST", path, httpx.Headers(), body)
    except BadRequest:
        return {"path": path, **_body(body)}
    return {"operation": request.operation, "target": request.target, **_body(body)}


def _body(body: bytes) -> dict[str, Any]:
    try:
        return {"body": json.loads(body)}
    except ValueError:
        return {"text": body.decode("utf-8", "backslashreplace")}


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    decoder = FrameDecoder()
    decoder.receive_data(body)
    decoder.receive_eof()
    try:
        for frame in decoder.frames():
            name = frame.headers.get(":event-type") or frame.headers.get(":exception-type") or "error"
            event = json.loads(frame.payload or b"{}")
            event.pop("p", None)
            if name == "chunk":
                event = _readable_chunk(event)
            yield {"event": {name: event}}
    except (BedrockError, ValueError) as error:
        yield {"broken": f"{type(error).__name__}: {error}"}


def _readable_chunk(event: dict[str, Any]) -> dict[str, Any]:
    return _body(b64decode(event["bytes"]))


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Recorded(Answer):
    """A whole answer, as it was."""

    operation: str
    status: int
    response_headers: dict[str, str]
    body: bytes

    @property
    def operations(self) -> frozenset[str]:
        return frozenset({self.operation})

    def _flawless(self, operation: str) -> Plan:
        return Plan(status=self.status, headers=dict(self.response_headers), pieces=[Piece(self.body)])

    def _described(self) -> str:
        return f"recorded {self.operation} ({self.status})"


def replay(path: str | os.PathLike[str], *, fake: FakeBedrock | None = None) -> FakeBedrock:
    """A fake that answers as it was recorded: for each model and operation in the order of the file, each once.

    Args:
        path: A file that `record` wrote.
        fake: Adds the recording to this script; if not given, to a new one that lets every request in unsigned.

    Raises:
        ValueError: The file is no recording; the message names the line.
    """
    fake = FakeBedrock(verify=False) if fake is None else fake
    interaction: list[dict[str, Any]] = []
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or not (interaction or "request" in entry):
            raise ValueError(f"line {number} of {path} is no part of a recording")
        if "request" in entry and interaction:
            _add(fake, interaction)
            interaction = []
        interaction.append(cast("dict[str, Any]", entry))
    if interaction:
        _add(fake, interaction)
    return fake


def _add(fake: FakeBedrock, interaction: list[dict[str, Any]]) -> None:
    parts: dict[str, Any] = {key: value for entry in interaction for key, value in entry.items()}
    request, response = parts["request"], parts.get("response")
    if response is None or "operation" not in request:
        return  # nothing had come: there is nothing to say
    events = [next(iter(entry["event"].items())) for entry in interaction if "event" in entry]
    if events or "eventstream" in response["headers"].get("content-type", ""):
        told = tuple((name, _chunk(event) if name == "chunk" else event) for name, event in events)
        answer: Answer = EventsAnswer(told, request["operation"])
    else:
        body = json.dumps(parts["body"]) if "body" in parts else parts.get("text", "")
        headers = {name: value for name, value in response["headers"].items() if name != "x-amzn-requestid"}
        answer = _Recorded(request["operation"], response["status"], headers, body.encode())
    fake.on(request["target"] or "*").then(answer)


def _chunk(event: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(event["body"]) if "body" in event else event["text"]
    return {"bytes": b64encode(body.encode()).decode("ascii")}
