"""What `import bedrock_converse` costs others: nothing that the first call alone needs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

from bedrock_converse import types

HEAVY = ["anyio", "boto3", "botocore", "h11", "httpcore", "httpx", "ssl", "trio", "bedrock_converse.testing"]
LATER = ["events", "count_tokens", "invoke", "guardrail_outcome", "apply_guardrail", "guardrail_checks"]
"""Modules of `types` that `converse()` needs nothing of."""
FIRST_CALL = """
import asyncio
from bedrock_converse import BedrockClient, Credentials, RetryPolicy, TransportError
async def main():
    client = BedrockClient(region="us-east-1", endpoint_url="http://127.0.0.1:9", credentials=Credentials("a", "b"))
    try:
        await client.converse("m", "x", timeout=2, retry=RetryPolicy.none())
    except TransportError:
        pass
asyncio.run(main())
"""


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


@pytest.mark.parametrize("module", LATER)
def test_types_that_come_later(module: str, imported: set[str]) -> None:
    """A pydantic class costs as much as a small module: those of other operations are made when asked for."""
    assert "bedrock_converse.types.content" in imported
    assert f"bedrock_converse.types.{module}" not in imported


def test_a_first_call_is_light() -> None:
    """`converse()` pays for no stream, no other operation, and not for anyio's backend (20 ms of the event loop)."""
    imported = modules_after(FIRST_CALL)
    assert "bedrock_converse._http.network_asyncio" in imported
    assert "anyio._backends._asyncio" not in imported
    assert not imported & {"bedrock_converse.stream", *(f"bedrock_converse.types.{module}" for module in LATER)}


def test_no_annotation_is_a_string() -> None:
    """pydantic compiles each one that is: a tenth of what the import costs."""
    classes = [kind for kind in vars(types).values() if isinstance(kind, type) and issubclass(kind, types.Model)]
    assert len(classes) > 60
    for kind in classes:
        fields = [inspect.get_annotations(kind).get(name) for name in kind.model_fields]
        assert not [annotation for annotation in fields if isinstance(annotation, str)], kind.__name__
