"""Where: the region and the endpoint, from arguments, environment, settings files and AWS's own rules.

In this order, as every AWS SDK does it (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html):

    region    region=   AWS_REGION   AWS_DEFAULT_REGION   the profile's `region`
    endpoint  endpoint_url=   AWS_ENDPOINT_URL_BEDROCK_RUNTIME   AWS_ENDPOINT_URL
              the profile's `services` section   the profile's `endpoint_url`   AWS's rules for the region
    flags     AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
              then the profile's settings of the same names

botocore itself knows only AWS_DEFAULT_REGION; all other SDKs, and Lambda, set AWS_REGION, so it goes first here.
Nothing here imports botocore; its data files are read. The functions read files: call them in a thread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from bedrock_converse._aws.config import Environment, hiding_locals, load_config, profile_name, setting
from bedrock_converse._aws.rules import HOST_LABEL, evaluate, load_partitions, load_rules
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bedrock_converse._aws.config import Section, SharedConfig

__all__ = ["Endpoint", "parse_endpoint_url", "resolve_endpoint", "resolve_region"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL_TEXT = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+"
_HOST_NAME = r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?"
_NUMERIC_END = r"(^|\.)([0-9]+|0x[0-9a-f]*)\.?$"
"""Such a host is meant as an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker)."""
_STRAY_PERCENT = r"%(?![0-9A-Fa-f]{2})"


class Endpoint(NamedTuple):
    """Where requests go, and the region that they are signed for."""

    url: str
    """Scheme, host and base path in their wire form, without a trailing slash: `https://gateway.example/base`."""
    region: str | None
    """The region of the signature; None only with an endpoint URL of one's own and no region given anywhere."""
    scheme: str
    """`https` or `http`."""
    host: str
    """As in the `Host` header: lower case, IPv6 in brackets, the port only if it is not the scheme's own."""
    base_path: str
    """What precedes `/model/...`: empty, or `/base`; percent-encoded as it was given."""

    @property
    def is_loopback(self) -> bool:
        """Tell whether the host is this machine: `localhost`, `127.0.0.0/8` or `::1`."""
        hostname = urlsplit(self.url).hostname or ""
        return hostname in ("localhost", "::1") or (hostname.startswith("127.") and _is_address(hostname))

    def require_region(self) -> str:
        """Give the region, or raise `ConfigError` if there is none: without it nothing can be signed."""
        if self.region is None:
            raise ConfigError(
                f"No AWS region: requests to {self.host} cannot be signed without one",
                hint="Say region= or set AWS_REGION; an endpoint URL does not tell it.",
            )
        return self.region

    def refuse_plain_http(self, *, allow_insecure: bool = False, proxied: bool = False) -> None:
        """Raise `ConfigError` if a bearer key, sent here, could be read on the way.

        A SigV4 signature gives nothing away that could be used again; a bearer key is the secret itself.
        """
        if self.scheme == "http" and (proxied or not self.is_loopback) and not allow_insecure:
            where = "the proxy" if proxied else self.host
            raise ConfigError(
                f"An API key would go to {where} over plain http, readable for everyone on the way",
                hint="Use an https:// endpoint URL; http:// is accepted for this machine itself, without a proxy "
                "(NO_PROXY has to name the host as the URL does).",
            )


@hiding_locals
def resolve_region(region: str | None, profile: str | None, environ: Mapping[str, str]) -> str:
    """Find the region; there is no default.

    Raises:
        ConfigError: No region is given anywhere (the message lists where it looked), it could not be a part of a host
            name, the profile does not exist, or a settings file is broken.
    """
    variables = Environment(environ)
    config = load_config(variables)
    found, _ = _find_region(region, variables, config.profile(profile_name(profile, variables)))
    if found is None:
        raise _no_region(profile, variables, config)
    return found


@hiding_locals
def resolve_endpoint(
    *,
    region: str | None,
    endpoint_url: str | None,
    profile: str | None,
    environ: Mapping[str, str],
    fips: bool | None = None,
    dualstack: bool | None = None,
) -> Endpoint:
    """Find the endpoint for Bedrock Runtime. Reads files.

    Args:
        region: The `region=` argument, or None to look for it.
        endpoint_url: The `endpoint_url=` argument, or None to look for one, and in the end to ask AWS's rules.
        profile: The `profile=` argument, or None for the one that the environment names.
        environ: The environment variables.
        fips: Ask for the FIPS 140 endpoint; None to look for the setting.
        dualstack: Ask for the endpoint that has IPv6 too; None to look for the setting.

    Raises:
        ConfigError: A value is missing or unusable; the message names the setting, and never echoes an endpoint URL.
    """
    variables = Environment(environ)
    config = load_config(variables)
    section = config.profile(profile_name(profile, variables))
    found, is_fips_region = _find_region(region, variables, section)
    url, source = _find_url(endpoint_url, variables, section, config)
    given = None if url is None else parse_endpoint_url(url, found, source=source)
    if is_fips_region:
        fips = True
    if fips is None:
        fips = _flag("use_fips_endpoint", variables, section)
    if dualstack is None:
        dualstack = _flag("use_dualstack_endpoint", variables, section)
    if given is None and found is None:
        raise _no_region(profile, variables, config)
    parameters = {"Region": found, "Endpoint": given and given.url, "UseFIPS": fips, "UseDualStack": dualstack}
    try:
        resolved = evaluate(load_rules(), load_partitions(), parameters)
    except ConfigError as error:
        if given:
            error.hint = f"The endpoint URL comes from {source}."
        raise
    return given or parse_endpoint_url(resolved, found, source="AWS's endpoint rules")


@hiding_locals
def parse_endpoint_url(url: str, region: str | None, *, source: str = "endpoint_url=") -> Endpoint:
    """Check an endpoint URL and take it apart.

    Args:
        url: `http` or `https`, host, optional port and base path; no user, password, query or fragment.
        region: The region to sign for.
        source: What to call the URL in an error: it may hold a password, so it is never shown.

    Raises:
        ConfigError: The URL is none of the above.
    """
    problem = _url_problem(url)
    if problem:
        raise ConfigError(f"{source}: {problem}")
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{parts.port}"
    base_path = parts.path.rstrip("/")
    return Endpoint(f"{scheme}://{host}{base_path}", region, scheme, host, base_path)


def _url_problem(url: object) -> str | None:
    """Say what is wrong with an endpoint URL, without quoting any of it; None when nothing is."""
    if not isinstance(url, str):
        return f"the URL must be a str, not {type(url).__name__}"
    if not re.fullmatch(_URL_TEXT, url):
        return "the URL is empty or has a character that a URL cannot have (write an international name as xn--...)"
    try:
        parts = urlsplit(url)
        port, hostname = parts.port, parts.hostname
    except ValueError:
        return "the URL's host or port is malformed"
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        return "the URL must begin with https:// or http://"
    if "@" in parts.netloc:
        return "the URL has a user or password in it; credentials go into credentials= or api_key="
    if "?" in url or "#" in url:
        return "the URL has a query or a fragment"
    if port == 0 or not hostname or not _host_is_valid(hostname):
        return "the URL has no valid host and port"
    if re.search(_STRAY_PERCENT, parts.path) or {".", ".."} & set(parts.path.split("/")):
        return "the URL's path has a '.' or '..' segment or a '%' that is not part of an escape"
    return None


def _host_is_valid(hostname: str) -> bool:
    if ":" in hostname or re.search(_NUMERIC_END, hostname):
        return _is_address(hostname)
    return len(hostname) <= 255 and re.fullmatch(_HOST_NAME, hostname) is not None


def _is_address(hostname: str) -> bool:
    """An IP address as everybody reads it: no `127.1`, `0x7f000001` or `2130706433`, which only some do."""
    from ipaddress import ip_address

    try:
        return getattr(ip_address(hostname), "scope_id", None) is None
    except ValueError:
        return False


def _find_region(region: str | None, environ: Environment, section: Section) -> tuple[str | None, bool]:
    """The region, and whether it was one of the old FIPS names, `fips-us-east-1`, which botocore still translates."""
    found = setting("region", section, environ, "AWS_REGION", "AWS_DEFAULT_REGION")
    if region is not None:
        found = region, "region="
    if found is None:
        return None, False
    name = _checked_region(*found)
    plain = name.replace("fips-", "").replace("-fips", "")
    return _checked_region(plain, found[1]), plain != name


def _checked_region(region: object, source: str) -> str:
    if not isinstance(region, str) or not re.fullmatch(HOST_LABEL, region):
        raise ConfigError(f"{source}: {repr(region)[:80]} is not the name of a region, like 'us-east-1'")
    return region


def _no_region(profile: str | None, environ: Environment, config: SharedConfig) -> ConfigError:
    name = profile_name(profile, environ) or "default"
    places = ["region=", "AWS_REGION", "AWS_DEFAULT_REGION", *(f"profile {name!r} in {file}" for file in config.files)]
    return ConfigError(
        f"No AWS region. Looked at: {', '.join(places)}",
        hint='Say BedrockClient(region="us-east-1") or set AWS_REGION.',
    )


def _find_url(
    endpoint_url: str | None, environ: Environment, section: Section, config: SharedConfig
) -> tuple[str | None, str]:
    """The endpoint URL that somebody configured, and where; (None, "") when nobody did."""
    if endpoint_url is not None:
        return endpoint_url, "endpoint_url="
    if _flag("ignore_configured_endpoint_urls", environ, section):
        return None, ""
    return (
        setting("endpoint_url", {}, environ, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")
        or _service_url(section, config)
        or setting("endpoint_url", section)
        or (None, "")
    )


def _service_url(section: Section, config: SharedConfig) -> tuple[str, str] | None:
    """`services = local` in the profile points at a section `[services local]`, whose block for us may have a URL."""
    named = setting("services", section)
    if named is None:
        return None
    services = config.services.get(named[0])
    if not services:
        raise ConfigError(
            f"The AWS profile names a services section {named[0]!r}, which {config.files[0]} does not have"
        )
    block = services.get("bedrock_runtime", {})
    if isinstance(block, str):
        raise ConfigError(f"bedrock_runtime in [services {named[0]}] must be an indented block")
    url = block.get("endpoint_url")
    return (url, f"bedrock_runtime in [services {named[0]}]") if url else None


def _flag(name: str, environ: Environment, section: Section) -> bool:
    """A setting that is `true` or `false`. Anything else is refused: who wrote `1` meant to turn FIPS on."""
    found = setting(name, section, environ, f"AWS_{name.upper()}")
    if found is None:
        return False
    value, source = found
    if value.lower() not in ("true", "false"):
        raise ConfigError(f"{source} must be 'true' or 'false'")
    return value.lower() == "true"
