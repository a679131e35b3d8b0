"""The option `assist`: its choices, and whether any worker can do what they name.

Decisions only. The workers are looked at in the background (`bot.cogs.workers`), and each key that
a member types is answered from what was seen last: never from Redis.
"""

from discord.app_commands import Choice

from bot.errors import Refused
from bot.translation import words
from jobs.models import MEMBER_ASSIST
from jobs.presence import Assistance
from jobs.wording import say
from newbie_pipeline.prompt.assist import AssistMode


class WorkerBoard:
    """What the workers said when they were last looked at."""

    def __init__(self) -> None:
        self.assistance = Assistance.UNKNOWN


def check_assistance(mode: AssistMode, assistance: Assistance) -> None:
    """Refuse what no worker can do; where none is known, nobody knows yet.

    Raises:
        Refused: workers are there, and none of them holds the language model.
    """
    if mode is not AssistMode.OFF and assistance is Assistance.MISSING:
        raise Refused("assist_unavailable")


def assist_choices(typed: str, assistance: Assistance, locale: str) -> list[Choice[str]]:
    """List the choices that fit what was typed; one that no worker can do says so.

    The names are marked for the translator; `locale` is that of the member who types, since what
    they see is what they search in.
    """
    wanted = typed.strip().casefold()
    return [
        Choice(name=words(_key(mode, assistance)), value=mode.value)
        for mode in MEMBER_ASSIST
        if wanted in mode.value or wanted in say(_key(mode, assistance), locale).casefold()
    ]


def _key(mode: AssistMode, assistance: Assistance) -> str:
    is_missing = mode is not AssistMode.OFF and assistance is Assistance.MISSING
    return f"bot.assist.{mode.value}" + (".unavailable" if is_missing else "")
