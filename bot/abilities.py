"""What the living workers can draw: the choices that are offered, and requests that none can do.

Decisions only. The workers are looked at in the background (`bot.cogs.workers`), and each key that
a member types is answered from what was seen last: never from Redis. Where no worker is known
nobody knows yet: everything is accepted, and waits for one.
"""

import hashlib
from collections.abc import Collection
from dataclasses import replace

from discord.app_commands import Choice

from bot.errors import Refused
from bot.options import Options
from bot.translation import words
from jobs.capability import Capability, Needs, someone_can
from jobs.models import MAX_MODEL_NAME, MEMBER_ASSIST, Size
from jobs.wording import say
from newbie_pipeline.prompt.assist import AssistMode

MOST_CHOICES = 25
# A sentence names no more models than this.
MOST_NAMES = 12
# Of a digest's hexadecimal digits: a form's custom id has no room for a long name.
MARK_LENGTH = 12

Workers = Collection[Capability]


class WorkerBoard:
    """What the workers said when they were last looked at."""

    def __init__(self) -> None:
        self.seen: Workers = ()


def model_names(workers: Workers) -> list[str]:
    """List the models that can be asked for, by name."""
    names = {worker.model for worker in workers if worker.model}
    return sorted(name for name in names if len(name) <= MAX_MODEL_NAME)


def with_model(options: Options, workers: Workers) -> Options:
    """Give the options with the model's name as its worker writes it.

    Raises:
        Refused: no worker has it, or a form's mark stands for none.
    """
    names = model_names(workers)
    if options.model_mark is not None:
        found = [name for name in names if model_mark(name) == options.model_mark]
        if not found:
            raise Refused("model_gone", allowed=_listed(names)) if names else Refused("model_lost")
        return replace(options, model=found[0], model_mark=None)
    given = (options.model or "").strip()
    if not given:
        return replace(options, model=None)
    found = [name for name in names if name.casefold() == given.casefold()]
    is_known = all(worker.model for worker in workers)
    if workers and is_known and not found:
        raise Refused("model_unknown", given=given, allowed=_listed(names))
    return replace(options, model=given if given in found else next(iter(found), given))


def model_mark(name: str) -> str:
    """Write a model's name as a few characters, however long it is; case means nothing."""
    return hashlib.sha256(name.strip().casefold().encode()).hexdigest()[:MARK_LENGTH]


def check_needs(needs: Needs, workers: Workers) -> None:
    """Refuse what no worker can do.

    Raises:
        Refused: workers are there, and none of them can draw this.
    """
    if not workers or someone_can(needs, workers):
        return
    if needs.assist and not someone_can(Needs(pixels=0, assist=True), workers):
        raise Refused("assist_unavailable")
    if not someone_can(Needs(pixels=needs.pixels), workers):
        raise Refused("size_unavailable", allowed=", ".join(_sizes(workers)) or "-")
    raise Refused("no_worker_for_all")


def assist_choices(typed: str, workers: Workers, locale: str) -> list[Choice[str]]:
    """List the choices that fit what was typed; one that no worker can do says so.

    The names are marked for the translator; `locale` is that of the member who types, since what
    they see is what they search in.
    """
    wanted = typed.strip().casefold()
    is_missing = bool(workers) and not any(worker.assist for worker in workers)
    return [
        Choice(name=words(_key(mode, is_missing)), value=mode.value)
        for mode in MEMBER_ASSIST
        if wanted in mode.value or wanted in say(_key(mode, is_missing), locale).casefold()
    ]


def model_choices(typed: str, workers: Workers) -> list[Choice[str]]:
    """List the models whose names hold what was typed; nothing where there is no choice."""
    names, wanted = model_names(workers), typed.strip().casefold()
    if len(names) < 2:
        return []
    found = [name for name in names if wanted in name.casefold()]
    return [Choice(name=name, value=name) for name in found[:MOST_CHOICES]]


def _key(mode: AssistMode, is_missing: bool) -> str:
    is_marked = is_missing and mode is not AssistMode.OFF
    return f"bot.assist.{mode.value}" + (".unavailable" if is_marked else "")


def _sizes(workers: Workers) -> list[str]:
    return [
        size.value for size in Size if someone_can(Needs(pixels=size.width * size.height), workers)
    ]


def _listed(names: list[str]) -> str:
    """Write names as code, where they can neither mention anyone nor format anything."""
    shown = [f"`{name.replace('`', 'ˋ')}`" for name in names[:MOST_NAMES]]
    return ", ".join(shown + ["…"] * (len(names) > MOST_NAMES)) or "-"
