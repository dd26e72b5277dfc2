"""People who chat, by locust: two mixes, open loop, every delivery checked while it runs."""
