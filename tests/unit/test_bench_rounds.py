"""Rounds: by turns, and gathered into rows."""

from collections.abc import Callable, Sequence

from tests.bench.document import OURS, Unit
from tests.bench.rounds import Busy, Experiment, Reading, Run, Sample, Turn, gather_busy, gather_rows, run_rounds

RATE = Unit("sends/s", is_higher_better=True)


def make_run(note: Callable[[], None], values: list[float], busy: Sequence[Busy] = ()) -> Run:
    left = iter(zip(values, busy or [Busy(0, 0, 0)] * len(values), strict=True))

    async def run(seconds: float) -> Reading:
        note()
        value, now = next(left)
        return Reading([Sample("row", RATE, value)], now)

    return run


async def test_ours_and_the_peer_are_measured_by_turns() -> None:
    order: list[str] = []
    heard: list[Turn] = []
    runs = {system: make_run(lambda s=system: order.append(s), [1, 2]) for system in (OURS, "peer")}  # type: ignore[misc]

    turns = await run_rounds([Experiment("one", runs)], rounds=2, seconds=1, tell=heard.append)

    assert order == [OURS, "peer", OURS, "peer"]
    assert [turn.round for turn in turns] == [1, 1, 2, 2]
    assert heard == turns


async def test_the_values_of_all_rounds_become_a_row() -> None:
    runs = {OURS: make_run(lambda: None, [10, 30]), "peer": make_run(lambda: None, [5, 10])}

    turns = await run_rounds([Experiment("one", runs)], rounds=2, seconds=1, tell=lambda turn: None)
    (row,) = gather_rows(turns)

    assert (row.name, row.unit) == ("row", RATE)
    assert (row.ratio["peer"].min, row.ratio["peer"].max) == (2, 3)


async def test_what_each_took_at_most_is_told() -> None:
    runs = {OURS: make_run(lambda: None, [1, 1], [Busy(0.9, 0.1, 0.5), Busy(0.4, 0.2, 0.1)])}

    turns = await run_rounds([Experiment("one", runs)], rounds=2, seconds=1, tell=lambda turn: None)

    assert gather_busy(turns) == {"one": {OURS: Busy(0.9, 0.2, 0.5)}}
