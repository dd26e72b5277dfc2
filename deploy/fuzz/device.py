"""One device of a schedule: its network, its folder, and the lives of its process."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from deploy.fuzz.births import Mother
from deploy.fuzz.life import Life
from deploy.fuzz.reports import Began, Broken
from deploy.fuzz.schedule import Keeper
from deploy.fuzz.weather import Weather
from deploy.fuzz.wire import laid, target_of
from deploy.replay.polling import until

POLL_S = 0.02
PATIENCE_S = 30.0


class Device:
    """A user's client, that `opened` opens. `weathers` are its networks, by service; `lives` its processes in order."""

    def __init__(self, user: str, keeper: Keeper, orders: Mapping[str, object], mother: Mother, folder: Path) -> None:
        self.user, self.keeper = user, keeper
        self._orders, self._mother, self._folder = dict(orders), mother, folder
        self._orders |= {"keeper": keeper.value, "folder": str(folder)}
        self.weathers: dict[str, Weather] = {}
        self.lives: list[Life] = []
        self._births = 0
        self._changing = asyncio.Lock()

    @property
    def is_alive(self) -> bool:
        return bool(self.lives) and not self.lives[-1].has_ended

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def weathers_of(self, service: str) -> list[Weather]:
        return list(self.weathers.values()) if service == "both" else [self.weathers[service]]

    def tell(self, **order: object) -> None:
        """Tell its process, if it runs."""
        if self.is_alive:
            self.life.process.tell(order)

    async def start(self) -> None:
        """Start its process, unless it runs."""
        async with self._changing:
            if not self.is_alive:
                self.lives.append(await self._bear())

    async def kill(self) -> bool:
        """Kill its process; return whether it ran."""
        async with self._changing:
            return await self._kill()

    async def close(self) -> bool:
        """Have it close its client, as an app does that ends; return whether it ran. One that does not is killed: a fault."""
        async with self._changing:
            if not self.is_alive:
                return False
            self.tell(do="close")
            life = self.life
            if not await _comes(life, PATIENCE_S):
                await self._kill()
                life.reports.append(Broken(f"it did not close within {PATIENCE_S:.0f} s"))
            return True

    async def sleep(self, for_s: float) -> None:
        """Let its process stand still."""
        if not self.is_alive:
            return
        process = self.life.process
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(for_s)
        finally:
            process.send_signal(signal.SIGCONT)

    async def rival(self) -> bool:
        """Have another process want the same outbox, which must be told that it can't; return whether there was one to want.

        Where the holder has just died, the other one gets it, and is one of the device's lives.
        """
        async with self._changing:
            if not self.is_alive:
                return False
            holder, other = self.life, await self._bear()
            async with asyncio.timeout(PATIENCE_S):
                await until(lambda: bool(other.read()) or other.has_ended, POLL_S)
            other.kill()
            await other.ended.wait()
            if any(isinstance(report, Began) for report in other.reports):
                if not holder.has_ended:
                    holder.reports.append(Broken("another process got the same outbox"))
                self.lives.append(other)
            return True

    async def _kill(self) -> bool:
        if not self.is_alive:
            return False
        self.life.kill()
        await self.life.ended.wait()
        return True

    async def _bear(self) -> Life:
        output = self._folder / f"life-{self._births:04}.log"
        self._births += 1
        life = Life(await self._mother.bear(self._orders, output), output)
        self._group.create_task(life.watch())
        return life

    @asynccontextmanager
    async def opened(self, urls: Mapping[str, str], address: str | None) -> AsyncIterator[None]:
        """Lay wires to the services at *urls*, from *address*, and start the process; it does not outlive this."""
        async with AsyncExitStack() as wires, asyncio.TaskGroup() as self._group:
            for service, url in urls.items():
                weather = self.weathers[service] = Weather(*target_of(url), address)
                self._orders[service] = await wires.enter_async_context(laid(weather, url))
            try:
                await self.start()
                yield
            finally:
                await asyncio.shield(self._kill())


async def _comes(life: Life, within_s: float) -> bool:
    """Wait for its end; return whether it came."""
    try:
        async with asyncio.timeout(within_s):
            await life.ended.wait()
    except TimeoutError:
        return False
    return True
