"""Whatever a child started, and however we end, no process and no directory is left."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.process import Supervisor
from tests.supervisor.processes import ROOT, alive, eventually, python

# A child with a grandchild in each place one can hide: beside it, in a process group of its
# own (as RQ's work horses are), in a session of its own, and there with its parent gone.
FAMILY = """
import json, os, signal, sys, time
from supervisor.notify import notify_ready

def sleep():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
    os._exit(0)

def fork(prepare):
    reading, writing = os.pipe()
    if os.fork() == 0:
        prepare()
        os.write(writing, str(os.getpid()).encode())
        sleep()
    return int(os.read(reading, 20))

def daemon():
    os.setsid()
    if os.fork():
        os._exit(0)

places = {"beside": lambda: None, "group": os.setpgrp, "session": os.setsid, "daemon": daemon}
pids = {name: fork(prepare) for name, prepare in places.items()}
print(json.dumps({"main": os.getpid(), **pids}), flush=True)
notify_ready()
time.sleep(600)
"""
# A program that overwrites its environment, as Redis does for its title.
FORGETS_ITS_MARK = """
import os, sys
if len(sys.argv) == 1:
    os.execve(sys.executable, [sys.executable, "-c", sys.orig_argv[2], "again"], {})
import time; time.sleep(600)
"""
# A supervisor of its own: it starts the family and says who it is.
OWNER = f"""
import sys, time
from pathlib import Path
from supervisor.process import Supervisor
from tests.supervisor.processes import python
FAMILY = {FAMILY!r}
supervisor = Supervisor([python("family", FAMILY, ready="notify", capture=True)])
supervisor.start()
print(supervisor.tail("family")[0], flush=True)
print(supervisor.runtime_dir, flush=True)
"""


def family_of(supervisor: Supervisor) -> list[int]:
    pids = list(json.loads(supervisor.tail("family")[0]).values())
    assert len(set(pids)) == 5
    assert all(alive(pid) for pid in pids)
    return pids


@pytest.fixture
def family(supervisor: Supervisor) -> list[int]:
    supervisor.add(python("family", FAMILY, ready="notify", capture=True))
    supervisor.start()
    return family_of(supervisor)


def test_stopping_a_child_ends_all_that_it_started(
    supervisor: Supervisor, family: list[int]
) -> None:
    supervisor.stop("family")

    assert not [pid for pid in family if alive(pid)]


def test_killing_a_child_ends_all_that_it_started(
    supervisor: Supervisor, family: list[int]
) -> None:
    supervisor.kill("family")

    assert not [pid for pid in family if alive(pid)]


def test_a_child_that_dies_takes_all_that_it_started_with_it(
    supervisor: Supervisor, family: list[int]
) -> None:
    os.kill(supervisor.pid("family"), signal.SIGKILL)

    assert supervisor.wait(timeout=10) is not None
    assert not [pid for pid in family if alive(pid)]


def test_the_family_of_another_child_is_left_alone(
    supervisor: Supervisor, family: list[int]
) -> None:
    supervisor.add(python("other", "import time; time.sleep(600)"))
    supervisor.start("other")

    supervisor.kill("other")

    assert all(alive(pid) for pid in family)


def test_a_program_without_its_environment_is_found_too(supervisor: Supervisor) -> None:
    supervisor.add(python("redis-like", FORGETS_ITS_MARK))
    supervisor.start()
    pid = supervisor.pid("redis-like")
    assert eventually(lambda: b"again" in Path(f"/proc/{pid}/cmdline").read_bytes())

    supervisor.stop()

    assert not alive(pid)


@pytest.mark.parametrize("ending", ["time.sleep(600)", "import os; os._exit(1)"])
def test_nothing_outlives_a_supervisor_that_could_not_clean_up(ending: str) -> None:
    pids, runtime_dir, owner = start_owner(ending)

    if "sleep" in ending:
        assert all(alive(pid) for pid in pids)
        owner.kill()
    owner.wait(timeout=10)

    assert eventually(lambda: not any(alive(pid) for pid in pids))
    assert eventually(lambda: not runtime_dir.exists())


@pytest.mark.parametrize("ending", ["", "raise SystemExit(1)", "supervisor.close()"])
def test_a_supervisor_that_is_only_forgotten_cleans_up_at_exit(ending: str) -> None:
    pids, runtime_dir, owner = start_owner(ending)

    owner.wait(timeout=10)

    assert not any(alive(pid) for pid in pids)
    assert not runtime_dir.exists()


def test_an_inner_supervisor_and_its_family_end_with_the_outer_one(
    supervisor: Supervisor,
) -> None:
    code = OWNER + "time.sleep(600)"
    supervisor.add(python("inner", code, capture=True))
    supervisor.start()
    assert eventually(lambda: len(supervisor.tail("inner")) == 2)
    pids = json.loads(supervisor.tail("inner")[0]).values()
    inner_directory = Path(supervisor.tail("inner")[1])
    assert all(alive(pid) for pid in pids)
    assert inner_directory.exists()

    supervisor.kill("inner")

    assert not [pid for pid in pids if alive(pid)]
    supervisor.close()
    assert not inner_directory.exists()


def test_a_new_guardian_takes_the_place_of_one_that_was_killed(supervisor: Supervisor) -> None:
    supervisor.add(python("first", "import time; time.sleep(600)"))
    supervisor.add(python("second", "import time; time.sleep(600)"))
    # Other supervisors of this process have guardians, too.
    others = set(children_running("supervisor.guardian"))
    supervisor.start("first")
    [guardian] = set(children_running("supervisor.guardian")) - others
    os.kill(guardian, signal.SIGKILL)
    assert eventually(lambda: not alive(guardian))

    supervisor.start("second")

    now = set(children_running("supervisor.guardian")) - others - {guardian}
    assert len([pid for pid in now if alive(pid)]) == 1


def start_owner(ending: str) -> tuple[list[int], Path, subprocess.Popen[str]]:
    owner = subprocess.Popen(
        (sys.executable, "-c", OWNER + ending),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    pids = list(json.loads(owner.stdout.readline()).values())
    runtime_dir = Path(owner.stdout.readline().strip())
    assert len(pids) == 5
    return pids, runtime_dir, owner


def children_running(module: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode()
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat[stat.rindex(")") + 2 :].split()[1])
            if parent == os.getpid() and module in command:
                found.append(int(entry.name))
    return found
