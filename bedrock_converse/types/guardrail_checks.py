"""InvokeGuardrailChecks: single checks, configured in the request itself, without a guardrail resource.

In the response, a member that AWS left out is None, a list is empty. Only `results` itself must be there.
"""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

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
"""Who wrote a message."""


GuardrailChecksContentBlock: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("GuardrailChecksContentBlock", text=str),
]
"""Content to be checked: text of at least 1 character."""


class GuardrailChecksMessage(Model):
    """A message to be checked.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksMessage.html
    """

    role: GuardrailChecksRole
    """Who wrote it."""
    content: list[GuardrailChecksContentBlock]
    """What it says: at least one text."""


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
"""The harm that a content filter looks for."""


class GuardrailChecksContentFilterCategoryConfig(Model):
    """A harm to look for.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksContentFilterCategoryConfig.html
    """

    category: GuardrailChecksContentFilterCategory
    """Which one."""


class GuardrailChecksContentFilterConfig(Model):
    """Asks for the check for harmful content.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksContentFilterConfig.html
    """

    categories: list[GuardrailChecksContentFilterCategoryConfig]
    """What to look for: 1 to 5 categories."""


GuardrailChecksPromptAttackCategory: TypeAlias = Annotated[
    Literal[
        "JAILBREAK",
        "PROMPT_INJECTION",
        "PROMPT_LEAKAGE",
    ]
    | str,
    OpenEnum(),
]
"""The kinds of attack on a prompt."""


class GuardrailChecksPromptAttackCategoryConfig(Model):
    """An attack to look for.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksPromptAttackCategoryConfig.html
    """

    category: GuardrailChecksPromptAttackCategory
    """Which one."""


class GuardrailChecksPromptAttackConfig(Model):
    """Asks for the check for attacks on the prompt.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksPromptAttackConfig.html
    """

    categories: list[GuardrailChecksPromptAttackCategoryConfig]
    """What to look for: 1 to 3 categories."""


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
"""The personal data that the check can find."""


class GuardrailChecksSensitiveInformationEntityConfig(Model):
    """A kind of personal data to look for.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksSensitiveInformationEntityConfig.html
    """

    type: GuardrailChecksSensitiveInformationEntityType
    """Which one."""


class GuardrailChecksSensitiveInformationConfig(Model):
    """Asks for the check for personal data.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksSensitiveInformationConfig.html
    """

    entities: list[GuardrailChecksSensitiveInformationEntityConfig]
    """What to look for: 1 to 31 kinds."""


class GuardrailChecksConfig(Model):
    """The checks to run: those that are not None, at least one.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksConfig.html
    """

    content_filter: GuardrailChecksContentFilterConfig | None = None
    """Harmful content."""
    prompt_attack: GuardrailChecksPromptAttackConfig | None = None
    """Attacks on the prompt."""
    sensitive_information: GuardrailChecksSensitiveInformationConfig | None = None
    """Personal data."""


class InvokeGuardrailChecksRequest(Model):
    """Messages to be checked, and the checks to run on them.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeGuardrailChecks.html
    """

    messages: list[GuardrailChecksMessage]
    """The messages, at least one."""
    checks: GuardrailChecksConfig
    """The checks, at least one."""


class GuardrailChecksContentFilterResultEntry(Model):
    """How harmful the messages are, in one category.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksContentFilterResultEntry.html
    """

    category: GuardrailChecksContentFilterCategory | None = None
    """The category."""
    severity_score: float | None = None
    """0.0 (harmless) to 1.0. There is no verdict: where to draw the line is up to you."""


class GuardrailChecksContentFilterResult(Model):
    """What the check for harmful content found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksContentFilterResult.html
    """

    results: Annotated[list[GuardrailChecksContentFilterResultEntry], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """One entry for each category that was asked for."""


class GuardrailChecksPromptAttackResultEntry(Model):
    """How much the messages look like one kind of attack.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksPromptAttackResultEntry.html
    """

    category: GuardrailChecksPromptAttackCategory | None = None
    """The kind of attack."""
    severity_score: float | None = None
    """0.0 (harmless) to 1.0. There is no verdict: where to draw the line is up to you."""


class GuardrailChecksPromptAttackResult(Model):
    """What the check for attacks on the prompt found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksPromptAttackResult.html
    """

    results: Annotated[list[GuardrailChecksPromptAttackResultEntry], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """One entry for each category that was asked for."""


class GuardrailChecksSensitiveInformationResultEntry(Model):
    """A piece of personal data, and where it stands.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksSensitiveInformationResultEntry.html
    """

    type: GuardrailChecksSensitiveInformationEntityType | None = None
    """What kind of data it is."""
    confidence_score: float | None = None
    """How sure the check is, 0.0 to 1.0."""
    begin_offset: int | None = None
    """Where it begins in its text, in characters from 0."""
    end_offset: int | None = None
    """Where it ends in its text, in characters from 0."""
    message_index: int | None = None
    """Which message it is in, from 0."""
    content_index: int | None = None
    """Which content block of that message, from 0."""


class GuardrailChecksSensitiveInformationResult(Model):
    """What the check for personal data found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksSensitiveInformationResult.html
    """

    results: Annotated[list[GuardrailChecksSensitiveInformationResultEntry], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """The finds."""
    truncated: bool | None = None
    """True when there were more finds than AWS returns, so `results` is not all."""


class GuardrailChecksResults(Model):
    """What the checks found. A check that was not asked for is None.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksResults.html
    """

    content_filter: GuardrailChecksContentFilterResult | None = None
    """Harmful content."""
    prompt_attack: GuardrailChecksPromptAttackResult | None = None
    """Attacks on the prompt."""
    sensitive_information: GuardrailChecksSensitiveInformationResult | None = None
    """Personal data."""


class GuardrailChecksContentFilterUsage(Model):
    """What the check for harmful content cost.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksContentFilterUsage.html
    """

    text_units: int | None = None
    """The text units that it is billed for."""


class GuardrailChecksPromptAttackUsage(Model):
    """What the check for attacks on the prompt cost.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksPromptAttackUsage.html
    """

    text_units: int | None = None
    """The text units that it is billed for."""


class GuardrailChecksSensitiveInformationUsage(Model):
    """What the check for personal data cost.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksSensitiveInformationUsage.html
    """

    text_units: int | None = None
    """The text units that it is billed for."""


class GuardrailChecksUsageResults(Model):
    """What the checks cost. A check that was not asked for is None.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailChecksUsageResults.html
    """

    content_filter: GuardrailChecksContentFilterUsage | None = None
    """Harmful content."""
    prompt_attack: GuardrailChecksPromptAttackUsage | None = None
    """Attacks on the prompt."""
    sensitive_information: GuardrailChecksSensitiveInformationUsage | None = None
    """Personal data."""


class InvokeGuardrailChecksResponse(Result):
    """What the checks found, and what they cost.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeGuardrailChecks.html
    """

    essential: ClassVar[frozenset[str]] = frozenset({"results"})  # without them, an error's body would read as a pass

    results: GuardrailChecksResults
    """What was found, check by check."""
    usage: GuardrailChecksUsageResults | None = None
    """What it cost, check by check."""
