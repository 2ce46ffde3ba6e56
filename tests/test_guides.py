"""The guides of the conversation layer: their code runs as it stands, block after block, against a scripted model."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_client import bedrock

from bedrock_converse.testing import FakeBedrock, reply, token_count, tool_call

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
EMAIL = {"match": "ann@example.com", "type": "EMAIL", "action": "ANONYMIZED", "detected": True}
MASKED = {"guardrail": {"inputAssessment": {"abc123": {"sensitiveInformationPolicy": {"piiEntities": [EMAIL]}}}}}
OSLO = '{"name": "Oslo", "people": 717710}'
GUIDES: dict[str, list[Any]] = {
    "media": [reply("Yes.")],
    "usage": [reply("1"), reply("2")],
    "guardrail": [reply("It is {EMAIL}.", stop_reason="guardrail_intervened", trace=MASKED), reply("Fine.")],
    "tools": [
        reply(tool_call("weather", city="Oslo")),
        reply("Yes."),
        reply(tool_call("my_orders", limit=1)),
        reply("One thing."),
        reply(tool_call("delete", path="/old")),
        reply("Done."),
        reply("Let me see. ", tool_call("weather", city="Bergen")),
        reply("Always."),
    ],
    "output": [reply(OSLO), reply("Oslo!"), reply("Oslo, I said.")],
    "tokens": [token_count(120)],
    "conversation": [
        reply(tool_call("weather", city="Oslo")),
        reply("Yes."),
        reply(tool_call("weather", city="Bergen")),
        reply("There too."),
        reply("Gladly."),
    ],
}


def blocks(guide: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (DOCS / f"{guide}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the guides speak of."""
    (tmp_path / "chart.png").write_bytes(PNG)
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7\n")
    monkeypatch.chdir(tmp_path)


def without_prices(code: str) -> bool:
    try:
        import genai_prices  # noqa: F401
    except ImportError:
        return "cost(" in code
    return False


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("guide", GUIDES)
async def test_guide(guide: str) -> None:
    """In order, as one reads them; the model gives the answers that the text speaks of, each exactly once."""
    fake = FakeBedrock()
    fake.on(MODEL).then(*GUIDES[guide])
    async with bedrock(fake) as client:
        names: dict[str, Any] = {"__name__": f"docs_{guide}", "bedrock": client, "MODEL": MODEL}
        for number, source in enumerate(blocks(guide)):
            if without_prices(source):
                continue
            code = compile(source, f"{guide}.md, block {number}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            run: Callable[[], Any] = lambda code=code: eval(code, names)  # noqa: E731
            result = run()
            if inspect.iscoroutine(result):
                await result


@pytest.mark.parametrize("guide", GUIDES)
def test_guide_is_short(guide: str) -> None:
    """Read in a few minutes, and each shows code."""
    assert len((DOCS / f"{guide}.md").read_text("utf-8").splitlines()) < 130
    assert blocks(guide)
