"""What a replay will do: conversations, users, addresses, and an id for each line. A pure core."""

import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from deploy.replay.irc import Log, elapsed

MEMBERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """One send. *after_s* is when it comes, in seconds of the log since its beginning."""

    id: str
    nick: str
    text: str
    after_s: int


@dataclass(frozen=True, slots=True)
class Script:
    """One log as it will be sent. *request*: the id of the conversation's creation; *empty*: how many lines are not sent."""

    name: str
    request: str
    nicks: tuple[str, ...]
    lines: tuple[Line, ...]
    empty: int

    def turns(self) -> Iterator[list[Line]]:
        """Yield the lines in order, those that one nick says in a row together."""
        for _, turn in groupby(self.lines, key=lambda line: line.nick):
            yield list(turn)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a replay sends, and who watches. *addresses*: where each user connects from."""

    run: str
    owner: str
    watchers: tuple[str, ...]
    scripts: tuple[Script, ...]
    addresses: dict[str, str]

    @property
    def total(self) -> int:
        return sum(len(script.lines) for script in self.scripts)

    @property
    def refused(self) -> int:
        return sum(script.empty for script in self.scripts)


def make_plan(logs: Sequence[Log], *, watchers: int, seed: int, run: str) -> Plan:
    """Return the plan. *run* makes its ids and its own users differ from those of any other replay of the same logs."""
    chance = random.Random(f"{seed} {run}")  # noqa: S311  # ids that a seed gives again, not secrets
    scripts = tuple(_script(log, chance) for log in logs)
    owner = f"replay-{run}"
    watching = tuple(f"{owner}-watcher-{n}" for n in range(1, watchers + 1))
    nicks = dict.fromkeys(nick for script in scripts for nick in script.nicks)
    users = (owner, *watching, *nicks)
    return Plan(run, owner, watching, scripts, {user: address(n) for n, user in enumerate(users)})


def address(number: int) -> str:
    """Return an address of 127.0.0.0/8, another one for each *number* up to 15 million."""
    return f"127.{16 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def members(plan: Plan, script: Script) -> tuple[list[str], list[str]]:
    """Return who is named when the conversation is created, and who is added after that."""
    all_members = [*plan.watchers, *script.nicks]
    return all_members[: MEMBERS_MAX - 1], all_members[MEMBERS_MAX - 1 :]


def adding(script: Script, user: str) -> str:
    """Return the id of the request that adds *user*: the same one whenever it is tried again, another one for each user."""
    return str(uuid.uuid5(uuid.UUID(script.request), user))


def _script(log: Log, chance: random.Random) -> Script:
    times = elapsed(tuple(said.second for said in log.said)) if log.said else ()
    lines = [
        Line(_uuid4(chance), said.nick, said.text, after_s) for said, after_s in zip(log.said, times, strict=True) if said.text
    ]
    nicks = tuple(_distinct(line.nick for line in lines))
    return Script(log.name, _uuid4(chance), nicks, tuple(lines), len(log.said) - len(lines))


def _distinct(nicks: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(nicks))


def _uuid4(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
