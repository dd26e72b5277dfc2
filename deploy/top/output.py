"""A view, drawn."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.ring.output import COLOURS, change_line
from deploy.top.view import Delay, GatewayView, RouterView, View

SLOW_S = 1.0
NOTHING = "–"


def draw(view: View, *, at: str) -> RenderableType:
    """Return a frame; *at* is when it was."""
    over = f"over {view.over_s:.1f} s" if view.over_s is not None else "since the processes began"
    title = Text.assemble(("ringpost top", "bold"), f"  {at}  {over}")
    return Group(title, "", _totals(view), "", _delays(view), "", _gateways(view.gateways), "", *map(_router, view.routers))


def _totals(view: View) -> Text:
    open_ = sum(gateway.connections for gateway in view.gateways)
    parts = [
        (f"{open_:,} connections", ""),
        (f"{view.sends:,.1f} sends/s", ""),
        (f"{view.deliveries:,.1f} deliveries/s", ""),
        (f"{view.put_off:,.1f} put off/s", "yellow" if view.put_off else ""),
        (f"{view.queue:,} in queues", ""),
        (f"{view.behind:,} behind", "yellow" if view.behind else ""),
        (f"{view.repairs:,.1f} repaired/s", "yellow" if view.repairs else ""),
    ]
    return Text("   ").join(Text(words, style=style) for words, style in parts)


def _delays(view: View) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("delay", style="bold")
    for name in ("p50", "p99"):
        table.add_column(name, justify="right")
    for what, delay in view.delays.items():
        table.add_row(what, *_cells(delay))
    return table


def _cells(delay: Delay) -> tuple[Text, Text]:
    return _duration(delay.p50), _duration(delay.p99)


def _duration(seconds: float | None) -> Text:
    if seconds is None:
        return Text(NOTHING)
    words = f"{1000 * seconds:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"
    return Text(words, style="red" if seconds > SLOW_S else "")


def _gateways(gateways: Sequence[GatewayView]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("gateway", "pools", "state"):
        table.add_column(name, style="bold" if name == "gateway" else "")
    for name in ("connections", "of", "share", "sends/s", "deliveries/s", "CPU", "memory", "lag"):
        table.add_column(name, justify="right")
    for gateway in gateways:
        table.add_row(*_row(gateway))
    return table


def _row(gateway: GatewayView) -> tuple[str | Text, ...]:
    colour = "yellow" if gateway.notes and gateway.state == "active" else COLOURS.get(gateway.state, "")
    state = Text(", ".join((gateway.state, *gateway.notes)), style=colour)
    numbers = f"{gateway.connections:,}", f"{gateway.limit:,}", f"{gateway.share:.1%}"
    rates = _number(gateway.sends, "{:,.1f}"), _number(gateway.deliveries, "{:,.1f}"), _number(gateway.cpu, "{:.0%}")
    memory = _number(gateway.memory and gateway.memory / 2**20, "{:,.0f} MiB")
    return gateway.name, "+".join(gateway.pools), state, *numbers, *rates, memory, _number(gateway.lag, "{:.1f} s")


def _number(value: float | None, form: str) -> str:
    return NOTHING if value is None else form.format(value)


def _router(router: RouterView) -> Text:
    if router.fault:
        return Text(f"router at {router.url} does not answer: {router.fault}", style="red")
    tables = ", ".join(f"{pool} {signature[:8]}" for pool, signature in router.tables.items())
    line = Text.assemble((router.name, "bold"), f"  {router.connections:,} connections  tables: {tables}")
    if router.notes:
        line.append(f"  {', '.join(router.notes)}", style="yellow")
    if router.change is not None:
        line.append(f"\n  {change_line(router.change)}", style="dim")
    return line
