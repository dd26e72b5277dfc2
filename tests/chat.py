"""Chat logs for tests: the real ones where they lie beside the checkout, else a small one made here."""

import random
from itertools import islice
from pathlib import Path

from deploy.replay.irc import elapsed, read_log

REAL = Path(__file__).parents[2] / "shared" / "data" / "irc"
_PLAIN = ["the", "cat", "sat", "on", "a", "mat", "and", "http://x.example/?q=<b>", "{json}", "\\u0000", "'quote'", '"']
_WORDS = [*_PLAIN, "naïve", "日本", "🙂", "\x0304red\x03", "a\x08a"]


def make_logs(folder: Path, count: int, lines: int) -> list[Path]:
    """Write *count* logs of *lines* lines each into *folder*: the beginnings of real ones, else invented ones."""
    real = sorted(REAL.glob("*.txt"))[:count]
    paths = []
    for number in range(count):
        path = folder / f"log-{number}.txt"
        text = _beginning(real[number], lines) if number < len(real) else _invented(number, lines)
        path.write_text(text, newline="")
        paths.append(path)
    return paths


def speed_for(paths: list[Path], seconds: float) -> str:
    """Return the --speed at which a replay of these logs takes about *seconds*."""
    logs = [read_log(path) for path in paths]
    longest = max(elapsed(tuple(said.second for said in log.said))[-1] for log in logs)
    return str(longest / seconds)


def _beginning(path: Path, lines: int) -> str:
    with path.open(newline="\n") as file:
        return "".join(islice((line for line in file if "<" in line), lines))


def _invented(seed: int, lines: int) -> str:
    chance = random.Random(seed)
    nicks = [f"nick{n}" for n in range(1, 9)] + ["|odd^one|", "[a]"]
    said = [f"[{9 + n // 600:02}:{n // 10 % 60:02}] <{chance.choice(nicks)}> {_sentence(chance)}" for n in range(lines - 2)]
    return "\n".join([*said, "[23:58]  * nick1 waves", "[23:59] <nick2> bye", "=== nick2 is now known as nick3", ""])


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(1, 30)))
