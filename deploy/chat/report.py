"""What became of each message, in words or as JSON, and the exit status that it adds up to."""

import json
from dataclasses import dataclass

from ringpost_client import Ack, ClientError, Message, Refused

from deploy.chat.output import Output, say

REFUSED = 1


@dataclass(frozen=True, slots=True)
class Said:
    """One message on its way; an error where it never came into the outbox.

    *name* tells people which; *is_left*: an earlier command left it there.
    """

    name: str
    message: Message | ClientError
    is_left: bool = False


class Report:
    """Prints a line a message. Those that were left are no answer to what was said now: in words they are only counted."""

    def __init__(self, output: Output, *, as_json: bool) -> None:
        self._output, self._as_json = output, as_json
        self._left_sent = 0
        self.status = 0

    def acked(self, said: Said, ack: Ack) -> None:
        if self._as_json:
            fields = {"conversation": ack.conversation, "id": ack.id, "seq": ack.seq, "at": ack.at, "duplicate": ack.duplicate}
            self._output.write(json.dumps(fields | {"left": said.is_left}))
        elif not said.is_left:
            self._output.write(f"{ack.seq} again" if ack.duplicate else str(ack.seq))
        self._left_sent += said.is_left

    def refused(self, said: Said, error: Refused) -> None:
        self.status = REFUSED
        say(f"{said.name} was refused ({error.code}): {error}")
        if self._as_json:
            self._output.write(json.dumps({"refused": said.name, "code": error.code, "detail": error.detail}))

    def begin_left(self, left: int) -> None:
        """Say that *left* messages go first."""
        if left:
            say(f"{left} from before {_were(left)} not acknowledged; what was left goes first.")

    def end_left(self, left: int) -> None:
        """Say what became of them."""
        if left:
            say(f"{self._left_sent} of {left} from before {_were(self._left_sent)} sent.")


def _were(many: int) -> str:
    return "was" if many == 1 else "were"
