"""Schedules are the same for the same seed, can be written down and read again, and shrink to what still fails."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from deploy.fuzz.generator import LONGEST_MS, make_schedule
from deploy.fuzz.schedule import Act, Device, Keeper, Schedule, Sdk, Step, decode, encode
from deploy.fuzz.shrinker import Shrinker

MANY = 300
Fails = Callable[[tuple[Step, ...]], bool]


def many(sdk: Sdk, targets: tuple[str, ...] = ()) -> list[Schedule]:
    return [make_schedule(7, number, sdk, targets) for number in range(MANY)]


def test_a_seed_gives_the_same_schedule_in_any_process() -> None:
    program = (
        "from deploy.fuzz import generator as g, schedule as s; print(s.encode(g.make_schedule(7, 3, s.Sdk.JS, ('read',))))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": "5"}, capture_output=True, text=True, check=True
    ).stdout

    assert there.strip() == encode(make_schedule(7, 3, Sdk.JS, ("read",)))


def test_another_number_or_seed_gives_another_schedule() -> None:
    assert len({encode(schedule) for schedule in many(Sdk.PYTHON)}) == MANY
    assert make_schedule(8, 3, Sdk.PYTHON).steps != make_schedule(7, 3, Sdk.PYTHON).steps


def test_what_is_printed_can_be_read_again() -> None:
    for schedule in many(Sdk.JS, ("write",)):
        assert decode(encode(schedule)) == schedule


@pytest.mark.parametrize("line", ["", "{}", '{"seed": "one"}', encode(make_schedule(1, 1, Sdk.JS))[:-1]])
def test_what_is_no_schedule_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        decode(line)


@pytest.mark.parametrize("sdk", list(Sdk))
def test_steps_are_in_order_and_about_what_is_there(sdk: Sdk) -> None:
    for schedule in many(sdk, ("read", "write")):
        times = [step.at_ms for step in schedule.steps]
        assert times == sorted(times)
        assert times[-1] < LONGEST_MS
        for step in schedule.steps:
            assert step.device < len(schedule.devices)
            if step.act in (Act.SEND, Act.DIE):
                assert int(step.of) < schedule.rooms
                assert step.amount >= 1


def test_every_act_is_drawn() -> None:
    drawn = {step.act for schedule in many(Sdk.PYTHON, ("read",)) for step in schedule.steps}

    assert drawn == set(Act)


def test_nothing_of_the_system_is_killed_unless_that_is_asked_for() -> None:
    for sdk in Sdk:
        assert all(step.act is not Act.GATEWAY for schedule in many(sdk) for step in schedule.steps)


def test_two_processes_share_an_outbox_only_where_the_sdk_locks_it() -> None:
    assert all(step.act is not Act.RIVAL for schedule in many(Sdk.JS) for step in schedule.steps)


def shrunk(failing: Schedule, fails: Fails, tries: int = 1_000) -> tuple[Schedule, int]:
    """Shrink with an oracle; return the smallest, and how many were tried."""
    shrinker, tried = Shrinker(failing, tries), 0
    while (candidate := shrinker.candidate()) is not None:
        tried += 1
        shrinker.judge(fails=fails(candidate.steps))
    return shrinker.best, tried


def schedule_of(steps: int) -> Schedule:
    acts = [Act.KILL if number in (3, 17) else Act.SEND for number in range(steps)]
    devices = (Device("ann", Keeper.SDK),)
    return Schedule(1, 1, Sdk.PYTHON, 1, devices, tuple(Step(number, act, amount=1) for number, act in enumerate(acts)))


def has(*numbers: int) -> Fails:
    return lambda steps: set(numbers) <= {step.at_ms for step in steps}


@pytest.mark.parametrize("needed", [(3,), (0, 19), (3, 17), (5, 6, 7), ()])
def test_only_the_steps_that_a_failure_needs_are_left(needed: tuple[int, ...]) -> None:
    best, tried = shrunk(schedule_of(20), has(*needed))

    assert [step.at_ms for step in best.steps] == list(needed)
    assert tried < 100


def test_a_step_that_is_needed_only_by_another_goes_with_it() -> None:
    def fails(steps: tuple[Step, ...]) -> bool:
        left = {step.at_ms for step in steps}
        return 8 in left and (2 in left or 9 not in left)  # without 9 it fails whether 2 is there or not

    best, _ = shrunk(schedule_of(20), fails)

    assert [step.at_ms for step in best.steps] == [8]


def test_what_never_fails_again_stays_as_it_was() -> None:
    failing = schedule_of(20)

    assert shrunk(failing, lambda _: False)[0] == failing


def test_it_ends_after_so_many_tries() -> None:
    assert shrunk(schedule_of(20), has(3, 17), tries=4)[1] == 4
