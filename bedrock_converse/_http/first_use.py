"""What the first call of a process has to do, kept off the event loop: imports, and building pydantic's schemas.

Together they take 100 to 200 ms, which every other task of the loop would wait for. Imports nothing itself.
"""

from __future__ import annotations

from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bedrock_converse._aws.flight import Flights

__all__ = ["ready"]

_ready: set[str] = set()
_building = Lock()  # calls that start together build each schema once


async def ready(operation: str) -> None:
    """What every call awaits first: the engine is imported, the schemas of `operation` are built, and it is its turn.

    At once for a call that begins alone, from the second one on.
    """
    if operation not in _ready:
        await _flights().get(operation, partial(_load, operation))
    from bedrock_converse._http.turns import take_turn

    await take_turn()


@cache
def _flights() -> Flights[None]:
    from bedrock_converse._aws.flight import Flights

    return Flights("first-use")


def _load(name: str) -> None:
    from importlib import import_module

    import_module("bedrock_converse._http.call")
    import_module("bedrock_converse._http.hub")
    import_module("bedrock_converse._http.turns")
    from bedrock_converse import types
    from bedrock_converse._wire.operations import OPERATIONS

    operation = OPERATIONS[name]
    shared = (types.Message,) if name == "Converse" else ()  # in the request and in the reply: built first, only once
    with _building:
        for model in (*shared, operation.request, operation.response, *operation.events.values()):
            if model is not None and not model.__pydantic_complete__:
                model.model_rebuild()
    _ready.add(name)
