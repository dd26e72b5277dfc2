"""The Python client's sends: first on the disk, then out; what is refused is kept until it is retried or discarded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ringpost_client import Ack, Closed, Fsync, Message, MessageState, Refused, StoreFailed
from ringpost_client.disk import Disk, open_disk
from ringpost_client.outbox import Pending
from ringpost_client.sends import Sends
from ringpost_client.session import Acked, Failed

from deploy.replay.polling import until

ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"
A, B, C = (f"{letter * 8}-8d7b-4c3f-9a60-1b2c3d4e5f60" for letter in "abc")


def text(words: str) -> dict[str, str]:
    return {"type": "send", "text": words}


class Desk:
    """Sends with a disk, what went out, and what the app heard."""

    def __init__(self, disk: Disk | None = None, *, memory_will_do: bool = False) -> None:
        self.out: list[Pending] = []
        self.heard: list[tuple[str, MessageState]] = []
        self.sends = Sends(disk, self.out.append, self._hear, memory_will_do=memory_will_do)

    def _hear(self, message: Message) -> None:
        self.heard.append((message.id, message.state))

    def refuse(self, id: str) -> None:
        """Let the service refuse it for good."""
        assert self.sends.outbox.fail(ROOM, id) is not None
        self.sends.hear(Failed(ROOM, id, "not_found", "No such conversation."))

    def acknowledge(self, id: str) -> None:
        assert self.sends.outbox.settle(ROOM, id) is not None
        self.sends.hear(Acked([Ack(ROOM, id, 2, "now", False, 1)]))

    def texts(self) -> list[str]:
        return [pending.text for pending in self.out]


@asynccontextmanager
async def desk_on(folder: Path, *, memory_will_do: bool = False) -> AsyncIterator[Desk]:
    """A desk with what is on the disk in *folder*; at the end all is written, and the file is closed."""
    disk, kept, _ = await open_disk(folder, Fsync.NEVER, lambda _: None)
    desk = Desk(disk, memory_will_do=memory_will_do)
    desk.sends.restore(kept)
    yield desk
    await disk.close()


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


async def out(desk: Desk, many: int) -> None:
    async with asyncio.timeout(10):
        await until(lambda: len(desk.out) >= many, 0.001)


async def test_nothing_goes_out_before_it_is_on_the_disk(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        message = desk.sends.add(ROOM, text("one"), A)
        await asyncio.sleep(0)

        assert (message.state, list(desk.sends.outbox), desk.out) == (MessageState.PENDING, [], [])
        async with asyncio.timeout(10):
            await message.stored()
        assert desk.texts() == ["one"]


async def test_what_the_process_before_left_is_there_and_its_id_is_the_same_message(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as before:
        for n, id in enumerate((A, B, C)):
            before.sends.add(ROOM, text(f"m{n}"), id)
        await out(before, 3)
        before.acknowledge(B)

    async with desk_on(tmp_path) as after:
        left = after.sends.messages
        assert [(message.id, message.text) for message in left] == [(A, "m0"), (C, "m2")]
        assert after.sends.add(ROOM, text("m2"), C) is left[1]
        with pytest.raises(Refused) as refused:
            after.sends.add(ROOM, text("another"), C)
        await asyncio.sleep(0.01)
        assert (refused.value.code, after.out) == ("id_reused", [])


async def test_what_was_refused_outlives_the_process_and_goes_out_when_it_is_retried(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as before:
        message = before.sends.add(ROOM, text("one"), A)
        before.sends.add(ROOM, text("two"), B)
        await out(before, 2)
        before.refuse(A)
        assert isinstance(message.acknowledged.exception(), Refused)
        assert before.sends.pending == 1

    async with desk_on(tmp_path) as after:
        failed, pending = after.sends.messages
        assert (failed.state, pending.state) == (MessageState.FAILED, MessageState.PENDING)
        assert isinstance(failed.error, Refused)
        assert failed.error.code == "not_found"
        assert [each.id for each in after.sends.outbox] == [B]
        failed.retry()
        await out(after, 1)
        assert after.texts() == ["one"]
        assert [each.id for each in after.sends.messages] == [B, A]
        after.acknowledge(A)
        assert (failed.state, failed.seq) == (MessageState.SENT, 2)
        assert (await failed.acknowledged).seq == 2

    async with desk_on(tmp_path) as last:
        assert [each.id for each in last.sends.messages] == [B]


async def test_what_is_discarded_is_gone_from_the_disk(tmp_path: Path) -> None:
    secret = "a word that nobody is to find"
    async with desk_on(tmp_path) as desk:
        message = desk.sends.add(ROOM, text(secret), A)
        await out(desk, 1)
        message.discard()
        assert message.state is MessageState.PENDING  # it may be stored already: only what failed can be given up
        desk.refuse(A)
        message.discard()
        assert (message.state, desk.sends.messages) == (MessageState.DISCARDED, ())

    assert not any(secret.encode() in file for file in files(tmp_path))


async def test_the_app_hears_of_each_change_of_state() -> None:
    desk = Desk()
    message = desk.sends.add(ROOM, text("one"), A)
    desk.refuse(A)
    message.retry()
    desk.acknowledge(A)

    assert desk.heard == [(A, MessageState.FAILED), (A, MessageState.PENDING), (A, MessageState.SENT)]
    assert desk.texts() == ["one", "one"]


async def test_after_the_end_nothing_is_said_retried_or_given_up(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        failed, pending = (desk.sends.add(ROOM, text(id), id) for id in (A, B))
        await out(desk, 2)
        desk.refuse(A)
        desk.sends.fail(Closed("this client was closed"))
        for call in (failed.retry, failed.discard, lambda: desk.sends.add(ROOM, text("late"), C)):
            with pytest.raises(Closed):
                call()
        with pytest.raises(Closed):
            await pending.acknowledged

    async with desk_on(tmp_path) as after:
        assert [(each.id, each.state) for each in after.sends.messages] == [(A, "failed"), (B, "pending")]


async def test_a_text_that_is_none_is_refused_and_leaves_nothing() -> None:
    desk = Desk()
    with pytest.raises(Refused):
        desk.sends.add(ROOM, text("\ud800"), None)
    assert (desk.out, desk.sends.messages) == ([], ())


def fill(disk: Disk) -> None:
    """Leave no room: SQLite takes no further page."""
    connection = disk._store._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")


def make_room(disk: Disk) -> None:
    disk._store._connection.execute("PRAGMA max_page_count = 1000000")


LONG = "x" * 100_000


async def test_what_a_full_disk_does_not_take_fails_and_can_be_retried_when_there_is_room(tmp_path: Path) -> None:
    faults: list[StoreFailed | None] = []
    disk, _, _ = await open_disk(tmp_path, Fsync.ALWAYS, faults.append)
    desk = Desk(disk)
    fill(disk)
    message = desk.sends.add(ROOM, text(LONG), A)
    with pytest.raises(StoreFailed, match="full"):
        await message.stored()

    assert (message.state, desk.out, desk.sends.pending) == (MessageState.FAILED, [], 0)
    make_room(disk)
    message.retry()
    await out(desk, 1)
    desk.acknowledge(A)
    await disk.close()
    assert [fault is None for fault in faults] == [False, True, True]


async def test_where_memory_will_do_what_a_full_disk_does_not_take_goes_out_all_the_same(tmp_path: Path) -> None:
    disk, _, _ = await open_disk(tmp_path, Fsync.ALWAYS, lambda _: None)
    desk = Desk(disk, memory_will_do=True)
    fill(disk)
    desk.sends.add(ROOM, text(LONG), A)
    await out(desk, 1)
    desk.acknowledge(A)
    await disk.close()

    assert desk.heard == [(A, MessageState.SENT)]


async def test_what_was_acknowledged_while_the_disk_was_full_leaves_it_later(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        disk = desk.sends._disk
        assert disk is not None
        desk.sends.add(ROOM, text("one"), A)
        await out(desk, 1)
        fill(disk)
        desk.sends.add(ROOM, text(LONG), B)
        desk.acknowledge(A)
        async with asyncio.timeout(10):
            await until(lambda: len(desk.heard) == 2, 0.001)
        make_room(disk)

    async with desk_on(tmp_path) as after:
        assert after.sends.messages == ()
