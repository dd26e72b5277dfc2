"""What a client's links tell, passed on to whom it concerns."""

import asyncio

from ringpost_client.counts import Counts
from ringpost_client.directory import Directory
from ringpost_client.listeners import Listeners
from ringpost_client.notices import Notice, ReadMarker
from ringpost_client.reading import Reading
from ringpost_client.sends import Sends
from ringpost_client.session import Action, CaughtUp, Deliver, Noticed, Seated, Welcomed


class Hearing:
    """*user* is who I am, as the service says; *caught_up* is set once all that was there has come."""

    def __init__(self, sends: Sends, reading: Reading, directory: Directory, counts: Counts, listeners: Listeners) -> None:
        self._sends, self._reading, self._directory = sends, reading, directory
        self._counts, self._listeners = counts, listeners
        self.user = ""
        self.caught_up = asyncio.Event()

    def take(self, action: Action) -> None:
        """Take what the read socket's link tells."""
        if isinstance(action, Deliver):
            for event in action.events:
                self._counts.see(event, self.user)
            self._reading.feed.put(action)
        elif isinstance(action, Seated):
            self._reading.feed.put(action)
        elif isinstance(action, Noticed):
            self._notice(action.notice)
        elif isinstance(action, CaughtUp):
            self.caught_up.set()
        elif isinstance(action, Welcomed):
            self._greet(action)
        else:
            self._sends.hear(action)

    def _notice(self, notice: Notice) -> None:
        if isinstance(notice, ReadMarker):
            self._counts.take(notice.conversation, notice.head, notice.unread)
        self._listeners.tell(notice)

    def _greet(self, action: Welcomed) -> None:
        self.user = action.user
        self._reading.greet()
        self._directory.greet(action.markers)
