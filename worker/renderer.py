"""The renderer: the one process that holds the model and, where there is one, the GPU.

It loads the pipeline once and serves renders over a Unix socket, one at a time, first come,
first served. Torch runs on the main thread only; each connection has a thread of its own that
sends what the render reports. A connection that closes cancels its render at the next step. A
render that fails answers with a code, and the renderer lives on; on a GPU it ends after an error
that nobody foresaw, since such an error may have broken the device's context for good, and is
started again: its job, which is then just hung up on, is drawn once more.
"""

import contextlib
import dataclasses
import logging
import queue
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog

from jobs import logs
from jobs.admission import PromptRules
from jobs.errors import SettingsError
from jobs.models import OutcomeCode
from jobs.registration import Description
from jobs.settings import LogSettings, read
from newbie_pipeline.device import DeviceProblem, explain
from newbie_pipeline.memory.table import plan_data, plan_lines
from supervisor.notify import notify_ready
from worker.description_file import DESCRIPTION_FILE, write_description
from worker.errors import BadFrame, WorkerError
from worker.model import load_model
from worker.prompt_frames import pack_assisted, pack_truncation, read_spec
from worker.rules_frame import read_rules
from worker.screening import Screen, additions_allowed
from worker.self_description import describe, device_of
from worker.settings import WorkerSettings
from worker.speed_file import SPEED_FILE, Stopwatch
from worker.wire import Message, pack, receive_frame

if TYPE_CHECKING:
    from newbie_pipeline.render import Renderer, RenderResult, RenderSpec

log = structlog.get_logger("renderer")

Frame = tuple[Message, bytes]
# How often a waiting connection thread looks whether its peer is still there.
POLL_SECONDS = 0.1
# How long the last answer may take on its way before the process ends.
FLUSH_SECONDS = 10.0
# A peer that takes nothing for this long is as good as gone.
SEND_TIMEOUT_SECONDS = 60.0


@dataclasses.dataclass
class Render:
    """One render that a connection asked for."""

    spec: "RenderSpec"
    rules: PromptRules
    frames: "queue.Queue[Frame | None]" = dataclasses.field(default_factory=queue.Queue)
    cancelled: threading.Event = dataclasses.field(default_factory=threading.Event)
    closed: threading.Event = dataclasses.field(default_factory=threading.Event)


class RenderServer:
    """Takes renders from a socket and runs them one after the other."""

    def __init__(
        self,
        renderer: "Renderer",
        socket_path: Path,
        screen: Screen | None = None,
        *,
        most_pixels: int | None = None,
    ) -> None:
        self.renderer = renderer
        self.screen = screen or Screen()
        self.socket_path = socket_path
        self.device = device_of(renderer)
        # No larger picture is wanted here; None: whatever the memory holds.
        self.most_pixels = most_pixels
        # A signal handler puts None here: a SimpleQueue may be entered again at any moment.
        self.renders: queue.SimpleQueue[Render | None] = queue.SimpleQueue()
        self.stopping = False
        self.is_broken = False
        # What lies there for the worker's other processes.
        self._published: Description | None = None
        self.stopwatch = Stopwatch(socket_path.with_name(SPEED_FILE))

    def serve(self) -> None:
        """Render until `stop` is called, or until the device can no longer be trusted."""
        with self._listening() as listener:
            # Before anyone hears that we are ready: the worker's first sign of life has it then.
            self._describe(plan_data(self.renderer.plan))
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            notify_ready()
            log.info("renderer_ready", **dataclasses.asdict(self.renderer.info))
            log.info("memory_plan", table="\n".join(plan_lines(self.renderer.plan)))
            while (render := self.renders.get()) is not None and not self.stopping:
                if render.cancelled.is_set():
                    continue
                self._run(render)
                if self.is_broken or self.stopping:
                    render.closed.wait(FLUSH_SECONDS)
                    return

    def stop(self) -> None:
        """Let `serve` return after the render in hand; whoever waits is hung up on."""
        self.stopping = True
        self.renders.put(None)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        self.socket_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A renderer that was killed leaves its socket file behind.
        self.socket_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(self.socket_path))
            self.socket_path.chmod(0o600)
            listener.listen()
            try:
                yield listener
            finally:
                self.socket_path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the listener is closed: we are stopping
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        """Read one request and send what its render reports, until done or hung up."""
        render: Render | None = None
        with connection:
            connection.settimeout(SEND_TIMEOUT_SECONDS)
            try:
                connection.sendall(pack({"type": "hello"}))
                message, payload = receive_frame(connection)
                render = Render(read_spec(dict(message["spec"])), read_rules(payload))
                self.renders.put(render)
                self._send_frames(connection, render)
            except (BadFrame, KeyError, TypeError, ValueError) as error:
                log.warning("bad_request", error=type(error).__name__)
            except OSError:
                pass  # hung up; the finally clause cancels the render
            finally:
                if render is not None:
                    render.cancelled.set()
                    render.closed.set()

    @staticmethod
    def _send_frames(connection: socket.socket, render: Render) -> None:
        while True:
            try:
                frame = render.frames.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if _hung_up(connection):
                    return
                continue
            if frame is None:
                return
            connection.sendall(pack(*frame))

    def _run(self, render: Render) -> None:
        """Render on the main thread; whatever happens, the connection gets an end."""
        from newbie_pipeline.errors import (  # noqa: PLC0415
            PipelineError,
            RenderCancelled,
            RenderInputError,
            RenderMemoryError,
        )

        def on_step(step: int, total: int) -> None:
            render.frames.put(({"type": "step", "step": step, "total": total}, b""))

        started = time.monotonic()
        render.frames.put(({"type": "started"}, b""))
        try:
            self.screen.check_ready(render.rules.allowed)
            allows = additions_allowed(render.rules, render.spec.negative_prompt)
            result = self.renderer.render(render.spec, on_step, render.cancelled.is_set, allows)
            shown = self.screen.look(result.images, render.rules.allowed)
        except RenderCancelled:
            log.info("render_cancelled", duration=round(time.monotonic() - started, 3))
        except RenderInputError as error:
            log.warning("render_refused", reason=str(error))
            self._fail(render, OutcomeCode.RENDER_REFUSED)
        except RenderMemoryError as error:
            log.warning("render_out_of_memory", reason=str(error))
            self._fail(render, OutcomeCode.OUT_OF_MEMORY)
        except PipelineError as error:
            log.warning("render_failed", reason=str(error))
            self._fail(render, OutcomeCode.RENDER_FAILED)
        except WorkerError as error:
            log.warning("render_withheld", code=error.code.value, reason=str(error))
            self._fail(render, error.code)
        except Exception as error:  # the edge of the process: one bad render must not end it
            self._fail_unforeseen(render, error)
        else:
            seconds = time.monotonic() - started
            spec = render.spec
            steps = spec.num_inference_steps * len(spec.seeds)
            self.stopwatch.note(spec.width * spec.height, steps, seconds)
            self._answer(render, result, shown, seconds)
        finally:
            render.frames.put(None)
        self._tell_plan()

    def _answer(
        self, render: Render, result: "RenderResult", shown: list[bool], seconds: float
    ) -> None:
        """Send the pictures that may be shown, and what happened to their prompt."""
        if result.assisted is not None:
            render.frames.put(({"type": "assisted"}, pack_assisted(result.assisted)))
        for image, may_be_shown in zip(result.images, shown, strict=True):
            if not may_be_shown:
                render.frames.put(({"type": "held_back"}, b""))
                continue
            size = {"width": image.width, "height": image.height}
            render.frames.put(({"type": "picture", **size}, image.convert("RGB").tobytes()))
        info = self.renderer.info
        done = {
            "seconds": seconds,
            "model": info.model_name,
            "model_hash": info.model_hash,
            "solver": info.solver,
            "adapters": list(info.adapters),
            "prompt_weights": info.prompt_weights,
            "character_encoding": info.character_encoding,
            "truncation": pack_truncation(result.truncation),
        }
        render.frames.put(({"type": "done", **done}, b""))
        log.info("render_done", pictures=sum(shown), duration=round(seconds, 3))

    @staticmethod
    def _fail(render: Render, code: OutcomeCode) -> None:
        render.frames.put(({"type": "error", "code": code.value}, b""))

    def _fail_unforeseen(self, render: Render, error: Exception) -> None:
        """End this process if the device may be broken for good; the CPU never is.

        A job that is just hung up on is drawn once more by the next renderer. One that would fail
        there too, for a reason that we know, is answered.
        """
        explanation = explain(error)
        reason = {} if explanation is None else {"reason": str(explanation)}
        log.error("render_failed", exc_info=error, **reason)
        self.is_broken = self.renderer.info.device != "cpu"
        will_fail_again = explanation and explanation.problem is not DeviceProblem.CONTEXT_LOST
        if will_fail_again or not self.is_broken:
            self._fail(render, OutcomeCode.RENDER_FAILED)

    def _tell_plan(self) -> None:
        """Log what the first render took beside its plan; describe ourselves anew if that is new.

        Where memory ran out there is another plan, or a size that cannot be drawn any more.
        """
        data = None if self._published is None else self._published.plan
        if (measured := self.renderer.take_measured()) is not None:
            lines, data = measured
            log.info("memory_measured", table="\n".join(lines))
        elif data is None or data["rank"] != self.renderer.plan.rank:
            data = plan_data(self.renderer.plan)
        self._describe(data)

    def _describe(self, plan: dict[str, Any]) -> None:
        """Leave for the worker's other processes what we are, unless it lies there already."""
        description = describe(self.renderer, self.device, plan, self.most_pixels)
        if description == self._published:
            return
        self._published = description
        try:
            write_description(self.socket_path.with_name(DESCRIPTION_FILE), description)
        except OSError as error:
            log.warning("description_not_published", reason=str(error))


def _hung_up(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    # A job sends nothing after its request, so readable means closed.
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


def main() -> int:
    """Load the checkpoint and serve until SIGTERM or SIGINT."""
    try:
        settings = read(WorkerSettings)
        socket_path = settings.socket
        logs.configure(read(LogSettings), "renderer")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    # Its warning quotes the part of a prompt that was cut: a member's text stays out of the log.
    logging.getLogger("newbie_pipeline.text_conditioning").setLevel(logging.ERROR)
    # Before the model: the memory plan counts on what is left of the host.
    screen = Screen.load(settings)
    renderer = load_model(settings)
    if renderer is None:
        return 1
    server = RenderServer(renderer, socket_path, screen, most_pixels=settings.max_pixels)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve()
    return 1 if server.is_broken else 0


if __name__ == "__main__":
    sys.exit(main())
