"""Server-sent events: what a read socket gets, as an answer that does not end."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.event_stream import EventStream, asked, streaming
from tests.figures import figure
from tests.gateways import Process, Site, bearer, running, token
from tests.talk import create, greeted, post


async def change(write: Process, asks: str, room: str, name: str, user: str) -> None:
    """Ask for a change of *room*'s members."""
    async with httpx.AsyncClient() as client:
        body = {"id": str(uuid4()), "user": user}
        answer = await client.post(f"{write.url}/v1/conversations/{room}/{name}", json=body, headers=bearer(asks))
    assert answer.status_code == 201, answer.text


async def test_a_stream_catches_up_then_goes_on_live(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        await post(write, "alice", room, "missed\nby a line: \u2028 and 🙂")
        async with streaming(read, "bob") as stream:
            headers = stream.answer.headers
            seen = await stream.events(2)
            inbox = await stream.until("inbox")
            await stream.until("caught_up")
            await post(write, "alice", room, "live")
            seen += await stream.events(3, after=2)

        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        assert (stream.welcome["user"], stream.welcome["roles"]) == ("bob", ["read"])
        assert stream.welcome["ranges"] == [{"conversation": room, "from": 1, "to": 2, "complete": True}]
        assert (inbox.id, inbox.frame["to"]) == ("inbox:1", 1)
        assert [event["text"] for event in seen[1:]] == ["missed\nby a line: \u2028 and 🙂", "live"]


async def test_the_ids_of_a_stream_are_the_cursor_of_whatever_comes_next(site: Site) -> None:
    async with running(site):
        write, read, other = await site.start("write"), await site.start("read"), await site.start("read")
        room = await create(write, "alice")
        await post(write, "alice", room, "one")
        async with streaming(read, "alice") as stream:
            ids = [(await stream.until(kind)).id for kind in ("events", "inbox")]
        await post(write, "alice", room, "two")

        cursor = {log: int(seq) for log, seq in (id.split(":") for id in ids)}
        hello = {"epoch": stream.welcome["epoch"], "inbox": cursor.pop("inbox"), "positions": cursor}
        assert cursor == {room: 2}
        async with streaming(other, "alice", **hello) as again, greeted(other, "alice", **hello) as talk:
            for one in (again, talk):
                assert [event["text"] for event in await one.events(3, after=2)] == ["two"]


async def test_lost_positions_are_named_first(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with streaming(read, "alice", inbox=7, positions={room: 99}) as stream:
            told = [(await stream.receive()).frame for _ in range(2)]
            assert await stream.events(1)

        lost = {"type": "position_lost", "epoch": stream.welcome["epoch"]}
        assert told == [lost, lost | {"conversation": room}]


async def test_who_is_added_hears_of_it_and_who_is_removed_hears_nothing_more(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        async with streaming(read, "carol") as stream:
            await stream.until("caught_up")
            room = await create(write, "alice", "carol")
            assert (await stream.until("range")).frame["conversation"] == room
            await post(write, "alice", room, "hello")
            assert [event["type"] for event in await stream.events(2)] == ["created", "message"]
            await change(write, "alice", room, "remove", user="carol")
            assert [event["type"] for event in await stream.events(3, after=2)] == ["removed"]
            await post(write, "alice", room, "not for carol")
            await change(write, "alice", room, "members", user="carol")
            named = (await stream.until("range")).frame
            seen = await stream.events(5, after=4)

        assert (named["from"], named["complete"]) == (5, True)
        assert [event["type"] for event in seen] == ["joined"]


async def test_a_stranger_gets_nothing_of_a_conversation(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read", heartbeat_s="1")
        room = await create(write, "alice")
        async with streaming(read, "mallory", positions={room: 0}) as stream:
            assert (stream.welcome["ranges"], (await stream.receive()).kind) == ([], "caught_up")
            await post(write, "alice", room, "private")
            with pytest.raises(TimeoutError):
                await stream.receive(wait_s=2.5)


async def test_typing_markers_and_presence_come_by_a_stream_too(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        async with streaming(read, "bob") as stream, greeted(read, "alice") as alice, greeted(read, "bob") as bob:
            for one in (stream, alice, bob):
                await one.until("caught_up")
            await alice.send(type="typing", conversation=room)
            typing = await stream.until("typing")
            await bob.send(type="read", conversation=room, seq=1)
            read_to = await stream.until("read")
            await alice.send(type="watch", users=["bob"])
            presence = await alice.until("presence")

        assert (typing.frame["user"], typing.id) == ("alice", "")
        assert (read_to.frame["conversation"], read_to.frame["seq"]) == (room, 1)
        assert presence["users"]["bob"]["online"]


async def test_an_idle_stream_has_a_heartbeat(site: Site) -> None:
    async with running(site):
        read = await site.start("read", heartbeat_s="1")
        async with streaming(read, "alice") as stream:
            await stream.until("caught_up")
            with pytest.raises(TimeoutError):
                await stream.receive(wait_s=3.5)
        assert 2 <= stream.heartbeats <= 5


async def test_a_stream_ends_with_its_token(site: Site) -> None:
    async with running(site):
        read = await site.start("read")
        async with asked(read, {"Authorization": f"Bearer {token('alice', ttl_s=3)}"}) as stream:
            started = time.monotonic()
            told = await stream.ended()

        assert [each.kind for each in told] == ["welcome", "caught_up", "token_expiring", "end"]
        assert (told[-1].frame["code"], told[-1].frame["retryable"]) == ("token_expired", False)
        assert 1 < time.monotonic() - started < 6


async def test_a_stream_of_a_gateway_that_stops_is_told_to_move_and_goes_on_until_it_has(site: Site) -> None:
    async with running(site):
        write, read, other = await site.start("write"), await site.start("read", drain_spread_s="5"), await site.start("read")
        room = await create(write, "alice")
        async with streaming(read, "alice") as stream:
            await stream.until("caught_up")
            read.signal(signal.SIGTERM)
            moved = (await stream.until("moved")).frame
            await post(write, "alice", room, "while it stops")
            assert await stream.events(2, after=1)
            async with streaming(other, "alice", epoch=stream.welcome["epoch"], inbox=1, positions={room: 2}) as again:
                await post(write, "alice", room, "on both")
                assert await stream.events(3, after=2) == await again.events(3, after=2)
        async with asyncio.timeout(10):
            assert await read.ended() == 0

    assert moved["retry_after"] == 0
    assert 0 < moved["within_s"] <= 5
    assert moved["reconnect"]["spread_s"] >= 0


async def test_a_stream_that_does_not_move_is_told_why_it_ends(site: Site) -> None:
    async with running(site):
        read = await site.start("read", drain_spread_s="0.5")
        async with streaming(read, "alice") as stream:
            await stream.until("caught_up")
            read.signal(signal.SIGTERM)
            told = await stream.ended()
            async with asyncio.timeout(10):
                assert await read.ended() == 0

    assert [each.kind for each in told] == ["moved", "end"]
    last = told[-1].frame
    assert (last["code"], last["retryable"]) == ("draining", True)
    assert last["retry_after"] > 0
    assert last["reconnect"]["spread_s"] >= 0


async def test_streams_and_sockets_count_together(site: Site) -> None:
    async with running(site):
        read = await site.start("read", max_sockets_per_user="2")
        async with greeted(read, "alice"), streaming(read, "alice"):
            async with asked(read, bearer("alice")) as third:
                problem = json.loads(await third.answer.aread())
            async with streaming(read, "bob"):
                pass
        assert (third.answer.status_code, problem["code"]) == (429, "too_many_sockets")
        assert third.answer.headers["content-type"] == "application/problem+json"
        await until_gone(read)
        async with streaming(read, "alice"), streaming(read, "alice"):
            pass


async def until_gone(read: Process, within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while await figure(read, "read_streams"):  # noqa: ASYNC110  # it is another process that changes
            await asyncio.sleep(0.05)


async def test_nothing_is_held_of_a_stream_that_is_gone(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        await create(write, "alice")
        for _ in range(3):
            async with streaming(read, "alice") as stream:
                await stream.until("caught_up")
                assert await figure(read, "read_streams") == 1
            await until_gone(read)
        assert await figure(read, "read_logs") == 0
        assert await figure(read, 'read_streams_ended_total{code="gone"}') == 3


@asynccontextmanager
async def unread(process: Process, user: str) -> AsyncIterator[socket.socket]:
    """Ask for a stream, and read nothing of it."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", process.port))
        head = f"POST /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(user)}\r\n"
        client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        yield client


@pytest.mark.slow
async def test_who_does_not_read_is_cut_and_the_others_are_not(site: Site) -> None:
    async with running(site):
        write = await site.start("write", rate_user="0", rate_conversation="0")
        read = await site.start("read", socket_buffer_bytes="65536")
        room = await create(write, "alice", "bob")
        async with unread(read, "bob") as client, streaming(read, "alice") as other:
            for n in range(200):
                assert (await post(write, "alice", room, f"{n} " + "€" * 7_900)).status_code == 201
                await other.events(n + 2, after=n + 1 if n else 0)
                if await figure(read, 'read_streams_ended_total{code="slow_consumer"}'):
                    break  # who does not read the last words soon is reset
            client.setblocking(True)
            client.settimeout(10)
            heard = await asyncio.to_thread(read_all, client)

        assert heard.endswith(b"\n\n\r\n0\r\n\r\n")
        assert b'"code":"slow_consumer"' in heard[-400:]
        assert len(heard) < 4_000_000


def read_all(client: socket.socket) -> bytes:
    chunks = []
    while chunk := client.recv(65_536):
        chunks.append(chunk)
    return b"".join(chunks)


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "a field that is not known": ({"token": "x"}, 422, "invalid"),
    "a poll's field": ({"wait_s": 1}, 422, "invalid"),
    "a number as a string": ({"inbox": "1"}, 422, "invalid"),
    "a position below 0": ({"positions": {str(uuid4()): -1}}, 422, "invalid"),
    "no id": ({"positions": {"x": 1}}, 422, "invalid"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_cursor_is_refused_before_anything_is_streamed(site: Site, name: str) -> None:
    cursor, status, code = BAD[name]
    async with running(site):
        read = await site.start("read")
        async with asked(read, bearer("alice"), **cursor) as stream:
            problem = json.loads(await stream.answer.aread())
        assert (stream.answer.status_code, problem["code"]) == (status, code)


async def test_a_token_in_the_query_opens_no_stream(site: Site) -> None:
    async with running(site):
        read = await site.start("read")
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{read.url}/v1/stream?token={token('alice')}", json={})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_head_of_a_stream_comes_before_anything_happens(site: Site) -> None:
    async with running(site):
        read = await site.start("read")
        async with asked(read, bearer("alice")) as stream:
            assert isinstance(stream, EventStream)
            assert stream.answer.headers["transfer-encoding"] == "chunked"
            assert "content-length" not in stream.answer.headers
            assert (await stream.receive(wait_s=2)).kind == "welcome"
