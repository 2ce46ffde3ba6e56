"""Credentials, API keys and roles as values: what they refuse, and what they never show."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from bedrock_converse._aws.values import AssumeRole, BearerKey, Credentials, assume_role
from bedrock_converse.errors import ConfigError

ARN = "arn:aws:iam::123456789012:role/path/name"
FULL = Credentials("AKIDEXAMPLEKEY", "canary-secret", "canary-token", datetime(2030, 1, 1, tzinfo=UTC))


class TestCredentials:
    def test_the_four_parts(self) -> None:
        """Positional or by name; the last two may be missing, and an empty token counts as missing."""
        assert Credentials("a", "b") == Credentials(access_key_id="a", secret_access_key="b", session_token="")
        assert (FULL.access_key_id, FULL.secret_access_key) == ("AKIDEXAMPLEKEY", "canary-secret")
        assert Credentials("AKIDEXAMPLEKEY", "canary-secret") != FULL
        assert len({FULL, copy.copy(FULL), copy.deepcopy(FULL)}) == 1

    @pytest.mark.parametrize("show", [repr, str, "{}".format, lambda value: repr([value])])
    def test_no_secret_is_shown(self, show: Any) -> None:
        """Neither secret nor token, and of the access key id no more than its ends."""
        assert "canary" not in show(FULL)
        assert show(FULL).strip("[]").startswith("Credentials(access_key_id='AKID...EKEY', secret_access_key='***'")

    def test_a_short_key_is_not_shown_at_all(self) -> None:
        """The ends of a short key would be all of it."""
        assert "AKID" not in repr(Credentials("AKID", "s"))

    def test_no_pickle(self) -> None:
        """A pickle would hold the secrets in the clear."""
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(FULL)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(assume_role(ARN, source=FULL))
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(BearerKey("canary"))

    def test_frozen(self) -> None:
        """They cannot be changed, and have no place for anything else."""
        with pytest.raises(AttributeError, match="cannot be changed"):
            FULL.secret_access_key = "x"
        with pytest.raises(AttributeError, match="cannot be changed"):
            del FULL.session_token
        assert not hasattr(FULL, "__dict__")

    def test_nothing_writes_out_the_fields(self) -> None:
        """Loggers and settings walk dataclasses; pydantic dumps them, wherever they are in a model."""
        with pytest.raises(TypeError):
            dataclasses.asdict(FULL)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="cannot be pickled"):
            FULL.__getstate__()

        class Settings(BaseModel, arbitrary_types_allowed=True):
            credentials: Credentials

        settings = Settings(credentials=FULL)
        assert "canary" not in str(settings.model_dump())
        with pytest.raises(PydanticSerializationError):
            settings.model_dump_json()

    def test_equal_by_value(self) -> None:
        """Two of the same content are one identity."""
        same = Credentials(FULL.access_key_id, FULL.secret_access_key, FULL.session_token, FULL.expires_at)
        assert (same, hash(same)) == (FULL, hash(FULL))
        assert Credentials("a", "b") != Credentials("a", "c")
        assert Credentials("a", "b") != ("a", "b", None, None)

    @pytest.mark.parametrize(
        ("parts", "problem"),
        [
            (("", "s"), "access_key_id is empty"),
            (("  ", "s"), "access_key_id is empty"),
            (("a", "zebra\n"), "secret_access_key ends with a line break"),
            (("a", "zeb ra"), "secret_access_key has a blank"),
            (("a", "zeb\x00ra"), "secret_access_key has a blank or a control"),
            (("a", "zebra\x7f"), "secret_access_key has a blank or a control"),
            (("a", "zebrä"), "secret_access_key has a character that is not ASCII"),
            (("a", None), "secret_access_key must be a str, not NoneType"),
            (("a", b"zebra"), "secret_access_key must be a str, not bytes"),
            (("a", "b", "zebra\r\n"), "session_token ends with a line break"),
            (("a", "b", 5), "session_token must be a str, not int"),
            (("a", "b", None, "2030-01-01"), "expires_at must be a datetime, not str"),
            (("a", "b", None, datetime(2030, 1, 1)), "expires_at has no time zone"),
        ],
    )
    def test_refused(self, parts: Any, problem: str) -> None:
        """What no header could carry is refused at once, by name, without being shown."""
        with pytest.raises(ConfigError) as caught:
            Credentials(*parts)
        assert problem in caught.value.message
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
        shown = "".join(entry for entry in shown if "test_values.py" not in entry)
        assert "zeb" not in shown


class TestBearerKey:
    def test_not_shown(self) -> None:
        """Equal by content, and masked."""
        assert BearerKey("canary") == BearerKey("canary") != BearerKey("other")
        assert len({BearerKey("canary"), BearerKey("canary")}) == 1
        assert "canary" not in repr(BearerKey("canary"))


class TestAssumeRole:
    def test_parameters(self) -> None:
        """What STS is asked: absent things are absent."""
        assert assume_role(ARN).parameters() == {"RoleArn": ARN, "RoleSessionName": "bedrock-converse"}
        role = assume_role(ARN, external_id="e1", tags={"b": "2", "a": "1"}, session_name="me@x", duration=900)
        assert role.parameters() == {
            "RoleArn": ARN,
            "RoleSessionName": "me@x",
            "ExternalId": "e1",
            "DurationSeconds": 900,
            "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        }

    def test_equal_content_is_equal(self) -> None:
        """The order of the tags does not matter."""
        one = assume_role(ARN, tags={"a": "1", "b": "2"}, source=FULL)
        other = assume_role(ARN, tags={"b": "2", "a": "1"}, source=FULL)
        assert one == other
        assert hash(one) == hash(other)
        assert isinstance(one, AssumeRole)

    def test_secrets_are_not_shown(self) -> None:
        """`repr` has neither the source nor the external id."""
        assert "canary" not in repr(assume_role(ARN, external_id="canary", source=FULL))

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"arn": "name"}, "the ARN must look like"),
            ({"arn": "arn:aws:iam::123456789012:user/x"}, "the ARN must look like"),
            ({"arn": ARN + "\n"}, "the ARN must look like"),
            ({"arn": None}, "the ARN must look like"),
            ({"session_name": "a b"}, "session_name"),
            ({"session_name": "x" * 65}, "session_name"),
            ({"session_name": ""}, "session_name"),
            ({"external_id": "x"}, "external_id"),
            ({"external_id": "a b"}, "external_id"),
            ({"duration": 899}, "duration"),
            ({"duration": 43_201}, "duration"),
            ({"duration": 3600.0}, "duration"),
            ({"duration": True}, "duration"),
            ({"region": "x/evil"}, "region"),
            ({"tags": {"": "x"}}, "tag's key"),
            ({"tags": {1: "x"}}, "tag's key"),
            ({"tags": {"a": 1}}, "value of tag 'a'"),
            ({"tags": {"a": "x" * 257}}, "value of tag 'a'"),
            ({"tags": {f"k{n}": "" for n in range(51)}}, "at most 50"),
            ({"tags": [("a", "b")]}, "must be a mapping"),
            ({"sts_endpoint_url": "https://user:canary@x"}, "sts_endpoint_url: the URL has a user"),
        ],
    )
    def test_refused(self, arguments: dict[str, Any], problem: str) -> None:
        """What STS would refuse is refused before anything is asked."""
        with pytest.raises(ConfigError) as caught:
            assume_role(**{"arn": ARN} | arguments)
        assert caught.value.message.startswith("assume_role: ")
        assert problem in caught.value.message

    @pytest.mark.parametrize(
        "arn", ["arn:aws-cn:iam::123456789012:role/x", "arn:aws-us-gov:iam::123456789012:role/a/b"]
    )
    def test_other_partitions(self, arn: str) -> None:
        """China and GovCloud have roles too."""
        assert assume_role(arn).arn == arn
