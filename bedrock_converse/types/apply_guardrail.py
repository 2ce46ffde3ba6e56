"""DOC."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

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


GuardrailContentQualifier: TypeAlias = Annotated[
    Literal[
        "grounding_source",
        "query",
        "guard_content",
    ]
    | str,
    OpenEnum(),
]


class GuardrailTextBlock(Model):
    """DOC."""

    text: str
    """MEMBER."""
    qualifiers: list[GuardrailContentQualifier] | None = None
    """MEMBER."""


GuardrailImageFormat: TypeAlias = Annotated[Literal["png", "jpeg"] | str, OpenEnum()]


GuardrailImageSource: TypeAlias = Annotated[
    Blob | UnknownBlock,
    WireUnion("GuardrailImageSource", bytes=Blob),
]


class GuardrailImageBlock(Model):
    """DOC."""

    format: GuardrailImageFormat
    """MEMBER."""
    source: GuardrailImageSource
    """MEMBER."""


GuardrailContentBlock: TypeAlias = Annotated[
    GuardrailTextBlock | GuardrailImageBlock | UnknownBlock,
    WireUnion("GuardrailContentBlock", text=GuardrailTextBlock, image=GuardrailImageBlock),
]


GuardrailOutputScope: TypeAlias = Annotated[Literal["INTERVENTIONS", "FULL"] | str, OpenEnum()]


class ApplyGuardrailRequest(Model):
    """DOC."""

    guardrail_identifier: str
    """MEMBER."""
    guardrail_version: str
    """MEMBER."""
    source: GuardrailContentSource
    """MEMBER."""
    content: list[GuardrailContentBlock]
    """MEMBER."""
    output_scope: GuardrailOutputScope | None = None
    """MEMBER."""


GuardrailAction: TypeAlias = Annotated[Literal["NONE", "GUARDRAIL_INTERVENED"] | str, OpenEnum()]


class GuardrailOutputContent(Model):
    """DOC."""

    text: str | None = None
    """MEMBER."""


class ApplyGuardrailResponse(Result):
    """DOC."""

    usage: GuardrailUsage | None = None
    """MEMBER."""
    action: GuardrailAction | None = None
    """MEMBER."""
    action_reason: str | None = None
    """MEMBER."""
    outputs: Annotated[list[GuardrailOutputContent], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    assessments: Annotated[list[GuardrailAssessment], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    guardrail_coverage: GuardrailCoverage | None = None
    """MEMBER."""
