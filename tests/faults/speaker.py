"""Users with the SDK: one who pipelines sends from an outbox on disk, one who reads everything."""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ringpost_client import Ack as Acknowledged
from ringpost_client import Client, Message, Options, Refused

from tests.faults.place import Place
from tests.faults.posting import make_id
from tests.faults.record import Ack, Entry, Record, Send
from tests.gateways import token

LIVES_S = (2.0, 8.0)
BURST, MOST_PENDING = 30, 1_000


class Speaker:
    """Sends in bursts and waits for nothing. Now and then the client ends, and another goes on with its outbox."""

    def __init__(self, user: str, make: Callable[[], Client], place: Place, record: Record, chance: random.Random) -> None:
        self._user, self._make, self._place = user, make, place
        self._record, self._chance = record, chance
        self._sends: dict[str, Send] = {}

    async def run(self, pause_s: float, stop: asyncio.Event) -> None:
        """Speak until *stop*, and stay until all is acknowledged."""
        while not stop.is_set():
            async with self._make() as client:
                self._go_on(client)
                await self._live(client, pause_s, stop)
                self._count_tries(client)
        async with self._make() as client:
            self._go_on(client)
            await client.drained()

    def _go_on(self, client: Client) -> None:
        """Hear of what the client before has left."""
        for message in client.outbox:
            _watch(self._sends[message.id], message)

    async def _live(self, client: Client, pause_s: float, stop: asyncio.Event) -> None:
        until = time.monotonic() + self._chance.uniform(*LIVES_S)
        while time.monotonic() < until and not stop.is_set():
            if client.pending < MOST_PENDING:
                room = self._chance.choice(self._place.rooms)
                for _ in range(self._chance.randint(1, BURST)):
                    await self._send(client, self._new(room))
            await asyncio.sleep(self._chance.expovariate(1 / pause_s))

    def _count_tries(self, client: Client) -> None:
        for message in client.outbox:
            self._sends[message.id].tries += message.attempts

    def _new(self, room: str) -> Send:
        id = make_id(self._chance)
        text = f"{self._place.words} {self._user} {len(self._sends)}"
        send = self._sends[id] = Send(room, self._user, id, text, time.monotonic(), is_pipelined=True)
        return self._record.begin(send)

    async def _send(self, client: Client, send: Send) -> None:
        _watch(send, await client.conversation(send.conversation).send(send.text, id=send.id))


def _watch(send: Send, message: Message) -> None:
    message.acknowledged.add_done_callback(partial(_note, send))


def _note(send: Send, future: asyncio.Future[Acknowledged]) -> None:
    """Note an acknowledgement or a refusal; a client that ended tells neither."""
    error = None if future.cancelled() else future.exception()
    if isinstance(error, Refused):
        send.refusals.append(error.code)
    elif error is None and not future.cancelled():
        ack = future.result()
        send.tries += ack.attempts
        send.acks.append(Ack(ack.seq, time.monotonic()))


async def read_all(name: str, client: Client, record: Record) -> None:
    """Note every event that *client* is shown, until cancelled."""
    async with client:
        async for event in client.events():
            if event.conversation is not None:
                record.show(name, event.conversation, Entry.from_fields(event.fields), time.monotonic())


def make_client(read_url: str, write_url: str, user: str, address: str, state: Path | None) -> Client:
    """Return a client that comes from *address* and is back soon after a loss."""
    options = Options(local_address=address, backoff_base_s=0.1, backoff_cap_s=1.0)
    return Client(read_url, write_url, token(user), state=state, options=options)
