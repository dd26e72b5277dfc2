"""What is published of a batch: each log's events in finished frames, nothing of what was erased meanwhile."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from services.write.publications import FRAME_BYTES, Stored, of_batch, of_change
from shared.bus.payload import Payload
from shared.bus.topics import Topics
from shared.storage.append import NewEvent, Outcome, Status
from shared.storage.conversations import Appended, Change

EPOCH, AT = uuid4(), datetime(2026, 11, 24, 12, 30, 1, 5, UTC)


def _outcome(seq: int, generation: int = 0) -> Outcome:
    return Outcome(Status.STORED, seq, AT, seq, generation, EPOCH)


def _stored(room: UUID, seq: int, type: str, text: str | None, target: int | None = None, generation: int = 0) -> Any:
    return NewEvent(room, "alice", uuid4(), type, text, target, b""), _outcome(seq, generation)


def _read(stored: Stored) -> list[tuple[UUID, Payload, dict[str, Any]]]:
    return [(log, payload, msgspec.json.decode(payload.frame)) for log, payload in of_batch(stored)]


def test_each_log_of_a_batch_gets_one_frame_with_its_events_in_order() -> None:
    tea, coffee = uuid4(), uuid4()
    batch = [_stored(tea, 5, "message", "a"), _stored(coffee, 9, "message", "b"), _stored(tea, 6, "message", "c")]
    (first, payload, frame), (second, _, other) = _read(batch)
    assert (first, second) == (tea, coffee)
    assert (payload.epoch, payload.first, payload.last, payload.gone) == (EPOCH, 5, 6, None)
    assert (frame["type"], frame["conversation"], frame["from"], frame["to"]) == ("events", str(tea), 5, 6)
    assert [event["text"] for event in frame["events"]] == ["a", "c"]
    assert other["events"][0]["at"] == "2026-11-24T12:30:01.000005Z"


def test_an_event_has_the_fields_of_its_type_and_no_others() -> None:
    room = uuid4()
    batch = [
        _stored(room, 1, "message", "a"),
        _stored(room, 2, "message", "b", 1),
        _stored(room, 3, "edited", "c", 1),
        _stored(room, 4, "reacted", "👍", 1),
        _stored(room, 5, "unreacted", "👍", 1),
    ]
    ((_, _, frame),) = _read(batch)
    common = {"seq", "type", "sender", "id", "at", "messages"}
    own = [{name: event[name] for name in event if name not in common} for event in frame["events"]]
    assert own == [
        {"text": "a"},
        {"text": "b", "reply_to": 1},
        {"text": "c", "target": 1},
        {"target": 1, "emoji": "👍"},
        {"target": 1, "emoji": "👍"},
    ]


def test_what_is_deleted_in_the_same_batch_is_published_erased_under_the_new_generation() -> None:
    room = uuid4()
    batch = [
        _stored(room, 7, "message", "secret"),
        _stored(room, 8, "message", "not secret"),
        _stored(room, 9, "edited", "secret too", 7),
        _stored(room, 10, "deleted", None, 7, generation=4),
    ]
    ((_, payload, frame),) = _read(batch)
    assert payload.generation == 4
    assert [event.get("text") for event in frame["events"]] == [None, "not secret", None, None]
    assert [event.get("erased") for event in frame["events"]] == [True, None, True, None]
    assert b"secret too" not in payload.frame


def test_a_large_batch_is_cut_into_frames_that_continue_each_other() -> None:
    room = uuid4()
    read = _read([_stored(room, seq, "message", "x" * 8_000) for seq in range(1, 101)])
    assert len(read) > 5
    assert [seq for _, _, frame in read for seq in range(frame["from"], frame["to"] + 1)] == list(range(1, 101))
    assert all(len(payload.frame) < FRAME_BYTES for _, payload, _ in read)
    assert all((payload.first, payload.last) == (frame["from"], frame["to"]) for _, payload, frame in read)


def test_a_removal_names_who_is_gone_in_the_conversations_payload_alone() -> None:
    room, inbox = uuid4(), uuid4()
    event = {"seq": 5, "type": "removed", "user": "bob"}
    told = {"seq": 2, "type": "removed", "conversation": room, "until": 5}
    change = Change(room, _outcome(5, 3), [Appended(room, event), Appended(inbox, told, "bob")])
    (log, payload), (other, about) = of_change(change)
    assert (log, payload.gone, payload.generation) == (room, "bob", 3)
    assert (other, about.gone, about.generation) == (inbox, None, 0)
    assert msgspec.json.decode(about.frame)["type"] == "inbox"


def test_a_join_puts_nobody_out() -> None:
    room = uuid4()
    change = Change(room, _outcome(5), [Appended(room, {"seq": 5, "type": "joined", "user": "bob"})])
    ((_, payload),) = of_change(change)
    assert payload.gone is None


def test_a_caches_time_begins_anew_now_and_then_only() -> None:
    topics, room = Topics("p"), uuid4()
    lasting = [topics.of(room, EPOCH, 0, now)[2] for now in (0.0, 1.0, 74.0, 76.0, 77.0)]
    assert lasting == [True, False, False, True, False]


def test_another_generation_or_epoch_has_a_key_of_its_own() -> None:
    topics, room = Topics("p"), uuid4()
    keys = [topics.of(room, epoch, n, 0.0)[1] for epoch, n in ((EPOCH, 0), (EPOCH, 1), (uuid4(), 1))]
    assert len(set(keys)) == 3
    assert topics.of(room, EPOCH, 0, 0.0)[1:] == (keys[0], True)
