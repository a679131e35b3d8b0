"""One gateway session: what it asked to hear, what it was sent, what it missed.

A session outlives its connection for a while, so that the bot can resume it. Sequence
numbers grow by one per dispatch; the newest dispatches are kept for replay.
"""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

REPLAY = 1000
RESUME_WINDOW = 180.0


class Intent(IntFlag):
    """The intents that decide anything here."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
ALL_INTENTS = (1 << 26) - 1


@dataclass
class Session:
    """A bot's session; `send` is its connection while it has one."""

    id: str
    intents: int
    send: Callable[[str], None] | None = None
    sequence: int = 0
    resumable: bool = True
    lost_at: float | None = None
    _sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=REPLAY))

    def wants(self, intent: Intent) -> bool:
        """Tell whether the session asked for an intent."""
        return bool(self.intents & intent)

    def dispatch(self, name: str, data: Any) -> None:
        """Send an event, or keep it for the resume that may come."""
        self.sequence += 1
        frame = json.dumps({"op": 0, "t": name, "s": self.sequence, "d": data})
        self._sent.append((self.sequence, frame))
        if self.send is not None:
            self.send(frame)

    def can_replay(self, after: int) -> bool:
        """Tell whether every event after a sequence number is still kept."""
        if after > self.sequence or after < 0:
            return False
        missing = self.sequence - after
        return missing <= len(self._sent)

    def replay(self, after: int) -> list[str]:
        """Return the frames after a sequence number."""
        return [frame for sequence, frame in self._sent if sequence > after]

    def lose(self) -> None:
        """Note that the connection is gone."""
        self.send = None
        self.lost_at = time.monotonic()

    @property
    def over(self) -> bool:
        """Tell whether nobody can resume this session any more."""
        if self.send is not None:
            return False
        too_old = self.lost_at is not None and time.monotonic() - self.lost_at > RESUME_WINDOW
        return too_old or not self.resumable
