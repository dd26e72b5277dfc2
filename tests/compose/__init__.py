"""The whole system in Docker, as compose.yaml runs it: scaled, restarted, killed, stopped and upgraded while people chat."""
