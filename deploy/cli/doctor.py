"""`ringpost doctor`: what is wrong with a running deployment, and what to do."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deploy.doctor.examination import Patient
    from deploy.doctor.finding import Finding


def run(
    url: Annotated[
        list[str] | None,
        typer.Option("--url", metavar="URL", help="A router's admin address (RINGPOST_ADMIN_URL); may be given again."),
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also send a message, and see it arrive.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look at routers, gateways, Postgres, Redis, keys and limits of a running system, and say what is wrong.

    Finds the system by RINGPOST_DATA, or by RINGPOST_ADMIN_URL and the settings that gateways have. Changes nothing; --deep
    leaves a conversation of a user of its own. Ends with status 1 if something is to be done, with 2 if no system is known.
    """
    from deploy.doctor.examination import examine, worst
    from deploy.local.errors import LocalError

    try:
        findings = asyncio.run(examine(_find(url or []), is_deep=deep))
    except LocalError as error:
        print(f"ringpost: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    _show(findings, as_json=as_json)
    raise typer.Exit(worst(findings))


def _find(urls: list[str]) -> "Patient":
    """Return what is known here; raise LocalError where that is nothing."""
    from deploy.doctor.examination import Patient
    from deploy.local.access import find_access
    from deploy.local.errors import LocalError
    from deploy.local.servers import find_servers
    from deploy.ring.asking import find_routers

    routers = {given: given.rstrip("/") for given in urls} or find_routers(None)
    try:
        servers = find_servers()
    except LocalError:
        servers = None
    try:
        access = find_access()
    except LocalError:
        access = None
    return Patient(routers, servers, access)


def _show(findings: "list[Finding]", *, as_json: bool) -> None:
    import msgspec

    from deploy.doctor.finding import Level

    if as_json:
        todo = sum(finding.level is not Level.WELL for finding in findings)
        print(msgspec.json.encode({"findings": findings, "to_do": todo}).decode())
        return
    from deploy.doctor.output import draw

    draw(findings)
