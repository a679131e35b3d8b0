"""The form with a large text field, for members who give neither prompt nor file.

The form is stateless: the options that came with the command travel in its custom id, so a form
that was opened before a restart of the bot can be sent after it, and one of a version that had
fewer options too. Custom ids come back from clients, so what is read from one is checked like
everything else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import discord
from discord import ui

from bot.abilities import model_mark
from bot.errors import Refused
from bot.options import Options
from jobs.models import MAX_NEGATIVE_PROMPT_CHARACTERS
from jobs.wording import say

PREFIX = "newbie:prompt:"
PROMPT_FIELD = "prompt"
NEGATIVE_PROMPT_FIELD = "negative_prompt"
# Forms of earlier versions hold fewer options: the last ones are those that came last.
PARTS = 7
PARTS_BEFORE_ASSIST = 5
# Discord's limit for one text field of a form.
MAX_FIELD_CHARACTERS = 4_000


def custom_id(options: Options) -> str:
    """Write the options, but for the negative prompt: it has a field of its own.

    A custom id has 100 characters, and the name of a model may have as many: its mark stands there.
    """
    values = (
        *(options.size, options.steps, options.guidance, options.seed, options.count),
        *(options.assist, model_mark(options.model) if options.model else None),
    )
    return PREFIX + ":".join("" if value is None else str(value) for value in values)


def options_of(form_id: str, negative_prompt: str) -> Options:
    """Read the options back.

    Raises:
        Refused: this is not a form of ours, or one from another version.
    """
    parts = form_id.removeprefix(PREFIX).split(":")
    if PARTS_BEFORE_ASSIST <= len(parts) < PARTS:
        parts += [""] * (PARTS - len(parts))
    try:
        size, steps, guidance, seed, count, assist, mark = parts
        return Options(
            size=size or None,
            steps=int(steps) if steps else None,
            guidance=float(guidance) if guidance else None,
            seed=int(seed) if seed else None,
            count=int(count) if count else None,
            negative_prompt=negative_prompt,
            assist=assist or None,
            model_mark=mark or None,
        )
    except ValueError as error:
        raise Refused("form_outdated") from error


def build_form(options: Options, locale: str) -> ui.Modal:
    """Build the form; nothing has to be remembered for it."""
    form = ui.Modal(title=say("bot.form.title", locale), custom_id=custom_id(options))
    form.add_item(
        ui.Label(
            text=say("bot.form.prompt", locale),
            description=say("bot.form.prompt.description", locale),
            component=ui.TextInput(
                custom_id=PROMPT_FIELD,
                style=discord.TextStyle.paragraph,
                max_length=MAX_FIELD_CHARACTERS,
            ),
        )
    )
    form.add_item(
        ui.Label(
            text=say("bot.form.negative_prompt", locale),
            component=ui.TextInput(
                custom_id=NEGATIVE_PROMPT_FIELD,
                style=discord.TextStyle.paragraph,
                required=False,
                default=options.negative_prompt,
                max_length=MAX_NEGATIVE_PROMPT_CHARACTERS,
            ),
        )
    )
    # The library would keep it in memory to wait for its answer; `bot.cogs.render` does not
    # need that.
    form.stop()
    return form


def field_values(components: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Read the text fields of a form that was sent, by their custom ids."""
    return dict(_text_fields(components))


def _text_fields(components: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    for component in components:
        inner = component.get("components") or [component.get("component")]
        children = [child for child in cast(list[object], inner) if isinstance(child, Mapping)]
        yield from _text_fields(children)
        name, value = component.get("custom_id"), component.get("value")
        if isinstance(name, str) and isinstance(value, str):
            yield name, value
