"""What `ringpost ring` prints for people."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from deploy.ring.where import Where
from router.simulation import Found
from router.status import ChangeStatus, GatewayStatus, PoolStatus, RouterStatus

COLOURS = {"active": "green", "not ready": "yellow", "draining": "yellow", "down": "red"}
WAYS = {"ring": "ring", "bounded": "ring, bounded loads", "modulo": "modulo"}


def pool_table(status: RouterStatus, pool: PoolStatus) -> Table:
    """Return a table of *pool*'s gateways."""
    frozen = ", frozen: most of the pool is lost" if pool.is_frozen else ""
    title = f"{pool.name} at {status.name}: table {pool.signature}, {status.shape.buckets:,} buckets{frozen}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name, justify in (("gateway", "left"), ("address", "left"), ("state", "left"), ("for", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # rich's Literal
    for name in ("share", "connections", "full at"):
        table.add_column(name, justify="right")
    for gateway in pool.gateways:
        table.add_row(*_cells(gateway))
    return table


def _cells(gateway: GatewayStatus) -> tuple[Text | str, ...]:
    notes = [gateway.state]
    notes += ["full"] if gateway.is_full else []
    notes += [f"held out {gateway.held_s:.0f} s more"] if gateway.held_s else []
    notes += [] if gateway.is_listed else ["not listed"]
    weight = "" if gateway.weight == 1 else f" ×{gateway.weight}"
    state = Text(", ".join(notes), style=COLOURS.get(gateway.state, ""))
    numbers = f"{gateway.share:.1%}", f"{gateway.connections:,}", f"{gateway.bound:,}" if gateway.bound else "–"
    return gateway.name + weight, gateway.address, state, ago(gateway.since_s), *numbers


def change_line(change: ChangeStatus) -> str:
    """Return what a change of the table was, in a line."""
    who = [f"{name} came" for name in change.joined] + [f"{name} went" for name in change.left]
    said = ", ".join(who) or "weights changed"
    return f"{ago(change.ago_s)} ago: {said}; {change.moved:.2%} of the buckets moved (the least is {change.least:.2%})"


def ago(seconds: float) -> str:
    """Return a time span as people say it."""
    for unit, length, most in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def where_table(found: Sequence[Where]) -> Table:
    """Return where addresses go."""
    table = Table("address", "pool", "bucket", "gateway", "then")
    for where in found:
        names = [f"{name} (full)" if name in where.full else name for name in where.order] or ["nobody serves"]
        then = ", ".join(names[1:4]) + (", …" if len(names) > 4 else "")
        table.add_row(where.address, where.pool, f"{where.bucket:,}", names[0], then)
    return table


def busiest_table(found: Found) -> Table:
    """Return how even the loads are."""
    table = Table(title="the busiest gateway's load, by the mean", title_justify="left", title_style="bold")
    table.add_column("what")
    table.add_column("busiest to mean", justify="right")
    table.add_row("shares of the buckets", f"{found.busiest['buckets']:.3f}")
    for way, name in WAYS.items():
        table.add_row(f"clients, {name}", f"{found.busiest[way]:.3f}")
    return table


def moves_table(found: Found) -> Table:
    """Return what moves."""
    table = Table(title="what moves", title_justify="left", title_style="bold")
    for name in ("change", "the least", "buckets", *(f"clients, {name}" for name in WAYS.values())):
        table.add_column(name, justify="left" if name == "change" else "right")
    for move in found.moves:
        parts = (move.least, move.buckets, move.ring, move.bounded, move.modulo)
        table.add_row(move.change, *(f"{part:.2%}" for part in parts))
    return table
