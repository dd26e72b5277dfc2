"""`ringpost ring`: who serves, where an address goes, what would move."""

import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from router.status import RouterStatus

app = typer.Typer(no_args_is_help=True, add_completion=False, help="See the routers' ring, and plan a pool.")

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="A router's admin address (RINGPOST_ADMIN_URL); else the local system's."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("show")
def show(url: Url = None, as_json: AsJson = False) -> None:
    """Print each router's gateways: state, share, connections, and what the last changes moved.

    Finds the system by RINGPOST_DATA. Ends with status 2 if no router answers, with 1 if routers hold different tables.
    """
    from deploy.local.errors import LocalError
    from deploy.ring.asking import ask, find_routers

    try:
        told = [ask(there) for there in find_routers(url).values()]
    except LocalError as error:
        _fail(error)
    differing = _differing(told)
    if as_json:
        _print_json({"routers": told, "differing": differing})
    else:
        _show(told)
    if differing:
        print(f"ringpost: the routers' tables of {', '.join(differing)} differ.", file=sys.stderr)
        raise typer.Exit(1)


@app.command("where")
def where(
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Clients' IPv4 or IPv6 addresses.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print which gateway serves each address in each pool, and who would without that one.

    The table is made here from the router's pool, and must have the signature that the router's has.
    """
    from deploy.local.errors import LocalError
    from deploy.ring.asking import ask, find_routers
    from deploy.ring.where import locate, parse_addresses

    try:
        parsed = parse_addresses(addresses)
        found = locate(ask(next(iter(find_routers(url).values()))), parsed)
    except LocalError as error:
        _fail(error)
    if as_json:
        _print_json({"addresses": found})
        return
    from deploy.ring.output import where_table

    _print_tables(where_table(found))


@app.command("simulate")
def simulate(
    gateways: Annotated[int, typer.Option(min=1, max=64, help="Gateways in the pool.")] = 8,
    clients: Annotated[int, typer.Option(min=1, max=5_000_000, help="Clients, each with one connection.")] = 100_000,
    nat: Annotated[float, typer.Option(min=0, max=1, help="The part of the clients that shares a few addresses.")] = 0.0,
    nat_addresses: Annotated[int, typer.Option(min=1, max=100_000, help="Those few addresses.")] = 25,
    remove: Annotated[int, typer.Option(min=0, help="So many gateways go …")] = 1,
    add: Annotated[int, typer.Option(min=0, max=64, help="… and then so many new ones come.")] = 1,
    epsilon: Annotated[float, typer.Option(min=0.01, max=10, help="How far above the mean a gateway may be loaded.")] = 0.25,
    buckets: Annotated[int, typer.Option(min=4096, max=1 << 20, help="Buckets of the table, a power of two.")] = 65_536,
    seed: Annotated[int, typer.Option(help="Draws the addresses and their order.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Say what a pool would do: how even its loads are, and what moves when gateways go and come.

    Beside the ring stand the ring with bounded loads, as routers use it, and plain modulo. Needs no running system.
    """
    from deploy.local.errors import LocalError
    from deploy.ring.clients import make_clients
    from router.simulation import Plan
    from router.simulation import simulate as find
    from router.table import Shape

    try:
        if remove >= gateways:
            raise LocalError(f"--remove {remove} would leave none of {gateways} gateways.")
        if buckets & (buckets - 1):
            raise LocalError(f"--buckets {buckets} is no power of two (65536 is).")
    except LocalError as error:
        _fail(error)
    drawn = make_clients(clients, nat, nat_addresses, seed)
    found = find(Plan(gateways, remove, add, epsilon), drawn, Shape(buckets=buckets))
    if as_json:
        _print_json(found)
        return
    from deploy.ring.output import busiest_table, moves_table

    shared = f", {nat:.0%} of them behind {nat_addresses} addresses" if nat else ""
    print(f"{gateways} gateways, {found.clients:,} clients{shared}; bounded loads divert {found.diverted:.1%} of them\n")
    _print_tables(busiest_table(found), *([moves_table(found)] if found.moves else []))


def _fail(error: Exception) -> NoReturn:
    print(f"ringpost: {error}", file=sys.stderr)
    raise typer.Exit(2)


def _differing(told: "list[RouterStatus]") -> list[str]:
    """Return the pools of which two routers hold different tables."""
    signatures = {(pool.name, pool.signature) for status in told for pool in status.pools}
    names = [name for name, _ in signatures]
    return sorted({name for name in names if names.count(name) > 1})


def _show(told: "list[RouterStatus]") -> None:
    from deploy.ring.output import ago, change_line, pool_table

    for status in told:
        known = "" if status.are_members_known else ", which can't be read now: pools stay as they are"
        print(f"{status.name} ({status.plane}), up {ago(status.up_s)}; members from {status.membership}{known}\n")
        for pool in status.pools:
            _print_tables(pool_table(status, pool))
            for change in pool.changes[:3]:
                print(f"  {change_line(change)}")
            print()


def _print_tables(*tables: object) -> None:
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 140)
    for table in tables:
        console.print(table)


def _print_json(value: object) -> None:
    import msgspec

    print(msgspec.json.encode(value).decode())
