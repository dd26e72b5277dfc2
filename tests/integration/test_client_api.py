"""The Python client's HTTP calls over a network that fails in odd ways."""

import asyncio
import socket
import struct

import pytest
import uvloop
from ringpost_client import Api, Unavailable

TRIES = 200


def reset_all(listener: socket.socket) -> None:
    """Reset each connection as soon as it is there."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def test_a_connection_that_is_reset_as_soon_as_it_is_opened_is_no_way_through_and_no_bug() -> None:
    async def ask(url: str) -> None:
        api = Api(url, url)
        for _ in range(TRIES):
            with pytest.raises(Unavailable) as refused:
                await api.poll("token", {}, timeout_s=5)
            assert refused.value.code == "unreachable"
        await api.close()

    with socket.create_server(("127.0.0.1", 0)) as listener, uvloop_runner() as runner:
        resetting = runner.get_loop().run_in_executor(None, reset_all, listener)
        runner.run(asyncio.wait_for(ask(f"http://127.0.0.1:{listener.getsockname()[1]}"), 60))
        listener.shutdown(socket.SHUT_RDWR)
        runner.run(asyncio.wait_for(resetting, 10))


def uvloop_runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
