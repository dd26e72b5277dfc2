"""The tables of a Markdown document."""

from pathlib import Path

PROTOCOL = Path(__file__).parents[1] / "docs" / "protocol.md"

Row = dict[str, str]


def read_table(document: str, *columns: str) -> list[Row]:
    """Return the rows of the one table that has these *columns*, each by its column's name.

    Raises:
        LookupError: there is none, or more than one.
    """
    lines = document.splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith("|") and _cells(line) == list(columns)]
    if len(starts) != 1:
        raise LookupError(f"{len(starts)} tables have the columns {', '.join(columns)}")
    rows: list[Row] = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(columns, _cells(line), strict=True)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
