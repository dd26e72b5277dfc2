"""The airplane fuzzer: clients of either SDK under random schedules of sends and troubles, checked to the last event."""
