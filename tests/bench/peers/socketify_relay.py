"""uWebSockets' `publish` from Python, by socketify. What is said to it is told in `tests/bench/relay.py`."""

import sys
from typing import Any

from socketify import App, CompressOptions, OpCode  # type: ignore[import-not-found]  # installed into a cache, for this alone

NAME = 36


def hear(socket: Any, text: str, opcode: OpCode) -> None:
    if len(text) == NAME:
        socket.subscribe(text)
        socket.send('{"type":"welcome"}', OpCode.TEXT)
    elif len(text) > NAME:
        app.publish(text[:NAME], text[NAME:], OpCode.TEXT)


app = App()
app.ws("/*", {"compression": CompressOptions.DISABLED, "idle_timeout": 960, "message": hear})
app.listen({"port": int(sys.argv[1]), "host": "127.0.0.1"}, lambda config: None)
app.run()
