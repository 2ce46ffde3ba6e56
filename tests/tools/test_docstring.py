"""Docstrings: what a function does, and what its parameters mean, in three styles."""

from __future__ import annotations

import pytest

from bedrock_converse._tools.docstring import parse_docstring

GOOGLE = """Finds a train.

    Only direct ones.

    Args:
        start (str): Where from,
            by station code.
        *stops: Where it halts: all of them.
        end: Where to.

    Returns:
        A train.
    """
NUMPY = """Finds a train.

    Only direct ones.

    Parameters
    ----------
    start : str
        Where from,
        by station code.
    stops
        Where it halts: all of them.
    end : str, optional
        Where to.

    Returns
    -------
    str
        A train.
    """
SPHINX = """Finds a train.

    Only direct ones.

    :param str start: Where from,
        by station code.
    :param stops: Where it halts: all of them.
    :param end: Where to.
    :type end: str
    :returns: A train.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_three_styles(text: str) -> None:
    """All say the same; the description ends where the sections begin."""
    description, parameters = parse_docstring(text)
    assert description == "Finds a train.\n\nOnly direct ones."
    assert parameters == {
        "start": "Where from, by station code.",
        "stops": "Where it halts: all of them.",
        "end": "Where to.",
    }


@pytest.mark.parametrize("text", [None, "", "   "])
def test_nothing(text: str | None) -> None:
    """No docstring is no description."""
    assert parse_docstring(text) == ("", {})


def test_prose_is_not_mistaken_for_sections() -> None:
    """A sentence that ends in a colon, and a line with a colon in it, stay text."""
    text = "Adds up.\n\nTakes these: a, b.\nNote that it is slow."
    assert parse_docstring(text) == (text, {})
