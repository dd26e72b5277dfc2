"""`ringpost up`: the whole system on this machine."""

import os
import signal
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from deploy.local.found import default_data, default_port


class RoleChoice(StrEnum):
    SPLIT = "split"
    BOTH = "both"


class LogChoice(StrEnum):
    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


def run(
    read: Annotated[int, typer.Option(min=1, max=64, help="Read gateways.")] = 2,
    write: Annotated[int, typer.Option(min=1, max=64, help="Write gateways.")] = 1,
    routers: Annotated[int, typer.Option(min=1, max=16, help="Routers, sharing the two ports.")] = 1,
    role: Annotated[
        RoleChoice, typer.Option(help="both: --read many gateways that do both; --write is ignored.")
    ] = RoleChoice.SPLIT,
    data: Annotated[Path | None, typer.Option(help="Where everything is kept (RINGPOST_DATA).")] = None,
    read_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of read (RINGPOST_READ_PORT).")] = None,
    write_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of write (RINGPOST_WRITE_PORT).")] = None,
    postgres_url: Annotated[str | None, typer.Option(help="A Postgres of yours instead of the embedded one.")] = None,
    redis_url: Annotated[str | None, typer.Option(help="A Redis of yours instead of the embedded Valkey.")] = None,
    log_format: Annotated[LogChoice, typer.Option(help="How the processes write DATA/logs/NAME.log.")] = LogChoice.AUTO,
) -> None:
    """Start everything on this machine: Postgres, Valkey, routers, gateways. Ctrl-C stops it; the data stays.

    A URL with a password goes into RINGPOST_POSTGRES_URL or RINGPOST_REDIS_URL (or …_FILE, a file), never into a flag.
    """
    from deploy.local.errors import LocalError
    from deploy.local.launcher import Launcher, Shape

    started = time.monotonic()
    try:
        shape = Shape(
            data=(data or default_data()).absolute(),
            read=read,
            write=write,
            routers=routers,
            is_both=role is RoleChoice.BOTH,
            read_port=read_port or default_port("read"),
            write_port=write_port or default_port("write"),
            postgres_url=_url("POSTGRES", postgres_url),
            redis_url=_url("REDIS", redis_url),
            log_format=log_format.value,
        )
        launcher = Launcher(shape, _say)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: launcher.ask_to_stop())
        if shape.is_both and write != 1:
            _say("--role both: each gateway does both, so --write is ignored.")
        launcher.run(lambda ready: _greet(ready, time.monotonic() - started))
    except (LocalError, ValueError) as error:
        print(f"ringpost: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    _say("Stopped. The data stays; start again with the same command.")


def _url(name: str, flag: str | None) -> str | None:
    """Return the URL that the flag or the environment gives, if one does."""
    if flag is not None:
        if urlsplit(flag).password:
            setting = f"RINGPOST_{name}_URL"
            raise ValueError(f"a password in a flag can be seen by all users of this machine; use {setting} or {setting}_FILE.")
        return flag
    path = os.environ.get(f"RINGPOST_{name}_URL_FILE")
    return Path(path).read_text().strip() if path else os.environ.get(f"RINGPOST_{name}_URL") or None


def _say(line: str) -> None:
    print(line, flush=True)


def _greet(launcher: "Launcher", seconds: float) -> None:  # type: ignore[name-defined]  # noqa: F821  # imported late, for a quick --help
    from shared.auth import sign

    common = '-H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
    token = sign(launcher.keys.jwt, "alice", 24 * 3600, time.time())
    _say(f"""
Ringpost is ready ({seconds:.1f} s).

  read   {launcher.read_url}    write  {launcher.write_url}

  a token of alice, for a day (of anybody: POST /v1/dev/token {{"user": "bob"}}):
  {token}

Try next, in another terminal, with TOKEN=… as above: create a conversation, send to it, read it.
  curl -s {launcher.write_url}/v1/conversations {common} -d '{{"id": "'$(uuidgen)'", "title": "Tea"}}'
  curl -s {launcher.write_url}/v1/conversations/CONVERSATION/messages {common} -d '{{"id": "'$(uuidgen)'", "text": "Hello"}}'
  curl -s {launcher.read_url}/v1/conversations/CONVERSATION/events {common}

Ctrl-C stops it; the data stays.
""")
