"""The peers that only fan out, started; what a peer needs and this machine lacks is told, and the peer left out."""

import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from tests.bench.chats import Chat
from tests.bench.cpu import Meter
from tests.bench.houses import PING, House
from tests.bench.load.address import Address
from tests.bench.relay import Relay, RelayLine
from tests.bench.stage import ROOT, Stage, free_address

C_LOOP, BUN, STARLETTE, SOCKETIFY = "C loop", "Bun", "Starlette", "socketify"
PEERS = ROOT / "tests" / "bench" / "peers"
INSTALL_S = 300.0

Start = Callable[[Stage], Awaitable[House]]


class Missing(Exception):
    """This machine lacks something that a peer needs."""


async def start_relays(stage: Stage, starts: Mapping[str, Start] | None = None) -> dict[str, House]:
    """Start the peers, as far as this machine has what they need; `stage.found` says what was found, and what was not."""
    houses: dict[str, House] = {}
    for name, start in (STARTS if starts is None else starts).items():
        try:
            houses[name] = await start(stage)
        except Missing as missing:
            stage.found[name] = f"left out: {missing}"
    return houses


async def start_starlette(stage: Stage) -> House:
    address = free_address()
    options = ("--port", str(address.port), "--loop", "uvloop", "--ws-per-message-deflate", "false", "--no-access-log")
    argv = ("uvicorn", "tests.bench.peers.starlette_relay:app", *options)
    return _house(stage, address, await stage.start("starlette", argv, {}, address.port), PING)


async def start_c_loop(stage: Stage) -> House:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("there is no C compiler (cc)")
    program = stage.folder / "relay"
    _do([compiler, "-O2", "-o", str(program), str(PEERS / "relay.c")])
    stage.found[C_LOOP] = _do([compiler, "--version"]).splitlines()[0]
    return await _start_program(stage, "c-loop", str(program))


async def start_bun(stage: Stage) -> House:
    program = _cache("bun") / "node_modules" / ".bin" / "bun"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise Missing("there is no npm to install it with")
        _do([npm, "install", "--prefix", str(_cache("bun")), "--no-audit", "--no-fund", "bun"])
    stage.found[BUN] = _do([str(program), "--version"])
    return await _start_program(stage, "bun", str(program), str(PEERS / "bun_relay.js"))


async def start_socketify(stage: Stage) -> House:
    folder = _cache(f"socketify-{sys.version_info.major}.{sys.version_info.minor}")
    if not (folder / "socketify").exists():
        _do([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "socketify"])
    stage.found[SOCKETIFY] = next(own.version for own in distributions(name="socketify", path=[str(folder)]))
    argv = (sys.executable, str(PEERS / "socketify_relay.py"))
    return await _start_program(stage, "socketify", *argv, PYTHONPATH=str(folder))


async def _start_program(stage: Stage, name: str, *argv: str, **env: str) -> House:
    address = free_address()
    return _house(stage, address, await stage.start_program(name, (*argv, str(address.port)), env, address.port))


def _house(stage: Stage, address: Address, pid: int, ping: bytes | None = None) -> House:
    return House(Chat(Relay(), address, address, Meter(pid), stage.cores), pid, RelayLine, ping)


def _cache(name: str) -> Path:
    """Return the folder in which what was fetched for a peer is kept, outside of the checkout."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(caches) / "ringpost-bench" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _do(argv: list[str]) -> str:
    """Run a program; return what it says, or raise Missing with its last words."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=INSTALL_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise Missing(f"{Path(argv[0]).name} failed: {said.strip().splitlines()[-1]}") from error
    return done.stdout.strip()


STARTS: Mapping[str, Start] = {C_LOOP: start_c_loop, BUN: start_bun, SOCKETIFY: start_socketify, STARLETTE: start_starlette}
