"""What a guardrail did to a reply, in one word, and what it found, as one flat list: `reply.guardrail`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from bedrock_converse.types.guardrails import GuardrailPiiEntityType
from bedrock_converse.types.unions import UnknownBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_converse.types.guardrails import GuardrailAssessment
    from bedrock_converse.types.operations import ConverseResponse

__all__ = ["GuardrailFinding", "GuardrailOutcome", "GuardrailVerdict", "guardrail_outcome"]

GuardrailVerdict: TypeAlias = Literal["none", "masked", "blocked"]
"""`none`, `masked` (some text was replaced, the rest is the model's) or `blocked` (the text is the guardrail's)."""


@dataclass(frozen=True, slots=True)
class GuardrailFinding:
    """One thing that a policy of the guardrail found in the request or in the reply."""

    policy: str
    """`topic`, `content`, `word`, `sensitive_information`, `contextual_grounding` or `automated_reasoning`."""
    kind: str
    """What: the topic's name, the harm (`HATE`), the personal data (`EMAIL`), the expression's name, `custom`, ..."""
    action: GuardrailVerdict
    """What was done about it; `none` for a policy that is set to detect only."""
    found_in: Literal["input", "output"]
    """Whether it was in the request or in the reply."""
    match: str | None = field(default=None, repr=False)
    """The text that matched, where AWS quotes it. It is the sensitive data itself, so no repr shows it."""
    guardrail_id: str | None = None
    """The guardrail that found it."""


@dataclass(frozen=True, slots=True)
class GuardrailOutcome:
    """What the guardrail did to one reply."""

    action: GuardrailVerdict
    """What became of the reply. Right without a trace too, except that a reply masked by custom expressions only then
    counts as `blocked`, the safer mistake."""
    findings: tuple[GuardrailFinding, ...]
    """What was found. Empty without a trace; filters that found nothing (`enabled_full` lists them) are left out."""
    reason: str | None = None
    """AWS's own sentence about it, if the trace is on."""


def guardrail_outcome(reply: ConverseResponse) -> GuardrailOutcome:
    """The outcome for a reply of `converse()`, or of a stream's `final()`.

    `stop_reason` says that the guardrail acted, for a masked reply as well (recorded 2026-07); what it did is in the
    trace. Without one, a text with a placeholder such as `{EMAIL}` was masked.
    """
    trace = reply.trace.guardrail if reply.trace else None
    findings: tuple[GuardrailFinding, ...] = ()
    if trace is not None:
        in_output = [(key, each) for key, several in trace.output_assessments.items() for each in several]
        findings = (
            *(found for key, each in trace.input_assessment.items() for found in _findings(each, "input", key)),
            *(found for key, each in in_output for found in _findings(each, "output", key)),
        )
    reason = trace.action_reason if trace else None
    return GuardrailOutcome(action=_verdict(reply, findings), findings=findings, reason=reason)


_ENTITIES = get_args(get_args(get_args(GuardrailPiiEntityType)[0])[0])
_MASK = re.compile(rf"\{{(?:{'|'.join(_ENTITIES)})\}}")


def _verdict(reply: ConverseResponse, findings: tuple[GuardrailFinding, ...]) -> GuardrailVerdict:
    actions = {finding.action for finding in findings}
    if "blocked" in actions:
        return "blocked"
    if "masked" in actions:
        return "masked"
    if reply.stop_reason != "guardrail_intervened":
        return "none"
    return "masked" if _MASK.search(reply.text) else "blocked"


_ACTIONS: dict[str | None, GuardrailVerdict] = {"BLOCKED": "blocked", "ANONYMIZED": "masked"}


def _findings(
    assessment: GuardrailAssessment, found_in: Literal["input", "output"], guardrail_id: str
) -> Iterator[GuardrailFinding]:
    for policy, kind, entry in _entries(assessment):
        action = _ACTIONS.get(getattr(entry, "action", None), "none")
        # `detected` is newer than `action`, and absent from automated reasoning, whose findings are all findings
        if getattr(entry, "detected", None) or action != "none" or policy == "automated_reasoning":
            yield GuardrailFinding(
                policy, kind or "", action, found_in, match=getattr(entry, "match", None), guardrail_id=guardrail_id
            )


def _entries(assessment: GuardrailAssessment) -> Iterator[tuple[str, str | None, Any]]:
    """Every entry of every policy: (policy, kind, entry)."""
    if assessment.topic_policy:
        yield from (("topic", topic.name, topic) for topic in assessment.topic_policy.topics)
    if assessment.content_policy:
        yield from (("content", entry.type, entry) for entry in assessment.content_policy.filters)
    if assessment.word_policy:
        yield from (("word", "custom", word) for word in assessment.word_policy.custom_words)
        yield from (("word", word.type, word) for word in assessment.word_policy.managed_word_lists)
    if assessment.sensitive_information_policy:
        sensitive = assessment.sensitive_information_policy
        yield from (("sensitive_information", entity.type, entity) for entity in sensitive.pii_entities)
        yield from (("sensitive_information", regex.name, regex) for regex in sensitive.regexes)
    if assessment.contextual_grounding_policy:
        yield from (
            ("contextual_grounding", entry.type, entry) for entry in assessment.contextual_grounding_policy.filters
        )
    if assessment.automated_reasoning_policy:
        for finding in assessment.automated_reasoning_policy.findings:
            yield "automated_reasoning", _reasoning_kind(finding), finding


def _reasoning_kind(finding: object) -> str:
    if isinstance(finding, UnknownBlock):
        return finding.path[0]
    return type(finding).__name__.removeprefix("GuardrailAutomatedReasoning").removesuffix("Finding")
