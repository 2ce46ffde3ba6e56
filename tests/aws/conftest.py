"""Every test here starts on a machine without AWS settings: no variables, no files, an empty home."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def aws_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Clear what the machine knows about AWS; give the home folder that takes its place."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "BOTO")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return home


@pytest.fixture
def write_config(aws_home: Path) -> Callable[..., None]:
    """Write `~/.aws/config`, and `~/.aws/credentials` if given."""

    def write(config: str, credentials: str | None = None) -> None:
        (aws_home / ".aws" / "config").write_text(config, "utf-8")
        if credentials is not None:
            (aws_home / ".aws" / "credentials").write_text(credentials, "utf-8")

    return write


class FakeService:
    """A loopback HTTP service: records requests, and answers each with what `answer` gives for it."""

    def __init__(self, answer: Callable[[str, str, str], str], status: Callable[[], int] = lambda: 200) -> None:
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                requests.append((self.command, self.path, dict(self.headers.items()), body))
                given = answer(self.command, self.path, body).encode()
                self.send_response(status())
                self.send_header("content-length", str(len(given)))
                self.send_header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
                self.end_headers()
                self.wfile.write(given)

            do_PUT = do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., FakeService]]:
    """Start fake services on loopback; they end with the test."""
    services: list[FakeService] = []

    def start(*arguments: Any) -> FakeService:
        services.append(FakeService(*arguments))
        return services[-1]

    yield start
    for service in services:
        service.close()


class FakeSts:
    """STS on loopback: lends `ASIA1`, `ASIA2`, ... for an hour, and tells who asked for what."""

    def __init__(self, serve: Callable[..., FakeService]) -> None:
        self.error: str | None = None
        self.asked: list[dict[str, str]] = []
        self.callers: list[str] = []
        self._service = serve(self._answer, lambda: 403 if self.error else 200)
        self.url = self._service.url

    def _answer(self, method: str, path: str, body: str) -> str:
        headers = {name.lower(): value for name, value in self._service.requests[-1][2].items()}
        self.asked.append(dict(parse_qsl(body)))
        self.callers.append(headers.get("authorization", "").partition("Credential=")[2].partition("/aws4")[0])
        if self.error:
            error = f"<Error><Type>Sender</Type><Code>{self.error}</Code><Message>no</Message></Error>"
            return f"<ErrorResponse>{error}</ErrorResponse>"
        action = self.asked[-1]["Action"]
        expiration = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = f"<AccessKeyId>ASIA{len(self.asked)}</AccessKeyId><SecretAccessKey>canary-lent</SecretAccessKey>"
        lent = f"{keys}<SessionToken>canary-token</SessionToken><Expiration>{expiration}</Expiration>"
        user = "<Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>A:s</AssumedRoleId>"
        result = f"<Credentials>{lent}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"
        return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"


@pytest.fixture
def sts(serve: Callable[..., FakeService], monkeypatch: pytest.MonkeyPatch) -> FakeSts:
    """A fake STS that `AWS_ENDPOINT_URL_STS` points at."""
    fake = FakeSts(serve)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", fake.url)
    return fake
