"""Whether a command that a document names is there, with the flags that it is given."""

import re
import shlex
from pathlib import Path
from typing import Any

import typer.main

from deploy.cli import app

ROOT = Path(__file__).parents[2]
_VERB = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def unknown(text: str) -> str | None:
    """Return what *text*, a command of `ringpost` or `make`, has that is not there; None where all is."""
    words = shlex.split(text.replace("…", "").replace("'", ""))
    while words and re.match(r"^[A-Z_]+=", words[0]):
        words.pop(0)
    program = words[0].rpartition("/")[2] if words else ""
    if program == "make":
        return _unknown_verb(words[1:])
    return _unknown_flag(words[1:]) if program == "ringpost" else None


def _unknown_verb(words: list[str]) -> str | None:
    verbs = set(_VERB.findall((ROOT / "Makefile").read_text()))
    asked = [word for word in words if "=" not in word and not word.startswith("-")]
    return next((f"make has no {word}" for word in asked if word.islower() and word not in verbs), None)


def _unknown_flag(words: list[str]) -> str | None:
    command: Any = typer.main.get_command(app)
    for word in words:
        if word in ("|", "&&", ";", ">", "&"):
            return None
        if (group := getattr(command, "commands", None)) and not word.startswith("-"):
            if word not in group:
                return f"ringpost has no {word}"
            command = group[word]
        elif word.startswith("--") and word.partition("=")[0] not in _flags(command):
            return f"{command.name} has no {word}"
    return None


def _flags(command: Any) -> set[str]:
    own = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    return own | {"--help"}
