"""What the commands print: results on stdout, a line at once; what is to be said about them on stderr."""

import contextlib
import os
import select
import sys

from deploy.chat.ending import UNREAD, Ending
from deploy.chat.errors import ChatError
from deploy.chat.terminal import plain

FAILED = 2


class Output:
    """Stdout. A line is out when `write` returns: none waits in a buffer that would be lost, or written after the end."""

    def __init__(self, ending: Ending) -> None:
        """Raises ChatError if stdout is closed."""
        if sys.stdout is None:
            raise ChatError("stdout is closed.")
        self._ending, self.file = ending, sys.stdout.fileno()
        self._encoding = sys.stdout.encoding
        self.is_terminal = sys.stdout.isatty()
        self.is_colored = self.is_terminal and not os.environ.get("NO_COLOR")

    def write(self, line: str) -> None:
        """Write *line*; for the main task alone. Where nobody reads any more, or the disk is full, the command ends."""
        self._ending.is_writing = True
        try:
            _write(self.file, f"{line}\n".encode(self._encoding, "backslashreplace"))
        except BrokenPipeError:
            self._ending.break_off(UNREAD)
        except OSError as error:
            say(f"stdout: {error.strerror}")
            self._ending.break_off(FAILED)
        finally:
            self._ending.is_writing = False


def say(text: str) -> None:
    """Say one line on stderr; if nobody hears it, that is no reason to stop."""
    _tell(f"ringpost: {plain(text)}\n")


class Prompt:
    """What asks a person at a terminal for the next line, on stderr; nothing where nobody types."""

    def __init__(self, *, is_shown: bool) -> None:
        self.is_shown = is_shown
        self._is_open = False

    def show(self) -> None:
        if self.is_shown:
            self._is_open = True
            _tell("> ")

    def answered(self) -> None:
        """A line was typed, and its end with it."""
        self._is_open = False

    def leave(self) -> None:
        """Go on below the prompt, if it waits for a line."""
        if self._is_open:
            self._is_open = False
            _tell("\n")

    def say(self, text: str) -> None:
        """Say one line, though somebody may be typing."""
        was_open = self._is_open
        self.leave()
        say(text)
        if was_open:
            self.show()


def _tell(text: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _write(file: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(file, data) :]
        except BlockingIOError:  # who gave us this file has made it so
            select.select((), (file,), ())
