"""Clean up after a supervisor that was killed without warning.

`python -m supervisor.guardian PARENT_PID MARK [DIRECTORY]` waits until its parent ends. Standard
input brings `session N` for each child that starts and `forget N` once its family is gone. The
parent's last line is `done` when it has stopped everything itself; if it ends without that, the
guardian kills every process that is left and removes the runtime directory.

The kernel already kills direct children with their parent (see `launch`). This is for the rest:
grandchildren do not inherit that.
"""

import os
import select
import shutil
import signal
import sys

from supervisor.family import end_family


def _follow(sessions: set[int], line: str) -> bool:
    """Take one line of the parent's; return whether it was the last."""
    word, _, number = line.partition(" ")
    if word == "session":
        sessions.add(int(number))
    elif word == "forget":
        sessions.discard(int(number))
    return word == "done"


def _wait_for_end(parent_pid: int, sessions: set[int]) -> bool:
    """Follow the parent until it ends; return whether it had cleaned up."""
    try:
        parent = os.pidfd_open(parent_pid)
    except ProcessLookupError:
        return False
    if os.getppid() != parent_pid:
        return False
    os.set_blocking(sys.stdin.fileno(), False)
    buffered = ""
    while True:
        # Two sources: a process forked from the parent can hold the pipe open after its death.
        ready, _, _ = select.select([parent, sys.stdin.fileno()], [], [])
        data = b""
        if sys.stdin.fileno() in ready:
            data = os.read(sys.stdin.fileno(), 65536)
        buffered += data.decode()
        *lines, buffered = buffered.split("\n")
        for line in lines:
            if _follow(sessions, line):
                return True
        if not data:
            return False


def main() -> None:
    """Wait for the parent's end, and finish what it could not."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    parent_pid, mark, *directories = sys.argv[1:]
    sessions: set[int] = set()
    if _wait_for_end(int(parent_pid), sessions):
        return
    end_family(sessions, mark)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
