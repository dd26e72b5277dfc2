"""The `ringpost` command."""

import typer

from deploy.cli import capacity, doctor, fuzz, replay, restored, ring, send, settings, tail, token, top, up

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
app.command("fuzz")(fuzz.run)
app.command("capacity")(capacity.run)
app.command("top")(top.run)
app.command("doctor")(doctor.run)
app.command("restored")(restored.run)
app.command("settings")(settings.run)
app.command("token")(token.run)
app.add_typer(ring.app, name="ring")


def main() -> None:
    app()
