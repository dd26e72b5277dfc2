"""Which users are at this gateway, and who watches whom. Pure cores; *now* is in seconds of a clock that never goes back."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

GRACE_S = 5.0
Watcher = TypeVar("Watcher", bound=Hashable)


class Attendance:
    """The users with a socket here. Each stays for a grace after the last one has closed, so that a reconnect is no event."""

    def __init__(self) -> None:
        self._sockets: Counter[str] = Counter()
        self._since: dict[str, int] = {}
        self._leaving: dict[str, float] = {}
        self._changes: dict[str, int | None] = {}

    def came(self, user: str, unix_now: float) -> None:
        """A socket of *user* was opened."""
        self._sockets[user] += 1
        self._leaving.pop(user, None)
        if user not in self._since:
            self._since[user] = self._changes[user] = int(unix_now)

    def left(self, user: str, now: float) -> None:
        """A socket of *user* was closed."""
        self._sockets[user] -= 1
        if self._sockets[user] <= 0:
            del self._sockets[user]
            self._leaving[user] = now + GRACE_S

    def due(self, now: float) -> dict[str, int | None]:
        """Return who came since it was last asked, with since when, and who is gone (None)."""
        while self._leaving and next(iter(self._leaving.values())) <= now:
            user = next(iter(self._leaving))
            del self._leaving[user], self._since[user]
            self._changes[user] = None
        changes, self._changes = self._changes, {}
        return changes

    def put_back(self, changes: Mapping[str, int | None]) -> None:
        """These could not be told; they are due again, unless something newer is."""
        self._changes = {**changes, **self._changes}

    def everybody(self) -> Mapping[str, int]:
        return self._since


class Watchlist(Generic[Watcher]):
    """Who watches whom, and what they were told: since when a user has been online, or None."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[Watcher]] = {}
        self._watched: dict[Watcher, tuple[str, ...]] = {}
        self._known: dict[str, int | None] = {}

    def __len__(self) -> int:
        return len(self._watchers)

    def users(self) -> list[str]:
        return list(self._watchers)

    def watched_by(self, watcher: Watcher) -> tuple[str, ...]:
        return self._watched.get(watcher, ())

    def watchers_of(self, user: str) -> tuple[Watcher, ...]:
        return tuple(self._watchers.get(user, ()))

    def watch(self, watcher: Watcher, users: Sequence[str]) -> tuple[list[str], list[str]]:
        """Have *watcher* watch *users* and nobody else; return who is watched now that was not, and the other way round."""
        before, after = dict.fromkeys(self._watched.pop(watcher, ())), dict.fromkeys(users)
        begun = [user for user in after if user not in self._watchers]
        for user in after:
            self._watchers.setdefault(user, set()).add(watcher)
        ended = [user for user in before if user not in after and self._drop(watcher, user)]
        if after:
            self._watched[watcher] = tuple(after)
        return begun, ended

    def _drop(self, watcher: Watcher, user: str) -> bool:
        self._watchers[user].discard(watcher)
        if self._watchers[user]:
            return False
        del self._watchers[user]
        self._known.pop(user, None)
        return True

    def learn(self, found: Mapping[str, int | None]) -> dict[Watcher, dict[str, int | None]]:
        """Take what was found of users; return what is news, to whom. To have come anew while online is none."""
        news: dict[Watcher, dict[str, int | None]] = {}
        for user, since in found.items():
            if user not in self._watchers:
                continue
            is_news = user not in self._known or (self._known[user] is None) != (since is None)
            self._known[user] = since
            for watcher in self._watchers[user] if is_news else ():
                news.setdefault(watcher, {})[user] = since
        return news

    def known(self, users: Iterable[str]) -> dict[str, int | None]:
        """Return what is known of those of *users* of whom something is."""
        return {user: self._known[user] for user in users if user in self._known}


def since_when(entries: Mapping[str, int], living: set[str]) -> int | None:
    """Return since when a user with these *entries* (gateway to since when) is online; those of dead gateways are void."""
    return min((since for gateway, since in entries.items() if gateway in living), default=None)


def earlier(one: int | None, other: int | None) -> int | None:
    """Return the earlier of two moments; None is none."""
    return min((since for since in (one, other) if since is not None), default=None)
