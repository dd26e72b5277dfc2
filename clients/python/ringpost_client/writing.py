"""The one way out for what is said: the read socket if that can write, else a socket of its own, or POSTs."""

from collections.abc import Callable
from enum import StrEnum

from ringpost_client.link import Link
from ringpost_client.outbox import Outbox, Pending
from ringpost_client.poster import Poster
from ringpost_client.session import Session


class Via(StrEnum):
    """How sends go out."""

    WS = "ws"
    POST = "post"


class Writing:
    """*open_link* opens and starts the socket, when it is first needed; *reader* is the read socket, if there is one.

    *start_posting* gets a poster and a conversation that it is to drain.
    """

    def __init__(
        self,
        via: Via,
        outbox: Outbox,
        reader: Callable[[], Link | None],
        open_link: Callable[[Callable[[bool], Session]], Link],
        make_poster: Callable[[], Poster],
        start_posting: Callable[[Poster, str], None],
    ) -> None:
        self._via, self._outbox, self._reader = via, outbox, reader
        self._open_link, self._make_poster, self._start_posting = open_link, make_poster, start_posting
        self.link: Link | None = None
        self._poster: Poster | None = None

    @property
    def reader_sends(self) -> bool:
        """Whether what is said goes out by a read socket that can write."""
        return self.link is None and self._via is Via.WS

    def send(self, pending: Pending) -> None:
        """Send what is in the outbox, and stored."""
        reader = self._reader()
        if self._via is Via.POST:
            self._post(pending.conversation)
        elif self.link is None and reader is not None and reader.can_write:
            reader.offer(pending)
        else:
            self._open().offer(pending)

    def look(self) -> None:
        """The read socket has changed: one that can't write leaves the outbox to another one."""
        reader = self._reader()
        if self._outbox and self._via is Via.WS and reader is not None and reader.is_read_only:
            self._open()

    def _open(self) -> Link:
        if self.link is None:
            self.link = self._open_link(lambda takes_over: Session(self._outbox, None, takes_over=takes_over))
        return self.link

    def _post(self, conversation: str) -> None:
        if self._poster is None:
            self._poster = self._make_poster()
        if self._poster.wants(conversation):
            self._start_posting(self._poster, conversation)
