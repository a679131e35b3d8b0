"""Stands in a worker's processes for a renderer that the nursery has forked, and dies with it.

`python changeling.py SOCKET`. Nothing but the standard library, so that it starts at once.
"""

import json
import os
import signal
import socket
import sys
from types import FrameType


def main() -> None:
    """Ask for a renderer and live as long as it does."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])

    def stop(_number: int, _frame: FrameType | None) -> None:
        connection.send(b"T")

    signal.signal(signal.SIGTERM, stop)
    socket.send_fds(connection, [json.dumps(dict(os.environ)).encode() + b"\n"], [1, 2])
    code = connection.recv(1)
    if code:
        sys.exit(code[0])
    # It was killed: so are we.
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
