"""ApplyGuardrail: a guardrail without a model, for any text or image."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from bedrock_converse.types.base import Blob, Model, NullReadsEmpty, OpenEnum
from bedrock_converse.types.guardrails import GuardrailAssessment, GuardrailCoverage, GuardrailUsage
from bedrock_converse.types.results import Result
from bedrock_converse.types.unions import UnknownBlock, WireUnion

__all__ = [
    "ApplyGuardrailRequest",
    "ApplyGuardrailResponse",
    "GuardrailAction",
    "GuardrailContentBlock",
    "GuardrailContentQualifier",
    "GuardrailContentSource",
    "GuardrailImageBlock",
    "GuardrailImageFormat",
    "GuardrailImageSource",
    "GuardrailOutputContent",
    "GuardrailOutputScope",
    "GuardrailTextBlock",
]


GuardrailContentSource: TypeAlias = Annotated[Literal["INPUT", "OUTPUT"] | str, OpenEnum()]
"""Where the content comes from: a user (`INPUT`) or a model (`OUTPUT`). Filters can be set differently for the two."""


GuardrailContentQualifier: TypeAlias = Annotated[
    Literal[
        "grounding_source",
        "query",
        "guard_content",
    ]
    | str,
    OpenEnum(),
]
"""What a text is to the guardrail: a source to check against, the user's question, or content to be checked."""


class GuardrailTextBlock(Model):
    """Text to be checked.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailTextBlock.html
    """

    text: str
    """The text."""
    qualifiers: list[GuardrailContentQualifier] | None = None
    """What the text is to the contextual grounding check; None means content to be checked."""


GuardrailImageFormat: TypeAlias = Annotated[Literal["png", "jpeg"] | str, OpenEnum()]
"""An image's encoding; guardrails take fewer than models do."""


GuardrailImageSource: TypeAlias = Annotated[
    Blob | UnknownBlock,
    WireUnion("GuardrailImageSource", bytes=Blob),
]
"""The image's bytes. Guardrails do not read from S3."""


class GuardrailImageBlock(Model):
    """An image to be checked.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailImageBlock.html
    """

    format: GuardrailImageFormat
    """What the bytes are encoded as: PNG or JPEG."""
    source: GuardrailImageSource
    """The image, as `bytes`, at least 1."""


GuardrailContentBlock: TypeAlias = Annotated[
    GuardrailTextBlock | GuardrailImageBlock | UnknownBlock,
    WireUnion("GuardrailContentBlock", text=GuardrailTextBlock, image=GuardrailImageBlock),
]
"""Content to be checked: text or an image. A bare `str` is not taken: write `GuardrailTextBlock(text=...)`."""


GuardrailOutputScope: TypeAlias = Annotated[Literal["INTERVENTIONS", "FULL"] | str, OpenEnum()]
"""How much the answer tells: what the guardrail acted on, or everything it looked at."""


class ApplyGuardrailRequest(Model):
    """Content for a guardrail to check.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
    """

    guardrail_identifier: str
    """The guardrail's id or ARN, up to 2,048 characters."""
    guardrail_version: str
    """`DRAFT`, or the number of a version, up to 8 digits."""
    source: GuardrailContentSource
    """Whether a user or a model wrote the content."""
    content: list[GuardrailContentBlock]
    """The text and images to be checked."""
    output_scope: GuardrailOutputScope | None = None
    """`FULL` lists filters that found nothing as well (not for words and regular expressions); None means
    `INTERVENTIONS`."""


GuardrailAction: TypeAlias = Annotated[Literal["NONE", "GUARDRAIL_INTERVENED"] | str, OpenEnum()]
"""Whether the guardrail stepped in."""


class GuardrailOutputContent(Model):
    """A piece of what should be shown instead of the content.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailOutputContent.html
    """

    text: str | None = None
    """The content with sensitive parts masked, or the guardrail's message that it was blocked."""


class ApplyGuardrailResponse(Result):
    """What the guardrail found, and what to show.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"action"})  # without it, an error's body would read as a pass

    usage: GuardrailUsage | None = None
    """What the check cost, in the units that AWS bills."""
    action: GuardrailAction
    """`NONE`, or `GUARDRAIL_INTERVENED`: then show `outputs` and not the content."""
    action_reason: str | None = None
    """Why the guardrail acted, for people; None when it did not."""
    outputs: Annotated[list[GuardrailOutputContent], NullReadsEmpty()] = Field(default_factory=list[Any])
    """What to show when the guardrail stepped in; else empty."""
    assessments: Annotated[list[GuardrailAssessment], NullReadsEmpty()] = Field(default_factory=list[Any])
    """What was found."""
    guardrail_coverage: GuardrailCoverage | None = None
    """How much of the content was checked."""
