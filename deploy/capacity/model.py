"""From what was measured to what a machine carries. A pure core.

A service's processor time is taken to be linear: so much for each connection that is there (its heartbeats), so much for each
send, so much for each delivery. Three stretches give the terms: connections alone, sends with few deliveries, sends with many.
It is careful: a send costs less the more of them are committed together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

# A TCP connection's ends on the server: the gateway's, and with a relay two of the relay's too.
ENDS = {"kernel": 1, "relay": 3}
PLANES = tuple(ENDS)
LOOPBACK_ENDS = 4  # with a relay, and the client on the same machine


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was done in so many *seconds*, and the processor time of each service meanwhile."""

    seconds: float
    connections: int
    sends: int
    deliveries: int
    cpu_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time of one service: at rest a second, for a connection a second, a send, a delivery."""

    rest: float
    connection: float
    send: float
    delivery: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The terms. *bytes*: of user space, a connection, by service; *kernel_bytes*: of each end of a TCP connection."""

    costs: Mapping[str, Cost]
    bytes: Mapping[str, float]
    kernel_bytes: float
    fixed_bytes: float


@dataclass(frozen=True, slots=True)
class Machine:
    """*gateway_sockets*, *relay_connections*: what one process takes at most, as it is set."""

    cores: int
    memory_bytes: int
    gateway_sockets: int
    relay_connections: int


@dataclass(frozen=True, slots=True)
class Wish:
    """How people talk, and what shall stay free of processor and memory: *headroom*, as a part."""

    headroom: float
    sends_a_minute: float
    receivers: float


@dataclass(frozen=True, slots=True)
class Carried:
    """What a machine carries with one of the router's planes.

    The first four are each with nothing else going on; *users* talk as was wished, all connected. The last three are the
    processes that so many users need, each of which can use one core.
    """

    plane: str
    connections_by_memory: int
    connections_by_processor: int
    sends: int
    deliveries: int
    users: int
    read_gateways: int
    write_gateways: int
    relays: int


def solve(rest: Stretch, idle: Stretch, few: Stretch, many: Stretch) -> dict[str, Cost]:
    """Return the cost of each service; a term that would be below zero is within the noise, and zero."""
    return {name: _solve(name, rest, idle, few, many) for name in idle.cpu_s}


def carry(measured: Measured, machine: Machine, wish: Wish, plane: str) -> Carried:
    """Return what *machine* carries, the whole system on it."""
    costs = {name: cost for name, cost in measured.costs.items() if plane == "relay" or name != "router"}
    room = machine.cores * (1 - wish.headroom) - sum(cost.rest for cost in costs.values())
    memory = machine.memory_bytes * (1 - wish.headroom) - measured.fixed_bytes
    by_memory = max(0, floor(memory / bytes_a_connection(measured, plane)))
    idle, send, delivery = (_sum(costs, term) for term in ("connection", "send", "delivery"))
    by_processor = _per(room, idle)
    users = min(by_memory, _per(room, _user(idle, send, delivery, wish)))
    each = 1 - wish.headroom
    needs = {name: users * _user(c.connection, c.send, c.delivery, wish) / each for name, c in costs.items()}
    read, write, relays = (max(1, ceil(needs.get(name, 0.0))) for name in ("read", "write", "router"))
    read = max(read, ceil(users / machine.gateway_sockets))
    relays = max(relays, ceil(users / machine.relay_connections))
    rates = _per(room, send), _per(room, delivery)
    return Carried(plane, by_memory, by_processor, *rates, users, read, write, relays if plane == "relay" else 0)


def bytes_a_connection(measured: Measured, plane: str) -> float:
    own = sum(bytes for name, bytes in measured.bytes.items() if plane == "relay" or name != "router")
    return own + ENDS[plane] * measured.kernel_bytes


def _solve(name: str, rest: Stretch, idle: Stretch, few: Stretch, many: Stretch) -> Cost:
    at_rest = rest.cpu_s[name] / rest.seconds
    level = idle.cpu_s[name] / idle.seconds
    connection = max(0.0, level - at_rest) / max(1, idle.connections)
    own = [max(0.0, stretch.cpu_s[name] - level * stretch.seconds) for stretch in (few, many)]
    whole = few.sends * many.deliveries - many.sends * few.deliveries
    send = (own[0] * many.deliveries - own[1] * few.deliveries) / whole
    delivery = (few.sends * own[1] - many.sends * own[0]) / whole
    if send < 0:
        send, delivery = 0.0, own[1] / many.deliveries
    elif delivery < 0:
        send, delivery = own[0] / few.sends, 0.0
    return Cost(at_rest, connection, send, delivery)


def _user(idle: float, send: float, delivery: float, wish: Wish) -> float:
    """Return what a user costs a second."""
    return idle + wish.sends_a_minute / 60 * (send + wish.receivers * delivery)


def _per(room: float, cost: float) -> int:
    return max(0, floor(room / cost)) if cost else 0


def _sum(costs: Mapping[str, Any], term: str) -> float:
    return sum(float(getattr(cost, term)) for cost in costs.values())
