"""What `import bedrock_converse` costs others: nothing that the first call alone needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ["anyio", "boto3", "botocore", "h11", "httpcore", "httpx", "ssl", "trio", "bedrock_converse.testing"]


def modules_after(statement: str) -> set[str]:
    """What a new interpreter has imported on account of this statement."""
    code = f"import sys; old = set(sys.modules)\n{statement}\nimport json; print(json.dumps([*{{*sys.modules}} - old]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def imported() -> set[str]:
    return modules_after("import bedrock_converse")


@pytest.mark.parametrize("module", HEAVY)
def test_the_import_is_light(module: str, imported: set[str]) -> None:
    """botocore alone would cost more than all of ours; httpcore brings trio with it."""
    assert "bedrock_converse" in imported
    assert module not in imported
