"""DOC."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bedrock_converse.types.automated_reasoning import GuardrailAutomatedReasoningPolicyAssessment
from bedrock_converse.types.base import Model, NullReadsEmpty, OpenEnum

__all__ = [
    "AppliedGuardrailDetails",
    "GuardrailAssessment",
    "GuardrailContentFilter",
    "GuardrailContentFilterConfidence",
    "GuardrailContentFilterStrength",
    "GuardrailContentFilterType",
    "GuardrailContentPolicyAction",
    "GuardrailContentPolicyAssessment",
    "GuardrailContextualGroundingFilter",
    "GuardrailContextualGroundingFilterType",
    "GuardrailContextualGroundingPolicyAction",
    "GuardrailContextualGroundingPolicyAssessment",
    "GuardrailCoverage",
    "GuardrailCustomWord",
    "GuardrailImageCoverage",
    "GuardrailInvocationMetrics",
    "GuardrailManagedWord",
    "GuardrailManagedWordType",
    "GuardrailOrigin",
    "GuardrailOwnership",
    "GuardrailPiiEntityFilter",
    "GuardrailPiiEntityType",
    "GuardrailRegexFilter",
    "GuardrailSensitiveInformationPolicyAction",
    "GuardrailSensitiveInformationPolicyAssessment",
    "GuardrailTextCharactersCoverage",
    "GuardrailTopic",
    "GuardrailTopicPolicyAction",
    "GuardrailTopicPolicyAssessment",
    "GuardrailTopicType",
    "GuardrailTraceAssessment",
    "GuardrailUsage",
    "GuardrailWordPolicyAction",
    "GuardrailWordPolicyAssessment",
]


GuardrailTopicType: TypeAlias = Annotated[Literal["DENY"] | str, OpenEnum()]


GuardrailTopicPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]


class GuardrailTopic(Model):
    """DOC."""

    name: str | None = None
    """MEMBER."""
    type: GuardrailTopicType | None = None
    """MEMBER."""
    action: GuardrailTopicPolicyAction | None = None
    """MEMBER."""
    detected: bool | None = None
    """MEMBER."""


class GuardrailTopicPolicyAssessment(Model):
    """DOC."""

    topics: Annotated[list[GuardrailTopic], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


GuardrailContentFilterType: TypeAlias = Annotated[
    Literal[
        "INSULTS",
        "HATE",
        "SEXUAL",
        "VIOLENCE",
        "MISCONDUCT",
        "PROMPT_ATTACK",
    ]
    | str,
    OpenEnum(),
]


GuardrailContentFilterConfidence: TypeAlias = Annotated[Literal["NONE", "LOW", "MEDIUM", "HIGH"] | str, OpenEnum()]


GuardrailContentFilterStrength: TypeAlias = Annotated[Literal["NONE", "LOW", "MEDIUM", "HIGH"] | str, OpenEnum()]


GuardrailContentPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]


class GuardrailContentFilter(Model):
    """DOC."""

    type: GuardrailContentFilterType | None = None
    """MEMBER."""
    confidence: GuardrailContentFilterConfidence | None = None
    """MEMBER."""
    filter_strength: GuardrailContentFilterStrength | None = None
    """MEMBER."""
    action: GuardrailContentPolicyAction | None = None
    """MEMBER."""
    detected: bool | None = None
    """MEMBER."""


class GuardrailContentPolicyAssessment(Model):
    """DOC."""

    filters: Annotated[list[GuardrailContentFilter], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


GuardrailWordPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]


class GuardrailCustomWord(Model):
    """DOC."""

    match: str | None = None
    """MEMBER."""
    action: GuardrailWordPolicyAction | None = None
    """MEMBER."""
    detected: bool | None = None
    """MEMBER."""


GuardrailManagedWordType: TypeAlias = Annotated[Literal["PROFANITY"] | str, OpenEnum()]


class GuardrailManagedWord(Model):
    """DOC."""

    match: str | None = None
    """MEMBER."""
    type: GuardrailManagedWordType | None = None
    """MEMBER."""
    action: GuardrailWordPolicyAction | None = None
    """MEMBER."""
    detected: bool | None = None
    """MEMBER."""


class GuardrailWordPolicyAssessment(Model):
    """DOC."""

    custom_words: Annotated[list[GuardrailCustomWord], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    managed_word_lists: Annotated[list[GuardrailManagedWord], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


GuardrailPiiEntityType: TypeAlias = Annotated[
    Literal[
        "ADDRESS",
        "AGE",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "CA_HEALTH_NUMBER",
        "CA_SOCIAL_INSURANCE_NUMBER",
        "CREDIT_DEBIT_CARD_CVV",
        "CREDIT_DEBIT_CARD_EXPIRY",
        "CREDIT_DEBIT_CARD_NUMBER",
        "DRIVER_ID",
        "EMAIL",
        "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
        "IP_ADDRESS",
        "LICENSE_PLATE",
        "MAC_ADDRESS",
        "NAME",
        "PASSWORD",
        "PHONE",
        "PIN",
        "SWIFT_CODE",
        "UK_NATIONAL_HEALTH_SERVICE_NUMBER",
        "UK_NATIONAL_INSURANCE_NUMBER",
        "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER",
        "URL",
        "USERNAME",
        "US_BANK_ACCOUNT_NUMBER",
        "US_BANK_ROUTING_NUMBER",
        "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER",
        "US_PASSPORT_NUMBER",
        "US_SOCIAL_SECURITY_NUMBER",
        "VEHICLE_IDENTIFICATION_NUMBER",
    ]
    | str,
    OpenEnum(),
]


GuardrailSensitiveInformationPolicyAction: TypeAlias = Annotated[
    Literal[
        "ANONYMIZED",
        "BLOCKED",
        "NONE",
    ]
    | str,
    OpenEnum(),
]


class GuardrailPiiEntityFilter(Model):
    """DOC."""

    match: str | None = None
    """MEMBER."""
    type: GuardrailPiiEntityType | None = None
    """MEMBER."""
    action: GuardrailSensitiveInformationPolicyAction | None = None
    """MEMBER."""
    detected: bool | None = None
    """MEMBER."""


class GuardrailRegexFilter(Model):
    """DOC."""

    name: str | None = None
    """MEMBER."""
    match: str | None = None
    """MEMBER."""
    regex: str | None = None
    """MEMBER."""
    action: GuardrailSensitiveInformationPolicyAction | None = None
    """MEMBER."""
    detected: bool | None = None
    """MEMBER."""


class GuardrailSensitiveInformationPolicyAssessment(Model):
    """DOC."""

    pii_entities: Annotated[list[GuardrailPiiEntityFilter], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    regexes: Annotated[list[GuardrailRegexFilter], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


GuardrailContextualGroundingFilterType: TypeAlias = Annotated[Literal["GROUNDING", "RELEVANCE"] | str, OpenEnum()]


GuardrailContextualGroundingPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]


class GuardrailContextualGroundingFilter(Model):
    """DOC."""

    type: GuardrailContextualGroundingFilterType | None = None
    """MEMBER."""
    threshold: float | None = None
    """MEMBER."""
    score: float | None = None
    """MEMBER."""
    action: GuardrailContextualGroundingPolicyAction | None = None
    """MEMBER."""
    detected: bool | None = None
    """MEMBER."""


class GuardrailContextualGroundingPolicyAssessment(Model):
    """DOC."""

    filters: Annotated[list[GuardrailContextualGroundingFilter], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


class GuardrailUsage(Model):
    """DOC."""

    topic_policy_units: int | None = None
    """MEMBER."""
    content_policy_units: int | None = None
    """MEMBER."""
    word_policy_units: int | None = None
    """MEMBER."""
    sensitive_information_policy_units: int | None = None
    """MEMBER."""
    sensitive_information_policy_free_units: int | None = None
    """MEMBER."""
    contextual_grounding_policy_units: int | None = None
    """MEMBER."""
    content_policy_image_units: int | None = None
    """MEMBER."""
    automated_reasoning_policy_units: int | None = None
    """MEMBER."""
    automated_reasoning_policies: int | None = None
    """MEMBER."""


class GuardrailTextCharactersCoverage(Model):
    """DOC."""

    guarded: int | None = None
    """MEMBER."""
    total: int | None = None
    """MEMBER."""


class GuardrailImageCoverage(Model):
    """DOC."""

    guarded: int | None = None
    """MEMBER."""
    total: int | None = None
    """MEMBER."""


class GuardrailCoverage(Model):
    """DOC."""

    text_characters: GuardrailTextCharactersCoverage | None = None
    """MEMBER."""
    images: GuardrailImageCoverage | None = None
    """MEMBER."""


class GuardrailInvocationMetrics(Model):
    """DOC."""

    guardrail_processing_latency: int | None = None
    """MEMBER."""
    usage: GuardrailUsage | None = None
    """MEMBER."""
    guardrail_coverage: GuardrailCoverage | None = None
    """MEMBER."""


GuardrailOrigin: TypeAlias = Annotated[
    Literal[
        "REQUEST",
        "ACCOUNT_ENFORCED",
        "ORGANIZATION_ENFORCED",
    ]
    | str,
    OpenEnum(),
]


GuardrailOwnership: TypeAlias = Annotated[Literal["SELF", "CROSS_ACCOUNT"] | str, OpenEnum()]


class AppliedGuardrailDetails(Model):
    """DOC."""

    guardrail_id: str | None = None
    """MEMBER."""
    guardrail_version: str | None = None
    """MEMBER."""
    guardrail_arn: str | None = None
    """MEMBER."""
    guardrail_origin: Annotated[list[GuardrailOrigin], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    guardrail_ownership: GuardrailOwnership | None = None
    """MEMBER."""


class GuardrailAssessment(Model):
    """DOC."""

    topic_policy: GuardrailTopicPolicyAssessment | None = None
    """MEMBER."""
    content_policy: GuardrailContentPolicyAssessment | None = None
    """MEMBER."""
    word_policy: GuardrailWordPolicyAssessment | None = None
    """MEMBER."""
    sensitive_information_policy: GuardrailSensitiveInformationPolicyAssessment | None = None
    """MEMBER."""
    contextual_grounding_policy: GuardrailContextualGroundingPolicyAssessment | None = None
    """MEMBER."""
    automated_reasoning_policy: GuardrailAutomatedReasoningPolicyAssessment | None = None
    """MEMBER."""
    invocation_metrics: GuardrailInvocationMetrics | None = None
    """MEMBER."""
    applied_guardrail_details: AppliedGuardrailDetails | None = None
    """MEMBER."""


class GuardrailTraceAssessment(Model):
    """DOC."""

    model_output: Annotated[list[str], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    input_assessment: Annotated[dict[str, GuardrailAssessment], NullReadsEmpty()] = Field(default_factory=dict)
    """MEMBER."""
    output_assessments: Annotated[dict[str, list[GuardrailAssessment]], NullReadsEmpty()] = Field(default_factory=dict)
    """MEMBER."""
    action_reason: str | None = None
    """MEMBER."""
