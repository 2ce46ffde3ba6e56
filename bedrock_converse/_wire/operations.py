"""The operations: one row each. Everything that differs between them is here; the code that sends knows no names.

POST /model/{modelId}/converse                          JSON body -> JSON
POST /model/{modelId}/converse-stream                   JSON body -> event stream
POST /model/{modelId}/count-tokens                      JSON body -> JSON
POST /model/{modelId}/invoke                            the model's own body, headers -> the same
POST /model/{modelId}/invoke-with-response-stream       the same -> event stream of chunks
POST /guardrail/{id}/version/{version}/apply            JSON body -> JSON
POST /guardrail-checks/invoke                           JSON body -> JSON
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bedrock_converse.types import (
    ApplyGuardrailRequest,
    ApplyGuardrailResponse,
    ContentBlockDeltaEvent,
    ContentBlockStartEvent,
    ContentBlockStopEvent,
    ConverseRequest,
    ConverseResponse,
    ConverseStreamMetadataEvent,
    ConverseStreamRequest,
    CountTokensRequest,
    CountTokensResponse,
    InvokeGuardrailChecksRequest,
    InvokeGuardrailChecksResponse,
    InvokeModelRequest,
    InvokeModelResponse,
    InvokeModelWithResponseStreamRequest,
    MessageStartEvent,
    MessageStopEvent,
    PayloadPart,
)
from bedrock_converse.types.base import Model

if TYPE_CHECKING:
    from bedrock_converse.types.results import Result

__all__ = ["OPERATIONS", "Operation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of Bedrock Runtime."""

    name: str
    """AWS's name for it."""
    path: str
    """The path, with the Python names of the members that fill it."""
    request: type[Model]
    response: type[Result] | None = None
    """What a whole answer is parsed to; None for streams."""
    events: dict[str, type[Model]] = field(default_factory=dict[str, type[Model]])
    """For streams: `:event-type` -> class."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """Members that travel as request headers: Python name -> header."""
    response_headers: dict[str, str] = field(default_factory=dict[str, str])
    """Members of the answer that travel as headers: Python name -> header, in lower case."""
    payload: str | None = None
    """The member that is the body itself, both ways. None: the body is the JSON of all members but those above."""
    labels: tuple[str, ...] = field(init=False)
    """The members that stand in the path."""

    @property
    def streams(self) -> bool:
        """The answer is an event stream."""
        return self.response is None

    def __post_init__(self) -> None:
        parts = [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]
        object.__setattr__(self, "labels", tuple(parts))


_INVOKE_HEADERS = {
    "content_type": "Content-Type",
    "accept": "Accept",
    "trace": "X-Amzn-Bedrock-Trace",
    "guardrail_identifier": "X-Amzn-Bedrock-GuardrailIdentifier",
    "guardrail_version": "X-Amzn-Bedrock-GuardrailVersion",
    "performance_config_latency": "X-Amzn-Bedrock-PerformanceConfig-Latency",
    "service_tier": "X-Amzn-Bedrock-Service-Tier",
    "request_metadata": "X-Amzn-Bedrock-Request-Metadata",
}

OPERATIONS: dict[type[Any], Operation] = {
    operation.request: operation
    for operation in (
        Operation(
            name="Converse",
            path="/model/{model_id}/converse",
            request=ConverseRequest,
            response=ConverseResponse,
        ),
        Operation(
            name="ConverseStream",
            path="/model/{model_id}/converse-stream",
            request=ConverseStreamRequest,
            events={
                "messageStart": MessageStartEvent,
                "contentBlockStart": ContentBlockStartEvent,
                "contentBlockDelta": ContentBlockDeltaEvent,
                "contentBlockStop": ContentBlockStopEvent,
                "messageStop": MessageStopEvent,
                "metadata": ConverseStreamMetadataEvent,
            },
        ),
        Operation(
            name="CountTokens",
            path="/model/{model_id}/count-tokens",
            request=CountTokensRequest,
            response=CountTokensResponse,
        ),
        Operation(
            name="ApplyGuardrail",
            path="/guardrail/{guardrail_identifier}/version/{guardrail_version}/apply",
            request=ApplyGuardrailRequest,
            response=ApplyGuardrailResponse,
        ),
        Operation(
            name="InvokeModel",
            path="/model/{model_id}/invoke",
            request=InvokeModelRequest,
            response=InvokeModelResponse,
            headers=_INVOKE_HEADERS,
            response_headers={
                "content_type": "content-type",
                "performance_config_latency": "x-amzn-bedrock-performanceconfig-latency",
                "service_tier": "x-amzn-bedrock-service-tier",
            },
            payload="body",
        ),
        Operation(
            name="InvokeModelWithResponseStream",
            path="/model/{model_id}/invoke-with-response-stream",
            request=InvokeModelWithResponseStreamRequest,
            events={"chunk": PayloadPart},
            headers={**_INVOKE_HEADERS, "accept": "X-Amzn-Bedrock-Accept"},
            payload="body",
        ),
        Operation(
            name="InvokeGuardrailChecks",
            path="/guardrail-checks/invoke",
            request=InvokeGuardrailChecksRequest,
            response=InvokeGuardrailChecksResponse,
        ),
    )
}
"""By request class."""
