"""Findings, for people."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from deploy.doctor.finding import Finding, Level

_MARKS = {Level.WELL: ("well  ", "green"), Level.BEWARE: ("beware", "yellow"), Level.WRONG: ("WRONG ", "bold red")}


def draw(findings: Sequence[Finding]) -> None:
    """Print them, the worst last: that is what is on the screen."""
    console = Console(soft_wrap=True, highlight=False)
    for level in Level:
        for finding in (one for one in findings if one.level is level):
            mark, style = _MARKS[level]
            console.print(Text.assemble((mark, style), f"  {finding.about}: {finding.what}"))
            if finding.do:
                console.print(Text(f"        → {finding.do}", style="dim" if sys.stdout.isatty() else ""))
    console.print(_sum_up(findings))


def _sum_up(findings: Sequence[Finding]) -> str:
    wrong, beware = (sum(one.level is level for one in findings) for level in (Level.WRONG, Level.BEWARE))
    return f"{wrong} wrong, {beware} to beware of." if wrong or beware else "All is well."
