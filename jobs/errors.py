"""The error tree of the jobs room."""

from jobs.limits import LimitRefusal


class JobsError(Exception):
    """Base of every error that the jobs room raises on purpose."""


class QueueUnavailable(JobsError):
    """Redis could not be reached, or refused the command: nothing was accepted."""


class LimitReached(JobsError):
    """A limit refuses a request: nothing was accepted. `refusal` says which, and until when."""

    def __init__(self, refusal: LimitRefusal) -> None:
        super().__init__(refusal.limit.value)
        self.refusal = refusal


class NothingPromised(JobsError):
    """The job's member was told that it is not accepted: nothing may be posted for it."""


class UnknownJob(JobsError):
    """No job with this id is stored: it never existed or its lifetime is over."""


class UnreadableJob(JobsError):
    """A job's record is there, but this version cannot read it (another version wrote it)."""


class SettingsError(JobsError):
    """The environment or the `.env` file holds a key or a value that we cannot use."""


class BadValue(JobsError):
    """A setting cannot have this value; `code` and `data` say what it can have.

    `jobs.refusals` turns them into a sentence. What was given is not repeated.
    """

    def __init__(self, setting: str, code: str, **data: str | int | float) -> None:
        super().__init__(f"{setting}: {code}")
        self.setting = setting
        self.code = code
        self.data = data


class SettingChanged(JobsError):
    """Somebody else changed the setting since it was looked at; `current` is its value now."""

    def __init__(self, field: str, current: object) -> None:
        super().__init__(field)
        self.field = field
        self.current = current


class TooManySettings(JobsError):
    """A server has as many entries of this kind as it may have; `most` says how many."""

    def __init__(self, most: int) -> None:
        super().__init__(str(most))
        self.most = most


class UnreadableSettings(JobsError):
    """A server's settings are there, but this version cannot read them (another wrote them)."""
