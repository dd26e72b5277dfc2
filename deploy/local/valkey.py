"""The embedded Valkey: pub/sub, the registry and a bounded cache; it keeps nothing on disk."""

from dataclasses import dataclass, field

from deploy.local.account import Account
from deploy.local.binaries import find_valkey, runnable
from deploy.local.command import Command, bare_env
from deploy.local.port import free_port, is_listening

# Told on stdin, since whoever is on this machine can read a command line.
_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
daemonize no
dir /
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
tcp-backlog 1024
loglevel notice
"""


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """How to run it, and where it is. A restart comes back to the same port and password."""

    command: Command
    url: str = field(repr=False)
    port: int

    def is_ready(self, pid: int) -> bool:
        """Say whether it takes connections (*pid* is of no use here)."""
        return is_listening(self.port)


def prepare_valkey(password: str, account: Account | None) -> ValkeyServer:
    """Return a Valkey on a free port of 127.0.0.1, not yet started.

    Raises:
        LocalError: there is none for this platform.
    """
    port = free_port()
    program = runnable(find_valkey(), account)
    config = _CONFIG.format(port=port, password=password).encode()
    command = Command("redis", (str(program), "-"), bare_env(), account=account, told=config)
    return ValkeyServer(command, f"redis://:{password}@127.0.0.1:{port}/0", port)
