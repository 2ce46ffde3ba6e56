"""Automated reasoning in a guardrail: text turned into logic, and checked against formal rules.

All of this comes from AWS. A member that it left out is None, a list is empty.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from bedrock_converse.types.base import Model, NullReadsEmpty, OpenEnum
from bedrock_converse.types.unions import UnknownBlock, WireUnion

__all__ = [
    "GuardrailAutomatedReasoningFinding",
    "GuardrailAutomatedReasoningImpossibleFinding",
    "GuardrailAutomatedReasoningInputTextReference",
    "GuardrailAutomatedReasoningInvalidFinding",
    "GuardrailAutomatedReasoningLogicWarning",
    "GuardrailAutomatedReasoningLogicWarningType",
    "GuardrailAutomatedReasoningNoTranslationsFinding",
    "GuardrailAutomatedReasoningPolicyAssessment",
    "GuardrailAutomatedReasoningRule",
    "GuardrailAutomatedReasoningSatisfiableFinding",
    "GuardrailAutomatedReasoningScenario",
    "GuardrailAutomatedReasoningStatement",
    "GuardrailAutomatedReasoningTooComplexFinding",
    "GuardrailAutomatedReasoningTranslation",
    "GuardrailAutomatedReasoningTranslationAmbiguousFinding",
    "GuardrailAutomatedReasoningTranslationOption",
    "GuardrailAutomatedReasoningValidFinding",
]


class GuardrailAutomatedReasoningStatement(Model):
    """A statement, once as logic and once in words.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningStatement.html
    """

    logic: str | None = None
    """The formula, up to 1,000 characters."""
    natural_language: str | None = None
    """The same in words, up to 1,000 characters."""


class GuardrailAutomatedReasoningInputTextReference(Model):
    """A part of the text that was checked.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningInputTextReference.html
    """

    text: str | None = None
    """The part, quoted, up to 1,000 characters."""


class GuardrailAutomatedReasoningTranslation(Model):
    """The text as logic: if the premises hold, do the claims follow?

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningTranslation.html
    """

    premises: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list[Any])
    """What is taken as given."""
    claims: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list[Any])
    """What is to be proved."""
    untranslated_premises: Annotated[list[GuardrailAutomatedReasoningInputTextReference], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """Parts of the text that belong to the premises but could not be put into logic: they were NOT checked."""
    untranslated_claims: Annotated[list[GuardrailAutomatedReasoningInputTextReference], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """Parts of the text that belong to the claims but could not be put into logic: they were NOT checked."""
    confidence: float | None = None
    """How sure AWS is of the translation, 0 to 1."""


class GuardrailAutomatedReasoningScenario(Model):
    """A situation, described by what holds in it.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningScenario.html
    """

    statements: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """What holds."""


class GuardrailAutomatedReasoningRule(Model):
    """A rule of the policy.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningRule.html
    """

    identifier: str | None = None
    """The rule's id, 12 characters of `[a-z0-9]`."""
    policy_version_arn: str | None = None
    """The version of the policy that the rule belongs to, up to 2,048 characters."""


GuardrailAutomatedReasoningLogicWarningType: TypeAlias = Annotated[
    Literal[
        "ALWAYS_FALSE",
        "ALWAYS_TRUE",
    ]
    | str,
    OpenEnum(),
]
"""What is wrong with statements whatever the rules say: they can never, or cannot but, be true."""


class GuardrailAutomatedReasoningLogicWarning(Model):
    """The statements are at fault by themselves, without any rule.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningLogicWarning.html
    """

    type: GuardrailAutomatedReasoningLogicWarningType | None = None
    """Whether they are always true or always false."""
    premises: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list[Any])
    """The premises concerned."""
    claims: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list[Any])
    """The claims concerned."""


class GuardrailAutomatedReasoningValidFinding(Model):
    """The claims follow from the premises and the rules.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningValidFinding.html
    """

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """What was proved."""
    claims_true_scenario: GuardrailAutomatedReasoningScenario | None = None
    """An example in which the claims are true."""
    supporting_rules: Annotated[list[GuardrailAutomatedReasoningRule], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """The rules that prove them."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """What is odd about the statements by themselves; None when nothing is."""


class GuardrailAutomatedReasoningInvalidFinding(Model):
    """The claims contradict the premises or the rules.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningInvalidFinding.html
    """

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """What was disproved."""
    contradicting_rules: Annotated[list[GuardrailAutomatedReasoningRule], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """The rules that the claims contradict."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """What is odd about the statements by themselves; None when nothing is."""


class GuardrailAutomatedReasoningSatisfiableFinding(Model):
    """The claims may be true or false: it depends on something that the text does not say.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningSatisfiableFinding.html
    """

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """What was examined."""
    claims_true_scenario: GuardrailAutomatedReasoningScenario | None = None
    """An example in which the claims are true."""
    claims_false_scenario: GuardrailAutomatedReasoningScenario | None = None
    """An example in which they are false."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """What is odd about the statements by themselves; None when nothing is."""


class GuardrailAutomatedReasoningImpossibleFinding(Model):
    """The premises contradict each other or the rules, so nothing can be said about the claims.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningImpossibleFinding.html
    """

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """What was examined."""
    contradicting_rules: Annotated[list[GuardrailAutomatedReasoningRule], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """The rules that are contradicted."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """What is odd about the statements by themselves; None when nothing is."""


class GuardrailAutomatedReasoningTranslationOption(Model):
    """One way to read the text.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningTranslationOption.html
    """

    translations: Annotated[list[GuardrailAutomatedReasoningTranslation], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """The text as logic, read that way."""


class GuardrailAutomatedReasoningTranslationAmbiguousFinding(Model):
    """The text can be read in more than one way, so it was not judged.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningTranslationAmbiguousFinding.html
    """

    options: Annotated[list[GuardrailAutomatedReasoningTranslationOption], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """The readings, at most 2."""
    difference_scenarios: Annotated[list[GuardrailAutomatedReasoningScenario], NullReadsEmpty()] = Field(
        default_factory=list[Any]
    )
    """Examples in which the readings differ, at most 2."""


class GuardrailAutomatedReasoningTooComplexFinding(Model):
    """The text says more than could be examined. It has no members.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningTooComplexFinding.html
    """


class GuardrailAutomatedReasoningNoTranslationsFinding(Model):
    """Nothing in the text could be put into logic, so it was not judged. It has no members.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningNoTranslationsFinding.html
    """


GuardrailAutomatedReasoningFinding: TypeAlias = Annotated[
    GuardrailAutomatedReasoningValidFinding
    | GuardrailAutomatedReasoningInvalidFinding
    | GuardrailAutomatedReasoningSatisfiableFinding
    | GuardrailAutomatedReasoningImpossibleFinding
    | GuardrailAutomatedReasoningTranslationAmbiguousFinding
    | GuardrailAutomatedReasoningTooComplexFinding
    | GuardrailAutomatedReasoningNoTranslationsFinding
    | UnknownBlock,
    WireUnion(
        "GuardrailAutomatedReasoningFinding",
        valid=GuardrailAutomatedReasoningValidFinding,
        invalid=GuardrailAutomatedReasoningInvalidFinding,
        satisfiable=GuardrailAutomatedReasoningSatisfiableFinding,
        impossible=GuardrailAutomatedReasoningImpossibleFinding,
        translationAmbiguous=GuardrailAutomatedReasoningTranslationAmbiguousFinding,
        tooComplex=GuardrailAutomatedReasoningTooComplexFinding,
        noTranslations=GuardrailAutomatedReasoningNoTranslationsFinding,
    ),
]
"""A verdict on a part of the text. Only the valid one says that the claims hold."""


class GuardrailAutomatedReasoningPolicyAssessment(Model):
    """What automated reasoning found.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAutomatedReasoningPolicyAssessment.html
    """

    findings: Annotated[list[GuardrailAutomatedReasoningFinding], NullReadsEmpty()] = Field(default_factory=list[Any])
    """The verdicts, one for each part of the text that was examined."""
