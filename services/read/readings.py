"""All who read live at this gateway, whatever their transport: one cursor, one plan, one welcome."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.read.arrivals import Arrivals
from services.read.client import Client
from services.read.company import Company
from services.read.hub import Hub, Served
from services.read.reading import Reading
from services.read.resume import Cursor, Plan, plan
from shared.metrics import Histogram


class Readings:
    """The readings by their clients, and the clients by their users."""

    def __init__(self, hub: Hub, arrivals: Arrivals, company: Company) -> None:
        self._arrivals, self._company = arrivals, company
        self._all: dict[Client, Reading] = {}
        self.times = Histogram("read_catch_up_seconds", "From a client's welcome to its being caught up.")
        self._by_user: dict[str, tuple[Client, ...]] = {}
        self._plans: dict[Client, tuple[Plan, UUID]] = {}
        company.clients_of = self._clients_of
        hub.on_gone, hub.on_lost = self._put_out, self._lose

    async def open(self, client: Client, reading: Reading, cursor: Cursor) -> dict[str, Any]:
        """Return the fields of the client's welcome; what they name comes after `start`. `close` it in any case.

        Raises:
            Unavailable: Postgres did not answer in time.
        """
        memberships = await self._arrivals.memberships(client.user)
        chosen = plan(cursor, memberships)
        self._all[client] = reading
        self._plans[client] = chosen, memberships.epoch
        self._by_user[client.user] = (*self._by_user.get(client.user, ()), client)
        self._company.came(client)
        ranges = [start.range() for start in chosen.starts]
        markers = {membership.conversation: membership.read for membership in memberships.of.values() if membership.read}
        return {"epoch": memberships.epoch, "inbox": memberships.inbox_head, "ranges": ranges, "markers": markers}

    def start(self, client: Client) -> None:
        """The welcome is sent: let the rest follow."""
        self._all[client].start(*self._plans.pop(client), self.times)

    def of(self, client: Client) -> Reading:
        return self._all[client]

    def close(self, client: Client) -> None:
        """The client is gone; may come without `open`, and twice."""
        reading = self._all.pop(client, None)
        self._plans.pop(client, None)
        if reading is not None:
            reading.close()
            self._company.left(client)
            self._by_user[client.user] = tuple(other for other in self._by_user[client.user] if other is not client)
            if not self._by_user[client.user]:
                del self._by_user[client.user]

    def _put_out(self, served: Served, user: str) -> None:
        """The event that puts *user* out of a conversation has been pushed."""
        for client in self._by_user.get(user, ()):
            reading = self._all[client]
            if reading.is_live(served):
                reading.leave(served.log)
        self._company.parted(user)

    def _lose(self) -> None:
        for reading in tuple(self._all.values()):
            reading.lose()

    def _clients_of(self, user: str) -> Sequence[Client]:
        return self._by_user.get(user, ())
