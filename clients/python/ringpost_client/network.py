"""A client's ways to the two services."""

from collections.abc import Callable, Iterable, Sequence

from ringpost_client.api import Api, Service
from ringpost_client.figures import Figures
from ringpost_client.link import Link
from ringpost_client.options import Options
from ringpost_client.outbox import Outbox
from ringpost_client.poster import Poster
from ringpost_client.session import Action, Session
from ringpost_client.tasks import Tasks
from ringpost_client.tokens import Tokens
from ringpost_client.transport import Transport


class Network:
    """Opens links and the way for HTTP calls, each when it is first needed; *tasks* run the links."""

    def __init__(self, read_url: str, write_url: str, tokens: Tokens, options: Options, tasks: Tasks) -> None:
        self.urls: dict[Service, str] = {"read": read_url, "write": write_url}
        self._tokens, self._options, self._tasks = tokens, options, tasks
        self._api: Api | None = None
        self._past = Figures()

    @property
    def api(self) -> Api:
        if self._api is None:
            self._api = Api(self.urls["read"], self.urls["write"], self._options.local_address)
        return self._api

    def open_link(
        self, service: Service, make: Callable[[bool], Session], hear: Callable[[Action], None], rungs: Sequence[Transport]
    ) -> Link:
        link = Link(self.urls[service], self._tokens, self._options, make, hear, lambda: self.api, rungs, service)
        self._tasks.start(link.run(), service, link)
        return link

    def close_link(self, link: Link) -> None:
        self._past = self._past.plus([link])
        self._tasks.end(link)

    def make_poster(self, outbox: Outbox, hear: Callable[[Action], None]) -> Poster:
        return Poster(self.api, self._tokens, outbox, self._options, hear)

    def figures(self, links: Iterable[Link]) -> Figures:
        """Return how *links*, and those that were closed, have fared."""
        return self._past.plus(links)

    async def close(self) -> None:
        if self._api is not None:
            await self._api.close()
