"""What a guardrail found: the assessments in a Converse trace and in the answer of ApplyGuardrail.

All of this comes from AWS. A member that it left out is None, a list or map is empty. Texts that matched are quoted
here, so treat an assessment as no less sensitive than the prompt. `detected` says that a filter matched, `action` what
was done about it; with the full trace or scope there are also entries that matched nothing.
"""

from typing import Annotated, Any, Literal, TypeAlias

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
"""What a topic is in the guardrail: one to deny."""


GuardrailTopicPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]
"""What was done about a topic."""


class GuardrailTopic(Model):
    """A topic that the guardrail is to keep out.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailTopic.html
    """

    name: str | None = None
    """The name that the guardrail gives the topic."""
    type: GuardrailTopicType | None = None
    """The kind of topic: `DENY`."""
    action: GuardrailTopicPolicyAction | None = None
    """What was done: `BLOCKED`, or `NONE`."""
    detected: bool | None = None
    """Whether the topic came up."""


class GuardrailTopicPolicyAssessment(Model):
    """What the topic filters found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailTopicPolicyAssessment.html
    """

    topics: Annotated[list[GuardrailTopic], NullReadsEmpty()] = Field(default_factory=list[Any])
    """One entry for each topic."""


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
"""The harm that a content filter looks for."""


GuardrailContentFilterConfidence: TypeAlias = Annotated[Literal["NONE", "LOW", "MEDIUM", "HIGH"] | str, OpenEnum()]
"""How sure the filter is that the content is harmful."""


GuardrailContentFilterStrength: TypeAlias = Annotated[Literal["NONE", "LOW", "MEDIUM", "HIGH"] | str, OpenEnum()]
"""How strict the filter is set: a higher strength acts at a lower confidence."""


GuardrailContentPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]
"""What was done about harmful content."""


class GuardrailContentFilter(Model):
    """What one content filter found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailContentFilter.html
    """

    type: GuardrailContentFilterType | None = None
    """The harm that it looks for."""
    confidence: GuardrailContentFilterConfidence | None = None
    """How sure it is. It acts from a confidence that `filter_strength` decides."""
    filter_strength: GuardrailContentFilterStrength | None = None
    """How strict it is set in the guardrail."""
    action: GuardrailContentPolicyAction | None = None
    """What was done: `BLOCKED`, or `NONE`."""
    detected: bool | None = None
    """Whether the content fell foul of the filter."""


class GuardrailContentPolicyAssessment(Model):
    """What the content filters found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailContentPolicyAssessment.html
    """

    filters: Annotated[list[GuardrailContentFilter], NullReadsEmpty()] = Field(default_factory=list[Any])
    """One entry for each filter."""


GuardrailWordPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]
"""What was done about a word."""


class GuardrailCustomWord(Model):
    """A word or phrase that the guardrail's owner listed.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailCustomWord.html
    """

    match: str | None = None
    """The text that matched."""
    action: GuardrailWordPolicyAction | None = None
    """What was done: `BLOCKED`, or `NONE`."""
    detected: bool | None = None
    """Whether the word was there."""


GuardrailManagedWordType: TypeAlias = Annotated[Literal["PROFANITY"] | str, OpenEnum()]
"""The lists of words that AWS maintains."""


class GuardrailManagedWord(Model):
    """A word from a list that AWS maintains.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailManagedWord.html
    """

    match: str | None = None
    """The text that matched."""
    type: GuardrailManagedWordType | None = None
    """The list that the word is on."""
    action: GuardrailWordPolicyAction | None = None
    """What was done: `BLOCKED`, or `NONE`."""
    detected: bool | None = None
    """Whether the word was there."""


class GuardrailWordPolicyAssessment(Model):
    """What the word filters found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailWordPolicyAssessment.html
    """

    custom_words: Annotated[list[GuardrailCustomWord], NullReadsEmpty()] = Field(default_factory=list[Any])
    """Matches with the owner's own list."""
    managed_word_lists: Annotated[list[GuardrailManagedWord], NullReadsEmpty()] = Field(default_factory=list[Any])
    """Matches with AWS's lists."""


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
"""The personal data that a guardrail can find."""


GuardrailSensitiveInformationPolicyAction: TypeAlias = Annotated[
    Literal[
        "ANONYMIZED",
        "BLOCKED",
        "NONE",
    ]
    | str,
    OpenEnum(),
]
"""What was done about sensitive information: masked, blocked, or nothing."""


class GuardrailPiiEntityFilter(Model):
    """A piece of personal data that was found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailPiiEntityFilter.html
    """

    match: str | None = None
    """The text that matched: the personal data itself."""
    type: GuardrailPiiEntityType | None = None
    """What kind of personal data it is."""
    action: GuardrailSensitiveInformationPolicyAction | None = None
    """`ANONYMIZED` (masked in the output), `BLOCKED`, or `NONE`."""
    detected: bool | None = None
    """Whether the data was there."""


class GuardrailRegexFilter(Model):
    """A match with a regular expression of the guardrail's owner.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailRegexFilter.html
    """

    name: str | None = None
    """The name that the guardrail gives the expression."""
    match: str | None = None
    """The text that matched."""
    regex: str | None = None
    """The expression."""
    action: GuardrailSensitiveInformationPolicyAction | None = None
    """`ANONYMIZED` (masked in the output), `BLOCKED`, or `NONE`."""
    detected: bool | None = None
    """Whether the expression matched."""


class GuardrailSensitiveInformationPolicyAssessment(Model):
    """What the filters for sensitive information found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailSensitiveInformationPolicyAssessment.html
    """

    pii_entities: Annotated[list[GuardrailPiiEntityFilter], NullReadsEmpty()] = Field(default_factory=list[Any])
    """Personal data."""
    regexes: Annotated[list[GuardrailRegexFilter], NullReadsEmpty()] = Field(default_factory=list[Any])
    """Matches with the owner's expressions. AWS leaves it out at times, though its model requires it (seen 2026-07)."""


GuardrailContextualGroundingFilterType: TypeAlias = Annotated[Literal["GROUNDING", "RELEVANCE"] | str, OpenEnum()]
"""What a score is about: `GROUNDING`, true to the sources, or `RELEVANCE`, to the question."""


GuardrailContextualGroundingPolicyAction: TypeAlias = Annotated[Literal["BLOCKED", "NONE"] | str, OpenEnum()]
"""What was done about an answer that is ungrounded or beside the point."""


class GuardrailContextualGroundingFilter(Model):
    """How well an answer agrees with its sources, or with the question.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailContextualGroundingFilter.html
    """

    type: GuardrailContextualGroundingFilterType | None = None
    """Which of the two."""
    threshold: float | None = None
    """The lowest score that passes, 0 to 1."""
    score: float | None = None
    """The answer's score, 0 to 1; higher is better."""
    action: GuardrailContextualGroundingPolicyAction | None = None
    """What was done: `BLOCKED`, or `NONE`."""
    detected: bool | None = None
    """Whether the score is below the threshold."""


class GuardrailContextualGroundingPolicyAssessment(Model):
    """What the contextual grounding check found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailContextualGroundingPolicyAssessment.html
    """

    filters: Annotated[list[GuardrailContextualGroundingFilter], NullReadsEmpty()] = Field(default_factory=list[Any])
    """The scores."""


class GuardrailUsage(Model):
    """What the guardrail cost, in the units that AWS bills. A text unit is up to 1,000 characters.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailUsage.html
    """

    topic_policy_units: int | None = None
    """Text units checked for topics."""
    content_policy_units: int | None = None
    """Text units checked for harmful content."""
    word_policy_units: int | None = None
    """Text units checked for words."""
    sensitive_information_policy_units: int | None = None
    """Text units checked for personal data."""
    sensitive_information_policy_free_units: int | None = None
    """Text units checked for regular expressions, which are free."""
    contextual_grounding_policy_units: int | None = None
    """Text units checked for grounding and relevance."""
    content_policy_image_units: int | None = None
    """Images checked for harmful content."""
    automated_reasoning_policy_units: int | None = None
    """Text units checked by automated reasoning."""
    automated_reasoning_policies: int | None = None
    """How many automated reasoning policies were run."""


class GuardrailTextCharactersCoverage(Model):
    """How much of the text was checked.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailTextCharactersCoverage.html
    """

    guarded: int | None = None
    """Characters that were checked."""
    total: int | None = None
    """Characters that there were."""


class GuardrailImageCoverage(Model):
    """How many of the images were checked.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailImageCoverage.html
    """

    guarded: int | None = None
    """Images that were checked."""
    total: int | None = None
    """Images that there were."""


class GuardrailCoverage(Model):
    """How much of the content was checked: not all of it, if only some was marked to be guarded.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailCoverage.html
    """

    text_characters: GuardrailTextCharactersCoverage | None = None
    """The text, in characters."""
    images: GuardrailImageCoverage | None = None
    """The images. None when AWS did not say: it sends null for a request without any."""


class GuardrailInvocationMetrics(Model):
    """What one run of the guardrail took.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailInvocationMetrics.html
    """

    guardrail_processing_latency: int | None = None
    """How long it took, in milliseconds."""
    usage: GuardrailUsage | None = None
    """What it cost."""
    guardrail_coverage: GuardrailCoverage | None = None
    """How much it checked."""


GuardrailOrigin: TypeAlias = Annotated[
    Literal[
        "REQUEST",
        "ACCOUNT_ENFORCED",
        "ORGANIZATION_ENFORCED",
    ]
    | str,
    OpenEnum(),
]
"""Why a guardrail ran: the request asked for it, or the account or organization enforces it."""


GuardrailOwnership: TypeAlias = Annotated[Literal["SELF", "CROSS_ACCOUNT"] | str, OpenEnum()]
"""Whether the guardrail belongs to the calling account or to another."""


class AppliedGuardrailDetails(Model):
    """Which guardrail ran, and why.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_AppliedGuardrailDetails.html
    """

    guardrail_id: str | None = None
    """Its id, up to 2,048 characters."""
    guardrail_version: str | None = None
    """`DRAFT`, or the number of the version."""
    guardrail_arn: str | None = None
    """Its ARN, up to 2,048 characters."""
    guardrail_origin: Annotated[list[GuardrailOrigin], NullReadsEmpty()] = Field(default_factory=list[Any])
    """Why it ran; there may be more than one reason."""
    guardrail_ownership: GuardrailOwnership | None = None
    """Whose it is."""


class GuardrailAssessment(Model):
    """What one guardrail found, policy by policy: None for one that it does not have or that had nothing to tell.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAssessment.html
    """

    topic_policy: GuardrailTopicPolicyAssessment | None = None
    """Topics to be kept out."""
    content_policy: GuardrailContentPolicyAssessment | None = None
    """Harmful content."""
    word_policy: GuardrailWordPolicyAssessment | None = None
    """Words to be kept out."""
    sensitive_information_policy: GuardrailSensitiveInformationPolicyAssessment | None = None
    """Personal data and the owner's regular expressions."""
    contextual_grounding_policy: GuardrailContextualGroundingPolicyAssessment | None = None
    """Whether the answer is true to its sources and to the point."""
    automated_reasoning_policy: GuardrailAutomatedReasoningPolicyAssessment | None = None
    """Whether the answer agrees with formal rules."""
    invocation_metrics: GuardrailInvocationMetrics | None = None
    """What the run took: time, units, coverage."""
    applied_guardrail_details: AppliedGuardrailDetails | None = None
    """Which guardrail it was."""


class GuardrailTraceAssessment(Model):
    """What the guardrail saw and did in a Converse call. Whether it blocked something is said by `stop_reason`.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailTraceAssessment.html
    """

    model_output: Annotated[list[str], NullReadsEmpty()] = Field(default_factory=list[Any])
    """What the model had written before the guardrail changed or withheld it."""
    input_assessment: Annotated[dict[str, GuardrailAssessment], NullReadsEmpty()] = Field(
        default_factory=dict[str, Any]
    )
    """What was found in the request, by guardrail id."""
    output_assessments: Annotated[dict[str, list[GuardrailAssessment]], NullReadsEmpty()] = Field(
        default_factory=dict[str, Any]
    )
    """What was found in the reply, by guardrail id; a stream is checked more than once, hence the lists."""
    action_reason: str | None = None
    """Why the guardrail acted, for people."""
