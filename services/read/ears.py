"""The canaries of a gateway, sent and listened for; a subscription that has gone deaf is opened anew."""

import asyncio
import time
from collections import Counter

import structlog

from services.read.hearing import Hearing
from shared.bus.canary import Canary
from shared.bus.client import is_cancelled
from shared.bus.subscription import Subscription
from shared.errors import Unavailable

log = structlog.get_logger("ringpost.read")
CANARY_S, LOOK_S = 1.0, 0.2


class Ears:
    """Listens in front of whoever the subscription's messages go to."""

    def __init__(self, subscription: Subscription, canary: Canary) -> None:
        self._subscription, self._canary = subscription, canary
        self._hearing = Hearing()
        self._was_deaf = False
        self._pass_on = subscription.on_message
        self.counts: Counter[str] = Counter(deaf=0, canaries_refused=0)
        subscription.on_message = self._hear
        subscription.subscribe(canary.channel)

    @property
    def is_deaf(self) -> bool:
        return self._hearing.is_deaf(time.monotonic())

    @property
    def lag_s(self) -> float:
        return self._hearing.lag_s(time.monotonic())

    async def run(self) -> None:
        """Send and look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send())
            while True:
                self._look()
                await asyncio.sleep(LOOK_S)

    async def _send(self) -> None:
        while not is_cancelled():
            number = self._hearing.send()
            try:
                await self._canary.send(number)
            except Unavailable:
                self.counts["canaries_refused"] += 1
            else:
                self._hearing.answered(number, time.monotonic())
            await asyncio.sleep(CANARY_S)

    def _hear(self, channel: bytes, data: bytes) -> None:
        if channel != self._canary.channel:
            self._pass_on(channel, data)
        elif data.isdigit() and len(data) < 20:
            self._hearing.heard(int(data))

    def _look(self) -> None:
        is_deaf = self.is_deaf
        if is_deaf and not self._was_deaf:
            self.counts["deaf"] += 1
            log.error("deaf: Redis answers, but the subscription lags; Postgres serves", lag_s=round(self.lag_s, 1))
        elif self._was_deaf and not is_deaf:
            log.warning("the subscription hears again")
        self._was_deaf = is_deaf
        if self._hearing.must_reopen(time.monotonic()):
            self._subscription.reopen()
