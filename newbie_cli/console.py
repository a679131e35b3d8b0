"""What `newbie run` prints: lines for people on a terminal, or one JSON object a line.

Both keep the parts' own lines as they are; the readable one puts the part's name in front.
"""

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from supervisor.child import ChildEvent

_QUIET = frozenset({"redis", "playground"})  # every call; their log files have it
# The playground's word to whoever started it; what a person needs is the one URL at the end.
_LISTENING = '{"event": "listening"'
_COLOURS = {"redis": 31, "playground": 35, "bot": 36, "worker": 33}
_NAME_WIDTH = max(len(name) for name in _COLOURS)


class Reporter(Protocol):
    """How a run is shown."""

    def say(self, text: str) -> None:
        """Show one sentence of ours."""

    def ready(self, url: str | None, purpose: str) -> None:
        """Show that everything runs, and where to go."""

    def failure(self, name: str, reason: str, tail: tuple[str, ...]) -> None:
        """Show which part failed, why, and its last lines."""

    def event(self, event: "ChildEvent") -> None:
        """Show what happened to a part."""

    def line(self, name: str, line: str) -> None:
        """Show a line that a part wrote."""


def _write(text: str) -> None:
    # Whoever read our output may be gone; that is no reason not to stop the parts properly.
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


class Console:
    """For people."""

    def __init__(self) -> None:
        self._colours = sys.stdout.isatty()
        self._started: set[str] = set()

    def say(self, text: str) -> None:
        """Show one sentence of ours."""
        _write(text)

    def ready(self, url: str | None, purpose: str) -> None:
        """Show that everything runs, and where to go."""
        where = f" - {purpose}:\n\n    {url}\n" if url else "."
        _write(f"\nEverything runs (Ctrl-C stops it){where}")

    def failure(self, name: str, reason: str, tail: tuple[str, ...]) -> None:
        """Show which part failed, why, and its last lines."""
        _write(f"\n{name}: {reason}")
        if tail:
            _write(f"The last lines of {name}:")
            for line in tail:
                _write(f"    {line}")

    def event(self, event: "ChildEvent") -> None:
        """Show what happened to a part."""
        if event.kind == "starting" and event.name not in self._started:
            self._started.add(event.name)
            _write(f"{self._name(event.name)} starting")
        elif event.kind in ("status", "died", "restarting", "ready", "stopped"):
            detail = f": {event.detail}" if event.detail else ""
            _write(f"{self._name(event.name)} {event.kind}{detail}")

    def line(self, name: str, line: str) -> None:
        """Show a line that a part wrote."""
        if name not in _QUIET and not line.startswith(_LISTENING):
            _write(f"{self._name(name)} {line}")

    def _name(self, name: str) -> str:
        text = f"{name:<{_NAME_WIDTH}} |"
        return f"\x1b[{_COLOURS.get(name, 37)}m{text}\x1b[0m" if self._colours else text


class JsonLines:
    """For machines; the parts' own lines are JSON already."""

    def say(self, text: str) -> None:
        """Show one sentence of ours."""
        self._event("note", text=text)

    def ready(self, url: str | None, purpose: str) -> None:
        """Show that everything runs, and where to go."""
        self._event("ready", url=url, purpose=purpose)

    def failure(self, name: str, reason: str, tail: tuple[str, ...]) -> None:
        """Show which part failed, why, and its last lines."""
        self._event("failed", part=name, reason=reason, tail=list(tail))

    def event(self, event: "ChildEvent") -> None:
        """Show what happened to a part."""
        self._event(f"part_{event.kind}", part=event.name, detail=event.detail)

    def line(self, name: str, line: str) -> None:
        """Show a line that a part wrote."""
        if line.startswith(_LISTENING):
            return
        if line.startswith("{"):
            _write(line)
        else:
            self._event("line", part=name, text=line)

    def _event(self, event: str, **data: object) -> None:
        _write(json.dumps({"event": event, "process": "newbie", **data}, ensure_ascii=False))
