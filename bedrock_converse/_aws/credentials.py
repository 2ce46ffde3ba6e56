"""Who calls: the forms that `credentials=` and `api_key=` take, and the identity that each of them becomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from bedrock_converse.errors import ConfigError

__all__ = ["Credentials"]


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Credentials:
    """AWS credentials, as one value that never shows its secrets: not in `repr`, not in a log line, not in a pickle.

    Copies are the object itself; pickling raises `TypeError`, since a pickle would hold the secrets in the clear.
    """

    access_key_id: str
    """`AKIA...` for a user, `ASIA...` for temporary credentials."""
    secret_access_key: str
    """The secret. It signs, and is never sent."""
    session_token: str | None
    """Comes with temporary credentials, and is sent along with each request."""
    expires_at: datetime | None
    """When temporary credentials end, with a time zone. A callable is asked for new ones well before that time."""

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
            del access_key_id, secret_access_key, session_token  # a traceback can show the locals of its frames
            raise ConfigError(f"Credentials: {problem}")
        set_field = object.__setattr__  # what a frozen dataclass does
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

    def __copy__(self) -> Credentials:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Credentials:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials cannot be pickled: the pickle would hold the secrets in the clear")


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
