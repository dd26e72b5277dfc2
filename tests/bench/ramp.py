"""A load that rises step by step until the system bends: what was asked, what was done, and how long people waited."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.capacity.system import Running
from deploy.capacity.usage import cpu_s, spent
from deploy.swarm.delays import quantile_ms
from deploy.swarm.errors import Failed
from deploy.swarm.herd import Herd
from deploy.swarm.talk import Talk

KNEE_MS, SETTLE_S, WARM_S = 250.0, 30.0, 1.0
LOAD = "load"


@dataclass(frozen=True, slots=True)
class Step:
    """*asked*: sends a second that were due; the rest is what came of them. *cores*: seconds of processor time a second."""

    asked: float
    sends: float
    deliveries: float
    refused: int
    ack_ms: tuple[float, float]
    push_ms: tuple[float, float]
    cores: Mapping[str, float]

    @property
    def is_carried(self) -> bool:
        """Whether nothing was refused, and 99 of 100 deliveries came within KNEE_MS of when their sends were due."""
        return not self.refused and self.push_ms[1] <= KNEE_MS


@dataclass(frozen=True, slots=True)
class Ramp:
    """One load on one system. *share*: what of a core each gateway of the kind that was varied had; None: what there was."""

    load: str
    read: int
    write: int
    share: float | None
    steps: Sequence[Step]

    @property
    def knee(self) -> int | None:
        """The number of the last step that was carried; None if none was."""
        carried = [number for number, step in enumerate(self.steps) if step.is_carried]
        return carried[-1] if carried else None

    @property
    def is_bent(self) -> bool:
        """Whether it came to a step that was not carried."""
        return not all(step.is_carried for step in self.steps)


@dataclass(frozen=True, slots=True)
class Crowd:
    """A system with guests in it, and those who talk to them."""

    running: Running
    herd: Herd
    talk: Talk


async def climb(crowd: Crowd, rates: Sequence[float], seconds: float) -> list[Step]:
    """Take one step after the other, up to the first that is not carried."""
    await crowd.talk.run(rates[0], WARM_S)
    await _settle(crowd)
    steps: list[Step] = []
    for rate in rates:
        steps.append(await _step(crowd, rate, seconds))
        if not steps[-1].is_carried:
            break
    return steps


async def _step(crowd: Crowd, rate: float, seconds: float) -> Step:
    ledger = crowd.talk.ledger
    ledger.delays.take()
    first, acked, refused = await crowd.herd.report(), ledger.acked, ledger.refusals.total()
    before, began = _used(crowd), time.monotonic()
    await crowd.talk.run(rate, seconds)
    delays, delivered = await _settle(crowd)
    lasted, used = time.monotonic() - began, spent(before, _used(crowd))
    acks = ledger.delays.take()
    return Step(
        asked=rate,
        sends=(ledger.acked - acked) / lasted,
        deliveries=(delivered - first.delivered) / lasted,
        refused=ledger.refusals.total() - refused,
        ack_ms=(quantile_ms(acks, 0.5), quantile_ms(acks, 0.99)),
        push_ms=(quantile_ms(delays, 0.5), quantile_ms(delays, 0.99)),
        cores={service: seconds / lasted for service, seconds in used.items()},
    )


async def _settle(crowd: Crowd) -> tuple[Mapping[int, int], int]:
    """Wait until all is answered and delivered; return the delays, and the deliveries so far. Raise Failed if that fails."""
    await crowd.talk.answered(SETTLE_S)
    report = await crowd.herd.until_delivered(crowd.talk.ledger, SETTLE_S, crowd.running.local.postgres_url)
    if report.cuts:
        raise Failed(f"{report.cuts} clients were cut")
    return report.delays, report.delivered


def _used(crowd: Crowd) -> dict[str, float]:
    """Return the processor time of each service so far, and of the load."""
    used: dict[str, float] = {LOAD: sum(map(cpu_s, crowd.herd.pids)) + time.process_time()}
    for name, pid in crowd.running.local.processes.items():
        service = name.partition("-")[0]
        used[service] = used.get(service, 0.0) + cpu_s(pid)
    return used
