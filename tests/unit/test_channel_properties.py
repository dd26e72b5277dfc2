"""One log at one gateway under all that Redis, Postgres and time can do to it; and broken variants, which are found out."""

from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.read.channel import Arrival, Channel, Fetch, Lost, Push

PAGE, MOST_ROUNDS = 5, 1_000
QUICK = settings(max_examples=100, stateful_step_count=30, suppress_health_check=list(HealthCheck))
# The same histories each time, of which some one finds out each that is broken.
THOROUGH = settings(
    QUICK,
    max_examples=1_000,
    stateful_step_count=50,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate],
)


class Log:
    """What Postgres has: the events' texts by seq (None: erased), and by which seq each of them was erased."""

    def __init__(self) -> None:
        self.texts: list[str | None] = []
        self.erased_by: dict[str, int] = {}
        self.gone: dict[int, str] = {}
        self.generation = 0

    @property
    def head(self) -> int:
        return len(self.texts)

    def append(self, many: int) -> Push:
        first = self.head + 1
        self.texts += [f"text {first + n} of {self.generation}" for n in range(many)]
        return self.read(first, self.head)

    def erase(self, seq: int) -> Push:
        self.texts.append(f"deletion {self.head + 1} of {self.generation}")
        text = self.texts[seq - 1]
        if text is not None:
            self.erased_by[text] = self.head
            self.texts[seq - 1] = None
        self.generation += 1
        return self.read(self.head, self.head)

    def put_out(self) -> Push:
        self.texts.append(f"removal {self.head + 1} of {self.generation}")
        self.gone[self.head] = "bob"
        return self.read(self.head, self.head)

    def truncate(self, head: int) -> None:
        """Restore an older backup."""
        del self.texts[head:]

    def read(self, first: int, last: int) -> Push:
        """Return a frame with the events *first* … *last*, or up to the first that puts somebody out."""
        last = min([last, *(seq for seq in self.gone if seq >= first)])
        lines = [f"{seq} {self.texts[seq - 1] or ''}" for seq in range(first, last + 1)]
        return Push(first, last, "\n".join(lines).encode(), self.generation, self.gone.get(last))


def events(pushes: Sequence[Push]) -> list[tuple[int, str]]:
    """Return (seq, text) of what the frames really hold."""
    lines = [line.partition(" ") for push in pushes for line in push.frame.decode().split("\n")]
    return [(int(seq), text) for seq, _, text in lines]


class Gateway(RuleBasedStateMachine):
    """A channel, its log, and the publications, answers and fetches that are on their way."""

    channel_class: type[Channel] = Channel

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.channel = self.channel_class(0)
        self.seen = 0
        self.published: list[Push] = []
        self.answers: list[tuple[int, int, int]] = []
        self.fetches: list[Fetch] = []
        self.pages: list[list[Push]] = []

    def take(self, pushes: Sequence[Push], fetch: Fetch | Lost | None = None) -> None:
        assert not isinstance(fetch, Lost), "nothing was restored, and yet positions are lost"
        for push in pushes:
            self.look_at(push)
        if fetch is not None:
            assert not [*self.fetches, *self.pages], "two fetches at once"
            assert self.seen < fetch.first <= fetch.last
            self.fetches.append(fetch)

    def look_at(self, push: Push) -> None:
        seqs = [seq for seq, _ in events([push])]
        assert seqs == list(range(self.seen + 1, push.last + 1)), "not the next events, each once"
        assert push.gone == self.log.gone.get(push.last)
        assert not any(seq in self.log.gone for seq in seqs[:-1]), "somebody gets what comes after they were put out"
        self.seen = push.last

    # What is done to the log.

    @rule(many=st.integers(1, 4))
    def append(self, many: int) -> None:
        self.published.append(self.log.append(many))

    @precondition(lambda self: self.log.head)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        self.published.append(self.log.erase(data.draw(st.integers(1, self.log.head))))

    @rule()
    def put_somebody_out(self) -> None:
        self.published.append(self.log.put_out())

    # What Redis does: each publication comes any number of times, in any order.

    @precondition(lambda self: self.published)
    @rule(back=st.integers(0, 6))
    def deliver(self, back: int) -> None:
        publication = self.published[-1 - back % len(self.published)]
        arrival, pushes, fetch = self.channel.receive(publication)
        assert (arrival is Arrival.NEXT) == bool(pushes)
        self.take(pushes, fetch)

    @precondition(lambda self: self.log.head)
    @rule(place=st.integers(-3, 4), many=st.integers(1, 5))
    def deliver_cut_anew(self, place: int, many: int) -> None:
        """The same events in other pieces, near to where the channel stands."""
        first = min(max(1, self.seen + place), self.log.head)
        _, pushes, fetch = self.channel.receive(self.log.read(first, min(first + many - 1, self.log.head)))
        self.take(pushes, fetch)

    @rule(beyond=st.integers(10**6, 10**12), many=st.integers(1, 5))
    def poison(self, beyond: int, many: int) -> None:
        first = self.log.head + beyond
        _, pushes, fetch = self.channel.receive(Push(first, first + many - 1, b"0 poison"))
        self.take(pushes, fetch)

    # What Postgres does: it is asked, and its answers come late, in part or never.

    @rule()
    def ask_for_the_head(self) -> None:
        self.answers.append((self.channel.pushed, self.log.head, self.log.generation))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def answer_with_a_head(self, data: st.DataObject) -> None:
        answer = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        self.take([], self.channel.compare(*answer))

    @precondition(lambda self: self.fetches)
    @rule(most=st.integers(1, PAGE))
    def read_a_page(self, most: int) -> None:
        fetch = self.fetches.pop()
        last = min(fetch.last, self.log.head, fetch.first + most - 1)
        self.pages.append([self.log.read(fetch.first, last)] if fetch.first <= last else [])

    @precondition(lambda self: self.pages)
    @rule()
    def bring_the_page(self) -> None:
        self.take(*self.channel.fetched(self.pages.pop()))

    @precondition(lambda self: self.fetches)
    @rule()
    def fail_to_read(self) -> None:
        self.fetches.pop()
        self.channel.failed()

    @precondition(lambda self: self.channel.pushed)
    @rule(data=st.data())
    def restore_a_backup(self, data: st.DataObject) -> None:
        self.log.truncate(data.draw(st.integers(0, self.channel.pushed - 1)))
        lost = self.channel.compare(self.channel.pushed, self.log.head, self.log.generation)
        assert lost == Lost(self.channel.pushed, self.log.head)
        self.published, self.answers, self.fetches, self.pages = [], [], [], []
        self.log.gone = {seq: user for seq, user in self.log.gone.items() if seq <= self.log.head}
        self.channel = self.channel_class(self.log.head, self.log.generation)
        self.seen = self.log.head

    # What must hold.

    @invariant()
    def what_is_pushed_is_what_was_seen(self) -> None:
        assert self.channel.pushed == self.seen <= self.log.head

    @invariant()
    def the_tail_continues_any_position_and_holds_nothing_erased(self) -> None:
        for position in range(max(0, self.seen - 8), self.seen):
            tail = self.channel.since(position)
            if tail is not None:
                told = events(tail)
                assert [seq for seq, _ in told] == list(range(position + 1, self.seen + 1))
                assert not any(self.log.erased_by.get(text, self.seen + 1) <= self.seen for _, text in told)

    def teardown(self) -> None:
        """Once the head was told and the fetches are answered, everything has come out."""
        rounds = 0
        while self.pages or self.fetches or self.seen < self.log.head:
            assert (rounds := rounds + 1) < MOST_ROUNDS, "it fetches and fetches"
            if self.pages:
                self.bring_the_page()
            elif self.fetches:
                fetch = self.fetches.pop()
                last = min(fetch.last, self.log.head)
                self.pages.append([self.log.read(fetch.first, last)] if fetch.first <= last else [])
            else:
                self.take([], self.channel.compare(self.seen, self.log.head, self.log.generation))
                assert self.fetches, "the log goes on, and nothing is fetched"


def test_whatever_happens_the_log_leaves_whole_once_and_in_order() -> None:
    run_state_machine_as_test(Gateway, settings=QUICK)


class Repeating(Channel):
    """Pushes what overlaps."""

    def receive(self, push: Push) -> tuple[Arrival, list[Push], Fetch | None]:
        if push.first <= self.pushed < push.last:
            return Arrival.NEXT, self._advance(push), None
        return super().receive(push)


class Skipping(Channel):
    """Pushes what is early."""

    def receive(self, push: Push) -> tuple[Arrival, list[Push], Fetch | None]:
        return (Arrival.NEXT, self._advance(push), None) if push.first > self.pushed else super().receive(push)


class Trusting(Channel):
    """Takes from a fetch whatever it brings."""

    def fetched(self, pushes: Sequence[Push]) -> tuple[list[Push], Fetch | None]:
        self._is_fetching = False
        return [p for push in pushes for p in self._advance(push)] + self._release(), self.expect(self.pushed)


class Forgetful(Channel):
    """Lets go of early publications without asking for them again."""

    def receive(self, push: Push) -> tuple[Arrival, list[Push], Fetch | None]:
        arrival, pushes, fetch = super().receive(push)
        self._target = self.pushed if fetch is None else self._target
        return arrival, pushes, fetch

    def compare(self, asked: int, head: int, generation: int) -> Fetch | Lost | None:
        return super().compare(asked, head - 1, generation) if head > asked else super().compare(asked, head, generation)


class Stuck(Channel):
    """Never asks again after a failure."""

    def failed(self) -> None:
        pass


class Impatient(Channel):
    """Fetches while a fetch runs."""

    def expect(self, head: int) -> Fetch | None:
        self._is_fetching = False
        return super().expect(head)


class Remembering(Channel):
    """Keeps what was erased."""

    def learn_generation(self, generation: int) -> None:
        self.generation = max(generation, self.generation)


class Blind(Channel):
    """Keeps a publication of before the deletion, of which it had heard. Seldom: this is told, not drawn."""

    def _advance(self, push: Push) -> list[Push]:
        self.pushed = push.last
        self.learn_generation(push.generation)
        self._tail = self._tail or deque()
        self._tail.append(push)
        return [push]


class Nervous(Channel):
    """Takes an answer that is older than the last push for a restored backup."""

    def compare(self, asked: int, head: int, generation: int) -> Fetch | Lost | None:
        return super().compare(self.pushed, head, generation)


class Unsuspecting(Channel):
    """Does not see that a backup was restored."""

    def compare(self, asked: int, head: int, generation: int) -> Fetch | Lost | None:
        return super().compare(0, head, generation)


BROKEN = [Repeating, Skipping, Trusting, Forgetful, Stuck, Impatient, Remembering, Nervous, Unsuspecting]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_channel_is_found_out(broken: type[Channel]) -> None:
    machine = type("Broken", (Gateway,), {"channel_class": broken})

    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=THOROUGH)


def tell_of_a_deletion_early(machine: Gateway) -> None:
    """The database tells of a deletion; then come the publication of what was deleted, and that of the deletion."""
    machine.append(1)
    machine.published.append(machine.log.erase(1))
    machine.take([], machine.channel.compare(0, machine.log.head, machine.log.generation))
    for back in (1, 0):
        machine.deliver(back)
        machine.the_tail_continues_any_position_and_holds_nothing_erased()


def test_what_was_published_before_a_deletion_that_is_known_is_not_kept() -> None:
    tell_of_a_deletion_early(Gateway())
    with pytest.raises(AssertionError):
        tell_of_a_deletion_early(type("Broken", (Gateway,), {"channel_class": Blind})())
