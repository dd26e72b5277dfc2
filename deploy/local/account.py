"""The ordinary user that the embedded servers run as where the launcher is root: Postgres refuses to be root."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.local.errors import LocalError

PREFERRED = ("postgres", "nobody")
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, with an entry in its list of users (initdb wants one)."""

    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Say whether this user may list *folder* and what lies in it, by trying."""
        return self._may("-r", folder) and self._may("-x", folder)

    def can_run(self, program: Path) -> bool:
        """Say whether this user may run *program*, by trying."""
        return self._may("-r", program) and self._may("-x", program)

    def _may(self, what: str, path: Path) -> bool:
        tried = subprocess.run(  # noqa: S603  # the words are ours
            ["test", what, str(path)],  # noqa: S607  # of the system's own folders
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            env={"PATH": SEARCH_PATH},
            check=False,
        )
        return tried.returncode == 0


def choose_account() -> Account | None:
    """Return the user to run the servers as; None if this process is no root and runs them as itself.

    Raises:
        LocalError: root, and no other user exists.
    """
    return _ordinary() if os.geteuid() == 0 else None


@cache
def _ordinary() -> Account:
    for entry in _candidates():
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LocalError("Postgres refuses to run as root, and this machine has no other user: add one (useradd postgres).")


def _candidates() -> Iterator[pwd.struct_passwd]:
    for name in PREFERRED:
        try:
            yield pwd.getpwnam(name)
        except KeyError:
            continue
    yield from pwd.getpwall()
