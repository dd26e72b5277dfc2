"""Run a benchmark: `python -m tests.bench NAME`, or `make bench-NAME`."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import uvloop
from rich.console import Console

from deploy.local.errors import LocalError
from tests.bench.bench import Bench
from tests.bench.chart import draw
from tests.bench.cores import choose_cores, pinned
from tests.bench.document import Document, to_json
from tests.bench.failure import Failed
from tests.bench.first import FIRST
from tests.bench.machine import describe_machine, describe_versions
from tests.bench.page import write_page
from tests.bench.read import READ
from tests.bench.read_long import READ_LONG
from tests.bench.rounds import Turn, gather_busy, gather_rows, run_rounds
from tests.bench.router import ROUTER
from tests.bench.stage import ROOT, open_stage
from tests.bench.terminal import Progress, make_table
from tests.bench.write import WRITE
from tests.bench.write_long import WRITE_LONG

BENCHES = {"first": FIRST, "read": READ, "read-long": READ_LONG, "router": ROUTER, "write": WRITE, "write-long": WRITE_LONG}
OUT = ROOT / "docs" / "benchmarks"


def main() -> None:
    options = _parse(sys.argv[1:])
    if sys.platform != "linux":
        _end("it needs Linux, which lets it keep servers and load on cores of their own", 1)
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        uvloop.run(_run(BENCHES[options.bench], options, console))
    except KeyboardInterrupt:
        _end("stopped; nothing was written", 130)
    except Exception as error:
        causes = list(_leaves(error))
        if not all(isinstance(cause, Failed | LocalError | OSError) for cause in causes):
            raise
        _end("; ".join(str(cause) or type(cause).__name__ for cause in causes), 1)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Ringpost beside its peers.")
    parser.add_argument("bench", choices=sorted(BENCHES), help="which benchmark")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured, by turns (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each is measured in each round (2)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "benchmarks", help="where the result goes (docs/benchmarks)"
    )
    parser.add_argument("--only", metavar="WORDS", help="only experiments with these words in their name; writes nothing")
    options = parser.parse_args(words)
    if options.rounds < 1 or not 0.1 <= options.seconds <= 60:
        parser.error("give 1 round or more, of 0.1 to 60 seconds")
    return options


async def _run(bench: Bench, options: argparse.Namespace, console: Console) -> None:
    cores = choose_cores(os.sched_getaffinity(0))
    if cores.are_one:
        console.print("There is one core: the servers and the load share it, and the rates hold the load's work too.")
    with pinned(cores.load):
        async with open_stage(cores) as stage:
            machine = describe_machine(cores, stage.folder) | {"rounds": options.rounds, "seconds": options.seconds}
            versions = await describe_versions(stage, bench.packages)
            experiments = [e for e in await bench.prepare(stage) if (options.only or "") in e.name]
            tell = Progress(console, options.rounds).tell
            turns = await run_rounds(experiments, rounds=options.rounds, seconds=options.seconds, tell=tell)
    document = Document(machine, versions | stage.found, gather_rows(turns))
    console.print(make_table(document.rows))
    if options.only is None:
        _write(options.bench, bench, document, turns, options.out)
        console.print(f"Written: {options.bench}.json, .md and .svg in {options.out}")


def _write(name: str, bench: Bench, document: Document, turns: Sequence[Turn], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "json": to_json(document),
        "md": write_page(name, bench.title, bench.about, document, gather_busy(turns)),
        "svg": draw(bench.title, document.rows),
    }
    for ending, text in texts.items():
        (folder / f"{name}.{ending}").write_text(text, encoding="utf-8")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield what went wrong, out of whatever groups it lies in."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _end(words: str, status: int) -> NoReturn:
    print(f"bench: {words.rstrip('.')}.", file=sys.stderr)
    raise SystemExit(status)


if __name__ == "__main__":
    main()
