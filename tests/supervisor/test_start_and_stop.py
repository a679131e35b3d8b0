"""Children start in order, are ready when they say so, and stop in the reverse order."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from supervisor.child import ChildEvent, ChildSpec, State
from supervisor.errors import ChildFailed, Interrupted, SupervisorError, UnknownChild
from supervisor.process import Supervisor
from tests.supervisor.processes import alive, eventually, python

SLEEP = "import time; time.sleep(600)"
READY_THEN_SLEEP = "import time; from supervisor.notify import *; notify_ready(); time.sleep(600)"
IGNORES_SIGTERM = (
    "import signal, time; from supervisor.notify import *;"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); notify_ready(); time.sleep(600)"
)
ENDS_ON_SIGTERM = (
    "import signal, sys, time; from supervisor.notify import *;"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); notify_ready(); time.sleep(600)"
)


def kinds(events: list[ChildEvent], *wanted: str) -> list[tuple[str, str]]:
    return [(event.name, event.kind) for event in events if event.kind in wanted]


def test_each_child_starts_only_when_the_one_before_is_ready(
    supervisor: Supervisor, events: list[ChildEvent]
) -> None:
    for name in ("first", "second", "third"):
        supervisor.add(python(name, READY_THEN_SLEEP, ready="notify"))

    supervisor.start()
    supervisor.close()

    assert kinds(events, "starting", "ready") == [
        (name, kind) for name in ("first", "second", "third") for kind in ("starting", "ready")
    ]


def test_children_stop_in_the_reverse_order(
    supervisor: Supervisor, events: list[ChildEvent]
) -> None:
    for name in ("first", "second", "third"):
        supervisor.add(python(name, ENDS_ON_SIGTERM, ready="notify"))
    supervisor.start()

    supervisor.close()

    assert [(e.name, e.detail) for e in events if e.kind == "stopped"] == [
        (name, "ended with exit code 0") for name in ("third", "second", "first")
    ]


def test_children_that_stop_together_are_all_told_before_one_has_ended(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    # Each ends only when the other was told to end, too.
    waits_for_the_other = (
        "import pathlib, signal, sys, time; from supervisor.notify import *;"
        "own, other = map(pathlib.Path, sys.argv[1:]);"
        "signal.signal(signal.SIGTERM, lambda *_: own.touch()); notify_ready();"
        "[time.sleep(0.02) for _ in iter(lambda: own.exists() and other.exists(), True)]"
    )
    marks = [str(tmp_path / "one"), str(tmp_path / "two")]
    for name, arguments in (("one", marks), ("two", marks[::-1])):
        argv = (sys.executable, "-c", waits_for_the_other, *arguments)
        supervisor.add(ChildSpec(name, argv, ready="notify", stop_grace=30.0))
    supervisor.start()

    supervisor.stop_together("one", "two")

    assert [supervisor.status(name).exit_code for name in ("one", "two")] == [0, 0]


def test_a_single_child_stops_and_starts_while_the_others_run(supervisor: Supervisor) -> None:
    supervisor.add(python("stays", SLEEP))
    supervisor.add(python("moves", SLEEP))
    supervisor.start()
    stays, moves = supervisor.pid("stays"), supervisor.pid("moves")

    supervisor.stop("moves")
    assert supervisor.pid("moves") is None
    assert not alive(moves)
    supervisor.start("moves")

    assert supervisor.pid("stays") == stays
    assert supervisor.pid("moves") not in (None, moves)


def test_starting_what_runs_changes_nothing(supervisor: Supervisor) -> None:
    supervisor.add(python("child", SLEEP))
    supervisor.start()
    pid = supervisor.pid("child")

    supervisor.start()

    assert supervisor.pid("child") == pid
    assert supervisor.status("child").starts == 1


def test_a_function_can_say_when_a_child_is_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    code = f"import pathlib, time; pathlib.Path({str(flag)!r}).touch(); time.sleep(600)"
    supervisor.add(python("child", code, ready=flag.exists))

    supervisor.start()

    assert flag.exists()


def test_a_child_that_is_not_ready_in_time_is_named_and_ended(
    supervisor: Supervisor, events: list[ChildEvent]
) -> None:
    supervisor.add(python("sleepy", SLEEP, ready="notify", ready_timeout=0.3))

    with pytest.raises(ChildFailed, match=r"sleepy: was not ready after 0.3 seconds"):
        supervisor.start()

    assert supervisor.status("sleepy").state is State.FAILED
    assert supervisor.pid("sleepy") is None


def test_a_child_that_dies_before_it_is_ready_is_reported_with_its_last_lines(
    supervisor: Supervisor,
) -> None:
    code = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    supervisor.add(python("hasty", code, ready="notify", capture=True))

    with pytest.raises(ChildFailed, match="hasty: ended with exit code 3") as failure:
        supervisor.start()

    assert sorted(failure.value.tail) == ["one", "two"]


def test_children_after_one_that_failed_are_not_started(supervisor: Supervisor) -> None:
    supervisor.add(python("bad", "raise SystemExit(1)", ready="notify"))
    supervisor.add(python("next", SLEEP))

    with pytest.raises(ChildFailed):
        supervisor.start()

    assert supervisor.status("next").starts == 0


def test_a_program_that_does_not_exist_is_named(supervisor: Supervisor) -> None:
    supervisor.add(ChildSpec("ghost", ("/no/such/program",), ready="notify", capture=True))

    with pytest.raises(ChildFailed) as failure:
        supervisor.start()

    assert failure.value.tail == ("/no/such/program: No such file or directory",)


def test_a_directory_that_does_not_exist_is_an_error_at_start(supervisor: Supervisor) -> None:
    supervisor.add(ChildSpec("lost", (sys.executable, "-c", ""), cwd=Path("/no/such/directory")))

    with pytest.raises(ChildFailed, match="could not be started"):
        supervisor.start()


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(
    supervisor: Supervisor, events: list[ChildEvent]
) -> None:
    supervisor.add(python("stubborn", IGNORES_SIGTERM, ready="notify", stop_grace=0.2))
    supervisor.start()
    pid = supervisor.pid("stubborn")

    supervisor.stop()

    assert not alive(pid)
    assert events[-1].detail == "did not stop and was killed"


def test_hurry_cuts_the_grace_short(supervisor: Supervisor, events: list[ChildEvent]) -> None:
    supervisor.add(python("stubborn", IGNORES_SIGTERM, ready="notify", stop_grace=600))
    supervisor.start()
    stopping = threading.Thread(target=supervisor.stop)
    stopping.start()
    assert eventually(lambda: supervisor.status("stubborn").state is State.STOPPING)

    supervisor.hurry()
    stopping.join(timeout=10)

    assert not stopping.is_alive()
    assert events[-1].detail == "was killed"


def test_interrupt_ends_a_start_that_waits(supervisor: Supervisor) -> None:
    supervisor.add(python("slow", SLEEP, ready="notify", ready_timeout=600))
    threading.Timer(0.3, supervisor.interrupt).start()

    with pytest.raises(Interrupted):
        supervisor.start()

    pid = supervisor.pid("slow")
    supervisor.close()
    assert not alive(pid)


def test_a_stop_from_another_thread_ends_a_start_that_waits(supervisor: Supervisor) -> None:
    supervisor.add(python("slow", SLEEP, ready="notify", ready_timeout=600))
    threading.Timer(0.3, supervisor.stop).start()

    with pytest.raises(ChildFailed, match="slow"):
        supervisor.start()

    assert supervisor.status("slow").state is State.STOPPED


def test_children_are_out_of_reach_of_the_terminals_ctrl_c(supervisor: Supervisor) -> None:
    supervisor.add(python("child", SLEEP))
    supervisor.start()
    pid = supervisor.pid("child")

    assert os.getsid(pid) == os.getpgid(pid) == pid
    assert os.getsid(pid) != os.getsid(0)


def test_a_child_can_be_interrupted_although_we_ignore_it(supervisor: Supervisor) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = (
            "import signal; print(signal.getsignal(signal.SIGINT)"
            " is signal.default_int_handler, flush=True);" + SLEEP
        )
        supervisor.add(python("child", code, capture=True))
        supervisor.start()
        assert eventually(lambda: supervisor.tail("child"))
    finally:
        signal.signal(signal.SIGINT, before)

    assert supervisor.tail("child") == ["True"]


def test_a_child_is_not_told_who_listens_to_us(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/somebody/else")
    code = "import os; print(os.environ.get('NOTIFY_SOCKET'), flush=True);" + SLEEP
    supervisor.add(python("child", code, capture=True))

    supervisor.start()

    assert eventually(lambda: supervisor.tail("child") == ["None"])


def test_a_variable_can_be_taken_out_of_a_childs_environment(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNWANTED", "x")
    code = "import os; print('UNWANTED' in os.environ, flush=True);" + SLEEP
    supervisor.add(python("child", code, capture=True, env={"UNWANTED": None}))

    supervisor.start()

    assert eventually(lambda: supervisor.tail("child") == ["False"])


def test_a_child_that_runs_is_not_replaced(supervisor: Supervisor) -> None:
    supervisor.add(python("child", SLEEP))
    supervisor.start()

    with pytest.raises(SupervisorError, match="child is running"):
        supervisor.add(python("child", SLEEP))


def test_an_unknown_name_is_refused_with_the_known_ones(supervisor: Supervisor) -> None:
    supervisor.add(python("redis", SLEEP))

    with pytest.raises(UnknownChild, match=r"'reddis' \(known: redis\)"):
        supervisor.stop("reddis")


def test_lines_arrive_whole_and_in_order(events: list[ChildEvent]) -> None:
    lines: list[tuple[str, str]] = []
    code = (
        "import sys, time; w = sys.stdout.write; w('a'); sys.stdout.flush(); time.sleep(.1);"
        "w('b\\r\\n\\n'); w('x' * 70000 + '\\n'); w('last'); sys.stdout.flush()"
    )
    with Supervisor(on_line=lambda name, line: lines.append((name, line))) as supervisor:
        supervisor.add(python("child", code, capture=True))
        supervisor.start()
        supervisor.wait(timeout=10)

    assert {name for name, _ in lines} == {"child"}
    assert [line for _, line in lines][:2] == ["ab", ""]
    assert "".join(line for _, line in lines[2:]) == "x" * 70000 + "last"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_callback_that_raises_ends_the_supervisor_and_its_children() -> None:
    def broken(_event: ChildEvent) -> None:
        raise RuntimeError("on purpose")

    pids: list[int] = []
    supervisor = Supervisor([python("child", SLEEP)], on_event=broken)
    try:
        with pytest.raises(ChildFailed, match="the supervisor has ended"):
            supervisor.start()
            pids.append(supervisor.pid("child"))
            supervisor.wait(timeout=10)
            supervisor.start()
    finally:
        supervisor.close()

    assert not any(alive(pid) for pid in pids)
    assert not supervisor.runtime_dir.exists()
