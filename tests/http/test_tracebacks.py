"""No secret in the variables of a traceback's frames."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import anyio
import anyio.to_thread
import httpcore
import httpx
import pytest
from direct import post
from loopback import Peer, serve

from bedrock_converse._http.pool import PoolTransport, body_of
from bedrock_converse._http.tracebacks import forget_locals

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
SECRET = "s3cr3t"


def shown(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def fails(depth: int, secret: str) -> None:
    if depth:
        fails(depth - 1, secret)
    raise ValueError("what happened")


def wraps(secret: str) -> None:
    try:
        fails(2, secret)
    except ValueError as error:
        raise KeyError("what it means") from error


def handles(secret: str) -> None:
    try:
        fails(2, secret)
    except ValueError:
        fails(1, secret)


@pytest.mark.parametrize("how", [fails, wraps, handles])
def test_frames_that_were_left_are_empty(how: Any) -> None:
    """The error's own, its cause's and its context's; the story itself stays."""

    def boundary() -> None:
        try:
            how(*([2, SECRET] if how is fails else [SECRET]))
        except Exception as error:
            forget_locals(error)
            raise

    with pytest.raises((ValueError, KeyError)) as caught:
        boundary()
    text = shown(caught.value)
    assert SECRET not in text
    assert "what happened" in text
    assert "in fails" in text


def test_the_callers_own_error_keeps_its_variables() -> None:
    """Called while the caller handles an error of his: its frames are his."""

    def boundary() -> None:
        try:
            fails(1, SECRET)
        except Exception as error:
            forget_locals(error)
            raise

    def callers(precious: str) -> None:
        raise LookupError

    try:
        callers("precious")
    except LookupError:
        with pytest.raises(ValueError, match="what happened") as caught:
            boundary()
    text = shown(caught.value)
    assert "precious = 'precious'" in text
    assert SECRET not in text


async def test_who_handles_an_error_and_waits_is_left_alone() -> None:
    """One error may reach two tasks: the one that has caught it and waits since is not ended by the other."""
    error = LookupError()
    caught = asyncio.Event()

    async def handles(precious: str) -> str:
        try:
            raise error
        except LookupError:
            caught.set()
            await asyncio.sleep(0.01)
            return precious

    async def forgets() -> None:
        await caught.wait()
        forget_locals(error)
        other = ValueError()
        other.__context__ = error
        forget_locals(other)

    async with asyncio.timeout(2):
        assert (await asyncio.gather(handles("precious"), forgets()))[0] == "precious"


@BACKENDS
@pytest.mark.parametrize("reading", [False, True])
def test_the_frames_of_whoever_cancels_are_his(backend: str, reading: bool) -> None:
    """The body of a task group fails while a request is under way in it. Under trio the request's cancellation has that
    failure for its context, whose frames wait for the request: clearing them would end the coroutine that they are of.
    """

    async def hang(peer: Peer) -> None:
        await peer.request()
        if reading:
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        await peer.gone()

    async def request(transport: PoolTransport) -> None:
        body = body_of(await transport.handle_async_request(httpx.Request("POST", server.url, content=b"x")))
        try:
            async for _ in body:
                pass
        finally:
            await body.aclose()

    async def callers(transport: PoolTransport, precious: str) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(request, transport)
            await anyio.sleep(0.05)
            raise LookupError

    async def main() -> None:
        async with PoolTransport() as transport:
            with pytest.raises(ExceptionGroup) as caught:
                await callers(transport, "precious")
            assert caught.group_contains(LookupError)
            assert "precious = 'precious'" in shown(caught.value)

    with serve(hang) as server:
        anyio.run(main, backend=backend)


async def resets(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def babbles(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"hello, this is no HTTP, but it may be " + SECRET.encode())


async def cuts(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n" + SECRET.encode() + b"\r\nxyz\r\n")


async def silent(peer: Peer) -> None:
    await asyncio.sleep(30)


@BACKENDS
@pytest.mark.parametrize("direct", [False, True], ids=["through httpx", "direct"])
@pytest.mark.parametrize("script", [resets, babbles, cuts, silent])
@pytest.mark.parametrize("kind", ["small", "big", "injected"])
def test_a_failed_request_shows_nothing(backend: str, direct: bool, script: Any, kind: str) -> None:
    """Whatever goes wrong while a request is sent or answered: no header's value and no byte of a body is in it."""

    async def main() -> BaseException:
        injected = "\r\nx: y" if kind == "injected" else ""
        async with PoolTransport() as transport:
            with anyio.move_on_after(5) as scope:
                try:
                    await send(transport, server.url, injected, direct)
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not show anything
                    return error
            assert not scope.cancelled_caught
        raise AssertionError("it did not fail")

    async def send(transport: PoolTransport, url: str, injected: str, direct: bool) -> None:
        request = make(url, injected)
        if direct:
            body = (await post(transport, request)).body
        else:
            body = body_of(await transport.handle_async_request(request))
        try:
            async for piece in body:
                del piece  # what had come is the caller's, and this is his frame
        finally:
            await body.aclose()

    def make(url: str, injected: str) -> httpx.Request:
        content = (SECRET * (2_000_000 if kind == "big" else 10)).encode()
        return httpx.Request(
            "POST",
            url,
            headers={"authorization": f"Bearer {SECRET}{injected}"},
            content=content,
            extensions={"timeout": {"connect": 5, "read": 0.1, "write": 0.1}},
        )

    with serve(script) as server:
        error: BaseException = anyio.run(main, backend=backend)
    names = {base.__name__ for base in type(error).__mro__}
    assert names & {"NetworkError", "ProtocolError", "TimeoutException"}
    assert isinstance(error, httpcore.LocalProtocolError | httpx.LocalProtocolError) == (kind == "injected")
    text = shown(error)
    assert SECRET not in text
    assert "connection.py" in text


@BACKENDS
@pytest.mark.parametrize("how", [fails, wraps, handles])
def test_frames_of_a_pool_of_threads_are_left_out(backend: str, how: Any) -> None:
    """They still run, with the arguments of what failed, until the next piece of work comes."""

    async def main() -> None:
        with pytest.raises((ValueError, KeyError)) as caught:
            await asked(*([2, SECRET] if how is fails else [SECRET]))
        text = shown(caught.value)
        assert SECRET not in text
        assert "in fails" in text
        assert "in asked" in text

    async def asked(*arguments: Any) -> None:
        try:
            await anyio.to_thread.run_sync(how, *arguments)
        except Exception as error:
            del arguments
            forget_locals(error)
            raise

    anyio.run(main, backend=backend)
