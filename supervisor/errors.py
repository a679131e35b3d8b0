"""What can go wrong when processes are started and watched."""


class SupervisorError(Exception):
    """Base of every error of this room."""


class UnknownChild(SupervisorError):
    """A name that no child was added under."""


class Interrupted(SupervisorError):
    """Somebody asked to stop while we were still waiting for a child."""


class ChildFailed(SupervisorError):
    """A child that did not become ready, or died and is not started again."""

    def __init__(self, name: str, reason: str, tail: tuple[str, ...] = ()) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason
        self.tail = tail


class RedisUnavailable(SupervisorError):
    """No Redis server can be used; the message says what to do."""


class DataDirectoryBusy(SupervisorError):
    """Another process already uses this data directory."""


class StackMisuse(SupervisorError):
    """A part or an address was asked for that this stack does not have."""
