"""Names that are imported when somebody asks for them: nobody can tell the difference."""

from __future__ import annotations

import inspect
import pickle
import pydoc
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import bedrock_converse
from bedrock_converse import types

if TYPE_CHECKING:
    from types import ModuleType

PACKAGES = pytest.mark.parametrize("package", [bedrock_converse, types], ids=lambda package: package.__name__)


@PACKAGES
def test_every_name(package: ModuleType) -> None:
    """Each name of `__all__` is there, the same object each time, and in `dir()`."""
    for name in package.__all__:
        assert getattr(package, name) is getattr(package, name)
        assert name in dir(package)


@PACKAGES
def test_no_other_name(package: ModuleType) -> None:
    """What is not there is an AttributeError that says so."""
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'NoSuchName'"):
        package.NoSuchName  # noqa: B018
    with pytest.raises(ImportError, match="NoSuchName"):
        exec(f"from {package.__name__} import NoSuchName")


@pytest.mark.parametrize(
    ("statement", "proof"),
    [
        ("from bedrock_converse.types import *", "ApplyGuardrailRequest.__module__.endswith('apply_guardrail')"),
        ("from bedrock_converse import *", "TextDelta('x').text == 'x'"),
        ("from bedrock_converse import UnknownEvent", "UnknownEvent('x', 1).value == 1"),
        (
            "from bedrock_converse.types import InvokeModelRequest",
            "InvokeModelRequest(model_id='m', body=b'').body == b''",
        ),
        ("import bedrock_converse", "issubclass(bedrock_converse.LoggingObserver, bedrock_converse.Observer)"),
        ("import bedrock_converse", "bedrock_converse.stream.TextDelta is bedrock_converse.TextDelta"),
        ("import bedrock_converse", "bedrock_converse.types.events.PayloadPart is bedrock_converse.types.PayloadPart"),
    ],
)
def test_in_a_new_interpreter(statement: str, proof: str) -> None:
    """Star imports, single names, attributes and modules, before anything else has asked for them."""
    subprocess.run([sys.executable, "-c", f"{statement}\nassert {proof}"], check=True, timeout=60)


def test_help_tells_all() -> None:
    """`help()` describes the names that come later, too."""
    shown = pydoc.plain(pydoc.render_doc(types))
    assert "class GuardrailChecksConfig" in shown
    assert "class MessageStartEvent" in shown


def test_pickle_needs_no_asking_first() -> None:
    """An event is unpickled by an interpreter that has not imported its class."""
    data = pickle.dumps(types.MessageStopEvent(stop_reason="end_turn"))
    code = f"import pickle; assert pickle.loads({data!r}).stop_reason == 'end_turn'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_each_name_has_one_home() -> None:
    """No name stands in two modules, so that the order in which they are searched changes nothing."""
    homes = [
        name for module in vars(types).values() if inspect.ismodule(module) for name in getattr(module, "__all__", ())
    ]
    assert sorted({*homes}) == sorted(homes)
