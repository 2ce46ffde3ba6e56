"""AWS's endpoint rules, from the data that botocore ships, evaluated without importing botocore.

A rule set is a tree. The first rule whose conditions all hold decides, and a tree that decides nothing is passed over:

    {"rules": [
      {"type": "tree",
       "conditions": [{"fn": "aws.partition", "argv": [{"ref": "Region"}], "assign": "PartitionResult"}],
       "rules": [
         {"type": "error", "conditions": [...], "error": "FIPS is enabled but this partition does not support FIPS"},
         {"type": "endpoint", "conditions": [],
          "endpoint": {"url": "https://bedrock-runtime.{Region}.{PartitionResult#dnsSuffix}"}}]}]}

https://smithy.io/2.0/additional-specs/rules-engine/specification.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["HOST_LABEL", "evaluate", "load_partitions", "load_rules"]

HOST_LABEL = r"(?!-)(?![0-9]+\Z)[A-Za-z0-9-]{1,63}(?<!-)"
"""What a region must be, since it becomes a part of the host's name; for `re.fullmatch`."""

_TEMPLATE = r"\{([^{}#]+)(?:#([^{}]+))?\}"
_ATTRIBUTE = r"([^.\[\]]+)|\[(\d+)\]"

Scope = dict[str, Any]


@lru_cache(maxsize=1)
def load_rules() -> dict[str, Any]:
    """Read the newest rules for `bedrock-runtime`, about 2 ms the first time.

    Raises:
        ConfigError: botocore's data is not there as files.
    """
    folder = _botocore_data() / "bedrock-runtime"
    try:
        newest = max(path for path in folder.iterdir() if path.is_dir())
        return _read_json(newest / "endpoint-rule-set-1.json")
    except (OSError, ValueError) as error:
        raise _no_data(folder) from error


@lru_cache(maxsize=1)
def load_partitions() -> list[dict[str, Any]]:
    """Read AWS's partitions: commercial, China, GovCloud and so on, each with its regions and DNS suffixes.

    Raises:
        ConfigError: botocore's data is not there as files.
    """
    folder = _botocore_data()
    try:
        return _read_json(folder / "partitions.json")["partitions"]
    except (OSError, ValueError, LookupError) as error:
        raise _no_data(folder) from error


def _botocore_data() -> Path:
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("botocore")  # finds the package and does not import it
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("botocore is not installed: AWS's list of endpoints comes from its data files")
    return Path(spec.submodule_search_locations[0]) / "data"


def _read_json(path: Path) -> Any:
    import gzip
    import json

    if path.exists():
        return json.loads(path.read_bytes())
    return json.loads(gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()))


def _no_data(folder: Path) -> ConfigError:
    return ConfigError(
        f"AWS's endpoint data cannot be read from {folder}",
        hint="botocore must be installed unzipped, with its data files; or pass endpoint_url= and region=.",
    )


def evaluate(rules: Mapping[str, Any], partitions: list[dict[str, Any]], parameters: Mapping[str, Any]) -> str:
    """Give the endpoint's URL for the parameters `Region`, `Endpoint`, `UseFIPS` and `UseDualStack`.

    Raises:
        ConfigError: The rules refuse this combination, or use something that this version does not know.
    """
    try:
        scope = {name: known["default"] for name, known in rules["parameters"].items() if "default" in known}
        scope |= {name: value for name, value in parameters.items() if value is not None}
        url = _first_match(rules["rules"], scope, partitions)
    except (LookupError, TypeError, AttributeError) as error:
        raise _unknown("data of another shape") from error
    if url is None:
        raise ConfigError("AWS's endpoint rules have no endpoint for this configuration")
    return url


def _first_match(rules: list[dict[str, Any]], scope: Scope, partitions: list[dict[str, Any]]) -> str | None:
    for rule in rules:
        inner = dict(scope)
        if not all(_holds(condition, inner, partitions) for condition in rule["conditions"]):
            continue
        match rule["type"]:
            case "tree":
                url = _first_match(rule["rules"], inner, partitions)
            case "endpoint":
                url = _value(rule["endpoint"]["url"], inner, partitions)
            case "error":
                raise ConfigError(_value(rule["error"], inner, partitions))
            case other:
                raise _unknown(f"the rule type {other!r}")
        if url is not None:
            return url
    return None


def _holds(condition: dict[str, Any], scope: Scope, partitions: list[dict[str, Any]]) -> bool:
    result = _value(condition, scope, partitions)
    if "assign" in condition:
        scope[condition["assign"]] = result
    return result is not None and result is not False


def _value(expression: Any, scope: Scope, partitions: list[dict[str, Any]]) -> Any:
    match expression:
        case {"ref": name}:
            return scope.get(name)
        case {"fn": name, "argv": arguments}:
            return _call(name, [_value(argument, scope, partitions) for argument in arguments], partitions)
        case str():
            return re.sub(_TEMPLATE, lambda found: str(_attribute(scope[found[1]], found[2] or "")), expression)
        case _:
            return expression


def _call(name: str, arguments: list[Any], partitions: list[dict[str, Any]]) -> Any:
    """The functions that Bedrock's rules use, and the trivial ones beside them."""
    match name, arguments:
        case "isSet", [value]:
            return value is not None
        case "not", [value]:
            return not value
        case (("booleanEquals" | "stringEquals"), [one, other]):
            return one == other
        case "getAttr", [value, path]:
            return _attribute(value, path)
        case "isValidHostLabel", [str(label), bool(dots)]:
            return all(re.fullmatch(HOST_LABEL, part) for part in (label.split(".") if dots else [label]))
        case "aws.partition", [region]:
            return _partition(region, partitions)
        case _:
            raise _unknown(f"the function {name!r}")


def _attribute(value: Any, path: str) -> Any:
    """`a.b[0]` inside nested dicts and lists; the empty path is the value itself."""
    for name, index in re.findall(_ATTRIBUTE, path):
        value = value.get(name) if name else value[int(index)]
    return value


def _partition(region: str, partitions: list[dict[str, Any]]) -> dict[str, Any]:
    """The partition that lists the region or whose pattern it fits; else the first one, `aws`."""
    for partition in partitions:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return partition["outputs"]
    return partitions[0]["outputs"]


def _unknown(what: str) -> ConfigError:
    return ConfigError(
        f"The installed botocore's endpoint rules use {what}, which this version of bedrock_converse does not know",
        hint="Pass endpoint_url=, or install a newer bedrock_converse.",
    )
