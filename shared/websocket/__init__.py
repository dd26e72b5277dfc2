"""WebSockets at the gateways: no task, queue or timer of its own for a socket that is idle."""
