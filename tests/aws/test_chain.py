"""botocore's chain, sessions and STS behind one kind of source: each link on loopback, each failure in our words."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.credentials
import botocore.exceptions
import botocore.session
import botocore.utils
import pytest

from bedrock_converse._aws.chain import Chain, Fixed, FromCredentials, FromSession, Sts
from bedrock_converse._aws.config import Environment
from bedrock_converse._aws.credentials import resolve_identity
from bedrock_converse._aws.refresh import Renewed
from bedrock_converse._aws.values import Credentials, assume_role
from bedrock_converse.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "canary-env"}


def chain(profile: str | None = None) -> Chain:
    return Chain(profile, Environment(os.environ))


def load(source: Any = None, *, refused: bool = False) -> Credentials:
    return (source or chain()).load(None, refused=refused)


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def seconds_left(credentials: Credentials) -> float:
    assert credentials.expires_at is not None
    return (credentials.expires_at - datetime.now(UTC)).total_seconds()


class TestLinks:
    def test_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Keys in the environment, token and expiry included."""
        set_all(monkeypatch, KEYS | {"AWS_SESSION_TOKEN": "tok", "AWS_CREDENTIAL_EXPIRATION": "2099-01-02T03:04:05Z"})
        expected = Credentials("AKIDENV", "canary-env", "tok", datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC))
        assert load() == expected

    @pytest.mark.parametrize("expiry", ["2099-01-02T03:04:05", "Jan 2 2099 03:04:05 UTC"])
    def test_odd_expiry_in_the_environment(self, expiry: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A time without a zone is UTC; a form that only botocore can read is left to botocore."""
        set_all(monkeypatch, KEYS | {"AWS_CREDENTIAL_EXPIRATION": expiry})
        assert (
            abs(seconds_left(load()) - (datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC) - datetime.now(UTC)).total_seconds())
            < 1
        )

    def test_the_environment_needs_no_botocore(self) -> None:
        """With keys in the environment, as on Lambda, botocore is never imported."""
        program = (
            "import asyncio, os, sys; from bedrock_converse._aws.credentials import resolve_identity as r;"
            "i = r(credentials=None, api_key=None, profile=None, environ=os.environ);"
            "print(asyncio.run(i.get()).access_key_id, 'botocore' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ | KEYS
        )
        assert done.stdout.strip() == "AKIDENV False"

    def test_shared_file(self, write_config: Callable[..., None]) -> None:
        """Keys in the credentials file; a token there has no expiry."""
        write_config("", "[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key=s\naws_session_token=t")
        assert load() == Credentials("AKIDFILE", "s", "t")

    def test_an_explicit_profile_beats_the_environment(
        self, write_config: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`profile=` is meant; AWS_PROFILE leaves the environment's keys first, as everywhere."""
        write_config("", "[dev]\naws_access_key_id=AKIDFILE\naws_secret_access_key=s")
        set_all(monkeypatch, KEYS | {"AWS_PROFILE": "dev"})
        assert load(chain("dev")).access_key_id == "AKIDFILE"
        assert load().access_key_id == "AKIDENV"

    def test_empty_profile_variable(self, write_config: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
        """AWS_PROFILE set to nothing means none, also to botocore."""
        write_config("", "[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key=s\n[x]\n")
        monkeypatch.setenv("AWS_PROFILE", "")
        assert load().access_key_id == "AKIDFILE"

    def test_process(self, write_config: Callable[..., None], tmp_path: Path) -> None:
        """A credential process, with its expiry."""
        answer = {
            "Version": 1,
            "AccessKeyId": "ASIAPROC",
            "SecretAccessKey": "s",
            "SessionToken": "t",
            "Expiration": in_an_hour(),
        }
        (tmp_path / "answer.json").write_text(json.dumps(answer))
        write_config(f"[default]\ncredential_process = cat {shlex.quote(str(tmp_path / 'answer.json'))}")
        found = load()
        assert found.access_key_id == "ASIAPROC"
        assert 3590 < seconds_left(found) < 3601

    def test_instance_metadata(self, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """The instance's role, through a metadata service on loopback."""
        role = {
            "Code": "Success",
            "AccessKeyId": "ASIAIMDS",
            "SecretAccessKey": "s",
            "Token": "t",
            "Expiration": in_an_hour(),
        }

        def answer(method: str, path: str, body: str) -> str:
            if method == "PUT":
                return "token"
            return "role" if path.endswith("/") else json.dumps(role)

        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", serve(answer).url)
        found = load()
        assert (found.access_key_id, found.session_token) == ("ASIAIMDS", "t")
        assert 3590 < seconds_left(found) < 3601

    def test_container(self, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """ECS and EKS: the container's URI, with the token from its file."""
        (tmp_path / "token").write_text("pod-token")
        keys = {"AccessKeyId": "ASIAECS", "SecretAccessKey": "s", "Token": "t", "Expiration": in_an_hour()}
        service = serve(lambda method, path, body: json.dumps(keys))
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.url}/creds")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
        assert load().access_key_id == "ASIAECS"
        assert service.requests[0][2]["Authorization"] == "pod-token"

    def test_role_in_a_profile(self, sts: Any, write_config: Callable[..., None]) -> None:
        """A profile with role_arn and source_profile: botocore asks STS itself."""
        write_config(
            "[profile r]\nregion=us-east-1\nrole_arn=arn:aws:iam::123456789012:role/x\n"
            "source_profile=b\nexternal_id=e22",
            "[b]\naws_access_key_id=AKIDBASE\naws_secret_access_key=s",
        )
        found = load(chain("r"))
        assert found.access_key_id == "ASIA1"
        assert sts.asked[0]["ExternalId"] == "e22"
        assert 3590 < seconds_left(found) < 3601

    def test_role_in_a_profile_in_the_region_of_the_environment(
        self, sts: Any, write_config: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """AWS_REGION, which botocore does not know, decides where botocore asks STS."""
        monkeypatch.setenv("AWS_REGION", "eu-north-1")
        write_config(
            "[profile r]\nrole_arn=arn:aws:iam::123456789012:role/x\nsource_profile=base",
            "[base]\naws_access_key_id=AKIDBASE\naws_secret_access_key=s",
        )
        load(chain("r"))
        assert sts.callers[0].endswith("/eu-north-1/sts")

    def test_web_identity(self, sts: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """EKS with a service account: a token file, and STS without a signature."""
        (tmp_path / "jwt").write_text("header.payload.signature")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "jwt"))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        assert load().access_key_id == "ASIA1"
        assert sts.asked[0]["WebIdentityToken"] == "header.payload.signature"
        assert sts.callers == [""]

    def test_after_a_refusal_files_are_read_anew(self, write_config: Callable[..., None]) -> None:
        """Keys that another program wrote into the file are found once AWS has refused the old ones."""
        source = chain()
        write_config("", "[default]\naws_access_key_id=OLD\naws_secret_access_key=s")
        assert load(source).access_key_id == "OLD"
        write_config("", "[default]\naws_access_key_id=NEW\naws_secret_access_key=s")
        assert load(source).access_key_id == "OLD"
        assert load(source, refused=True).access_key_id == "NEW"


SSO = """
[profile corp]
sso_account_id = 123456789012
sso_role_name = dev
sso_start_url = https://corp.awsapps.com/start
sso_region = us-east-1
"""


class TestErrors:
    def test_nothing_found(self) -> None:
        """No credentials anywhere: every place is listed, with what to do."""
        with pytest.raises(CredentialsError, match="No AWS credentials") as caught:
            load()
        for text in ("AWS_ACCESS_KEY_ID", "'default'", ".aws/credentials (no such file)", "metadata", "aws configure"):
            assert text in str(caught.value)

    def test_nothing_in_the_profile(self, write_config: Callable[..., None]) -> None:
        """With `profile=` the environment was not looked at, and is not named."""
        write_config("[profile empty]\nregion = us-east-1")
        with pytest.raises(CredentialsError, match="No AWS credentials") as caught:
            load(chain("empty"))
        assert caught.value.message.startswith("No AWS credentials. Looked at: profile 'empty'")

    def test_profile_not_found(self, write_config: Callable[..., None]) -> None:
        """The profile is named, and those that exist."""
        write_config("[profile dev]\n")
        with pytest.raises(CredentialsError, match=r"no profile 'prod'.*Known profiles: dev"):
            load(chain("prod"))

    def test_profile_in_the_environment_not_found(
        self, write_config: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same for AWS_PROFILE."""
        write_config("[profile dev]\n")
        monkeypatch.setenv("AWS_PROFILE", "prod")
        with pytest.raises(CredentialsError, match=r"no profile 'prod'.*Known profiles: dev"):
            load()

    def test_half_of_the_keys(self, monkeypatch: pytest.MonkeyPatch, write_config: Callable[..., None]) -> None:
        """An access key without its secret, in the environment and in a file."""
        write_config("", "[default]\naws_access_key_id=AKID")
        with pytest.raises(CredentialsError, match="missing: aws_secret_access_key"):
            load()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
        with pytest.raises(CredentialsError, match="AWS_SECRET_ACCESS_KEY is not"):
            load()

    def test_sso_login_needed(self, write_config: Callable[..., None]) -> None:
        """No SSO session: the error has the command to type."""
        write_config(SSO)
        with pytest.raises(CredentialsError) as caught:
            load(chain("corp"))
        assert caught.value.hint == "Run: aws sso login --profile corp"

    def test_sso_session_expired(self, write_config: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
        """An SSO session that is over: the same command, also for a session object of the user's own."""
        write_config(SSO)

        def load_token(*_: Any, **__: Any) -> None:
            raise botocore.exceptions.UnauthorizedSSOTokenError

        monkeypatch.setattr(botocore.utils.SSOTokenLoader, "__call__", load_token)
        for source in (chain("corp"), FromSession(boto3.Session(profile_name="corp"))):
            with pytest.raises(CredentialsError, match="has expired") as caught:
                load(source)
            assert caught.value.hint == "Run: aws sso login --profile corp"

    @pytest.mark.parametrize(
        ("command", "match"),
        [
            ("echo '{canary'", "the answer is not JSON"),
            ("false", "custom-process"),
            ("/nowhere/helper", "No such file"),
            ("echo '{\"Version\": 2}'", "Unsupported version"),
            ('echo \'{"Version": 1, "AccessKeyId": "a b", "SecretAccessKey": "canary"}\'', "access_key_id has a blank"),
        ],
    )
    def test_processes_that_fail(self, command: str, match: str, write_config: Callable[..., None]) -> None:
        """A process that fails, is missing, or answers nonsense; its output is not quoted."""
        write_config(f"[default]\ncredential_process = {command}")
        error = failure(chain())
        assert match in error.message
        assert "canary" not in shown(error)

    def test_broken_file(self, write_config: Callable[..., None]) -> None:
        """A file that is not in the format."""
        write_config("[default\naws_secret_access_key = canary")
        error = failure(chain())
        assert ".aws/config" in str(error)
        assert "canary" not in str(error)

    def test_role_without_rights(self, sts: Any, write_config: Callable[..., None]) -> None:
        """STS says no to a profile's role."""
        sts.error = "AccessDenied"
        write_config(
            "[profile r]\nregion=us-east-1\nrole_arn=arn:aws:iam::123456789012:role/x\nsource_profile=base",
            "[base]\naws_access_key_id=AKIDBASE\naws_secret_access_key=canary",
        )
        error = failure(chain("r"))
        assert "AccessDenied" in str(error)
        assert "canary" not in shown(error)

    def test_secrets_that_no_header_can_carry(
        self, sts: Any, write_config: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """http.client quotes the header it refuses, session token and all; our error and its causes do not."""
        set_all(monkeypatch, KEYS | {"AWS_SESSION_TOKEN": "canary\nx"})
        write_config(
            "[profile r]\nregion=us-east-1\nrole_arn=arn:aws:iam::123456789012:role/x\ncredential_source=Environment"
        )
        error = failure(chain("r"))
        assert "header" in str(error)
        assert "canary" not in shown(error)

    def test_nothing_secret_in_the_log(
        self, write_config: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Finding credentials puts none of them into our log, at any level."""
        caplog.set_level(logging.DEBUG, "bedrock_converse")
        write_config("", "[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key=canary")
        load()
        assert "canary" not in caplog.text

    def test_nothing_secret_in_botocores_log(
        self, sts: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """botocore logs what it sends to STS and what it gets: when the application asks, but not when we do."""
        set_all(monkeypatch, KEYS | {"AWS_SESSION_TOKEN": "canary-sent"})
        caplog.set_level(logging.DEBUG)
        arn = "arn:aws:iam::123456789012:role/x"
        role = assume_role(arn, external_id="canary-id", region="us-east-1")
        identity: Any = resolve_identity(credentials=role, api_key=None, profile=None, environ=os.environ)
        assert asyncio.run(identity.get()).secret_access_key == "canary-lent"
        assert "canary" not in caplog.text
        boto3.client("sts", region_name="us-east-1").assume_role(RoleArn=arn, RoleSessionName="mine")
        assert "canary-lent" in caplog.text


def failure(source: Any) -> CredentialsError:
    """The error as a task that waits for the credentials sees it."""
    with pytest.raises(CredentialsError) as caught:
        asyncio.run(Renewed(source).get())
    return caught.value


def shown(error: BaseException) -> str:
    """All that a crash report with local variables would show, outside this file."""
    entries = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(entry for entry in entries if "test_chain.py" not in entry)


class TestObjects:
    @pytest.mark.parametrize("make", [boto3.Session, lambda **keys: botocore_session(**keys)])
    def test_sessions(self, make: Any) -> None:
        """A boto3 session and a botocore session with keys of their own."""
        session = make(aws_access_key_id="AKID", aws_secret_access_key="s", aws_session_token="t")
        assert load(FromSession(session)) == Credentials("AKID", "s", "t")

    def test_session_without_credentials(self) -> None:
        """A session that finds none is a typed error."""
        with pytest.raises(CredentialsError, match="has no credentials"):
            load(FromSession(boto3.Session()))

    def test_plain_credentials(self) -> None:
        """A plain credentials object of botocore's."""
        assert load(FromCredentials(botocore.credentials.Credentials("AKID", "s"))) == Credentials("AKID", "s")

    @pytest.mark.parametrize("seconds", [901.5, 3600.0, 43200.25, 9e6, 2e9])
    def test_expiry_of_refreshable_credentials(self, seconds: float) -> None:
        """The time that botocore holds is found through its public question alone, to a few hundredths of a second."""
        begin = datetime.now(UTC)
        expiry = begin + timedelta(seconds=seconds)
        found = load(FromCredentials(refreshable(expiry)))
        took = datetime.now(UTC) - begin
        assert found.expires_at is not None
        assert expiry <= found.expires_at < expiry + took + timedelta(seconds=0.05)

    def test_botocore_renews_when_we_ask(self) -> None:
        """Asked at the moment that our window begins, botocore does renew."""
        soon = datetime.now(UTC) + timedelta(seconds=900.3)
        made = refreshable(soon)
        first = load(FromCredentials(made))
        assert first.expires_at is not None
        time.sleep(max(0.0, (first.expires_at - datetime.now(UTC)).total_seconds() - 900))
        assert load(FromCredentials(made)).access_key_id == "ASIANEW"

    def test_asynchronous_sessions(self) -> None:
        """aiobotocore's objects answer with coroutines: refused, with a way out, and without a warning."""

        class Asynchronous:
            async def get_frozen_credentials(self) -> None: ...

        with pytest.raises(CredentialsError, match="async callable"):
            load(FromCredentials(Asynchronous()))

    def test_fixed_keys_that_expired(self) -> None:
        """Keys given as they are cannot be renewed."""
        with pytest.raises(CredentialsError, match="have expired") as caught:
            load(Fixed())
        assert "callable" in str(caught.value)


def botocore_session(**keys: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"], keys["aws_session_token"])
    return session


def refreshable(expiry: datetime) -> Any:
    fresh = {"access_key": "ASIANEW", "secret_key": "s", "token": "t", "expiry_time": in_an_hour()}
    return botocore.credentials.RefreshableCredentials(
        "ASIAOLD", "s", "t", expiry, refresh_using=lambda: fresh, method="test"
    )


class TestSts:
    @pytest.mark.parametrize(
        ("region", "expected"),
        [
            ("eu-west-1", "https://sts.eu-west-1.amazonaws.com"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
        ],
    )
    def test_regional_endpoint(self, region: str, expected: str) -> None:
        """STS is asked in the region that is given."""
        client = Sts(None, Environment({})).client(Credentials("AKID", "s"), region, None)
        assert client.meta.endpoint_url == expected
        client.close()
