"""Locust's way in: `make load`, `make load-ui`, or `locust -f tests/load/locustfile.py --mix slack`."""

import logging
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import gevent
from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from deploy.replay.plan import address
from tests.load.mix import MIXES
from tests.load.party import Party
from tests.load.person import Person, Place, Tell
from tests.load.target import find_target

SETTLE_S, LOOK_S = 20.0, 0.1
logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each conversation is made
KIND, TO_ACK, TO_SIGHT, ABSENCE, BREACH = "chat", "send to acknowledgement", "send to delivery", "without a socket", "breach"


@events.init_command_line_parser.add_listener
def _add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--mix", choices=sorted(MIXES), default="messenger", env_var="MIX", help="how people chat")
    words = "sends of a user a second; 0: as the mix has them"
    parser.add_argument("--per-user", type=float, default=0.0, env_var="PER_USER", help=words)


@events.test_start.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    assert options is not None, "locust was started by its command"
    environment.party = Party(find_target(), MIXES[options.mix])  # type: ignore[attr-defined]  # locust hands it to all users


@events.test_stop.add_listener
def _end(environment: Environment, **_: Any) -> None:
    party = getattr(environment, "party", None)
    if party is not None:
        for words in party.book.words:
            print(f"breach: {words}", file=sys.stderr)


class Chatter(User):
    """Sends at random moments, whatever the answers do; hears all along."""

    host = "the system that RINGPOST_ variables name"

    def on_start(self) -> None:
        self.party: Party = self.environment.party
        options = self.environment.parsed_options
        assert options is not None, "locust was started by its command"
        self._per_second = options.per_user or self.party.mix.per_second
        self._number = self.party.next_number()
        self._chance = random.Random(f"{self.party.run} {self._number}")
        self._rooms = self.party.rooms_of(self._number)
        target, name = self.party.target, self.party.name(self._number)
        source = address(self._number) if target.read_url.startswith(("http://127.", "http://localhost")) else None
        place = Place(target.read_url, target.write_url, source, target.token(name))
        tell = Tell(self._acked, self._seen, self._refused, self._without)
        self._person = Person(name, place, self.party.book, tell, self._number)
        self._texts = self.party.texts(self._chance)
        self._person.come()
        self._due = time.monotonic() + self._chance.expovariate(self._per_second)

    @task
    def live(self) -> None:
        """Wait for the next moment to send, at most a second; do what is due."""
        gevent.sleep(min(1.0, max(0.0, self._due - time.monotonic())))
        now = time.monotonic()
        while self._due <= now:
            self._person.send(self._choose(), next(self._texts), self._due)
            self._due += self._chance.expovariate(self._per_second)
        self._person.tick(now)
        self._tell_breaches()

    def on_stop(self) -> None:
        """Wait until all is answered, and here; what is not by then is lost."""
        if not hasattr(self, "_person"):
            return
        deadline = time.monotonic() + SETTLE_S
        while not self._person.is_done() and time.monotonic() < deadline:
            gevent.sleep(LOOK_S)
            self._person.tick(time.monotonic())
        for conversation in self._person.sight.lacks():
            self.party.book.breach("lost", f"{self._person.name} never got the end of {conversation}")
        if len(self._person.outbox):
            self._refused(f"{len(self._person.outbox)} sends without an answer")
        self._person.leave()
        self._tell_breaches()

    def _choose(self) -> str:
        kinds = self.party.mix.kinds
        return str(self._chance.choices(self._rooms, [kind.share for kind in kinds])[0])

    def _tell_breaches(self) -> None:
        """Each breach is a failure, so that locust's exit status tells, also where several processes send."""
        for words in self.party.new_breaches():
            self._fire(BREACH, 0.0, 0, AssertionError(words))

    def _acked(self, seconds: float) -> None:
        self._fire(TO_ACK, seconds, 0, None)

    def _seen(self, seconds: float, size: int) -> None:
        self._fire(TO_SIGHT, seconds, size, None)

    def _refused(self, code: str) -> None:
        self._fire(TO_ACK, 0.0, 0, AssertionError(f"refused: {code}"))

    def _without(self, seconds: float) -> None:
        self._fire(ABSENCE, seconds, 0, None)

    def _fire(self, name: str, seconds: float, size: int, exception: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type=KIND,
            name=name,
            response_time=1_000 * seconds,
            response_length=size,
            exception=exception,
            context={},
        )
