"""`ringpost settings`: what the processes are told by their environment."""

import sys
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo


class Program(StrEnum):
    GATEWAY = "gateway"
    ROUTER = "router"


def run(
    program: Annotated[Program | None, typer.Argument(help="gateway or router; both if not given.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a table in Markdown, as documents have it.")] = False,
) -> None:
    """Print every setting: its variable, its value now, its meaning. Secrets are masked."""
    from rich.console import Console
    from rich.table import Table

    from router.settings import RouterSettings
    from services.settings import GatewaySettings
    from shared.settings import Settings

    kinds: dict[Program, type[Settings]] = {Program.GATEWAY: GatewaySettings, Program.ROUTER: RouterSettings}
    console = Console(soft_wrap=not sys.stdout.isatty())
    if markdown:
        print("| program | variable | default | what |\n|---|---|---|---|")
    for kind in [program] if program else kinds:
        rows = [_row(name, field) for name, field in kinds[kind].model_fields.items()]
        if markdown:
            _print_markdown(kind, rows)
            continue
        if not sys.stdout.isatty():
            for row in rows:
                print("\t".join((kind.value, *row)))
            continue
        table = Table("variable", "value", "meaning", title=f"python -m {'services' if kind is Program.GATEWAY else 'router'}")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def _print_markdown(kind: Program, rows: list[tuple[str, str, str]]) -> None:
    for row in rows:
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in (kind.value, *row)) + " |")


def _row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    """Read one setting by itself, so that what another one lacks does not matter."""
    import os

    from shared.settings import PREFIX

    variable = f"{PREFIX}{name.upper()}"
    is_secret = "SecretStr" in str(field.annotation)
    given = os.environ.get(variable) or ("(from a file)" if os.environ.get(f"{variable}_FILE") else None)
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if given is not None:
        value = "(set)" if is_secret else given
    elif field.default_factory is not None:
        value = "(made)"
    elif field.is_required():
        value = "(required)"
    else:
        value = "(not set)" if default is None or default == "" else str(default)
    return variable, value, field.description or ""
