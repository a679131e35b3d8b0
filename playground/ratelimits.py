"""Rate limits: a window per route and major parameter, and one for everything.

The numbers are close to what Discord answers today; bots must read the headers.
Windows run on the monotonic clock, since clients wait in real time.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

GLOBAL_LIMIT = 50
GLOBAL_WINDOW = 1.0


@dataclass(frozen=True)
class Bucket:
    """A named limit: `limit` calls in `window` seconds per major parameter."""

    name: str
    limit: int
    window: float

    @property
    def hash(self) -> str:
        """The name that clients see; the same for every major parameter."""
        return hashlib.blake2s(self.name.encode(), digest_size=16).hexdigest()


READ = Bucket("read", 30, 5.0)
WRITE = Bucket("write", 10, 5.0)
CREATE_MESSAGE = Bucket("create-message", 5, 5.0)
EDIT_MESSAGE = Bucket("edit-message", 5, 5.0)
DELETE_MESSAGE = Bucket("delete-message", 5, 1.0)
COMMANDS = Bucket("commands", 20, 20.0)
WEBHOOK = Bucket("webhook", 5, 2.0)
CALLBACK = Bucket("interaction-callback", 5, 1.0)


@dataclass
class Window:
    """The calls that one bucket counted since `started`."""

    started: float
    used: int = 0


@dataclass(frozen=True)
class Verdict:
    """Whether a call may pass, and the headers that go with the answer."""

    allowed: bool
    headers: dict[str, str]
    retry_after: float = 0.0
    is_global: bool = False


class RateLimiter:
    """Counts calls per bucket and major parameter."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._windows: dict[tuple[str, str], Window] = {}
        self._global = Window(monotonic())

    def check(self, bucket: Bucket, major: str, counts_globally: bool) -> Verdict:
        """Count one call and tell whether it may pass."""
        now = self._monotonic()
        if counts_globally:
            wait = self._take_global(now)
            if wait > 0:
                headers = {
                    "X-RateLimit-Global": "true",
                    "X-RateLimit-Scope": "global",
                    "Retry-After": str(math.ceil(wait)),
                }
                return Verdict(False, headers, wait, is_global=True)
        window = self._window(bucket, major, now)
        reset_after = max(0.0, window.started + bucket.window - now)
        if window.used >= bucket.limit:
            headers = self._headers(bucket, 0, reset_after)
            headers["X-RateLimit-Scope"] = "user"
            headers["Retry-After"] = str(math.ceil(reset_after))
            return Verdict(False, headers, reset_after)
        window.used += 1
        return Verdict(True, self._headers(bucket, bucket.limit - window.used, reset_after))

    def _take_global(self, now: float) -> float:
        """Count a call against the global limit; return the seconds to wait, or 0."""
        if now - self._global.started >= GLOBAL_WINDOW:
            self._global = Window(now)
        if self._global.used >= GLOBAL_LIMIT:
            return self._global.started + GLOBAL_WINDOW - now
        self._global.used += 1
        return 0.0

    def _window(self, bucket: Bucket, major: str, now: float) -> Window:
        """Return the running window of a bucket, starting a new one when it is over."""
        key = (bucket.name, major)
        window = self._windows.get(key)
        if window is None or now - window.started >= bucket.window:
            if len(self._windows) > 4096:
                self._forget_old(now)
            window = self._windows[key] = Window(now)
        return window

    def _forget_old(self, now: float) -> None:
        """Drop the windows that no longer limit anybody."""
        self._windows = {k: w for k, w in self._windows.items() if now - w.started < 60}

    @staticmethod
    def _headers(bucket: Bucket, remaining: int, reset_after: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": bucket.hash,
        }
