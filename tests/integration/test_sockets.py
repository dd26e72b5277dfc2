"""What a socket does with hostile, broken and late clients: a clear end, and nobody else suffers."""

import asyncio
import json
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from tests.bare_socket import BareSocket, bare
from tests.client_frames import TEXT, frame
from tests.gateways import Site, running, token
from tests.talk import create, greeted, opened, post

BAD_HELLOS = {
    "no token": ('{"type": "hello"}', 4503),
    "not json": ("hello", 4503),
    "another frame": ('{"type": "ping"}', 4503),
    "a bad token": ('{"type": "hello", "token": "x.y.z"}', 4500),
}


@pytest.mark.parametrize("name", BAD_HELLOS)
async def test_a_socket_that_says_no_proper_hello_is_told_and_closed(site: Site, name: str) -> None:
    text, code = BAD_HELLOS[name]
    async with running(site):
        read = await site.start("read")
        async with opened(read) as talk:
            await talk.send_raw(text)
            assert (await talk.receive())["type"] == "error"
            assert await talk.closed() == code


async def test_silence_before_and_after_the_hello_ends_a_socket(site: Site) -> None:
    async with running(site):
        read = await site.start("read", hello_timeout_s="0.5", heartbeat_s="0.5")
        async with opened(read) as mute, greeted(read, "alice") as silent:
            assert await mute.closed() == 4503
            assert await silent.closed() == 4002


async def test_half_a_frame_and_then_silence_ends_a_socket_as_silence_does(site: Site) -> None:
    hello = frame(TEXT, json.dumps({"type": "hello", "token": token("alice")}).encode())
    async with running(site):
        read = await site.start("read", hello_timeout_s="0.5", heartbeat_s="0.5")
        with bare(read.port, hello[:-1]) as early, bare(read.port, hello) as late:
            assert [said.code for said in early.hear_all()] == [4503]
            late.send(frame(TEXT, b'{"type":"ping"}')[:-1])
            assert late.hear_all()[-1].code == 4002


async def test_a_peer_that_stays_though_it_was_told_to_go_is_cut(site: Site) -> None:
    async with running(site):
        read = await site.start("read", hello_timeout_s="0.5")
        with bare(read.port) as peer:
            assert [said.code for said in peer.hear_all()] == [4503]
            with pytest.raises(ConnectionError):
                await talk_on(peer)


async def talk_on(peer: BareSocket) -> None:
    for _ in range(200):
        peer.send(frame(TEXT, b"still here"))
        await asyncio.sleep(0.05)


async def test_a_token_is_renewed_and_its_end_is_the_sockets(site: Site) -> None:
    async with running(site):
        read = await site.start("read")
        async with opened(read) as talk:
            await talk.send(type="hello", token=token("alice", 2))
            await talk.until("welcome")
            await talk.until("token_expiring")
            await talk.send(type="token", token=token("bob", 3600))
            assert (await talk.until("error"))["code"] == "invalid"
            await talk.send(type="token", token=token("alice", 4))
            assert (await talk.until("token"))["expires_at"]
            assert await talk.closed() == 4501


async def test_bad_frames_are_told_and_several_end_the_socket(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        async with greeted(write, "alice") as talk:
            for text in ("", "1", "null", '{"type": "nonsense"}', '{"type": "read", "conversation": "x", "seq": 1}'):
                await talk.send_raw(text)
                assert (await talk.receive())["code"] == "invalid"
            assert await talk.closed() == 4502


@pytest.mark.parametrize(("data", "code"), [(b"\x00\x01", 1003), ("x" * 140_000, 1009)])
async def test_what_breaks_the_protocol_is_closed_with_its_code(site: Site, data: str | bytes, code: int) -> None:
    async with running(site):
        write = await site.start("write")
        async with greeted(write, "alice") as talk:
            await talk.send_raw(data)
            assert await talk.closed() == code


async def test_a_text_that_is_refused_leaves_the_socket_and_the_order_alone(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice")
        bad = ["", "  \u200b ", "nul \u0000", "x" * 8001, "😀" * 8000 + "x"]
        async with greeted(write, "alice") as talk:
            for text in [*bad, "good"]:
                await talk.send(type="send", conversation=room, id=str(uuid4()), text=text)
            answers = [await talk.receive() for _ in range(len(bad) + 1)]

        codes = [answer["code"] for answer in answers if answer["type"] == "error"]
        assert codes == ["invalid", "invalid", "invalid", "too_large", "too_large"]
        assert [answer["acks"][0]["seq"] for answer in answers if answer["type"] == "acks"] == [2]
        assert not any(answer.get("retryable") for answer in answers)


async def test_foreign_origins_are_refused_and_look_alikes_too(site: Site) -> None:
    async with running(site):
        read = await site.start("read", public_read_url="http://chat.example:8000")
        for origin in ("http://evil.example", "null", "http://chat.example:8000.evil.example", "https://chat.example:8000"):
            with pytest.raises(InvalidStatus) as refused:
                async with opened(read, origin=origin):
                    pass
            assert refused.value.response.status_code == 403
            assert json.loads(refused.value.response.body or b"")["code"] == "forbidden"
        async with opened(read, origin="http://chat.example:8000") as talk:
            await talk.send(type="hello", token=token("alice"))
            assert (await talk.receive())["type"] == "welcome"


async def test_one_user_holds_a_bounded_number_of_sockets(site: Site) -> None:
    async with running(site):
        read = await site.start("read", max_sockets_per_user="2")
        async with greeted(read, "alice"), greeted(read, "alice"), opened(read) as third:
            await third.send(type="hello", token=token("alice"))
            assert (await third.receive())["code"] == "too_many_sockets"
            assert await third.closed() == 4504
        await asyncio.sleep(0.2)
        async with greeted(read, "alice"):
            pass


async def test_a_reader_that_does_not_read_is_cut_and_resumes_whole_while_others_read_on(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        read = await site.start("read", socket_buffer_bytes="65536")
        room = await create(write, "alice", "bob")
        async with greeted(read, "bob") as good, opened(read, max_queue=1) as slow:
            await slow.send(type="hello", token=token("alice"))
            await slow.until("caught_up")
            slow._connection.transport.pause_reading()
            await good.events(1)
            reading = asyncio.create_task(good.events(251, after=1))
            for n in range(250):
                assert (await post(write, "alice", room, f"{n} " + "x" * 7900, None)).status_code == 201
            assert len(await reading) == 250
        async with greeted(read, "alice", positions={room: 1}) as again:
            assert [event["seq"] for event in await again.events(251, after=1)] == list(range(2, 252))


async def test_a_drained_gateway_tells_its_sockets_to_move_and_exits_clean(site: Site) -> None:
    async with running(site):
        read = await site.start("read")
        async with greeted(read, "alice") as talk:
            stopping = asyncio.create_task(read.stop())
            assert await talk.closed() == 4000
            assert await stopping == 0
