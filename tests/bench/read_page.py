"""What the page of the read benchmark says before its figures."""

ABOUT = """
From a message to the sockets of those who read. What is sent goes through a write gateway, Postgres (fsync on) and Valkey to
a read gateway, with no router before them. Texts have 200 bytes; a delivery is about 430 bytes on the wire, to all systems'
receivers. Rates are not limited (`RINGPOST_RATE_USER=0`, `RINGPOST_RATE_CONVERSATION=0`), and `RINGPOST_MAX_SOCKETS=16000`;
all else is as it comes.

**A gateway-CPU-second** counts the process that delivers, alone: our read gateway, or the peer's one process. **A CPU-second
of the whole system** counts the write gateway, Postgres and Valkey too; the tutorial's chat has Postgres and Valkey, the
other peers are whole by themselves. Where each message has a thousand deliveries, the rate (deliveries/s) may be set by the
receivers: see how busy the load was.

The peers:

- `C loop`: the same finished frame to each socket by a non-blocking `send` of its own, in C, with nothing else
  (`tests/bench/peers/relay.c`).
- `Bun`: `publish` of Bun's own WebSocket server. `socketify`: that of uWebSockets, from Python. `Starlette`: `send_text` in
  a loop, on uvloop, without permessage-deflate. These and the C loop store nothing, check nobody and have no Redis: the load
  tells them what to send, and numbers it.
- `FastAPI tutorial`: the chat that a good tutorial teaches (`tests/bench/peers/fastapi_chat.py`), with Postgres and Redis.

A peer that this machine lacks something for is left out, and *Machine and versions* says what was missing.

The rows:

- *Room of 1,000, one at a time*: a message is sent when everybody has the one before. *Burst of 16*: 16 messages are sent at
  once, and the next 16 when everybody has them all; ours go out as few frames as the commits leave of them, the C loop sends
  each message to each socket. *100 rooms of 100*: 10,000 sockets; each room has one message on its way.
- *Memory an idle connection*: what the resident memory of a fresh process grows by from its 100th connection to its 5,000th,
  divided by the connections in between. Each of ours has said hello, follows three conversations of 1,000 members and its
  inbox; Starlette's is a socket in a set. *Idle CPU a connection*: of the same connections, each with a ping of its client's
  every 10 s.
- *15,000 connections*: the same on one gateway, and one message to each of 15 conversations of 1,000 in the end.
- *Push latency*: 5,000 sockets in 50 conversations of 100, a hundred sends a second, evenly spread over them. *Floor*: a
  commit of one row by asyncpg, PUBLISH until the subscriber has it, and 400 bytes to a bare echo and back, which are one hop
  to the write gateway and one from the read gateway. Each is measured alone, a hundred times a second, and stands beside
  ours too; the floor's percentiles are those of sums of one each, drawn by chance. Ours has the fan-out in it: of a hundred
  who get a message somebody is the last. The floor has none.
- *5,000 clients resume after kill -9*: 50 conversations of 100, all clients at one read gateway. It is killed, five messages
  are sent to each conversation, and each client comes to another gateway at once with its positions. It is over when
  everybody has everything, once and in order. Beside it: as many bare upgrades that begin at once at an echo over our own
  edge, which knows no hello, plus the time until the last client knew of the kill. *Events from Postgres*: of the events
  caught up (`ringpost_read_catch_up_events_total`), those that neither the gateway's memory nor the cache had.
"""
