"""The signer against botocore's, which is the oracle, and the clock against AWS's table."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_converse._aws.credentials import Credentials
from bedrock_converse._aws.sigv4 import UNSIGNED_HEADERS, Clock, Signer
from bedrock_converse.errors import RequestInvalid

VECTORS = Path(__file__).resolve().parents[2] / ".." / "shared" / "vectors"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BODY = b'{"messages":[]}'


def vectors(name: str) -> Any:
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return json.loads(path.read_text("utf-8"))


def sign(signer: Signer | None = None, **changes: Any) -> dict[str, str]:
    arguments: dict[str, Any] = {
        "method": "POST",
        "host": "bedrock-runtime.us-east-1.amazonaws.com",
        "path": "/model/amazon.nova-lite-v1%3A0/converse",
        "headers": {"content-type": "application/json"},
        "payload_hash": hashlib.sha256(BODY).hexdigest(),
        "credentials": Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        "region": "us-east-1",
        "now": NOW,
    }
    return (signer or Signer()).sign(**arguments | changes)


class FixedClock:
    """botocore reads the clock itself; this puts `now` in its place for one signature."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if not hasattr(botocore.auth, "get_current_datetime"):
            pytest.skip("this botocore is too old to be the oracle")
        self.now = NOW
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: self.now.replace(tzinfo=None))


@pytest.fixture
def botocore_clock(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    return FixedClock(monkeypatch)


def botocore_signs(clock: FixedClock, url: str, headers: Any, body: bytes, **changes: Any) -> dict[str, str]:
    credentials: Credentials = changes.get("credentials", Credentials("AKIDEXAMPLE", "secret"))
    clock.now = changes.get("now", NOW)
    request = AWSRequest(method=changes.get("method", "POST"), url=url, headers=headers, data=body)
    botocore.auth.SigV4Auth(
        BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token),
        "bedrock",
        changes.get("region", "us-east-1"),
    ).add_auth(request)
    return dict(request.headers.items())


class TestAgainstTheOracle:
    def test_every_recorded_vector(self) -> None:
        """The recorded requests get the signature that botocore gave them, with its body and with a compact one."""
        recorded = vectors("sigv4.json")
        fixed = recorded["fixed"]
        signer = Signer()
        for case in recorded["cases"]:
            for body, expected in (
                (case["body_b64"], case["authorization"]),
                (case["compact_body_b64"], case["compact_authorization"]),
            ):
                added = sign(
                    signer,
                    method=case["method"],
                    host=case["host_header"],
                    path=case["wire_path"],
                    headers={"content-type": case["content_type"]},
                    payload_hash=hashlib.sha256(base64.b64decode(body)).hexdigest(),
                    credentials=Credentials(
                        fixed["access_key_id"], fixed["secret_access_key"], case["session_token"] or None
                    ),
                    region=case["region"],
                    now=datetime.fromisoformat(fixed["date_utc"]),
                )
                assert added["Authorization"] == expected, case["name"]
                assert added["X-Amz-Date"] == fixed["timestamp"]
                assert added.get("X-Amz-Security-Token") == case["session_token"]

    def test_the_list_of_unsigned_headers_is_botocores(self) -> None:
        """A header that botocore begins or ceases to sign shows up here; old versions knew a shorter list."""
        assert set(botocore.auth.SIGNED_HEADERS_BLACKLIST) < UNSIGNED_HEADERS
        if "trailer" in botocore.auth.SIGNED_HEADERS_BLACKLIST:
            assert set(botocore.auth.SIGNED_HEADERS_BLACKLIST) | {"accept-encoding"} == UNSIGNED_HEADERS

    @settings(max_examples=examples(2000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_generated_requests(self, botocore_clock: FixedClock, data: st.DataObject) -> None:
        """Ids, ARNs, base paths, ports, odd headers, tokens, regions and dates: always botocore's signature."""
        draw = data.draw
        scheme, host, url_host = draw(HOSTS)
        base_path = draw(
            st.sampled_from(["", "/base", "/a%20b/c~d", "/a//b", "/a/./b", "/a/../b", "/.hidden", "/../up"])
        )
        suffix = draw(st.sampled_from(["converse", "converse-stream", "count-tokens", ""]))
        path = f"{base_path}/model/{quote(draw(MODEL_IDS), safe='-._~')}/{suffix}"
        headers = {"Content-Type": "application/json"} | draw(HEADERS)
        body = draw(st.binary(max_size=64))
        changes = {
            "method": draw(st.sampled_from(["POST", "GET", "PUT"])),
            "credentials": Credentials(draw(KEYS), draw(KEYS), draw(st.none() | KEYS)),
            "region": draw(REGIONS),
            "now": draw(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))),
        }
        added = sign(host=host, path=path, headers=headers, payload_hash=hashlib.sha256(body).hexdigest(), **changes)
        oracle = botocore_signs(botocore_clock, f"{scheme}://{url_host}{path}", headers, body, **changes)
        assert added == {name: oracle[name] for name in added}
        assert "X-Amz-Security-Token" in added or "X-Amz-Security-Token" not in oracle


PRINTABLE = "".join(map(chr, range(33, 127)))
KEYS = st.text(PRINTABLE, min_size=1, max_size=60)
REGIONS = st.sampled_from(["us-east-1", "eu-central-2", "us-gov-west-1", "cn-north-1", "xx-somewhere-9"])
MODEL_IDS = st.one_of(
    st.sampled_from(["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "a b~c(d)'!*+é", "a%2Fb", "a#b?c"]),
    st.text("abz.:-09", min_size=1).map(
        lambda name: f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{name}"
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
)
HOSTS = st.one_of(
    REGIONS.map(lambda region: ("https", *[f"bedrock-runtime.{region}.amazonaws.com"] * 2)),
    st.integers(1024, 65535).map(lambda port: ("http", *[f"127.0.0.1:{port}"] * 2)),
    st.sampled_from(
        [
            ("https", "gateway.example", "GateWay.example:443"),
            ("http", "gateway.example", "gateway.example:80"),
            ("https", "[::1]:9000", "[::1]:9000"),
        ]
    ),
)
VALUES = st.text(PRINTABLE + " \t" * 20, max_size=16)
NAMES = st.one_of(
    st.sampled_from(sorted(UNSIGNED_HEADERS - {"accept-encoding"})),
    st.sampled_from(["User-Agent", "X-Amzn-Bedrock-Trace", "x-amzn-bedrock-trace", "B3", "Content-type"]),
    st.text("abzABZ09-", max_size=12).map("X-{}".format),
)
HEADERS = st.dictionaries(NAMES, VALUES, max_size=6)


class TestSigner:
    def test_same_header_in_two_spellings(self, botocore_clock: FixedClock) -> None:
        """Two spellings of one name are joined by a comma, in the order given, as botocore joins them."""
        headers = {"X-One": "a", "x-one": " b  c "}
        added = sign(headers=headers, credentials=Credentials("AKIDEXAMPLE", "secret"))
        url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse"
        assert added["Authorization"] == botocore_signs(botocore_clock, url, headers, BODY)["Authorization"]

    def test_what_proxies_change_is_not_signed(self) -> None:
        """User-Agent, trace headers and accept-encoding go out unsigned; the user's own headers are signed."""
        headers = {"User-Agent": "x", "Accept-Encoding": "identity", "X-Amzn-Trace-Id": "Root=1", "X-Team": "blue"}
        assert "SignedHeaders=host;x-amz-date;x-team," in sign(headers=headers)["Authorization"]

    @pytest.mark.parametrize("name", ["Authorization", "HOST", "x-amz-date", "X-Amz-Security-Token"])
    def test_its_own_headers_are_refused(self, name: str) -> None:
        """A header that the signature sets cannot come from outside: signed and sent would differ."""
        with pytest.raises(RequestInvalid, match="set by the signature") as caught:
            sign(headers={name: "x"})
        assert caught.value.path == f"headers[{name!r}]"

    def test_text_that_no_header_can_carry_is_refused(self) -> None:
        """Non-ASCII header text is a typed error, and no secret is in the traceback's locals."""
        credentials = Credentials("AKIDEXAMPLE", "canary-secret", "canary-token")
        with pytest.raises(RequestInvalid, match="ASCII") as caught:
            sign(headers={"x-team": "blå"}, credentials=credentials)
        shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert "canary" not in shown

    def test_a_new_day_and_a_new_secret_get_a_new_key(self) -> None:
        """The cached signing key belongs to one secret, one day and one region."""
        signer = Signer()
        days = [sign(signer, now=NOW + timedelta(days=day)) for day in (0, 1, 0)]
        regions = [sign(signer, region=region) for region in ("us-east-1", "us-west-2")]
        secrets = [sign(signer, credentials=Credentials("AKIDEXAMPLE", secret)) for secret in ("one", "two")]
        assert days[0] == days[2] != days[1]
        assert regions[0] != regions[1]
        assert secrets[0] != secrets[1]

    def test_the_cache_is_bounded(self) -> None:
        """A service with very many tenants holds the keys of 256 of them."""
        signer = Signer()
        for number in range(300):
            sign(signer, credentials=Credentials("AKIDEXAMPLE", f"secret-{number}"))
        assert signer._signing_key.cache_info().currsize == 256  # pyright: ignore[reportPrivateUsage]

    def test_nothing_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """botocore logs the canonical request with the session token at DEBUG; this path logs nothing at all."""
        caplog.set_level(logging.DEBUG)
        sign(credentials=Credentials("AKIDEXAMPLE", "canary-secret", "canary-token"))
        assert caplog.records == []


class TestClockSkew:
    @pytest.mark.parametrize("ahead", [-3600, -300, 300, 7200])
    def test_a_wrong_clock_is_corrected(self, ahead: int) -> None:
        """The server is `ahead` seconds ahead: the next signature carries the server's time."""
        clock = Clock(NOW.timestamp)
        learned = learn(clock, NOW + timedelta(seconds=ahead))
        assert learned == pytest.approx(ahead, abs=1)
        assert abs(clock.now() - NOW - timedelta(seconds=ahead)) <= timedelta(seconds=1)

    @pytest.mark.parametrize("ahead", [-240, -10, 0, 10, 240])
    def test_a_small_difference_changes_nothing(self, ahead: int) -> None:
        """Up to the threshold the machine's own clock is used."""
        clock = Clock(NOW.timestamp)
        learn(clock, NOW + timedelta(seconds=ahead))
        assert clock.now() == NOW

    def test_it_heals(self) -> None:
        """Once the machine's clock is set right, the next answer takes the correction away."""
        clock = Clock(NOW.timestamp)
        learn(clock, NOW + timedelta(hours=1))
        assert clock.skew == 3600
        assert learn(clock, NOW) == 0
        assert clock.now() == NOW

    @pytest.mark.parametrize("minutes", [0, 5, 10])
    def test_a_long_answer_is_no_skew(self, minutes: int) -> None:
        """A model that thinks for ten minutes: any date between sending and receiving agrees with our clock."""
        clock = Clock(NOW.timestamp)
        sent = NOW.timestamp()
        date = format_datetime(NOW + timedelta(minutes=minutes), usegmt=True)
        assert clock.learn(date, sent_at=sent + 0.9, received_at=sent + 600) == 0

    @pytest.mark.parametrize(
        "header",
        [None, "", "yesterday", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "\x00", "99"],
    )
    def test_nonsense_is_not_learned(self, header: str | None) -> None:
        """No date, a broken one and an absurd one teach nothing."""
        clock = Clock(NOW.timestamp)
        assert clock.learn(header, sent_at=NOW.timestamp(), received_at=NOW.timestamp()) is None
        assert clock.now() == NOW

    @given(header=st.text())
    def test_any_header(self, header: str) -> None:
        """No header value, however odd, raises."""
        Clock(NOW.timestamp).learn(header, sent_at=NOW.timestamp(), received_at=NOW.timestamp())


def learn(clock: Clock, server_time: datetime) -> float | None:
    at = NOW.timestamp()
    return clock.learn(format_datetime(server_time, usegmt=True), sent_at=at, received_at=at)
