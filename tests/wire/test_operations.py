"""The table of operations against AWS's own model."""

from __future__ import annotations

import re

import pytest
from wire.generate import BY_NAME, SERVICE

from bedrock_converse._wire.operations import OPERATIONS, Operation, operation_of
from bedrock_converse.types.base import to_camel

ALL = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)


@ALL
def test_path(operation: Operation) -> None:
    """The path is AWS's, with our names in it; every operation is a POST."""
    http = SERVICE.operation_model(operation.name).http
    assert http["method"] == "POST"
    assert re.sub(r"{(\w+)}", lambda label: f"{{{to_camel(label[1])}}}", operation.path) == http["requestUri"]
    assert operation.labels == tuple(re.findall(r"{(\w+)}", operation.path))


@ALL
def test_classes(operation: Operation) -> None:
    """The request and answer classes are those that AWS names."""
    model = SERVICE.operation_model(operation.name)
    assert operation.request.__name__ == model.input_shape.name
    assert operation_of(operation.request) is operation
    if operation.response is not None:
        assert operation.response.__name__ == model.output_shape.name
    assert operation.streams is model.has_event_stream_output


@ALL
def test_header_members(operation: Operation) -> None:
    """What travels in headers, there and back, and under which names."""
    model = SERVICE.operation_model(operation.name)

    def in_headers(shape: object) -> dict[str, str]:
        members = shape.members.items()  # type: ignore[attr-defined]
        return {
            name: member.serialization["name"]
            for name, member in members
            if member.serialization.get("location") == "header"
        }

    assert {to_camel(name): header for name, header in operation.headers.items()} == in_headers(model.input_shape)
    if operation.response is not None:
        ours = {to_camel(name): header for name, header in operation.response_headers.items()}
        assert ours == {name: header.lower() for name, header in in_headers(model.output_shape).items()}


@ALL
def test_payload(operation: Operation) -> None:
    """The member that is the body, where there is one."""
    assert operation.payload == SERVICE.operation_model(operation.name).input_shape.serialization.get("payload")


@ALL
def test_events(operation: Operation) -> None:
    """Every event of a stream and its class; exceptions are no events."""
    model = SERVICE.operation_model(operation.name)
    if not operation.streams:
        assert operation.events == {}
        return
    events = model.get_event_stream_output().members
    expected = {name: shape.name for name, shape in events.items() if not shape.metadata.get("exception")}
    assert {name: event.__name__ for name, event in operation.events.items()} == expected


def test_all_of_them() -> None:
    """What AWS has besides is out of scope: asynchronous invokes and the stream in both directions."""
    others = {"StartAsyncInvoke", "GetAsyncInvoke", "ListAsyncInvokes", "InvokeModelWithBidirectionalStream"}
    assert set(SERVICE.operation_names) - set(BY_NAME) <= others
