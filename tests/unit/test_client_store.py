"""The Python client's file: what it keeps, and what it says of a disk that is no good."""

from pathlib import Path

import pytest
from ringpost_client import Client, OutboxLocked, State, StoreFailed
from ringpost_client.store import FILE, Fail, Put, See, Store

ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


def put(id: str) -> Put:
    return Put(ROOM, id, {"type": "send", "text": id})


def damage(folder: Path) -> None:
    """Write over the second page of the file, which holds the outbox's root."""
    store = Store(folder)
    store.apply([put(f"{n}" * 500) for n in range(20)])
    store.close()
    with (folder / FILE).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


def write_nonsense(folder: Path) -> None:
    folder.mkdir()
    (folder / FILE).write_bytes(b"this is no database" * 1000)


def put_a_file_in_the_way(folder: Path) -> None:
    folder.write_text("a file")


def come_from_the_future(folder: Path) -> None:
    store = Store(folder)
    store._connection.execute("PRAGMA user_version = 99")
    store.close()


FAULTS = [damage, write_nonsense, put_a_file_in_the_way, come_from_the_future]


@pytest.mark.parametrize("spoil", FAULTS)
async def test_a_folder_that_can_not_be_used_is_a_typed_error(spoil, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    spoil(tmp_path / "state")
    with pytest.raises(StoreFailed, match="state"):
        await Client("http://nowhere", "http://nowhere", "t", state=tmp_path / "state").__aenter__()


@pytest.mark.parametrize("spoil", FAULTS)
async def test_where_memory_will_do_the_app_is_told_and_the_file_is_left_alone(spoil, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder, states = tmp_path / "state", list[State]()
    spoil(folder)
    before = [path.read_bytes() for path in (folder, folder / FILE) if path.is_file()]
    async with Client(
        "http://127.0.0.1:9", "http://127.0.0.1:9", "t", state=folder, memory_will_do=True, on_state=states.append
    ) as client:
        assert client.outbox == ()

    assert [(state.service, state.is_up, bool(state.reason)) for state in states] == [("storage", False, True)]
    assert [path.read_bytes() for path in (folder, folder / FILE) if path.is_file()] == before


def test_what_is_said_is_nobody_elses_to_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.apply([put("one")])
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {FILE: 0o600, f"{FILE}-wal": 0o600}
    store.close()


def test_one_has_it_at_a_time(tmp_path: Path) -> None:
    first = Store(tmp_path)
    with pytest.raises(OutboxLocked):
        Store(tmp_path)
    first.close()
    Store(tmp_path).close()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreFailed):
        store.apply([put("one"), Put(ROOM, "\ud800", {"type": "send", "text": "no id"})])
    store.apply([put("two"), Fail(ROOM, "two", "invalid", "a lone \ud800")])
    assert [(kept.id, kept.failed) for kept in store.load()] == [("two", ("invalid", "a lone ?"))]
    store.close()


def test_positions_are_as_they_were_seen_last(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.load_positions().epoch is None
    store.apply([See("e", 3, {"a": 1, "b": 2})])
    store.apply([See("e", 4, {"a": 5, "b": 2, "c": 1})])
    store.close()

    store = Store(tmp_path)
    at = store.load_positions()
    assert (at.epoch, at.inbox, at.of) == ("e", 4, {"a": 5, "b": 2, "c": 1})
    store.apply([See("another", 1, {"b": 7})])
    at = store.load_positions()
    assert (at.epoch, at.inbox, at.of) == ("another", 1, {"b": 7})
    store.close()
