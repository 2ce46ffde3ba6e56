"""CountTokens: how many input tokens a request would have."""

from typing import Annotated, ClassVar, TypeAlias

from bedrock_converse.types.base import Document, Model
from bedrock_converse.types.invoke import InvokeModelTokensRequest
from bedrock_converse.types.messages import Message, SystemContentBlock
from bedrock_converse.types.results import Result
from bedrock_converse.types.tools import ToolConfiguration
from bedrock_converse.types.unions import UnknownBlock, WireUnion

__all__ = ["ConverseTokensRequest", "CountTokensInput", "CountTokensRequest", "CountTokensResponse"]


class ConverseTokensRequest(Model):
    """A Converse request whose input tokens are to be counted: the parts that count.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html
    """

    messages: list[Message] | None = None
    """The conversation."""
    system: list[SystemContentBlock] | None = None
    """The instructions above it."""
    tool_config: ToolConfiguration | None = None
    """The tools. They count, and not little."""
    additional_model_request_fields: Document = None
    """JSON for the model itself, since it may change the count (thinking, for example)."""


CountTokensInput: TypeAlias = Annotated[
    InvokeModelTokensRequest | ConverseTokensRequest | UnknownBlock,
    WireUnion("CountTokensInput", invokeModel=InvokeModelTokensRequest, converse=ConverseTokensRequest),
]
"""What to count: a Converse request, or the raw body of an InvokeModel request."""


class CountTokensRequest(Model):
    """Asks how many input tokens a request would have. The count is free, and no model runs.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
    """

    model_id: str
    """A model id or ARN, 1 to 256 characters: each model counts differently. Most Regions want it without a prefix such
    as `us.`, some only with it."""
    input: CountTokensInput
    """What to count, in a form that the model takes."""


class CountTokensResponse(Result):
    """How many input tokens the request would have.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"input_tokens"})

    input_tokens: int
    """The count for that model: what `inputTokens` would be on a call without a cache."""
