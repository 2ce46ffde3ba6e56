"""`with_options`: what a view replaces, adds, and shares."""

from __future__ import annotations

import time
from typing import Any

import pytest
from engine import FAST, KEYS, MODEL, REPLY_BODY, Seen, client_for
from loopback import Peer, serve

from bedrock_converse import (
    BedrockClient,
    ClientClosed,
    ConfigError,
    ConverseRequest,
    Credentials,
    InternalServerError,
    RequestInvalid,
    RequestTimeout,
    RetryPolicy,
    ThrottlingError,
    user,
)
from bedrock_converse._wire.arguments import build_converse
from bedrock_converse.testing import FakeBedrock, internal_error, reply, throttled

OTHER = Credentials("AKIAOTHEROTHEROTHER1", "other")


async def answering(peer: Peer) -> None:
    while await peer.request():
        await peer.reply(REPLY_BODY)


async def test_a_view_replaces_the_kind_of_auth() -> None:
    """Keys by an API key and back; the client itself stays as it was."""
    with serve(answering) as server:
        async with client_for(server.url) as client:
            keyed = client.with_options(api_key="the-key")
            for view in (keyed, client, keyed.with_options(credentials=OTHER), client.with_options(max_tokens=1)):
                await view.converse(MODEL, "x")
        used = [request.header(b"authorization").split(b"/")[0] for request in server.requests]
        assert used == [
            b"Bearer the-key",
            b"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE",
            b"AWS4-HMAC-SHA256 Credential=AKIAOTHEROTHEROTHER1",
            b"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE",
        ]
        assert server.accepted == 1


async def test_a_view_has_its_own_region() -> None:
    """It signs for it, and says so; the client's stays."""
    with serve(answering) as server:
        async with client_for(server.url) as client:
            await client.converse(MODEL, "x")
            view = client.with_options(region="eu-west-1")
            await view.converse(MODEL, "x")
            assert (client.region, view.region) == ("us-east-1", "eu-west-1")
        assert b"/eu-west-1/bedrock/" in server.requests[1].header(b"authorization")


async def test_headers_are_merged() -> None:
    """The view's over the client's, the call's over both, whatever the letter case."""
    with serve(answering) as server:
        async with client_for(server.url, extra_headers={"X-A": "client", "X-B": "client", "X-C": "client"}) as client:
            view = client.with_options(extra_headers={"x-b": "view", "x-c": "view"})
            await view.converse(MODEL, "x", extra_headers={"X-c": "call"})
        received = server.requests[0]
        assert [received.header(name) for name in (b"x-a", b"x-b", b"x-c")] == [b"client", b"view", b"call"]
        assert received.head.lower().count(b"x-c:") == 1


async def test_timeout_and_retry() -> None:
    """Per view, and per call over the view's."""
    fake = FakeBedrock()
    fake.on(MODEL).always(throttled())
    fake.on("slow").always(reply("x").hang())
    async with fake.serve() as url, client_for(fake, url) as client:
        once = client.with_options(retry=RetryPolicy.none(), timeout=0.05)
        with pytest.raises(ThrottlingError) as caught:
            await once.converse(MODEL, "x")
        assert caught.value.attempts == 1
        with pytest.raises(ThrottlingError) as caught:
            await once.converse(MODEL, "x", retry=FAST, timeout=10)
        assert caught.value.attempts == 3
        with pytest.raises(RequestTimeout):
            await once.converse("slow", "x")


async def sent(defaults: dict[str, Any], *arguments: Any, **options: Any) -> Any:
    """The body of a call through a view with these defaults."""
    fake = FakeBedrock()
    fake.on("*").always(reply("Hi"))
    async with fake.serve() as url, client_for(fake, url) as client:
        await client.with_options(**defaults).converse(*(arguments or (MODEL, "x")), **options)
    return fake.requests[0].json


TOOLS = {"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {"type": "object"}}}}]}


@pytest.mark.parametrize(
    ("defaults", "call", "inference"),
    [
        ({"max_tokens": 5}, {}, {"maxTokens": 5}),
        ({"max_tokens": 5}, {"max_tokens": 6}, {"maxTokens": 6}),
        ({"max_tokens": 5}, {"temperature": 0.0}, {"maxTokens": 5, "temperature": 0.0}),
        ({"max_tokens": 5}, {"inference_config": {"temperature": 0.0}}, {"maxTokens": 5, "temperature": 0.0}),
        ({"max_tokens": 5}, {"inference_config": {"maxTokens": 6}}, {"maxTokens": 6}),
        ({"inference_config": {"maxTokens": 5, "topP": 0.5}}, {"max_tokens": 6}, {"maxTokens": 6, "topP": 0.5}),
        ({"inference_config": {"maxTokens": 5}}, {"inference_config": {"topP": 0.5}}, {"topP": 0.5}),
        ({"max_tokens": 5}, {"max_tokens": None}, {"maxTokens": 5}),
    ],
)
async def test_defaults(defaults: dict[str, Any], call: dict[str, Any], inference: dict[str, Any]) -> None:
    """A call's own arguments go before the view's, one by one, flat or in a config."""
    assert (await sent(defaults, **call))["inferenceConfig"] == inference


async def test_a_default_tool_choice() -> None:
    """The call's goes before the one in the view's tools."""
    defaults = {"tool_config": {**TOOLS, "toolChoice": {"any": {}}}}
    assert (await sent(defaults))["toolConfig"]["toolChoice"] == {"any": {}}
    assert (await sent(defaults, tool_choice="t"))["toolConfig"]["toolChoice"] == {"tool": {"name": "t"}}
    both = {"tool_config": TOOLS, "tool_choice": "any"}
    assert (await sent(both, tool_choice="auto"))["toolConfig"]["toolChoice"] == {"auto": {}}
    assert (await sent(both, tool_config={**TOOLS, "toolChoice": {"auto": {}}}))["toolConfig"]["toolChoice"] == {
        "auto": {}
    }


async def test_default_tools() -> None:
    """The call's go before the view's, flat or in a config; a choice that stands by itself stays."""
    [shaped] = TOOLS["tools"]
    other = {"toolSpec": {**shaped["toolSpec"], "name": "other"}}
    anything = {"any": {}}
    for defaults in ({"tools": [shaped]}, {"tool_config": TOOLS}):
        assert (await sent(defaults))["toolConfig"]["tools"] == [shaped]
        assert (await sent(defaults, tools=[other]))["toolConfig"] == {"tools": [other]}
        assert (await sent(defaults, tool_config={"tools": [other]}))["toolConfig"] == {"tools": [other]}
        assert (await sent(defaults, tool_choice="any"))["toolConfig"] == {"tools": [shaped], "toolChoice": anything}
        kept = {"tools": [other], "toolChoice": anything}
        assert (await sent({**defaults, "tool_choice": "any"}, tools=[other]))["toolConfig"] == kept
    assert (await sent({"tool_config": {**TOOLS, "toolChoice": anything}}, tools=[other]))["toolConfig"] == kept


async def test_views_of_views_say_each_thing_once() -> None:
    """What a view says flat and its parent in a config, or the other way round, is not given twice."""
    [shaped] = TOOLS["tools"]
    for parent, child in (
        ({"inference_config": {"maxTokens": 5}}, {"max_tokens": 6}),
        ({"tool_config": TOOLS}, {"tools": [shaped]}),
        ({"tools": [shaped]}, {"tool_config": TOOLS}),
        ({"tool_config": TOOLS, "tool_choice": "any"}, {"tool_config": {**TOOLS, "toolChoice": {"auto": {}}}}),
    ):
        view = BedrockClient().with_options(**parent).with_options(**child)
        assert build_converse(ConverseRequest, MODEL, "x", {}, view._settings.defaults).messages
    assert BedrockClient().with_options(max_tokens=5).with_options(max_tokens=None)._settings.defaults == {}


async def test_defaults_of_views_of_views() -> None:
    """They add up; the latest wins."""
    view = BedrockClient().with_options(max_tokens=5, system="a").with_options(max_tokens=6)
    assert view._settings.defaults == {"max_tokens": 6, "system": "a"}


async def test_defaults_fill_request_objects() -> None:
    """What the object does not say; the object itself is not touched."""
    request = ConverseRequest(model_id=MODEL, messages=[user("x")])
    body = await sent({"max_tokens": 5, "system": "Be brief."}, request)
    assert body["inferenceConfig"] == {"maxTokens": 5}
    assert body["system"] == [{"text": "Be brief."}]
    assert request.inference_config is None
    request = ConverseRequest.model_validate(
        {"modelId": MODEL, "messages": [user("x")], "inferenceConfig": {"maxTokens": 9}, "system": [{"text": "own"}]}
    )
    body = await sent({"max_tokens": 5, "temperature": 0.5, "system": "Be brief."}, request)
    assert body["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.5}
    assert body["system"] == [{"text": "own"}]


async def test_the_quota_is_an_identitys() -> None:
    """One tenant's failures take nothing from another; two views of one tenant share."""
    fake = FakeBedrock(verify=False)
    fake.on(MODEL).always(internal_error())
    async with fake.serve() as url, client_for(fake, url) as client:
        tenants = [client.with_options(credentials=OTHER), client.with_options(credentials=OTHER, max_tokens=3)]
        with pytest.raises(InternalServerError):
            await tenants[0].converse(MODEL, "x")
        with pytest.raises(InternalServerError):
            await client.with_options(api_key="k", retry=RetryPolicy.none()).converse(MODEL, "x")
        with pytest.raises(InternalServerError):
            await tenants[1].converse(MODEL, "x")
        with pytest.raises(InternalServerError):
            await client.converse(MODEL, "x", retry=RetryPolicy.none())
        assert [view.stats.quota for view in tenants] == [500 - 4 * 14] * 2
        assert client.stats.quota == 500


async def test_views_are_cheap_and_share_everything() -> None:
    """A thousand views, one per request: one connection, and no more than the call costs anyway."""
    fake = FakeBedrock(verify=False, remember=5)
    fake.on(MODEL).always(reply("Hi"))
    server = fake.serve()
    async with server as url, client_for(fake, url) as client:
        for number in range(1000):
            view = client.with_options(credentials=Credentials(f"AKIA{number:016}", "secret"), max_tokens=3)
            if number % 10 == 0:
                await view.converse(MODEL, "x")
        assert server.accepted == 1
        started = time.process_time()
        for _ in range(1000):
            client.with_options(credentials=OTHER, max_tokens=3)
        assert time.process_time() - started < 1  # a tenth of it, usually; not a benchmark


async def test_closing_a_view_does_nothing() -> None:
    """The client is closed, not its views; and then they are too."""
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi"))
    async with fake.serve() as url, client_for(fake, url) as client:
        async with client.with_options(max_tokens=3) as view:
            await view.converse(MODEL, "x")
        await view.converse(MODEL, "x")
        await client.aclose()
        with pytest.raises(ClientClosed):
            await view.converse(MODEL, "x")


async def test_transforms_and_observers_are_replaced() -> None:
    """A view that names them has its own; one that does not has the client's."""
    clients, views = Seen(), Seen()
    fake = FakeBedrock()
    fake.on(MODEL).always(reply("Hi"))

    def shout(request: Any) -> Any:
        return request.model_copy(update={"request_metadata": {"loud": "yes"}})

    async with fake.serve() as url, client_for(fake, url, transforms=[shout], observers=[clients]) as client:
        await client.with_options(transforms=(), observers=[views]).converse(MODEL, "x")
        await client.with_options(max_tokens=3).converse(MODEL, "x")
    assert "requestMetadata" not in fake.requests[0].json
    assert fake.requests[1].json["requestMetadata"] == {"loud": "yes"}
    assert clients.outcomes == views.outcomes == ["success"]


async def test_two_kinds_of_auth() -> None:
    """In one view they exclude each other; over the client's they replace."""
    with pytest.raises(ConfigError, match="two kinds"):
        BedrockClient(credentials=KEYS).with_options(api_key="k", credentials=OTHER)
    assert BedrockClient(credentials=KEYS).with_options(api_key="k")._settings.credentials is None


async def test_an_unknown_default() -> None:
    """Said at once, with what was probably meant."""
    wrong: Any = {"sytem": "x"}
    with pytest.raises(RequestInvalid, match="system"):
        BedrockClient().with_options(**wrong)
