"""The way in for sends, from sockets and HTTP alike: within the rates, then into the line for the commit."""

from collections import Counter

from services.write.committer import Committer
from services.write.limiter import Limiter
from services.write.queue import Sink
from shared.auth import Identity
from shared.errors import Draining, Overloaded, RateLimited, RingpostError
from shared.storage.append import NewEvent


class Intake:
    """Takes sends, or says at once why not; it never waits."""

    def __init__(self, limiter: Limiter, committer: Committer) -> None:
        self._limiter, self._committer = limiter, committer
        self.put_off: Counter[str] = Counter(dict.fromkeys((RateLimited.code, Overloaded.code, Draining.code), 0))

    def offer(self, identity: Identity, event: NewEvent, sink: Sink) -> None:
        """Queue *event* of *identity*; *sink* hears what became of it.

        Raises:
            RateLimited, Overloaded, Draining: nothing was queued, and what follows it must not be before it comes again.
        """
        try:
            self._limiter.check(identity, event.conversation)
            self._committer.offer(event, sink)
        except RingpostError as error:
            self.put_off[error.code] += 1
            raise
