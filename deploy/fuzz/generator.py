"""Schedules by chance: the same one for the same seed, number and choices, whatever the process."""

import random
from collections.abc import Callable

from deploy.fuzz.schedule import Act, Device, Keeper, Schedule, Sdk, Step

USERS = ("ann", "ben", "cat")
LONGEST_MS = 3_000
TEARS_BYTES = 4_000
DEEPEST_STEP = {Sdk.PYTHON: 700, Sdk.JS: 40}
SERVICES = ("read", "write", "both")
GATEWAY_SHARE = 0.08
LEFT_TO_HEARTBEAT_SHARE = 0.1

# How often each is drawn, where it is possible.
_WEIGHTS = {
    Act.KILL: 5,
    Act.DIE: 5,
    Act.CUT: 4,
    Act.TEAR: 3,
    Act.SLOW: 2,
    Act.SILENT: 2,
    Act.LOSE: 1,
    Act.OFFLINE: 2,
    Act.PLAIN: 2,
    Act.ELSEWHERE: 2,
    Act.RESTART: 2,
    Act.SLEEP: 1,
    Act.CLOCK: 2,
    Act.RIVAL: 1,
}


def make_schedule(seed: int, number: int, sdk: Sdk, targets: tuple[str, ...] = ()) -> Schedule:
    """Return schedule *number* of *seed*. *targets*: the parts of the system that may be killed."""
    chance = random.Random(f"{seed} {number} {sdk.value} {','.join(targets)}")  # noqa: S311  # a schedule that can be had again
    devices, rooms = _devices(chance), chance.choice((1, 1, 2))
    length_ms = chance.randint(600, LONGEST_MS)
    draw = _Draw(chance, sdk, len(devices), rooms, length_ms)
    steps = [draw.send() for _ in range(chance.randint(2, 10))]
    steps += [draw.trouble() for _ in range(chance.randint(1, 6))]
    if targets and chance.random() < GATEWAY_SHARE:
        steps.append(Step(draw.moment(), Act.GATEWAY, of=chance.choice(targets)))
    return Schedule(seed, number, sdk, rooms, devices, tuple(sorted(steps, key=lambda step: step.at_ms)))


def make_step_schedule(sdk: Sdk, step: int) -> Schedule:
    """Return a schedule in which a client dies at that step of sending two messages, its sockets being open."""
    steps = (Step(0, Act.SEND, amount=1, of="0"), Step(500, Act.DIE, amount=step, of="0"))
    return Schedule(0, step, sdk, 1, (Device(USERS[0], Keeper.SDK),), steps)


def _devices(chance: random.Random) -> tuple[Device, ...]:
    """Up to three users have up to four devices."""
    users = USERS[: chance.choice((1, 2, 2, 3))]
    owners = [*users, *([chance.choice(users)] if chance.random() < 0.4 else [])]
    return tuple(Device(user, chance.choice(tuple(Keeper))) for user in owners)


class _Draw:
    """Draws steps for so many devices and rooms within a time."""

    def __init__(self, chance: random.Random, sdk: Sdk, devices: int, rooms: int, length_ms: int) -> None:
        self._chance, self._sdk = chance, sdk
        self._devices, self._rooms, self._length_ms = devices, rooms, length_ms
        self._weights = {act: weight for act, weight in _WEIGHTS.items() if act is not Act.RIVAL or sdk is Sdk.PYTHON}

    def moment(self) -> int:
        return self._chance.randrange(self._length_ms)

    def send(self) -> Step:
        return Step(
            self.moment(), Act.SEND, self._device(), amount=self._chance.choice((1, 1, 1, 2, 3, 8, 30)), of=self._room()
        )

    def trouble(self) -> Step:
        act = self._chance.choices(tuple(self._weights), tuple(self._weights.values()))[0]
        amount, for_ms, of = self._details(act)
        return Step(self.moment(), act, self._device(), amount, for_ms, of)

    def _details(self, act: Act) -> tuple[int, int, str]:
        between = self._chance.randint
        service = self._chance.choice(SERVICES)
        draws: dict[Act, Callable[[], tuple[int, int, str]]] = {
            Act.KILL: lambda: (0, between(0, 400), ""),
            Act.DIE: lambda: (self._deep(DEEPEST_STEP[self._sdk]), between(0, 400), self._room()),
            Act.RESTART: lambda: (0, between(0, 400), ""),
            Act.SLEEP: lambda: (0, between(100, 1_500), ""),
            Act.CUT: lambda: (0, 0, service),
            Act.TEAR: lambda: (self._deep(TEARS_BYTES), 0, service),
            Act.SLOW: lambda: (between(20, 300), between(300, 2_000), service),
            Act.SILENT: lambda: (0, between(100, 2_500), service),
            Act.LOSE: lambda: (0, 0 if self._chance.random() < LEFT_TO_HEARTBEAT_SHARE else between(200, 4_000), service),
            Act.OFFLINE: lambda: (0, between(100, 2_500), "both"),
            Act.PLAIN: lambda: (0, between(500, 5_000), service),
            Act.ELSEWHERE: lambda: (0, 0, "both"),
            Act.CLOCK: lambda: (self._chance.choice((-1, 1)) * self._deep(10 * 365 * 86_400), 0, ""),
            Act.RIVAL: lambda: (0, 0, ""),
        }
        return draws[act]()

    def _deep(self, most: int) -> int:
        """A number from 1 to *most*, each power of two as likely as the next."""
        return min(most, int(2 ** self._chance.uniform(0, most.bit_length())))

    def _device(self) -> int:
        return self._chance.randrange(self._devices)

    def _room(self) -> str:
        return str(self._chance.randrange(self._rooms))
