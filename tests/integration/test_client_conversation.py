"""All that a conversation of the Python client does, against a real gateway."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import uuid4

import pytest
from ringpost_client import Client, Event, Online, Options, Presence, ReadMarker, Receipt, Receipts, Refused, State, Typing

from deploy.replay.polling import until
from tests.gateways import Process, Site, running, token
from tests.talk import create, post
from tests.wire import wired

WAIT_S = 20.0
Kind = TypeVar("Kind")


@asynccontextmanager
async def people(site: Site, *users: str) -> AsyncIterator[tuple[Process, list[Client]]]:
    """A gateway of both roles, and a client of each user."""
    async with running(site):
        gateway = await site.start("both")
        clients = [Client(gateway.url, gateway.url, token(user)) for user in users]
        try:
            for client in clients:
                await client.__aenter__()
            yield gateway, clients
        finally:
            for client in clients:
                await client.__aexit__(None, None, None)


async def take(source: AsyncIterator[Event], many: int) -> list[Event]:
    async with asyncio.timeout(WAIT_S):
        return [await anext(source) for _ in range(many)]


async def soon(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        await until(is_so, 0.01)


def heard(client: Client, kind: type[Kind]) -> list[Kind]:
    """Return a list that all of a kind that *client* hears goes into."""
    into: list[Kind] = []
    client.on(kind, into.append)
    return into


async def test_what_is_said_about_a_message_goes_through_the_outbox_and_a_deletion_erases(site: Site) -> None:
    async with people(site, "alice", "bob") as (_, (alice, bob)):
        room = await alice.create("Tea", ["bob"], topic="Kettles")
        there = bob.conversation(room.id)
        following = there.events(after=0)
        asked = await room.send("Milk?")
        await (await there.send("Please.", reply_to=(await asked.acknowledged).seq)).acknowledged
        assert asked.seq == 2
        said = [
            await room.edit(2, "Milk or sugar?"),
            await room.react(3, "👍"),
            await room.unreact(3, "👍"),
            await room.delete(2),
        ]
        seqs = [(await message.acknowledged).seq for message in said]
        shown = await take(following, 7)
        await (await there.edit(3, "No.")).acknowledged
        theirs = await room.edit(3, "Not mine.")
        with pytest.raises(Refused) as refused:
            await theirs.acknowledged
        page, log = await room.history(), await room.log(before=4, limit=2)

    assert seqs == [4, 5, 6, 7]
    assert [(event.type, event.target) for event in shown[3:]] == [
        ("edited", 2),
        ("reacted", 3),
        ("unreacted", 3),
        ("deleted", 2),
    ]
    assert (shown[2].text, shown[2].reply_to, shown[2].sender) == ("Please.", 2, "bob")
    assert refused.value.code == "forbidden"
    assert [(event.seq, event.text, event.is_erased) for event in page.events if event.type == "message"] == [
        (2, "", True),
        (3, "No.", False),
    ]
    assert (page.head, page.is_complete) == (8, True)
    assert [event.seq for event in log.events] == [2, 3]


async def test_who_is_in_it_and_what_it_is_called(site: Site) -> None:
    async with people(site, "alice", "bob", "carol") as (_, (alice, bob, carol)):
        room, id = await alice.create("Tea"), str(uuid4())
        assert await room.add("bob", id=id) == await room.add("bob", id=id) == 2
        await room.invite("carol", "moderator")
        await carol.conversation(room.id).join()
        await carol.conversation(room.id).set_title("Coffee")
        await room.set_topic("Beans")
        await room.set_role("bob", "owner")
        members = [(member.user, member.role, member.joined) async for member in room.members()]
        listed = [each async for each in bob.conversations()]
        await room.remove("carol")
        await room.leave()
        with pytest.raises(Refused) as refused:
            await room.history()
        same = [(await one.direct(other)).id for one, other in ((alice, "bob"), (bob, "alice"))]
        kinds = [(each.kind, each.other) async for each in alice.conversations()]

    assert members == [("alice", "owner", 1), ("bob", "owner", 2), ("carol", "moderator", 4)]
    assert [(each.conversation, each.title, each.topic, each.role, each.head) for each in listed] == [
        (room.id, "Coffee", "Beans", "owner", 7)
    ]
    assert refused.value.code == "not_found"
    assert same[0] == same[1]
    assert kinds == [("direct", "bob")]


async def test_typing_presence_and_marks_pass_by_and_what_is_unread_is_counted(site: Site) -> None:
    async with people(site, "alice", "bob") as (gateway, (alice, bob)):
        room = await alice.create("Tea", ["bob"])
        there = bob.conversation(room.id)
        typed, seen, got, markers = heard(alice, Typing), heard(alice, Presence), heard(alice, Receipts), heard(bob, ReadMarker)
        following = [room.events(), there.events()]
        first = [asyncio.ensure_future(take(each, 3)) for each in following]
        alice.watch("bob")
        await soon(lambda: alice.transport is not None and bob.transport is not None)
        assert there.unread is None
        assert [each.unread async for each in bob.conversations()] == [0]
        for n in range(3):
            await post(gateway, "alice", room.id, f"m{n}")
        await asyncio.gather(*first)
        assert there.unread == 3

        for _ in range(20):
            there.typing()
        for seq in (2, 4, 3, 2):
            there.read(seq)
        there.delivered(4)
        await soon(lambda: bool(typed) and bool(markers) and markers[-1].seq == 4)
        await soon(lambda: bool(got) and got[-1].members.get("bob") == Receipt(4, 4))
        await soon(lambda: any(presence.users.get("bob", Online(False)).is_online for presence in seen))
        progress = await room.progress(4)

    assert typed == [Typing(room.id, "bob")]
    assert [marker.seq for marker in markers] == sorted(marker.seq for marker in markers)
    assert there.unread == 0
    assert (progress.of, progress.read, progress.delivered) == (2, 1, 1)


async def test_a_marker_that_no_socket_takes_goes_by_a_request_and_one_that_was_lost_is_said_again(site: Site) -> None:
    async with people(site, "alice", "bob") as (gateway, (alice, bob)):
        room = await alice.create("Tea", ["bob"])
        for n in range(3):
            await post(gateway, "alice", room.id, f"m{n}")
        async with Client(gateway.url, gateway.url, token("bob")) as brief:
            brief.conversation(room.id).read(2)
            brief.conversation(room.id).read(3)

        async def read_up_to(seq: int) -> None:
            async with asyncio.timeout(WAIT_S):
                while [each.read async for each in bob.conversations()] != [seq]:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.05)

        await read_up_to(3)
        async with wired(gateway.url) as (url, wire):
            options = Options(backoff_base_s=0.1, backoff_cap_s=0.1)
            async with Client(url, url, token("bob"), options=options) as again:
                listening = asyncio.ensure_future(anext(again.conversation(room.id).events()))
                await soon(lambda: again.transport is not None)
                wire.hold()
                again.conversation(room.id).read(4)
                await asyncio.sleep(0.1)
                wire.cut()
                wire.release()
                await read_up_to(4)
                listening.cancel()


async def test_several_follow_at_their_own_pace_from_where_they_like_over_a_wire_that_is_cut(site: Site) -> None:
    async with running(site):
        gateway = await site.start("both")
        room = await create(gateway, "alice")
        for n in range(20):
            await post(gateway, "alice", room, f"m{n}")
        async with wired(gateway.url) as (url, wire):
            options = Options(backoff_base_s=0.1, backoff_cap_s=0.2)
            async with Client(url, url, token("alice"), options=options) as alice:
                conversation = alice.conversation(room)
                now = asyncio.ensure_future(take(conversation.events(), 20))
                await soon(lambda: alice.transport is not None)
                middle = conversation.events(after=11)
                assert [event.seq for event in await take(middle, 5)] == [12, 13, 14, 15, 16]
                for n in range(20):
                    if n % 7 == 3:
                        wire.cut()
                    await (await conversation.send(f"n{n}")).acknowledged
                whole = await take(alice.events(), 42)
                rest = await take(middle, 25)

    assert [event.seq for event in await now] == list(range(22, 42))
    assert [event.seq for event in rest] == list(range(17, 42))
    assert [event.seq for event in whole if event.conversation == room] == list(range(1, 42))


async def test_a_token_is_renewed_on_open_sockets_before_it_ends(site: Site) -> None:
    fetched: list[str] = []

    async def fetch() -> str:
        fetched.append(token("alice", ttl_s=3 if len(fetched) < 1 else 600))
        return fetched[-1]

    states: list[State] = []
    async with running(site):
        gateway = await site.start("both")
        room = await create(gateway, "alice")
        async with Client(gateway.url, gateway.url, fetch, on_state=states.append) as alice:
            conversation = alice.conversation(room)
            following = conversation.events(after=0)
            began = time.monotonic()
            said = 0
            while time.monotonic() - began < 4.5:
                await (await conversation.send(f"m{said}")).acknowledged
                said += 1
                await asyncio.sleep(0.5)
            shown = await take(following, said + 1)
            assert len([member async for member in conversation.members()]) == 1

    assert [event.seq for event in shown] == list(range(1, said + 2))
    assert all(state.is_up for state in states), states
    assert len(fetched) >= 2


async def test_a_call_whose_token_has_ended_fetches_another_one(site: Site) -> None:
    fetched: list[str] = []

    async def fetch() -> str:
        fetched.append(token("alice", ttl_s=1 if not fetched else 600))
        return fetched[-1]

    async with running(site):
        gateway = await site.start("both")
        async with Client(gateway.url, gateway.url, fetch) as alice:
            await alice.token()
            await asyncio.sleep(2.2)
            room = await alice.create("Tea")
            assert (await room.history()).head == 1

    assert len(fetched) == 2


async def test_what_is_not_mine_is_refused_and_a_listener_that_fails_stops_nothing(site: Site) -> None:
    async with people(site, "alice") as (gateway, (alice,)):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)

        def fail(state: State) -> None:
            raise RuntimeError("a fault of the app's")

        alice.on(State, fail)
        foreign = alice.conversation(await create(gateway, "bob"))
        message = await foreign.send("Hello?")
        with pytest.raises(Refused):
            await message.acknowledged
        with pytest.raises(Refused):
            await take(foreign.events(after=0), 1)
        assert (message.state, alice.outbox) == ("failed", (message,))
        message.discard()
        assert alice.outbox == ()
