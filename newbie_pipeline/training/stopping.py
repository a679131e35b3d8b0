"""SIGINT and SIGTERM as a wish to stop: a run ends between two steps, with its state saved."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.requested


@contextmanager
def stopped_by_signals() -> Iterator[StopRequest]:
    """Give a request that the first SIGINT or SIGTERM fills; the second acts as it always does.

    Only the main thread can do this, as only it gets signals.
    """
    request = StopRequest()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(_number: int, _frame: FrameType | None) -> None:
        request.requested = True
        restore()

    for number in SIGNALS:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        restore()
