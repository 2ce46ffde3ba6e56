"""`FakeBedrock`: one script, and three ways to reach it."""

from __future__ import annotations

import itertools
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from bedrock_converse._aws.values import Credentials
from bedrock_converse.testing.auth import Refusal, Verifier
from bedrock_converse.testing.errors import error
from bedrock_converse.testing.faults import Paced
from bedrock_converse.testing.plan import Plan, ScriptError
from bedrock_converse.testing.requests import BadRequest, ReceivedRequest, receive
from bedrock_converse.testing.script import Route, Script

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    import httpx

    from bedrock_converse.testing.server import LoopbackServer
    from bedrock_converse.testing.transport import FakeTransport

__all__ = ["FakeBedrock"]

_CREDENTIALS = ("AKIAFAKEBEDROCKTESTS", "fakeSecretAccessKey/OfNoUseAnywhere+12345")
_API_KEY = "bedrock-api-key-fake-of-no-use-anywhere"


class FakeBedrock:
    """A Bedrock that says what it was told to, for tests.

        fake = FakeBedrock()
        fake.on(MODEL).reply("Hello").then(throttled()).then(reply("Hi").cut(after_events=3))

    It is reached in one of three ways, which behave alike, on asyncio and trio: as an httpx transport (`transport()`),
    through respx (`mount(respx_mock)`), or over a real loopback socket (`serve()`), by any client in any language.

    `with FakeBedrock() as fake:` calls `check()` at the end, so that a test fails when an answer was never asked for
    or a question had none.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | Sequence[Credentials] | None = None,
        api_key: str | Sequence[str] | None = None,
        verify: bool = True,
        region: str = "us-east-1",
        remember: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Start with an empty script.

        Args:
            credentials: Whose signatures are good; a made-up pair of keys if not given, to be read there.
            api_key: Which bearer keys are good; a made-up one if not given.
            verify: False lets every request in, signed or not.
            region: The region that `environment` names.
            remember: How many requests are kept, for servers that run long; None keeps all. `check()` needs all.
            now: The fake's clock, in Unix seconds: it dates its answers by it and judges the age of signatures.
        """
        several = [credentials] if isinstance(credentials, Credentials) else list(credentials or ())
        keys = [api_key] if isinstance(api_key, str) else list(api_key or ())
        self._all_credentials = several or [Credentials(*_CREDENTIALS)]
        self._api_keys = keys or [_API_KEY]
        self._verifier = Verifier(self._all_credentials, self._api_keys, now) if verify else None
        self._now = now
        self._remember = remember
        self._script = Script()
        self._failures: list[BaseException] = []
        self._numbers = itertools.count(1)
        self._pace: Paced | None = None
        self._servers: list[LoopbackServer] = []
        self.region = region
        self.refusing_connections: bool = False
        """True while nothing listens: see `refusing()`."""
        self.requests: list[ReceivedRequest] = []
        """What was asked, in order, those that were refused included: typed requests with headers and raw bytes."""

    # --- who may ask --------------------------------------------------------------------------------------------------

    @property
    def credentials(self) -> Credentials:
        """Credentials that the fake accepts: give them to the client."""
        return self._all_credentials[0]

    @property
    def api_key(self) -> str:
        """An API key that the fake accepts."""
        return self._api_keys[0]

    @property
    def environment(self) -> dict[str, str]:
        """The credentials and the region as environment variables, for code that makes its own client."""
        variables = {
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        if self.credentials.session_token:
            variables["AWS_SESSION_TOKEN"] = self.credentials.session_token
        return variables

    # --- the script ---------------------------------------------------------------------------------------------------

    def on(self, target: str = "*") -> Route:
        """The script for one model id (or guardrail id): `fake.on(MODEL).reply("Hello").then(throttled())`.

        `*` stands for any characters: `fake.on("us.anthropic.*")`. Exact names go before patterns. Without a name the
        script is for everything that no other is for. Asked again for the same name, it goes on where it was.
        """
        return self._script.on(target)

    def reply(self, *content: Any, **how: Any) -> Route:
        """The next answer, whatever the model: `fake.on().reply(...)`."""
        return self.on().reply(*content, **how)

    def then(self, *answers: Any) -> Route:
        """The next answers, whatever the model: `fake.on().then(...)`."""
        return self.on().then(*answers)

    def always(self, answer: Any) -> Route:
        """From here on always this answer, whatever the model: `fake.on().always(...)`."""
        return self.on().always(answer)

    def pace(self, *, tokens_per_second: float | None, time_to_first_token: float = 0.0) -> None:
        """The pace of every answer that has none of its own; see `Answer.paced`."""
        self._pace = Paced(tokens_per_second, time_to_first_token)

    def check(self) -> None:
        """Fail if the script was not followed.

        Raises:
            ScriptError: an answer was never asked for, or a request had none; the message has both side by side.
        """
        if self._failures:
            raise ScriptError(f"a scripted answer could not be given: {self._failures[0]}") from self._failures[0]
        self._script.check()

    def reset(self) -> None:
        """Forget the script and the requests."""
        self._script = Script()
        self._failures.clear()
        self.requests.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        if raised is None:
            self.check()

    # --- the ways in --------------------------------------------------------------------------------------------------

    def transport(self) -> FakeTransport:
        """An httpx transport: `BedrockClient(http_client=httpx.AsyncClient(transport=fake.transport()), ...)`."""
        from bedrock_converse.testing.transport import FakeTransport

        return FakeTransport(self)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer an httpx request: `respx_mock.post(...).mock(side_effect=fake)`."""
        return await self.transport().handle_async_request(request)

    def mount(self, respx_mock: Any) -> Any:
        """Let respx send every Bedrock operation here, whatever the host; gives the respx route."""
        return respx_mock.route(method="POST", path__regex=r"/(model|guardrail|guardrail-checks)/.+").mock(
            side_effect=self
        )

    def serve(
        self, *, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None
    ) -> LoopbackServer:
        """A real server: `async with fake.serve() as url:`, or `with fake.serve() as url:` in a thread of its own.

        Args:
            host: The address to listen at.
            port: The port; a free one if 0.
            ssl_context: Serves https with it.
        """
        from bedrock_converse.testing.server import LoopbackServer

        server = LoopbackServer(self, host=host, port=port, ssl_context=ssl_context)
        self._servers.append(server)
        return server

    @asynccontextmanager
    async def refusing(self) -> AsyncGenerator[None]:
        """`async with fake.refusing():` nothing listens: connecting fails, and idle connections are closed."""
        self.refusing_connections = True
        for server in self._servers:
            await server.refuse()
        try:
            yield
        finally:
            self.refusing_connections = False
            for server in self._servers:
                await server.resume()

    def patch(self) -> AbstractContextManager[FakeBedrock]:
        """`with fake.patch():` every `BedrockClient` that is used inside talks to the fake, also one of the code's own.

        All httpx clients are caught where they call a Bedrock operation, and left alone elsewhere. Meanwhile the
        environment holds the fake's credentials.
        """
        from bedrock_converse.testing.patching import patch

        return patch(self)

    # --- answering ----------------------------------------------------------------------------------------------------

    async def answer(self, method: str, path: str, headers: httpx.Headers, body: bytes) -> Plan:
        """What to send for a request: the one thing that every front end calls."""
        plan = await self._decide(method, path, headers, body)
        request_id = f"00000000-0000-4000-8000-{next(self._numbers):012x}"
        own = {"Date": formatdate(self._now(), usegmt=True), "x-amzn-RequestId": request_id}
        return replace(plan, headers=own | plan.headers)

    def failed(self, failure: Exception) -> None:
        """Note that an answer could not be given, for `check` to raise."""
        self._failures.append(failure)

    async def _decide(self, method: str, path: str, headers: httpx.Headers, body: bytes) -> Plan:
        try:
            request = receive(method, path, headers, body)
        except BadRequest as bad:
            self._script.unanswered(f"{method} {path}  ({bad.code})")
            return error(bad.code, bad.status, bad.message).plan("")
        self._note(request)
        refusal = self._verifier.check(method, path, headers, body) if self._verifier else None
        if refusal is not None:
            return self._refuse(refusal)
        step = self._script.take(request)
        if step is None:
            return error("UnscriptedRequest", 400, f"Nothing is scripted for {request}.").plan("")
        try:
            answer = await step.answer_to(request)
            return answer.plan(request.operation, self._pace)
        except Exception as failure:  # noqa: BLE001 - the script's own bug
            self.failed(failure)
            return error("ScriptFailed", 400, f"The script failed: {type(failure).__name__}").plan("")

    def _note(self, request: ReceivedRequest) -> None:
        self.requests.append(request)
        if self._remember is not None:
            del self.requests[: len(self.requests) - self._remember]
            self._script.forget()

    def _refuse(self, refusal: Refusal) -> Plan:
        return error(refusal.code, 403, refusal.message).plan("")
