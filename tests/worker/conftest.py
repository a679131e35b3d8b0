"""A real renderer process on a tiny checkpoint."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.child import ChildSpec, Restart
from supervisor.process import Supervisor


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
