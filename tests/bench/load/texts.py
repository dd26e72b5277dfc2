"""What people say: real chat where it is at hand beside the checkout, else sentences made for the purpose."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import msgspec

from deploy.replay.irc import read_log
from shared.errors import Refused
from shared.text import check_text

IRC = Path(__file__).parents[4] / "shared" / "data" / "irc"
MOST = 20_000
_SENTENCES = (
    "hi",
    "anyone here?",
    "lol",
    "yes, that works now, thanks!",
    "which version is it?",
    "I'd look at the log first",
    "no idea, it worked yesterday",
    "try it again after a reboot",
    "how do I mount the other partition so that everybody can write to it?",
    "there is a page about that in the manual, near the end, with an example for each of the three cases",
)


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of messages as JSON strings, and where they are from."""

    source: str
    encoded: Sequence[bytes]

    def endless(self) -> Iterator[bytes]:
        return cycle(self.encoded)


def load_texts(folder: Path = IRC) -> Texts:
    """Return the texts of the logs in *folder*, in their order; made ones where there are none."""
    logs = sorted(folder.glob("*.txt"))
    if not logs:
        return Texts("made sentences", [msgspec.json.encode(text) for text in islice(_made(), 5_000)])
    said = (text for path in logs for message in read_log(path).said if _may_be_sent(text := message.text))
    return Texts("IRC logs (Kummerfeld et al., 2019)", [msgspec.json.encode(text) for text in islice(said, MOST)])


def sized_texts(size: int) -> Texts:
    """Return made texts of *size* bytes each."""
    words = " ".join(islice(_made(), 5_000))
    cut = (words[start : start + size] for start in range(0, len(words) - size, size))
    return Texts(f"made sentences, cut to {size} bytes", [msgspec.json.encode(f"{text.strip():-<{size}}") for text in cut])


def _may_be_sent(text: str) -> bool:
    try:
        check_text(text)
    except Refused:
        return False
    return True


def _made() -> Iterator[str]:
    chance = random.Random(1)
    while True:
        yield " ".join(chance.choices(_SENTENCES, k=chance.choice((1, 1, 1, 2, 3))))
