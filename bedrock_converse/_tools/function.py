"""A function, or a pydantic model, as a tool: what the model is told about it, and how its arguments are checked."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    ParamSpec,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from bedrock_converse._tools.docstring import parse_docstring
from bedrock_converse._tools.names import wire_name
from bedrock_converse.errors import ConfigError
from bedrock_converse.schemas import SchemaUnsupported, UntitledSchema, strict_schema
from bedrock_converse.types import ToolSpecification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FunctionTool", "tool"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False, repr=False)
class FunctionTool(Generic[P, R]):
    """A tool that `run_tools` can run. Calling it calls the function, as if it were not decorated."""

    function: Callable[P, R]
    """What was decorated: a function, sync or async, any callable, or a pydantic model."""
    name: str
    """What it is called here. AWS sees `specification.name`, which differs where AWS's alphabet is too small."""
    specification: ToolSpecification
    """What the model is told: name, description, JSON Schema. For `ToolConfiguration(tools=[...])`."""
    arguments: type[BaseModel] | None
    """The pydantic model of the arguments; None when the schema was given by hand, and nothing is checked."""
    parameters: Mapping[str, inspect.Parameter] = field(default_factory=dict[str, inspect.Parameter])
    """The parameters that the model fills, by the names of `arguments`' fields."""
    context: str | None = None
    """The parameter that receives `run_tools(context=...)`."""
    timeout: float | None = None
    """The longest that a call may take, in seconds."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    def bind(self, input: Mapping[str, Any], context: Any = None) -> Callable[[], Any]:
        """The call that these arguments mean, checked and ready to be made.

        Raises:
            pydantic.ValidationError: the arguments do not fit.
        """
        if self.arguments is None:
            kwargs = {**input, **self._context(context)}
            return lambda: cast("Any", self.function)(**kwargs)
        # as JSON, so that a strict model takes "2026-01-01" for a date: JSON has no dates
        checked = self.arguments.model_validate_json(to_json(dict(input)))
        if self.arguments is self.function:
            return cast("Callable[[], Any]", checked)
        args: list[Any] = []
        kwargs = {**(checked.model_extra or {}), **self._context(context)}
        for name, parameter in self.parameters.items():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(getattr(checked, name))
            elif name in checked.model_fields_set or isinstance(
                parameter.default, FieldInfo
            ):  # else the function's own default
                kwargs[parameter.name] = getattr(checked, name)
        return lambda: cast("Any", self.function)(*args, **kwargs)

    def _context(self, context: Any) -> dict[str, Any]:
        return {} if self.context is None else {self.context: context}

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop; otherwise it runs in a worker thread."""
        function = self.function
        if self.arguments is not None and self.arguments is function:
            return inspect.iscoroutinefunction(getattr(function, "__call__", None)) or not self.runs  # noqa: B004
        call = getattr(function, "__call__", None)  # noqa: B004
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)

    @property
    def runs(self) -> bool:
        """False for a pydantic model without `__call__`: there is nothing to run, its calls are handed to you."""
        return self.arguments is not self.function or "__call__" in dir(cast("type[Any]", self.function))

    @classmethod
    def from_schema(
        cls,
        function: Callable[..., Any],
        schema: dict[str, Any],
        *,
        name: str,
        description: str | None = None,
        strict: bool | None = None,
        timeout: float | None = None,
    ) -> FunctionTool[..., Any]:
        """A tool whose JSON Schema exists already (an MCP server's, say): `function` gets the arguments unchecked."""
        specification = ToolSpecification(
            name=wire_name(name), input_schema=schema, description=description, strict=strict
        )
        return FunctionTool(function, name, specification, None, timeout=timeout)


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...
@overload
def tool(
    function: Callable[P, R],
    /,
    *,
    name: str | None = ...,
    description: str | None = ...,
    strict: bool | None = ...,
    context: str | None = ...,
    timeout: float | None = ...,
) -> FunctionTool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = ...,
    description: str | None = ...,
    strict: bool | None = ...,
    context: str | None = ...,
    timeout: float | None = ...,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...
def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    context: str | None = "context",
    timeout: float | None = None,
) -> Any:
    """Makes a tool of a function, sync or async, or of a pydantic model: `@tool` or `@tool(...)`.

    The JSON Schema comes whole from pydantic, by the annotations; unknown arguments are refused. Descriptions come from
    the docstring (Google, NumPy or Sphinx style) or from `Annotated[int, Field(description=...)]`, which wins. For a
    method, decorate the bound one: `tool(service.search)`. A model with a `__call__` is run by it; without one its
    calls are handed to you, as a paused run.

    Args:
        name: What the model calls it; by default the function's name.
        description: What it does; by default what the docstring says before its first section.
        strict: True makes the model keep to the schema, where it can; the schema is rewritten to AWS's subset.
        context: The parameter that receives `run_tools(context=...)` instead of an argument of the model's, if the
            function has it; None: no parameter does.
        timeout: The longest that a call may take, in seconds; the model is then told that it failed. A sync function
            keeps its thread until it returns.

    Raises:
        ConfigError: an annotation cannot be resolved, or is nothing that JSON has; `*args`; an unbound method; a strict
            schema that AWS's subset cannot say.
    """
    if function is None:

        def decorate(decorated: Any) -> Any:
            return tool(decorated, name=name, description=description, strict=strict, context=context, timeout=timeout)

        return decorate
    model = _as_model(function)
    own_name = name or getattr(function, "__name__", None) or type(function).__name__
    text, described = parse_docstring(_own_doc(function))
    parameters: dict[str, inspect.Parameter] = {}
    takes_context = False
    if model is not None:
        arguments = model
    else:
        namespace = _names_around()
        arguments, parameters, takes_context = _arguments(function, own_name, described, context, namespace)
    schema = _schema(arguments, own_name)
    if model is not None:
        schema.pop("description", None)  # the docstring, which is the tool's description
    if strict:
        try:
            schema = strict_schema(schema)
        except SchemaUnsupported as error:
            raise ConfigError(f"tool {own_name} cannot be strict: {error}") from error
    specification = ToolSpecification(
        name=wire_name(own_name), input_schema=schema, description=description or text or None, strict=strict
    )
    return FunctionTool(
        function, own_name, specification, arguments, parameters, context if takes_context else None, timeout
    )


def _as_model(function: Any) -> type[BaseModel] | None:
    return function if isinstance(function, type) and issubclass(function, BaseModel) else None


def _own_doc(function: Callable[..., Any]) -> str | None:
    """Its docstring, but not the one that a model inherits from pydantic, or a callable object from its class."""
    return function.__dict__.get("__doc__") if isinstance(function, type) else inspect.getdoc(function)


def _schema(arguments: type[BaseModel], name: str) -> dict[str, Any]:
    try:
        schema = arguments.model_json_schema(schema_generator=UntitledSchema)
    except PydanticUserError as error:
        raise ConfigError(f"tool {name}: an argument has no JSON Schema ({error.code})") from error
    schema.pop("title", None)
    for definition in schema.get("$defs", {}).values():
        definition.pop("title", None)
    return schema


def _names_around() -> dict[str, Any]:
    """The names that are visible where the decorator stands: annotations may be text, and mean local classes."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return {**frame.f_globals, **frame.f_locals}


def _arguments(
    function: Callable[..., Any],
    name: str,
    described: Mapping[str, str],
    context: str | None,
    namespace: dict[str, Any],
) -> tuple[type[BaseModel], dict[str, inspect.Parameter], bool]:
    """The model of a function's arguments, the parameters behind its fields, and whether it takes the context."""
    fields: dict[str, Any] = {}
    parameters: dict[str, inspect.Parameter] = {}
    extra = "forbid"
    takes_context = False
    for index, parameter in enumerate(inspect.signature(function).parameters.values()):
        if parameter.name == context:
            takes_context = True
        elif parameter.kind is parameter.VAR_KEYWORD:
            extra = "allow"
        elif parameter.kind is parameter.VAR_POSITIONAL:
            raise ConfigError(f"tool {name}: JSON has no *{parameter.name}; take a list")
        elif index == 0 and parameter.name == "self" and parameter.annotation is parameter.empty:
            hint = f"decorate the bound method: tool(object.{name})"
            raise ConfigError(f"tool {name}: `self` is nothing that the model can give", hint=hint)
        else:
            # a field of its own name could be called `schema` or `model_config`, which a model cannot have
            key = f"argument_{index}"
            parameters[key] = parameter
            fields[key] = _field(function, name, parameter, described.get(parameter.name), namespace)
    config = ConfigDict(extra=cast("Any", extra), hide_input_in_errors=True, title=name)
    try:
        return create_model(name, __config__=config, **fields), parameters, takes_context
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation) as error:
        raise ConfigError(f"tool {name}: an argument's type is nothing that pydantic can check") from error


def _field(
    function: Callable[..., Any],
    name: str,
    parameter: inspect.Parameter,
    description: str | None,
    namespace: dict[str, Any],
) -> tuple[Any, Any]:
    annotation: Any = Any if parameter.annotation is parameter.empty else parameter.annotation
    if isinstance(annotation, str):
        target = inspect.unwrap(function)
        here = {**getattr(target, "__globals__", {}), **namespace}
        try:
            annotation = get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), here, include_extras=True)[
                "it"
            ]
        except (NameError, SyntaxError, TypeError, AttributeError) as error:
            problem = f"the annotation of {parameter.name} cannot be resolved: {error}"
            raise ConfigError(f"tool {name}: {problem}") from error
    if isinstance(parameter.default, FieldInfo):
        annotation = Annotated[annotation, parameter.default]
    settings: dict[str, Any] = {"alias": parameter.name}
    if description and not _describes_itself(annotation):
        settings["description"] = description
    if parameter.default is not parameter.empty and not isinstance(parameter.default, FieldInfo):
        settings["default"] = parameter.default
    return annotation, Field(**settings)


def _describes_itself(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated and any(
        isinstance(part, FieldInfo) and part.description for part in get_args(annotation)[1:]
    )
