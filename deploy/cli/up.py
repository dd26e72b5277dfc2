"""`ringpost up`: the whole system on this machine."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from deploy.local.found import default_data, default_port

if TYPE_CHECKING:
    from deploy.local.keys import Keys
    from deploy.local.plan import Shape


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
    from deploy.local.launcher import Launcher
    from deploy.local.plan import Shape

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
        if shape.read_port == shape.write_port:
            raise LocalError(f"read and write can't both have port {shape.read_port}: give one of them another.")
        launcher = Launcher(shape, _say)
        _heed_signals(launcher.ask_to_stop)
        if shape.is_both and write != 1:
            _say("--role both: each gateway does both, so --write is ignored.")
        launcher.run(lambda keys: _greet(shape, keys, launcher.admin_urls, time.monotonic() - started))
    except LocalError as error:
        print(f"ringpost: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    _say("Stopped. The data stays; start again with the same command.")


def _heed_signals(stop: Callable[[], None]) -> None:
    """Stop upon Ctrl-C and SIGTERM, also where the caller had them ignored; upon SIGHUP unless it is (nohup)."""
    numbers = {signal.SIGINT, signal.SIGTERM}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.add(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, lambda *_: stop())


def _url(name: str, flag: str | None) -> str | None:
    """Return the URL that the flag or the environment gives, if one does."""
    from deploy.local.errors import LocalError

    setting = f"RINGPOST_{name}_URL"
    if flag is not None:
        if _has_password(flag):
            raise LocalError(f"a password in a flag can be seen by all users of this machine: use {setting} or {setting}_FILE.")
        return flag
    path = os.environ.get(f"{setting}_FILE")
    if os.environ.get(setting) or not path:
        return os.environ.get(setting) or None
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise LocalError(f"{setting}_FILE={path}: {error.strerror}.") from None


def _has_password(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.password) or "password" in parse_qs(parts.query)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal, or who read our output, has gone; what runs must still be stopped
        print(line, flush=True)


def _greet(shape: "Shape", keys: "Keys", admin_urls: Mapping[str, str], seconds: float) -> None:
    from shared.auth import sign

    common = '-H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
    token = sign(keys.jwt, "alice", 24 * 3600, time.time())
    _say(f"""
Ringpost is ready ({seconds:.1f} s).

  read   {shape.read_url}    write  {shape.write_url}
  ring   {"    ".join(admin_urls.values())}

  a token of alice, for a day (of anybody: POST /v1/dev/token {{"user": "bob"}}):
  {token}

Try next, in another terminal, with TOKEN=… as above: create a conversation, send to it, read it.
  curl -s {shape.write_url}/v1/conversations {common} -d '{{"id": "'$(uuidgen)'", "title": "Tea"}}'
  curl -s {shape.write_url}/v1/conversations/CONVERSATION/messages {common} -d '{{"id": "'$(uuidgen)'", "text": "Hello"}}'
  curl -s {shape.read_url}/v1/conversations/CONVERSATION/events {common}

Ctrl-C stops it; the data stays.
""")
