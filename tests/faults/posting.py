"""Sends by POST, by hand: through any gateway, again and again, with nothing that would hide a fault."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import httpx

from tests.faults.place import Place
from tests.faults.record import Ack, Record, Send
from tests.gateways import bearer

TIMEOUT_S = 8.0
PAUSES_S = (0.05, 0.3)
BAD, AGAIN, GIVEN_UP = 0.05, 0.15, 0.3


class Posting:
    """Posts sends, each try through another gateway than the one before. *urls* are those that there are now."""

    def __init__(self, http: httpx.AsyncClient, urls: Callable[[], Sequence[str]], chance: random.Random) -> None:
        self._http, self._urls, self._chance = http, urls, chance

    async def once(self, send: Send, url: str) -> bool:
        """Try once; say whether it was answered for good."""
        send.tries += 1
        path = f"{url}/v1/conversations/{send.conversation}/messages"
        try:
            answer = await self._http.post(path, json={"id": send.id, "text": send.text}, headers=bearer(send.sender))
        except httpx.HTTPError:
            return False
        if answer.is_success:
            send.acks.append(Ack(answer.json()["seq"], time.monotonic()))
            return True
        # Only a problem document tells a refusal; after a 5xx the outcome is unknown.
        is_final = answer.status_code < 500 and not answer.json()["retryable"]
        if is_final:
            send.refusals.append(answer.json()["code"])
        return is_final

    async def until_answered(self, send: Send) -> None:
        """Try until it is answered for good, once more if it was before."""
        url = self._another("")
        while not await self.once(send, url):
            await asyncio.sleep(self._chance.uniform(*PAUSES_S))
            url = self._another(url)

    async def all(self, sends: Iterator[Send]) -> None:
        """Try what is left of *sends*, one after the other, each until it is answered."""
        for send in sends:
            await self.until_answered(send)

    async def or_give_up(self, send: Send) -> None:
        """Try once, and leave it at that."""
        send.is_given_up = not await self.once(send, self._another(""))

    def _another(self, url: str) -> str:
        urls = self._urls()
        return self._chance.choice([other for other in urls if other != url] or urls)


class Poster:
    """A user who posts one send after the other.

    Most sends are tried until they are answered. Some are given up when the first answer does not come, some were acknowledged
    before and are posted again, and some are to be refused.
    """

    def __init__(self, user: str, place: Place, record: Record, chance: random.Random) -> None:
        self._user, self._place, self._record, self._chance = user, place, record, chance
        self._acked: list[Send] = []

    async def run(self, pause_s: float, stop: asyncio.Event) -> None:
        """Post until *stop*, and what was begun by then until it is answered."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
            posting = Posting(http, self._place.writers, self._chance)
            while not stop.is_set():
                await self._post(posting)
                await asyncio.sleep(self._chance.expovariate(1 / pause_s))

    async def _post(self, posting: Posting) -> None:
        draw = self._chance.random()
        if draw < BAD and self._acked:
            await posting.until_answered(self._record.begin(self._bad()))
        elif draw < AGAIN and self._acked:
            await posting.until_answered(self._chance.choice(self._acked))
        else:
            send = self._record.begin(self._new(self._chance.choice(self._place.rooms), self._id(), self._text()))
            await (posting.or_give_up if draw < GIVEN_UP else posting.until_answered)(send)
            if send.acks:
                self._acked.append(send)

    def _bad(self) -> Send:
        """Return a send with a known id and another text, one to a foreign conversation, or one of blanks."""
        known = self._chance.choice(self._acked)
        room, id, text = self._chance.choice(
            [
                (known.conversation, known.id, self._text()),
                (self._place.foreign, self._id(), self._text()),
                (known.conversation, self._id(), " "),
            ]
        )
        send = self._new(room, id, text)
        send.is_bad = True
        return send

    def _new(self, room: str, id: str, text: str) -> Send:
        return Send(room, self._user, id, text, time.monotonic())

    def _id(self) -> str:
        return make_id(self._chance)

    def _text(self) -> str:
        return f"{self._place.words} {self._user} {self._chance.getrandbits(64):x}"


def make_id(chance: random.Random) -> str:
    """Return a UUID of that chance."""
    return str(UUID(int=chance.getrandbits(128), version=4))
