"""Credentials from botocore: its whole chain, sessions of the user's own, and roles lent by STS.

Everything here is a `Source` whose `load` blocks; it runs in a worker thread, and only there botocore is imported. Only
what botocore documents is used: `Session.get_credentials`, `get_frozen_credentials` (one consistent set of keys) and
`refresh_needed` (the only public word on when they end). botocore renews its own refreshable credentials when it is
asked less than 15 minutes before their end, which is when `refresh.py` asks.
"""

from __future__ import annotations

import inspect
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bedrock_converse._aws.config import Environment, load_config, profile_name
from bedrock_converse._aws.quiet import quiet_botocore
from bedrock_converse._aws.refresh import Source
from bedrock_converse._aws.values import Credentials
from bedrock_converse.errors import BedrockError, ConfigError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Generator

    from bedrock_converse._aws.refresh import Renewed
    from bedrock_converse._aws.values import AssumeRole

__all__ = [
    "AssumedRole",
    "Chain",
    "CredentialsSource",
    "Fixed",
    "FromCredentials",
    "FromSession",
    "Sts",
    "session_region",
]


class CredentialsSource(Source[Credentials]):
    """A source of AWS credentials, which say themselves when they end."""

    def expires_at(self, value: Credentials) -> float | None:
        """When they end, as a Unix time."""
        return None if value.expires_at is None else value.expires_at.timestamp()


class Fixed(CredentialsSource):
    """Keys that were given as they are. Asked only when they have expired: there are no others."""

    what = "credentials="
    renewable = False

    def load(self, prepared: Any, *, refused: bool) -> Credentials:
        """Raise: what was given is all there is."""
        raise CredentialsError(
            "The Credentials given as credentials= have expired",
            hint="Give a callable that returns fresh ones, or assume_role(...).",
        )


class Chain(CredentialsSource):
    """What botocore finds by itself: environment, profiles with roles, SSO or processes, containers, instances."""

    def __init__(self, profile: str | None, environ: Environment) -> None:
        self.what = "AWS's default credential chain" if profile is None else f"the AWS profile {profile!r}"
        self._profile = profile
        self._environ = environ
        self._found: Any = None

    def load(self, prepared: Any, *, refused: bool) -> Credentials:
        """Look for credentials; after a refusal anew from the start, since files may have changed."""
        if self._profile is None and (given := _from_environment(self._environ)):
            return given
        with _translated(self.what, profile_name(self._profile, self._environ) or "default", self._environ):
            if self._found is None or refused:
                self._found = new_session(self._profile, self._environ).get_credentials()
            if self._found is None:
                raise self._nothing()
            return _snapshot(self._found)

    def _nothing(self) -> CredentialsError:
        profile = profile_name(self._profile, self._environ) or "default"
        files = " and ".join(load_config(self._environ).files)
        places = [f"profile {profile!r} in {files}", "container and instance metadata"]
        if self._profile is None:
            places.insert(0, "AWS_ACCESS_KEY_ID")
        return CredentialsError(
            f"No AWS credentials. Looked at: {', '.join(places)}",
            hint="Set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run `aws configure` or "
            "`aws sso login`, or pass credentials= or api_key=.",
        )


class FromSession(CredentialsSource):
    """A `boto3.Session` or a botocore session of the user's own."""

    what = "the session given as credentials="

    def __init__(self, session: Any) -> None:
        self._session = session

    def load(self, prepared: Any, *, refused: bool) -> Credentials:
        """Take what the session has; botocore renews it there."""
        name = getattr(self._session, "profile_name", None) or getattr(self._session, "profile", None)
        with _translated(self.what, name if isinstance(name, str) else None):
            found = self._session.get_credentials()
            if found is None:
                raise CredentialsError("The session given as credentials= has no credentials")
            return _snapshot(found)


class FromCredentials(CredentialsSource):
    """A credentials object of botocore's, plain or refreshable."""

    what = "the botocore credentials given as credentials="

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load(self, prepared: Any, *, refused: bool) -> Credentials:
        """Take its keys; botocore renews them there."""
        with _translated(self.what):
            return _snapshot(self._credentials)


class Sts:
    """STS clients, made from one botocore session, since that is what costs: 50 ms and some megabytes."""

    def __init__(self, profile: str | None, environ: Environment) -> None:
        self._profile = profile
        self._environ = environ
        self._session: Any = None
        self._lock = threading.Lock()  # botocore's sessions are not thread-safe

    def client(self, caller: Credentials, region: str | None, endpoint_url: str | None) -> Any:
        """Make a client that calls as `caller`; slow, for worker threads only."""
        config = import_module("botocore.config").Config(
            connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
        )
        with self._lock:
            if self._session is None:
                self._session = new_session(self._profile, self._environ)
                if not self._environ.get("AWS_STS_REGIONAL_ENDPOINTS"):  # newer versions do so by themselves
                    self._session.set_config_variable("sts_regional_endpoints", "regional")
            return self._session.create_client(
                "sts",
                region_name=region,
                endpoint_url=endpoint_url,
                config=config,
                aws_access_key_id=caller.access_key_id,
                aws_secret_access_key=caller.secret_access_key,
                aws_session_token=caller.session_token,
            )


class AssumedRole(CredentialsSource):
    """The credentials that STS lends for a role, to the caller that another source says."""

    def __init__(self, role: AssumeRole, caller: Renewed[Credentials], sts: Sts, region: str | None) -> None:
        self.what = f"STS for the role {role.arn}"
        self._role = role
        self._caller = caller
        self._sts = sts
        self._region = role.region or region

    async def prepare(self) -> Credentials:
        """Get the caller's own credentials; they may come from the event loop."""
        return await self._caller.get()

    def load(self, prepared: Any, *, refused: bool) -> Credentials:
        """Ask STS."""
        caller: Credentials = prepared
        with _translated(self.what):
            client = self._sts.client(caller, self._region, self._role.sts_endpoint_url)
            try:
                return _from_sts(client.assume_role(**self._role.parameters()))
            except client.exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("ExpiredToken", "ExpiredTokenException"):
                    self._caller.invalidate(caller)
                raise
            finally:
                client.close()


def new_session(profile: str | None, environ: Environment) -> Any:
    """Make a botocore session that reads region and profile as `endpoint.py` does."""
    variables = None
    if profile is None and "" in (environ.get("AWS_PROFILE"), environ.get("AWS_DEFAULT_PROFILE")):
        # botocore takes an empty variable for the name of a profile; all else takes it for none.
        variables = {"profile": (None, None, profile_name(None, environ), None)}
    session = import_module("botocore.session").Session(profile=profile, session_vars=variables)
    if region := environ.get("AWS_REGION"):
        session.set_config_variable("region", region)
    return session


def session_region(credentials: object) -> str | None:
    """Give the region of a `boto3.Session` or botocore session given as `credentials=`; None for other forms.

    May read files, so call it in a thread.

    Raises:
        CredentialsError: The session is broken, such as one for a profile that does not exist.
    """
    if isinstance(credentials, type) or not callable(getattr(credentials, "get_credentials", None)):
        return None
    variable = getattr(credentials, "get_config_variable", None)
    with _translated(FromSession.what):
        region: object = variable("region") if callable(variable) else getattr(credentials, "region_name", None)
    return region if isinstance(region, str) else None


def _from_environment(environ: Environment) -> Credentials | None:
    """The first link of botocore's chain, without importing botocore: Lambda and CI have their keys here."""
    if not environ.get("AWS_ACCESS_KEY_ID"):
        return None
    if not environ.get("AWS_SECRET_ACCESS_KEY"):
        raise CredentialsError("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
    expires_at = None
    if expiry := environ.get("AWS_CREDENTIAL_EXPIRATION"):
        try:
            expires_at = datetime.fromisoformat(expiry)
        except ValueError:
            return None  # botocore reads more forms of dates
    if expires_at is not None and expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)
    return Credentials(
        environ.get("AWS_ACCESS_KEY_ID") or "",
        environ.get("AWS_SECRET_ACCESS_KEY") or "",
        environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN"),
        expires_at,
    )


def _snapshot(found: Any) -> Credentials:
    """One consistent set of keys, renewed by botocore if it is time, and when they end."""
    frozen = found.get_frozen_credentials()
    if inspect.isawaitable(frozen):
        if inspect.iscoroutine(frozen):
            frozen.close()
        raise CredentialsError("An asynchronous session cannot be used; give an async callable that asks it")
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token, _expiry(found))


_LONGEST_LIFE = 100 * 365 * 86400.0


def _expiry(found: Any) -> datetime | None:
    """When they end, found by halving: botocore tells only whether less than so many seconds are left."""
    needed = getattr(found, "refresh_needed", None)
    if needed is None or not needed(_LONGEST_LIFE):
        return None
    least, most = -_LONGEST_LIFE, _LONGEST_LIFE
    while most - least > 0.01:
        middle = (least + most) / 2
        if needed(middle):
            most = middle
        else:
            least = middle
    # A moment late rather than early: asked too early, botocore would not renew. Hence also the clock of now.
    return datetime.fromtimestamp(time.time() + most + 0.01, UTC)


def _from_sts(answer: dict[str, Any]) -> Credentials:
    lent = answer["Credentials"]
    return Credentials(lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"], lent["Expiration"])


@contextmanager
def _translated(what: str, profile: str | None = None, environ: Environment | None = None) -> Generator[None]:
    """Turn whatever botocore, files, processes and networks raise into `CredentialsError`."""
    try:
        with quiet_botocore():
            yield
    except BedrockError:
        raise
    except Exception as error:  # the chain runs foreign programs and reads foreign files: anything may come
        problem, hint = _explain(error, profile, environ)
        if "header value" in str(error).lower():  # http.client quotes what it refuses, and that is a key or a token
            problem = "a key or token has a character that no header can carry"
            raise CredentialsError(f"Getting credentials from {what} failed: {problem}") from None
        # The frames are botocore's, and some of their locals are secrets; so are those of the causes of HTTP errors.
        error.__traceback__ = error.__cause__ = error.__context__ = None
        raise CredentialsError(f"Getting credentials from {what} failed: {problem}", hint=hint) from error


def _explain(error: Exception, profile: str | None, environ: Environment | None) -> tuple[str, str | None]:
    """What went wrong in words, and what to do about it. By name, so that nothing needs to be imported."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "ProfileNotFound" in kinds and environ is not None:
        try:
            load_config(environ).profile(profile)
        except ConfigError as ours:
            return ours.message, None
    if "JSONDecodeError" in kinds:
        return "the answer is not JSON", None
    if not kinds & {"BotoCoreError", "ClientError", "OSError"}:
        return type(error).__name__, None  # a stranger's text may quote what it could not read
    text = " ".join(str(error).split())[:500]
    login = f" --profile {profile}" if profile else ""
    if "SSOError" in kinds or ("TokenRetrievalError" in kinds and "sso" in text.lower()):
        return text, f"Run: aws sso login{login}"
    if "LoginError" in kinds:
        return text, f"Run: aws login{login}"
    if "RefreshWithMFAUnsupportedError" in kinds:
        return text, "A role that asks for an MFA code cannot be renewed unattended: start anew, or use another role."
    return text, None
