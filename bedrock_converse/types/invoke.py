"""DOC."""

from __future__ import annotations

from bedrock_converse.types.base import Blob, Model
from bedrock_converse.types.config import PerformanceConfigLatency, ServiceTierType, Trace
from bedrock_converse.types.results import Result

__all__ = [
    "InvokeModelRequest",
    "InvokeModelResponse",
    "InvokeModelTokensRequest",
    "InvokeModelWithResponseStreamRequest",
]


class InvokeModelTokensRequest(Model):
    """DOC."""

    body: Blob
    """MEMBER."""


class InvokeModelRequest(Model):
    """DOC."""

    model_id: str
    """MEMBER."""
    body: Blob | None = None
    """MEMBER."""
    content_type: str | None = None
    """MEMBER."""
    accept: str | None = None
    """MEMBER."""
    trace: Trace | None = None
    """MEMBER."""
    guardrail_identifier: str | None = None
    """MEMBER."""
    guardrail_version: str | None = None
    """MEMBER."""
    performance_config_latency: PerformanceConfigLatency | None = None
    """MEMBER."""
    service_tier: ServiceTierType | None = None
    """MEMBER."""
    request_metadata: str | None = None
    """MEMBER."""


class InvokeModelResponse(Result):
    """DOC."""

    body: Blob | None = None
    """MEMBER."""
    content_type: str | None = None
    """MEMBER."""
    performance_config_latency: PerformanceConfigLatency | None = None
    """MEMBER."""
    service_tier: ServiceTierType | None = None
    """MEMBER."""


class InvokeModelWithResponseStreamRequest(Model):
    """DOC."""

    model_id: str
    """MEMBER."""
    body: Blob | None = None
    """MEMBER."""
    content_type: str | None = None
    """MEMBER."""
    accept: str | None = None
    """MEMBER."""
    trace: Trace | None = None
    """MEMBER."""
    guardrail_identifier: str | None = None
    """MEMBER."""
    guardrail_version: str | None = None
    """MEMBER."""
    performance_config_latency: PerformanceConfigLatency | None = None
    """MEMBER."""
    service_tier: ServiceTierType | None = None
    """MEMBER."""
    request_metadata: str | None = None
    """MEMBER."""
