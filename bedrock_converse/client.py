"""`BedrockClient`: the operations of Bedrock Runtime as async methods, and views that share its connections."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from sys import float_info
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeVar, Unpack, cast, overload

from bedrock_converse import types
from bedrock_converse._http.deadline import Timeout
from bedrock_converse._http.first_use import ready
from bedrock_converse._http.tracebacks import discreet
from bedrock_converse._wire.arguments import (
    ConverseArguments,
    InvokeArguments,
    MessagesLike,
    are_many,
    as_messages,
    as_system,
    build_converse,
    check_names,
    converted,
    json_body,
    validated,
    with_defaults,
)
from bedrock_converse.errors import ClientClosed, ConfigError, RequestInvalid
from bedrock_converse.types import ConverseRequest, ConverseResponse, ConverseStreamRequest
from bedrock_converse.types.document import is_large

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from bedrock_converse._aws.credentials import ApiKey, ApiKeyLike, CredentialsLike, Identity
    from bedrock_converse._http.call import Call
    from bedrock_converse._http.deadline import TimeoutLike
    from bedrock_converse._http.hub import Hub, Target
    from bedrock_converse._http.retry import RetryPolicy
    from bedrock_converse._http.transport import HttpClient
    from bedrock_converse.observe import FanOut, Observer
    from bedrock_converse.stream import ConverseStream, InvokeModelStream
    from bedrock_converse.types import (
        ApplyGuardrailRequest,
        ApplyGuardrailResponse,
        CountTokensRequest,
        CountTokensResponse,
        GuardrailChecksConfig,
        GuardrailChecksMessage,
        GuardrailContentBlock,
        InvokeGuardrailChecksRequest,
        InvokeGuardrailChecksResponse,
        InvokeModelRequest,
        InvokeModelResponse,
        InvokeModelWithResponseStreamRequest,
        SystemContentBlock,
        ToolConfiguration,
    )
    from bedrock_converse.types.base import Model

__all__ = ["BedrockClient", "ClientStats", "Transform"]

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound="Model")

Transform = Callable[[Any], Any]
"""A pure request shaper: takes a request model, returns the one to send."""

UNSET: Final[Any] = type("Unset", (), {"__repr__": lambda self: "UNSET"})()  # pyright: ignore[reportUnknownLambdaType]
"""Not given, where None means something."""

_making = Lock()  # two threads may use a client for the first time at once

LARGE_JSON = 512 * 1024
"""Characters: writing more of JSON takes a thread."""
PROTECTED = (
    *("accept-encoding", "authorization", "connection", "content-length", "content-type", "expect", "host"),
    *("keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
)
"""What the client sets itself, or what would change how the two ends talk to each other."""
PROTECTED_PREFIXES = ("x-amz-", "amz-sdk-", "proxy-")


@dataclass(frozen=True, slots=True)
class ClientStats:
    """What a client is doing, at one moment."""

    open: int
    """Connections, whatever they do."""
    idle: int
    """Connections that wait for a request."""
    queued: int
    """Calls that wait for a connection."""
    live_streams: int
    """Streams that are being read."""
    quota: int
    """What is left of the retry quota of this client's (or view's) identity; 500 when nothing fails."""


@dataclass(frozen=True, slots=True)
class _Settings:
    region: str | None
    credentials: Any = field(repr=False)
    api_key: Any = field(repr=False)
    profile: str | None
    endpoint_url: str | None
    timeout: Timeout
    retry: RetryPolicy | None
    extra_headers: Mapping[str, str] = field(repr=False)
    transforms: tuple[Transform, ...]
    observers: FanOut | None
    allow_insecure: bool
    defaults: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Connections:
    http_client: HttpClient | None
    max_connections: int
    proxy: str | None = field(repr=False)
    verify: str | os.PathLike[str] | None


class BedrockClient:
    """Amazon Bedrock Runtime, natively async, under asyncio and trio.

        async with BedrockClient(region="us-east-1") as bedrock:
            reply = await bedrock.converse(MODEL, "Name three rivers.", max_tokens=300)
            print(reply.text)

    One client serves a whole application: it keeps connections, TLS sessions, credentials and clock corrections.
    `with_options` gives views for tenants, regions and defaults that share all of it. Use `async with`, or `aclose()`.
    Making a client does no I/O, reads no file and imports no botocore; that happens in the first call, off the event
    loop, or in `warm_up()`.
    """

    @discreet
    def __init__(
        self,
        *,
        region: str | None = None,
        credentials: CredentialsLike | None = None,
        api_key: ApiKeyLike | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        http_client: HttpClient | None = None,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        max_connections: int = 1000,
        max_in_flight: int | Mapping[str, int] | None = None,
        transforms: Sequence[Transform] = (),
        observers: Sequence[Observer] = (),
        extra_headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        verify: str | os.PathLike[str] | None = None,
        allow_insecure: bool = False,
    ) -> None:
        """Everything is optional; what is not given is found as every AWS SDK finds it.

        Args:
            region: `"us-east-1"`. Else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile. There is no default.
            credentials: `Credentials(...)`, a sync or async callable that returns them, `assume_role(...)`, or a
                `boto3.Session`, botocore session or credentials object. Else botocore's whole chain.
            api_key: A Bedrock API key, or a sync or async callable that returns one. Else `AWS_BEARER_TOKEN_BEDROCK`.
            profile: A profile of the AWS settings files. Else `AWS_PROFILE`.
            endpoint_url: Where to send to: scheme, host, port and path, and no password. Else AWS's own variables and
                settings, else the region's endpoint.
            http_client: An `httpx.AsyncClient` (or `httpx2.AsyncClient`) to send through, for hooks, proxies or mocks.
                It is never closed by this client, and its redirects, auth and timeouts are not used.
            timeout: A `Timeout`, seconds for the whole call, or None for no limits.
            retry: A `RetryPolicy`; `RetryPolicy.none()` for no retries. Else AWS's defaults with `AWS_MAX_ATTEMPTS`.
            max_connections: How many connections there may be; calls beyond that wait their turn.
            max_in_flight: At most so many calls at once per model id, or a number per model id. Guardrails have
                none, and are not counted.
            transforms: Request shapers (`request -> request`), run once per call, in order, before it is sent.
            observers: See `Observer`.
            extra_headers: Headers for every request. They are signed.
            proxy: A proxy's URL. Else `HTTPS_PROXY`, `NO_PROXY` and their kin.
            verify: Certificate authorities to trust, a file or folder. Else `AWS_CA_BUNDLE`, `SSL_CERT_FILE`, certifi.
            allow_insecure: Send API keys over `http://` to other machines and proxies too.

        Raises:
            ConfigError: Arguments that exclude each other, or that are not what they should be.
        """
        if api_key is not None and (credentials is not None or profile is not None):
            raise ConfigError("api_key= and credentials= or profile= are two kinds of auth: give one of them")
        if isinstance(max_connections, bool) or not isinstance(max_connections, int) or max_connections < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"max_connections must be a whole number of at least 1, not {max_connections!r}")
        if verify is not None and not isinstance(verify, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"verify must be a file or folder of certificate authorities, not {verify!r}")
        if http_client is not None:
            _check_http_client(http_client)
            if proxy is not None or verify is not None:
                raise ConfigError("proxy= and verify= do not reach an http_client; configure them on it")
        self._settings = _Settings(
            region=region,
            credentials=credentials,
            api_key=api_key,
            profile=profile,
            endpoint_url=_checked_endpoint_url(endpoint_url),
            timeout=Timeout() if timeout is UNSET else Timeout.of(timeout),
            retry=_checked_retry(retry),
            extra_headers=_checked_headers(extra_headers),
            transforms=_checked_transforms(transforms),
            observers=_fan_out(observers),
            allow_insecure=allow_insecure,
            defaults={},
        )
        self._connections = _Connections(http_client, max_connections, proxy, verify)
        self._max_in_flight = max_in_flight
        self._owner: BedrockClient = self
        self._made_hub: Hub | None = None
        self._closed = False
        self._identity: Identity | ApiKey | None = None
        self._target: Target | None = None
        if max_in_flight is not None:
            self._limiter()

    # --- views ---

    @discreet
    def with_options(
        self,
        *,
        region: str = UNSET,
        credentials: CredentialsLike | None = UNSET,
        api_key: ApiKeyLike | None = UNSET,
        profile: str | None = UNSET,
        endpoint_url: str | None = UNSET,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = UNSET,
        extra_headers: Mapping[str, str] = UNSET,
        transforms: Sequence[Transform] = UNSET,
        observers: Sequence[Observer] = UNSET,
        **defaults: Unpack[ConverseArguments],
    ) -> BedrockClient:
        """A view of this client with other settings, sharing its connections, TLS and clock corrections.

        Cheap enough for one per request: `bedrock.with_options(credentials=tenant.credentials, max_tokens=500)`.
        `credentials`, `api_key` or `profile` *replace* the kind of auth. `extra_headers` are added to the client's. The
        other keywords are defaults for the arguments of `converse` and `converse_stream`; a call's own go before them.
        Closing a view does nothing: close the client.

        Raises:
            ConfigError: Two kinds of auth, or an `endpoint_url` that is none.
            RequestInvalid: A default that nobody knows.
        """
        check_names(defaults)
        settings = self._settings
        auth = {"credentials": credentials, "api_key": api_key, "profile": profile}
        given = {name: value for name, value in auth.items() if value is not UNSET}
        if given:
            if given.get("api_key") is not None and any(
                given.get(name) is not None for name in ("credentials", "profile")
            ):
                raise ConfigError("api_key= and credentials= or profile= are two kinds of auth: give one of them")
            kept_profile = settings.profile if "credentials" in given else None
            settings = replace(settings, credentials=None, api_key=None, profile=kept_profile)
            settings = replace(settings, **given)
        plain = {
            "region": region,
            "endpoint_url": _checked_endpoint_url(endpoint_url),
            "retry": _checked_retry(retry),
        }
        changes: dict[str, Any] = {name: value for name, value in plain.items() if value is not UNSET}
        if timeout is not UNSET:
            changes["timeout"] = Timeout.of(timeout)
        if extra_headers is not UNSET:
            from bedrock_converse._wire.serialize import merged_headers

            changes["extra_headers"] = merged_headers(settings.extra_headers, _checked_headers(extra_headers))
        if transforms is not UNSET:
            changes["transforms"] = _checked_transforms(transforms)
        if observers is not UNSET:
            changes["observers"] = _fan_out(observers)
        if defaults:
            kept = {name: value for name, value in settings.defaults.items() if name not in defaults}
            changes["defaults"] = with_defaults(defaults, kept)
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._settings = replace(settings, **changes)
        view._owner = self._owner
        if given or {"region", "endpoint_url"} & changes.keys():
            view._identity = None if given or "region" in changes else self._identity
            view._target = None
        return view

    # --- operations ---

    @overload
    async def converse(
        self,
        model_id: str,
        messages: MessagesLike | None = None,
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
        transforms: Sequence[Transform] = ...,
        **arguments: Unpack[ConverseArguments],
    ) -> ConverseResponse: ...
    @overload
    async def converse(
        self,
        request: ConverseRequest | ConverseStreamRequest,
        /,
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
        transforms: Sequence[Transform] = ...,
    ) -> ConverseResponse: ...
    @discreet
    async def converse(
        self,
        model_id: str | ConverseRequest | ConverseStreamRequest,
        messages: MessagesLike | None = None,
        *,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_fields: Mapping[str, Any] | None = None,
        transforms: Sequence[Transform] = (),
        **arguments: Any,
    ) -> ConverseResponse:
        """Sends a conversation to a model and returns its whole reply.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

        Args:
            model_id: A model id, inference profile, prompt or other ARN; or a whole `ConverseRequest`.
            messages: A `str` (one message of the user's), a message, or a list of messages or boto3-shaped dicts.
            timeout: For this call: a `Timeout`, seconds in all, or None.
            retry: For this call: a `RetryPolicy`.
            extra_headers: For this call. They are signed.
            extra_fields: Top-level members that AWS has added since this release, as wire JSON.
            transforms: Request shapers to run after the client's.
            **arguments: `system`, `max_tokens`, `temperature`, `top_p`, `stop_sequences`, `inference_config`,
                `tools`, `tool_config`, `tool_choice`, `guardrail_config`, `output_config`, `service_tier`,
                `additional_model_request_fields`, ...: see `ConverseArguments`.

        Raises:
            RequestInvalid: The request is wrong; nothing was sent.
            ConfigError: No region, no credentials, a bad endpoint.
            TransportError: No complete answer came: `RequestTimeout`, `ConnectError`, `ResponseInvalid`, ...
            APIError: AWS said no: `ThrottlingError`, `AccessDeniedError`, `InvalidRequestError`, ...
        """
        options = (timeout, retry, extra_headers, extra_fields, transforms)
        call = await self._converse_call(ConverseRequest, model_id, messages, arguments, options)
        del model_id, messages, arguments, options, extra_fields  # not needed any longer, and perhaps large
        return cast("ConverseResponse", await call.perform())

    @overload
    def converse_stream(
        self,
        model_id: str,
        messages: MessagesLike | None = None,
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
        transforms: Sequence[Transform] = ...,
        **arguments: Unpack[ConverseArguments],
    ) -> ConverseStream: ...
    @overload
    def converse_stream(
        self,
        request: ConverseStreamRequest | ConverseRequest,
        /,
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
        transforms: Sequence[Transform] = ...,
    ) -> ConverseStream: ...
    def converse_stream(
        self,
        model_id: str | ConverseRequest | ConverseStreamRequest,
        messages: MessagesLike | None = None,
        *,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_fields: Mapping[str, Any] | None = None,
        transforms: Sequence[Transform] = (),
        **arguments: Any,
    ) -> ConverseStream:
        """The same conversation, with the reply as a stream: `async with bedrock.converse_stream(...) as stream:`.

        There is no inner `await`. The request goes out on entering the block; leaving it closes the connection at once.
        Arguments and errors are those of `converse`; see `ConverseStream` for reading it.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html

        Raises:
            RequestInvalid: The request is wrong; nothing was sent. Everything else is raised on entering or reading.
        """
        from bedrock_converse.stream import ConverseStream

        options = (timeout, retry, extra_headers, extra_fields, transforms)
        return ConverseStream(
            partial(self._converse_call, ConverseStreamRequest, model_id, messages, arguments, options)
        )

    @overload
    async def count_tokens(
        self,
        model_id: str,
        messages: MessagesLike | None = None,
        *,
        system: str | Sequence[SystemContentBlock | Mapping[str, Any]] | None = ...,
        tool_config: ToolConfiguration | Mapping[str, Any] | None = ...,
        additional_model_request_fields: Any = ...,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
    ) -> CountTokensResponse: ...
    @overload
    async def count_tokens(
        self,
        request: CountTokensRequest,
        /,
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
    ) -> CountTokensResponse: ...
    @discreet
    async def count_tokens(
        self,
        model_id: str | CountTokensRequest,
        messages: MessagesLike | None = None,
        *,
        system: str | Sequence[SystemContentBlock | Mapping[str, Any]] | None = None,
        tool_config: ToolConfiguration | Mapping[str, Any] | None = None,
        additional_model_request_fields: Any = None,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_fields: Mapping[str, Any] | None = None,
    ) -> CountTokensResponse:
        """How many input tokens a conversation has for a model: `.input_tokens`. Free; not every model has it.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html

        Raises:
            BedrockError: As `converse` does.
        """
        await ready("CountTokens")
        if isinstance(model_id, types.CountTokensRequest):
            _alone(messages, system, tool_config, additional_model_request_fields)
            request = model_id
        else:
            conversation = {
                "messages": None if messages is None else as_messages(messages),
                "system": None if system is None else as_system(system),
                "toolConfig": tool_config,
                "additionalModelRequestFields": additional_model_request_fields,
            }
            members = {name: value for name, value in conversation.items() if value is not None}
            build = partial(validated, types.CountTokensRequest, {"model_id": model_id, "input": {"converse": members}})
            request = await self._hub.work(build) if are_many(messages) else build()
            del conversation, members, build
        call = await self._call(request, timeout, retry, extra_headers, extra_fields)
        del request, model_id, messages, system, tool_config
        return cast("CountTokensResponse", await call.perform())

    @overload
    async def apply_guardrail(
        self,
        guardrail_id: str,
        version: str,
        content: str | Sequence[GuardrailContentBlock | str | Mapping[str, Any]],
        *,
        source: Literal["INPUT", "OUTPUT"] | str = ...,
        output_scope: Literal["INTERVENTIONS", "FULL"] | str | None = ...,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
    ) -> ApplyGuardrailResponse: ...
    @overload
    async def apply_guardrail(
        self,
        request: ApplyGuardrailRequest,
        /,
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
    ) -> ApplyGuardrailResponse: ...
    @discreet
    async def apply_guardrail(
        self,
        guardrail_id: str | ApplyGuardrailRequest,
        version: str = UNSET,
        content: str | Sequence[GuardrailContentBlock | str | Mapping[str, Any]] = UNSET,
        *,
        source: str = "INPUT",
        output_scope: str | None = None,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_fields: Mapping[str, Any] | None = None,
    ) -> ApplyGuardrailResponse:
        """Asks a guardrail about content, without a model. `version` is a number as `str`, or `"DRAFT"`.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html

        Raises:
            BedrockError: As `converse` does.
        """
        await ready("ApplyGuardrail")
        if isinstance(guardrail_id, types.ApplyGuardrailRequest):
            request = guardrail_id
        else:
            blocks = [content] if isinstance(content, str) else _list(content, "content")
            request = validated(
                types.ApplyGuardrailRequest,
                {
                    "guardrail_identifier": guardrail_id,
                    "guardrail_version": _given(version, "version"),
                    "source": source,
                    "content": [{"text": {"text": block}} if isinstance(block, str) else block for block in blocks],
                    **({} if output_scope is None else {"output_scope": output_scope}),
                },
            )
            del blocks
        call = await self._call(request, timeout, retry, extra_headers, extra_fields)
        del request, guardrail_id, content
        return cast("ApplyGuardrailResponse", await call.perform())

    @overload
    async def invoke_guardrail_checks(
        self,
        messages: Sequence[GuardrailChecksMessage | Mapping[str, Any]],
        checks: GuardrailChecksConfig | Mapping[str, Any],
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
    ) -> InvokeGuardrailChecksResponse: ...
    @overload
    async def invoke_guardrail_checks(
        self,
        request: InvokeGuardrailChecksRequest,
        /,
        *,
        timeout: TimeoutLike = ...,
        retry: RetryPolicy | None = ...,
        extra_headers: Mapping[str, str] | None = ...,
        extra_fields: Mapping[str, Any] | None = ...,
    ) -> InvokeGuardrailChecksResponse: ...
    @discreet
    async def invoke_guardrail_checks(
        self,
        messages: Sequence[GuardrailChecksMessage | Mapping[str, Any]] | InvokeGuardrailChecksRequest,
        checks: GuardrailChecksConfig | Mapping[str, Any] = UNSET,
        *,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_fields: Mapping[str, Any] | None = None,
    ) -> InvokeGuardrailChecksResponse:
        """Runs checks on messages without a guardrail of one's own.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeGuardrailChecks.html

        Raises:
            BedrockError: As `converse` does.
        """
        await ready("InvokeGuardrailChecks")
        if isinstance(messages, types.InvokeGuardrailChecksRequest):
            request = messages
        else:
            members = {"messages": _list(messages, "messages"), "checks": _given(checks, "checks")}
            request = validated(types.InvokeGuardrailChecksRequest, members)
            del members
        call = await self._call(request, timeout, retry, extra_headers, extra_fields)
        del request, messages
        return cast("InvokeGuardrailChecksResponse", await call.perform())

    @discreet
    async def invoke_model(
        self,
        model_id: str | InvokeModelRequest,
        body: bytes | Mapping[str, Any] = UNSET,
        *,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        extra_headers: Mapping[str, str] | None = None,
        **options: Unpack[InvokeArguments],
    ) -> InvokeModelResponse:
        """Calls a model in its own format: bytes (or a dict, sent as JSON) in, `.body` bytes out. For embeddings, say.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html

        Raises:
            BedrockError: As `converse` does.
        """
        await ready("InvokeModel")
        request = await self._invoke_request(types.InvokeModelRequest, model_id, body, options)
        call = await self._call(request, timeout, retry, extra_headers, None)
        del request, model_id, body
        return cast("InvokeModelResponse", await call.perform())

    def invoke_model_stream(
        self,
        model_id: str | InvokeModelWithResponseStreamRequest,
        body: bytes | Mapping[str, Any] = UNSET,
        *,
        timeout: TimeoutLike = UNSET,
        retry: RetryPolicy | None = None,
        extra_headers: Mapping[str, str] | None = None,
        **options: Unpack[InvokeArguments],
    ) -> InvokeModelStream:
        """The same as a stream: `async with bedrock.invoke_model_stream(...) as chunks:`, `async for chunk in chunks:`.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html

        Raises:
            RequestInvalid: The request is wrong; nothing was sent. Everything else is raised on entering or reading.
        """
        from bedrock_converse.stream import InvokeModelStream

        async def make_call() -> Call:
            await ready("InvokeModelWithResponseStream")
            request = await self._invoke_request(types.InvokeModelWithResponseStreamRequest, model_id, body, options)
            return await self._call(request, timeout, retry, extra_headers, None)

        return InvokeModelStream(make_call)

    # --- life ---

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, drain: float = 0.0) -> None:
        """Closes the connections. Calls and streams that still run, in other threads' event loops too, have `drain`
        seconds to finish; then they raise `ClientClosed`. Later calls raise it too. Does nothing on a view, and never
        closes an `http_client` of yours.

        Raises:
            ConfigError: `drain` is no number of seconds from 0 to `math.inf` (as long as they take). Nothing is closed.
        """
        if isinstance(drain, bool) or not isinstance(drain, int | float) or not 0 <= drain <= inf:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError("drain must be a number of seconds, 0 or more")
        if self._owner is not self:
            return
        self._closed = True
        if self._made_hub is not None:
            await self._made_hub.aclose(min(drain, float_info.max))  # an int may be too large for a clock

    @discreet
    async def warm_up(self, connections: int = 1) -> int:
        """Does before the first call what it would have to wait for: credentials, endpoint, TLS, `connections` opened.

        Returns how many connections were opened; 0 with an `http_client`. All of it is under the client's `total`
        limit, and each connection under `connect`.

        Raises:
            RequestTimeout: It took longer than that.
            ClientClosed: The client is closed, or was closed meanwhile; a drain does not wait for a warm-up.
            BedrockError: Something is missing or cannot be reached.
        """
        if isinstance(connections, bool) or not isinstance(connections, int) or connections < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"connections must be a whole number of at least 1, not {connections!r}")
        await ready("Converse")
        return await self._hub.warm_up(self._find_target, connections, self._settings.timeout)

    @property
    def region(self) -> str | None:
        """The region that requests go to; None until the first call, if it was not given."""
        return self._target.endpoint.region if self._target else self._settings.region

    @property
    def endpoint_url(self) -> str | None:
        """Where requests go to; None until the first call, if it was not given."""
        return self._target.endpoint.url if self._target else self._settings.endpoint_url

    @property
    def stats(self) -> ClientStats:
        """What the client is doing right now."""
        hub = self._owner._made_hub
        pools = [pool.stats() for pool in hub.pools()] if hub else []
        return ClientStats(
            open=sum(pool.open for pool in pools),
            idle=sum(pool.idle for pool in pools),
            queued=sum(pool.queued for pool in pools),
            live_streams=len(hub.live_streams) if hub else 0,
            quota=self._target.quota.available if self._target else 500,
        )

    def __repr__(self) -> str:
        settings = self.__dict__.get("_settings")
        if settings is None:  # in the crash report of an `__init__` that failed
            return "BedrockClient(...)"
        facts = {"region": self.region, "profile": settings.profile, "endpoint_url": self.endpoint_url}
        return f"BedrockClient({', '.join(f'{name}={value!r}' for name, value in facts.items() if value is not None)})"

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            "a client cannot be pickled: it holds connections and credentials",
            hint="Make one where it is needed, from the same settings.",
        )

    # --- a call ---

    async def _converse_call(
        self, request_class: type[Any], model_id: Any, messages: Any, arguments: Mapping[str, Any], options: Any
    ) -> Call:
        try:
            await ready("Converse" if request_class is ConverseRequest else "ConverseStream")
            what = (request_class, model_id, messages, arguments)
            many = are_many(messages)
            request = await self._hub.work(self._converse_request, *what) if many else self._converse_request(*what)
            return await self._call(request, *options)
        except (RequestInvalid, ConfigError) as error:
            problem = error.with_traceback(None)  # the frames below hold the prompt, and crash reports show locals
            problem.__context__ = None
        finally:
            what = request = None
            del model_id, messages, arguments, options
        raise problem

    def _converse_request(
        self, request_class: type[R], model_id: Any, messages: Any, arguments: Mapping[str, Any]
    ) -> R:
        if isinstance(model_id, (ConverseRequest, ConverseStreamRequest)):
            if messages is not None or arguments:
                raise RequestInvalid(
                    path="request", problem="is given together with arguments: put them into the request"
                )
            request = converted(model_id, cast("Any", request_class))
            defaults = {
                name: value for name, value in self._settings.defaults.items() if getattr(request, name, None) is None
            }
            if not defaults:
                return request
            held = {name: value for name, value in request.__dict__.items() if value is not None}
            messages = held.pop("messages", None)
            filled = build_converse(cast("Any", request_class), held.pop("model_id", None), messages, held, defaults)
            object.__setattr__(filled, "__pydantic_extra__", request.__pydantic_extra__)
            return filled
        return build_converse(cast("Any", request_class), model_id, messages, arguments, self._settings.defaults)

    async def _invoke_request(self, request_class: type[M], model_id: object, body: Any, options: InvokeArguments) -> M:
        if isinstance(model_id, request_class):
            return model_id
        members: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        unknown = members.keys() - InvokeArguments.__annotations__.keys()
        if unknown:
            raise RequestInvalid(path=min(unknown), problem="is not an argument")
        if isinstance(members.get("request_metadata"), Mapping):
            members["request_metadata"] = json_body(dict(members["request_metadata"])).decode()
        large = isinstance(_given(body, "body"), dict | list) and is_large(body, LARGE_JSON)
        written = await self._hub.work(json_body, body) if large else json_body(body)
        defaults = {"content_type": "application/json", "accept": "application/json"}
        return validated(request_class, {**defaults, **members, "model_id": model_id, "body": written})

    async def _call(
        self,
        request: Model,
        timeout: TimeoutLike,
        retry: RetryPolicy | None,
        extra_headers: Mapping[str, str] | None,
        extra_fields: Mapping[str, Any] | None,
        transforms: Sequence[Transform] = (),
    ) -> Call:
        """Everything that can be wrong with the request is wrong here, before anything is sent."""
        from bedrock_converse._http.call import Call, CallSettings
        from bedrock_converse._wire.serialize import merged_headers, serialize

        self._hub.check_usable()
        settings = self._settings
        request_class = type(request)
        for transform in (*settings.transforms, *_checked_transforms(transforms)):
            request = transform(request)
            if not isinstance(request, request_class):  # pyright: ignore[reportUnnecessaryIsInstance]
                if isinstance(request, Coroutine):
                    request.close()  # or Python complains of it too
                raise ConfigError(f"a transform must return a {request_class.__name__}, not {type(request).__name__}")
        wire = serialize(request, extra_fields=extra_fields)
        if wire.body.large:
            await self._hub.work(wire.body.encode)
        call_settings = CallSettings(
            timeout=settings.timeout if timeout is UNSET else Timeout.of(timeout),
            retry=_checked_retry(retry) or settings.retry or _default_retry(),
            extra_headers=merged_headers(settings.extra_headers, _checked_headers(extra_headers)),
            observers=settings.observers,
        )
        model_id = getattr(request, "model_id", None)
        return Call(self._hub, self._find_target, wire, call_settings, model_id)

    @property
    def _hub(self) -> Hub:
        owner = self._owner
        if owner._made_hub is None:
            from bedrock_converse._http.hub import CLOSED, Hub

            with _making:
                if owner._closed:
                    raise ClientClosed(CLOSED)
                if owner._made_hub is None:
                    made = self._connections
                    owner._made_hub = Hub(
                        http_client=made.http_client,
                        max_connections=made.max_connections,
                        limiter=self._limiter(),
                        proxy=made.proxy,
                        verify=made.verify,
                    )
        return owner._made_hub

    def _limiter(self) -> Any:
        from bedrock_converse._http.limiter import InFlightLimiter

        return InFlightLimiter.of(self._max_in_flight)

    async def _find_target(self) -> Target:
        if self._target is not None:
            return self._target
        settings = self._settings
        if self._identity is None:
            from bedrock_converse._aws.credentials import resolve_identity

            self._identity = resolve_identity(
                credentials=settings.credentials,
                api_key=settings.api_key,
                profile=settings.profile,
                environ=os.environ,
                region=settings.region,
                known=self._hub.identities,
            )
        self._target = await self._hub.target(
            self._identity,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
            profile=settings.profile,
            credentials=settings.credentials,
            allow_insecure=settings.allow_insecure,
        )
        return self._target


def _default_retry() -> RetryPolicy:
    from bedrock_converse._http.retry import RetryPolicy

    return RetryPolicy.from_environment()


def _checked_endpoint_url(url: Any) -> Any:
    """Refused before anybody can ask for it: a bad URL may hold a password, and a client shows its URL."""
    if url is not None and url is not UNSET:
        from bedrock_converse._aws.endpoint import parse_endpoint_url

        parse_endpoint_url(url, None)
    return url


def _checked_retry(retry: Any) -> Any:
    if retry is not None and retry is not UNSET:
        from bedrock_converse._http.retry import RetryPolicy

        if not isinstance(retry, RetryPolicy):
            raise ConfigError(f"retry must be a RetryPolicy, not {type(retry).__name__}")
    return retry


def _fan_out(observers: Sequence[Observer]) -> FanOut | None:
    if not observers and isinstance(observers, tuple):
        return None
    from bedrock_converse.observe import fan_out

    return fan_out(observers)


def _checked_transforms(transforms: Any) -> tuple[Transform, ...]:
    if not transforms and isinstance(transforms, tuple):
        return ()
    if not callable(transforms) and isinstance(transforms, Sequence):
        given = tuple(cast("Sequence[Any]", transforms))
        if all(map(callable, given)):
            return given
    raise ConfigError("transforms must be a list of functions that take a request and return one")


def _check_http_client(client: Any) -> None:
    for name in ("is_closed", "build_request", "send"):
        if not hasattr(client, name):
            raise ConfigError(f"http_client must be an httpx.AsyncClient; {type(client).__name__} has no {name}")
    if hasattr(client, "close") and not hasattr(client, "aclose"):
        raise ConfigError(f"http_client must be an httpx.AsyncClient; {type(client).__name__} is synchronous")


def _checked_headers(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    if not headers:
        return {}
    from bedrock_converse._wire.serialize import check_header

    if not isinstance(headers, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RequestInvalid(path="extra_headers", problem=f"must be a dict, not {type(headers).__name__}")
    seen: set[str] = set()
    for name, value in headers.items():
        check_header(name, value)
        lower = name.lower()
        if lower in PROTECTED or lower.startswith(PROTECTED_PREFIXES):
            raise RequestInvalid(path="extra_headers", problem=f"cannot set {name}: the client sets it")
        if lower in seen:
            raise RequestInvalid(path="extra_headers", problem=f"has {name} twice")
        seen.add(lower)
    return dict(headers)


def _given(value: T, name: str) -> T:
    if value is UNSET:
        raise RequestInvalid(path=name, problem="is missing")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if isinstance(_given(value, name), bytes | Mapping) or not isinstance(value, Sequence):
        raise RequestInvalid(path=name, problem=f"must be a list, not {type(value).__name__}")
    return list(cast("Sequence[Any]", value))


def _alone(*arguments: object) -> None:
    if any(argument is not None for argument in arguments):
        raise RequestInvalid(path="request", problem="is given together with arguments: put them into the request")
