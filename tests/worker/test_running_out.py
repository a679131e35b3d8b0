"""What a renderer answers when memory or the card fails, and whether it lives on."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from jobs.models import RenderRequest
from newbie_pipeline.render import LoadOptions, Renderer
from worker import client
from worker.description_file import DESCRIPTION_FILE, read_description
from worker.errors import RendererLost, RendererOutOfMemory, RenderFailed
from worker.renderer import RenderServer

REQUEST = RenderRequest(prompt="1girl", seed=3, num_inference_steps=1)


class Served:
    """A renderer that serves in a thread of this process, where a test can make it fail."""

    def __init__(self, renderer: Renderer, socket: Path) -> None:
        self.renderer, self.socket = renderer, socket
        self.server = RenderServer(renderer, socket)
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()

    async def draw(self) -> client.Rendered:
        return await client.render(self.socket, REQUEST, lambda *_: None, wait=30)

    def fail_with(self, error: Exception, module: torch.nn.Module | None = None) -> None:
        left = [error]
        module = module or self.renderer._model.pipeline.transformer

        def fail(*_: object) -> None:
            if left:
                raise left.pop()

        module.register_forward_pre_hook(fail)

    def pretend_to_have_a_card(self) -> None:
        self.renderer.info = dataclasses.replace(self.renderer.info, device="cuda")


@pytest.fixture
def served(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    renderer = Renderer.load(tiny_model, LoadOptions(device="cpu"))
    one = Served(renderer, tmp_path_factory.mktemp("run") / "renderer.sock")
    yield one
    one.server.stop()
    one.thread.join(30)
    assert not one.thread.is_alive()


async def test_memory_that_ran_out_is_answered_and_the_renderer_lives(served: Served) -> None:
    served.pretend_to_have_a_card()
    served.fail_with(torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(RendererOutOfMemory):
        await served.draw()
    assert await served.draw()
    assert not served.server.is_broken


async def test_a_lost_context_hangs_up_on_the_job_and_ends_the_renderer(served: Served) -> None:
    served.pretend_to_have_a_card()
    served.fail_with(RuntimeError("CUDA error: an illegal memory access was encountered"))
    with pytest.raises(RendererLost):
        await served.draw()
    await asyncio.to_thread(served.thread.join, 30)
    assert served.server.is_broken


async def test_what_would_fail_again_is_answered_and_ends_the_renderer(served: Served) -> None:
    served.pretend_to_have_a_card()
    served.fail_with(RuntimeError("FlashAttention only supports Ampere GPUs or newer."))
    with pytest.raises(RenderFailed):
        await served.draw()
    await asyncio.to_thread(served.thread.join, 30)
    assert served.server.is_broken


@pytest.mark.parametrize("make", [RuntimeError, KeyError])
async def test_on_the_cpu_an_unforeseen_error_costs_one_job(
    served: Served, make: Callable[[str], Exception]
) -> None:
    served.fail_with(make("unforeseen"))
    with pytest.raises(RenderFailed):
        await served.draw()
    assert await served.draw()


async def test_the_plan_is_left_for_the_worker_and_measured_after_the_first_picture(
    served: Served,
) -> None:
    await served.draw()
    await served.draw()  # the file is written after the first one's answer
    said = read_description(served.socket.with_name(DESCRIPTION_FILE))
    assert said is not None
    plan = said.plan
    assert plan is not None
    assert plan["device"] == "cpu"
    assert plan["measured"]["VAE decode"]["measured_bytes"] > 0


async def test_the_plan_that_is_left_for_the_worker_is_the_one_in_force(served: Served) -> None:
    path = served.socket.with_name(DESCRIPTION_FILE)
    decoder = served.renderer._model.pipeline.vae.decoder
    served.fail_with(torch.OutOfMemoryError("CUDA out of memory."), decoder)
    for _ in range(2):  # the file is written after the first one's answer
        await served.draw()
    said = read_description(path)
    assert said is not None
    plan = said.plan
    assert plan is not None
    assert plan["rank"] == served.renderer.plan.rank > 0
    assert plan["vae_tile"] is not None
