"""How the WebSocket edge writes, and what it keeps: over real sockets, in the test's own process."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.server import ServerProtocol

from shared import frames, limits
from shared.auth import Authenticator
from shared.web.origins import Origins
from shared.websocket.edge import JOINED_BYTES, JOINED_FRAMES, Edge
from shared.websocket.socket import PATH, Socket, SocketPolicy, Sockets
from tests.gateways import JWT_KEY, token

POLICY = SocketPolicy(heartbeat_s=60, hello_timeout_s=60, max_sockets_per_user=100, buffer_bytes=1 << 20)
WAIT_S = 10.0


class Counted:
    """A transport that counts what is written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.writes: list[bytes] = []
        self.fault: Exception | None = None

    def write(self, data: bytes) -> None:
        if self.fault is not None:
            raise self.fault
        self.writes.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Slow:
    """A role that opens when it may, and remembers what it has open and what it got."""

    name = "slow"
    takes: tuple[type, ...] = (frames.Send,)

    def __init__(self) -> None:
        self.is_opening, self.may_open, self.has_opened, self.is_closed = (asyncio.Event() for _ in range(4))
        self.sockets: set[Socket] = set()
        self.received: list[str] = []

    async def open(self, socket: Socket, hello: frames.Hello) -> Mapping[str, Any]:
        self.is_opening.set()
        await self.may_open.wait()
        self.sockets.add(socket)
        self.has_opened.set()
        return {}

    def opened(self, socket: Socket) -> None:
        """It does nothing by itself."""

    def receive(self, socket: Socket, frame: frames.Send) -> None:
        self.received.append(frame.text)

    def closed(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        self.is_closed.set()


class Served:
    """An edge's server, its role and its connections."""

    def __init__(self) -> None:
        self.role = Slow()
        self.sockets = Sockets(POLICY, [self.role], Authenticator(JWT_KEY, "HS256", None), Origins([]), {})
        self.transports: list[Counted] = []
        self.faults: list[dict[str, Any]] = []
        self.port = 0

    def make_edge(self) -> Edge:
        served = self

        class CountedEdge(Edge):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                counted = Counted(transport)
                served.transports.append(counted)
                super().connection_made(counted)  # type: ignore[arg-type]  # it has what a transport has

        return CountedEdge(self.sockets, None, None, None)

    @asynccontextmanager
    async def connected(self, *texts: bytes) -> AsyncIterator[ClientConnection]:
        """Connect and say hello, with *texts* in the same segment."""
        async with connect(f"ws://127.0.0.1:{self.port}{PATH}", compression=None) as client:
            burst(client, json.dumps({"type": "hello", "token": token("alice")}).encode(), *texts)
            yield client

    @asynccontextmanager
    async def greeted(self) -> AsyncIterator[tuple[ClientConnection, Socket, list[bytes]]]:
        """Connect; yield the client, the server's socket, and what is written to it from now on."""
        self.role.may_open.set()
        async with self.connected() as client:
            assert json.loads(await client.recv())["type"] == "welcome"
            [socket] = self.role.sockets
            self.transports[-1].writes.clear()
            yield client, socket, self.transports[-1].writes


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: served.faults.append(fault))
    server = await asyncio.get_running_loop().create_server(served.make_edge, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    sweeping = asyncio.create_task(served.sockets.run())
    yield served
    server.close()
    sweeping.cancel()
    assert served.faults == []


async def test_the_first_frame_of_a_tick_leaves_at_once_and_the_others_in_one_write(served: Served) -> None:
    async with served.greeted() as (client, socket, writes):
        texts = [b'{"n":%d}' % n for n in range(20)]
        for text in texts:
            socket.send(text)
        assert writes == [frames.wire(texts[0])]

        assert [await client.recv(decode=False) for _ in texts] == texts
        assert writes[1:] == [b"".join(map(frames.wire, texts[1:]))]

        socket.send(b"{}")
        assert writes[2:] == [frames.wire(b"{}")]


async def test_what_is_gathered_in_a_tick_is_bounded_and_keeps_its_order(served: Served) -> None:
    async with served.greeted() as (client, socket, writes):
        large = b"x" * JOINED_BYTES
        texts = [b"first", b"a", large, b"b", *(b"%d" % n for n in range(2 * JOINED_FRAMES)), large, b"last"]
        for text in texts:
            socket.send(text)
        assert sum(map(len, writes)) >= sum(map(len, texts)) - JOINED_FRAMES * JOINED_BYTES

        assert [await client.recv(decode=False) for _ in texts] == texts
        assert max(map(len, writes)) <= JOINED_FRAMES * JOINED_BYTES


async def test_what_was_gathered_leaves_before_the_close_frame(served: Served) -> None:
    async with served.greeted() as (client, socket, _):
        socket.send(b"1")
        socket.send(b"2")
        socket.close(4000, "enough")
        socket.send(b"3")

        assert [await client.recv(decode=False), await client.recv(decode=False)] == [b"1", b"2"]
        await client.wait_closed()
        assert (client.close_code, client.close_reason) == (4000, "enough")


async def test_pings_that_come_together_are_answered_in_one_write(served: Served) -> None:
    async with served.greeted() as (client, _, writes):
        for n in range(1, 40):
            client.protocol.send_ping(b"%d" % n)
        client.protocol.send_text(b'{"type":"ping"}')
        client.transport.write(b"".join(client.protocol.data_to_send()))

        assert await client.recv(decode=False) == b'{"type":"pong"}'
        pongs = b"".join(b"\x8a%c%d" % (len(b"%d" % n), n) for n in range(1, 40))
        assert writes == [pongs + frames.wire(b'{"type":"pong"}')]


async def test_a_write_that_raises_keeps_nobody_else_waiting(served: Served) -> None:
    async with served.greeted() as (client, sound, _), served.connected() as other:
        assert json.loads(await other.recv())["type"] == "welcome"
        [broken] = served.role.sockets - {sound}
        for socket in (sound, broken):
            socket.send(b"1")
            socket.send(b"2")
        served.transports[-1].fault = RuntimeError("planted")

        assert [await client.recv(decode=False), await client.recv(decode=False)] == [b"1", b"2"]
        served.transports[-1].fault = None

    [fault] = served.faults
    assert str(fault["exception"]) == "planted"
    served.faults.clear()


READ = json.dumps({"type": "read", "conversation": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "seq": 1}).encode()


def send(text: str) -> bytes:
    return json.dumps({"type": "send", "conversation": str(uuid4()), "id": str(uuid4()), "text": text}).encode()


@pytest.mark.parametrize("bad", [b"no", READ])
async def test_a_send_behind_the_frame_that_ends_its_socket_is_not_carried_out(served: Served, bad: bytes) -> None:
    async with served.greeted() as (client, _, _):
        burst(client, send("before"), *[bad] * limits.BAD_FRAMES, send("behind"), is_last=True)
        await client.wait_closed()

    assert served.role.received == ["before"]


async def test_a_send_behind_it_is_not_carried_out_either_if_all_came_before_the_welcome(served: Served) -> None:
    async with served.connected(send("before"), *[READ] * limits.BAD_FRAMES, send("behind")) as client:
        await served.role.is_opening.wait()
        served.role.may_open.set()
        await client.wait_closed()

    assert served.role.received == ["before"]


def burst(client: ClientConnection, *texts: bytes, is_last: bool = False) -> None:
    """Send *texts* in one segment, and a close frame with them if nothing comes after."""
    for text in texts:
        client.protocol.send_text(text)
    if is_last:
        client.protocol.send_close(1000)
    client.transport.write(b"".join(client.protocol.data_to_send()))


async def test_nothing_of_the_handshake_is_kept(served: Served) -> None:
    async with served.greeted():
        gc.collect()

        assert [one for one in gc.get_objects() if isinstance(one, ServerProtocol)] == []


async def test_a_socket_that_is_closed_and_lost_while_its_roles_open_is_let_go_of(served: Served) -> None:
    async with served.connected() as client, asyncio.timeout(WAIT_S):
        await served.role.is_opening.wait()
        served.sockets.close_all(4000, "moved")
        await client.wait_closed()
        assert client.close_code == 4000
        await served.role.is_closed.wait()
        served.role.may_open.set()
        await served.role.has_opened.wait()

    assert served.role.sockets == set()
