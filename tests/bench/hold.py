"""`make hold`: so many real WebSocket connections at once, with chat going through them, and one gateway that is killed.

It runs in a network namespace of its own, with the router's kernel plane: a relay would need two files a connection, and of
files a process has 20,000 on many machines. Nothing of it stays.
"""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from deploy.capacity.measuring import SOCKET_SLABS
from deploy.capacity.system import RATES_OFF, Running, all_serve, metric, own_system
from deploy.capacity.usage import cpu_s, kernel_bytes, pss_bytes, slabs, spent
from deploy.local.process import is_alive
from deploy.swarm.delays import quantile_ms
from deploy.swarm.errors import Failed
from deploy.swarm.herd import Door, Herd, open_herd
from deploy.swarm.orders import Report
from deploy.swarm.rooms import make_rooms
from deploy.swarm.seating import Seating
from deploy.swarm.talk import Talk, open_talk
from shared.auth import sign
from tests.bench.hold_page import Held, write_held
from tests.bench.load.texts import load_texts
from tests.bench.machine import describe_host, own_versions
from tests.bench.stage import ROOT

GATEWAY_FULL, TTL_S, LOOK_S = 19_000, 3600, 0.1
ENDS = 2  # of each connection both are on this machine
CONNECT_S, BACK_S, DELIVER_S, WHOLE_S = 900.0, 120.0, 60.0, 1_500.0
REST_S = 12.0  # longer than a heartbeat: what connecting left to be done is done


@dataclass(slots=True)
class Holding:
    """One run, as far as it has come."""

    options: argparse.Namespace
    running: Running
    herd: Herd
    seating: Seating
    figures: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def say(self, words: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {words}", flush=True)

    def note(self, **figures: float) -> None:
        self.figures |= figures
        self.say(", ".join(f"{name.replace('_', ' ')} {value:,.6g}" for name, value in figures.items()))

    async def run(self) -> None:
        await all_serve(self.running, self.options.read, 1)
        rooms = await self._make()
        before = self._memory()
        await self._connect()
        await asyncio.sleep(REST_S)
        self._note_memory(before, self._memory())
        self.note(**{f"cpu_idle_{kind}": share for kind, share in (await self._cpu_shares(self.options.seconds)).items()})
        jwt_key, write = self.running.local.jwt_key, self.running.write
        tokens = [sign(jwt_key, self.seating.speaker(n), TTL_S, time.time()) for n in range(self.seating.speakers)]
        async with open_talk([write], tokens, rooms, load_texts().endless(), self.options.heartbeat) as talk:
            await self._chat(talk)
            await self._kill(talk)
            await self._settle(talk)

    async def _make(self) -> list[str]:
        began = time.monotonic()
        rooms = await make_rooms(self.running.write, self.running.local.admin_key, self.seating)
        self.note(conversations=len(rooms), members_each=self.seating.mean_size, making_s=time.monotonic() - began)
        return rooms

    async def _connect(self) -> None:
        began = time.monotonic()
        await self.herd.begin(
            self.seating, Door([self.running.read], self.running.local.jwt_key, self.options.at_once, self.options.heartbeat)
        )
        report = await self.herd.until_live(self.seating.guests, CONNECT_S)
        self.note(connections=report.live, connect_s=time.monotonic() - began, attempts_failed=report.failures)
        sockets = sorted((await self._sockets()).values())
        self.note(fullest_gateway=sockets[-1], emptiest_gateway=sockets[0])

    def _memory(self) -> dict[str, int]:
        """Return the bytes of the gateways, of the other servers, of the swarm and of the kernel."""
        of = {name: pss_bytes(pid) for name, pid in self.running.local.processes.items()}
        gateways = sum(bytes for name, bytes in of.items() if name.startswith("read-"))
        own = {"gateways": gateways, "others": sum(of.values()) - gateways, "swarm": sum(map(pss_bytes, self.herd.pids))}
        return own | kernel_bytes() | {f"slab {name}": bytes for name, bytes in slabs().items()}

    def _note_memory(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        grown = {name: bytes - before.get(name, 0) for name, bytes in after.items()}
        many = self.seating.guests
        self.note(user_bytes=grown["gateways"] / many, gateways_whole_mib=after["gateways"] / 2**20)
        self.note(other_servers_mib=after["others"] / 2**20, swarm_mib=after["swarm"] / 2**20)
        self.note(kernel_both_ends_bytes=grown["slab"] / many, socket_buffers_bytes=grown["buffers"] / many)
        sockets = sum(grown.get(f"slab {kind}", 0) for kind in SOCKET_SLABS)
        self.note(kernel_socket_bytes=(sockets if slabs() else grown["slab"]) / many / ENDS)
        self.note(taken_from_available_mib=-grown["available"] / 2**20)
        largest = sorted((name for name in grown if name.startswith("slab ")), key=lambda name: -grown[name])[:8]
        self.note(**{name.replace(" ", "_"): grown[name] / many for name in largest})

    async def _cpu_shares(self, seconds: float) -> dict[str, float]:
        """Return how many cores each kind of process takes."""
        processes = {name: (name.partition("-")[0], pid) for name, pid in self.running.local.processes.items()}
        processes |= {f"swarm-{pid}": ("swarm", pid) for pid in self.herd.pids}
        before, began = {name: cpu_s(pid) for name, (_, pid) in processes.items()}, time.monotonic()
        await asyncio.sleep(seconds)
        lasted = time.monotonic() - began
        shares: dict[str, float] = {}
        for name, used in spent(before, {name: cpu_s(pid) for name, (_, pid) in processes.items()}).items():
            kind = processes[name][0]
            shares[kind] = shares.get(kind, 0.0) + used / lasted
        return shares

    async def _chat(self, talk: Talk) -> None:
        await self.herd.report()
        speaking = asyncio.create_task(talk.run(self.options.rate, self.options.seconds))
        shares = await self._cpu_shares(self.options.seconds)
        await speaking
        await talk.answered(DELIVER_S)
        report = await self.herd.until_delivered(talk.ledger, DELIVER_S, self.running.local.postgres_url)
        self.note(**{f"cpu_chat_{kind}": share for kind, share in shares.items()})
        self.note(sends=talk.ledger.acked, deliveries=report.delivered)
        self.note(**_percentiles("ack_ms", talk.ledger.delays.take()), **_percentiles("push_ms", report.delays))

    async def _kill(self, talk: Talk) -> None:
        """Kill the fullest gateway and keep it down, while chat goes on; wait until all of its clients are back."""
        sockets = await self._sockets()
        doomed = max(sockets, key=lambda name: sockets[name])
        before = (await self.herd.report()).returns
        speaking = asyncio.create_task(talk.run(self.options.rate, BACK_S))
        os.kill(self.running.launcher, signal.SIGSTOP)  # nobody starts it again
        began = time.monotonic()
        os.kill(self.running.local.processes[doomed], signal.SIGKILL)
        try:
            report = await self._back(before + int(sockets[doomed]))
        finally:
            speaking.cancel()
        self.note(killed_with=sockets[doomed], back_s=time.monotonic() - began, tries_failed=report.failures)
        self.note(cuts=report.cuts, **_percentiles("back_ms", report.absences))
        await talk.answered(DELIVER_S)
        after = await self._sockets()
        self.note(fullest_after=max(after.values()), emptiest_after=min(after.values()))

    async def _back(self, returns: int) -> Report:
        deadline = time.monotonic() + BACK_S
        while time.monotonic() < deadline:
            report = await self.herd.report()
            if report.live == self.seating.guests and report.returns >= returns:
                return report
            await asyncio.sleep(LOOK_S)
        raise Failed(f"only {report.live} of {self.seating.guests} are connected {BACK_S:.0f} s after the kill")

    async def _settle(self, talk: Talk) -> None:
        """See that everybody has everything, in order and once."""
        report = await self.herd.until_delivered(talk.ledger, DELIVER_S, self.running.local.postgres_url)
        if talk.ledger.refusals:
            raise Failed(f"sends were refused: {dict(talk.ledger.refusals)}")
        self.note(all_sends=talk.ledger.acked, all_deliveries=report.delivered, faults=0, seconds=time.monotonic() - self.began)

    async def _sockets(self) -> dict[str, float]:
        """Return how many sockets each read gateway that answers has."""
        gateways = self.running.gateways("read")
        alive = [name for name in gateways if is_alive(self.running.local.processes[name])]
        return {name: await metric(gateways[name], "ringpost_sockets") for name in alive}


def _percentiles(name: str, steps: Mapping[int, int]) -> dict[str, float]:
    return {f"{name}_p{int(100 * share)}": quantile_ms(steps, share) for share in (0.5, 0.99)}


async def hold(options: argparse.Namespace) -> Held:
    settings = RATES_OFF | {"PLANE": "kernel", "MAX_SOCKETS": str(GATEWAY_FULL), "HEARTBEAT_S": str(options.heartbeat)}
    seating = Seating(f"hold-{os.getpid()}", options.connections, options.rooms, options.each)
    async with (
        asyncio.timeout(WHOLE_S),
        own_system(options.read, 1, settings) as running,
        open_herd(seating.guests, options.process_guests) as herd,
    ):
        holding = Holding(options, running, herd, seating)
        await holding.run()
        shape = {"read": options.read, "processes": len(herd.pids), "each": options.each, "rate": options.rate}
        shape |= {"heartbeat": options.heartbeat}
        machine = describe_host() | {"measured_on": datetime.now(UTC).date().isoformat()}
        return Held(machine, own_versions(), shape | {"seconds": options.seconds}, holding.figures)


def main() -> None:
    options = _parse()
    if not options.inside:
        _go_inside()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell in the background had them ignored
        signal.signal(number, signal.default_int_handler)
    try:
        held = uvloop.run(hold(options))
    except KeyboardInterrupt:
        sys.exit(130)
    except (Failed, TimeoutError) as error:
        sys.exit(f"hold: {error or 'it took too long'}")
    if options.out is not None:
        write_held(held, options.out)
        print(f"Written: connections.md and .json in {options.out}")


def _go_inside() -> None:
    """Begin again in a network namespace of our own, where nobody else's connections or rules are."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "nft"))):
        sys.exit("hold: it needs root, unshare, ip and nft: the router's kernel plane and a network namespace of its own.")
    os.execvp("unshare", ["unshare", "--net", sys.executable, "-m", "tests.bench.hold", "--inside", *sys.argv[1:]])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hold", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--connections", type=int, default=95_000)
    parser.add_argument("--rooms", type=int, default=10_000, help="conversations (10,000)")
    parser.add_argument("--each", type=int, default=3, help="conversations of a client (3)")
    parser.add_argument("--read", type=int, default=8, help="read gateways (8)")
    parser.add_argument("--rate", type=float, default=50.0, help="sends a second (50)")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds from a client's ping to its next (30)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long idle and chat are measured (20)")
    parser.add_argument("--at-once", type=int, default=20, help="of each process of the swarm: so many connect at a time (20)")
    parser.add_argument("--process-guests", type=int, default=16_000, help="clients in a process of the swarm (16,000)")
    parser.add_argument("--out", type=Path, default=None, help=f"where the page goes, such as {ROOT.name}/docs/benchmarks")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
