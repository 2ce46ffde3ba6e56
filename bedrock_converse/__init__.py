"""Amazon Bedrock's Converse API, natively async and typed.

How a call flows, and where to read it:

    client      `converse(...)`: arguments become a request model (types), request shapers run over it
    _wire       the model becomes method, path, headers and body
    _http       attempts, each with credentials and a signature of its own (_aws), over a pool of connections
    _wire       bytes become frames, frames become events, or one of our errors
    stream      events become text, parts and the final reply

`from bedrock_converse import BedrockClient` is the door; everything that is sent and received is in
`bedrock_converse.types`, everything that is raised in `bedrock_converse.errors`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bedrock_converse._http.deadline import Timeout
from bedrock_converse._later import later as _later
from bedrock_converse._version import __version__
from bedrock_converse.client import BedrockClient, ClientStats
from bedrock_converse.errors import (
    AccessDeniedError,
    APIError,
    BedrockError,
    ClientClosed,
    ConfigError,
    ConflictError,
    ConnectError,
    ContextWindowExceeded,
    CredentialsError,
    EventStreamError,
    InternalServerError,
    InvalidRequestError,
    ModelError,
    ModelNotReadyError,
    ModelStreamError,
    ModelTimeoutError,
    NotFoundError,
    PoolTimeout,
    ProtocolError,
    QuotaExceededError,
    RequestInvalid,
    RequestTimeout,
    ResponseInvalid,
    ServiceUnavailableError,
    StreamIncomplete,
    ThrottlingError,
    TransportError,
)
from bedrock_converse.types import (
    AudioBlock,
    CachePointBlock,
    CitationsContentBlock,
    ContentBlock,
    ConverseRequest,
    ConverseResponse,
    ConverseStreamRequest,
    DocumentBlock,
    ImageBlock,
    InferenceConfiguration,
    JsonBlock,
    Message,
    ReasoningTextBlock,
    RedactedReasoning,
    S3Location,
    SearchResultBlock,
    TokenUsage,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    UnknownBlock,
    VideoBlock,
    assistant,
    user,
)

if TYPE_CHECKING:
    from bedrock_converse._aws.values import Credentials, assume_role
    from bedrock_converse._http.retry import Attempt, RetryPolicy
    from bedrock_converse.observe import LoggingObserver, Observer
    from bedrock_converse.stream import (
        BlockDone,
        ConverseStream,
        Done,
        InvokeModelStream,
        ReasoningDelta,
        TextDelta,
        ToolInputDelta,
    )
    from bedrock_converse.types import UnknownEvent
else:
    __getattr__, __dir__ = _later(__name__, "_aws.values", "observe", "_http.retry", "stream", "types")

logging.getLogger("bedrock_converse").addHandler(logging.NullHandler())

__all__ = [
    "APIError",
    "AccessDeniedError",
    "Attempt",
    "AudioBlock",
    "BedrockClient",
    "BedrockError",
    "BlockDone",
    "CachePointBlock",
    "CitationsContentBlock",
    "ClientClosed",
    "ClientStats",
    "ConfigError",
    "ConflictError",
    "ConnectError",
    "ContentBlock",
    "ContextWindowExceeded",
    "ConverseRequest",
    "ConverseResponse",
    "ConverseStream",
    "ConverseStreamRequest",
    "Credentials",
    "CredentialsError",
    "DocumentBlock",
    "Done",
    "EventStreamError",
    "ImageBlock",
    "InferenceConfiguration",
    "InternalServerError",
    "InvalidRequestError",
    "InvokeModelStream",
    "JsonBlock",
    "LoggingObserver",
    "Message",
    "ModelError",
    "ModelNotReadyError",
    "ModelStreamError",
    "ModelTimeoutError",
    "NotFoundError",
    "Observer",
    "PoolTimeout",
    "ProtocolError",
    "QuotaExceededError",
    "ReasoningDelta",
    "ReasoningTextBlock",
    "RedactedReasoning",
    "RequestInvalid",
    "RequestTimeout",
    "ResponseInvalid",
    "RetryPolicy",
    "S3Location",
    "SearchResultBlock",
    "ServiceUnavailableError",
    "StreamIncomplete",
    "TextDelta",
    "ThrottlingError",
    "Timeout",
    "TokenUsage",
    "ToolConfiguration",
    "ToolInputDelta",
    "ToolResultBlock",
    "ToolSpecification",
    "ToolUseBlock",
    "TransportError",
    "UnknownBlock",
    "UnknownEvent",
    "VideoBlock",
    "__version__",
    "assistant",
    "assume_role",
    "user",
]
