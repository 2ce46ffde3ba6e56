"""Values that need a name of their own, because the union they belong to already uses their plain type.

A union in Python is told apart by the type of the value, so `str` can stand for one member only. Reasoning text and its
signature are both `str` on the wire, for example; here each has a class. On the wire they are the bare value again.
"""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ConfigDict, RootModel

from bedrock_converse.types.base import Blob, Document, shorten, to_camel

__all__ = ["JsonBlock", "ReasoningSignatureDelta", "ReasoningTextDelta", "RedactedReasoning"]

T = TypeVar("T")


class Value(RootModel[T], Generic[T]):
    """The base of the named values: one value, written to the wire as it is."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        defer_build=True,
        hide_input_in_errors=True,
        ser_json_inf_nan="constants",
        val_json_bytes="base64",
        alias_generator=to_camel,
    )

    field: ClassVar[str]
    """The name that the value goes by in Python."""

    def __repr_args__(self) -> Any:
        yield self.field, shorten(self.root)


def positional(value_class: type[Value[Any]]) -> None:
    """Tells pydantic that the class's `__init__` only gives the value a name, so that parsing need not call it."""
    value_class.__init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]
    value_class.__pydantic_custom_init__ = False


class JsonBlock(Value[Document]):
    """A JSON value in a tool result: `{"json": ...}` on the wire. Any but null; it passes untouched.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultContentBlock.html
    """

    field = "json"
    __match_args__ = ("json",)  # pyright: ignore[reportAssignmentType]  # RootModel's is ("root",)

    def __init__(self, json: Any) -> None:
        if json is None:
            raise ValueError("JsonBlock takes any JSON value but null, which AWS reads as no content: {} or a text")
        super().__init__(json)

    @property
    def json(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # pydantic's deprecated v1 method
        """The value."""
        return self.root


class RedactedReasoning(Value[Blob]):
    """Reasoning that the model's provider encrypted. Not readable; send it back exactly as it came.

    Some models (GPT-5.6, Grok 4.6; seen 2026-08) answer with nothing else as their reasoning.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ReasoningContentBlock.html
    """

    field = "data"
    __match_args__ = ("data",)  # pyright: ignore[reportAssignmentType]  # RootModel's is ("root",)

    def __init__(self, data: bytes) -> None:
        super().__init__(data)

    @property
    def data(self) -> bytes:
        """The encrypted bytes."""
        return self.root


class ReasoningTextDelta(Value[str]):
    """A piece of reasoning text in a stream: `{"reasoningContent": {"text": ...}}` on the wire."""

    field = "text"
    __match_args__ = ("text",)  # pyright: ignore[reportAssignmentType]  # RootModel's is ("root",)

    def __init__(self, text: str) -> None:
        super().__init__(text)

    @property
    def text(self) -> str:
        """The piece of text."""
        return self.root


class ReasoningSignatureDelta(Value[str]):
    """The signature of a reasoning block, which comes after its text; without it the block cannot be sent back."""

    field = "signature"
    __match_args__ = ("signature",)  # pyright: ignore[reportAssignmentType]  # RootModel's is ("root",)

    def __init__(self, signature: str) -> None:
        super().__init__(signature)

    @property
    def signature(self) -> str:
        """The signature, or a piece of it."""
        return self.root


for _class in (JsonBlock, RedactedReasoning, ReasoningTextDelta, ReasoningSignatureDelta):
    positional(_class)
