"""A client whose positions the service gives up."""

from ringpost_client.positions import Positions
from ringpost_client.session import Session

WELCOME = {"type": "welcome", "roles": ["read"], "heartbeat_s": 10, "epoch": "e", "inbox": 9, "ranges": []}


def test_a_lost_inbox_comes_anew_from_its_first_event() -> None:
    positions = Positions("e", inbox=7, of={"c": 3})
    session = Session(None, positions)
    session.receive(WELCOME)

    session.receive({"type": "position_lost", "epoch": "e"})

    assert positions.inbox == 0
    assert positions.of == {"c": 3}
    (delivered,) = session.receive({"type": "inbox", "from": 1, "to": 1, "events": [{"seq": 1, "type": "joined"}]})
    assert positions.inbox == 1
    assert "seq=1" in repr(delivered)
