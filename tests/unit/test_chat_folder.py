"""What the chat commands keep on disk from one to the next, and the lines that they read."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from deploy.chat.creations import Creations
from deploy.chat.folder import folder_name
from deploy.chat.lines import MAX_LINE_BYTES, Lines
from deploy.chat.shown import Shown


def split(*pieces: bytes) -> list[str]:
    lines = Lines()
    return [line for piece in pieces for line in lines.feed(piece)] + lines.end()


# Folders.


@given(st.text(min_size=1, max_size=255), st.text(min_size=1, max_size=255))
def test_no_two_users_share_a_folder_even_where_case_does_not_count(one: str, other: str) -> None:
    assert (folder_name(one).lower() == folder_name(other).lower()) == (one == other)


@given(st.text(min_size=1, max_size=255))
def test_a_folders_name_is_one_that_every_disk_takes(user: str) -> None:
    name = folder_name(user)

    assert Path(name).parts == (name,)
    assert name not in (".", "..")
    assert name.isascii()
    assert len(name) <= 200


# Positions.


def test_two_that_follow_different_conversations_do_not_undo_each_other(tmp_path: Path) -> None:
    one, other = Shown(tmp_path / "bob"), Shown(tmp_path / "bob")
    one.keep("e", {"tea": 3, "sugar": 1})
    other.keep("e", {"sugar": 5})
    one.keep("e", {"tea": 4})

    assert Shown(tmp_path / "bob").load().of == {"tea": 4, "sugar": 5}


def test_a_look_at_older_events_does_not_take_the_place_back(tmp_path: Path) -> None:
    kept = Shown(tmp_path)
    kept.keep("e", {"tea": 30})
    kept.keep("e", {"tea": 5})

    assert kept.load().of == {"tea": 30}


def test_under_another_epoch_and_for_what_is_lost_the_older_places_go(tmp_path: Path) -> None:
    kept = Shown(tmp_path)
    kept.keep("e", {"tea": 30, "sugar": 8})
    kept.keep("e", {"tea": 5}, lost={"tea"})
    assert kept.load().of == {"tea": 5, "sugar": 8}

    kept.keep("f", {"tea": 2})
    assert (kept.load().epoch, kept.load().of) == ("f", {"tea": 2})


# Creations.


def test_a_creation_without_an_answer_has_its_id_again_and_one_with_an_answer_has_not(tmp_path: Path) -> None:
    id = Creations(tmp_path).begin("Tea")
    assert Creations(tmp_path).begin("Tea") == id
    assert Creations(tmp_path).begin("Sugar") != id

    Creations(tmp_path).end("Tea")
    assert Creations(tmp_path).begin("Tea") != id


# Lines.


def test_lines_end_with_a_line_feed_or_with_the_input() -> None:
    assert split(b"a\r\nb\n\nc") == ["a", "b", "", "c"]
    assert split(b"a\n") == ["a"]
    assert split(b"") == []


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_lines_are_the_same_however_they_come(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]

    assert split(*(data[start:end] for start, end in pairwise(edges))) == split(data)


def test_a_line_without_an_end_is_kept_up_to_a_bound_and_the_next_one_is_whole() -> None:
    lines = split(*[b"x" * 50_000] * 10, b"y\nnext\n")

    assert [len(line) for line in lines] == [MAX_LINE_BYTES, 4]


def test_bytes_that_are_no_text_are_no_message_either() -> None:
    assert split(b"caf\xe9\n") == ["caf\udce9"]
