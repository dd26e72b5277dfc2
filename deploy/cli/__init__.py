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
app.command("up")(up.run)
app.command("send")(send.run)
app.command("tail")(tail.run)
app.command("replay")(replay.run)
app.command("settings")(settings.run)


def main() -> None:
    app()
