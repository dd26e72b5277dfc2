"""What keeps the launcher from starting: a line for people, and no traceback."""


class LocalError(Exception):
    """Something of this machine is not as it must be; the text says what, and what to do."""


class NotRunning(LocalError):
    """No local system runs on this data; the text says how to start one."""
