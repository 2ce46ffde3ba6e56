"""InvokeModel: the model's own request and reply, as bytes. For embeddings, images and whatever Converse does not
cover."""

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
    """An InvokeModel body whose input tokens are to be counted.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelTokensRequest.html
    """

    body: Blob
    """The body as the model takes it, up to 25,000,000 bytes."""


class InvokeModelRequest(Model):
    """A request in the model's own format, answered in one piece. All but the body travels in the URL and in headers.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
    """

    model_id: str
    """What to call, 1 to 2,048 characters: a model id, an inference profile or an ARN. See
    `ConverseRequest.model_id`."""
    body: Blob | None = None
    """The model's JSON as bytes, up to 25,000,000 of them. It is sent as it is."""
    content_type: str | None = None
    """What the body is; None means `application/json`."""
    accept: str | None = None
    """What the reply should be; None means `application/json`."""
    trace: Trace | None = None
    """Whether the reply's body tells what the guardrail found; None means `DISABLED`."""
    guardrail_identifier: str | None = None
    """The guardrail's id or ARN, up to 2,048 characters; None applies none. It needs the version, and a body that is
    JSON."""
    guardrail_version: str | None = None
    """`DRAFT`, or the number of a version, up to 8 digits."""
    performance_config_latency: PerformanceConfigLatency | None = None
    """Whether to use a latency-optimized variant of the model."""
    service_tier: ServiceTierType | None = None
    """Which tier should serve the request."""
    request_metadata: str | None = None
    """Labels for AWS's invocation logs, here as the STRING of a JSON object, up to 8,500 characters. It is logged, and
    travels in a header."""


class InvokeModelResponse(Result):
    """The model's own reply. All but the body came in headers.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
    """

    body: Blob | None = None
    """The reply in the model's own format, up to 25,000,000 bytes."""
    content_type: str | None = None
    """What the body is: mostly `application/json`."""
    performance_config_latency: PerformanceConfigLatency | None = None
    """The latency variant that served the request; None when AWS did not say."""
    service_tier: ServiceTierType | None = None
    """The tier that served the request; None when AWS did not say."""


class InvokeModelWithResponseStreamRequest(Model):
    """A request in the model's own format, answered as a stream of `PayloadPart`.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
    """

    model_id: str
    """What to call, 1 to 2,048 characters: a model id, an inference profile or an ARN. See
    `ConverseRequest.model_id`."""
    body: Blob | None = None
    """The model's JSON as bytes, up to 25,000,000 of them. It is sent as it is."""
    content_type: str | None = None
    """What the body is; None means `application/json`."""
    accept: str | None = None
    """What each part's bytes should be; None means `application/json`."""
    trace: Trace | None = None
    """Whether the stream tells what the guardrail found; None means `DISABLED`."""
    guardrail_identifier: str | None = None
    """The guardrail's id or ARN, up to 2,048 characters; None applies none. It needs the version, and a body that is
    JSON."""
    guardrail_version: str | None = None
    """`DRAFT`, or the number of a version, up to 8 digits."""
    performance_config_latency: PerformanceConfigLatency | None = None
    """Whether to use a latency-optimized variant of the model."""
    service_tier: ServiceTierType | None = None
    """Which tier should serve the request."""
    request_metadata: str | None = None
    """Labels for AWS's invocation logs, here as the STRING of a JSON object, up to 8,500 characters. It is logged, and
    travels in a header."""
