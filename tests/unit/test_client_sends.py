"""The Python client's sends: first into the outbox on disk, then out."""

import asyncio
from pathlib import Path

import pytest
from ringpost_client import Ack, Fsync, Pending
from ringpost_client.sends import Sends
from ringpost_client.session import Acked

ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


async def test_asking_for_a_send_of_the_process_before_sends_it_no_second_time(tmp_path: Path) -> None:
    before = Sends(tmp_path / "outbox.log", Fsync.NEVER, lambda _: None)
    before.add(ROOM, "one", "a")
    await asyncio.sleep(0)
    before.close()
    out: list[Pending] = []
    after = Sends(tmp_path / "outbox.log", Fsync.NEVER, out.append)

    future = after.add(ROOM, "one", "a")
    await asyncio.sleep(0)
    after.outbox.settle(ROOM, "a")
    after.hear(Acked([Ack(ROOM, "a", 2, "", False, 1)]))

    assert out == []
    assert (await future).seq == 2
    after.close()


async def test_an_id_of_the_process_before_with_another_text_is_no_send(tmp_path: Path) -> None:
    before = Sends(tmp_path / "outbox.log", Fsync.NEVER, lambda _: None)
    before.add(ROOM, "one", "a")
    await asyncio.sleep(0)
    before.close()
    after = Sends(tmp_path / "outbox.log", Fsync.NEVER, lambda _: None)

    with pytest.raises(ValueError, match="another text"):
        after.add(ROOM, "two", "a")
    assert [pending.text for pending in after.outbox] == ["one"]
    after.close()
