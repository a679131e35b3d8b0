"""The sd_notify protocol: a process says that it is ready, and whoever started it listens.

A message is one datagram of `KEY=value` lines to the Unix socket named in `NOTIFY_SOCKET`; a
leading `@` stands for Linux's abstract namespace. Described in systemd's sd_notify(3).
"""

import contextlib
import os
import socket
from pathlib import Path

VARIABLE = "NOTIFY_SOCKET"
_MAX_MESSAGE = 4096


def notify(message: str) -> bool:
    """Send one message to whoever started us; return whether somebody could be told."""
    address = os.environ.get(VARIABLE, "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(message.encode(), address)
        except OSError:
            # Whoever listened is gone. That ends us by other means; it is no reason to crash.
            return False
    return True


def notify_ready() -> bool:
    """Say that start-up is finished; do nothing where nobody asked to be told."""
    return notify("READY=1")


def notify_status(status: str) -> bool:
    """Say in one line what start-up is busy with."""
    return notify("STATUS=" + " ".join(status.split()))


class NotifyListener:
    """The receiving end: one socket for one child, in a directory that only we can enter."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        )
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._socket.bind(str(path))

    def fileno(self) -> int:
        """Return the descriptor, so that a selector can wait for messages."""
        return self._socket.fileno()

    def receive(self) -> dict[str, str]:
        """Return every key that has arrived since the last call, the newest value of each."""
        values: dict[str, str] = {}
        while True:
            try:
                datagram = self._socket.recv(_MAX_MESSAGE)
            except BlockingIOError:
                return values
            for line in datagram.decode(errors="replace").splitlines():
                key, separator, value = line.partition("=")
                if separator:
                    values[key] = value

    def close(self) -> None:
        """Stop listening and remove the socket."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
