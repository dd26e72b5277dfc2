"""Plays one schedule against the running system: its conversations, its devices, its steps, and the mending at the end."""

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.fuzz.births import Mother
from deploy.fuzz.checker import Account, Case
from deploy.fuzz.device import Device
from deploy.fuzz.reports import Repeated, Said, Up
from deploy.fuzz.schedule import Act, Schedule, Step
from deploy.fuzz.site import Site
from deploy.replay.polling import until

POLL_S = 0.05
UP_S = 10.0
SETTLE_S = 120.0
DEATH_S = 3.0  # so long a process has to come to the step at which it dies, before the next one need not wait for it


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a schedule: what is to be judged, and how often what happened."""

    case: Case
    counts: Counter[str] = field(default_factory=Counter)


class Stage:
    """Plays *schedule* with *mother*'s clients at *site*; *name* makes its users its own."""

    def __init__(self, schedule: Schedule, mother: Mother, site: Site, name: str) -> None:
        self._schedule, self._mother, self._site, self._name = schedule, mother, site, name
        self._counts: Counter[str] = Counter()
        self._stuck: list[str] = []
        self._said = 0

    async def play(self) -> Played:
        """Play to the end; whatever ends it, no process and no folder of it is left."""
        users = list(dict.fromkeys(self._user(device.user) for device in self._schedule.devices))
        self._rooms = [await self._site.create(users) for _ in range(self._schedule.rooms)]
        with tempfile.TemporaryDirectory(prefix="ringpost-fuzz-") as folder:
            async with self._devices(Path(folder)) as self._opened:
                await self._until_up()
                await self._act()
                await self._settle()
                for device in self._opened:
                    await device.close()
                stored = await self._site.read(users[0], self._rooms)
        accounts = self._accounts()
        self._count(accounts)
        return Played(Case(accounts, stored, self._stuck), self._counts)

    def _user(self, name: str) -> str:
        return f"{self._name}-{name}"

    @asynccontextmanager
    async def _devices(self, folder: Path) -> AsyncIterator[list[Device]]:
        async with AsyncExitStack() as stack:
            devices = []
            for number, about in enumerate(self._schedule.devices):
                own = folder / str(number)
                own.mkdir()
                user = self._user(about.user)
                orders = {"token": await self._site.token(user), "rooms": self._rooms}
                devices.append(Device(user, about.keeper, orders, self._mother, own))
                await stack.enter_async_context(devices[-1].opened(self._site.urls, self._site.address()))
            yield devices

    async def _until_up(self) -> None:
        """Give all of them time to come up, so that the steps find something to trouble."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UP_S):
                await asyncio.gather(*(until(device.life.is_up, POLL_S) for device in self._opened))

    # The steps.

    async def _act(self) -> None:
        """Do every step at its time, and wait for all that they began."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.TaskGroup() as group:
            for step in self._schedule.steps:
                await asyncio.sleep(began + step.at_ms / 1000 - clock())
                group.create_task(self._do(step))

    async def _do(self, step: Step) -> None:
        device, for_s = self._opened[step.device], step.for_ms / 1000
        deeds: dict[Act, Callable[[], Awaitable[object]]] = {
            Act.SEND: lambda: self._send(device, step.of, step.amount),
            Act.KILL: lambda: self._kill(device, for_s),
            Act.DIE: lambda: self._die(device, step, for_s),
            Act.RESTART: lambda: self._restart(device, for_s),
            Act.SLEEP: lambda: device.sleep(for_s),
            Act.OFFLINE: lambda: self._offline(device, for_s),
            Act.ELSEWHERE: lambda: self._elsewhere(device),
            Act.CLOCK: lambda: self._clock(device, step.amount),
            Act.RIVAL: lambda: device.rival(),
            Act.GATEWAY: lambda: self._site.kill(step.of),
        }
        self._counts[step.act.value] += 1
        await (deeds.get(step.act) or (lambda: self._storm(device, step, for_s)))()

    async def _send(self, device: Device, room: str, many: int) -> None:
        texts = [f"{self._said + n} of {device.user} {'at length ' * ((self._said + n) % 7 * 20)}" for n in range(many)]
        self._said += many
        device.tell(do="send", room=self._rooms[int(room)], texts=texts)

    async def _kill(self, device: Device, for_s: float) -> None:
        self._counts["killed"] += await device.kill()
        await asyncio.sleep(for_s)
        await device.start()

    async def _die(self, device: Device, step: Step, for_s: float) -> None:
        """It sends and dies meanwhile; where that takes longer, `_settle` sees to it."""
        if not device.is_alive:
            return
        life = device.life
        life.may_die = True
        device.tell(do="die", step=step.amount)
        await self._send(device, step.of, 2)
        try:
            async with asyncio.timeout(DEATH_S):
                await life.ended.wait()
        except TimeoutError:
            return
        self._counts["killed"] += 1
        self._counts["died_at_a_step"] += 1
        await asyncio.sleep(for_s)
        await device.start()

    async def _restart(self, device: Device, for_s: float) -> None:
        self._counts["closed"] += await device.close()
        await asyncio.sleep(for_s)
        await device.start()

    async def _storm(self, device: Device, step: Step, for_s: float) -> None:
        """What concerns the network alone."""
        async with asyncio.TaskGroup() as group:
            for weather in device.weathers_of(step.of):
                match step.act:
                    case Act.CUT:
                        weather.cut()
                    case Act.TEAR:
                        weather.tear(step.amount)
                    case Act.SLOW:
                        group.create_task(weather.be_slow(step.amount / 1000, for_s))
                    case Act.SILENT:
                        group.create_task(weather.be_silent(for_s))
                    case Act.PLAIN:
                        group.create_task(weather.be_plain(for_s))
                    case Act.LOSE:
                        group.create_task(weather.be_half_open(for_s or None))

    async def _offline(self, device: Device, for_s: float) -> None:
        device.tell(do="hint")
        async with asyncio.TaskGroup() as group:
            for weather in device.weathers.values():
                group.create_task(weather.be_away(for_s))
        device.tell(do="hint")

    async def _elsewhere(self, device: Device) -> None:
        address = self._site.address()
        for weather in device.weathers.values():
            weather.address = address
            weather.cut()

    async def _clock(self, device: Device, by_s: int) -> None:
        device.tell(do="clock", by_s=by_s)

    # The end: everything is mended, and must come to rest.

    async def _settle(self) -> None:
        """Wait until all outboxes are empty, and all apps have seen everything."""
        for device in self._opened:
            for weather in device.weathers.values():
                weather.calm()
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._until_all(lambda device: device.life.is_drained)
                heads = await self._site.heads(self._opened[0].user, self._rooms)
                await self._until_all(lambda device: _has_seen(device, heads))
        except TimeoutError:
            self._stuck += [self._state(number, device) for number, device in enumerate(self._opened)]

    async def _until_all(self, is_so: Callable[[Device], bool]) -> None:
        """Wait until *is_so* of all devices, with all of them alive."""
        while True:
            await asyncio.gather(*map(self._tend, self._opened))
            if all(device.is_alive and is_so(device) for device in self._opened):
                return
            await asyncio.sleep(POLL_S)

    async def _tend(self, device: Device) -> None:
        """Have *device* live, and asked to say when its outbox is empty."""
        await device.start()
        if not device.life.is_asked:
            device.life.is_asked = True
            device.tell(do="drain")
        device.life.read()

    def _state(self, number: int, device: Device) -> str:
        drained = "an empty outbox" if device.life.is_drained else "sends in its outbox"
        return f"after {SETTLE_S:.0f} s device {number} has {drained}, and has seen up to {list(_seen(device).values())}"

    # What it was.

    def _accounts(self) -> dict[str, Account]:
        return {
            f"device {number}": Account(device.user, device.keeper, [life.reports for life in device.lives])
            for number, device in enumerate(self._opened)
        }

    def _count(self, accounts: Mapping[str, Account]) -> None:
        counts = self._counts
        reports = [report for account in accounts.values() for report in account.all()]
        counts["sends"] = sum(isinstance(report, Said) for report in reports)
        counts["duplicates"] = sum(isinstance(report, Repeated) for report in reports)
        counts["cuts"] = sum(weather.cuts for device in self._opened for weather in device.weathers.values())
        for account in accounts.values():
            ups = Counter(report.service for report in account.all() if isinstance(report, Up))
            counts["reconnects"] += sum(ups.values()) - len(ups)


def _seen(device: Device) -> dict[str | None, int]:
    heads: dict[str | None, int] = {}
    for life in device.lives:
        for room, head in life.heads.items():
            heads[room] = max(head, heads.get(room, 0))
    return heads


def _has_seen(device: Device, heads: Mapping[str, int]) -> bool:
    seen = _seen(device)
    return all(seen.get(room, 0) >= head for room, head in heads.items())
