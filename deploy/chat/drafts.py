"""What is to be sent: the words of the command line, or stdin line by line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from deploy.chat.output import Prompt, say
from deploy.chat.terminal import has_control


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be. *name* tells people which it is; *id* is its own, if it is to be sent again."""

    name: str
    text: str
    id: str | None = None


async def draft_words(words: list[str], id: str | None) -> AsyncIterator[Draft]:
    """Yield the one message that *words* are, joined by blanks."""
    yield Draft("the message", " ".join(words), id)


async def draft_lines(lines: AsyncIterator[str], prompt: Prompt) -> AsyncIterator[Draft]:
    """Yield each of *lines* but the blank ones. Of what is typed, a line with an arrow key in it is given back instead."""
    number = 0
    async for line in lines:
        number += 1
        prompt.answered()
        if prompt.is_shown and has_control(line):
            say("not sent: a key such as an arrow put a control character into this line.")
        elif line.strip():
            yield Draft(f"line {number}", line)
            continue
        prompt.show()
    prompt.leave()
