"""IRC logs as they are: every format, every odd line, byte for byte; and the plan made of them."""

from itertools import pairwise
from pathlib import Path

import pytest

from deploy.replay.irc import Log, Said, elapsed, parse, parse_log, read_log
from deploy.replay.plan import adding, address, make_plan, members
from tests.chat import REAL


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[09:14] <kleedrac> Hmmm ... why?", Said("kleedrac", "Hmmm ... why?", 33240)),
        ("[09:14]  * ben waves", Said("ben", "waves", 33240)),
        ("rust 2018-05-29 [21:20:37] <talchas> it's fine ", Said("talchas", "it's fine ", 76837)),
        ("mediawiki 2013-01-26 [15:04:04] <bot>\t 03(mod) x", Said("bot", "03(mod) x", 54244)),
        ("stripe 2019-09-04 [22:44] <a|b^c> <3 you", Said("a|b^c", "<3 you", 81840)),
        ("[00:00] <a>  two spaces, one is text", Said("a", " two spaces, one is text", 0)),
        ("[00:00] <a> \x0304red\x0f\r", Said("a", "\x0304red\x0f\r", 0)),
        ("[00:00] <a>", Said("a", "", 0)),
        ("[00:00] <a> ", Said("a", "", 0)),
        ("=== nick is now known as other", None),
        ("[00:00] -!- somebody joined", None),
        ("", None),
    ],
)
def test_a_line_is_read_byte_for_byte(line: str, said: Said | None) -> None:
    assert parse(line) == said


def test_only_a_line_feed_ends_a_line() -> None:
    log = parse_log("odd", "[00:00] <a> one\x0b\x0c\x1c\x85\u2028two\n[00:01] <b> three\n")
    assert [said.text for said in log.said] == ["one\x0b\x0c\x1c\x85\u2028two", "three"]


def test_time_passes_midnight_and_never_goes_back() -> None:
    assert elapsed((10, 20, 20)) == (0, 10, 10)
    assert elapsed((86390, 5)) == (0, 15)
    assert elapsed((43190, 5, 86390)) == (0, 15, 86400)


def test_every_real_line_that_somebody_said_is_read() -> None:
    if not REAL.is_dir():
        pytest.skip("the real logs do not lie beside this checkout")
    logs = [read_log(path) for path in sorted(REAL.glob("*.txt"))]
    plan = make_plan(logs, watchers=8, seed=1, run="x")
    said = sum(len(log.said) for log in logs)
    assert (len(logs), said, plan.total, plan.refused) == (51, 62_780, 62_774, 6)
    assert len({said.nick for log in logs for said in log.said}) == 5_519


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"[00:00] <a> \xff\xfe")
    with pytest.raises(UnicodeDecodeError):
        read_log(path)


LOG = Log("tea", (Said("a", "1", 0), Said("a", "2", 1), Said("b", "", 2), Said("b", "3", 3), Said("a", "4", 4)))


def test_empty_lines_are_counted_and_not_sent() -> None:
    plan = make_plan([LOG], watchers=1, seed=1, run="x")
    assert (plan.total, plan.refused) == (4, 1)


def test_the_lines_that_one_nick_says_in_a_row_are_one_turn() -> None:
    turns = make_plan([LOG], watchers=1, seed=1, run="x").scripts[0].turns()
    assert [[line.text for line in turn] for turn in turns] == [["1", "2"], ["3"], ["4"]]


def test_seed_and_run_give_the_ids() -> None:
    def ids(seed: int, run: str) -> list[str]:
        return [line.id for line in make_plan([LOG], watchers=1, seed=seed, run=run).scripts[0].lines]

    assert ids(1, "x") == ids(1, "x")
    assert not set(ids(1, "x")) & (set(ids(2, "x")) | set(ids(1, "y")))


def test_every_user_has_an_address_of_its_own_on_loopback() -> None:
    addresses = [address(n) for n in range(20_000)]
    assert len(set(addresses)) == 20_000
    octets = [list(map(int, each.split("."))) for each in addresses]
    assert all(first == 127 and max(rest) <= 255 and rest[-1] > 0 for first, *rest in octets)
    assert all(a != b for a, b in pairwise(addresses))


def test_more_members_than_a_creation_takes_are_added_after_it() -> None:
    crowd = Log("crowd", tuple(Said(f"nick-{n}", "hi", n) for n in range(1_500)))
    plan = make_plan([crowd], watchers=3, seed=1, run="x")
    first, more = members(plan, plan.scripts[0])
    assert len(first) == 999
    assert [*first, *more] == [*plan.watchers, *plan.scripts[0].nicks]


def test_each_who_is_added_later_is_added_by_a_request_of_their_own_that_can_be_repeated() -> None:
    (script,) = make_plan([LOG], watchers=1, seed=1, run="x").scripts
    ids = [adding(script, f"nick-{n}") for n in range(1_500)]
    assert len({*ids, script.request}) == 1_501
    assert ids[7] == adding(script, "nick-7")
