"""The `ringpost` command."""

import typer

from deploy.cli import replay, send, settings, tail, up

app = typer.Typer(
    name="ringpost",
    help="Chat messaging that a product team runs itself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, settings, send, tail, replay):
    app.command()(command.run)


def main() -> None:
    app()
