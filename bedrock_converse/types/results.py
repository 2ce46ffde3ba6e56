"""What every answer has besides AWS's members: the facts of the call that brought it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bedrock_converse.types.base import Model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = ["CallFacts", "Result"]


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The facts of one call, as the transport learned them."""

    model_id: str | None = None
    """The model id as it was given to the call."""
    request_id: str | None = None
    """AWS's `x-amzn-requestid`."""
    status_code: int | None = None
    """The HTTP status."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """The headers of the HTTP answer, names in lower case."""
    attempts: int = 0
    """How many requests were sent; 0 when it is not known."""


_UNKNOWN = CallFacts()


class Result(Model):
    """The base of every answer. The facts of the call are in no dump and do not count in `==`.

    They survive copies and pickle. An answer that no call brought (built by hand, or loaded) has none: they are None.
    """

    __slots__ = ("_call",)

    @property
    def _facts(self) -> CallFacts:
        try:
            return self._call
        except AttributeError:
            return _UNKNOWN

    def with_facts(self, facts: CallFacts) -> Self:
        """Attaches the facts of the call and returns the answer itself."""
        object.__setattr__(self, "_call", facts)
        return self

    @property
    def request_id(self) -> str | None:
        """AWS's id of the request (`x-amzn-requestid`): what AWS support asks for."""
        return self._facts.request_id

    @property
    def status_code(self) -> int | None:
        """The HTTP status of the answer."""
        return self._facts.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the HTTP answer, names in lower case; empty when no call brought it."""
        return self._facts.headers

    @property
    def attempts(self) -> int:
        """How many requests were sent for this answer: 1 unless there were retries, 0 when no call brought it."""
        return self._facts.attempts

    @property
    def model_id(self) -> str | None:
        """The model id that the call was made with."""
        return self._facts.model_id

    def to_boto3(self) -> dict[str, Any]:
        """The answer as the dict that boto3 returns, blobs as bytes; `ResponseMetadata` too, if a call brought it."""
        response = self.model_dump(by_alias=True, exclude_unset=True)
        facts = self._facts
        if facts != _UNKNOWN:
            response["ResponseMetadata"] = {
                "RequestId": facts.request_id,
                "HTTPStatusCode": facts.status_code,
                "HTTPHeaders": dict(facts.headers),
                "RetryAttempts": max(facts.attempts - 1, 0),
            }
        return response

    def __getstate__(self) -> dict[Any, Any]:
        return {**super().__getstate__(), "_call": self._facts}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        facts = state.pop("_call", _UNKNOWN)
        super().__setstate__(state)
        self.with_facts(facts)

    def __copy__(self) -> Self:
        return super().__copy__().with_facts(self._facts)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return super().__deepcopy__(memo).with_facts(self._facts)
