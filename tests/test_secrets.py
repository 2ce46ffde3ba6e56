"""A canary for each secret, looked for wherever text comes out: repr, str, log, vars, pickles and dumps.

Tracebacks with locals have a file of their own, `test_crash_reports.py`; values, `aws/test_values.py`; botocore's log,
`aws/test_chain.py`.
"""

from __future__ import annotations

import copy
import logging
import pickle
from pprint import pformat
from traceback import format_exception
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from engine import FAST, MODEL, both, client_for, run

from bedrock_converse import BedrockClient, BedrockError, ConfigError, Credentials, LoggingObserver, RequestInvalid
from bedrock_converse.testing import FakeBedrock, reply, throttled

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = Credentials("AKIDEXAMPLEKEY", "canary-secret", "canary-token")
SECRETS: dict[str, Any] = {
    "extra_headers": {"x-gateway-key": "canary-header"},
    "proxy": "http://user:canary-password@127.0.0.1:1",
}
CLIENTS: dict[str, Callable[[], BedrockClient]] = {
    "keys": lambda: BedrockClient(region="us-east-1", credentials=KEYS, **SECRETS),
    "api key": lambda: BedrockClient(region="us-east-1", api_key="canary-api-key", **SECRETS),
    "view": lambda: BedrockClient(**SECRETS).with_options(credentials=KEYS, system="canary-prompt"),
    "view with an api key": lambda: BedrockClient().with_options(api_key="canary-api-key"),
    "stream": lambda: BedrockClient(credentials=KEYS).converse_stream(MODEL, "canary-prompt"),  # type: ignore[return-value]
}


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_shows_nothing(kind: str) -> None:
    """In whichever way it is printed."""
    client = CLIENTS[kind]()
    for text in (repr(client), str(client), f"{client}", f"{client!a}", pformat(client), pformat([{1: client}])):
        assert "canary" not in text
    if kind != "stream":  # whose arguments are the prompt
        assert "canary" not in pformat(vars(client))


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy])
def test_a_client_is_not_written_out(kind: str, write: Any) -> None:
    """Neither a client nor its streams: the error says why, and is not followed by noise."""
    with pytest.raises(BedrockError, match="cannot be pickled"):
        write(CLIENTS[kind]())


BAD_URLS = [
    "https://user:canary@gateway.example",
    "https://canary@h",
    "https://h/?key=canary",
    "canary",
    "https://canary ",
]


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("make", [BedrockClient, BedrockClient().with_options], ids=["client", "view"])
def test_a_url_with_a_password_is_refused_at_once(make: Any, url: str) -> None:
    """There is never a client that could show it."""
    with pytest.raises(ConfigError, match=r"^endpoint_url=: ") as caught:
        make(region="us-east-1", endpoint_url=url)
    assert "canary" not in str(caught.value)


@both
@pytest.mark.parametrize("own", [True, False], ids=["own", "http_client"])
@pytest.mark.parametrize("value", [" canary", "canary ", "\tcanary", "canary\t", " "])
def test_blanks_around_a_header_are_refused(backend: str, own: bool, value: str) -> None:
    """Alike on both carriers, before anything is sent: h11 would show the value, our own pool would send it."""
    fake = FakeBedrock()
    fake.then(reply("Hello"))

    async def main() -> None:
        async with (
            httpx.AsyncClient(trust_env=False) as http,
            fake.serve() as url,
            client_for(fake, url, http_client=None if own else http) as client,
        ):
            with pytest.raises(RequestInvalid, match="blank or a tab") as caught:
                await client.converse(MODEL, "Hello?", extra_headers={"x-gateway-key": value})
            assert "canary" not in str(caught.value)
            await client.converse(MODEL, "Hello?", extra_headers={"x-gateway-key": value.strip()})

    run(backend, main)
    assert len(fake.requests) == 1


@both
def test_headers_of_an_http_client_are_not_shown(backend: str) -> None:
    """h11 refuses a blank before a value, and quotes the value; a traceback would show that."""
    fake = FakeBedrock()

    async def main() -> None:
        async with (
            httpx.AsyncClient(headers={"x-gateway-key": " canary"}, trust_env=False) as http,
            fake.serve() as url,
            client_for(fake, url, http_client=http) as client,
        ):
            with pytest.raises(RequestInvalid, match="http_client") as caught:
                await client.converse(MODEL, "Hello?")
            assert isinstance(caught.value.__cause__, httpx.LocalProtocolError)
            words = "".join(line for line in format_exception(caught.value) if not line.startswith("  "))
            assert "canary" not in words  # the lines of code around it are this test's own

    run(backend, main)
    assert not fake.requests


@both
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"])
def test_a_password_in_a_variable_is_not_shown(backend: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the error nor by the client and its views."""
    monkeypatch.setenv(variable, "https://user:canary-password@gateway.example")

    async def main() -> None:
        async with BedrockClient(region="us-east-1", credentials=KEYS) as client:
            view = client.with_options(max_tokens=5)
            for asked in (client, view):
                with pytest.raises(ConfigError, match=f"^{variable}: ") as caught:
                    await asked.converse(MODEL, "Hello?")
                assert "canary" not in f"{caught.value} {asked!r} {asked.endpoint_url} {pformat(vars(asked))}"

    run(backend, main)


@both
@pytest.mark.parametrize("own", [True, False], ids=["own", "http_client"])
@pytest.mark.parametrize("auth", [{"credentials": KEYS}, {"api_key": "canary-api-key"}], ids=["keys", "api key"])
def test_the_log(backend: str, own: bool, auth: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Every logger at its most talkative, over successes, retries and failures: no secret, no prompt, no answer."""
    caplog.set_level(1)
    for name in ("asyncio", "httpx", "httpcore", "botocore", "bedrock_converse"):
        logging.getLogger(name).setLevel(1)
    fake = FakeBedrock(verify=False)
    fake.on(MODEL).then(throttled(), reply("canary-answer"), reply("canary-answer"))
    fake.on(MODEL).then(reply("canary-answer").cut(after_bytes=120))

    async def main() -> None:
        async with fake.serve() as url, httpx.AsyncClient(trust_env=False) as http_client:
            settings: dict[str, Any] = {"retry": FAST, "observers": [LoggingObserver()], **auth}
            settings["extra_headers"] = {"x-gateway-key": "canary-header"}
            client = client_for(url, http_client=None if own else http_client, **settings)
            assert (await client.converse(MODEL, "canary-prompt")).attempts == 2
            async with client.converse_stream(MODEL, "canary-prompt", system="canary-prompt") as stream:
                await stream.final()
            with pytest.raises(BedrockError):
                async with client.converse_stream(MODEL, "canary-prompt") as stream:
                    await stream.final()
            await client.aclose()

    try:
        run(backend, main)
    finally:
        for name in ("asyncio", "httpx", "httpcore", "botocore", "bedrock_converse"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert caplog.records
    for record in caplog.records:
        assert "canary" not in record.getMessage()
        assert "canary" not in repr(vars(record))
