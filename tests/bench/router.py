"""`make bench-router`: both planes of our router beside HAProxy, nginx, a plain IP router and a cable."""

from collections.abc import Callable, Sequence

from tests.bench.bench import Bench
from tests.bench.document import OURS
from tests.bench.rounds import Experiment, Run
from tests.bench.router_ground import open_ground
from tests.bench.router_runs import Flight, connects, cost, ideal_of_table, memory, ours_of_table, trips
from tests.bench.router_systems import CROWDED, HAPROXY, NGINX, PLAIN, Systems, check_possible, start_systems
from tests.bench.stage import Stage

Measure = Callable[[Systems, str, str], Run]

_FLIGHT = "10,000 clients of a gateway that was killed are on another"
_ABOUT = """
Clients, routers and gateways are in network namespaces, joined by veth pairs. Eight gateways are one echo in C (the one that is
killed has a process of its own) and answer 64 bytes with 64 bytes; the load is in C too, on a core of its own. The machine's
other core has the gateways and whatever is between. Everything is kept at its default but the numbers of files and connections.

The peers:

- `direct`: clients call a gateway by a cable of their own. No router is there.
- `plain forwarding`: a namespace between that forwards IP and has no rules: what any hop costs.
- `HAProxy`: `mode tcp`, `balance source`, `hash-type consistent`, `hash-balance-factor 125`, one thread.
- `nginx`: its stream module, `hash $remote_addr consistent`, one worker.

What is ours is the kernel plane in rows that begin with `kernel`, and one process of the relay in rows that begin with `relay`.

The rows:

- *Round trips*: 64 connections, each of which sends when it has its echo. The load's core or the gateways' sets the limit.
- *CPU a round trip*: how busy both cores were, interrupts included, by the number of round trips; less direct's, which is
  measured before and after within each run. Where that is less than direct's two figures differ by, it is what they differ by.
- *New connections*: 64 at a time, each from another address: connect, 64 bytes there and back, reset.
- *Memory a connection*: what the process grew by since its start, with 4,000 idle connections. The kernel's part is in none.
- *Moved*: the part of all buckets that goes elsewhere, for the gateway whose going (coming) moves most. The ideal is 1/8.
- *Busiest to mean*: by the table alone. The ideal of *10,000 addresses* is a hash that is perfectly random. *40 % behind 25
  addresses* is with bounded loads (ε = 0.25), simulated (`ringpost ring simulate`).
- *10,000 clients of a gateway that was killed*: its process gets SIGKILL; each client whose connection ends calls again half
  a second later, and again when it is refused. The ideal is when the first was on another, and the time that 10,000
  connections take directly. Our other routers are held meanwhile: all of them would make new tables on that core. The relay
  has two processes here, for the sake of their files, and ε = 10: by 0.25 most of such a crowd is diverted when it comes.
"""


async def _prepare(stage: Stage) -> Sequence[Experiment]:
    check_possible()
    systems = start_systems(stage, stage.stack.enter_context(open_ground()))
    return _experiments(systems)


def _experiments(systems: Systems) -> Sequence[Experiment]:
    kernel, relay = Flight(systems, f"kernel: {_FLIGHT}"), Flight(systems, f"relay: {_FLIGHT}")
    return [
        _rows(systems, trips, "kernel: round trips", "kernel", ["direct", PLAIN, HAPROXY, NGINX]),
        _rows(systems, cost, "kernel: CPU a round trip", "kernel", [PLAIN, HAPROXY, NGINX]),
        _rows(systems, connects, "kernel: new connections", "kernel", ["direct", PLAIN, HAPROXY, NGINX]),
        _rows(systems, trips, "relay: round trips", "relay", [HAPROXY, NGINX]),
        _rows(systems, connects, "relay: new connections", "relay", [HAPROXY, NGINX]),
        _rows(systems, trips, "relay: round trips, PROXY v2", "relay, PROXY v2", [f"{HAPROXY}, PROXY v2"]),
        _rows(systems, connects, "relay: new connections, PROXY v2", "relay, PROXY v2", [f"{HAPROXY}, PROXY v2"]),
        _rows(systems, memory, "relay: memory a connection", "relay", [HAPROXY, NGINX]),
        Experiment("the table", {OURS: ours_of_table(), "ideal": ideal_of_table()}),
        Experiment(kernel.row, {OURS: kernel.flee("kernel"), "ideal": kernel.ideal()}),
        Experiment(relay.row, {OURS: relay.flee(CROWDED), "ideal": relay.ideal()}),
    ]


def _rows(systems: Systems, measure: Measure, row: str, ours: str, peers: Sequence[str]) -> Experiment:
    there = {peer.partition(",")[0]: measure(systems, peer, row) for peer in peers if peer in systems.by_name}
    return Experiment(row, {OURS: measure(systems, ours, row), **there})


ROUTER = Bench(
    "The router benchmark: what lies between clients and gateways", _ABOUT, ("msgspec", "uhashring", "uvloop"), _prepare
)
