"""How fast a user may send, and how much a conversation may get: buckets of tokens, decided on by what this gateway knows.

A pure core. Every bucket fills at its rate here as it does in Redis; what was taken is reported now and then, and the answer
lowers what this gateway believes to be left. So a gateway alone is exact, several together go over by what they take between
two reports, and a gateway that hears nothing holds to the rates by itself (`docs/decisions/0003-rates-are-decided-locally.md`).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from uuid import UUID

from shared.bus.rates import Debit, Kind

BURST_S = 3.0
LOOK_S = 1.0
SLIGHT = 0.01
LATE_S = 0.1
MAX_BUCKETS = 100_000
# What rounding may make of a pause; who has waited for exactly that long is let in.
_HAIR_S = 1e-6

Key = str | int | tuple[str, float]


class Bucket:
    """The tokens of a user or a conversation, as far as this gateway knows.

    It is full at *full_at*, and until then lacks a token for each 1 / *rate* seconds: taking one puts that moment off.
    """

    __slots__ = ("burst", "full_at", "half_s", "key", "kind", "looked_at", "name", "rate", "room_s", "token_s", "used")

    def __init__(self, key: Key, kind: Kind, name: str, rate: float, burst: float, now: float) -> None:
        self.key, self.kind, self.name, self.rate, self.burst = key, kind, name, rate, burst
        self.token_s, self.room_s, self.half_s = 1 / rate, (burst - 1) / rate, burst / rate / 2
        self.full_at = self.looked_at = now
        self.used = 0

    def is_slight(self, now: float) -> bool:
        """Say whether so little was used since it was looked at that a hundred gateways may do the same untold."""
        return self.used <= (now - self.looked_at) * self.rate * SLIGHT

    def debit(self, now: float) -> Debit:
        """Return what was used since the last time, which counts as told from here on."""
        used, self.used = self.used, 0
        level = self.burst - max(0.0, self.full_at - now) * self.rate
        return Debit(self.kind, self.name, self.rate, self.burst, used, level)


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be told, as it was *at* that time: a debit for each of the buckets."""

    at: float
    buckets: tuple[Bucket, ...]
    debits: tuple[Debit, ...]


class Rates:
    """The buckets that were used lately. Times are seconds of one clock that never goes back; a rate of 0 is no limit.

    There are at most *max_buckets*: past that the one that was longest not looked at is forgotten, and begins full again.
    """

    def __init__(
        self, user_rate: float, conversation_rate: float, burst_s: float = BURST_S, max_buckets: int = MAX_BUCKETS
    ) -> None:
        self._user_rate, self._conversation_rate = user_rate, conversation_rate
        self._burst_s, self._max_buckets = burst_s, max_buckets
        self._buckets: dict[Key, Bucket] = {}
        self._line: deque[Bucket] = deque()
        self._low: set[Bucket] = set()

    def __len__(self) -> int:
        return len(self._buckets)

    def admit(self, user: str, conversation: UUID, now: float, rate: float | None = None) -> float | None:
        """Take a token of *user* and one of *conversation*, or neither and return after how many seconds there will be both.

        *rate* is the user's own, if their token has one; it comes with a bucket of its own.
        """
        own = self._user_bucket(user, now, rate)
        shared = self._conversation_bucket(conversation, now)
        wait_s = -inf if own is None else own.full_at - now - own.room_s
        if shared is not None:
            wait_s = max(wait_s, shared.full_at - now - shared.room_s)
        if wait_s > _HAIR_S:
            return wait_s
        if own is not None:
            self._take(own, now)
        if shared is not None:
            self._take(shared, now)
        return None

    def give_back(self, conversation: UUID) -> None:
        """Put a token of *conversation* back: who took it turned out to be no member, and must not use up the members' rate."""
        bucket = self._buckets.get(conversation.int)
        if bucket is not None:
            bucket.used -= 1
            bucket.full_at -= bucket.token_s
            self._low.add(bucket)

    def report(self, now: float) -> Report:
        """Return what is to be told now: of buckets below the half at once, of others when they are looked at.

        Each is looked at once a second, and forgotten then if it is full again and nothing is to be told of it.
        """
        low, self._low = self._low, set()
        told = [*low, *(bucket for bucket in self._look(now) if bucket not in low)]
        return Report(now, tuple(told), tuple(bucket.debit(now) for bucket in told))

    def correct(self, report: Report, levels: Sequence[float]) -> None:
        """Believe the *levels* of the shared buckets that answer *report*, where clearly less is left than was believed here.

        Clearly: by more than what comes in LATE_S. A shared bucket is made when Redis hears of it, and lacks what came in on
        the way there; a gateway alone must not be held to that.
        """
        for bucket, level in zip(report.buckets, levels, strict=True):
            lacking = bucket.burst - level + bucket.used
            bucket.full_at = max(bucket.full_at, report.at - LATE_S + lacking * bucket.token_s)

    def _user_bucket(self, user: str, now: float, rate: float | None) -> Bucket | None:
        key: Key = user
        if rate is None:
            rate = self._user_rate
        else:
            key = (user, rate)
        return (self._buckets.get(key) or self._open(key, Kind.USER, user, rate, now)) if rate else None

    def _conversation_bucket(self, conversation: UUID, now: float) -> Bucket | None:
        rate, key = self._conversation_rate, conversation.int
        return (self._buckets.get(key) or self._open(key, Kind.CONVERSATION, str(conversation), rate, now)) if rate else None

    def _open(self, key: Key, kind: Kind, name: str, rate: float, now: float) -> Bucket:
        if len(self._buckets) >= self._max_buckets:
            del self._buckets[self._line.popleft().key]
        bucket = self._buckets[key] = Bucket(key, kind, name, rate, max(1.0, rate * self._burst_s), now)
        self._line.append(bucket)
        return bucket

    def _take(self, bucket: Bucket, now: float) -> None:
        full_at = bucket.full_at
        bucket.full_at = full_at = (full_at if full_at > now else now) + bucket.token_s
        bucket.used += 1
        if full_at - now > bucket.half_s:
            self._low.add(bucket)

    def _look(self, now: float) -> list[Bucket]:
        """Return those of which something is to be told, of the buckets that were not looked at for a while."""
        told: list[Bucket] = []
        while self._line and now - self._line[0].looked_at >= LOOK_S:
            bucket = self._line.popleft()
            if not bucket.is_slight(now):
                told.append(bucket)
            elif bucket.full_at <= now:
                del self._buckets[bucket.key]
                continue
            bucket.looked_at = now
            self._line.append(bucket)
        return told
