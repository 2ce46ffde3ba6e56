from __future__ import annotations

import math
import pickle
from datetime import timedelta
from typing import Any

import pytest

from bedrock_converse._http.deadline import Timeout
from bedrock_converse.errors import ConfigError


def test_timeout_is_a_value() -> None:
    """Equal ones are equal, hash alike, survive pickle and cannot be changed."""
    assert pickle.loads(pickle.dumps(Timeout(total=30))) == Timeout(total=30)
    assert hash(Timeout(total=30)) == hash(Timeout(total=30))
    with pytest.raises(AttributeError):
        Timeout().total = 1  # type: ignore[misc]


def test_defaults() -> None:
    """The limits that the documentation promises."""
    assert Timeout() == Timeout(connect=5, first_event=300, answer=600, idle=120, total=None)


@pytest.mark.parametrize(
    ("value", "timeout"),
    [
        (Timeout(idle=1), Timeout(idle=1)),
        (30, Timeout(total=30)),
        (0.5, Timeout(total=0.5)),
        (timedelta(minutes=1), Timeout(total=60)),
        (None, Timeout(connect=None, first_event=None, answer=None, idle=None, total=None)),
    ],
    ids=str,
)
def test_what_timeout_arguments_accept(value: Any, timeout: Timeout) -> None:
    """A number is the total, None takes every limit away."""
    assert Timeout.of(value) == timeout


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 10**400, True, "30", (1, 2), timedelta(0)], ids=str)
def test_what_timeout_arguments_refuse(value: Any) -> None:
    """Anything but a positive, finite number is a ConfigError, as an argument and as a field."""
    with pytest.raises(ConfigError, match="positive number of seconds"):
        Timeout.of(value)
    with pytest.raises(ConfigError, match="idle"):
        Timeout(idle=value)
