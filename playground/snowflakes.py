"""Snowflakes: Discord's ids, which carry their time of birth.

An id is milliseconds since 2015 shifted left by 22 bits, plus a counter. Ids grow
strictly, and leave this room only as strings.
"""

import datetime as dt
import re
import time

DISCORD_EPOCH_MS = 1_420_070_400_000
_PATTERN = re.compile(r"0|[1-9][0-9]{0,19}")


class SnowflakeFactory:
    """Makes ids that grow strictly."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """Return a new id."""
        now = (int(time.time() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last = max(now, self._last + 1)
        return str(self._last)


def created_at(snowflake: str) -> dt.datetime:
    """Return the time of birth that an id carries, in UTC."""
    milliseconds = (int(snowflake) >> 22) + DISCORD_EPOCH_MS
    return dt.datetime.fromtimestamp(milliseconds / 1000, tz=dt.UTC)


def is_snowflake(value: object) -> bool:
    """Tell whether a JSON value is an id; Discord takes strings and whole numbers."""
    if isinstance(value, bool):
        return False
    return _PATTERN.fullmatch(str(value)) is not None if isinstance(value, str | int) else False
