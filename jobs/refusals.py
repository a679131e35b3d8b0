"""Refusals and errors of this room as sentences of `jobs.wording`: which one, and its data.

Sentences are found by rules and not in a table, so that a new limit only needs its words: a limit's
is `refused.{limit}`, a code's `refused.{code}`, a bad value's `setting.bad.{code}`. No sentence
repeats a word of a prompt. Times are Discord's own marks, which every client shows in its reader's
language and time zone.
"""

import math
from typing import NamedTuple

from jobs.admission import PolicyRefusal
from jobs.errors import BadValue, SettingChanged, TooManySettings
from jobs.limits import Limit, LimitRefusal, LimitValue
from jobs.settings_table import SETTINGS
from jobs.wording import say

_BUDGETS = (Limit.HOURLY_BUDGET, Limit.DAILY_BUDGET)


class Sentence(NamedTuple):
    """Hold the key of a sentence and its data."""

    key: str
    data: dict[str, str]

    def say(self, locale: str) -> str:
        """Say it in one of Discord's locales."""
        return say(self.key, locale, **self.data)


def refusal_sentence(refusal: LimitRefusal | PolicyRefusal) -> Sentence:
    """Give the sentence that tells a member why, and when to try again."""
    if isinstance(refusal, PolicyRefusal):
        return _policy_sentence(refusal)
    key = f"refused.{refusal.limit.value}"
    if refusal.limit in _BUDGETS and refusal.retry_at is None:
        key += ".never"
    if refusal.limit is Limit.ASSIST and not refusal.value:
        key += ".none"
    return Sentence(
        key,
        {
            "value": _shown(refusal.limit, refusal.value),
            "asked": _shown_amount(refusal.limit, refusal.asked),
            "retry": timestamp(refusal.retry_at),
        },
    )


def setting_sentence(error: BadValue | SettingChanged | TooManySettings) -> Sentence:
    """Give the sentence that tells a moderator why a change was not made."""
    if isinstance(error, BadValue):
        data = {name: str(value) for name, value in error.data.items()}
        return Sentence(f"setting.bad.{error.code}", {"setting": error.setting, **data})
    if isinstance(error, SettingChanged):
        return Sentence("setting.changed", {})
    return Sentence("setting.too_many", {"most": str(error.most)})


def timestamp(at: float | None) -> str:
    """Write a time (seconds since 1970) so that Discord shows how far away it is.

    It is rounded up: who tries again when it is over must not be too early.
    """
    return "" if at is None else f"<t:{math.ceil(at)}:R>"


def _policy_sentence(refusal: PolicyRefusal) -> Sentence:
    key = f"refused.{refusal.code.value}"
    if refusal.until is not None:
        key += ".until"
    return Sentence(key, {"retry": timestamp(refusal.until)})


def _shown(limit: Limit, value: LimitValue) -> str:
    if limit is Limit.COOLDOWN:
        value = int(value) if isinstance(value, int | float) else 0
    return SETTINGS[limit.value].format(value)


def _shown_amount(limit: Limit, value: LimitValue) -> str:
    """Round up what was asked for, so that it never looks as if it fitted."""
    return _shown(limit, math.ceil(value * 100) / 100 if isinstance(value, float) else value)
