"""Polls as a read socket's frames: the cursor that each asks with, and what its answer would be on a socket. A pure core."""

from collections.abc import Mapping, Sequence
from typing import Any

WAIT_S, HEARTBEAT_S, LIMIT = 20, 25, 500
Frame = Mapping[str, Any]


class Polled:
    """*hello* is the frame that a socket would begin with; its token is not looked at."""

    def __init__(self, hello: Frame) -> None:
        self._epoch: str | None = hello.get("epoch")
        self._inbox: int = hello.get("inbox", 0)
        self._positions: dict[str, int] = dict(hello.get("positions", {}))
        self._first: Sequence[str] = hello.get("first", ())
        self._is_welcome = self._is_lost = self._is_caught_up = False

    @property
    def is_begun(self) -> bool:
        """Whether a poll was answered."""
        return self._is_welcome

    def ask(self) -> Frame:
        """Return the body of the next poll: it waits for news once all that was there has come."""
        first = {"first": self._first} if self._first else {}
        wait_s = WAIT_S if self._is_caught_up else 0
        return self._cursor() | first | {"wait_s": wait_s, "limit": LIMIT}

    def lose(self) -> None:
        """A position counted no longer (`position_lost`): ask without any, and have the reader forget theirs."""
        self._epoch, self._inbox = None, 0
        self._positions.clear()
        self._is_welcome = self._is_caught_up = False
        self._is_lost = True

    def take(self, answer: Frame) -> list[Frame]:
        """Return the frames of an answer; a pong at least, since somebody answered."""
        frames = self._named(answer)
        pages = answer["conversations"]
        for page in pages:
            frames.append({"type": "events"} | page)
            self._positions[page["conversation"]] = page["to"]
        inbox = answer["inbox"]
        if inbox is not None:
            frames.append({"type": "inbox"} | inbox)
            self._inbox = inbox["to"]
        frames.append({"type": "pong"})
        if not self._is_caught_up and self._is_all(answer):
            self._is_caught_up = True
            frames.append({"type": "caught_up"})
        return frames

    def _cursor(self) -> dict[str, Any]:
        return {"epoch": self._epoch, "inbox": self._inbox, "positions": self._positions} if self._epoch else {}

    def _named(self, answer: Frame) -> list[Frame]:
        """Return what tells where each conversation goes on: a welcome at first, then a range where that is news."""
        ranges = answer["ranges"]
        fresh = [one for one in ranges if self._positions.get(one["conversation"]) != one["from"] - 1]
        for one in ranges:
            self._positions[one["conversation"]] = one["from"] - 1
        if self._is_welcome:
            return [{"type": "range"} | one for one in fresh]
        self._is_welcome, self._epoch = True, answer["epoch"]
        about = {
            "user": answer["user"],
            "gateway": "",
            "roles": ["read"],
            "heartbeat_s": HEARTBEAT_S,
            "reconnect": {"spread_s": 0},
        }
        welcome = {"type": "welcome", "epoch": self._epoch, "inbox": self._inbox, "ranges": ranges, "markers": {}}
        return [welcome | about, *self._lost(ranges)]

    def _lost(self, ranges: Sequence[Frame]) -> list[Frame]:
        if not self._is_lost:
            return []
        self._is_lost = False
        lost = {"type": "position_lost", "epoch": self._epoch}
        return [lost, *(lost | {"conversation": one["conversation"]} for one in ranges)]

    def _is_all(self, answer: Frame) -> bool:
        """Say whether nothing was left out for want of room."""
        pages = [page for page in (*answer["conversations"], answer["inbox"]) if page is not None]
        with_page = {page["conversation"] for page in answer["conversations"]}
        waiting = [one for one in answer["ranges"] if one["from"] <= one["to"] and one["conversation"] not in with_page]
        is_full = sum(len(page["events"]) for page in pages) >= LIMIT
        return not waiting and not is_full and all(page["complete"] for page in pages)
