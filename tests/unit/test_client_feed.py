"""Who takes every event, and who follows a conversation: each at their own pace, each event once, in order."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from ringpost_client import Event, PositionLost, Positions
from ringpost_client.feed import Feed
from ringpost_client.follower import BUFFER_EVENTS, Follower, joined
from ringpost_client.session import Deliver, Seated

ROOM, OTHER = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "6f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


def events(first: int, last: int, room: str = ROOM) -> list[Event]:
    return [Event(room, seq, "message", {"seq": seq, "text": f"m{seq}"}) for seq in range(first, last + 1)]


class Stand:
    """A feed, and what it asked for."""

    def __init__(self) -> None:
        self.held: list[bool] = []
        self.restarts: list[dict[str, int]] = []
        self.feed = Feed(Positions("e"), self.held.append, self._restart)
        self.feed.is_whole = True

    def _restart(self, start: Positions) -> None:
        self.restarts.append(dict(start.of))
        self.feed.begin_anew()

    def deliver(self, *batch: Event) -> None:
        self.feed.put(Deliver(list(batch)))


class Log:
    """A conversation's log, and what was asked of it page by page."""

    def __init__(self, head: int) -> None:
        self.head = head
        self.asked: list[tuple[int, int | None]] = []

    async def pages(self, after: int, before: int | None) -> AsyncIterator[Event]:
        self.asked.append((after, before))
        for event in events(after + 1, self.head if before is None else before - 1):
            yield event


async def take(source: AsyncIterator[Event], many: int) -> list[int]:
    async with asyncio.timeout(10):
        return [(await anext(source)).seq for _ in range(many)]


async def test_who_takes_every_event_and_is_slow_has_the_socket_held_until_there_is_room() -> None:
    stand = Stand()
    stand.deliver(*events(1, BUFFER_EVENTS + 1))
    assert stand.held == [True]

    taken = await take(stand.feed.events(), BUFFER_EVENTS // 2 + 2)

    assert taken == list(range(1, BUFFER_EVENTS // 2 + 3))
    assert stand.held == [True, False]


async def test_beside_a_follower_the_slow_one_is_cut_and_begins_anew_where_they_were() -> None:
    stand = Stand()
    stand.feed.follow(OTHER)
    everything = stand.feed.events()
    stand.deliver(*events(1, 2))
    assert await take(everything, 2) == [1, 2]
    stand.deliver(*events(3, BUFFER_EVENTS + 10))
    next_one = asyncio.ensure_future(take(everything, 1))
    await asyncio.sleep(0)

    assert (stand.held, stand.restarts) == ([], [{ROOM: 2}])
    stand.deliver(*events(3, 3))
    assert await next_one == [3]


async def test_who_comes_to_follow_frees_a_socket_that_was_held() -> None:
    stand = Stand()
    stand.deliver(*events(1, BUFFER_EVENTS + 1))
    follower = stand.feed.follow(OTHER)
    stand.deliver(*events(1, 1, OTHER))

    assert stand.held == [True, False]
    assert (await follower.next()) == events(1, 1, OTHER)[0]


async def test_a_slow_follower_is_cut_and_gets_what_they_lack_from_the_log() -> None:
    stand, log = Stand(), Log(BUFFER_EVENTS + 5)
    slow, quick = stand.feed.follow(ROOM), stand.feed.follow(ROOM)
    slow_events, quick_events = joined(slow, 0, log.pages), joined(quick, 0, log.pages)
    for event in events(1, BUFFER_EVENTS + 5):
        stand.deliver(event)
        assert await take(quick_events, 1) == [event.seq]
    assert log.asked == []

    assert await take(slow_events, BUFFER_EVENTS + 5) == list(range(1, BUFFER_EVENTS + 6))
    stand.deliver(*events(BUFFER_EVENTS + 6, BUFFER_EVENTS + 6))
    assert await take(slow_events, 1) == [BUFFER_EVENTS + 6]
    assert log.asked == [(0, None)]


async def test_a_gap_is_filled_from_the_log_and_what_comes_twice_is_shown_once() -> None:
    follower, log = Follower(), Log(9)
    for event in (*events(1, 3), *events(2, 4), *events(8, 9)):
        follower.push(event)

    assert await take(joined(follower, 1, log.pages), 8) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert log.asked == [(4, 8)]


async def test_from_now_on_begins_with_the_first_one_that_comes() -> None:
    follower, log = Follower(), Log(0)
    for event in events(7, 8):
        follower.push(event)

    assert await take(joined(follower, None, log.pages), 2) == [7, 8]
    assert log.asked == []


async def test_a_deletion_erases_the_text_that_waits_to_be_shown() -> None:
    stand = Stand()
    follower = stand.feed.follow(ROOM)
    edited = Event(ROOM, 3, "edited", {"seq": 3, "target": 1, "text": "m1, mended"})
    deleted = Event(ROOM, 4, "deleted", {"seq": 4, "target": 1})
    stand.deliver(*events(1, 2), edited)
    stand.deliver(*events(1, 1, OTHER))
    stand.deliver(deleted)

    for source, others in ((stand.feed.events(), 1), (joined(follower, 0, Log(0).pages), 0)):
        shown = [await anext(source) for _ in range(4 + others)]
        assert [(event.seq, event.text, event.is_erased) for event in shown if event.conversation == ROOM] == [
            (1, "", True),
            (2, "m2", False),
            (3, "", True),
            (4, "", False),
        ]
        assert [event.text for event in shown if event.conversation == OTHER] == ["m1"] * others


@pytest.mark.parametrize("seated", [Seated("another", 0, {ROOM: 2}), Seated("e", 0, {ROOM: 1})])
async def test_who_follows_a_log_that_begins_anew_is_told(seated: Seated) -> None:
    stand = Stand()
    follower = stand.feed.follow(ROOM)
    stand.feed.put(Seated("e", 0, {ROOM: 0}))
    stand.deliver(*events(1, 2))
    stand.feed.put(seated)
    following = joined(follower, 0, Log(0).pages)

    assert await take(following, 2) == [1, 2]
    with pytest.raises(PositionLost):
        await anext(following)
