"""What can be done to messages and conversations: who may, what is stored, what is shown, what is erased."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio

from deploy.local.postgres import PostgresServer
from deploy.local.valkey import ValkeyServer
from tests.databases import a_database
from tests.gateways import ADMIN, Process, Site, bearer, running
from tests.talk import create, greeted

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(slots=True)
class Room:
    """A conversation of alice's (owner), with mo (moderator) and bob; calls by their users."""

    write: Process
    read: Process
    id: str
    http: httpx.AsyncClient
    postgres_url: str

    async def post(self, path: str, by: str, /, **body: Any) -> httpx.Response:
        url = f"{self.write.url}/v1/conversations/{self.id}/{path}"
        headers = ADMIN if by == "" else bearer(by)
        return await self.http.post(url, json={"id": str(uuid4())} | body, headers=headers)

    async def send(self, by: str, /, **body: Any) -> httpx.Response:
        return await self.post("messages", by, **body)

    async def sent(self, by: str, /, **body: Any) -> int:
        response = await self.send(by, **body)
        assert response.status_code == 201, response.text
        seq: int = response.json()["seq"]
        return seq

    async def code(self, path: str, by: str, /, **body: Any) -> str:
        """Return the code of the refusal, or `stored`."""
        response = await self.post(path, by, **body)
        return "stored" if response.status_code == 201 else str(response.json()["code"])

    async def get(self, path: str, user: str, **query: Any) -> Any:
        response = await self.http.get(f"{self.read.url}/v1/conversations/{self.id}/{path}", params=query, headers=bearer(user))
        return response.json() if response.status_code == 200 else response.json()["code"]

    async def history(self, user: str = "alice", **query: Any) -> dict[int, dict[str, Any]]:
        page = await self.get("history", user, **query)
        return {item["seq"]: item for item in page["items"]}

    async def log(self, user: str = "alice") -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = (await self.get("events", user, after=0, limit=1000))["events"]
        return events


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres: PostgresServer, template: str, valkey: ValkeyServer) -> AsyncIterator[Site]:
    """One write and one read gateway for all of these."""
    async with a_database(postgres.url, template) as url, running(Site(url, valkey.url, f"test-{token_hex(6)}")) as site:
        await asyncio.gather(site.start("write"), site.start("read"))
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def room(house: Site) -> AsyncIterator[Room]:
    write, read = house.processes[:2]
    id = await create(write, "alice", "bob", "mo", title="Tea")
    async with httpx.AsyncClient(timeout=20) as http:
        room = Room(write, read, id, http, house.postgres_url)
        assert await room.code("role", "alice", user="mo", role="moderator") == "stored"
        yield room


async def test_an_edit_is_the_authors_alone_and_shows_as_the_text(room: Room) -> None:
    seq = await room.sent("bob", text="helo")
    for user in ("alice", "mo"):
        assert (await room.send(user, type="edit", seq=seq, text="no")).json()["code"] == "forbidden"
    edit = await room.sent("bob", type="edit", seq=seq, text="hello")
    item = (await room.history())[seq]
    assert (item["text"], item["edited"]["seq"]) == ("hello", edit)
    assert edit not in await room.history()
    raw = await room.log()
    assert [event["text"] for event in raw if "text" in event] == ["helo", "hello"]
    assert raw[edit - 1]["target"] == seq


async def test_a_deletion_erases_the_text_of_the_message_and_of_its_edits_everywhere(room: Room) -> None:
    seq = await room.sent("bob", text="a secret")
    edit = await room.sent("bob", type="edit", seq=seq, text="a secret still")
    await room.sent("alice", type="react", seq=seq, emoji="👍")
    assert (await room.send("carol", type="delete", seq=seq)).json()["code"] == "not_found"
    deletion = await room.sent("mo", type="delete", seq=seq)
    raw = await room.log()
    assert "secret" not in json.dumps(raw)
    assert raw[seq - 1] | {"erased": True} == raw[seq - 1]
    assert (raw[seq - 1]["sender"], raw[edit - 1]["erased"], raw[deletion - 1]["target"]) == ("bob", True, seq)
    item = (await room.history())[seq]
    assert item["erased"]
    assert "text" not in item
    assert "reactions" not in item
    rows = await _stored_texts(room)
    assert "secret" not in rows


async def test_nothing_is_done_to_what_is_deleted(room: Room) -> None:
    seq = await room.sent("bob", text="gone soon")
    await room.sent("bob", type="delete", seq=seq)
    for user, body in (
        ("bob", {"type": "edit", "text": "x"}),
        ("bob", {"type": "delete"}),
        ("alice", {"type": "react", "emoji": "👍"}),
        ("alice", {"type": "unreact", "emoji": "👍"}),
    ):
        response = await room.send(user, seq=seq, **body)
        assert (response.status_code, response.json()["code"]) == (410, "erased")


async def test_a_retry_of_an_erased_message_is_known_still(room: Room) -> None:
    id = str(uuid4())
    seq = await room.sent("bob", id=id, text="once")
    await room.sent("bob", type="delete", seq=seq)
    again = await room.send("bob", id=id, text="once")
    assert (again.status_code, again.json()["seq"]) == (200, seq)
    assert (await room.send("bob", id=id, text="twice")).json()["code"] == "id_reused"


async def test_reactions_are_a_set(room: Room) -> None:
    seq = await room.sent("bob", text="tea?")
    await room.sent("alice", type="react", seq=seq, emoji="👍")
    assert (await room.send("alice", type="react", seq=seq, emoji="👍")).json()["code"] == "unchanged"
    await room.sent("bob", type="react", seq=seq, emoji="👍")
    await room.sent("bob", type="react", seq=seq, emoji="🫖")
    assert (await room.history("alice"))[seq]["reactions"] == [
        {"emoji": "👍", "count": 2, "mine": True},
        {"emoji": "🫖", "count": 1, "mine": False},
    ]
    await room.sent("alice", type="unreact", seq=seq, emoji="👍")
    assert (await room.send("alice", type="unreact", seq=seq, emoji="👍")).json()["code"] == "unchanged"
    assert [r["count"] for r in (await room.history("alice"))[seq]["reactions"]] == [1, 1]
    assert [event["type"] for event in await room.log()][-4:] == ["reacted", "reacted", "reacted", "unreacted"]


async def test_kinds_of_reactions_are_bounded(room: Room) -> None:
    seq = await room.sent("bob", text="react!")
    emojis = [{"id": str(uuid4()), "type": "react", "seq": seq, "emoji": f"e{n}"} for n in range(51)]
    answers = await _post_array(room, "alice", emojis)
    assert [answer["status"] for answer in answers] == [201] * 50 + [409]
    assert answers[50]["code"] == "too_many_reactions"
    await room.sent("bob", type="react", seq=seq, emoji="e7")


@pytest.mark.parametrize("about", ["edit", "delete", "react", "reply"])
async def test_what_is_about_no_message_is_not_found(room: Room, about: str) -> None:
    body: dict[str, Any] = {
        "edit": {"type": "edit", "text": "x"},
        "delete": {"type": "delete"},
        "react": {"type": "react", "emoji": "x"},
        "reply": {"text": "x"},
    }[about]
    key = "reply_to" if about == "reply" else "seq"
    for seq in (1, 2, 999, 2**53 - 1):
        response = await room.send("bob", **body, **{key: seq})
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert len(await room.log()) == 2


async def test_a_reply_names_its_message_everywhere(room: Room) -> None:
    seq = await room.sent("bob", text="tea?")
    async with greeted(room.read, "mo") as talk:
        await talk.until("caught_up")
        reply = await room.sent("alice", text="yes", reply_to=seq)
        event = (await talk.until("events"))["events"][0]
    assert (event["seq"], event["text"], event["reply_to"]) == (reply, "yes", seq)
    assert (await room.history())[reply]["reply_to"] == (await room.log())[reply - 1]["reply_to"] == seq


async def test_an_array_is_answered_one_by_one_and_stored_in_its_order(room: Room) -> None:
    first, second, third = (str(uuid4()) for _ in range(3))
    seq = await room.sent("alice", text="mine")
    answers = await _post_array(
        room,
        "bob",
        [
            {"id": first, "text": "one"},
            {"id": second, "type": "edit", "seq": seq, "text": "not mine"},
            {"id": third, "text": "two"},
            {"id": first, "text": "one"},
            {"id": third, "text": "another"},
        ],
    )
    assert [(answer["id"], answer["status"]) for answer in answers] == [
        (first, 201),
        (second, 403),
        (third, 201),
        (first, 200),
        (third, 409),
    ]
    assert answers[2]["seq"] == answers[0]["seq"] + 1
    assert answers[3]["seq"] == answers[0]["seq"]


@pytest.mark.parametrize(
    "sends",
    [
        [],
        [{"text": "x"}],
        "x",
        5,
        [[]],
        [{"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": "shout", "text": "x"}],
        [{"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "text": "x"}] * 101,
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": "delete"},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": "delete", "seq": 1, "text": "x"},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": "react", "seq": 1, "emoji": "a\nb"},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": "react", "seq": 1, "emoji": " \u200b"},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": "react", "seq": 1.0, "emoji": "x"},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": "edit", "seq": 0, "text": "x"},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "text": "x", "reply_to": 2**63},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": None, "text": "x"},
        {"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "type": ["send"], "text": "x"},
    ],
)
async def test_what_is_no_send_is_refused_whole(room: Room, sends: Any) -> None:
    response = await room.http.post(f"{room.write.url}/v1/conversations/{room.id}/messages", json=sends, headers=bearer("bob"))
    assert (response.status_code, response.json()["code"]) == (422, "invalid"), response.text
    assert "shout" not in response.text
    assert len(response.content) < 4096
    assert len(await room.log()) == 2


async def test_everything_about_messages_goes_by_socket_too(room: Room) -> None:
    async with greeted(room.write, "bob") as talk:
        ids = [str(uuid4()) for _ in range(6)]
        about = {"conversation": room.id}
        await talk.send(type="send", id=ids[0], text="tea?", **about)
        seq = (await talk.until("acks"))["acks"][0]["seq"]
        await talk.send(type="edit", id=ids[1], seq=seq, text="Tea?", **about)
        await talk.send(type="react", id=ids[2], seq=seq, emoji="👍", **about)
        await talk.send(type="unreact", id=ids[3], seq=seq, emoji="👍", **about)
        await talk.send(type="delete", id=ids[4], seq=seq, **about)
        await talk.send(type="react", id=ids[5], seq=seq, emoji="👍", **about)
        acks: list[dict[str, Any]] = []
        refused: dict[str, Any] = {}
        while len(acks) < 4 or not refused:
            frame = await talk.receive()
            acks += frame.get("acks", [])
            refused = frame if frame["type"] == "error" else refused
    assert [ack["id"] for ack in acks] == ids[1:5]
    assert [ack["seq"] for ack in acks] == list(range(seq + 1, seq + 5))
    assert (refused["id"], refused["code"], refused["retryable"]) == (ids[5], "erased", False)


async def test_a_message_deleted_in_the_same_batch_is_published_erased(room: Room) -> None:
    async with greeted(room.read, "alice") as alice, greeted(room.write, "bob") as bob:
        await alice.until("caught_up")
        for n in range(20):
            await bob.send(type="send", conversation=room.id, id=str(uuid4()), text=f"secret {n}")
            await bob.send(type="delete", conversation=room.id, id=str(uuid4()), seq=3 + 2 * n)
        events = await alice.events(upto=42, after=2)
    assert [event["type"] for event in events] == ["message", "deleted"] * 20
    cached = await _stored_texts(room)
    assert "secret" not in cached


# Who is in it.


async def test_who_may_change_members(room: Room) -> None:
    assert await room.code("members", "bob", user="carol") == "forbidden"
    assert await room.code("members", "mo", user="carol", role="moderator") == "forbidden"
    assert await room.code("members", "mo", user="carol") == "stored"
    assert await room.code("members", "alice", user="carol") == "already_member"
    assert await room.code("remove", "bob", user="carol") == "forbidden"
    assert await room.code("remove", "mo", user="alice") == "forbidden"
    assert await room.code("remove", "mo", user="dave") == "not_found"
    assert await room.code("remove", "mo", user="carol") == "stored"
    assert await room.code("role", "mo", user="bob", role="owner") == "forbidden"
    assert await room.code("role", "alice", user="dave", role="owner") == "not_found"
    assert await room.code("role", "alice", user="bob", role="member") == "unchanged"
    assert await room.code("role", "", user="bob", role="moderator") == "stored"
    for path, body in (("members", {"user": "x"}), ("leave", {}), ("title", {"title": "x"}), ("join", {})):
        assert await room.code(path, "stranger", **body) == "not_found"


async def test_the_last_owner_stays_until_there_is_another(room: Room) -> None:
    assert await room.code("leave", "alice") == "last_owner"
    assert await room.code("role", "alice", user="alice", role="member") == "last_owner"
    assert await room.code("role", "alice", user="bob", role="owner") == "stored"
    assert await room.code("leave", "alice") == "stored"
    assert await room.get("history", "alice") == "not_found"
    assert await room.code("leave", "bob") == "last_owner"


async def test_two_owners_who_leave_at_once_leave_one(room: Room) -> None:
    assert await room.code("role", "alice", user="bob", role="owner") == "stored"
    codes = await asyncio.gather(room.code("leave", "alice"), room.code("leave", "bob"))
    assert sorted(codes) == ["last_owner", "stored"]


async def test_who_is_invited_hears_of_it_and_may_join(room: Room) -> None:
    async with greeted(room.read, "carol") as carol:
        await carol.until("caught_up")
        assert await room.code("join", "carol") == "not_found"
        assert await room.code("invitations", "bob", user="carol") == "forbidden"
        assert await room.code("invitations", "alice", user="carol", role="moderator") == "stored"
        invited = (await carol.until("inbox"))["events"][0]
        assert (invited["type"], invited["conversation"], invited["title"]) == ("invited", room.id, "Tea")
        assert await room.get("events", "carol") == "not_found"
        assert await room.code("join", "carol") == "stored"
        joined = (await carol.until("inbox"))["events"][0]
        assert (joined["type"], joined["role"]) == ("joined", "moderator")
        assert (await carol.until("events"))["events"][0]["type"] == "joined"
    assert await room.code("join", "carol") == "already_member"


async def test_an_invitation_can_be_taken_back(room: Room) -> None:
    assert await room.code("invitations", "mo", user="carol") == "stored"
    assert await room.code("invitations", "mo", user="carol") == "unchanged"
    assert await room.code("remove", "mo", user="carol") == "stored"
    assert await room.code("join", "carol") == "not_found"


async def test_an_open_conversation_lets_anybody_in(room: Room) -> None:
    room.id = await create(room.write, "alice", access="open")
    assert await room.code("messages", "bob", text="x") == "not_found"
    assert await room.code("join", "bob") == "stored"
    assert await room.code("messages", "bob", text="x") == "stored"


async def test_nothing_arrives_after_a_removal_and_rejoining_brings_all(room: Room) -> None:
    async with greeted(room.read, "bob") as bob, greeted(room.read, "alice") as alice:
        await bob.until("caught_up")
        await alice.until("caught_up")
        await room.sent("alice", text="before")
        assert await room.code("remove", "alice", user="bob") == "stored"
        await room.sent("alice", text="a secret")
        seen = await bob.events(upto=4, after=2)
        assert [event["type"] for event in seen] == ["message", "removed"]
        assert [event["type"] for event in await alice.events(upto=5, after=2)] == ["message", "removed", "message"]
        assert (await bob.until("inbox"))["events"][0] | {"type": "removed", "until": 4} == (await _inbox(room, "bob"))[-1]
        with pytest.raises(TimeoutError):
            await bob.until("events", wait_s=1.5)
        assert await room.code("messages", "bob", text="x") == "not_found"
        assert await room.code("members", "alice", user="bob") == "stored"
        again = await bob.events(upto=6, after=5)
        assert again[0]["type"] == "joined"
        await room.sent("alice", text="welcome back")
        assert (await bob.events(upto=7, after=6))[0]["text"] == "welcome back"


async def test_a_removal_that_was_never_published_takes_effect_all_the_same(room: Room, house: Site) -> None:
    mute = await house.start("write", redis_url="redis://127.0.0.1:1/0", name="mute")
    async with greeted(room.read, "bob") as bob:
        await bob.until("caught_up")
        unheard = Room(mute, room.read, room.id, room.http, room.postgres_url)
        assert await unheard.code("remove", "alice", user="bob") == "stored"
        await unheard.sent("alice", text="a secret")
        assert [event["type"] for event in await bob.events(upto=3, after=2)] == ["removed"]
        with pytest.raises(TimeoutError):
            await bob.until("events", wait_s=1.5)


async def test_a_removed_senders_retry_is_known_and_anything_new_is_not(room: Room) -> None:
    id = str(uuid4())
    seq = await room.sent("bob", id=id, text="x")
    assert await room.code("remove", "alice", user="bob") == "stored"
    again = await room.send("bob", id=id, text="x")
    assert (again.status_code, again.json()["seq"]) == (200, seq)
    assert (await room.send("bob", text="x")).status_code == 404


async def test_titles_and_topics(room: Room) -> None:
    assert await room.code("title", "bob", title="Coffee") == "forbidden"
    assert await room.code("title", "mo", title="Coffee") == "stored"
    assert await room.code("title", "mo", title="Coffee") == "unchanged"
    assert await room.code("topic", "alice", topic="Beans") == "stored"
    assert await room.code("title", "alice", title=None) == "stored"
    assert [(e["type"], e.get("title"), e.get("topic")) for e in (await room.log())[-3:]] == [
        ("renamed", "Coffee", None),
        ("topic_changed", None, "Beans"),
        ("renamed", None, None),
    ]
    listed = (await room.http.get(f"{room.read.url}/v1/conversations", headers=bearer("bob"))).json()["conversations"]
    assert [(row["title"], row["topic"]) for row in listed if row["conversation"] == room.id] == [(None, "Beans")]


async def test_a_change_is_stored_once_by_its_id(room: Room) -> None:
    id = str(uuid4())
    first = await room.post("title", "alice", id=id, title="Coffee")
    again = await room.post("title", "alice", id=id, title="Coffee")
    other = await room.post("title", "alice", id=id, title="Cocoa")
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json()["seq"] == again.json()["seq"]


async def test_members_are_listed_page_by_page_to_members(room: Room) -> None:
    first = await room.get("members", "bob", limit=2)
    assert [(m["user"], m["role"]) for m in first["members"]] == [("alice", "owner"), ("bob", "member")]
    second = await room.get("members", "bob", limit=2, after=first["next"])
    assert [(m["user"], m["role"]) for m in second["members"]] == [("mo", "moderator")]
    assert second["next"] is None
    assert await room.get("members", "stranger") == "not_found"


# Direct conversations.


async def test_a_direct_conversation_is_one_whoever_asks_also_in_a_race(room: Room, house: Site) -> None:
    other = await house.start("write", name="other")

    async def open_direct(write: Process, user: str, with_user: str) -> dict[str, Any]:
        body = {"id": str(uuid4()), "user": with_user}
        response = await room.http.post(f"{write.url}/v1/direct", json=body, headers=bearer(user))
        assert response.status_code in (200, 201), response.text
        return {"status": response.status_code, **response.json()}

    calls = [open_direct(write, *pair) for write in (room.write, other) for pair in (("ann", "ben"), ("ben", "ann")) * 5]
    answers = await asyncio.gather(*calls)
    assert len({answer["conversation"] for answer in answers}) == 1
    assert sorted(answer["status"] for answer in answers) == [200] * 19 + [201]
    room.id = answers[0]["conversation"]
    listed = (await room.http.get(f"{room.read.url}/v1/conversations", headers=bearer("ben"))).json()["conversations"]
    assert [(row["conversation"], row["kind"], row["with"]) for row in listed] == [(room.id, "direct", "ann")]
    assert await room.code("messages", "ben", text="hi") == "stored"
    for path, body in (("members", {"user": "eve"}), ("leave", {}), ("title", {"title": "x"})):
        assert await room.code(path, "ann", **body) == "forbidden"


async def test_a_direct_conversation_is_with_somebody_else(room: Room) -> None:
    body = {"id": str(uuid4()), "user": "ann"}
    response = await room.http.post(f"{room.write.url}/v1/direct", json=body, headers=bearer("ann"))
    assert (response.status_code, response.json()["code"]) == (422, "invalid")


# History.


async def test_history_goes_both_ways_and_skips_what_is_about_messages(room: Room) -> None:
    seqs = [await room.sent("bob", text=f"m{n}") for n in range(5)]
    await room.sent("bob", type="react", seq=seqs[0], emoji="x")
    page = await room.get("history", "alice", limit=3)
    assert ([item["seq"] for item in page["items"]], page["complete"], page["head"]) == (seqs[2:], False, seqs[-1] + 1)
    page = await room.get("history", "alice", before=seqs[2], limit=10)
    assert ([item["seq"] for item in page["items"]], page["complete"]) == ([1, 2, *seqs[:2]], True)
    page = await room.get("history", "alice", after=seqs[3], limit=1)
    assert ([item["seq"] for item in page["items"]], page["complete"]) == ([seqs[4]], False)
    page = await room.get("history", "alice", after=seqs[4], limit=1)
    assert (page["items"], page["complete"]) == ([], True)


async def test_who_joined_later_sees_from_there_where_history_says_so(room: Room) -> None:
    room.id = await create(room.write, "alice", history="joined")
    old = await room.sent("alice", text="old")
    assert await room.code("members", "alice", user="bob") == "stored"
    new = await room.sent("alice", text="new")
    assert list(await room.history("bob")) == [old + 1, new]
    assert (await room.send("bob", type="react", seq=old, emoji="x")).json()["code"] == "not_found"
    assert (await room.send("bob", text="what?", reply_to=old)).json()["code"] == "not_found"
    await room.sent("bob", type="react", seq=new, emoji="x")


async def _post_array(room: Room, user: str, sends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    url = f"{room.write.url}/v1/conversations/{room.id}/messages"
    response = await room.http.post(url, json=sends, headers=bearer(user))
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()
    return answers


async def _inbox(room: Room, user: str) -> list[dict[str, Any]]:
    body = {"wait_s": 0, "limit": 1000}
    polled = (await room.http.post(f"{room.read.url}/v1/poll", json=body, headers=bearer(user))).json()
    events: list[dict[str, Any]] = polled["inbox"]["events"]
    return events


async def _stored_texts(room: Room) -> str:
    connection = await asyncpg.connect(room.postgres_url)
    try:
        rows = await connection.fetch("SELECT text FROM events WHERE conversation_id = $1", UUID(room.id))
        return json.dumps([str(row[0]) for row in rows])
    finally:
        await connection.close()
