"""A path that lets nothing through and tells nobody: both ends find it out, within what the protocol says."""

import asyncio
import socket
import time

import httpx
from ringpost_client import Client, State

from services.listener import KEEP_ALIVE, listen
from tests.figures import figure
from tests.gateways import Process, Site, running, token
from tests.talk import greeted
from tests.wire import target_of, wired

HEARTBEAT_S = 1.0
BOUND_S = 2.5 * HEARTBEAT_S
# The sweep is once a second, and this machine may be busy.
SLACK_S = 2.0


async def wait_for(process: Process, name: str, value: float, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while await figure(process, name) != value:  # noqa: ASYNC110  # it is another process that changes it
            await asyncio.sleep(0.05)


async def test_a_gateway_gives_up_a_client_that_the_network_has_swallowed(site: Site) -> None:
    async with running(site):
        read = await site.start("read", heartbeat_s=str(HEARTBEAT_S))
        async with wired(read.url) as (url, wire):
            through = Process(read.child, target_of(url)[1])
            async with greeted(through, "alice") as talk:
                for _ in range(4):  # longer than the bound: who pings stays
                    await talk.send(type="ping")
                    await talk.until("pong")
                    await asyncio.sleep(HEARTBEAT_S)
                assert await figure(read, "sockets") == 1
                wire.hold()
                await wait_for(read, 'sockets_closed_total{code="silent"}', 1, BOUND_S + SLACK_S)
                # Its close frame is not answered either: the socket is cut five seconds after.
                await wait_for(read, "sockets", 0, 5 + SLACK_S)


async def test_a_client_gives_up_a_gateway_that_the_network_has_swallowed(site: Site) -> None:
    states: asyncio.Queue[State] = asyncio.Queue()
    async with running(site):
        read = await site.start("read", heartbeat_s=str(HEARTBEAT_S))
        async with wired(read.url) as (url, wire), Client(url, url, token("alice"), on_state=states.put_nowait) as alice:
            alice.events()
            assert (await asyncio.wait_for(states.get(), 10)).is_up
            await asyncio.sleep(2 * BOUND_S)
            assert states.empty()
            wire.hold()
            held_at = time.monotonic()
            assert not (await asyncio.wait_for(states.get(), BOUND_S + SLACK_S)).is_up
            assert time.monotonic() - held_at > BOUND_S - HEARTBEAT_S - 0.5


def test_what_a_gateway_accepts_has_tcp_keep_alive_on() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        listener.settimeout(5)
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            for name, value in KEEP_ALIVE.items():
                assert accepted.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


async def test_a_connection_is_kept_for_the_next_request(site: Site) -> None:
    async with running(site):
        read = await site.start("read")
        async with httpx.AsyncClient() as client:
            ports = set()
            for _ in range(3):
                answer = await client.get(f"{read.url}/config")
                assert answer.headers.get("connection") != "close"
                ports.add(answer.extensions["network_stream"].get_extra_info("client_addr")[1])
    assert len(ports) == 1
