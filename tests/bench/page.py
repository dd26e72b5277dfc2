"""The result as a Markdown page. A pure core."""

from collections.abc import Iterator, Mapping, Sequence

from tests.bench.document import Document, Row
from tests.bench.figures import show_spread
from tests.bench.rounds import Busy

BusyBy = Mapping[str, Mapping[str, Busy]]


def write_page(name: str, title: str, about: str, document: Document, busy: BusyBy) -> str:
    """Return the page `docs/benchmarks/NAME.md`; *busy* is by experiment and system."""
    parts = (
        f"# {title}",
        about.strip(),
        f"Made by `make bench-{name}`. How it is measured, and what a ratio means: [README.md](README.md).",
        f"![The rows as bars]({name}.svg)",
        "## Figures",
        "The median over the rounds, in brackets the lowest and the highest. A ratio above 1 says that ours is better.",
        "\n".join(_rows(document.rows)),
        "## How busy the cores were",
        "Servers / load / whatever else ran on their two cores, each at most in a round, as a share of one core. A load near "
        "100 % may be what sets a rate. Other work lowers rates and lengthens delays; a server-CPU-second suffers less.",
        "\n".join(_busy(busy)),
        "## Machine and versions",
        "\n".join(_pairs(document.machine)),
        "\n".join(_pairs(document.versions)),
    )
    return "\n\n".join(parts) + "\n"


def _rows(rows: Sequence[Row]) -> Iterator[str]:
    peers = list(dict.fromkeys(peer for row in rows for peer in row.peers))
    yield _line(["row", "unit", "ours", *(cell for peer in peers for cell in (peer, "ratio"))])
    yield _line(["---", "---", *["---:"] * (1 + 2 * len(peers))])
    for row in rows:
        cells = [row.name, row.unit.name, show_spread(row.ours)]
        for peer in peers:
            cells += [show_spread(of[peer]) if peer in of else "" for of in (row.peers, row.ratio)]
        yield _line(cells)


def _busy(busy: BusyBy) -> Iterator[str]:
    systems = list(dict.fromkeys(system for row in busy.values() for system in row))
    yield _line(["experiment", *systems])
    yield _line(["---", *["---:"] * len(systems)])
    for experiment, row in busy.items():
        yield _line([experiment, *(_shares(row[system]) if system in row else "" for system in systems)])


def _shares(busy: Busy) -> str:
    return f"{busy.servers:.0%} / {busy.load:.0%} / {busy.others:.0%}"


def _pairs(values: Mapping[str, object]) -> Iterator[str]:
    yield _line(["", ""])
    yield _line(["---", "---"])
    for name, value in values.items():
        yield _line([name.replace("_", " "), str(value)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
