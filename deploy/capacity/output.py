"""What `ringpost capacity` prints."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from deploy.capacity.limits import Limit
from deploy.capacity.measuring import Found
from deploy.capacity.model import PLANES, Carried, Machine, Wish, bytes_a_connection


def to_json(machine: Machine, found: Found, wish: Wish, carried: Sequence[Carried], limits: Sequence[Limit]) -> dict[str, Any]:
    measured = asdict(found.measured)
    measured["bytes_a_connection"] = {plane: bytes_a_connection(found.measured, plane) for plane in PLANES}
    return {
        "machine": asdict(machine),
        "measured": measured,
        "waits_ms": dict(found.waits_ms),
        "wish": asdict(wish),
        "carried": [asdict(one) for one in carried],
        "limits": [asdict(limit) | {"is_enough": limit.is_enough} for limit in limits],
    }


def show(machine: Machine, found: Found, wish: Wish, carried: Sequence[Carried], limits: Sequence[Limit]) -> Group:
    about = (
        f"{machine.cores} cores, {machine.memory_bytes / 2**30:.1f} GiB of memory to have. {found.sends:,} sends and "
        f"{found.deliveries:,} deliveries were measured; everybody got everything, once and in order."
    )
    return Group(about, _costs(found), _carried(wish, carried), _limits(limits), *_commands(limits))


def _costs(found: Found) -> Table:
    table = Table("service", "a connection, µs/s", "a send, µs", "a delivery, µs", "at rest, µs/s", title="processor time")
    for name, cost in found.measured.costs.items():
        table.add_row(name, *(f"{1e6 * value:,.1f}" for value in (cost.connection, cost.send, cost.delivery, cost.rest)))
    of = [f"{plane} plane {bytes_a_connection(found.measured, plane):,.0f} bytes" for plane in PLANES]
    table.caption = f"memory of a connection: {', '.join(of)} (user space and kernel)"
    return table


def _carried(wish: Wish, carried: Sequence[Carried]) -> Table:
    title = f"what this machine carries with {wish.headroom:.0%} of it free"
    users = f"users that are connected, send {wish.sends_a_minute:g} a minute, to {wish.receivers:g} receivers each"
    rows = {
        "connections, idle, by memory": "connections_by_memory",
        "connections, idle, by processor": "connections_by_processor",
        "sends a second, alone": "sends",
        "deliveries a second, alone": "deliveries",
        users: "users",
        "  read gateways for those": "read_gateways",
        "  write gateways": "write_gateways",
        "  relays": "relays",
    }
    table = Table("what", *(f"{one.plane} plane" for one in carried), title=title)
    for words, name in rows.items():
        table.add_row(words, *(f"{getattr(one, name):,}" for one in carried))
    return table


def _limits(limits: Sequence[Limit]) -> Table:
    table = Table("limit", "is", "needed", "for", title="limits, for those users")
    for limit in limits:
        mark = "" if limit.is_enough else " (raise it)"
        table.add_row(limit.name, f"{limit.have:,}", f"{limit.need:,}{mark}", limit.why)
    return table


def _commands(limits: Sequence[Limit]) -> list[Text]:
    commands = [limit.command for limit in limits if not limit.is_enough]
    if not commands:
        return [Text("No limit need be raised for those users.")]
    return [
        Text("Raise them (and put them into /etc/sysctl.d and the unit's LimitNOFILE):"),
        *(Text(f"  {c}") for c in commands),
    ]
