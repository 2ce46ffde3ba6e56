"""Parsing JSON that pydantic's strict parser refuses but that AWS may send: lone surrogates and deep nesting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from bedrock_converse.types.unions import UnknownBlock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["parse_json"]

T = TypeVar("T")

MAX_DEPTH = 100  # deeper containers can only be user data (documents); pydantic's parser stops at 200


def parse_json(validate: Callable[[str | bytes | bytearray], T], data: str | bytes | bytearray) -> T:
    """`validate(data)`; what it calls invalid JSON gets one try through `json.loads`.

    Raises:
        pydantic.ValidationError: it is not JSON for `json.loads` either (which reads up to about 1,000 levels), or it
            is JSON of another shape.
    """
    try:
        return validate(data)
    except ValidationError as error:
        if error.errors(include_url=False, include_context=False, include_input=False)[0]["type"] != "json_invalid":
            raise
        try:
            loaded = json.loads(data)
        except (ValueError, RecursionError):
            raise error from None
        return _validate_loaded(validate, loaded)


def _validate_loaded(validate: Callable[[str | bytes | bytearray], T], loaded: Any) -> T:
    # What the strict parser cannot take is set aside under a token, and put back into the result.
    prefix = f"!{uuid4().hex}."  # "!" is no base64: a token must not pass for a blob
    aside: dict[str, Any] = {}

    def set_aside(value: Any) -> str:
        token = f"{prefix}{len(aside)}"
        aside[token] = value
        return token

    def acceptable(value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return value if value.isascii() or _encodable(value) else set_aside(value)
        if not isinstance(value, dict | list):
            return value
        container = cast("dict[str, Any] | list[Any]", value)
        if depth > MAX_DEPTH:
            return set_aside(container)
        if isinstance(container, dict):
            return {acceptable(key, depth): acceptable(item, depth + 1) for key, item in container.items()}
        return [acceptable(item, depth + 1) for item in container]

    result = validate(json.dumps(acceptable(loaded, 0)))
    return _put_back(result, aside)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _put_back(value: Any, aside: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return aside.get(value, value)
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        items = {_put_back(key, aside): _put_back(item, aside) for key, item in mapping.items()}
        mapping.clear()
        mapping.update(items)
        return mapping
    if isinstance(value, list):
        sequence = cast("list[Any]", value)
        sequence[:] = [_put_back(item, aside) for item in sequence]
        return sequence
    if isinstance(value, BaseModel):
        _put_back(value.__dict__, aside)
        _put_back(value.__pydantic_extra__, aside)
    elif isinstance(value, UnknownBlock):
        value.path = tuple(_put_back(tag, aside) for tag in value.path)
        value.value = _put_back(value.value, aside)
    return value
