"""`ringpost send` and `ringpost tail`, as two people at two terminals meet them."""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.chat.terminal import plain
from tests.outboxes import kept_texts
from tests.system import READY, Up
from tests.terminal import Command, Screen, a_pipe, environment, stopped, wait_until

Start = Callable[..., Command]


@pytest.fixture(scope="module")
def system() -> Iterator[Up]:
    """One system for all of these; each test has a conversation of its own."""
    with tempfile.TemporaryDirectory(prefix="ringpost-chat-") as folder:
        os.chmod(folder, 0o755)
        up = Up(Path(folder) / "data")
        up.wait_until(READY)
        yield up
        up.close()


@pytest.fixture
def start(system: Up) -> Iterator[Start]:
    """What starts a command; those that still run are stopped after the test."""
    started: list[Command] = []

    def start(*words: str, **named: Any) -> Command:
        started.append(Command(environment(system.data), *words, **named))
        return started[-1]

    yield start
    for command in started:
        command.close()


@pytest.fixture
def room(start: Start) -> str:
    """The title of a conversation of alice's with bob."""
    title = f"room {uuid4().hex[:8]}"
    assert start("send", title, "--as", "alice", "--create", "--member", "bob").end() == 0
    return title


@pytest.fixture
def state(tmp_path: Path) -> tuple[str, ...]:
    """A state folder that begins empty, as words of a command."""
    return ("--state", str(tmp_path / "state"))


def say(start: Start, room: str, *texts: str, user: str = "alice") -> list[str]:
    """Send each of *texts*; return what was printed."""
    sending = start("send", room, "--as", user)
    sending.type("".join(f"{text}\n" for text in texts))
    assert sending.end() == 0, sending.said()
    return sending.shown()


def texts(lines: list[str]) -> list[str]:
    return [json.loads(line).get("text", "") for line in lines]


def seqs(lines: list[str]) -> list[int]:
    return [json.loads(line)["seq"] for line in lines]


def assert_one_line(command: Command, status: int, *words: str) -> None:
    assert command.end() == status, command.said()
    assert len(command.said().splitlines()) == 1, command.said()
    assert command.said().startswith("ringpost: ")
    for word in words:
        assert word in command.said()


# One says it, the other sees it.


def test_who_follows_sees_what_is_sent(start: Start, room: str) -> None:
    following = start("tail", room, "--as", "bob")
    assert following.wait_for(1)[0].endswith(f"[{room} #1] * alice created this conversation with bob")

    sending = start("send", room, "Hello", "Bob", "--as", "alice")
    assert sending.end() == 0

    assert sending.shown() == ["2"]
    assert following.wait_for(2)[1].endswith(f"[{room} #2] alice: Hello Bob")
    assert following.interrupt() == 130
    assert following.said() == ""


def test_who_follows_all_sees_a_conversation_that_begins_meanwhile(start: Start, state: tuple[str, ...]) -> None:
    following = start("tail", "--as", "carol", *state)
    title = f"later {uuid4().hex[:8]}"
    time.sleep(1)
    assert start("send", title, "come", "--as", "alice", "--create", "--member", "carol").end() == 0

    assert [line.partition(" [")[2] for line in following.wait_for(2)] == [
        f"{title} #1] * alice created this conversation with carol",
        f"{title} #2] alice: come",
    ]


def test_what_could_drive_the_terminal_is_written_out(start: Start, room: str) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07 \u202etxt.exe\nroot: \x9b31m"
    following = start("tail", room, "--as", "bob")
    assert start("send", room, evil, "--as", "alice").end() == 0

    shown = following.wait_for(2)[1]
    assert len(following.shown()) == 2
    assert shown.endswith(r"alice: \x1b[2J\x1b]0;owned\x07 \u202etxt.exe\nroot: \x9b31m")
    assert plain(shown) == shown


def test_json_is_one_object_a_line_with_the_text_as_it_was_sent(start: Start, room: str) -> None:
    following = start("tail", room, "--as", "bob", "--json")
    sending = start("send", room, "a\nb\x1b", "--as", "alice", "--json")
    assert sending.end() == 0

    sent, seen = json.loads(sending.shown()[0]), json.loads(following.wait_for(2)[1])
    assert seen["text"] == "a\nb\x1b"
    assert (seen["title"], seen["sender"], seen["type"]) == (room, "alice", "message")
    assert [seen[name] for name in ("conversation", "id", "seq", "at")] == [
        sent[name] for name in ("conversation", "id", "seq", "at")
    ]
    assert sent["duplicate"] is False


# From where it goes on.


def test_it_goes_on_where_it_stopped_without_a_gap_or_a_repeat(start: Start, room: str, state: tuple[str, ...]) -> None:
    seen: list[str] = []
    for turn in range(3):
        say(start, room, *(f"{turn}.{n}" for n in range(20)))
        following = (
            start("tail", room, "--as", "bob", "--json", "--from-start", *state)
            if turn == 0
            else start("tail", room, "--as", "bob", "--json", *state)
        )
        following.wait_for(21 if turn == 0 else 20)
        assert following.interrupt([signal.SIGINT, signal.SIGTERM, signal.SIGHUP][turn]) == [130, 143, 129][turn]
        seen += following.shown()

    assert seqs(seen) == list(range(1, 62))


def test_after_a_kill_nothing_is_missed(start: Start, room: str, state: tuple[str, ...]) -> None:
    first = start("tail", room, "--as", "bob", "--json", *state)
    first.wait_for(1)
    say(start, room, *map(str, range(50)))
    first.wait_for(20)
    first.interrupt(signal.SIGKILL)
    say(start, room, "last")
    second = start("tail", room, "--as", "bob", "--json", *state)
    wait_until(lambda: "last" in texts(second.shown()), second.said)

    before, after = seqs(first.shown()), seqs(second.shown())
    assert after == list(range(after[0], 53))
    assert after[0] <= before[-1] + 1


def test_what_one_that_follows_another_conversation_did_not_show_comes_later(
    start: Start, room: str, state: tuple[str, ...]
) -> None:
    other = f"other {uuid4().hex[:8]}"
    say(start, room, "one")
    assert start("send", other, "two", "--as", "alice", "--create", "--member", "bob").end() == 0
    first = start("tail", room, other, "--as", "bob", "--json", *state)
    first.wait_for(4)
    first.interrupt()
    second = start("tail", room, "--as", "bob", "--json", *state)
    say(start, other, "not shown")
    say(start, room, "shown")
    assert texts(second.wait_for(1)) == ["shown"]
    second.interrupt()

    third = start("tail", room, other, "--as", "bob", "--json", *state)
    assert texts(third.wait_for(1)) == ["not shown"]
    third.interrupt()
    assert len(third.shown()) == 1


def test_it_begins_where_it_is_told_to(start: Start, room: str, state: tuple[str, ...]) -> None:
    say(start, room, *map(str, range(2, 31)))
    expected = {("--from-start",): 1, ("--after", "7"): 8, ("--limit", "4"): 27, (): 31}
    following = start("tail", room, "--as", "bob", "--json", *state)
    assert seqs(following.wait_for(10)) == list(range(21, 31))
    following.interrupt()

    for words, begins in expected.items():
        again = start("tail", room, "--as", "bob", "--json", *words, *state)
        again.wait_for(31 - begins)
        time.sleep(0.5)
        assert seqs(again.shown()) == list(range(begins, 31)), words
        again.close()


@pytest.mark.slow
def test_it_goes_on_though_the_read_gateways_are_killed(start: Start, system: Up, room: str) -> None:
    following = start("tail", room, "--as", "bob", "--json")
    following.wait_for(1)
    for n in range(2):
        for name in ("read-1", "read-2"):
            os.kill(system.local().processes[name], signal.SIGKILL)
        say(start, room, f"during {n}")
        following.wait_to_say("connected again")
        following.wait_for(2 + n)

    assert seqs(following.shown()) == [1, 2, 3]
    assert following.said().startswith("ringpost: disconnected (")


# What was left goes first.


def test_what_was_not_acknowledged_goes_out_first_next_time(start: Start, system: Up, room: str) -> None:
    with stopped(system.local().processes["write-1"]):
        left = start("send", room, "--as", "alice", "--wait", "1")
        left.type("one\ntwo\n")
        assert left.end() == 2
    assert "2 not acknowledged yet" in left.said()
    assert left.shown() == []

    following = start("tail", room, "--as", "bob")
    now = start("send", room, "three", "--as", "alice")
    assert now.end() == 0
    assert "2 from before were not acknowledged" in now.said()
    assert "2 of 2 from before were sent" in now.said()
    assert now.shown() == ["4"]
    assert [line.rpartition(": ")[2] for line in following.wait_for(4)[1:]] == ["one", "two", "three"]


def test_what_a_killed_one_had_taken_goes_out_once_and_in_order(
    start: Start, system: Up, room: str, state: tuple[str, ...]
) -> None:
    killed = start("send", room, "--as", "alice", *state)
    killed.type("".join(f"{n}\n" for n in range(100)))
    killed.wait_for(100)
    with stopped(system.local().processes["write-1"]):
        killed.type("".join(f"{n}\n" for n in range(100, 200)))
        wait_until(lambda: kept_texts(Path(state[1]))[-1:] == ["199"], killed.said)
        killed.interrupt(signal.SIGKILL)
    last = start("send", room, "last", "--as", "alice", *state)
    assert last.end() == 0
    assert last.shown() == ["202"]

    following = start("tail", room, "--as", "bob", "--json", "--from-start")
    assert texts(following.wait_for(202)) == ["", *map(str, range(200)), "last"]


def test_ctrl_c_leaves_what_waits_for_the_next_time(start: Start, system: Up, room: str, state: tuple[str, ...]) -> None:
    with stopped(system.local().processes["write-1"]):
        left = start("send", room, "kept", "--as", "alice", *state)
        wait_until(lambda: kept_texts(Path(state[1])) == ["kept"], left.said)
        assert left.interrupt() == 130
    assert left.said() == "ringpost: 1 not acknowledged yet; what is left goes out first next time.\n"

    following = start("send", room, "next", "--as", "alice", *state)
    assert following.end() == 0
    assert following.shown() == ["3"]


def test_one_of_before_that_is_refused_is_named(start: Start, system: Up, room: str, state: tuple[str, ...]) -> None:
    nowhere = str(uuid4())
    with stopped(system.local().processes["write-1"]):
        assert start("send", nowhere, "to nobody", "--as", "alice", "--wait", "1", *state).end() == 2

    now = start("send", room, "to bob", "--as", "alice", *state)
    assert now.end() == 1
    assert "a message from before, to nobody, was refused (not_found)" in now.said()
    assert now.shown() == ["2"]


def test_a_second_one_of_the_same_user_waits_for_the_first(start: Start, room: str) -> None:
    first = start("send", room, "--as", "alice")
    first.type("one\n")
    first.wait_for(1)
    second = start("send", room, "two", "--as", "alice")
    time.sleep(2)
    assert second.process.poll() is None
    first.end()

    assert second.end() == 0
    assert (first.shown(), second.shown()) == (["2"], ["3"])


# What is refused.


def test_the_same_id_is_the_same_message_and_another_text_is_refused(start: Start, room: str) -> None:
    id = str(uuid4())
    shown = []
    for _ in range(2):
        sending = start("send", room, "once", "--as", "alice", "--id", id)
        assert sending.end() == 0
        shown += sending.shown()
    assert shown == ["2", "2 again"]

    assert_one_line(start("send", room, "twice", "--as", "alice", "--id", id), 1, "refused (id_reused)")


def test_a_line_that_is_refused_is_named_and_the_others_are_sent(start: Start, room: str) -> None:
    sending = start("send", room, "--as", "alice")
    sending.stdin.write(b"one\n\n" + b"x" * 200_000 + b"\ncaf\xe9\nfive")

    assert sending.end() == 1
    assert sending.shown() == ["2", "3"]
    assert [line.partition(": The")[0] for line in sending.said().splitlines()] == [
        "ringpost: line 3 was refused (too_large)",
        "ringpost: line 4 was refused (invalid)",
    ]


def test_creating_one_that_is_there_creates_no_other(start: Start, room: str) -> None:
    again = start("send", room, "again", "--as", "alice", "--create")

    assert again.end() == 0
    assert "is there already" in again.said()
    assert again.shown() == ["2"]


@pytest.mark.parametrize("command", ["send", "tail"])
def test_a_conversation_that_is_not_among_mine_is_one_line(start: Start, room: str, command: str) -> None:
    assert_one_line(start(command, f"no {room}", "--as", "alice"), 2, "alice is in no conversation", room)
    assert_one_line(start(command, room, "--as", "mallory"), 2, "mallory is in no conversation")


def test_an_id_that_is_not_among_mine_is_one_line(start: Start) -> None:
    nowhere = str(uuid4())
    assert_one_line(start("send", nowhere, "hello", "--as", "alice"), 1, "refused (not_found)")
    assert_one_line(start("tail", nowhere, "--as", "alice"), 2, "alice is in no conversation")


@pytest.mark.parametrize("command", ["send", "tail"])
@pytest.mark.parametrize("ports", [{}, {"read_port": 1, "write_port": 1}], ids=["no data", "no port"])
def test_without_a_system_it_is_one_line(data: Path, command: str, ports: dict[str, int]) -> None:
    asked = Command(environment(data, **ports), command, "Tea", "--as", "alice")

    assert_one_line(asked, 2, "No Ringpost")
    asked.close()


# How it ends.


def test_it_ends_with_who_reads_it_without_a_further_message(start: Start, room: str) -> None:
    say(start, room, "one", "two")
    with a_pipe() as (reader, writer):
        following = start("tail", room, "--as", "bob", "--from-start", stdout=writer.fileno())
        writer.close()
        lines = [reader.readline() for _ in range(3)]
        assert lines[-1].endswith(b"alice: two\n")
        time.sleep(0.5)  # it has nothing more to write

    assert following.process.wait(10) == 128 + signal.SIGPIPE
    assert following.said() == ""


def test_ctrl_c_ends_it_though_nobody_reads_what_it_writes(start: Start, room: str) -> None:
    say(start, room, *["a line that is long enough to fill a pipe soon " * 10] * 200)
    with a_pipe() as (_, writer):
        following = start("tail", room, "--as", "bob", "--from-start", stdout=writer.fileno())
        time.sleep(4)

        assert following.interrupt() == 130
    assert following.said() == ""


def test_a_full_disk_is_one_line(start: Start, room: str) -> None:
    with open("/dev/full", "wb") as full:
        assert_one_line(start("send", room, "Hello", "--as", "alice", stdout=full.fileno()), 2, "stdout: No space left")


def test_a_person_is_asked_for_lines_and_gets_their_numbers(system: Up, room: str) -> None:
    screen = Screen(environment(system.data), "send", room, "--as", "alice")
    screen.wait_for("> ")
    screen.type("Hello\n")
    screen.wait_for("\r\n2\r\n> ")
    screen.type("with an arrow\x1b[D\n")
    screen.wait_for("not sent")
    screen.wait_for("> ")
    screen.type("\x04")

    assert screen.process.wait(10) == 0
    screen.close()


@pytest.mark.slow
def test_a_person_presses_ctrl_c(system: Up, room: str) -> None:
    for words in (("send", room, "--as", "alice"), ("tail", room, "--as", "bob")):
        screen = Screen(environment(system.data), *words)
        screen.wait_for("> " if words[0] == "send" else "* alice created")
        screen.type("\x03")

        assert screen.process.wait(10) == 130
        assert "Traceback" not in screen.text
        screen.close()
