"""A message is stored, recognised or refused alike, whether it is committed alone, with a few others or with many."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.storage.append import Appender, NewEvent, Outcome, Poisonous, Status
from shared.storage.connection import Connections
from shared.storage.conversations import Conversations, NewConversation, inbox_id

TIMEOUT_S = 10.0
ALONE, A_FEW, MANY = 0, 2, 9


def _message(conversation: UUID, sender: str, text: str = "hello", id: UUID | None = None) -> NewEvent:
    return NewEvent(conversation, sender, id or uuid4(), "message", text, None, text.encode())


class _Store:
    """A database with a conversation of alice's and bob's, and a busy one that stands beside it in batches."""

    def __init__(self, url: str, others: int) -> None:
        self._appender = Appender(url, timeout_s=TIMEOUT_S, name="test")
        self._connections = Connections(url, size=2, timeout_s=TIMEOUT_S, name="test")
        self._others = others
        self.url = url
        self.room = self._beside = uuid4()

    async def open(self) -> None:
        self.room, self._beside = await self._create("alice", "bob"), await self._create("carol")

    async def _create(self, *users: str) -> UUID:
        roles = dict.fromkeys(users, "owner")
        made = await Conversations(self._connections).create(NewConversation(users[0], uuid4(), roles))
        return made.conversation

    async def close(self) -> None:
        self._appender.close()
        await self._connections.close()

    async def append(self, event: NewEvent, *, patient: bool = False) -> Outcome:
        batch = [event, *(_message(self._beside, "carol") for _ in range(self._others))]
        outcomes = await self._appender.append(batch, patient=patient)
        assert [outcome.status for outcome in outcomes[1:]] == [Status.STORED] * self._others
        return outcomes[0]

    async def execute(self, query: str, *arguments: object) -> None:
        async with self._connections.connection() as connection:
            await connection.execute(query, *arguments)

    async def stored(self) -> Sequence[tuple[int, str, str, int]]:
        async with self._connections.connection() as connection:
            rows = await connection.fetch(
                "SELECT seq, sender, text, messages FROM events WHERE conversation_id = $1 AND type = 'message' ORDER BY seq",
                self.room,
            )
        return [tuple(row) for row in rows]

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Another writer holds the conversation's row, and has not committed yet."""
        connection = await asyncpg.connect(self.url)
        try:
            async with connection.transaction():
                await connection.execute("SELECT FROM conversations WHERE conversation_id = $1 FOR NO KEY UPDATE", self.room)
                yield
        finally:
            await connection.close()


@pytest.fixture(params=[ALONE, A_FEW, MANY], ids=["alone", "with a few", "with many"])
async def store(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[_Store]:
    store = _Store(postgres_url, request.param)
    await store.open()
    yield store
    await store.close()


async def test_messages_take_the_next_numbers(store: _Store) -> None:
    first = await store.append(_message(store.room, "alice", "one"))
    second = await store.append(_message(store.room, "bob", "two"))
    third = await store.append(_message(store.room, "", "three"))

    assert [(o.status, o.seq, o.messages) for o in (first, second, third)] == [(Status.STORED, n + 1, n) for n in (1, 2, 3)]
    assert await store.stored() == [(2, "alice", "one", 1), (3, "bob", "two", 2), (4, "", "three", 3)]


async def test_the_same_id_gets_the_first_ones_number_and_time(store: _Store) -> None:
    event = _message(store.room, "alice", "one")
    first = await store.append(event)
    await store.append(_message(store.room, "bob", "two"))
    again = await store.append(event)
    assert (again.status, again.seq, again.at, again.messages) == (Status.DUPLICATE, first.seq, first.at, 1)
    assert len(await store.stored()) == 2


async def test_the_same_id_with_another_text_changes_nothing(store: _Store) -> None:
    event = _message(store.room, "alice", "one")
    await store.append(event)
    assert (await store.append(_message(store.room, "alice", "other", event.id))).status is Status.ID_REUSED
    assert await store.stored() == [(2, "alice", "one", 1)]


async def test_the_same_id_of_another_sender_is_another_message(store: _Store) -> None:
    event = _message(store.room, "alice", "one")
    await store.append(event)
    assert (await store.append(_message(store.room, "bob", "two", event.id))).status is Status.STORED


async def test_strangers_find_no_conversation(store: _Store) -> None:
    foreign = await store.append(_message(store.room, "mallory"))
    missing = await store.append(_message(uuid4(), "mallory"))
    nowhere = await store.append(_message(uuid4(), ""))
    assert [o.status for o in (foreign, missing, nowhere)] == [Status.NOT_FOUND] * 3
    assert foreign.epoch == missing.epoch
    assert await store.stored() == []


async def test_an_inbox_takes_no_message_not_even_from_its_user(store: _Store) -> None:
    for sender in ("alice", ""):
        assert (await store.append(_message(inbox_id("alice"), sender))).status is Status.NOT_FOUND


async def test_who_was_removed_still_hears_what_became_of_a_send_from_before(store: _Store) -> None:
    event = _message(store.room, "bob", "one")
    first = await store.append(event)
    await store.execute("DELETE FROM members WHERE conversation_id = $1 AND user_id = 'bob'", store.room)
    again, new = await store.append(event), await store.append(_message(store.room, "bob", "two"))
    assert (again.status, again.seq, new.status) == (Status.DUPLICATE, first.seq, Status.NOT_FOUND)


async def test_what_another_writer_holds_is_busy_and_comes_later(store: _Store) -> None:
    event, stranger = _message(store.room, "alice"), _message(store.room, "mallory")
    async with store.held():
        assert (await store.append(event)).status is Status.BUSY
        assert (await store.append(stranger)).status is Status.NOT_FOUND
    assert (await store.append(event, patient=True)).status is Status.STORED


async def test_a_text_that_the_database_refuses_is_poisonous_and_the_next_is_stored(store: _Store) -> None:
    with pytest.raises(Poisonous):
        await store.append(_message(store.room, "alice", "\x00"))
    assert (await store.append(_message(store.room, "alice", "fine"))).seq == 2
