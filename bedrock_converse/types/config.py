"""DOC."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from bedrock_converse.types.base import Model, OpenEnum
from bedrock_converse.types.unions import UnknownBlock, WireUnion

__all__ = [
    "GuardrailConfiguration",
    "GuardrailStreamConfiguration",
    "GuardrailStreamProcessingMode",
    "GuardrailTrace",
    "InferenceConfiguration",
    "JsonSchemaDefinition",
    "OutputConfig",
    "OutputFormat",
    "OutputFormatStructure",
    "OutputFormatType",
    "PerformanceConfigLatency",
    "PerformanceConfiguration",
    "PromptVariableValues",
    "ServiceTier",
    "ServiceTierType",
    "Trace",
]


class InferenceConfiguration(Model):
    """DOC."""

    max_tokens: int | None = None
    """MEMBER."""
    temperature: float | None = None
    """MEMBER."""
    top_p: float | None = None
    """MEMBER."""
    stop_sequences: list[str] | None = None
    """MEMBER."""


GuardrailTrace: TypeAlias = Annotated[Literal["enabled", "disabled", "enabled_full"] | str, OpenEnum()]


class GuardrailConfiguration(Model):
    """DOC."""

    guardrail_identifier: str | None = None
    """MEMBER."""
    guardrail_version: str | None = None
    """MEMBER."""
    trace: GuardrailTrace | None = None
    """MEMBER."""


PromptVariableValues: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("PromptVariableValues", text=str),
]


PerformanceConfigLatency: TypeAlias = Annotated[Literal["standard", "optimized"] | str, OpenEnum()]


class PerformanceConfiguration(Model):
    """DOC."""

    latency: PerformanceConfigLatency | None = None
    """MEMBER."""


ServiceTierType: TypeAlias = Annotated[Literal["priority", "default", "flex", "reserved"] | str, OpenEnum()]


class ServiceTier(Model):
    """DOC."""

    type: ServiceTierType
    """MEMBER."""


OutputFormatType: TypeAlias = Annotated[Literal["json_schema"] | str, OpenEnum()]


class JsonSchemaDefinition(Model):
    """DOC."""

    schema: str
    """MEMBER."""
    name: str | None = None
    """MEMBER."""
    description: str | None = None
    """MEMBER."""


OutputFormatStructure: TypeAlias = Annotated[
    JsonSchemaDefinition | UnknownBlock,
    WireUnion("OutputFormatStructure", jsonSchema=JsonSchemaDefinition),
]


class OutputFormat(Model):
    """DOC."""

    type: OutputFormatType
    """MEMBER."""
    structure: OutputFormatStructure
    """MEMBER."""


class OutputConfig(Model):
    """DOC."""

    text_format: OutputFormat | None = None
    """MEMBER."""
    effort: str | None = None
    """MEMBER."""


GuardrailStreamProcessingMode: TypeAlias = Annotated[Literal["sync", "async"] | str, OpenEnum()]


class GuardrailStreamConfiguration(Model):
    """DOC."""

    guardrail_identifier: str | None = None
    """MEMBER."""
    guardrail_version: str | None = None
    """MEMBER."""
    trace: GuardrailTrace | None = None
    """MEMBER."""
    stream_processing_mode: GuardrailStreamProcessingMode | None = None
    """MEMBER."""


Trace: TypeAlias = Annotated[Literal["ENABLED", "DISABLED", "ENABLED_FULL"] | str, OpenEnum()]
