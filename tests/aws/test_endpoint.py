"""Region and endpoint, against botocore's rule engine and its clients."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError
from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse._aws import rules
from bedrock_converse._aws.endpoint import Endpoint, parse_endpoint_url, resolve_endpoint, resolve_region
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = Path(__file__).resolve().parents[2] / ".." / "shared" / "vectors"


def resolve(**changes: Any) -> Endpoint:
    arguments: dict[str, Any] = {"region": None, "endpoint_url": None, "profile": None, "environ": os.environ}
    return resolve_endpoint(**arguments | changes)


@pytest.fixture(scope="module")
def oracle() -> EndpointProvider:
    loader = botocore.session.Session().get_component("data_loader")
    return EndpointProvider(
        loader.load_service_model("bedrock-runtime", "endpoint-rule-set-1"), loader.load_data("partitions")
    )


def known_regions() -> list[str]:
    return [region for partition in rules.load_partitions() for region in partition["regions"]]


class TestRules:
    def test_recorded_cases(self) -> None:
        """Every case of botocore's own test data, errors included."""
        path = VECTORS / "endpoints.json"
        if not path.exists():
            pytest.skip("endpoints.json is not here")
        for case in json.loads(path.read_text("utf-8"))["testCases"]:
            params = case.get("params", {})
            arguments = {
                "region": params.get("Region"),
                "endpoint_url": params.get("Endpoint"),
                "fips": params.get("UseFIPS"),
                "dualstack": params.get("UseDualStack"),
            }
            expected = case["expect"]
            if "endpoint" in expected:
                assert resolve(**arguments).url == expected["endpoint"]["url"], case["documentation"]
            else:
                with pytest.raises(ConfigError) as caught:
                    resolve(**arguments)
                assert caught.value.message.startswith(
                    expected["error"].replace("Invalid Configuration: Missing Region", "No AWS region")
                )

    @pytest.mark.parametrize("fips", [False, True])
    @pytest.mark.parametrize("dualstack", [False, True])
    def test_every_region_of_every_partition(self, oracle: EndpointProvider, fips: bool, dualstack: bool) -> None:
        """All known regions, and some that are still to be built, with and without FIPS and dual-stack."""
        unknown = [
            "us-east-9",
            "xx-new-1",
            "us-gov-north-1",
            "us-isob-x-1",
            "cn-east-5",
            "mars",
            "eusc-de-west-2",
            "US-EAST-1",
        ]
        for region in known_regions() + unknown:
            flags = {"fips": fips, "dualstack": dualstack}
            try:
                expected = oracle.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dualstack)
            except BotoCoreError as error:  # older data has partitions without dual-stack
                with pytest.raises(ConfigError, match=re.escape(str(error))):
                    resolve(region=region, **flags)
            else:
                assert resolve(region=region, **flags).url == expected.url.lower()

    def test_what_a_partition_lacks(self, monkeypatch: pytest.MonkeyPatch, oracle: EndpointProvider) -> None:
        """A partition without FIPS or dual-stack gets botocore's error."""
        poor = {"regions": {}, "regionRegex": "^mars", "outputs": {"supportsFIPS": False, "supportsDualStack": False}}
        monkeypatch.setattr("bedrock_converse._aws.endpoint.load_partitions", lambda: [poor])
        library = EndpointProvider(json.loads(json.dumps(rules.load_rules())), {"partitions": [poor | {"id": "poor"}]})
        for flags in ({"fips": True}, {"dualstack": True}, {"fips": True, "dualstack": True}):
            with pytest.raises(BotoCoreError) as expected:
                library.resolve_endpoint(Region="mars-1", UseFIPS="fips" in flags, UseDualStack="dualstack" in flags)
            with pytest.raises(ConfigError, match=re.escape(str(expected.value))):
                resolve(region="mars-1", **flags)

    @pytest.mark.parametrize(
        "rule",
        [
            {"type": "endpoint", "conditions": [{"fn": "aws.parseArn", "argv": ["x"]}], "endpoint": {"url": "x"}},
            {"type": "riddle", "conditions": []},
            {"type": "endpoint", "conditions": []},
            {"type": "endpoint", "conditions": [], "endpoint": {"url": "{Nowhere#x}"}},
        ],
    )
    def test_rules_of_the_future(self, rule: dict[str, Any]) -> None:
        """Rules that this version cannot read are a typed error, never a wrong endpoint."""
        with pytest.raises(ConfigError, match="does not know"):
            rules.evaluate({"parameters": {}, "rules": [rule]}, [], {})

    def test_no_rule_matches(self) -> None:
        """Rules that decide nothing are a typed error."""
        with pytest.raises(ConfigError, match="no endpoint"):
            rules.evaluate({"parameters": {}, "rules": []}, [], {})

    def test_the_small_functions(self) -> None:
        """`not`, `stringEquals`, `isValidHostLabel` and indexes, which Bedrock's rules of today do not need."""
        conditions = [
            {"fn": "not", "argv": [{"fn": "isSet", "argv": [{"ref": "Endpoint"}]}]},
            {"fn": "stringEquals", "argv": [{"ref": "Region"}, "a-1"]},
            {"fn": "isValidHostLabel", "argv": [{"ref": "Region"}, False]},
            {"fn": "getAttr", "argv": [{"ref": "List"}, "x[1].y"], "assign": "Found"},
        ]
        tree = {"type": "endpoint", "conditions": conditions, "endpoint": {"url": "https://{Found}"}}
        parameters = {"Region": "a-1", "List": {"x": [0, {"y": "yes"}]}}
        assert rules.evaluate({"parameters": {}, "rules": [tree]}, [], parameters) == "https://yes"

    @pytest.mark.parametrize("load", [rules.load_rules, rules.load_partitions])
    def test_data_files_missing(self, load: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """botocore without its data (a ZIP, a stripped image) is a typed error that says so."""
        monkeypatch.setattr(rules, "_botocore_data", lambda: tmp_path)
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            load.__wrapped__()
        assert "endpoint_url=" in (caught.value.hint or "")

    def test_botocore_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No botocore at all is a typed error too."""
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ConfigError, match="not installed"):
            rules.load_partitions.__wrapped__()

    def test_nothing_heavy_is_imported(self) -> None:
        """Resolving an endpoint imports neither botocore nor an HTTP library."""
        program = (
            "import sys, bedrock_converse._aws.endpoint as e, bedrock_converse._aws.sigv4;"
            "e.resolve_endpoint(region='us-east-1', endpoint_url=None, profile=None, environ={});"
            "print({'botocore', 'boto3', 'anyio', 'ssl', 'httpx', 'httpcore'} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"


SERVICES = """
[default]
services = local
endpoint_url = https://profile.example
[services local]
bedrock_runtime =
  endpoint_url = https://services.example/base
"""
PROFILE_ONLY = "[default]\nregion = eu-west-3\nendpoint_url = https://profile.example\n"


class TestPrecedence:
    @pytest.mark.parametrize(
        ("config", "environ", "argument"),
        [
            ("", {}, None),
            ("", {}, "https://argument.example"),
            ("", {"AWS_ENDPOINT_URL": "https://global.example"}, None),
            ("", {"AWS_ENDPOINT_URL": "https://global.example"}, "https://argument.example"),
            ("", {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": ""}, None),
            (
                SERVICES,
                {"AWS_ENDPOINT_URL": "https://g.example", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://s.example"},
                None,
            ),
            (SERVICES, {"AWS_ENDPOINT_URL": "https://global.example"}, None),
            (SERVICES, {}, None),
            (PROFILE_ONLY, {}, None),
            (SERVICES, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
            (SERVICES, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}, "https://argument.example"),
            (SERVICES, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}, None),
            (PROFILE_ONLY + "ignore_configured_endpoint_urls = true", {}, None),
            (
                PROFILE_ONLY + "ignore_configured_endpoint_urls = true",
                {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://s.example"},
                None,
            ),
            (
                PROFILE_ONLY + "ignore_configured_endpoint_urls = true",
                {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
                None,
            ),
            ("[profile dev]\nendpoint_url = https://dev.example", {"AWS_PROFILE": "dev"}, None),
            ("[default]\nservices = local\n[services local]\ns3 =\n  endpoint_url = https://s3.example", {}, None),
        ],
    )
    def test_same_url_as_a_botocore_client(
        self,
        config: str,
        environ: dict[str, str],
        argument: str | None,
        write_config: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Argument, environment, services section, profile, rules: the URL that botocore's own client has."""
        write_config(config)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client = botocore.session.Session().create_client(
            "bedrock-runtime", region_name="us-west-2", endpoint_url=argument, **keys
        )
        assert resolve(region="us-west-2", endpoint_url=argument).url == client.meta.endpoint_url

    @pytest.mark.parametrize(
        ("config", "environ", "expected"),
        [
            ("[default]\nregion = profile-1", {"AWS_REGION": "one-1", "AWS_DEFAULT_REGION": "two-1"}, "one-1"),
            ("[default]\nregion = profile-1", {"AWS_DEFAULT_REGION": "two-1"}, "two-1"),
            ("[default]\nregion = profile-1", {"AWS_REGION": ""}, "profile-1"),
            ("[default]\nregion = profile-1\n[profile x]\nregion = x-1", {"AWS_PROFILE": "x"}, "x-1"),
        ],
    )
    def test_region(
        self, config: str, environ: dict[str, str], expected: str, write_config: Callable[..., None]
    ) -> None:
        """The argument wins; then AWS_REGION, AWS_DEFAULT_REGION, the profile in force."""
        write_config(config)
        assert resolve_region(None, None, environ) == resolve(environ=environ).region == expected
        assert resolve_region("arg-1", None, environ) == resolve(region="arg-1", environ=environ).region == "arg-1"

    @pytest.mark.parametrize(
        ("config", "environ", "expected"),
        [
            ("", {"AWS_USE_FIPS_ENDPOINT": "true"}, "https://bedrock-runtime-fips.us-east-1.amazonaws.com"),
            ("", {"AWS_USE_DUALSTACK_ENDPOINT": "True"}, "https://bedrock-runtime.us-east-1.api.aws"),
            ("use_fips_endpoint = true", {}, "https://bedrock-runtime-fips.us-east-1.amazonaws.com"),
            ("use_dualstack_endpoint = true", {}, "https://bedrock-runtime.us-east-1.api.aws"),
            (
                "use_fips_endpoint = true",
                {"AWS_USE_FIPS_ENDPOINT": "false"},
                "https://bedrock-runtime.us-east-1.amazonaws.com",
            ),
        ],
    )
    def test_flags(
        self, config: str, environ: dict[str, str], expected: str, write_config: Callable[..., None]
    ) -> None:
        """FIPS and dual-stack: the environment, then the profile."""
        write_config(f"[default]\n{config}")
        assert resolve(region="us-east-1", environ=environ).url == expected

    def test_a_flag_given_as_argument_wins(self) -> None:
        """`fips=False` turns off what the environment turns on."""
        environ = {"AWS_USE_FIPS_ENDPOINT": "true"}
        assert "fips" not in resolve(region="us-east-1", environ=environ, fips=False).url

    @pytest.mark.parametrize("region", ["fips-us-east-1", "us-east-1-fips"])
    def test_old_fips_regions(self, region: str) -> None:
        """The old names of FIPS regions mean the region itself, with FIPS, as botocore reads them."""
        endpoint = resolve(region=region)
        assert (endpoint.region, endpoint.url) == ("us-east-1", "https://bedrock-runtime-fips.us-east-1.amazonaws.com")
        assert resolve_region(region, None, {}) == "us-east-1"

    def test_own_endpoint_without_a_region(self) -> None:
        """An endpoint of one's own needs no region; whoever signs will miss it."""
        endpoint = resolve(endpoint_url="http://localhost:8080")
        assert endpoint.region is None
        with pytest.raises(ConfigError, match="cannot be signed"):
            endpoint.require_region()
        assert resolve(region="us-east-1").require_region() == "us-east-1"


class TestErrors:
    def test_no_region(self) -> None:
        """No default: the error lists every place where a region could have been."""
        for call in (lambda: resolve_region(None, "default", {}), lambda: resolve_region(None, None, {}), resolve):
            with pytest.raises(ConfigError) as caught:
                call()
        for place in ("region=", "AWS_REGION", "AWS_DEFAULT_REGION", "'default'", "config (no such file)"):
            assert place in str(caught.value)

    @pytest.mark.parametrize("profile", ["nope", ""])
    def test_missing_profile(self, profile: str, write_config: Callable[..., None]) -> None:
        """A profile that does not exist is an error also when it would not have been needed."""
        write_config("[profile dev]\n")
        with pytest.raises(ConfigError, match="Known profiles: dev"):
            resolve(region="us-east-1", profile=profile)

    @pytest.mark.parametrize(
        "region",
        ["us-east-1/evil", "x.evil.com#", "", " ", "us east 1", "-us", "us-", "12345", "us-east-1\n", "é", "a" * 64, 5],
    )
    def test_hostile_regions(self, region: Any, write_config: Callable[..., None]) -> None:
        """A region becomes a part of the host: anything but a host label is refused, wherever it comes from."""
        with pytest.raises(ConfigError, match="not the name of a region"):
            resolve(region=region)
        if isinstance(region, str) and region.strip():
            with pytest.raises(ConfigError, match=r"AWS_REGION: .* not the name"):
                resolve(environ={"AWS_REGION": region})

    @pytest.mark.parametrize("value", ["1", "yes", "on", " true"])
    def test_flags_that_are_neither_true_nor_false(self, value: str) -> None:
        """botocore reads `1` as false; whoever asks for FIPS that way learns that they did not get it."""
        with pytest.raises(ConfigError, match="AWS_USE_FIPS_ENDPOINT must be 'true' or 'false'"):
            resolve(region="us-east-1", environ={"AWS_USE_FIPS_ENDPOINT": value})

    def test_own_endpoint_with_fips(self) -> None:
        """The rules refuse it; the hint says where the endpoint came from."""
        with pytest.raises(ConfigError, match="FIPS and custom endpoint") as caught:
            resolve(region="us-east-1", fips=True, environ={"AWS_ENDPOINT_URL": "https://x.example"})
        assert "AWS_ENDPOINT_URL" in str(caught.value)

    @pytest.mark.parametrize(
        ("config", "match"),
        [
            ("[default]\nservices = nowhere", "nowhere"),
            ("[default]\nservices = s\n[services s]\nbedrock_runtime = x", "indented block"),
            ("[default]\nservices =\n  x = y", "one value"),
        ],
    )
    def test_broken_services(self, config: str, match: str, write_config: Callable[..., None]) -> None:
        """A services section that does not exist or is not a block."""
        write_config(config)
        with pytest.raises(ConfigError, match=match):
            resolve(region="us-east-1")


class TestEndpointUrl:
    @pytest.mark.parametrize(
        ("url", "expected", "host", "base_path"),
        [
            ("https://example.com", "https://example.com", "example.com", ""),
            ("https://example.com/", "https://example.com", "example.com", ""),
            ("HTTPS://EXAMPLE.com:443/Base//", "https://example.com/Base", "example.com", "/Base"),
            ("http://example.com:80", "http://example.com", "example.com", ""),
            ("http://example.com:443", "http://example.com:443", "example.com:443", ""),
            ("https://example.com:/x", "https://example.com/x", "example.com", "/x"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080", ""),
            ("https://[::1]:9000/a%20b/c~d", "https://[::1]:9000/a%20b/c~d", "[::1]:9000", "/a%20b/c~d"),
            ("http://bedrock_mock:8080/v1", "http://bedrock_mock:8080/v1", "bedrock_mock:8080", "/v1"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example", ""),
        ],
    )
    def test_parts(self, url: str, expected: str, host: str, base_path: str) -> None:
        """Scheme and host in lower case, default port dropped, trailing slashes gone, base path untouched."""
        endpoint = parse_endpoint_url(url, "us-east-1")
        assert (endpoint.url, endpoint.host, endpoint.base_path) == (expected, host, base_path)
        assert endpoint.scheme == expected.partition(":")[0]

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "example.com",
            "//example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://user@example.com",
            "https://user:canary@example.com",
            "https://:canary@example.com/",
            "https://canary@@example.com",
            "https://example.com?x=1",
            "https://example.com/?",
            "https://example.com/#",
            "https://example.com:0",
            "https://example.com:99999",
            "https://example.com:8o",
            "https://[::1",
            "https://[::g]",
            "https://[fe80::1%25eth0]",
            "https://a b",
            "https://example.com/a b",
            "https://example.com\\@evil.example",
            "https://exa\nmple.com",
            "https://bücher.example",
            "https://-x.example",
            "https://x..example",
            "https://127.0.0.999",
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://0177.0.0.1",
            "https://example.0x7f",
            "https://" + "a." * 130 + "example",
            "https://example.com/a/../b",
            "https://example.com/./b",
            "https://example.com/a%2",
            "https://example.com/%zz",
            5,
            b"https://example.com",
        ],
    )
    def test_refused(self, url: Any) -> None:
        """Anything that is not scheme, host, port and path; the error never quotes the URL."""
        with pytest.raises(ConfigError) as caught:
            resolve(region="us-east-1", endpoint_url=url)
        assert caught.value.message.startswith("endpoint_url=: ")
        assert "canary" not in str(caught.value)
        with pytest.raises(ConfigError, match=r"^source: "):
            parse_endpoint_url(url, None, source="source")

    @pytest.mark.parametrize(
        ("call", "match"),
        [
            (lambda: resolve(region="us-east-1", environ=os.environ), r"^AWS_ENDPOINT_URL: "),
            (lambda: resolve_region(None, None, os.environ), "No AWS region"),
        ],
    )
    def test_no_secret_in_a_traceback(self, call: Any, match: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither a password in a URL nor the secrets of the environment are in the locals of our frames."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", "https://user:canary@example.com")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
        with pytest.raises(ConfigError, match=match) as caught:
            call()
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
        assert "canary" not in "".join(entry for entry in shown if "test_endpoint.py" not in entry)

    @given(st.text(max_size=40) | st.text(max_size=40).map("https://{}".format))
    def test_any_text(self, url: str) -> None:
        """Any text gives an endpoint or a typed error."""
        try:
            endpoint = parse_endpoint_url(url, None)
        except ConfigError:
            return
        assert endpoint.url == f"{endpoint.scheme}://{endpoint.host}{endpoint.base_path}"
        assert parse_endpoint_url(endpoint.url, None) == endpoint

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://localhost:1", True),
            ("http://127.0.0.1", True),
            ("http://127.9.9.9:80", True),
            ("http://[::1]:1", True),
            ("http://127.0.0.1.evil.example", False),
            ("http://localhost.evil.example", False),
            ("http://10.0.0.1", False),
            ("http://0.0.0.0", False),
            ("http://[::ffff:10.0.0.1]", False),
            ("http://127.evil.example", False),
        ],
    )
    def test_loopback(self, url: str, expected: bool) -> None:
        """Only this machine is loopback; over plain http nobody else gets a bearer key."""
        endpoint = parse_endpoint_url(url, None)
        assert endpoint.is_loopback is expected
        if expected:
            endpoint.refuse_plain_http()
            with pytest.raises(ConfigError, match="to the proxy over plain http"):
                endpoint.refuse_plain_http(proxied=True)
        else:
            with pytest.raises(ConfigError, match="plain http"):
                endpoint.refuse_plain_http()
            endpoint.refuse_plain_http(allow_insecure=True)

    def test_https_is_never_refused(self) -> None:
        """Over TLS a bearer key may go anywhere."""
        parse_endpoint_url("https://example.com", None).refuse_plain_http()
