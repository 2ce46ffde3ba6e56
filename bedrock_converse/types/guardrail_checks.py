"""DOC."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bedrock_converse.types.base import Model, NullReadsEmpty, OpenEnum
from bedrock_converse.types.results import Result
from bedrock_converse.types.unions import UnknownBlock, WireUnion

__all__ = [
    "GuardrailChecksConfig",
    "GuardrailChecksContentBlock",
    "GuardrailChecksContentFilterCategory",
    "GuardrailChecksContentFilterCategoryConfig",
    "GuardrailChecksContentFilterConfig",
    "GuardrailChecksContentFilterResult",
    "GuardrailChecksContentFilterResultEntry",
    "GuardrailChecksContentFilterUsage",
    "GuardrailChecksMessage",
    "GuardrailChecksPromptAttackCategory",
    "GuardrailChecksPromptAttackCategoryConfig",
    "GuardrailChecksPromptAttackConfig",
    "GuardrailChecksPromptAttackResult",
    "GuardrailChecksPromptAttackResultEntry",
    "GuardrailChecksPromptAttackUsage",
    "GuardrailChecksResults",
    "GuardrailChecksRole",
    "GuardrailChecksSensitiveInformationConfig",
    "GuardrailChecksSensitiveInformationEntityConfig",
    "GuardrailChecksSensitiveInformationEntityType",
    "GuardrailChecksSensitiveInformationResult",
    "GuardrailChecksSensitiveInformationResultEntry",
    "GuardrailChecksSensitiveInformationUsage",
    "GuardrailChecksUsageResults",
    "InvokeGuardrailChecksRequest",
    "InvokeGuardrailChecksResponse",
]


GuardrailChecksRole: TypeAlias = Annotated[Literal["user", "assistant", "system"] | str, OpenEnum()]


GuardrailChecksContentBlock: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("GuardrailChecksContentBlock", text=str),
]


class GuardrailChecksMessage(Model):
    """DOC."""

    role: GuardrailChecksRole
    """MEMBER."""
    content: list[GuardrailChecksContentBlock]
    """MEMBER."""


GuardrailChecksContentFilterCategory: TypeAlias = Annotated[
    Literal[
        "VIOLENCE",
        "HATE",
        "SEXUAL",
        "MISCONDUCT",
        "INSULTS",
    ]
    | str,
    OpenEnum(),
]


class GuardrailChecksContentFilterCategoryConfig(Model):
    """DOC."""

    category: GuardrailChecksContentFilterCategory
    """MEMBER."""


class GuardrailChecksContentFilterConfig(Model):
    """DOC."""

    categories: list[GuardrailChecksContentFilterCategoryConfig]
    """MEMBER."""


GuardrailChecksPromptAttackCategory: TypeAlias = Annotated[
    Literal[
        "JAILBREAK",
        "PROMPT_INJECTION",
        "PROMPT_LEAKAGE",
    ]
    | str,
    OpenEnum(),
]


class GuardrailChecksPromptAttackCategoryConfig(Model):
    """DOC."""

    category: GuardrailChecksPromptAttackCategory
    """MEMBER."""


class GuardrailChecksPromptAttackConfig(Model):
    """DOC."""

    categories: list[GuardrailChecksPromptAttackCategoryConfig]
    """MEMBER."""


GuardrailChecksSensitiveInformationEntityType: TypeAlias = Annotated[
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


class GuardrailChecksSensitiveInformationEntityConfig(Model):
    """DOC."""

    type: GuardrailChecksSensitiveInformationEntityType
    """MEMBER."""


class GuardrailChecksSensitiveInformationConfig(Model):
    """DOC."""

    entities: list[GuardrailChecksSensitiveInformationEntityConfig]
    """MEMBER."""


class GuardrailChecksConfig(Model):
    """DOC."""

    content_filter: GuardrailChecksContentFilterConfig | None = None
    """MEMBER."""
    prompt_attack: GuardrailChecksPromptAttackConfig | None = None
    """MEMBER."""
    sensitive_information: GuardrailChecksSensitiveInformationConfig | None = None
    """MEMBER."""


class InvokeGuardrailChecksRequest(Model):
    """DOC."""

    messages: list[GuardrailChecksMessage]
    """MEMBER."""
    checks: GuardrailChecksConfig
    """MEMBER."""


class GuardrailChecksContentFilterResultEntry(Model):
    """DOC."""

    category: GuardrailChecksContentFilterCategory | None = None
    """MEMBER."""
    severity_score: float | None = None
    """MEMBER."""


class GuardrailChecksContentFilterResult(Model):
    """DOC."""

    results: Annotated[list[GuardrailChecksContentFilterResultEntry], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


class GuardrailChecksPromptAttackResultEntry(Model):
    """DOC."""

    category: GuardrailChecksPromptAttackCategory | None = None
    """MEMBER."""
    severity_score: float | None = None
    """MEMBER."""


class GuardrailChecksPromptAttackResult(Model):
    """DOC."""

    results: Annotated[list[GuardrailChecksPromptAttackResultEntry], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


class GuardrailChecksSensitiveInformationResultEntry(Model):
    """DOC."""

    type: GuardrailChecksSensitiveInformationEntityType | None = None
    """MEMBER."""
    confidence_score: float | None = None
    """MEMBER."""
    begin_offset: int | None = None
    """MEMBER."""
    end_offset: int | None = None
    """MEMBER."""
    message_index: int | None = None
    """MEMBER."""
    content_index: int | None = None
    """MEMBER."""


class GuardrailChecksSensitiveInformationResult(Model):
    """DOC."""

    results: Annotated[list[GuardrailChecksSensitiveInformationResultEntry], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""
    truncated: bool | None = None
    """MEMBER."""


class GuardrailChecksResults(Model):
    """DOC."""

    content_filter: GuardrailChecksContentFilterResult | None = None
    """MEMBER."""
    prompt_attack: GuardrailChecksPromptAttackResult | None = None
    """MEMBER."""
    sensitive_information: GuardrailChecksSensitiveInformationResult | None = None
    """MEMBER."""


class GuardrailChecksContentFilterUsage(Model):
    """DOC."""

    text_units: int | None = None
    """MEMBER."""


class GuardrailChecksPromptAttackUsage(Model):
    """DOC."""

    text_units: int | None = None
    """MEMBER."""


class GuardrailChecksSensitiveInformationUsage(Model):
    """DOC."""

    text_units: int | None = None
    """MEMBER."""


class GuardrailChecksUsageResults(Model):
    """DOC."""

    content_filter: GuardrailChecksContentFilterUsage | None = None
    """MEMBER."""
    prompt_attack: GuardrailChecksPromptAttackUsage | None = None
    """MEMBER."""
    sensitive_information: GuardrailChecksSensitiveInformationUsage | None = None
    """MEMBER."""


class InvokeGuardrailChecksResponse(Result):
    """DOC."""

    results: GuardrailChecksResults | None = None
    """MEMBER."""
    usage: GuardrailChecksUsageResults | None = None
    """MEMBER."""
