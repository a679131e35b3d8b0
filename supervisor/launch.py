"""Tie a process's life to its parent's, then become the program that was asked for.

`python launch.py PARENT_PID PROGRAM [ARGUMENT]...` runs between fork and exec of every child.
A program of its own, not a `preexec_fn`: Python code between fork and exec can deadlock in a
process that has threads. It imports nothing but the standard library, so it can be run by path.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent_pid: int | None = None, signum: int = signal.SIGKILL) -> None:
    """Have the kernel send us `signum` when the parent thread that started us ends.

    Linux forgets this on fork, so every process asks for itself; exec keeps it. With
    `parent_pid`, end at once if that parent is already gone. Does nothing outside Linux.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), signum)


def main() -> None:
    """Replace this process with the program named on the command line."""
    parent_pid, program = int(sys.argv[1]), sys.argv[2:]
    die_with_parent(parent_pid)
    # A shell starts background jobs with SIGINT ignored, and exec would hand that on.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
