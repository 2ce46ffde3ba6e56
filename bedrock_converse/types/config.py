"""The settings of a request: sampling, guardrail, latency, tier, output format. None always means: not sent, AWS's
default."""

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
    """How the model generates. What a model takes beyond these goes into `additional_model_request_fields`.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
    """

    max_tokens: int | None = None
    """The most tokens to generate, at least 1, reasoning included. None means the model's maximum. A reply that reaches
    it ends with the stop reason `max_tokens`."""
    temperature: float | None = None
    """0 (the likeliest token nearly always) to 1 (varied). Some models refuse it together with `top_p`."""
    top_p: float | None = None
    """0 to 1: only the likeliest tokens that together have this probability are drawn from."""
    stop_sequences: list[str] | None = None
    """Texts that end the reply as soon as the model writes one: up to 2,500, at least 1 character each; most models
    allow far fewer."""


GuardrailTrace: TypeAlias = Annotated[Literal["enabled", "disabled", "enabled_full"] | str, OpenEnum()]
"""Whether the reply tells what the guardrail found: not at all, what it acted on, or everything it looked at."""


class GuardrailConfiguration(Model):
    """The guardrail to apply to the request and the reply. The id and the version belong together.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailConfiguration.html
    """

    guardrail_identifier: str | None = None
    """The guardrail's id or ARN, up to 2,048 characters."""
    guardrail_version: str | None = None
    """`DRAFT`, or the number of a version, up to 8 digits."""
    trace: GuardrailTrace | None = None
    """Whether `reply.trace.guardrail` is filled; None means `disabled`. `enabled_full` lists filters that did not act
    as well. Never decide by the trace whether something was blocked: `stop_reason` says it, trace or not."""


PromptVariableValues: TypeAlias = Annotated[
    str | UnknownBlock,
    WireUnion("PromptVariableValues", text=str),
]
"""The value of a variable in a stored prompt: text."""


PerformanceConfigLatency: TypeAlias = Annotated[Literal["standard", "optimized"] | str, OpenEnum()]
"""`optimized` is a faster variant that some models have in some Regions."""


class PerformanceConfiguration(Model):
    """How fast the model should be; in a reply, how it was served.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PerformanceConfiguration.html
    """

    latency: PerformanceConfigLatency | None = None
    """`standard` (the default) or `optimized`. The reply says `standard` when the optimized quota was used up."""


ServiceTierType: TypeAlias = Annotated[Literal["priority", "default", "flex", "reserved"] | str, OpenEnum()]
"""The queue and the price: `priority` is faster and dearer, `flex` slower and cheaper, `reserved` is capacity bought
ahead."""


class ServiceTier(Model):
    """The tier that the request asks for; in a reply, the tier that served it.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html
    """

    type: ServiceTierType
    """Which tier. Not every model has every one."""


OutputFormatType: TypeAlias = Annotated[Literal["json_schema"] | str, OpenEnum()]
"""The one kind of structured output that there is."""


class JsonSchemaDefinition(Model):
    """The JSON Schema that the reply's text must follow.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_JsonSchemaDefinition.html
    """

    schema: str  # pyright: ignore[reportIncompatibleMethodOverride]  # pydantic's deprecated v1 method
    """The schema as a STRING of JSON, so `json.dumps(schema)`. Every object in it needs `"additionalProperties":
    false`; recursion and some keywords (number bounds, for example) are refused."""
    name: str | None = None
    """A name for the schema."""
    description: str | None = None
    """What the schema describes; the model may be guided by it."""


OutputFormatStructure: TypeAlias = Annotated[
    JsonSchemaDefinition | UnknownBlock,
    WireUnion("OutputFormatStructure", jsonSchema=JsonSchemaDefinition),
]
"""What the output must follow: a JSON Schema."""


class OutputFormat(Model):
    """The form that the reply's text must have.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputFormat.html
    """

    type: OutputFormatType
    """Always `json_schema`."""
    structure: OutputFormatStructure
    """The schema."""


class OutputConfig(Model):
    """What the reply should be like.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputConfig.html
    """

    text_format: OutputFormat | None = None
    """Makes the reply's text JSON of a given schema, on the models that can."""
    effort: str | None = None
    """How hard the model works: `low`, `medium`, `high`, `xhigh` or `max`, up to 16 characters. `high` is the ceiling
    while extended thinking is off."""


GuardrailStreamProcessingMode: TypeAlias = Annotated[Literal["sync", "async"] | str, OpenEnum()]
"""`sync` checks each piece before it is sent; `async` sends at once, checks later, and masks nothing."""


class GuardrailStreamConfiguration(Model):
    """The guardrail to apply to the request and the stream. The id and the version belong together.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailStreamConfiguration.html
    """

    guardrail_identifier: str | None = None
    """The guardrail's id or ARN, up to 2,048 characters."""
    guardrail_version: str | None = None
    """`DRAFT`, or the number of a version, up to 8 digits."""
    trace: GuardrailTrace | None = None
    """Whether the metadata at the end of the stream tells what the guardrail found; None means `disabled`."""
    stream_processing_mode: GuardrailStreamProcessingMode | None = None
    """Whether a piece of text waits for the guardrail; None means `sync`. With `async`, text may arrive that the
    guardrail blocks a moment later."""


Trace: TypeAlias = Annotated[Literal["ENABLED", "DISABLED", "ENABLED_FULL"] | str, OpenEnum()]
"""The `InvokeModel` spelling of the guardrail trace switch, in upper case."""
