"""The private directory that holds a supervisor's sockets and other short-lived files."""

import os
import tempfile
from pathlib import Path

from supervisor.errors import SupervisorError
from supervisor.running import RUNTIME_VARIABLE

# A Unix socket's path may have 107 bytes (sun_path in unix(7)); keep some for the names.
_LONGEST = 80


def make_runtime_dir() -> Path:
    """Make a directory that only we can enter, with a path short enough for Unix sockets.

    Below the directory of a supervisor that started us, if there is one, so that whoever removes
    that removes ours too.
    """
    outer = os.environ.get(RUNTIME_VARIABLE)
    for parent in (outer, tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - made private
        if not parent or not Path(parent).is_dir():
            continue
        directory = Path(tempfile.mkdtemp(prefix="newbie-", dir=parent))
        if len(os.fsencode(directory)) <= _LONGEST:
            return directory
        directory.rmdir()
    raise SupervisorError("no temporary directory has a path short enough for a Unix socket")
