"""Holds senders to the rates, at once and by what this gateway knows; Redis is told, and heard, in the background."""

import asyncio
import time
from collections.abc import Mapping
from math import ceil
from uuid import UUID

import structlog

from services.write.rates import Rates
from shared.auth import Identity
from shared.bus.client import is_cancelled
from shared.bus.rates import SharedBuckets
from shared.errors import RateLimited, Unavailable

log = structlog.get_logger("ringpost.write")
REPORT_S = 0.1


class Limiter:
    """The rates at this gateway. Until `run` runs, and while Redis is away, it limits by itself."""

    def __init__(self, rates: Rates, shared: SharedBuckets) -> None:
        self._rates, self._shared = rates, shared
        self._hears = True
        self.refused = self.failed_reports = 0

    def check(self, identity: Identity, conversation: UUID) -> None:
        """Count one send of *identity* to *conversation*; never waits. The admin key has no limit.

        Raises:
            RateLimited: nothing was counted; says when there is room again.
        """
        if identity.is_admin:
            return
        wait_s = self._rates.admit(identity.user, conversation, time.monotonic(), identity.rate)
        if wait_s is not None:
            self.refused += 1
            raise RateLimited(retry_after_s=ceil(wait_s * 1000) / 1000)

    def give_back(self, conversation: UUID) -> None:
        """Uncount a send to *conversation* by somebody who is no member of it."""
        self._rates.give_back(conversation)

    async def run(self) -> None:
        """Report and be corrected, until cancelled."""
        while not is_cancelled():
            await asyncio.sleep(REPORT_S)
            await self._report()

    async def _report(self) -> None:
        """Report once. What a failed report told is not told again: it may have been taken out, and once is enough."""
        report = self._rates.report(time.monotonic())
        if not report.debits:
            return
        try:
            levels = await self._shared.debit(report.debits)
        except Unavailable as error:
            self.failed_reports += 1
            if self._hears:
                log.warning("the rates are this gateway's own until Redis is back", error=type(error.__cause__).__name__)
            self._hears = False
        else:
            self._rates.correct(report, levels)
            if not self._hears:
                log.info("the rates are all gateways' again")
            self._hears = True

    def metrics(self) -> Mapping[str, float]:
        return {
            "write_rate_limited_total": float(self.refused),
            "write_rate_buckets": float(len(self._rates)),
            "write_rate_reports_failed_total": float(self.failed_reports),
        }
