"""Real chat through each data plane of the router while gateways join, drain, die, hang and flap: the watchers' zeros."""

import asyncio
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from ringpost_client import Client, Options, State

from deploy.replay.checker import check
from deploy.replay.irc import read_log
from deploy.replay.plan import make_plan
from deploy.replay.polling import until
from deploy.replay.report import gather, report, table
from deploy.replay.runner import Choices, Runner
from deploy.replay.select import select_entries
from tests.chat import make_logs, speed_for
from tests.gateways import token
from tests.namespaces import missing
from tests.town import READS, WRITES, Town, client_address, open_town, settled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

ZEROS = ("lost", "duplicated", "out_of_order", "altered", "disagreements")
IDLE, HEARTBEAT_S, PATIENCE_S = 40, 10.0, 60.0


@pytest.fixture(params=["kernel", "relay"])
def town(request: pytest.FixtureRequest, folder: Path) -> Iterator[Town]:
    with open_town(request.param, folder / f"{request.param}-{time.time_ns()}") as opened:
        yield opened


async def begin(town: Town, *, without: str = "") -> None:
    names = [name for name in (*READS, *WRITES) if name != without]
    for name in names:
        town.start(name)
    town.start_router()
    await town.until_served("read", {name for name in names if name in READS})
    await town.until_served("write", {name for name in names if name in WRITES})
    await town.until_routed()


async def trouble(town: Town) -> None:
    """Have gateways join, drain, die, hang and flap, each when the one before is over."""
    reads = set(READS)
    town.start("read-4")
    await town.until_served("read", reads)
    town.signal("read-1", signal.SIGTERM)
    await town.until_served("read", reads - {"read-1"})
    await asyncio.to_thread(town.gateways["read-1"].wait, PATIENCE_S)
    town.start("read-1")
    await town.until_served("read", reads)
    for name, pool, all_of in (("read-2", "read", reads), ("write-1", "write", set(WRITES))):
        town.signal(name, signal.SIGKILL)
        await town.until_served(pool, all_of - {name})
        town.start(name)
        await town.until_served(pool, all_of)
    for name, pool, all_of in (("read-3", "read", reads), ("write-2", "write", set(WRITES))):
        town.signal(name, signal.SIGSTOP)
        await town.until_served(pool, all_of - {name})
        town.signal(name, signal.SIGCONT)
        await town.until_served(pool, all_of)
    for _ in range(6):
        town.signal("read-4", signal.SIGSTOP)
        await asyncio.sleep(1)
        town.signal("read-4", signal.SIGCONT)
        await asyncio.sleep(1)


async def replay(town: Town, logs: list[Path]) -> tuple[Runner, dict[str, list[dict[str, object]]]]:
    plan = settled(make_plan([read_log(path) for path in logs], watchers=4, seed=1, run=town.prefix))
    runner = Runner(town.access, plan, Choices(speed=float(speed_for(logs, 75))))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(trouble(town))
        await runner.run()
    return runner, await runner.read_history()  # type: ignore[return-value]  # as the API tells it


def test_chat_loses_nothing_while_gateways_join_drain_die_hang_and_flap(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = make_logs(tmp_path, 4, 500)
    with town.network.clients.inside():
        asyncio.run(begin(town, without="read-4"))
        runner, told = asyncio.run(replay(town, logs))
    conversations = list(runner.replay.conversations.values())
    with town.network.gateways.inside():
        selected = asyncio.run(select_entries(town.postgres_url, conversations))
    histories = gather(runner.replay, told, selected)
    found = report(runner.replay, Choices(), histories, check(histories))
    with capsys.disabled():
        print(f"\n{town.plane}\n{table(found)}")

    assert {zero: found[zero] for zero in ZEROS} == dict.fromkeys(ZEROS, 0), found["faults"]
    assert found["sent"] == found["acknowledged"] == found["stored"] > 1000
    assert found["deliveries"] == 4 * found["sent"]
    assert found["reconnects"] > 0


class Idle:
    """Clients that say nothing, and when each of them lost its socket and was back."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.gateways: dict[int, str] = {}
        self.lost: dict[int, float] = {}
        self.back: dict[int, float] = {}
        self.reasons: defaultdict[str, int] = defaultdict(int)

    def client(self, number: int) -> Client:
        options = Options(local_address=client_address(number), backoff_base_s=0.1)
        access = self._town.access
        return Client(
            access.read_url,
            access.write_url,
            token(f"idle-{number}"),
            options=options,
            on_state=lambda s: self._hear(number, s),
        )

    def _hear(self, number: int, state: State) -> None:
        if state.service != "read":
            return
        if state.is_up:
            self.gateways[number] = state.gateway
            if number in self.lost:
                self.back[number] = time.monotonic()
        else:
            self.lost.setdefault(number, time.monotonic())
            self.reasons[state.reason] += 1


async def idle_through_the_end_of(town: Town, name: str) -> tuple[Idle, dict[int, str], float]:
    """Have clients idle while the machine of the gateway *name* goes, without a packet; return when that was."""
    idle = Idle(town)
    async with AsyncExitStack() as stack:
        following = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = []
        for number in range(IDLE):
            client = await stack.enter_async_context(idle.client(number))
            tasks.append(following.create_task(follow(client)))
            await asyncio.sleep(HEARTBEAT_S / IDLE)  # or all of them would say something at the same moment
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: len(idle.gateways) == IDLE, 0.1)
        before = dict(idle.gateways)
        town.network.gateways.do(f"ip addr del {town.hosts[name]}/24 dev v{town.network.router.name}")
        town.signal(name, signal.SIGKILL)
        gone = time.monotonic()
        moved = {number for number, gateway in before.items() if gateway == name}
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await until(lambda: idle.back.keys() == moved, 0.1)
        for task in tasks:
            task.cancel()
        return idle, before, gone


async def follow(client: Client) -> None:
    async for _ in client.events():
        pass


def test_an_idle_client_of_a_gateway_whose_machine_is_gone_is_on_another_after_its_next_heartbeat(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    with town.network.clients.inside():
        asyncio.run(begin(town))
        idle, before, gone = asyncio.run(idle_through_the_end_of(town, "read-2"))
    moved = {number for number, gateway in before.items() if gateway == "read-2"}
    waits = [idle.back[number] - gone for number in idle.back]
    with capsys.disabled():
        told = f"mean {statistics.mean(waits):.1f} s, most {max(waits):.1f} s" if waits else "none was back"
        print(f"\n{town.plane}: {len(moved)} of {IDLE} idle clients; on another gateway after: {told}; {dict(idle.reasons)}")

    assert moved
    assert idle.back.keys() == idle.lost.keys() == moved
    assert all(idle.gateways[number] != "read-2" for number in moved)
