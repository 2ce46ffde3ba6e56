"""Who calls: the identity behind `credentials=`, `api_key=` and `profile=`, or the one that the environment says.

    explicit      credentials=  or  api_key=  or  profile=          two kinds of auth at once are an error
    environment   AWS_BEARER_TOKEN_BEDROCK
    else          AWS's default chain: AWS_ACCESS_KEY_ID, profiles, SSO, processes, containers, instances

Every form becomes an `Identity`, which signs with SigV4, or an `ApiKey`, which is sent as a bearer token. Both give
what they have without waiting, and renew it off the event loop, once for all who wait (`refresh.py`). Only the default
chain, profiles, roles and botocore's own objects import botocore, in a worker thread.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from bedrock_converse._aws.chain import (
    AssumedRole,
    Chain,
    CredentialsSource,
    Fixed,
    FromCredentials,
    FromSession,
    Sts,
    session_region,
)
from bedrock_converse._aws.config import Environment, hiding_locals
from bedrock_converse._aws.refresh import NeedsLoop, Renewed, Source
from bedrock_converse._aws.values import AssumeRole, BearerKey, Credentials, assume_role, text_problem
from bedrock_converse.errors import ConfigError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = [
    "ApiKey",
    "ApiKeyLike",
    "AssumeRole",
    "Credentials",
    "CredentialsLike",
    "Identities",
    "Identity",
    "Key",
    "RefreshableLike",
    "SessionLike",
    "assume_role",
    "resolve_identity",
    "session_region",
]


class SessionLike(Protocol):
    """A `boto3.Session` or a botocore session."""

    def get_credentials(self) -> Any:
        """Give a credentials object, or None."""


class RefreshableLike(Protocol):
    """A credentials object of botocore's, plain or refreshable."""

    def get_frozen_credentials(self) -> Any:
        """Give one consistent set of keys."""


CredentialsLike = (
    Credentials | AssumeRole | Callable[[], Credentials | Awaitable[Credentials]] | SessionLike | RefreshableLike
)
"""The forms of `credentials=`. Those of boto3 and botocore are known by their methods, without importing either."""
ApiKeyLike = str | Callable[[], str | Awaitable[str]]
"""A Bedrock API key, or a callable (sync or async) that returns one."""

BEARER_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
KEY_LIFE = 900.0
"""Seconds for which a callable's API key is used: a key does not tell when it ends. Half of it before a background
renewal, two thirds before calls wait for one."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two identities the same one: they share a retry quota, and renewals. Shows no secret."""

    kind: str
    content: Hashable = field(repr=False)


class Identity(Renewed[Credentials]):
    """Somebody who signs with SigV4."""

    def __init__(
        self,
        key: Key,
        source: Source[Credentials],
        *,
        given: Credentials | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(source, given=given, clock=clock)
        self.key = key
        """Which identity it is."""

    def __repr__(self) -> str:
        return f"Identity({self.key.kind})"


class ApiKey:
    """Somebody who sends an API key as a bearer token."""

    def __init__(
        self,
        key: Key,
        source: Source[BearerKey],
        *,
        given: BearerKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._renewed = Renewed(source, given=given, clock=clock)
        self.key = key
        """Which identity it is."""

    async def get(self) -> str:
        """Give the key, or raise `CredentialsError`."""
        return (await self._renewed.get()).value

    def invalidate(self, used: str) -> None:
        """Say that AWS refused `used`: the next `get` asks the callable anew. Does nothing to a fixed key."""
        self._renewed.invalidate(BearerKey(used))

    @property
    def renewable(self) -> bool:
        """Tell whether another key can be had at all, so that `invalidate` is of use."""
        return self._renewed.renewable

    def __repr__(self) -> str:
        return f"ApiKey({self.key.kind})"


class Identities:
    """The identities of one client and its views: equal ones are one. Bounded: the longest unused one is dropped."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._known: OrderedDict[Key, Any] = OrderedDict()
        self._lock = threading.RLock()  # a role is made while its caller is looked up

    def get(self, key: Key, make: Callable[[], T]) -> T:
        """Give what is known under `key`, made now if it is not."""
        with self._lock:
            if key not in self._known:
                self._known[key] = make()
            self._known.move_to_end(key)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
            return self._known[key]


@hiding_locals
def resolve_identity(
    *,
    credentials: CredentialsLike | None,
    api_key: ApiKeyLike | None,
    profile: str | None,
    environ: Mapping[str, str],
    region: str | None = None,
    known: Identities | None = None,
) -> Identity | ApiKey:
    """Decide who calls. Does no I/O and imports nothing late: that happens in the identity's first `get`.

    Args:
        credentials: The `credentials=` argument. With `profile=` too, the profile gives only region and endpoint, and
            is who asks for a role.
        api_key: The `api_key=` argument.
        profile: The `profile=` argument.
        environ: The environment variables. botocore itself reads `os.environ`.
        region: The client's region, for STS.
        known: The client's identities, so that its views share theirs.

    Raises:
        ConfigError: Two kinds of auth, or an argument that is none of the forms.
    """
    variables, known = Environment(environ), known or Identities()
    if api_key is not None:
        if credentials is not None or profile is not None:
            raise ConfigError(
                "api_key= was given together with credentials= or profile=: these are two kinds of auth",
                hint="For a profile's region or endpoint alone, set AWS_PROFILE.",
            )
        return _bearer(api_key, "api_key=", known)
    if credentials is None and profile is None and variables.get(BEARER_VARIABLE):
        return _bearer(variables.get(BEARER_VARIABLE), BEARER_VARIABLE, known)
    return _signer(credentials, profile, variables, region, known)


def _signer(
    credentials: object, profile: str | None, environ: Environment, region: str | None, known: Identities
) -> Identity:
    if isinstance(credentials, Credentials):
        return Identity(Key("credentials", credentials), Fixed(), given=credentials)
    if isinstance(credentials, AssumeRole):
        return _role(credentials, profile, environ, region, known)
    if credentials is None:
        kind = "default chain" if profile is None else "profile"
        key, make = Key(kind, profile), partial[CredentialsSource](Chain, profile, environ)
    elif (form := _form(credentials)) is not None:
        kind, content, source = form
        key, make = Key(kind, content), partial(source, credentials)
    else:
        kind = credentials.__name__ if isinstance(credentials, type) else type(credentials).__name__
        raise ConfigError(
            f"credentials= cannot be {kind}",
            hint="Give Credentials(...), a callable that returns them, assume_role(...), or a boto3.Session.",
        )
    return known.get(key, lambda: Identity(key, make()))


def _form(credentials: object) -> tuple[str, Hashable, Callable[[Any], CredentialsSource]] | None:
    """Which form an object has that is none of our own: its name, what makes it the same, and its source."""
    if isinstance(credentials, type):
        return None
    if callable(getattr(credentials, "get_frozen_credentials", None)):
        return "botocore credentials", _Same(credentials), FromCredentials
    if callable(getattr(credentials, "get_credentials", None)):
        return "session", _Same(credentials), FromSession
    if callable(credentials):
        return "callable", _hashable(credentials), CredentialsCallable
    return None


def _role(
    role: AssumeRole, profile: str | None, environ: Environment, region: str | None, known: Identities
) -> Identity:
    caller = _signer(role.source, profile, environ, region, known)
    content = (role.arn, role.session_name, role.external_id, role.tags, role.duration, role.region)
    key = Key("role", (*content, role.sts_endpoint_url, caller.key))

    def make() -> Identity:
        sts = known.get(Key("sts", profile), lambda: Sts(profile, environ))
        return Identity(key, AssumedRole(role, caller, sts, region))

    return known.get(key, make)


def _bearer(api_key: object, name: str, known: Identities) -> ApiKey:
    if callable(api_key):
        asked = cast("Callable[[], object]", api_key)
        key = Key("API key callable", _hashable(asked))
        return known.get(key, lambda: ApiKey(key, KeyCallable(asked)))
    problem = text_problem(name, api_key)
    if problem:
        raise ConfigError(problem)
    given = BearerKey(cast("str", api_key))
    return ApiKey(Key("API key", given), FixedKey(), given=given)


# ── the user's own callables


class _Called(Source[T], Generic[T]):
    """A callable. A coroutine function is awaited on the event loop, anything else is called in a thread."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        inner = function.func if isinstance(function, partial) else function
        self.on_loop = inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(
            getattr(inner, "__call__", None)  # noqa: B004 - not whether it can be called, but how
        )

    def load(self, prepared: Any, *, refused: bool) -> T:
        """Call it; if it turns out to give an awaitable (`lambda: fetch(tenant)`), ask for the event loop."""
        return self.checked(_not_awaitable(self._function()))

    async def load_on_loop(self) -> T:
        """Call it and await what it gives."""
        return self.checked(await _settled(self._function()))

    def checked(self, answer: object) -> T:
        """Give the answer in its type, or raise `CredentialsError`."""
        raise NotImplementedError


class CredentialsCallable(_Called[Credentials], CredentialsSource):
    """`credentials=` as a callable. Without `expires_at` its answer is kept until AWS refuses it."""

    what = "the callable given as credentials="

    @hiding_locals
    def checked(self, answer: object) -> Credentials:
        """Accept `Credentials` only."""
        if isinstance(answer, Credentials):
            return answer
        kind = type(answer).__name__
        raise CredentialsError(f"The callable given as credentials= returned {kind}; it must return Credentials")


class KeyCallable(_Called[BearerKey]):
    """`api_key=` as a callable. Asked again every seven and a half minutes, in the background."""

    what = "the callable given as api_key="

    @hiding_locals
    def checked(self, answer: object) -> BearerKey:
        """Accept a `str` that a header can carry."""
        problem = text_problem("the key", answer)
        if problem:
            raise CredentialsError(f"From the callable given as api_key=: {problem}")
        return BearerKey(cast("str", answer))

    def expires_at(self, value: BearerKey) -> float | None:
        """Soon: a key does not tell."""
        return time.time() + KEY_LIFE


class FixedKey(Source[BearerKey]):
    """A key that was given as it is. It never expires here; AWS will say so."""

    what = "api_key="
    renewable = False


async def _settled(answer: object) -> object:
    return await answer if inspect.isawaitable(answer) else answer


def _not_awaitable(answer: object) -> object:
    if not inspect.isawaitable(answer):
        return answer
    if inspect.iscoroutine(answer):
        answer.close()  # not begun yet; the event loop calls the function once more
    raise NeedsLoop


class _Same:
    """Equal to itself only: for keys, where the object may have an equality of its own or no hash."""

    __slots__ = ("_object",)

    def __init__(self, of: object) -> None:
        self._object = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._object is self._object

    def __hash__(self) -> int:
        return id(self._object)


def _hashable(function: object) -> Hashable:
    """The function itself where it can be a key: two bound methods of one object are equal, but not the same."""
    try:
        hash(function)
    except TypeError:
        return _Same(function)
    return function
