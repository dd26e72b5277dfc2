"""A restored backup: what clients had seen of the time after it is void, and they find out."""

import asyncio
import os
import re
import subprocess
import sys
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from shared.close_codes import CloseCode
from tests.figures import figure
from tests.gateways import Process, Site, bearer
from tests.system import ROOT
from tests.talk import create, greeted, post


def restored(postgres_url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "RINGPOST_POSTGRES_URL": postgres_url}
    command = [sys.executable, "-m", "deploy.cli", "restored", *flags]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def go_back(postgres_url: str, conversation: str, head: int) -> None:
    """Have the database as it was when *conversation* ended at *head*."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DELETE FROM events WHERE conversation_id = $1 AND seq > $2", conversation, head)
    query = "UPDATE conversations SET head = $2::bigint, messages = $2::bigint - 1 WHERE conversation_id = $1"
    await connection.execute(query, conversation, head)
    await connection.close()


async def hears_of(read: Process, epoch: UUID) -> None:
    """Wait until a read gateway knows that *epoch* has begun; until then it sends newcomers away, to come again."""
    async with asyncio.timeout(10):
        while await figure(read, "read_epoch") != epoch.int >> 76:  # noqa: ASYNC110  # another process knows
            await asyncio.sleep(0.05)


async def test_after_a_restored_backup_positions_are_lost_and_clients_have_what_there_is(site: Site) -> None:
    write, read = await asyncio.gather(site.start("write"), site.start("read"))
    room = await create(write, "alice")
    for n in range(3):
        await post(write, "alice", room, f"before {n}")
    async with greeted(read, "alice") as talk:
        epoch = talk.welcome["epoch"]
        assert [event["text"] for event in (await talk.events(4))[1:]] == ["before 0", "before 1", "before 2"]

        await go_back(site.postgres_url, room, 2)
        told = await asyncio.to_thread(restored, site.postgres_url, "--yes")
        assert await talk.closed() == CloseCode.UNAVAILABLE

    assert (told.returncode, told.stderr) == (0, "")
    before, after = map(UUID, re.findall(r"[0-9a-f-]{36}", told.stdout))
    assert str(before) == epoch
    await hears_of(read, after)
    for n in range(3):
        await post(write, "alice", room, f"after {n}")  # these get the numbers that others had
    async with greeted(read, "alice", epoch=epoch, inbox=1, positions={room: 4}) as talk:
        assert talk.welcome["epoch"] != epoch
        lost = await talk.until("position_lost")
        texts = [event["text"] for event in (await talk.events(5))[1:]]

    assert lost["epoch"] == talk.welcome["epoch"]
    assert texts == ["before 0", "after 0", "after 1", "after 2"]


async def test_nobody_who_did_not_mean_it_begins_another_history(site: Site) -> None:
    write = await site.start("both")
    async with httpx.AsyncClient() as client:
        conversations = f"{write.url}/v1/conversations"
        await client.post(conversations, json={"id": str(uuid4())}, headers=bearer("alice"))
        before = (await client.get(conversations, headers=bearer("alice"))).json()["epoch"]
        told = await asyncio.to_thread(restored, site.postgres_url)
        after = (await client.get(conversations, headers=bearer("alice"))).json()["epoch"]

    assert (told.returncode, told.stdout) == (2, "")
    assert "--yes" in told.stderr
    assert after == before


def test_a_database_that_is_away_is_said_in_a_line() -> None:
    told = restored("postgresql://nobody@127.0.0.1:9/none", "--yes")

    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("told", ["system_identifier", "timeline"])
async def test_another_cluster_or_timeline_is_another_history_by_itself(postgres_url: str, told: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    before = await connection.fetchval("SELECT current_epoch()")
    await connection.execute(f"UPDATE history_epoch SET {told} = {told} + 1")  # as a dump of there, restored here
    after = await connection.fetchval("SELECT current_epoch()")
    again = await connection.fetchval("SELECT current_epoch()")
    await connection.close()

    assert after != before
    assert again == after
