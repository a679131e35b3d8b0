"""The tiny checkpoint that `newbie run` and `newbie smoke` use where no model is set.

It has the real layout and random weights: its pictures show that the way works, not what the
model can draw. It appears under its name only when it is complete.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_POLL = 0.1


class TinyModelFailed(Exception):
    """The tiny checkpoint could not be made; the message holds the last lines of the attempt."""


def ensure_tiny_model(
    data_dir: Path, say: Callable[[str], None], cancelled: Callable[[], bool] = lambda: False
) -> Path | None:
    """Return the tiny checkpoint's directory, made now if need be; None if cancelled."""
    from supervisor import launch

    model = data_dir.resolve() / "models" / "tiny-random"
    if model.is_dir():
        return model
    say("No model is set (NEWBIE_WORKER_MODEL): making a tiny one that draws noise.")
    model.parent.mkdir(parents=True, exist_ok=True)
    unfinished = model.with_name(f"{model.name}.unfinished-{os.getpid()}")
    log = model.with_name("make-tiny.log")
    program = (sys.executable, "-m", "newbie_cli", "make-tiny", str(unfinished))
    root = str(Path(__file__).parents[1])
    paths = [path for path in (root, os.environ.get("PYTHONPATH", "")) if path]
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *program),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,
            )
            while (code := _wait(process)) is None:
                if cancelled():
                    process.kill()
                    process.wait()
                    return None
        if code != 0:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise TinyModelFailed(f"`newbie make-tiny` ended with exit code {code}:\n{tail}")
        _keep(unfinished, model)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return model


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_POLL)
    except subprocess.TimeoutExpired:
        return None


def _keep(unfinished: Path, model: Path) -> None:
    try:
        unfinished.rename(model)
    except OSError:
        if not model.is_dir():  # else: another process was faster, and its copy is as good
            raise
