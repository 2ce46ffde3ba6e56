"""Who somebody says to be: keys, an API key, a role. Values that check themselves and never show a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from bedrock_converse._aws.config import hiding_locals
from bedrock_converse._aws.endpoint import parse_endpoint_url
from bedrock_converse._aws.rules import HOST_LABEL
from bedrock_converse.errors import ConfigError

__all__ = ["AssumeRole", "BearerKey", "Credentials", "assume_role", "text_problem"]


class Credentials:
    """AWS credentials, as one value that never shows its secrets: not in `repr`, not in a log line, not in a pickle.

    Copies are the object itself; pickling raises `TypeError`, since a pickle would hold the secrets in the clear. It
    cannot be changed. It is no dataclass on purpose: `asdict`, loggers and pydantic would write out all its fields.
    """

    __slots__ = ("access_key_id", "expires_at", "secret_access_key", "session_token")

    access_key_id: str
    """`AKIA...` for a user, `ASIA...` for temporary credentials."""
    secret_access_key: str
    """The secret. It signs, and is never sent."""
    session_token: str | None
    """Comes with temporary credentials, and is sent along with each request."""
    expires_at: datetime | None
    """When temporary credentials end, with a time zone. A callable is asked for new ones well before that time."""

    @hiding_locals
    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Check and hold the parts.

        Raises:
            ConfigError: A part is empty, has blanks, control characters or non-ASCII text, or the time has no zone.
        """
        problem = (
            text_problem("access_key_id", access_key_id)
            or text_problem("secret_access_key", secret_access_key)
            or (text_problem("session_token", session_token) if session_token else None)
            or _time_problem(expires_at)
        )
        if problem:
            raise ConfigError(f"Credentials: {problem}")
        set_field = object.__setattr__  # ours refuses
        set_field(self, "access_key_id", access_key_id)
        set_field(self, "secret_access_key", secret_access_key)
        set_field(self, "session_token", session_token or None)
        set_field(self, "expires_at", expires_at)

    def __repr__(self) -> str:
        key = self.access_key_id
        shown = f"{key[:4]}...{key[-4:]}" if len(key) >= 12 else "***"
        token = None if self.session_token is None else "***"
        expiry = None if self.expires_at is None else self.expires_at.isoformat(timespec="seconds")
        return (
            f"Credentials(access_key_id={shown!r}, secret_access_key='***', session_token={token!r}, "
            f"expires_at={expiry!r})"
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("Credentials cannot be changed: make new ones")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("Credentials cannot be changed: make new ones")

    def _parts(self) -> tuple[object, ...]:
        return self.access_key_id, self.secret_access_key, self.session_token, self.expires_at

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Credentials) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def __copy__(self) -> Credentials:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Credentials:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials cannot be pickled: the pickle would hold the secrets in the clear")

    def __getstate__(self) -> NoReturn:
        self.__reduce__()


def text_problem(name: str, value: object) -> str | None:
    """Say what keeps `value` from being sent in a header, without showing it; None when nothing does."""
    if not isinstance(value, str):
        return f"{name} must be a str, not {type(value).__name__}"
    if not value or value.isspace():
        return f"{name} is empty"
    if not value.isascii():
        return f"{name} has a character that is not ASCII"
    if value[-1] in "\r\n":
        return f"{name} ends with a line break: was it read from a file?"
    if not value.isprintable() or " " in value:
        return f"{name} has a blank or a control character in it"
    return None


def _time_problem(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        return f"expires_at must be a datetime, not {type(value).__name__}"
    if value.utcoffset() is None:
        return "expires_at has no time zone: use datetime.now(timezone.utc) or add tzinfo="
    return None


class BearerKey:
    """A Bedrock API key, in an object that does not show it."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BearerKey) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return "BearerKey('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("An API key cannot be pickled: the pickle would hold it in the clear")


# Compiled when first used: most programs assume no roles.
_ROLE_ARN = r"arn:aws[a-z0-9-]*:iam::[0-9]{12}:role/[\x21-\x7e]{1,576}"
_SESSION_NAME = r"[\w+=,.@-]{2,64}"
_EXTERNAL_ID = r"[\w+=,.@:/-]{2,1224}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumeRole:
    """A role to take on before calling; made by `assume_role`. Two with equal content share one set of credentials."""

    arn: str
    session_name: str = "bedrock-converse"
    external_id: str | None = field(default=None, repr=False)
    tags: tuple[tuple[str, str], ...] = ()
    duration: int | None = None
    region: str | None = None
    sts_endpoint_url: str | None = field(default=None, repr=False)
    source: Any = field(default=None, repr=False)

    def parameters(self) -> dict[str, Any]:
        """Give the parameters of STS's `AssumeRole` operation."""
        given: dict[str, Any] = {"ExternalId": self.external_id, "DurationSeconds": self.duration}
        if self.tags:
            given["Tags"] = [{"Key": key, "Value": value} for key, value in self.tags]
        parameters = {"RoleArn": self.arn, "RoleSessionName": self.session_name}
        return parameters | {name: value for name, value in given.items() if value is not None}


def assume_role(
    arn: str,
    *,
    external_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    session_name: str | None = None,
    duration: int | None = None,
    source: Any = None,
    region: str | None = None,
    sts_endpoint_url: str | None = None,
) -> AssumeRole:
    """Say, as `credentials=`, that calls are made as a role, which STS lends its credentials for.

    Nothing is asked before the first call. The credentials are renewed before they expire, and they are kept per
    client: a service may write `client.with_options(credentials=assume_role(arn, tags={"tenant": tenant}))` for each
    request, and STS is still asked once per tenant and hour.

    Args:
        arn: The role, `arn:aws:iam::123456789012:role/name`.
        external_id: What the role's trust policy asks a third party for.
        tags: Session tags, for policies such as "only this tenant's prompts": at most 50, with keys up to 128 and
            values up to 256 characters.
        session_name: How the calls appear in CloudTrail, 2 to 64 letters, digits or `+=,.@-_`; `bedrock-converse` if
            not given.
        duration: Seconds that one set of credentials lives, 900 to 43,200; AWS's default is 3,600.
        source: Whose credentials ask for the role: any of the other forms of `credentials=`, another role included.
            If not given, those that the client would have without `credentials=`.
        region: Whose STS is asked; if not given, the client's own region.
        sts_endpoint_url: An STS elsewhere, such as a VPC endpoint; `AWS_ENDPOINT_URL_STS` works too.

    Raises:
        ConfigError: A part is not what STS accepts.

    See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    name = "bedrock-converse" if session_name is None else session_name
    problem = _role_problem(arn, name, external_id, duration, region) or _tags_problem(tags or {})
    if problem:
        raise ConfigError(f"assume_role: {problem}")
    if sts_endpoint_url is not None:
        sts_endpoint_url = parse_endpoint_url(sts_endpoint_url, None, source="assume_role: sts_endpoint_url").url
    return AssumeRole(
        arn=arn,
        session_name=name,
        external_id=external_id,
        tags=tuple(sorted((tags or {}).items())),
        duration=duration,
        region=region,
        sts_endpoint_url=sts_endpoint_url,
        source=source,
    )


def _role_problem(
    arn: object, session_name: object, external_id: object, duration: object, region: object
) -> str | None:
    if not _matches(_ROLE_ARN, arn):
        return "the ARN must look like arn:aws:iam::123456789012:role/name"
    if not _matches(_SESSION_NAME, session_name):
        return "session_name must have 2 to 64 letters, digits or any of + = , . @ - _"
    if external_id is not None and not _matches(_EXTERNAL_ID, external_id):
        return "external_id must have 2 to 1224 letters, digits or any of + = , . @ : / - _"
    if duration is not None and not (type(duration) is int and 900 <= duration <= 43_200):
        return "duration must be a whole number of seconds from 900 to 43200"
    if region is not None and not _matches(HOST_LABEL, region):
        return "region must be the name of a region, like 'us-east-1'"
    return None


def _tags_problem(tags: Mapping[Any, Any]) -> str | None:
    if not isinstance(tags, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - users may not run pyright
        return "tags must be a mapping from str to str"
    if len(tags) > 50:
        return "there may be at most 50 tags"
    for key, value in tags.items():
        if not (isinstance(key, str) and 1 <= len(key) <= 128):
            return "a tag's key must be a str of 1 to 128 characters"
        if not (isinstance(value, str) and len(value) <= 256):
            return f"the value of tag {key!r} must be a str of at most 256 characters"
    return None


def _matches(pattern: str, text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(pattern, text, re.ASCII) is not None
