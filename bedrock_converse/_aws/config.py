"""The settings files that all AWS tools share, read as botocore reads them, without importing it.

~/.aws/config                          ~/.aws/credentials

[default]                              [default]
region = eu-central-1                  aws_access_key_id = ...
                                       aws_secret_access_key = ...
[profile dev]
services = local                       [dev]
                                       aws_access_key_id = ...
[services local]
bedrock_runtime =
  endpoint_url = http://127.0.0.1:8080

A profile is the union of both sections of that name; what the credentials file says wins. The bearer path needs a
region and an endpoint from here and must not pay for botocore; the credentials themselves are botocore's to read.
https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    import configparser
    from collections.abc import Callable, Mapping

__all__ = ["Environment", "Section", "SharedConfig", "hiding_locals", "load_config", "profile_name", "setting"]

_SECRETS = frozenset({"aws_secret_access_key", "aws_session_token", "aws_security_token"})
"""Left out: botocore reads them where they are needed, and here they could end up in a traceback."""

Section = dict[str, str | dict[str, str]]
"""One section: plain values, and one level of nested ones where the value is an indented block."""


P = ParamSpec("P")
R = TypeVar("R")


def hiding_locals(function: Callable[P, R]) -> Callable[P, R]:
    """Let the function's `ConfigError` begin here: crash reports show the locals of a traceback's frames.

    For functions that are given secrets, or what may turn out to be one.
    """

    @wraps(function)
    def hidden(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ConfigError as error:
            del args, kwargs
            raise error.with_traceback(None)  # noqa: B904 - it is the same error

    return hidden


class Environment:
    """The environment variables, in an object whose `repr` does not show them: some of them are secrets."""

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> str | None:
        """Give a variable's value as it is now; None when it is not set."""
        return self._variables.get(name)


class SharedConfig(NamedTuple):
    """Both files, read and merged."""

    profiles: Mapping[str, Section]
    services: Mapping[str, Section]
    files: tuple[str, ...]
    """Where it looked, for error messages: a path, with a note when there is no such file."""

    def profile(self, name: str | None) -> Section:
        """Give the settings of a profile; without a name those of `default`, which may be missing.

        Raises:
            ConfigError: A profile of that name is in neither file.
        """
        if name is None:
            return self.profiles.get("default", {})
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none"
            raise ConfigError(f"There is no profile {name!r} in {' or '.join(self.files)}. Known profiles: {known}")
        return self.profiles[name]


def profile_name(profile: object, environ: Environment) -> str | None:
    """Give the profile in force: the argument, else `AWS_DEFAULT_PROFILE`, else `AWS_PROFILE` (botocore's order)."""
    if isinstance(profile, str):
        return profile
    if profile is not None:
        raise ConfigError(f"profile= must be the name of a profile, not {type(profile).__name__}")
    return environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE") or None


def load_config(environ: Environment) -> SharedConfig:
    """Read both files; one that does not exist, or that this process may not read, counts as empty.

    Raises:
        ConfigError: A file is not in the format. The message has the line's number, never its text.
    """
    profiles: dict[str, Section] = {}
    services: dict[str, Section] = {}
    config_file, config_note = _read(environ.get("AWS_CONFIG_FILE"), "~/.aws/config")
    credentials_file, credentials_note = _read(environ.get("AWS_SHARED_CREDENTIALS_FILE"), "~/.aws/credentials")
    for title, section in config_file.items():
        if title.startswith("profile"):
            profiles |= _named(title, section)
        elif title.startswith("services"):
            services |= _named(title, section)
        elif title == "default":
            profiles[title] = section
    for name, section in credentials_file.items():
        profiles[name] = profiles.get(name, {}) | section
    return SharedConfig(profiles, services, (config_note, credentials_note))


def setting(name: str, section: Section, environ: Environment | None = None, *variables: str) -> tuple[str, str] | None:
    """Look one setting up: its value and where that was found, or None. Empty counts as absent.

    Args:
        name: What the profile calls it.
        section: The profile's settings.
        environ: The environment.
        variables: The environment variables that come before the profile, in order.
    """
    for variable in variables:
        if environ and (value := environ.get(variable)):
            return value, variable
    value = section.get(name, "")
    if not isinstance(value, str):
        raise ConfigError(f"{name} in the AWS profile must be one value, not an indented block")
    return (value, f"{name} in the AWS profile") if value else None


def _named(title: str, section: Section) -> dict[str, Section]:
    """`profile dev` and `profile "my dev"` name a profile; a title of any other number of words names nothing."""
    import shlex

    try:
        words = shlex.split(title)
    except ValueError:
        return {}
    return {words[1]: section} if len(words) == 2 else {}


def _read(given: str | None, default: str) -> tuple[dict[str, Section], str]:
    """One file as sections, and how to speak of it."""
    import configparser

    path = os.path.expanduser(os.path.expandvars(default if given is None else given))
    if not os.path.isfile(path):
        return {}, f"{path or 'a file with an empty name'} (no such file)"
    parser = configparser.RawConfigParser()
    found: list[str] = []
    problem = None
    try:
        found = parser.read([path])
    except configparser.Error as error:
        problem = f"line {_line_number(error)}"
    except UnicodeDecodeError:
        problem = "text that is not in this machine's encoding"
    if problem:  # raised here and not above, since the errors there quote the line, which may hold a secret
        raise ConfigError(f"Cannot read {path}: the trouble is in {problem}")
    if not found:
        return {}, f"{path} (may not be read by this process)"
    return {title: _section(parser, title, path) for title in parser.sections()}, path


def _line_number(error: configparser.Error) -> int:
    """Some of configparser's errors have one line's number, others a list of them."""
    several: list[tuple[int, str]] = getattr(error, "errors", [])
    return several[0][0] if several else getattr(error, "lineno", 0)


def _section(parser: configparser.RawConfigParser, title: str, path: str) -> Section:
    section: Section = {}
    for name in parser.options(title):
        if name in _SECRETS:
            continue
        value = _value(parser.get(title, name))
        if value is None:
            raise ConfigError(f"Cannot read {path}: under {name!r} in [{title}] is a line without '='")
        section[name] = value
    return section


def _value(text: str) -> str | dict[str, str] | None:
    """A plain value, or an indented block (`"\\nendpoint_url = http://..."`) as a dict; None if that is broken."""
    if not text.startswith("\n"):
        return text
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    if not all(equals for _, equals, _ in pairs):
        return None
    block = {name.strip(): value.strip() for name, _, value in pairs}
    return {name: value for name, value in block.items() if name not in _SECRETS}
