"""What `ringpost ring` does: ask a router, say where addresses go, simulate a pool."""
