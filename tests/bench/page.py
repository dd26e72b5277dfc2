"""The result as a Markdown page. A pure core."""

from collections.abc import Iterator, Mapping, Sequence

from tests.bench.document import Document, Row
from tests.bench.figures import HEADINGS, lay_out
from tests.bench.rounds import Busy

BusyBy = Mapping[str, Mapping[str, Busy]]

FULL = 0.9


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
        "Servers / load / whatever else ran on their two cores, each at most in a round, as a share of one core. Other "
        "work lowers rates and lengthens delays; what is told by processor time suffers less.",
        _tell_full(busy),
        "\n".join(_busy(busy)),
        "## Machine and versions",
        "\n".join(_pairs(document.machine)),
        "\n".join(_pairs(document.versions)),
    )
    return "\n\n".join(parts) + "\n"


def _rows(rows: Sequence[Row]) -> Iterator[str]:
    yield _line(HEADINGS)
    yield _line(["---", "---", "---:", "---", "---:", "---:"])
    for cells in lay_out(rows):
        yield _line(cells)


def _busy(busy: BusyBy) -> Iterator[str]:
    systems = list(dict.fromkeys(system for row in busy.values() for system in row))
    yield _line(["experiment", *systems])
    yield _line(["---", *["---:"] * len(systems)])
    for experiment, row in busy.items():
        yield _line([experiment, *(_shares(row[system]) if system in row else "" for system in systems)])


def _tell_full(busy: BusyBy) -> str:
    """Say where the load was at its limit: there it may be the load that sets a rate."""
    full = [f"*{experiment}* ({system})" for experiment, row in busy.items() for system in row if row[system].load >= FULL]
    if not full:
        return f"The load never took {FULL:.0%} of its core: it had room to spare."
    return f"The load took {FULL:.0%} of its core or more, and may be what sets the rate, in: {', '.join(full)}."


def _shares(busy: Busy) -> str:
    return f"{busy.servers:.0%} / {busy.load:.0%} / {busy.others:.0%}"


def _pairs(values: Mapping[str, object]) -> Iterator[str]:
    yield _line(["", ""])
    yield _line(["---", "---"])
    for name, value in values.items():
        yield _line([name.replace("_", " "), str(value)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
