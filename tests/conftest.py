"""Fixtures that more than one room's tests use: a real Redis, a tiny model, the whole product."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.child import ChildSpec, Restart
from supervisor.process import Supervisor
from supervisor.stack import Stack, StackOptions

ROOT = Path(__file__).parents[1]
# Two test processes share the cores: threads of OpenMP that spin while they wait would take them
# from each other. It is read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    """Tests must not talk to the Discord or Redis that whoever runs them has set up."""
    for key in list(os.environ):
        if key.startswith(("DISCORD_", "REDIS_", "NEWBIE_")):
            del os.environ[key]


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Redis server that lives as long as the test run."""
    options = StackOptions(tmp_path_factory.mktemp("redis"), parts=("redis",))
    with Stack(options) as stack:
        stack.start()
        yield stack.redis_url


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a complete tiny checkpoint."""
    directory = tmp_path_factory.mktemp("model") / "tiny"
    subprocess.run(
        (sys.executable, "-m", "newbie_cli", "make-tiny", str(directory)),
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    return directory


@pytest.fixture(scope="session")
def whole_stack(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Stack]:
    """The product, started once; use `stack`, which puts right what a test has broken."""
    data_dir = tmp_path_factory.mktemp("stack")
    options = StackOptions(
        data_dir,
        model=str(tiny_model),
        log_dir=data_dir / "logs",
        settings={
            "NEWBIE_WORKER_SHUTDOWN_GRACE": "5",
            # Short, so that a test of a killed worker need not wait long.
            "NEWBIE_QUEUE_LEASE": "3",
            "NEWBIE_BOT_POSITION_INTERVAL": "1",
        },
    )
    with Stack(options) as stack:
        stack.start()
        yield stack


@pytest.fixture
def stack(whole_stack: Stack) -> Stack:
    """The product with every part running."""
    whole_stack.start()
    return whole_stack


class RendererProcess:
    """A renderer under supervision, as the worker runs it."""

    def __init__(self, supervisor: Supervisor, runtime_dir: Path) -> None:
        self.supervisor = supervisor
        self.socket = runtime_dir / "renderer.sock"

    def pid(self) -> int | None:
        return self.supervisor.pid("renderer")


@pytest.fixture(scope="module")
def renderer(tiny_model: Path) -> Iterator[RendererProcess]:
    with Supervisor() as supervisor:
        runtime_dir = Path(supervisor.runtime_dir)
        supervisor.add(
            ChildSpec(
                name="renderer",
                argv=(sys.executable, "-m", "worker.renderer"),
                env={
                    **{key: None for key in os.environ if key.startswith("NEWBIE_")},
                    "NEWBIE_WORKER_MODEL": str(tiny_model),
                    "NEWBIE_WORKER_RUNTIME_DIR": str(runtime_dir),
                },
                ready="notify",
                restart=Restart(delay=0.1),
            )
        )
        supervisor.start("renderer")
        yield RendererProcess(supervisor, runtime_dir)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one the test is skipped, except in CI, where it fails."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    reason = "there is no Chromium (install it with: apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
