"""What people say: real chat where it lies beside the checkout, else a small log of the same form."""

import random
from collections.abc import Iterator
from pathlib import Path

from deploy.replay.irc import read_log
from shared.errors import Refused
from shared.text import check_text

REAL = Path(__file__).parents[3] / "shared" / "data" / "irc"
SMALL = Path(__file__).with_name("chat.txt")


def read_texts(folder: Path = REAL) -> list[str]:
    """Return the texts of all logs in *folder*; of the small log if there is none."""
    logs = sorted(folder.glob("*.txt")) or [SMALL]
    return [said.text for log in logs for said in read_log(log).said if _may_be_sent(said.text)]


def endless(texts: list[str], chance: random.Random) -> Iterator[str]:
    """Yield *texts* in their order, from one of them on, for ever."""
    place = chance.randrange(len(texts))
    while True:
        yield texts[place]
        place = (place + 1) % len(texts)


def _may_be_sent(text: str) -> bool:
    try:
        check_text(text)
    except Refused:
        return False
    return True
