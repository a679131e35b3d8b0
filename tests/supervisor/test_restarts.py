"""A child that died comes back, each time a little later, until it is given up."""

import os
import signal

import pytest

from supervisor.child import ChildEvent, Restart, State, describe_exit
from supervisor.errors import ChildFailed
from supervisor.process import Supervisor
from tests.supervisor.processes import alive, eventually, python

SLEEP = "import time; time.sleep(600)"


def test_the_delay_doubles_up_to_the_longest() -> None:
    policy = Restart(delay=1.0, longest_delay=5.0, most=None)

    assert [policy.wait(deaths) for deaths in (1, 2, 3, 4, 5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert policy.wait(100_000) == 5.0


def test_after_the_last_death_there_is_no_delay_but_an_end() -> None:
    policy = Restart(delay=1.0, most=3)

    assert policy.wait(2) == 2.0
    assert policy.wait(3) is None


def test_a_killed_child_is_started_again(supervisor: Supervisor, events: list[ChildEvent]) -> None:
    supervisor.add(python("child", SLEEP, restart=Restart(delay=0.01)))
    supervisor.start()
    first = supervisor.pid("child")

    os.kill(first, signal.SIGKILL)

    assert eventually(lambda: supervisor.status("child").starts == 2)
    assert eventually(lambda: supervisor.status("child").state is State.READY)
    assert not alive(first)
    assert [event.kind for event in events if event.kind != "starting"] == [
        "ready",
        "died",
        "restarting",
        "ready",
    ]
    assert next(e.detail for e in events if e.kind == "died") == "was killed by SIGKILL"


def test_a_child_without_a_policy_stays_dead(supervisor: Supervisor) -> None:
    supervisor.add(python("child", SLEEP))
    supervisor.start()

    os.kill(supervisor.pid("child"), signal.SIGKILL)

    failed = supervisor.wait(timeout=10)
    assert failed is not None
    assert (failed.name, failed.detail) == ("child", "was killed by SIGKILL")
    assert failed.starts == 1


def test_a_child_that_keeps_dying_is_given_up_with_the_reason(
    supervisor: Supervisor, events: list[ChildEvent]
) -> None:
    policy = Restart(delay=0.01, longest_delay=0.02, most=3)
    supervisor.add(python("child", "raise SystemExit(7)", restart=policy))
    supervisor.start()

    failed = supervisor.wait(timeout=20)

    assert failed is not None
    assert failed.detail == ("ended with exit code 7; that was death number 3 within 60 seconds")
    assert failed.starts == 3
    assert sum(event.kind == "restarting" for event in events) == 2


def test_old_deaths_do_not_count(supervisor: Supervisor) -> None:
    policy = Restart(delay=0.01, most=2, window=0.0)
    supervisor.add(python("child", "raise SystemExit(7)", restart=policy))
    supervisor.start()

    assert eventually(lambda: supervisor.status("child").starts > 4)


def test_a_child_that_never_was_ready_is_not_tried_again(supervisor: Supervisor) -> None:
    policy = Restart(delay=0.01)
    supervisor.add(python("child", "raise SystemExit(7)", ready="notify", restart=policy))

    with pytest.raises(ChildFailed):
        supervisor.start()

    assert supervisor.status("child").starts == 1


def test_a_child_that_waits_for_its_next_start_can_be_stopped(supervisor: Supervisor) -> None:
    supervisor.add(python("child", SLEEP, restart=Restart(delay=600, longest_delay=600)))
    supervisor.start()
    os.kill(supervisor.pid("child"), signal.SIGKILL)
    assert eventually(lambda: supervisor.status("child").state is State.WAITING)

    supervisor.stop()

    assert supervisor.status("child").state is State.STOPPED


def test_a_child_that_was_killed_on_request_stays_dead_until_it_is_started(
    supervisor: Supervisor,
) -> None:
    supervisor.add(python("child", SLEEP, restart=Restart(delay=0.0)))
    supervisor.start()

    supervisor.kill("child")

    assert supervisor.status("child").state is State.STOPPED
    assert supervisor.status("child").exit_code == -signal.SIGKILL
    assert supervisor.wait(timeout=0.3) is None
    assert supervisor.status("child").starts == 1
    supervisor.start("child")
    assert supervisor.status("child").starts == 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with exit code 0"),
        (-9, "was killed by SIGKILL"),
        (-250, "was killed by signal 250"),
    ],
)
def test_an_exit_code_is_told_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
