"""What a member sees of a job: texts, the embed and the files of a finished picture.

The file with a whole prompt comes after the pictures: whoever takes the first file gets a picture.

Discord blurs a file that is a spoiler (its name says so), but not what an embed shows. So the embed
shows no picture where pictures are spoilers.
"""

from dataclasses import dataclass

import discord

from jobs.controls import Button, cancel_button
from jobs.models import Job, Outcome
from jobs.outcome_words import outcome_text
from jobs.settings import QueueSettings
from jobs.wording import say
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.recipe import Recipe, encode_png
from worker.client import Picture, Rendered
from worker.demo_notes import demo_text
from worker.prompt_notes import assist_text, cut_text, drawn_prompt

COLOUR = 0x5B8DEF
SPOILER = "SPOILER_"


@dataclass(frozen=True)
class Content:
    """One message: text, an embed, and files as (name, bytes).

    Only a passing state has a button; what shows the end of a job has none.
    """

    text: str
    embed: discord.Embed | None = None
    files: tuple[tuple[str, bytes], ...] = ()
    button: Button | None = None


def progress(job: Job, step: int, total: int) -> Content:
    """Tell how far a running job is; before its first step the prompt is written where asked."""
    assist = job.request.assist
    begun = "started" if assist is AssistMode.OFF else f"progress.{assist.value}"
    key = "progress" if step else begun
    text = say(key, job.address.locale, step=step, total=total)
    return Content(text, button=cancel_button(job.id, job.address.locale))


def failure(job: Job, outcome: Outcome, settings: QueueSettings) -> Content:
    """Tell why there is no picture. Only the requester is addressed."""
    return Content(outcome_text(job, outcome, settings))


def pictures(job: Job, rendered: Rendered, version: str, *, as_spoilers: bool = False) -> Content:
    """Show the finished pictures: one inside the embed, several as a grid above it."""
    prefix = SPOILER if as_spoilers else ""
    shown = [
        (seed, picture)
        for seed, picture in zip(job.request.seeds, rendered.pictures, strict=True)
        if picture is not None
    ]
    files = tuple(
        (f"{prefix}newbie-{job.id}-{seed}.png", _png(job, rendered, picture, seed, version))
        for seed, picture in shown
    )
    embed = _embed(job, rendered, shown)
    if len(files) == 1 and not as_spoilers:
        embed.set_image(url=f"attachment://{files[0][0]}")
    prompt_name = f"newbie-{job.id}.xml"
    help_given = assist_text(job.request, rendered.assisted, prompt_name, job.address.locale)
    if help_given is not None:
        embed.description = help_given.text
        if not help_given.is_whole:
            prompt = drawn_prompt(job.request, rendered.assisted)
            files += ((prompt_name, prompt.encode()),)
    return Content(f"<@{job.address.requester_id}>", embed, files)


def _png(job: Job, rendered: Rendered, picture: Picture, seed: int, version: str) -> bytes:
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


def _embed(job: Job, rendered: Rendered, shown: list[tuple[int, Picture]]) -> discord.Embed:
    locale, request, count = job.address.locale, job.request, len(shown)
    size = _size(job, shown)
    title = say("pictures.title" if count > 1 else "picture.title", locale, count=count)
    embed = discord.Embed(title=title, colour=COLOUR)
    rows = {
        "picture.size": f"{size[0]} × {size[1]}",
        "picture.seed": "\n".join(str(seed) for seed, _ in shown),
        "picture.steps": str(request.num_inference_steps),
        "picture.guidance": f"{request.guidance_scale:g}",
        "picture.time": say("picture.seconds", locale, seconds=f"{rendered.seconds:.1f}"),
    }
    for key, value in rows.items():
        embed.add_field(name=say(key, locale), value=value, inline=True)
    if held_back := len(rendered.pictures) - count:
        text = say("held_back", locale, count=held_back, total=len(rendered.pictures))
        embed.add_field(name=say("held_back.title", locale), value=text, inline=False)
    if rendered.truncation is not None:
        name = say("prompt.cut.title", locale)
        embed.add_field(name=name, value=cut_text(rendered.truncation, locale), inline=False)
    prompt = drawn_prompt(request, rendered.assisted)
    if (about := demo_text(rendered.model, prompt, locale)) is not None:
        embed.add_field(name=say("picture.demo.title", locale), value=about, inline=False)
    embed.set_footer(text=say("picture.model", locale, model=rendered.model))
    return embed


def _size(job: Job, shown: list[tuple[int, Picture]]) -> tuple[int, int]:
    """Give the pictures' size: not what was asked for, where a model knows but one."""
    if shown:
        return shown[0][1].width, shown[0][1].height
    return job.request.size.width, job.request.size.height
