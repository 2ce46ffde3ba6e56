"""Where cache points go, on letters: d, v, a and r are what a point may not follow, P is a point, the rest is text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_converse._shaping.cache_points import place_for, settle

KINDS = {"d": "document", "v": "video", "a": "audio", "r": "reasoningContent", "P": "cachePoint"}


def kind(letter: str) -> str:
    return KINDS.get(letter, "text")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tP", "tP"),
        ("tPt", "tPt"),
        ("P", ""),
        ("Pt", "tP"),
        ("Pdt", "dtP"),
        ("tdP", "tPd"),
        ("tdvaP", "tPdva"),
        ("trPt", "tPrt"),
        ("dPdt", "ddtP"),
        ("dvP", "dv"),
        ("tPP", "tP"),
        ("tPdP", "tPd"),
        ("tPdtP", "tPdtP"),
        ("", ""),
    ],
)
def test_settle(before: str, after: str) -> None:
    """Back before what it may not follow, else on, else gone; never two together."""
    assert "".join(settle(before, kind)) == after


@given(st.text("tdvarP", max_size=12))
def test_settled_is_sound(blocks: str) -> None:
    """Nothing but points moves, no place is wrong, and settling again changes nothing."""
    settled = "".join(settle(blocks, kind))
    assert settled.replace("P", "") == blocks.replace("P", "")
    assert not settled.startswith("P")
    assert not any(wrong in settled for wrong in ("dP", "vP", "aP", "rP", "PP"))
    assert "".join(settle(settled, kind)) == settled


@pytest.mark.parametrize(("blocks", "place"), [("", None), ("d", None), ("t", 1), ("td", 1), ("tdt", 3), ("tP", 1)])
def test_place_for(blocks: str, place: int | None) -> None:
    """The last index at which a point may be inserted."""
    assert place_for(blocks, kind) == place
    assert place_for("ttt", kind, 2) == 2
