"""Children that get a second SIGTERM before they are killed."""

import threading
from pathlib import Path

import pytest

from supervisor.child import ChildEvent, State
from supervisor.process import Supervisor
from tests.supervisor.processes import alive, eventually, python

# Writes down each SIGTERM, and ends at the one that is named.
COUNTS = """
import signal, sys, time
from pathlib import Path
from supervisor.notify import notify_ready
count = 0
def told(*_):
    global count
    count += 1
    Path({path!r}).write_text(str(count))
    if count == {last}:
        sys.exit(0)
signal.signal(signal.SIGTERM, told)
notify_ready()
while True:
    time.sleep(0.01)
"""


@pytest.fixture
def count(tmp_path: Path) -> Path:
    return tmp_path / "count"


def start(supervisor: Supervisor, count: Path, last: int, **graces: float) -> int:
    code = COUNTS.format(path=str(count), last=last)
    supervisor.add(python("child", code, ready="notify", **graces))
    supervisor.start()
    pid = supervisor.pid("child")
    assert pid is not None
    return pid


def hurry_while_stopping(supervisor: Supervisor) -> None:
    stopping = threading.Thread(target=supervisor.stop)
    stopping.start()
    assert eventually(lambda: supervisor.status("child").state is State.STOPPING)
    supervisor.hurry()
    stopping.join(timeout=30)
    assert not stopping.is_alive()


def test_a_child_that_ends_at_once_is_told_once(supervisor: Supervisor, count: Path) -> None:
    start(supervisor, count, 1, stop_grace=600, hurry_grace=600)
    supervisor.stop()
    assert count.read_text() == "1"
    assert supervisor.status("child").exit_code == 0


def test_when_its_grace_is_over_a_child_is_told_once_more(
    supervisor: Supervisor, count: Path
) -> None:
    start(supervisor, count, 2, stop_grace=0.2, hurry_grace=600)
    supervisor.stop()
    assert count.read_text() == "2"
    assert supervisor.status("child").exit_code == 0


def test_a_child_that_is_to_hurry_is_told_once_more(supervisor: Supervisor, count: Path) -> None:
    start(supervisor, count, 2, stop_grace=600, hurry_grace=600)
    hurry_while_stopping(supervisor)
    assert count.read_text() == "2"
    assert supervisor.status("child").exit_code == 0


def test_a_child_that_was_to_hurry_before_it_stops_hears_both(
    supervisor: Supervisor, count: Path
) -> None:
    start(supervisor, count, 2, stop_grace=600, hurry_grace=600)
    supervisor.hurry()
    supervisor.stop()
    assert count.read_text() == "2"
    assert supervisor.status("child").exit_code == 0


@pytest.mark.parametrize("hurries", [False, True])
def test_a_child_that_does_not_hurry_is_killed(
    supervisor: Supervisor, events: list[ChildEvent], count: Path, hurries: bool
) -> None:
    grace = 600 if hurries else 0.2
    pid = start(supervisor, count, 3, stop_grace=grace, hurry_grace=0.3)
    if hurries:
        hurry_while_stopping(supervisor)
    else:
        supervisor.stop()
    assert count.read_text() == "2"
    assert not alive(pid)
    assert events[-1].detail == "did not stop and was killed"


def test_a_kill_waits_for_nothing(supervisor: Supervisor, count: Path) -> None:
    pid = start(supervisor, count, 2, stop_grace=600, hurry_grace=600)
    supervisor.kill("child")
    assert not alive(pid)
    assert not count.exists()
