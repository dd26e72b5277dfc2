"""The fuzzer with real clients and gateways: both SDKs come through its schedules, and sabotaged clients do not."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex

import pytest

from deploy.fuzz.births import Mother, NodeMother, PythonMother
from deploy.fuzz.campaign import Campaign, Choices
from deploy.fuzz.checker import check
from deploy.fuzz.generator import make_schedule
from deploy.fuzz.report import failures, table
from deploy.fuzz.schedule import Act, Device, Keeper, Schedule, Sdk, Step, decode
from deploy.fuzz.site import Site as Fuzzed
from deploy.fuzz.stage import Played, Stage
from deploy.local.access import Access
from tests.gateways import Site, running, token
from tests.javascript import needs_node

pytestmark = pytest.mark.timeout(400)  # its waits are for busy machines

TRIES = 3
TWO = (Device("ann", Keeper.APP), Device("ben", Keeper.SDK))

# Sends that wait while the process is killed; sends that are committed, and whose acknowledgement is on its way then.
WAITING = (Step(0, Act.SILENT, for_ms=2_500, of="both"), Step(100, Act.SEND, amount=3, of="0"), Step(2_000, Act.KILL))
ON_ITS_WAY = (
    Step(0, Act.SEND, amount=1, of="0"),
    Step(1_000, Act.SLOW, amount=1_000, for_ms=2_500, of="both"),
    Step(1_100, Act.SEND, amount=3, of="0"),
    Step(2_900, Act.KILL),
)
SWALLOWED = (
    Step(0, Act.SILENT, for_ms=1_500, of="both"),
    Step(100, Act.SEND, amount=3, of="0"),
    Step(1_400, Act.CUT, of="both"),
)
PLAIN = (Step(0, Act.SEND, amount=9, of="0"),)


class Local(Access):
    """The way in to a test's gateways."""

    def token(self, user: str) -> str | Callable[[], Awaitable[str]]:
        return token(user)


@asynccontextmanager
async def fuzzed(site: Site) -> AsyncIterator[Fuzzed]:
    """Start a gateway of each kind; yield what the fuzzer makes of them."""
    async with running(site):
        read, write = await site.start("read"), await site.start("write")
        fuzzed = Fuzzed(Local(read.url, write.url, None), (), random.Random(1))
        yield fuzzed
        await fuzzed.close()


def schedule_of(sdk: Sdk, *steps: Step) -> Schedule:
    return Schedule(1, 1, sdk, 1, TWO, steps)


async def play(schedule: Schedule, mother: Mother, site: Fuzzed, name: str) -> Played:
    """Play a schedule with clients that are born for it alone."""
    try:
        return await Stage(schedule, mother, site, name).play()
    finally:
        await mother.close()


async def found(make: Callable[[], Mother], steps: tuple[Step, ...], sdk: Sdk, kind: str, site: Fuzzed) -> bool:
    """Play until a fault of *kind* is found, as a busy machine may miss the moment; at most three times."""
    for _ in range(TRIES):
        played = await play(schedule_of(sdk, *steps), make(), site, f"{kind}-{token_hex(4)}")
        if kind in check(played.case).counts:
            return True
    return False


@pytest.mark.parametrize("sdk", [Sdk.PYTHON, pytest.param(Sdk.JS, marks=[needs_node, pytest.mark.slow])])
async def test_a_client_comes_through(site: Site, sdk: Sdk) -> None:
    mothers: dict[Sdk, Mother] = {sdk: PythonMother() if sdk is Sdk.PYTHON else NodeMother()}
    schedules = [schedule_of(sdk, *steps) for steps in (WAITING, ON_ITS_WAY, SWALLOWED)] + [make_schedule(1, 1, sdk)]
    async with fuzzed(site) as where:
        campaign = Campaign(where, mothers, Choices(side_by_side=4, failures=1))
        await campaign.run(iter(schedules))
        await mothers[sdk].close()

    tally = campaign.tallies[sdk]
    assert [failure.verdict.faults for failure in tally.failures] == []
    assert tally.counts["schedules"] == 4
    assert tally.counts["killed"] >= 2
    assert tally.counts["reconnects"] >= 2


SABOTAGES = {
    "forgetful": (WAITING, "lost"),
    "hasty": (SWALLOWED, "lost"),
    "renaming": (ON_ITS_WAY, "doubled"),
    "hurried": (PLAIN, "swapped"),
    "stuttering": (PLAIN, "repeat"),
    "blinking": (PLAIN, "hole"),
}


@pytest.mark.slow
async def test_a_client_that_breaks_a_promise_is_found_out(site: Site) -> None:
    turns = asyncio.Semaphore(2)

    async def is_found(name: str) -> bool:
        steps, kind = SABOTAGES[name]
        async with turns:
            return await found(partial(PythonMother, f"tests.sabotage:{name}"), steps, Sdk.PYTHON, kind, where)

    async with fuzzed(site) as where:
        outcomes = await asyncio.gather(*map(is_found, SABOTAGES))

    assert dict(zip(SABOTAGES, outcomes, strict=True)) == dict.fromkeys(SABOTAGES, True)


@pytest.mark.slow
async def test_a_failing_schedule_is_made_as_small_as_it_can_be_and_printed(site: Site) -> None:
    needless = (Step(0, Act.CLOCK, device=1, amount=60), Step(10, Act.SEND, amount=3, of="0"), Step(900, Act.CUT, of="read"))
    mother = PythonMother("tests.sabotage:hurried")
    async with fuzzed(site) as where:
        campaign = Campaign(where, {Sdk.PYTHON: mother}, Choices(failures=1))
        await campaign.run(iter([schedule_of(Sdk.PYTHON, *needless)]))
        await mother.close()

    (failure,) = campaign.tallies[Sdk.PYTHON].failures
    (printed,) = failures(campaign)
    assert failure.smallest is not None
    assert [step.act for step in failure.smallest.steps] == [Act.SEND]
    assert "Schedule 1 of seed 1 with the python SDK failed" in printed
    assert decode(printed.splitlines()[-1]) == failure.smallest
    assert "swapped 2" in table(campaign)


FORGETFUL: dict[Sdk, Callable[[], Mother]] = {
    Sdk.PYTHON: partial(PythonMother, "tests.sabotage:forgetful"),
    Sdk.JS: partial(NodeMother, Path(__file__).parents[1] / "sabotage" / "forgetful.js"),
}


@pytest.mark.slow
@pytest.mark.parametrize("sdk", [Sdk.PYTHON, pytest.param(Sdk.JS, marks=needs_node)])
async def test_a_client_that_forgets_its_outbox_is_found_out(site: Site, sdk: Sdk) -> None:
    async with fuzzed(site) as where:
        assert await found(FORGETFUL[sdk], WAITING, sdk, "lost", where)
