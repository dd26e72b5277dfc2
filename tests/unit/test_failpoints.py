"""What a failpoint understands of the bytes that go through it."""

import pytest

from tests.failpoints import Hold, Trap, is_whole, tells_commit

BOUND, DONE, IDLE, IN_BLOCK = (b"2", b""), (b"C", b"SELECT 1\0"), (b"Z", b"I"), (b"Z", b"T")
STORED, BUSY, ERROR = (b"D", b"\0\x07stored"), (b"D", b"\0\x07busy"), (b"E", b"SERROR\0")


def wire_form(*messages: tuple[bytes, bytes]) -> bytes:
    return b"".join(kind + (len(body) + 4).to_bytes(4) + body for kind, body in messages)


def test_an_answer_is_whole_when_postgres_is_ready_again_and_not_before() -> None:
    answer = wire_form(BOUND, STORED, DONE, IDLE)

    assert [is_whole(answer[:end]) for end in range(len(answer) + 1)] == [False] * len(answer) + [True]


@pytest.mark.parametrize(
    ("messages", "is_commit"),
    [
        ((BOUND, STORED, DONE, IDLE), True),
        ((BOUND, BUSY, STORED, DONE, IDLE), True),
        ((BOUND, BUSY, DONE, IDLE), False),
        ((BOUND, STORED, DONE, IN_BLOCK), False),
        ((BOUND, STORED, ERROR, IDLE), False),
        ((BOUND, DONE, IDLE), False),
    ],
)
def test_only_an_answer_that_stored_something_outside_a_transaction_tells_a_commit(
    messages: tuple[tuple[bytes, bytes], ...], is_commit: bool
) -> None:
    assert tells_commit(wire_form(*messages)) is is_commit


async def test_a_trap_catches_one_request_and_then_another_only_if_it_is_set_again() -> None:
    trap = Trap(Hold.COMMIT, "words")
    first = [trap.catches(data) for data in (b"other", b"the words", b"the words")]
    trap.set_again()
    again = trap.catches(b"words")
    trap.set_again()
    trap.let_go()

    assert (first, again, trap.catches(b"words")) == ([False, True, False], True, False)
