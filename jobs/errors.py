"""The error tree of the jobs room."""


class JobsError(Exception):
    """Base of every error that the jobs room raises on purpose."""


class QueueUnavailable(JobsError):
    """Redis could not be reached, or refused the command: nothing was accepted."""


class UnknownJob(JobsError):
    """No job with this id is stored: it never existed or its lifetime is over."""


class UnreadableJob(JobsError):
    """A job's record is there, but this version cannot read it (another version wrote it)."""


class SettingsError(JobsError):
    """The environment or the `.env` file holds a key or a value that we cannot use."""
