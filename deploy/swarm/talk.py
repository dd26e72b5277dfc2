"""Those who send to a swarm: at a rate, whatever the answers do (an open loop), each acknowledgement checked."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from secrets import randbits

from deploy.swarm.book import SHOWN
from deploy.swarm.delays import Delays
from deploy.swarm.errors import Failed
from deploy.swarm.frames import PATH, PING, Ack, Frame, hello, read, send
from deploy.swarm.stamp import digest, due_of, make_id
from deploy.swarm.websocket import Address, Socket, open_socket, text_frame

OPEN_S, LOOK_S, NS = 20.0, 0.05, 1e9
UNKNOWN = ("unavailable", "internal")
_PING_FRAME = text_frame(PING)


@dataclass(slots=True)
class Sent:
    """What was sent to one conversation and acknowledged: its *head*, what its sends add up to, and the latest of them.

    *is_doubtful*: of a send nobody was told whether it is stored (`unavailable`), so that what is stored must be asked.
    """

    head: int = 0
    digest: int = 0
    last_due: int = 0
    is_doubtful: bool = False


@dataclass(slots=True)
class Ledger:
    """What the senders know. *open*: sends that wait for their answer, each with its conversation."""

    open: dict[str, str] = field(default_factory=dict)
    logs: dict[str, Sent] = field(default_factory=dict)
    delays: Delays = field(default_factory=Delays)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    sent: int = 0
    acked: int = 0

    def ack(self, ack: Ack, now_ns: int) -> None:
        """Take an acknowledgement: of a send that waits for it, its seqs in the order of the sends."""
        due = due_of(ack.id)
        self.delays.add(now_ns - due)
        self.acked += 1
        log = self.logs.setdefault(ack.conversation, Sent())
        if self.open.pop(ack.id, None) != ack.conversation:
            self.fault(f"an acknowledgement of {ack.id}, which nobody waits for")
        elif (due > log.last_due) != (ack.seq > log.head):
            self.fault(f"{ack.id} became {ack.seq} of {ack.conversation}, against the order of sending")
        log.head, log.last_due = max(log.head, ack.seq), max(log.last_due, due)
        log.digest ^= digest(ack.id, ack.seq)

    def refuse(self, frame: Frame) -> None:
        """Take a refusal: the send counts as not made."""
        self.open.pop(frame.id, None)
        self.refusals[frame.code] += 1
        if frame.code in UNKNOWN:
            self.logs.setdefault(frame.conversation, Sent()).is_doubtful = True

    def fault(self, words: str) -> None:
        if len(self.faults) < SHOWN:
            self.faults.append(words)

    @property
    def doubtful(self) -> list[str]:
        return [conversation for conversation, log in self.logs.items() if log.is_doubtful]

    def differences(self, told: Mapping[str, tuple[int, int]], stored: Mapping[str, int]) -> list[str]:
        """Return, in words, where what guests were *told* is not what was acknowledged or, of what is doubtful, is *stored*."""
        out = []
        for conversation, log in self.logs.items():
            at, digest = told.get(conversation, (0, 0))
            if at < log.head:
                out.append(f"somebody has {conversation} up to {at} of {log.head}")
            elif log.is_doubtful and digest != stored.get(conversation):
                out.append(f"what was told of {conversation} is not what is stored")
            elif not log.is_doubtful and digest != log.digest:
                out.append(f"what was told of {conversation} is not what was acknowledged")
        return out


class Speaker:
    """One write socket. What it was refused goes on with the next send."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._again: set[str] = set()

    async def open(self, address: Address, token: str) -> None:
        self._socket: Socket = await open_socket(address, PATH)
        self._welcomed = asyncio.Event()
        self._socket.on_text, self._socket.on_fault = self._hear, self._ledger.fault
        self._socket.write(text_frame(hello(token, 0)))
        async with asyncio.timeout(OPEN_S):
            await self._welcomed.wait()

    def say(self, conversation: str, id: str, text: bytes) -> None:
        self._ledger.open[id] = conversation
        self._ledger.sent += 1
        again = conversation in self._again
        self._again.discard(conversation)
        self._socket.write(text_frame(send(conversation, id, text, again=again)))

    def ping(self) -> None:
        self._socket.write(_PING_FRAME)

    def close(self) -> None:
        self._socket.close()

    def _hear(self, payload: bytes) -> None:
        frame = read(payload)
        if frame.type == "acks":
            now = time.monotonic_ns()
            for ack in frame.acks:
                self._ledger.ack(ack, now)
        elif frame.type == "welcome":
            self._welcomed.set()
        elif frame.type == "error" and frame.id:
            self._ledger.refuse(frame)
            self._again.add(frame.conversation)
        elif frame.type == "error":
            self._ledger.fault(f"a speaker was told {frame.code}")


class Talk:
    """Speakers and their conversations: each room has one speaker, and rooms are spoken to by turns."""

    def __init__(self, ledger: Ledger, speakers: Sequence[Speaker], rooms: Sequence[str], texts: Iterator[bytes]) -> None:
        self.ledger, self._speakers, self._texts = ledger, speakers, texts
        self._rooms = cycle(enumerate(rooms))
        self._number = randbits(32) << 32
        self._chance = random.Random(1)  # noqa: S311  # a schedule that can be had again

    async def run(self, per_second: float, seconds: float) -> None:
        """Send at random moments, so many a second on average; return when the last one is out."""
        now = time.monotonic_ns()
        end, due = now + int(NS * seconds), now
        while (due := due + max(1, int(NS * self._chance.expovariate(per_second)))) < end:
            wait_s = (due - time.monotonic_ns()) / NS
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.say(due)

    def say(self, due_ns: int) -> None:
        """Send one, which was due at that moment."""
        place, room = next(self._rooms)
        self._number += 1
        self._speakers[place % len(self._speakers)].say(room, make_id(due_ns, self._number), next(self._texts))

    async def answered(self, within_s: float) -> None:
        """Wait until nothing waits for its answer; raise Failed where that takes longer, or something is wrong."""
        deadline = time.monotonic() + within_s
        while self.ledger.open and not self.ledger.faults and time.monotonic() < deadline:  # noqa: ASYNC110  # of many answers
            await asyncio.sleep(LOOK_S)
        if self.ledger.faults:
            raise Failed("; ".join(self.ledger.faults))
        if self.ledger.open:
            raise Failed(f"{len(self.ledger.open)} sends are without an answer after {within_s:.0f} s")

    async def keep_alive(self, heartbeat_s: float) -> None:
        while True:
            await asyncio.sleep(heartbeat_s)
            for speaker in self._speakers:
                speaker.ping()


@asynccontextmanager
async def open_talk(
    addresses: Sequence[Address], tokens: Sequence[str], rooms: Sequence[str], texts: Iterator[bytes], heartbeat_s: float = 10.0
) -> AsyncIterator[Talk]:
    """Connect one speaker for each token, to *addresses* by turns; in the end close them."""
    ledger, speakers = Ledger(), list[Speaker]()
    try:
        for number, token in enumerate(tokens):
            speakers.append(Speaker(ledger))
            await speakers[-1].open(addresses[number % len(addresses)], token)
        talk = Talk(ledger, speakers, rooms, texts)
        alive = asyncio.create_task(talk.keep_alive(heartbeat_s))
        try:
            yield talk
        finally:
            alive.cancel()
    finally:
        for speaker in speakers:
            speaker.close()
