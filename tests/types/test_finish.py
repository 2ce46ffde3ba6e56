"""Stop reasons, normalised."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import get_args

import pytest

from bedrock_converse.types import ConverseResponse, StopReason
from bedrock_converse.types.finish import FINISH_REASONS, FinishReason, finish_reason

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"

ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
    "stopReason": "max_tokens",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}


def test_every_known_stop_reason_has_a_finish_reason() -> None:
    """The table holds exactly the reasons of AWS's model, and every finish reason is reached."""
    known = get_args(get_args(get_args(StopReason)[0])[0])
    assert set(FINISH_REASONS) == set(known)
    assert set(FINISH_REASONS.values()) == set(get_args(FinishReason))


@pytest.mark.parametrize("stop_reason", ["", "paused", "END_TURN"])
def test_unknown_stop_reasons_are_errors(stop_reason: str) -> None:
    """A reason that AWS adds tomorrow is not taken for a finished reply."""
    assert finish_reason(stop_reason) == "error"


def test_reply_has_both() -> None:
    """The raw reason stays beside the normalised one, which is in no dump."""
    reply = ConverseResponse.model_validate(ANSWER)
    assert (reply.stop_reason, reply.finish_reason) == ("max_tokens", "length")
    assert reply.model_dump(by_alias=True, exclude_unset=True) == ANSWER


def test_partial_reply_has_none() -> None:
    """A reply that has not stopped has no finish reason either."""
    partial = ConverseResponse.model_construct(stop_reason=None)
    assert partial.finish_reason is None


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recordings are not here")
def test_recorded_replies_finish() -> None:
    """Every recorded reply ends for a reason that is known."""
    for path in WIRE.glob("*.json"):
        recording = json.loads(path.read_text())
        if recording["operation"] == "Converse" and recording["response"]["status"] == 200:
            reply = ConverseResponse.model_validate_json(base64.b64decode(recording["response"]["body_b64"]))
            assert reply.stop_reason in FINISH_REASONS, path.name
