"""Kill the write side again and again, under load, and count what breaks: `python -m tests.faults.storm`, `make fault-write`.

Its Postgres, Valkey, gateways and router are its own. Ends with status 1 if anything that must hold
does not, with 2 if it gets stuck.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from rich.console import Console

from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.valkey import prepare_valkey
from deploy.replay.polling import until
from tests.faults.invariants import judge
from tests.faults.ordeal import Ordeal, make_plan
from tests.faults.patience import Stuck
from tests.faults.postgres import prepare_mortal, up
from tests.faults.report import make_table, report, tell_kill
from tests.gateways import Site, running

VALKEY_S, POLL_S = 20.0, 0.02
PREFIX = "storm"


def main() -> None:
    options = _parse(sys.argv[1:])
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 140, highlight=False)
    console.print(f"seed {options.seed}: it gives the order of the kills and who sends what; the timing is the machine's")
    try:
        found = _found(options, console)
    except KeyboardInterrupt:
        console.print("stopped; nothing was judged")
        raise SystemExit(130) from None
    console.print(make_table(found))
    for words in found["words"]:
        console.print(words, markup=False)
    if options.json:
        print(json.dumps(found))
    raise SystemExit(1 if any(found["violations"].values()) else 0)


def _found(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Go through it; end the program with a line if it gets stuck."""
    try:
        return asyncio.run(_run(options, console))
    except* Stuck as stuck:
        console.print(f"stuck: {stuck.exceptions[0]}")
    raise SystemExit(2)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm", description="Kill the write side under load.")
    parser.add_argument("--gateway-kills", type=int, default=50, help="how often a write gateway is killed with -9 (50)")
    parser.add_argument("--postgres-kills", type=int, default=10, help="how often Postgres is shut down at once (10)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="one that was printed before")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="a file for what the processes log")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    options = parser.parse_args(words)
    if min(options.gateway_kills, options.postgres_kills) < 0:
        parser.error("nothing can be killed less than no times")
    return options


async def _run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    with _folder() as folder, options.log.open("wb") as log:
        postgres = prepare_mortal(folder)
        async with up(postgres), _valkey(log) as redis_url, running(Site(postgres.url, redis_url, PREFIX, log)) as site:
            plan = make_plan(options.gateway_kills, options.postgres_kills, options.seed)
            ordeal = Ordeal(plan, site, postgres, folder, lambda ordeal: console.print(tell_kill(ordeal)))
            outcome = await ordeal.run()
    return report(outcome, judge(outcome.record, outcome.logs), options.seed)


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder that the servers' user can enter."""
    with tempfile.TemporaryDirectory(prefix="ringpost-storm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@asynccontextmanager
async def _valkey(log: BinaryIO) -> AsyncIterator[str]:
    """Run one; yield its URL."""
    server = prepare_valkey(token_hex(16), choose_account())
    process = spawn(server.command, log)
    try:
        async with asyncio.timeout(VALKEY_S):
            await until(lambda: server.is_ready(process.pid), POLL_S)
        yield server.url
    finally:
        process.send_signal(server.command.stop_signal)
        process.wait(VALKEY_S)


if __name__ == "__main__":
    main()
