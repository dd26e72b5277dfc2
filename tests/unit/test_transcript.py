"""Reading transcripts, and comparing what was heard with them."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.bindings import Bindings
from tests.transcript import Answer, Closed, Happens, Heard, More, Request, Said, Unreadable, read, split

TRANSCRIPT = """Words before.

```transcript
> POST WRITE/v1/conversations?a=1
> Authorization: Bearer $alice
> {"id": "$one",
   "title": "Tea"}
< 201
< {"seq": 1}
bob > GET READ/v1/socket
bob < 101
bob → {"type": "ping"}
bob → not JSON
bob ← {"type": "pong"}
(something happens)
bob ← close 4000
→ close 1000
```

```json
> no transcript
```
"""


def fenced(*lines: str) -> str:
    return "\n".join(["```transcript", *lines, "```"])


def test_a_transcript_is_read_line_by_line() -> None:
    headers = {"Authorization": "Bearer $alice"}
    created = More(headers, '{"id": "$one", "title": "Tea"}', 6)

    assert read(TRANSCRIPT) == [
        Request(4, "", "POST", "WRITE", "/v1/conversations?a=1", created),
        Answer(8, "", 201, More({}, '{"seq": 1}', 9)),
        Request(10, "bob", "GET", "READ", "/v1/socket", More({})),
        Answer(11, "bob", 101, More({})),
        Said(12, "bob", '{"type": "ping"}'),
        Said(13, "bob", "not JSON"),
        Heard(14, "bob", [{"type": "pong"}]),
        Happens(15, "", "something happens"),
        Closed(16, "bob", 4000, by_client=False),
        Closed(17, "", 1000, by_client=True),
    ]


def test_two_requests_of_one_speaker_are_two() -> None:
    steps = read(fenced("> GET READ/live", "< 200", "> GET READ/ready", "> GET READ/live"))

    assert [type(step) for step in steps] == [Request, Answer, Request, Request]


@pytest.mark.parametrize(
    "line",
    [
        "POST WRITE/v1/poll",
        "> POST http://elsewhere/v1/poll",
        "> POST /v1/poll",
        "< created",
        "← pong",
        '← {"type": "events", "from": 1, "to": 2, "events": [{"seq": 1}]}',
        '← {"type": "inbox", "from": 1, "to": 0, "events": []}',
    ],
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(Unreadable, match="line 2"):
        read(fenced(line))


def test_frames_are_compared_in_their_smallest_parts() -> None:
    events = {"type": "events", "conversation": "c", "from": 3, "to": 4, "events": [{"seq": 3}, {"seq": 4}]}

    assert split(events) == [
        {"type": "events", "conversation": "c", "from": 3, "to": 3, "events": [{"seq": 3}]},
        {"type": "events", "conversation": "c", "from": 4, "to": 4, "events": [{"seq": 4}]},
    ]
    assert split({"type": "acks", "acks": [1, 2]}) == [{"type": "acks", "acks": [1]}, {"type": "acks", "acks": [2]}]
    assert split({"type": "pong"}) == [{"type": "pong"}]


def invented() -> Iterator[str]:
    return (f"made-{n}" for n in count(1))


def bindings(**known: Any) -> Bindings:
    made = invented()
    return Bindings(known, lambda: next(made))


def test_a_name_is_one_value_wherever_it_stands() -> None:
    names = bindings(alice="token")

    assert names.fill('{"id": "$one", "again": "$one", "by": "$alice"}') == '{"id": "made-1", "again": "made-1", "by": "token"}'
    assert names.compare({"id": "$one", "conversation": "$tea"}, {"id": "made-1", "conversation": "c"}) == []
    assert names.fill("/v1/$tea/events") == "/v1/c/events"
    assert names.compare("$tea", "d") != []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("…", None),
        ("…", {"any": 1}),
        ("http://…/v1", "http://there/v1"),
        (1, 1.0),
        ([1, {"a": None}], [1, {"a": None}]),
        ({"$key": 1}, {"k": 1}),
    ],
)
def test_what_is_the_same_differs_in_nothing(expected: Any, actual: Any) -> None:
    assert bindings(key="k").compare(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1, 2),
        (1, "1"),
        (1, True),
        (False, 0),
        (None, 0),
        ("a", "b"),
        ("a.c", "abc"),
        ("http://…/v1", "http://there/v2"),
        ([1], [1, 2]),
        ([1], {"0": 1}),
        ({"a": 1}, {}),
        ({}, {"a": 1}),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}),
    ],
)
def test_what_is_not_the_same_is_told(expected: Any, actual: Any) -> None:
    assert len(bindings().compare(expected, actual)) == 1


def test_a_difference_names_its_place() -> None:
    (told,) = bindings().compare({"events": [{"seq": 1}]}, {"events": [{"seq": 2}]})

    assert told == ".events[0].seq is 2, and not 1"
