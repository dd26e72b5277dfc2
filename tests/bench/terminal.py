"""What one sees while it runs, and in the end."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.bench.document import Row
from tests.bench.figures import HEADINGS, lay_out, show
from tests.bench.rounds import Turn


class Progress:
    """A line for each turn, and one at the beginning of each round."""

    def __init__(self, console: Console, rounds: int) -> None:
        self._console, self._rounds = console, rounds
        self._round = 0
        self._began = time.monotonic()

    def tell(self, turn: Turn) -> None:
        if turn.round != self._round:
            self._round = turn.round
            self._console.print(f"round {turn.round} of {self._rounds}, after {time.monotonic() - self._began:.0f} s")
        figures = "; ".join(f"{show(sample.value)} {sample.unit.name}" for sample in turn.reading.samples)
        self._console.print(f"  {turn.experiment:<51} {turn.system:<17} {figures}", highlight=False, soft_wrap=True)


def make_table(rows: Sequence[Row]) -> Table:
    """Return the rows as a table."""
    table = Table(*HEADINGS)
    for cells in lay_out(rows):
        table.add_row(*cells)
    return table
