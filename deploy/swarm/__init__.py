"""A lean swarm: one process holds 15,000 clients, each with an address of its own, and believes nothing it is told."""
