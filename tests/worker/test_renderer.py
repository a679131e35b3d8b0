"""The renderer process over its socket, as a forked RQ job uses it."""

import asyncio
import os
import signal
import socket
import stat

import pytest

from jobs.models import RenderRequest, Size
from tests.conftest import RendererProcess
from worker import client
from worker.client import Rendered, spec_of
from worker.errors import RendererLost, RendererUnavailable
from worker.rules_frame import pack_rules
from worker.wire import HEADER, pack, receive_frame

pytestmark = pytest.mark.slow


def request(**changes: object) -> RenderRequest:
    values = {"prompt": "1girl, blue_hair", "seed": 3, "num_inference_steps": 2}
    return RenderRequest(**{**values, **changes})


async def draw(renderer: RendererProcess, wanted: RenderRequest) -> Rendered:
    return await client.render(renderer.socket, wanted, lambda step, total: None, wait=60)


async def begin(renderer: RendererProcess, wanted: RenderRequest) -> asyncio.Task[Rendered]:
    """Ask for a render and wait until its first step is done."""
    begun = asyncio.Event()
    task = asyncio.create_task(
        client.render(renderer.socket, wanted, lambda step, total: begun.set(), wait=60)
    )
    await begun.wait()
    return task


async def test_a_render_reports_each_step_and_gives_its_pictures(renderer: RendererProcess) -> None:
    steps: list[tuple[int, int]] = []
    rendered = await client.render(
        renderer.socket,
        request(count=2, size=Size.PORTRAIT_2_3),
        lambda step, total: steps.append((step, total)),
        wait=60,
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [(p.width, p.height, len(p.pixels)) for p in rendered.pictures] == [
        (832, 1216, 832 * 1216 * 3)
    ] * 2
    assert rendered.model == "tiny"
    assert rendered.model_hash


async def test_the_same_seed_gives_the_same_bytes_alone_or_in_a_row(
    renderer: RendererProcess,
) -> None:
    both = await draw(renderer, request(seed=3, count=2))
    second = await draw(renderer, request(seed=4))
    assert both.pictures[1].pixels == second.pictures[0].pixels
    assert both.pictures[0].pixels != second.pictures[0].pixels


async def test_renders_of_two_connections_come_one_after_the_other(
    renderer: RendererProcess,
) -> None:
    events: list[str] = []

    def note(name: str) -> None:
        events.append(name)

    await asyncio.gather(
        *(
            client.render(
                renderer.socket,
                request(num_inference_steps=4),
                lambda step, total, name=name: note(name),
                wait=60,
            )
            for name in ("a", "b")
        )
    )
    assert events in (["a"] * 4 + ["b"] * 4, ["b"] * 4 + ["a"] * 4)


async def test_hanging_up_ends_a_render_at_its_next_step_and_the_renderer_lives(
    renderer: RendererProcess,
) -> None:
    pid = renderer.pid()
    task = await begin(renderer, request(num_inference_steps=60, count=4))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # 240 steps would keep it busy for long; two steps come through only if it let go of them.
    assert await asyncio.wait_for(draw(renderer, request()), 30)
    assert renderer.pid() == pid


async def test_a_request_that_makes_no_sense_leaves_the_renderer_alive(
    renderer: RendererProcess,
) -> None:
    without_rules = pack({"type": "render", "spec": spec_of(request())})
    for data in (
        HEADER.pack(3) + b"abc",
        pack({"type": "render"}),
        pack({"spec": {"x": 1}}),
        without_rules,
    ):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(renderer.socket))
            assert receive_frame(connection)[0] == {"type": "hello"}
            connection.sendall(data)
            with pytest.raises(ConnectionError):
                receive_frame(connection)
    assert await draw(renderer, request())


async def test_a_size_that_the_model_cannot_draw_is_answered_with_a_code(
    renderer: RendererProcess,
) -> None:
    spec = {**spec_of(request()), "width": 1000}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(renderer.socket))
        receive_frame(connection)
        connection.sendall(pack({"type": "render", "spec": spec}, pack_rules(client.NO_RULES)))
        assert receive_frame(connection)[0] == {"type": "started"}
        message, _ = receive_frame(connection)
    assert message == {"type": "error", "code": "render_refused"}


async def test_only_this_user_may_enter_the_socket(renderer: RendererProcess) -> None:
    assert stat.S_IMODE(renderer.socket.stat().st_mode) == 0o600


async def test_a_renderer_that_dies_is_told_apart_and_comes_back(renderer: RendererProcess) -> None:
    task = await begin(renderer, request(num_inference_steps=60))
    pid = renderer.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RendererLost):
        await task
    assert await draw(renderer, request())
    assert renderer.pid() != pid


async def test_a_render_that_only_waited_is_drawn_by_the_next_renderer(
    renderer: RendererProcess,
) -> None:
    first = await begin(renderer, request(num_inference_steps=60))
    second = asyncio.create_task(draw(renderer, request()))
    await asyncio.sleep(0.3)
    pid = renderer.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RendererLost):
        await first
    assert await second


async def test_a_renderer_that_is_told_to_stop_finishes_the_render_in_hand(
    renderer: RendererProcess,
) -> None:
    task = await begin(renderer, request(num_inference_steps=8))
    pid = renderer.pid()
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    assert (await task).pictures
    assert await draw(renderer, request())  # by the one that took its place


async def test_without_a_renderer_the_wait_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("none") / "renderer.sock"
    with pytest.raises(RendererUnavailable):
        await client.render(nowhere, request(), lambda step, total: None, wait=0.3)
