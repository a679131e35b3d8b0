"""A job's side of the renderer's socket."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.admission import PromptRules
from jobs.models import OutcomeCode, RenderRequest
from newbie_pipeline.prompt.assist import Assisted
from newbie_pipeline.render import Truncation
from worker.errors import (
    ClassifierFailed,
    ForbiddenPicture,
    PictureRefused,
    RendererLost,
    RendererOutOfMemory,
    RendererUnavailable,
    RenderFailed,
    RenderRefused,
    WorkerError,
)
from worker.prompt_frames import read_assisted, read_truncation
from worker.rules_frame import pack_rules
from worker.wire import Message, pack, read_frame

RETRY_SECONDS = 0.2
NO_RULES = PromptRules()
ERRORS = {
    OutcomeCode.RENDER_REFUSED: RenderRefused,
    OutcomeCode.RENDER_FAILED: RenderFailed,
    OutcomeCode.OUT_OF_MEMORY: RendererOutOfMemory,
    OutcomeCode.FORBIDDEN: ForbiddenPicture,
    OutcomeCode.PICTURE_REFUSED: PictureRefused,
    OutcomeCode.CLASSIFIER_FAILED: ClassifierFailed,
}


@dataclass(frozen=True)
class Picture:
    """Raw pixels: RGB, 8 bits a channel, row by row."""

    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True)
class Rendered:
    """What a render gave: its pictures, one a seed, how long it took, and what drew them.

    None stands for a picture that was held back. `assisted` and `truncation` are as in
    `newbie_pipeline.render.RenderResult`, but of what was cut off only the beginning is here.
    """

    pictures: tuple[Picture | None, ...]
    seconds: float
    model: str
    model_hash: str
    solver: str
    adapters: tuple[str, ...]
    prompt_weights: bool = True
    character_encoding: str = "whole"
    assisted: Assisted | None = None
    truncation: Truncation | None = None


def spec_of(request: RenderRequest) -> dict[str, Any]:
    """Write a request as the fields of `newbie_pipeline.render.RenderSpec`."""
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.size.width,
        "height": request.size.height,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
        "seeds": list(request.seeds),
        "assist": request.assist.value,
    }


async def render(
    path: Path,
    request: RenderRequest,
    on_step: Callable[[int, int], None],
    *,
    wait: float,
    on_begin: Callable[[], None] = lambda: None,
    rules: PromptRules = NO_RULES,
) -> Rendered:
    """Have the renderer draw a request; cancelling this coroutine cancels the render.

    `rules` are those of the place where the pictures go; NO_RULES is a server's without settings.
    `on_begin` is called when its turn has come, before the first step. A render that waits for its
    turn when the renderer dies did not cause that: it waits for the next renderer.

    Raises:
        RendererUnavailable: nothing listened on the socket for `wait` seconds.
        RendererLost: the connection broke while this render was drawn.
        RenderRefused, RenderFailed, RendererOutOfMemory, ForbiddenPicture, PictureRefused,
        ClassifierFailed: what the renderer answered.
    """
    asked = pack({"type": "render", "spec": spec_of(request)}, pack_rules(rules))
    while True:
        reader, writer = await _connect(path, wait)
        try:
            if await _is_our_turn(reader, writer, asked):
                on_begin()
                return await _collect(reader, on_step)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise RendererLost("the renderer closed the connection") from error
        finally:
            writer.close()


async def _is_our_turn(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes
) -> bool:
    """Ask for a render and wait until it begins; False when the renderer died before."""
    try:
        writer.write(asked)
        await writer.drain()
        await read_frame(reader)  # started
    except (asyncio.IncompleteReadError, OSError):
        return False
    return True


async def _connect(path: Path, wait: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    deadline = time.monotonic() + wait
    while True:
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
            # A renderer that is just dying still lets us connect; only a live one says hello.
            await read_frame(reader)
            return reader, writer
        except (OSError, asyncio.IncompleteReadError) as error:
            # It is being started again: its socket comes back.
            if time.monotonic() >= deadline:
                raise RendererUnavailable("no renderer answers on its socket") from error
        await asyncio.sleep(RETRY_SECONDS)


async def _collect(reader: asyncio.StreamReader, on_step: Callable[[int, int], None]) -> Rendered:
    pictures: list[Picture | None] = []
    assisted: Assisted | None = None
    while True:
        message, payload = await read_frame(reader)
        match message["type"]:
            case "step":
                on_step(int(message["step"]), int(message["total"]))
            case "picture":
                pictures.append(Picture(int(message["width"]), int(message["height"]), payload))
            case "held_back":
                pictures.append(None)
            case "assisted":
                assisted = read_assisted(payload)
            case "error":
                raise _error(message)
            case "done":
                return Rendered(
                    pictures=tuple(pictures),
                    seconds=float(message["seconds"]),
                    model=str(message["model"]),
                    model_hash=str(message["model_hash"]),
                    solver=str(message["solver"]),
                    adapters=tuple(str(name) for name in message["adapters"]),
                    prompt_weights=bool(message["prompt_weights"]),
                    character_encoding=str(message["character_encoding"]),
                    assisted=assisted,
                    truncation=read_truncation(message.get("truncation")),
                )


def _error(message: Message) -> WorkerError:
    error = ERRORS.get(OutcomeCode(message["code"]), RenderFailed)
    return error("the renderer refused or failed the request")
