"""Every class of error, those that later releases add included: its facts survive pickle and copies, and what it prints
holds no content."""

from __future__ import annotations

import copy
import inspect
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import bedrock_converse
from bedrock_converse import BedrockError, ConverseResponse, RequestTimeout, errors
from bedrock_converse.types import Message, TokenUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary-content"
MESSAGE = Message(role="assistant", content=[CANARY])
REPLY = ConverseResponse(output=MESSAGE, stop_reason="end_turn", usage=TokenUsage.model_construct())
CONTENT: dict[str, Any] = {
    "partial": REPLY,
    "reply": REPLY,
    "messages": [MESSAGE],
    "raw": CANARY,
    "body": {"message": "no", "echo": CANARY},
    "original_message": CANARY,
}
"""Facts that may hold what the user or the model wrote."""
FACTS: dict[str, Any] = {
    "status_code": 418,
    "attempts": 2,
    "retryable": True,
    "possibly_billed": True,
    "seconds": 2.5,
    "offset": 12,
    "retry_after": 1.5,
    "original_status_code": 503,
    **CONTENT,
}
"""The others are words."""


def classes() -> list[type[BedrockError]]:
    """What `errors` has, and what the features above it have added."""
    public = [getattr(bedrock_converse, name) for name in bedrock_converse.__all__]
    of_features = [each for each in public if inspect.isclass(each) and issubclass(each, BedrockError)]
    return list(dict.fromkeys([*[getattr(errors, name) for name in errors.__all__], *of_features]))


every_class = pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)


def facts_of(kind: type[BedrockError]) -> Iterator[str]:
    """The names of the facts that it can be given, its own and inherited."""
    for ancestor in kind.__mro__:
        if "__init__" in vars(ancestor) and issubclass(ancestor, BedrockError):
            for parameter in inspect.signature(ancestor.__init__).parameters.values():
                if parameter.kind is parameter.KEYWORD_ONLY:
                    yield parameter.name


def full(kind: type[BedrockError]) -> BedrockError:
    """With everything that can be known."""
    error = kind("what happened", **{name: FACTS.get(name, f"some {name}") for name in facts_of(kind)})
    error.add_note("a note")
    return error


def test_every_class_is_in_the_list() -> None:
    """What is defined in `errors` is exported, so what follows knows of it."""
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert defined == set(errors.__all__)


@every_class
def test_every_fact_can_be_given_and_read(kind: type[BedrockError]) -> None:
    """By one name."""
    error = full(kind)
    for name in facts_of(kind):
        assert getattr(error, name) == FACTS.get(name, f"some {name}")


@every_class
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(kind: type[BedrockError], protocol: int) -> None:
    """With every fact, in every protocol."""
    assert_same(pickle.loads(pickle.dumps(full(kind), protocol)), full(kind))


@every_class
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_copies(kind: type[BedrockError], again: Any) -> None:
    """The same."""
    assert_same(again(full(kind)), full(kind))


def assert_same(got: BedrockError, error: BedrockError) -> None:
    assert type(got) is type(error)
    assert vars(got) == vars(error)
    assert (got.args, str(got), repr(got)) == (error.args, str(error), repr(error))


@every_class
def test_with_nothing_but_a_message(kind: type[BedrockError]) -> None:
    """What nobody has told is None or neutral, before and after pickle."""
    required: dict[str, Any] = {}
    if kind is RequestTimeout:
        required = {"phase": "idle", "seconds": 1.0}
    elif kind is errors.EventStreamError:
        required = {"kind": "truncated"}
    error = kind("what happened", **required)
    assert (error.partial, error.attempts, error.possibly_billed) == (None, 0, False)
    assert_same(pickle.loads(pickle.dumps(error)), error)


def test_a_deep_copy_shares_nothing() -> None:
    """What is done to its body does nothing to the first one's."""
    error = errors.APIError("no", body={"list": [1]})
    copy.deepcopy(error).body["list"].append(2)
    assert error.body == {"list": [1]}


def test_a_class_of_the_users_own() -> None:
    """Made with other arguments than ours, it survives all the same."""
    assert_same(pickle.loads(pickle.dumps(OwnError(7))), OwnError(7))


class OwnError(errors.APIError):
    """Somebody's own, with an `__init__` that takes something else."""

    def __init__(self, number: int) -> None:
        super().__init__(f"number {number}", status_code=500)
        self.number = number


@every_class
def test_what_it_prints_has_no_content(kind: type[BedrockError]) -> None:
    """Neither what had come of the reply, nor what the server echoed: they are facts to ask for."""
    error = full(kind)
    given = [name for name in facts_of(kind) if name in CONTENT]
    assert "partial" in given
    for text in (str(error), repr(error), f"{error!a}", *traceback.format_exception(error)):
        assert CANARY not in text


@every_class
def test_what_it_prints_has_the_facts(kind: type[BedrockError]) -> None:
    """What happened, AWS's id of the request, how often it was tried, and what to do."""
    text = str(full(kind))
    for part in ("what happened", "request id some request_id", "2 attempts", "hint: some hint"):
        assert part in text


@every_class
def test_what_it_prints_can_be_written(kind: type[BedrockError]) -> None:
    """JSON can hold half of a surrogate pair, escaped; no file and no terminal can. Whole pairs are left alone."""
    words = {name: "x \ud800 \udfff😀" for name in facts_of(kind) if name not in FACTS}
    error = kind("bad \ud800 text", **{name: words.get(name, FACTS.get(name)) for name in facts_of(kind)})
    assert "bad \ufffd text" in str(error)
    for text in (str(error), *error.args, error.message, error.request_id, error.hint, getattr(error, "code", "")):
        text.encode()
    assert error.request_id == "x \ufffd \ufffd😀"
    assert_same(pickle.loads(pickle.dumps(error)), error)
