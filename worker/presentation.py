"""What a member sees of a job: texts, the embed and the files of a finished picture.

The file with a whole prompt comes after the pictures: whoever takes the first file gets a picture.
"""

from dataclasses import dataclass

import discord

from jobs.models import Job, Outcome
from jobs.outcome_words import outcome_text
from jobs.settings import QueueSettings
from jobs.wording import say
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.recipe import Recipe, encode_png
from worker.client import Rendered
from worker.prompt_notes import assist_text, cut_text, drawn_prompt

COLOUR = 0x5B8DEF


@dataclass(frozen=True)
class Content:
    """One message: text, an embed, and files as (name, bytes)."""

    text: str
    embed: discord.Embed | None = None
    files: tuple[tuple[str, bytes], ...] = ()


def progress(job: Job, step: int, total: int) -> Content:
    """Tell how far a running job is; before its first step the prompt is written where asked."""
    assist = job.request.assist
    begun = "started" if assist is AssistMode.OFF else f"progress.{assist.value}"
    key = "progress" if step else begun
    return Content(say(key, job.address.locale, step=step, total=total))


def failure(job: Job, outcome: Outcome, settings: QueueSettings) -> Content:
    """Tell why there is no picture."""
    return Content(outcome_text(job, outcome, settings))


def pictures(job: Job, rendered: Rendered, version: str) -> Content:
    """Show the finished pictures: one inside the embed, several as a grid above it."""
    files = tuple(
        (f"newbie-{job.id}-{seed}.png", _png(job, rendered, index, seed, version))
        for index, seed in enumerate(job.request.seeds)
    )
    embed = _embed(job, rendered)
    if len(files) == 1:
        embed.set_image(url=f"attachment://{files[0][0]}")
    prompt_name = f"newbie-{job.id}.xml"
    help_given = assist_text(job.request, rendered.assisted, prompt_name, job.address.locale)
    if help_given is not None:
        embed.description = help_given.text
        if not help_given.is_whole:
            prompt = drawn_prompt(job.request, rendered.assisted)
            files += ((prompt_name, prompt.encode()),)
    return Content(f"<@{job.address.requester_id}>", embed, files)


def _png(job: Job, rendered: Rendered, index: int, seed: int, version: str) -> bytes:
    picture = rendered.pictures[index]
    recipe = Recipe(
        prompt=drawn_prompt(job.request, rendered.assisted),
        written_prompt=job.request.prompt,
        assist=job.request.assist,
        negative_prompt=job.request.negative_prompt,
        seed=seed,
        width=picture.width,
        height=picture.height,
        num_inference_steps=job.request.num_inference_steps,
        guidance_scale=job.request.guidance_scale,
        solver=rendered.solver,
        adapters=rendered.adapters,
        prompt_weights=rendered.prompt_weights,
        character_encoding=rendered.character_encoding,
        model_name=rendered.model,
        model_hash=rendered.model_hash,
        version=version,
    )
    return encode_png(picture.pixels, recipe)


def _embed(job: Job, rendered: Rendered) -> discord.Embed:
    locale, request = job.address.locale, job.request
    count = request.count
    title = say("pictures.title" if count > 1 else "picture.title", locale, count=count)
    embed = discord.Embed(title=title, colour=COLOUR)
    seeds = "\n".join(str(seed) for seed in request.seeds)
    rows = {
        "picture.size": f"{request.size.width} × {request.size.height}",
        "picture.seed": seeds,
        "picture.steps": str(request.num_inference_steps),
        "picture.guidance": f"{request.guidance_scale:g}",
        "picture.time": say("picture.seconds", locale, seconds=f"{rendered.seconds:.1f}"),
    }
    for key, value in rows.items():
        embed.add_field(name=say(key, locale), value=value, inline=True)
    if rendered.truncation is not None:
        name = say("prompt.cut.title", locale)
        embed.add_field(name=name, value=cut_text(rendered.truncation, locale), inline=False)
    embed.set_footer(text=say("picture.model", locale, model=rendered.model))
    return embed
