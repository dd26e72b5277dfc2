"""Who sends and who reads while things are killed. Each user of the SDK has an address, which pins it to a gateway."""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from functools import partial

import httpx

from deploy.replay.polling import until
from tests.faults.invariants import Logs
from tests.faults.patience import within
from tests.faults.place import Place
from tests.faults.posting import TIMEOUT_S, Poster, Posting
from tests.faults.record import Entry, Record
from tests.faults.speaker import Speaker, make_client, read_all
from tests.gateways import Process, bearer
from tests.talk import create

HOST, READERS = "host", ("reader-1", "reader-2")
DELIVER_S, SETTLE_S, POLL_S = 10.0, 90.0, 0.05
LATE, AT_ONCE = 500, 8


@dataclass(frozen=True, slots=True)
class Size:
    """How many send, to how many conversations, and for how long each pauses on average between two bursts or two posts."""

    speakers: int = 4
    posters: int = 6
    rooms: int = 4
    pause_s: float = 0.1

    @property
    def users(self) -> tuple[list[str], list[str]]:
        """The names of those with the SDK, and of those who post."""
        return [f"speaker-{n}" for n in range(self.speakers)], [f"poster-{n}" for n in range(self.posters)]


async def create_rooms(write: Process, size: Size) -> list[str]:
    """Create the conversations that everybody is in, and last a foreign one, which only the readers are in."""
    speakers, posters = size.users
    rooms = [await create(write, HOST, *READERS, *speakers, *posters) for _ in range(size.rooms)]
    return [*rooms, await create(write, HOST, *READERS)]


class Crowd:
    """All of them, at work from `start` on. What happens to them stands in *record*."""

    def __init__(self, size: Size, place: Place, record: Record, chance: random.Random) -> None:
        self._size, self._place, self._record, self._chance = size, place, record, chance
        self._stop = asyncio.Event()
        self._sending: list[asyncio.Task[None]] = []
        self._reading: list[asyncio.Task[None]] = []

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin, as tasks of *tasks*."""
        speakers, posters = self._size.users
        for n, name in enumerate(READERS):
            client = make_client(self._place.read_url, self._place.write_url, name, f"127.0.2.{n + 1}", None)
            self._reading.append(tasks.create_task(read_all(name, client, self._record)))
        for n, name in enumerate(speakers):
            self._sending.append(tasks.create_task(self._speak(name, f"127.0.1.{n + 1}")))
        for name in posters:
            self._sending.append(tasks.create_task(self._post(name)))

    async def stop(self) -> None:
        """Begin no more sends; return when each that is not given up is answered.

        Raises:
            Stuck: some are not answered in time.
        """
        self._stop.set()
        async with within(SETTLE_S, "every send that is not given up is answered"):
            await asyncio.wait(self._sending)

    async def retry_late(self) -> int:
        """Try again some of what was acknowledged, and half of what is not known; return how many that were."""
        acked = [send for send in self._record.sends if send.acks]
        unknown = [send for send in self._record.sends if not send.is_settled]
        chosen = [*self._chance.sample(acked, min(LATE, len(acked) // 10)), *unknown[::2]]
        waiting = iter(chosen)
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as http, within(SETTLE_S, "each late try is answered"):
            posting = Posting(http, self._place.writers, self._chance)
            await asyncio.gather(*(posting.all(waiting) for _ in range(AT_ONCE)))
        return len(chosen)

    async def read_logs(self) -> Logs:
        """Return every conversation as the history tells it now."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, base_url=self._place.read_url, headers=bearer(HOST)) as http:
            return {room: await _read_log(http, room) for room in (*self._place.rooms, self._place.foreign)}

    async def part(self, logs: Logs) -> None:
        """Wait until the readers have as much as *logs* has, but no longer than they may take; then let them go."""
        lengths = {room: len(log) for room, log in logs.items()}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DELIVER_S):
                await until(lambda: not self._lacks(lengths), POLL_S)
        for reader in self._reading:
            reader.cancel()

    def _lacks(self, lengths: dict[str, int]) -> bool:
        seen = self._record.seen
        return any(len(seen.get(name, {}).get(room, ())) < n for name in READERS for room, n in lengths.items())

    async def _speak(self, name: str, address: str) -> None:
        place = self._place
        make = partial(make_client, place.read_url, place.write_url, name, address, place.folder / name)
        speaker = Speaker(name, make, place, self._record, self._own_chance(name))
        await speaker.run(self._size.pause_s, self._stop)

    async def _post(self, name: str) -> None:
        poster = Poster(name, self._place, self._record, self._own_chance(name))
        await poster.run(self._size.pause_s, self._stop)

    def _own_chance(self, name: str) -> random.Random:
        return random.Random(f"{self._chance.random()} {name}")


async def _read_log(http: httpx.AsyncClient, room: str) -> list[Entry]:
    entries: list[Entry] = []
    while True:
        after = entries[-1].seq if entries else 0
        answer = await http.get(f"/v1/conversations/{room}/events", params={"after": after, "limit": 1000})
        page = answer.raise_for_status().json()
        entries += map(Entry.from_fields, page["events"])
        if page["complete"]:
            return entries
