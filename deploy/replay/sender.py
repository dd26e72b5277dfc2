"""One conversation's sends: in the log's order, from as many users as the log has."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ringpost_client import Ack, Client, ClientError, Refused

from deploy.replay.plan import Line, Script
from deploy.replay.pool import Pool
from deploy.replay.watcher import Timing

TURN_LINES = 64


@dataclass(slots=True)
class Tally:
    """What became of the sends, by their ids."""

    timing: Timing = field(default_factory=Timing)
    acks: dict[str, Ack] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    last_answer_at: float = field(default_factory=time.perf_counter)

    @property
    def answered(self) -> int:
        return len(self.acks) + len(self.refused)

    @property
    def retried(self) -> int:
        """How many sends went out more than once."""
        return sum(ack.attempts > 1 for ack in self.acks.values())

    def ack_seconds(self) -> list[float]:
        """Return the seconds from each send to its acknowledgement."""
        return [at - self.timing.sent[id] for id, at in self.timing.acked.items()]

    async def send(self, client: Client, conversation: str, line: Line) -> asyncio.Future[Ack]:
        """Send a line, and note what becomes of it."""
        self.timing.sent[line.id] = time.perf_counter()
        message = await client.conversation(conversation).send(line.text, id=line.id)
        message.acknowledged.add_done_callback(partial(self._note, line.id))
        return message.acknowledged

    def _note(self, id: str, future: asyncio.Future[Ack]) -> None:
        if future.cancelled():
            return
        now = time.perf_counter()
        error = future.exception()
        if error is None:
            self.acks[id] = future.result()
            self.timing.acked[id] = now
        elif isinstance(error, Refused):
            self.refused[id] = error.code
        else:
            return
        self.last_answer_at = now


class Sender:
    """Sends one script. *pace* returns the moment (perf_counter) that a line is to wait for; None sends at once."""

    def __init__(
        self, script: Script, conversation: str, pool: Pool, tally: Tally, pace: Callable[[Line], float] | None
    ) -> None:
        self._script, self._conversation = script, conversation
        self._pool, self._tally, self._pace = pool, tally, pace

    async def run(self) -> None:
        """Send in turns: the next nick's first line waits for the acknowledgement of this one's last."""
        for turn in self._script.turns():
            async with self._pool.lease(turn[0].nick) as client:
                for start in range(0, len(turn), TURN_LINES):
                    await self._say(client, turn[start : start + TURN_LINES])

    async def run_pipelined(self, in_flight: int) -> None:
        """Send without waiting for others: order is kept for each sender only. At most *in_flight* turns are on their way."""
        places = asyncio.Semaphore(in_flight)
        async with asyncio.TaskGroup() as group:
            for turn in self._script.turns():
                for start in range(0, len(turn), TURN_LINES):
                    await places.acquire()
                    task = group.create_task(await self._say_for(turn[start : start + TURN_LINES]))
                    task.add_done_callback(lambda _: places.release())

    async def _say_for(self, lines: list[Line]) -> Coroutine[Any, Any, None]:
        """Send *lines*, and return what waits for their acknowledgements: of two turns of one nick the first is sent first."""
        lease = self._pool.lease(lines[0].nick)
        sends = await self._begin(await lease.__aenter__(), lines)

        async def finish() -> None:
            try:
                await _acknowledged(sends)
            finally:
                await lease.__aexit__(None, None, None)

        return finish()

    async def _say(self, client: Client, lines: list[Line]) -> None:
        await _acknowledged(await self._begin(client, lines))

    async def _begin(self, client: Client, lines: list[Line]) -> list[asyncio.Future[Ack]]:
        sends = []
        for line in lines:
            await self._wait_for(line)
            sends.append(await self._tally.send(client, self._conversation, line))
        return sends

    async def _wait_for(self, line: Line) -> None:
        if self._pace is not None:
            await asyncio.sleep(max(0.0, self._pace(line) - time.perf_counter()))


async def _acknowledged(sends: list[asyncio.Future[Ack]]) -> None:
    """Wait for the outcome of each; raise what is neither an acknowledgement nor a refusal."""
    for outcome in await asyncio.gather(*sends, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, Refused):
            raise outcome if isinstance(outcome, ClientError) else RuntimeError("a send ended oddly") from outcome
