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
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from bedrock_converse import types

if TYPE_CHECKING:
    from bedrock_converse.types.base import Model
    from bedrock_converse.types.results import Result

__all__ = ["OPERATIONS", "Operation", "operation_of"]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of Bedrock Runtime. Its classes are AWS's names, imported when they are asked for."""

    name: str
    """AWS's name for it."""
    path: str
    """The path, with the Python names of the members that fill it."""
    event_types: dict[str, str] = field(default_factory=dict[str, str])
    """For streams: `:event-type` -> the class of the event."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """Members that travel as request headers: Python name -> header."""
    response_headers: dict[str, str] = field(default_factory=dict[str, str])
    """Members of the answer that travel as headers: Python name -> header, in lower case."""
    payload: str | None = None
    """The member that is the body itself, both ways. None: the body is the JSON of all members but those above."""

    @property
    def streams(self) -> bool:
        """The answer is an event stream."""
        return bool(self.event_types)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The members that stand in the path."""
        return tuple(part.strip("{}") for part in self.path.split("/") if part.startswith("{"))

    @cached_property
    def request(self) -> type[Model]:
        """What is sent."""
        return getattr(types, f"{self.name}Request")

    @cached_property
    def response(self) -> type[Result] | None:
        """What a whole answer is parsed to; None for streams."""
        return None if self.streams else getattr(types, f"{self.name}Response")

    @cached_property
    def events(self) -> dict[str, type[Model]]:
        """For streams: `:event-type` -> class."""
        return {event_type: getattr(types, name) for event_type, name in self.event_types.items()}


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

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            name="Converse",
            path="/model/{model_id}/converse",
        ),
        Operation(
            name="ConverseStream",
            path="/model/{model_id}/converse-stream",
            event_types={
                "messageStart": "MessageStartEvent",
                "contentBlockStart": "ContentBlockStartEvent",
                "contentBlockDelta": "ContentBlockDeltaEvent",
                "contentBlockStop": "ContentBlockStopEvent",
                "messageStop": "MessageStopEvent",
                "metadata": "ConverseStreamMetadataEvent",
            },
        ),
        Operation(
            name="CountTokens",
            path="/model/{model_id}/count-tokens",
        ),
        Operation(
            name="ApplyGuardrail",
            path="/guardrail/{guardrail_identifier}/version/{guardrail_version}/apply",
        ),
        Operation(
            name="InvokeModel",
            path="/model/{model_id}/invoke",
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
            event_types={"chunk": "PayloadPart"},
            headers={**_INVOKE_HEADERS, "accept": "X-Amzn-Bedrock-Accept"},
            payload="body",
        ),
        Operation(
            name="InvokeGuardrailChecks",
            path="/guardrail-checks/invoke",
        ),
    )
}
"""By name."""


@cache
def operation_of(request_class: type[Any]) -> Operation | None:
    """The operation that sends this class, or a class it is made from; None for a class that no operation sends."""
    for base in request_class.__mro__:
        operation = OPERATIONS.get(base.__name__.removesuffix("Request"))
        if operation is not None and operation.request is base:
            return operation
    return None
