"""The renderer's server with a renderer whose answers a test chooses.

The tiny model cannot be made to say a certain thing, and what a member sees depends on what it
says.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from jobs.admission import PromptRules
from jobs.registration import Description
from newbie_pipeline.memory.budget import Budget
from newbie_pipeline.memory.plan import PlanRequest
from newbie_pipeline.memory.planner import make_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.table import plan_data
from newbie_pipeline.render import RendererInfo, RenderResult, RenderSpec
from tests.worker.conftest import job
from worker import client
from worker.description_file import DESCRIPTION_FILE, read_description
from worker.renderer import RenderServer
from worker.screening import Screen

GIB = 1 << 30


class ChosenRenderer:
    """Answers each request with the result that a test laid out; the server sees no difference."""

    def __init__(self, *, clip_only: bool = False) -> None:
        self.info = RendererInfo("tiny", "0123456789ab", "cpu", "float32", "native", "euler", ())
        self.plan = make_plan(PUBLISHED, PlanRequest(clip_only=clip_only), Budget(None, 999 * GIB))
        self.can_assist = not clip_only
        # Pixels of the largest picture that it can draw.
        self.most_pixels = 1 << 40
        self.result = RenderResult((Image.new("RGB", (2, 2)),))
        self.specs: list[RenderSpec] = []
        # Taken before each answer; a test that empties it keeps the renderer writing.
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._measured: list[tuple[list[str], dict[str, Any]]] = [
            (["measured"], {**plan_data(self.plan), "measured": {}})
        ]

    def can_draw(self, width: int, height: int) -> bool:
        return width * height <= self.most_pixels

    def take_measured(self) -> tuple[list[str], dict[str, Any]] | None:
        return self._measured.pop() if self._measured else None

    def render(
        self,
        spec: RenderSpec,
        on_step: Callable[[int, int], None],
        _: Callable[[], bool],
        allows: Callable[[str], bool],
    ) -> RenderResult:
        self.specs.append(spec)
        self.allows = allows
        assert self.may_answer.wait(60)
        on_step(1, 1)
        return self.result


class Served:
    """A server with its renderer, in a thread of this process."""

    def __init__(
        self,
        renderer: ChosenRenderer,
        socket: Path,
        screen: Screen | None = None,
        most_pixels: int | None = None,
    ) -> None:
        self.renderer, self.socket = renderer, socket
        self.server = RenderServer(renderer, socket, screen, most_pixels=most_pixels)
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()

    async def draw(
        self,
        events: list[object] | None = None,
        rules: PromptRules = client.NO_RULES,
        **request: object,
    ) -> client.Rendered:
        heard = [] if events is None else events
        return await client.render(
            self.socket,
            job(**request).request,
            lambda step, total: heard.append((step, total)),
            wait=30,
            on_begin=lambda: heard.append("begin"),
            rules=rules,
        )

    def said(self) -> Description:
        """What the renderer says of itself."""
        said = read_description(self.socket.with_name(DESCRIPTION_FILE))
        assert said is not None
        return said

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()
