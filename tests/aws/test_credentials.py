"""Who calls: precedence, every form of `credentials=` and `api_key=`, roles, and the event loop that never waits."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
import textwrap
import threading
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import boto3
import botocore.credentials
import botocore.session
import pytest
from steady import run_steadily

from bedrock_converse._aws import credentials as module
from bedrock_converse._aws.credentials import (
    Credentials,
    Identities,
    Identity,
    Key,
    assume_role,
    resolve_identity,
    session_region,
)
from bedrock_converse.errors import ConfigError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable

both_backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])
ARN = "arn:aws:iam::123456789012:role/x"
KEYS = Credentials("AKIDGIVEN", "canary-given")


def resolve(**changes: Any) -> Any:
    arguments: dict[str, Any] = {"credentials": None, "api_key": None, "profile": None, "environ": os.environ}
    return resolve_identity(**arguments | changes)


def get(identity: Any, backend: str = "asyncio") -> Any:
    return run_steadily(identity.get, backend=backend)


class TestPrecedence:
    def test_bearer_token_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It beats the default chain and loses to everything explicit; empty means absent."""
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary-key")
        assert get(resolve()) == "canary-key"
        assert get(resolve(api_key="mine")) == "mine"
        assert get(resolve(credentials=KEYS)) is KEYS
        assert isinstance(resolve(profile="dev"), Identity)
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "")
        assert isinstance(resolve(), Identity)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"api_key": "canary", "credentials": KEYS},
            {"api_key": "canary", "profile": "dev"},
            {"api_key": lambda: "canary", "credentials": KEYS},
            {"api_key": "", "profile": "dev"},
        ],
    )
    def test_two_kinds_of_auth(self, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """An API key beside credentials or a profile is an error that shows no secret, in no frame."""
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-env")
        with pytest.raises(ConfigError, match="two kinds of auth") as caught:
            resolve_identity(**{"credentials": None, "profile": None, "environ": os.environ} | arguments)
        assert "canary" not in shown(caught.value)

    def test_credentials_with_a_profile(self, write_config: Callable[..., None]) -> None:
        """The credentials say who; the profile is for region and endpoint, and need not have any."""
        assert get(resolve(credentials=KEYS, profile="dev")) is KEYS

    def test_nothing_is_imported_or_read(self) -> None:
        """Deciding is free: no botocore, no anyio, no file."""
        program = """
            import builtins, os, sys
            from bedrock_converse._aws.credentials import resolve_identity, Credentials, assume_role
            from bedrock_converse._aws import chain, endpoint, sigv4
            builtins.open = None
            for form in (None, Credentials("a", "b"), assume_role("arn:aws:iam::123456789012:role/x"), lambda: None):
                resolve_identity(credentials=form, api_key=None, profile=None, environ={})
            resolve_identity(credentials=None, api_key="key", profile=None, environ={})
            print({"botocore", "boto3", "anyio", "ssl", "httpx", "httpcore", "asyncio", "trio"} & set(sys.modules))
        """
        assert run_python(program) == "set()"


class TestApiKey:
    @both_backends
    def test_given(self, backend: str) -> None:
        """A key given as it is never changes, and needs no thread."""
        key = resolve(api_key="canary-key")
        assert get(key, backend) == "canary-key"
        key.invalidate("canary-key")
        assert get(key, backend) == "canary-key"
        assert not key.renewable
        assert "canary" not in repr(key) + repr(key.key)

    def test_botocore_is_never_imported(self) -> None:
        """The bearer path, from the environment to the key and the endpoint, does without botocore."""
        program = """
            import asyncio, os, sys
            from bedrock_converse._aws.credentials import resolve_identity
            from bedrock_converse._aws.endpoint import resolve_endpoint
            key = resolve_identity(credentials=None, api_key=None, profile=None, environ=os.environ)
            resolve_endpoint(region="us-east-1", endpoint_url=None, profile=None, environ=os.environ)
            print(asyncio.run(key.get()), "botocore" in sys.modules)
        """
        assert run_python(program, AWS_BEARER_TOKEN_BEDROCK="key") == "key False"

    @pytest.mark.parametrize("key", ["", " ", "zebra\n", "zeb\rra", "zebra\x00", "zeb ra", "zebrä", 5, b"zebra"])
    def test_refused(self, key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key that no header can carry, given, in the environment or returned, is a typed error without the key."""
        with pytest.raises(ConfigError, match="api_key=") as caught:
            resolve_identity(credentials=None, api_key=key, profile=None, environ=os.environ)
        assert "zeb" not in shown(caught.value)
        for function in (lambda: key, as_async(lambda: key)):
            with pytest.raises(CredentialsError, match="api_key=") as caught:
                get(resolve(api_key=function))
            assert "zeb" not in shown(caught.value)
        if isinstance(key, str) and key and "\x00" not in key:
            monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
            with pytest.raises(ConfigError, match="AWS_BEARER_TOKEN_BEDROCK") as caught:
                resolve()
            assert "zeb" not in shown(caught.value)

    @both_backends
    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_callable(self, backend: str, asynchronous: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """A callable is asked once, again after some minutes, and at once when AWS refuses the key."""
        numbers = iter(range(1, 100))
        function: Any = as_async(lambda: f"key-{next(numbers)}") if asynchronous else lambda: f"key-{next(numbers)}"
        now = [1000.0]
        monkeypatch.setattr(module.time, "time", lambda: now[0])
        key = resolve(api_key=function)
        key._renewed._clock = lambda: now[0]

        async def main() -> None:
            assert [await key.get() for _ in range(5)] == ["key-1"] * 5
            key.invalidate("key-1")
            assert await key.get() == "key-2"
            now[0] += module.KEY_LIFE - 1
            assert await key.get() == "key-3"
            assert key.renewable

        run_steadily(main, backend=backend)


class TestForms:
    @both_backends
    def test_credentials(self, backend: str) -> None:
        """Given as they are: served at once, and nothing to renew."""
        identity = resolve(credentials=KEYS)
        assert get(identity, backend) is KEYS
        identity.invalidate(KEYS)
        assert get(identity, backend) is KEYS
        assert not identity.renewable

    @both_backends
    def test_credentials_that_end(self, backend: str) -> None:
        """Served to the last second, then a typed error that says what to give instead."""
        soon = Credentials("a", "b", "c", datetime.now(UTC) + timedelta(seconds=30))
        assert get(resolve(credentials=soon), backend) is soon
        ended = Credentials("a", "b", "c", datetime.now(UTC) - timedelta(seconds=1))
        with pytest.raises(CredentialsError, match="have expired"):
            get(resolve(credentials=ended), backend)

    @both_backends
    def test_callables(self, backend: str) -> None:
        """Functions, coroutine functions, partials, objects and lambdas around coroutines: all are asked once."""

        class Sync:
            def __call__(self) -> Credentials:
                return KEYS

        class Async:
            async def __call__(self) -> Credentials:
                return KEYS

        async def fetch(tenant: str) -> Credentials:
            await anyio.sleep(0.001)
            return Credentials("AKID" + tenant, "s")

        forms: list[tuple[Any, str]] = [
            (lambda: KEYS, "AKIDGIVEN"),
            (Sync(), "AKIDGIVEN"),
            (Async(), "AKIDGIVEN"),
            (functools.partial(fetch, "one"), "AKIDone"),
            (lambda: fetch("two"), "AKIDtwo"),
        ]
        for form, expected in forms:
            identity = resolve(credentials=form)

            async def main(identity: Any = identity, expected: str = expected) -> None:
                assert (await identity.get()).access_key_id == expected
                assert (await identity.get()).access_key_id == expected

            run_steadily(main, backend=backend)

    @both_backends
    def test_where_callables_run(self, backend: str) -> None:
        """A plain function may block, so it runs in a thread; a coroutine runs on the caller's loop."""
        where: list[str] = []

        def plain() -> Credentials:
            where.append(threading.current_thread().name)
            return KEYS

        async def asynchronous() -> Credentials:
            where.append(threading.current_thread().name)
            return KEYS

        get(resolve(credentials=plain), backend)
        get(resolve(credentials=asynchronous), backend)
        assert where == ["bedrock-converse-credentials", "MainThread"]

    @pytest.mark.parametrize("answer", [None, ("canary", "canary"), {"AccessKeyId": "canary"}, "canary"])
    def test_callables_that_return_something_else(self, answer: Any) -> None:
        """The error names the type that came and the one that must come, and shows nothing."""
        for function in (lambda: answer, as_async(lambda: answer)):
            with pytest.raises(CredentialsError, match=f"returned {type(answer).__name__}; it must return") as caught:
                get(resolve(credentials=function))
            assert "canary" not in shown(caught.value)

    def test_callables_that_raise(self) -> None:
        """Their error is the cause, and its text stays out of ours."""

        def broken() -> Credentials:
            raise LookupError("canary")

        for function in (broken, as_async(broken)):
            with pytest.raises(CredentialsError, match="failed with LookupError") as caught:
                get(resolve(credentials=function))
            assert isinstance(caught.value.__cause__, LookupError)
            assert "canary" not in str(caught.value)

    def test_objects_of_boto3_and_botocore(self) -> None:
        """Sessions and credentials objects, plain and refreshable."""
        fresh = {"access_key": "ASIAFRESH", "secret_key": "s", "token": "t", "expiry_time": "2099-01-01T00:00:00Z"}
        refreshable = botocore.credentials.RefreshableCredentials.create_from_metadata(fresh, lambda: fresh, "test")
        core = botocore.session.Session()
        core.set_credentials("AKIDCORE", "s")
        for form, expected in (
            (boto3.Session(aws_access_key_id="AKIDBOTO", aws_secret_access_key="s"), "AKIDBOTO"),
            (core, "AKIDCORE"),
            (core.get_credentials(), "AKIDCORE"),
            (refreshable, "ASIAFRESH"),
        ):
            identity = resolve(credentials=form)
            assert get(identity).access_key_id == expected
            assert "canary" not in repr(identity)

    @pytest.mark.parametrize("form", ["canary", ("canary", "canary"), {"AccessKeyId": "canary"}, 5, Credentials, True])
    def test_other_things(self, form: Any) -> None:
        """Anything else is refused at once, with the forms that there are, and not shown."""
        with pytest.raises(ConfigError, match="credentials= cannot be") as caught:
            resolve_identity(credentials=form, api_key=None, profile=None, environ=os.environ)
        assert "canary" not in shown(caught.value)
        assert "assume_role" in (caught.value.hint or "")

    def test_region_of_a_session(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A session's region can be asked for; other forms have none."""
        assert session_region(boto3.Session(region_name="eu-west-1")) == "eu-west-1"
        core = botocore.session.Session()
        assert session_region(core) is None
        with pytest.raises(CredentialsError, match="nope"):
            session_region(botocore.session.Session(profile="nope"))
        core.set_config_variable("region", "eu-west-2")
        assert session_region(core) == "eu-west-2"
        for form in (None, KEYS, lambda: KEYS, assume_role(ARN)):
            assert session_region(form) is None


class TestSharing:
    def test_equal_ones_are_one(self) -> None:
        """Views of one client share identities: for a role or a method of equal content, and for each session."""

        class Tenant:
            def credentials(self) -> Credentials:
                return KEYS

        class Odd:
            __hash__ = None  # type: ignore[assignment]

            def __call__(self) -> Credentials:
                return KEYS

        tenant, odd, session, known = Tenant(), Odd(), boto3.Session(), Identities()
        forms: list[Callable[[], Any]] = [
            lambda: None,
            lambda: assume_role(ARN, tags={"tenant": "a"}),
            lambda: assume_role(ARN, source=KEYS),
            lambda: assume_role(ARN, source=assume_role(ARN)),
            lambda: tenant.credentials,
            lambda: odd,
            lambda: session,
        ]
        identities = [
            (resolve(credentials=form(), known=known), resolve(credentials=form(), known=known)) for form in forms
        ]
        assert all(one is other for one, other in identities)
        assert len({one.key for one, _ in identities}) == len(forms)
        assert resolve(profile="dev", known=known) is resolve(profile="dev", known=known)
        assert resolve(profile="dev", known=known) is not resolve(profile="prod", known=known)
        assert resolve(api_key=tenant.credentials, known=known) is resolve(api_key=tenant.credentials, known=known)

    def test_equal_keys_have_equal_names(self) -> None:
        """Given as they are, credentials and API keys make new identities, known under equal names."""
        assert resolve(credentials=KEYS).key == resolve(credentials=Credentials("AKIDGIVEN", "canary-given")).key
        assert resolve(api_key="canary").key == resolve(api_key="canary").key != resolve(api_key="other").key
        assert "canary" not in repr(resolve(credentials=KEYS).key) + repr(resolve(api_key="canary").key)

    def test_clients_share_nothing(self) -> None:
        """Each client has identities of its own: the environment may have changed in between."""
        assert resolve() is not resolve()

    def test_bounded(self) -> None:
        """The longest unused identity is dropped."""
        known = Identities(size=3)
        first = known.get(Key("test", 0), object)
        for number in (1, 2):
            known.get(Key("test", number), object)
        assert known.get(Key("test", 0), object) is first
        known.get(Key("test", 3), object)
        assert known.get(Key("test", 0), object) is first
        made: list[int] = []
        known.get(Key("test", 1), lambda: made.append(1))
        assert made == [1]


class TestRoles:
    @both_backends
    def test_sts_is_asked_once(self, backend: str, sts: Any) -> None:
        """A hundred requests for one tenant, each with a role of its own making: one call to STS."""
        known = Identities()
        keys: list[str] = []

        async def request() -> None:
            role = assume_role(ARN, external_id="e1", tags={"tenant": "a"}, duration=3600, source=KEYS)
            identity = resolve(credentials=role, known=known, region="eu-west-1")
            keys.append((await identity.get()).access_key_id)

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(request)

        run_steadily(main, backend=backend)
        assert keys == ["ASIA1"] * 100
        (asked,) = sts.asked
        assert asked["RoleArn"] == ARN
        assert (asked["ExternalId"], asked["DurationSeconds"]) == ("e1", "3600")
        assert (asked["Tags.member.1.Key"], asked["Tags.member.1.Value"]) == ("tenant", "a")
        assert sts.callers[0].startswith("AKIDGIVEN/")
        assert sts.callers[0].endswith("/eu-west-1/sts")

    @both_backends
    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_callers_of_all_kinds(self, backend: str, asynchronous: bool, sts: Any) -> None:
        """The caller may be a callable, on the loop or not, and a role in turn."""
        source: Any = as_async(lambda: KEYS) if asynchronous else lambda: KEYS
        chained = assume_role(ARN, source=assume_role(ARN, session_name="first", source=source))
        assert get(resolve(credentials=chained, region="us-east-1"), backend).access_key_id == "ASIA2"
        assert [asked["RoleSessionName"] for asked in sts.asked] == ["first", "bedrock-converse"]
        assert [caller.partition("/")[0] for caller in sts.callers] == ["AKIDGIVEN", "ASIA1"]

    def test_caller_from_the_profile(self, sts: Any, write_config: Callable[..., None]) -> None:
        """Without `source=` the caller is who the client would be otherwise, here its profile."""
        write_config("[profile dev]\nregion = eu-north-1", "[dev]\naws_access_key_id=AKIDDEV\naws_secret_access_key=s")
        get(resolve(credentials=assume_role(ARN), profile="dev"))
        assert sts.callers[0].startswith("AKIDDEV/")
        assert sts.callers[0].endswith("/eu-north-1/sts")

    def test_own_region_and_endpoint(self, serve: Any, sts: Any) -> None:
        """`region=` and `sts_endpoint_url=` of the role win."""
        role = assume_role(ARN, source=KEYS, region="ap-south-1", sts_endpoint_url=sts.url)
        get(resolve(credentials=role, region="us-east-1"))
        assert sts.callers[0].endswith("/ap-south-1/sts")

    def test_region_from_the_environment(self, sts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """AWS_REGION counts for STS too."""
        monkeypatch.setenv("AWS_REGION", "sa-east-1")
        get(resolve(credentials=assume_role(ARN, source=KEYS)))
        assert sts.callers[0].endswith("/sa-east-1/sts")

    def test_refused(self, sts: Any) -> None:
        """STS's no is a typed error with its reason and no secret; it is not kept."""
        identity = resolve(credentials=assume_role(ARN, source=KEYS), region="us-east-1")
        sts.error = "AccessDenied"
        with pytest.raises(CredentialsError, match=rf"STS for the role {ARN} failed: .*AccessDenied") as caught:
            get(identity)
        assert "canary" not in shown(caught.value)
        sts.error = None
        assert get(identity).access_key_id == "ASIA2"

    def test_caller_expired(self, sts: Any) -> None:
        """When STS finds the caller's own credentials expired, the next attempt has new ones."""
        numbers = iter(range(1, 9))
        role = assume_role(ARN, source=lambda: Credentials(f"AKID{next(numbers)}", "s", "t"))
        identity = resolve(credentials=role, region="us-east-1")
        sts.error = "ExpiredToken"
        with pytest.raises(CredentialsError, match="ExpiredToken"):
            get(identity)
        sts.error = None
        get(identity)
        assert [caller.partition("/")[0] for caller in sts.callers] == ["AKID1", "AKID2"]

    def test_expired_at_aws(self, sts: Any) -> None:
        """Lent credentials that AWS refuses are lent anew."""
        identity = resolve(credentials=assume_role(ARN, source=KEYS), region="us-east-1")
        used = get(identity)
        identity.invalidate(used)
        assert get(identity).access_key_id == "ASIA2"


class TestChain:
    @both_backends
    def test_a_hundred_first_calls(self, backend: str, write_config: Callable[..., None], tmp_path: Any) -> None:
        """A hundred calls at once run the credential process once."""
        log = tmp_path / "log"
        answer = '{"Version": 1, "AccessKeyId": "ASIAPROC", "SecretAccessKey": "s"}'
        script = f"echo x >> {shlex.quote(str(log))}; sleep 0.2; echo {shlex.quote(answer)}"
        write_config(f"[default]\ncredential_process = sh -c {shlex.quote(script)}")
        identity = resolve()
        keys: list[str] = []

        async def call() -> None:
            keys.append((await identity.get()).access_key_id)

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(call)

        run_steadily(main, backend=backend)
        assert keys == ["ASIAPROC"] * 100
        assert log.read_text() == "x\n"

    @pytest.mark.slow
    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    def test_the_event_loop_never_waits(self, backend: str, write_config: Callable[..., None]) -> None:
        """While credentials take two seconds, botocore's first import included, no gap reaches 50 ms."""
        answer = '{"Version": 1, "AccessKeyId": "ASIAPROC", "SecretAccessKey": "s"}'
        script = f"sleep 2; echo {shlex.quote(answer)}"
        write_config(f"[default]\ncredential_process = sh -c {shlex.quote(script)}")
        program = f"""
            import os, sys, time
            sys.path.insert(0, {str(Path(__file__).parents[1])!r})
            import anyio
            from bedrock_converse._aws.credentials import resolve_identity
            from heartbeat import Pulse

            async def main():
                assert "botocore" not in sys.modules
                pulse = Pulse()
                done = False

                async def beat():
                    while not done:
                        await anyio.sleep(0.002)
                        pulse.beat()

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(beat)
                    await anyio.sleep(0.05)
                    pulse.start()
                    identity = resolve_identity(credentials=None, api_key=None, profile=None, environ=os.environ)
                    began = time.perf_counter()
                    await identity.get()
                    took = time.perf_counter() - began
                    done = True
                assert "botocore" in sys.modules and took >= 2
                print(round(pulse.worst * 1000))

            anyio.run(main, backend={backend!r})
        """
        gaps: list[int] = []
        while min(gaps, default=50) >= 50:
            assert len(gaps) < 3, f"gaps of {gaps} ms"
            gaps.append(int(run_python(program)))


def as_async(function: Callable[[], Any]) -> Callable[[], Any]:
    async def asynchronous() -> Any:
        return function()

    return asynchronous


def run_python(program: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=os.environ | variables,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def shown(error: BaseException) -> str:
    """All that a crash report with local variables would show, outside this file."""
    entries = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(entry for entry in entries if "test_credentials.py" not in entry)
