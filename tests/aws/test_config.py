"""The settings files, against botocore's own reader."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any

import botocore.configloader
import botocore.exceptions
import botocore.session
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_converse._aws.config import Environment, load_config, profile_name, setting
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRETS = {"aws_secret_access_key", "aws_session_token", "aws_security_token"}


def without_secrets(section: dict[str, Any]) -> dict[str, Any]:
    return {
        name: without_secrets(value) if isinstance(value, dict) else value
        for name, value in section.items()
        if name not in SECRETS
    }


def botocore_reads() -> tuple[dict[str, Any], dict[str, Any]]:
    config = botocore.session.Session().full_config
    profiles = {name: without_secrets(section) for name, section in config["profiles"].items()}
    services = {name: without_secrets(section) for name, section in config.get("services", {}).items()}
    return profiles, services


CONFIG = """
[default]
region = eu-central-1
output=json

[profile dev]
services = local
aws_secret_access_key = canary
s3 =
  max_concurrent_requests = 20
  addressing_style=path

[profile "my dev"]
region: us-west-2
[profiledev]
region = x
[preview]
x = 1
[sso-session corp]
sso_region = us-east-1
[services local]
bedrock_runtime =
  endpoint_url = http://127.0.0.1:8080/a=b
dynamodb =
  endpoint_url = http://127.0.0.1:8000
[profile 'broken]
region = y
"""

CREDENTIALS = """
[default]
aws_access_key_id = AKID
aws_secret_access_key = canary
[dev]
region = from-credentials-1
[only here]
aws_access_key_id = AKID
"""


class TestAgainstBotocore:
    def test_both_files(self, write_config: Callable[..., None]) -> None:
        """Profiles, quoted names, nested blocks, services, and the credentials file laid over the profiles."""
        write_config(CONFIG, CREDENTIALS)
        ours = load_config(Environment(os.environ))
        assert (ours.profiles, ours.services) == botocore_reads()
        assert ours.profiles["dev"]["region"] == "from-credentials-1"

    def test_paths_from_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE may hold variables and `~`."""
        (tmp_path / "a").write_text("[default]\nregion = one-1\n[profile x]\na = 1")
        (tmp_path / "home" / "b").write_text("[x]\nb = 2")
        monkeypatch.setenv("WHERE", str(tmp_path))
        monkeypatch.setenv("AWS_CONFIG_FILE", "$WHERE/a")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "~/b")
        assert load_config(Environment(os.environ)).profiles == botocore_reads()[0]
        assert load_config(Environment(os.environ)).profiles["x"] == {"a": "1", "b": "2"}

    def test_no_files(self) -> None:
        """A machine without settings has no profiles."""
        assert load_config(Environment(os.environ)).profiles == {} == botocore_reads()[0]

    @settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        lines=st.lists(
            st.sampled_from(
                [
                    "[default]",
                    "[profile a]",
                    "[profile  b]",
                    '[profile "c d"]',
                    "[a]",
                    "[services s]",
                    "[services]",
                    "[DEFAULT]",
                    "[profile a] ; no comment",
                    "region = r",
                    "Region : q",
                    "  x = y",
                    "  no equals sign",
                    "s3 =",
                    "key",
                    "",
                    "# comment",
                    "; comment",
                    "  = value",
                    "empty =",
                    "long = a = b : c",
                ]
            ),
            max_size=12,
        )
    )
    def test_generated_files(self, write_config: Callable[..., None], lines: list[str]) -> None:
        """Whatever the lines, botocore and we read the same, or both refuse."""
        write_config("\n".join(lines))
        try:
            expected = botocore_reads()
        except botocore.exceptions.ConfigParseError:
            with pytest.raises(ConfigError, match="Cannot read"):
                load_config(Environment(os.environ))
        else:
            ours = load_config(Environment(os.environ))
            assert (ours.profiles, ours.services) == expected


class TestErrors:
    @pytest.mark.parametrize(
        "text",
        [
            "aws_secret_access_key = canary",
            "[default]\ncanary",
            "[default]\naws_secret_access_key = canary\naws_secret_access_key = canary",
            "[default]\nx = canary\n[default]\n",
            "[default]\nx =\n  canary\n",
            "[default]\naws_secret_access_key = canary\nx =\n  no equals sign\n",
        ],
    )
    def test_a_broken_file_is_named_and_not_quoted(self, write_config: Callable[..., None], text: str) -> None:
        """The error names the file; no text of it is in the message, the causes or the traceback's locals."""
        write_config(text)
        with pytest.raises(ConfigError, match=r"\.aws/config") as caught:
            load_config(Environment(os.environ))
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert "canary" not in "".join(line for line in shown.format() if "test_config.py" not in line)

    def test_secrets_are_not_kept(self, write_config: Callable[..., None]) -> None:
        """What was read can be printed."""
        write_config(CONFIG, CREDENTIALS)
        assert "canary" not in repr(load_config(Environment(os.environ)))

    def test_text_in_another_encoding(self, aws_home: Path) -> None:
        """Bytes that are no text are a typed error."""
        (aws_home / ".aws" / "config").write_bytes(b"[default]\nx = \xff\xfe\x80\n")
        with pytest.raises(ConfigError, match="encoding"):
            load_config(Environment(os.environ))

    def test_unknown_profile(self, write_config: Callable[..., None]) -> None:
        """The error names the profile and the ones that exist."""
        write_config("[default]\n[profile dev]\n")
        with pytest.raises(ConfigError, match=r"'prod'.*Known profiles: default, dev"):
            load_config(Environment(os.environ)).profile("prod")


class TestLookUp:
    @pytest.mark.parametrize(
        ("argument", "environ", "expected"),
        [
            ("x", {"AWS_PROFILE": "y"}, "x"),
            (None, {"AWS_PROFILE": "y"}, "y"),
            (None, {"AWS_PROFILE": "y", "AWS_DEFAULT_PROFILE": "z"}, "z"),
            (None, {"AWS_PROFILE": ""}, None),
            (None, {}, None),
        ],
    )
    def test_profile_in_force(self, argument: str | None, environ: dict[str, str], expected: str | None) -> None:
        """The argument, then botocore's two variables in botocore's order; an empty one counts as absent."""
        assert profile_name(argument, Environment(environ)) == expected

    def test_profile_of_another_type(self) -> None:
        """A profile that is no name is a typed error."""
        with pytest.raises(ConfigError, match="not int"):
            profile_name(5, Environment({}))

    def test_an_indented_block_is_no_setting(self) -> None:
        """A block where one value belongs is a typed error."""
        with pytest.raises(ConfigError, match="one value"):
            setting("region", {"region": {"a": "b"}})
