"""How the sockets and the disk fare, told to the app: each change once."""

from collections.abc import Callable

from ringpost_client.errors import Stopped, StoreFailed
from ringpost_client.events import State
from ringpost_client.session import Action, Away, Welcomed


class States:
    """*tell* gets what has changed. That the disk is there at first goes without saying."""

    def __init__(self, tell: Callable[[State], None]) -> None:
        self._tell = tell
        self._is_up = {"storage": True}

    def hear(self, service: str, action: Action) -> None:
        """Take what the link of *service* tells."""
        if isinstance(action, Welcomed):
            self._note(State(service, True, gateway=action.gateway))
        elif isinstance(action, Away):
            self._note(State(service, False, action.reason))

    def stop(self, service: str, error: Stopped) -> None:
        """The service says not to come back."""
        self._is_up.pop(service, None)
        self._note(State(service, False, str(error), is_final=True))

    def hear_disk(self, fault: StoreFailed | None) -> None:
        """The disk has failed, or took something."""
        self._note(State("storage", fault is None, "" if fault is None else str(fault)))

    def _note(self, state: State) -> None:
        if self._is_up.get(state.service) is not state.is_up:
            self._is_up[state.service] = state.is_up
            self._tell(state)
