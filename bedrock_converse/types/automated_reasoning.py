"""DOC."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

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
    """DOC."""

    logic: str | None = None
    """MEMBER."""
    natural_language: str | None = None
    """MEMBER."""


class GuardrailAutomatedReasoningInputTextReference(Model):
    """DOC."""

    text: str | None = None
    """MEMBER."""


class GuardrailAutomatedReasoningTranslation(Model):
    """DOC."""

    premises: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    claims: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    untranslated_premises: Annotated[list[GuardrailAutomatedReasoningInputTextReference], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""
    untranslated_claims: Annotated[list[GuardrailAutomatedReasoningInputTextReference], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""
    confidence: float | None = None
    """MEMBER."""


class GuardrailAutomatedReasoningScenario(Model):
    """DOC."""

    statements: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


class GuardrailAutomatedReasoningRule(Model):
    """DOC."""

    identifier: str | None = None
    """MEMBER."""
    policy_version_arn: str | None = None
    """MEMBER."""


GuardrailAutomatedReasoningLogicWarningType: TypeAlias = Annotated[
    Literal[
        "ALWAYS_FALSE",
        "ALWAYS_TRUE",
    ]
    | str,
    OpenEnum(),
]


class GuardrailAutomatedReasoningLogicWarning(Model):
    """DOC."""

    type: GuardrailAutomatedReasoningLogicWarningType | None = None
    """MEMBER."""
    premises: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    claims: Annotated[list[GuardrailAutomatedReasoningStatement], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""


class GuardrailAutomatedReasoningValidFinding(Model):
    """DOC."""

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """MEMBER."""
    claims_true_scenario: GuardrailAutomatedReasoningScenario | None = None
    """MEMBER."""
    supporting_rules: Annotated[list[GuardrailAutomatedReasoningRule], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """MEMBER."""


class GuardrailAutomatedReasoningInvalidFinding(Model):
    """DOC."""

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """MEMBER."""
    contradicting_rules: Annotated[list[GuardrailAutomatedReasoningRule], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """MEMBER."""


class GuardrailAutomatedReasoningSatisfiableFinding(Model):
    """DOC."""

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """MEMBER."""
    claims_true_scenario: GuardrailAutomatedReasoningScenario | None = None
    """MEMBER."""
    claims_false_scenario: GuardrailAutomatedReasoningScenario | None = None
    """MEMBER."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """MEMBER."""


class GuardrailAutomatedReasoningImpossibleFinding(Model):
    """DOC."""

    translation: GuardrailAutomatedReasoningTranslation | None = None
    """MEMBER."""
    contradicting_rules: Annotated[list[GuardrailAutomatedReasoningRule], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""
    logic_warning: GuardrailAutomatedReasoningLogicWarning | None = None
    """MEMBER."""


class GuardrailAutomatedReasoningTranslationOption(Model):
    """DOC."""

    translations: Annotated[list[GuardrailAutomatedReasoningTranslation], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""


class GuardrailAutomatedReasoningTranslationAmbiguousFinding(Model):
    """DOC."""

    options: Annotated[list[GuardrailAutomatedReasoningTranslationOption], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""
    difference_scenarios: Annotated[list[GuardrailAutomatedReasoningScenario], NullReadsEmpty()] = Field(
        default_factory=list
    )
    """MEMBER."""


class GuardrailAutomatedReasoningTooComplexFinding(Model):
    """DOC."""


class GuardrailAutomatedReasoningNoTranslationsFinding(Model):
    """DOC."""


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


class GuardrailAutomatedReasoningPolicyAssessment(Model):
    """DOC."""

    findings: Annotated[list[GuardrailAutomatedReasoningFinding], NullReadsEmpty()] = Field(default_factory=list)
    """MEMBER."""
