"""The table of everything that moderators set by name and value: how each is read and written.

One row a setting: its kind, its range, for whom it can be set, what autocomplete offers. Commands,
storage and docs read this table and know no setting by name. `format` gives the text that `parse`
reads back. Descriptions for members are the sentences `setting.{name}` of `jobs.wording`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jobs.errors import BadValue
from jobs.limits import ASSIST_MODES, Limit
from jobs.models import MAX_COUNT, MAX_PROMPT_BYTES, STEPS
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.prompt.parse import MAX_CHARACTERS

# Discord shows no more than this many choices.
MAX_CHOICES = 25

UNLIMITED = "unlimited"
_UNLIMITED_WORDS = {UNLIMITED, "none", "no limit", "∞", "无限", "不限", "無限", "無制限", "なし"}
_YES = {"yes", "on", "true", "1", "是", "开", "開", "はい", "オン"}
_NO = {"no", "off", "false", "0", "否", "关", "關", "いいえ", "オフ"}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(
    r"([0-9]{1,9}) ?(|s|secs?|seconds?|秒|m|mins?|minutes?|分|分钟|分鐘"
    r"|h|hours?|时|時|小时|小時|時間|d|days?|天|日)"
)
_UNIT = {"秒": "s", "分": "m", "时": "h", "時": "h", "小": "h", "天": "d", "日": "d"}


class Scope(StrEnum):
    """For whom a setting is set; all but the server's own have a target's id."""

    GUILD = "guild"
    ROLE = "role"
    CHANNEL = "channel"
    MEMBER = "member"


class Rating(StrEnum):
    """What a prompt is, and what a channel is open for."""

    GENERAL = "general"
    ADULT = "adult"


class Kind(StrEnum):
    """What values look like."""

    WHOLE = "whole"
    NUMBER = "number"
    SECONDS = "seconds"
    SWITCH = "switch"
    MODES = "modes"
    CHOICE = "choice"


EVERYWHERE = frozenset(Scope)
GUILD_ONLY = frozenset({Scope.GUILD})
CHANNEL_ONLY = frozenset({Scope.CHANNEL})


@dataclass(frozen=True)
class Setting:
    """One row of the table; `low` and `high` are the ends of the range of numbers."""

    name: str
    kind: Kind
    suggestions: tuple[Any, ...]
    low: float = 0
    high: float = 0
    can_be_unlimited: bool = False
    scopes: frozenset[Scope] = EVERYWHERE
    # Only the operator sets it, for all servers together.
    is_operators: bool = False
    options: tuple[Rating, ...] = ()

    @property
    def description_key(self) -> str:
        """Key of the sentence that says what it is."""
        return f"setting.{self.name}"

    def parse(self, text: str) -> Any:
        """Read a value as a moderator wrote it.

        Raises:
            BadValue: it is no value of this setting.
        """
        words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        if self.can_be_unlimited and words in _UNLIMITED_WORDS:
            return None
        value = _PARSERS[self.kind](self, words)
        return self.check(value)

    def check(self, value: Any) -> Any:
        """Give a value back that this setting can have.

        Raises:
            BadValue: it cannot have it.
        """
        if value is None:
            fits = self.can_be_unlimited
        elif self.kind is Kind.SWITCH:
            fits = isinstance(value, bool)
        elif self.kind is Kind.MODES:
            fits = isinstance(value, frozenset) and value <= ASSIST_MODES
        elif self.kind is Kind.CHOICE:
            fits = value in self.options
        else:
            fits = _is_number(value, self.kind) and self.low <= value <= self.high
        if not fits:
            raise self.bad_value()
        return value

    def bad_value(self) -> BadValue:
        """Give the error that says which values there are."""
        match self.kind:
            case Kind.SWITCH:
                return BadValue(self.name, "switch")
            case Kind.MODES:
                return BadValue(self.name, "choice", allowed=", ".join(sorted(ASSIST_MODES)))
            case Kind.CHOICE:
                return BadValue(self.name, "choice", allowed=", ".join(self.options))
            case Kind.SECONDS:
                low, high = (format_seconds(int(end)) for end in (self.low, self.high))
                return BadValue(self.name, "seconds", low=low, high=high)
        code = self.kind.value + ("_or_unlimited" if self.can_be_unlimited else "")
        return BadValue(self.name, code, low=f"{self.low:.10g}", high=f"{self.high:.10g}")

    def format(self, value: Any) -> str:
        """Write a value as text that `parse` reads back."""
        if value is None:
            return UNLIMITED
        match self.kind:
            case Kind.SWITCH:
                return "yes" if value else "no"
            case Kind.MODES:
                return ", ".join(sorted(value)) or "none"
            case Kind.SECONDS:
                return format_seconds(value)
            case Kind.NUMBER:
                return f"{value:.10g}"
        return str(value)

    def to_json(self, value: Any) -> Any:
        """Give a value as JSON knows it."""
        return sorted(value) if isinstance(value, frozenset) else value

    def from_json(self, value: Any) -> Any:
        """Read a stored value.

        Raises:
            BadValue: this version does not know such a value.
        """
        if self.kind is Kind.MODES and isinstance(value, list):
            # A mode that another version knows is left out: what is unknown cannot be asked for.
            known = {mode.value for mode in ASSIST_MODES}
            value = frozenset(AssistMode(mode) for mode in value if mode in known)
        if self.kind is Kind.CHOICE and value in self.options:
            return Rating(value)
        return self.check(value)

    def choices(self, typed: str = "") -> list[str]:
        """Give values for autocomplete: what is typed, if it is a value, then what begins so."""
        typed = typed.strip().casefold()
        offered = [self.format(value) for value in self.suggestions]
        fitting = [text for text in offered if text.casefold().startswith(typed)]
        try:
            given = [self.format(self.parse(typed))] if typed else []
        except BadValue:
            given = []
        return list(dict.fromkeys(given + fitting))[:MAX_CHOICES]


def format_seconds(value: int) -> str:
    """Write seconds in the largest unit that divides them: 90s, 5m, 2h, 1d."""
    for unit in ("d", "h", "m"):
        if value and value % _SECONDS[unit] == 0:
            return f"{value // _SECONDS[unit]}{unit}"
    return f"{value}s"


def _is_number(value: Any, kind: Kind) -> bool:
    types = (int, float) if kind is Kind.NUMBER else (int,)
    return isinstance(value, types) and not isinstance(value, bool)


def _whole(setting: Setting, words: str) -> int:
    digits = re.fullmatch(r"[0-9]{1,3}(?:[,_ ][0-9]{3}){0,3}|[0-9]{1,12}", words)
    if digits is None:
        raise setting.bad_value()
    return int(re.sub(r"[^0-9]", "", words))


def _number(setting: Setting, words: str) -> float:
    number = re.fullmatch(r"([0-9]{1,3}(?:[,_ ][0-9]{3}){0,3}|[0-9]{1,12})(\.[0-9]{1,6})?", words)
    if number is None:
        raise setting.bad_value()
    # As many digits as `format` writes.
    return float(f"{float(re.sub(r'[^0-9.]', '', words)):.10g}")


def _seconds(setting: Setting, words: str) -> int:
    if words in _UNLIMITED_WORDS:
        return 0
    duration = _DURATION.fullmatch(words)
    if duration is None:
        raise setting.bad_value()
    first = duration[2][:1]
    return int(duration[1]) * _SECONDS[_UNIT.get(first, first)]


def _switch(setting: Setting, words: str) -> bool:
    if words not in _YES | _NO:
        raise setting.bad_value()
    return words in _YES


def _modes(setting: Setting, words: str) -> frozenset[AssistMode]:
    if words in ("all", "全部", "すべて"):
        return ASSIST_MODES
    if words in ("none", "off", "无", "無", "なし"):
        return frozenset()
    names = {name for name in re.split(r"[,、 ]+", words) if name}
    if not names or not names <= {mode.value for mode in ASSIST_MODES}:
        raise setting.bad_value()
    return frozenset(map(AssistMode, names))


def _choice(setting: Setting, words: str) -> Rating:
    if words not in setting.options:
        raise setting.bad_value()
    return Rating(words)


_PARSERS: dict[Kind, Callable[[Setting, str], Any]] = {
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
    Kind.SECONDS: _seconds,
    Kind.SWITCH: _switch,
    Kind.MODES: _modes,
    Kind.CHOICE: _choice,
}


def _whole_limit(limit: Limit, high: int, *suggestions: int | None, **more: Any) -> Setting:
    return Setting(limit.value, Kind.WHOLE, suggestions, 1, high, can_be_unlimited=True, **more)


def _budget(limit: Limit, high: int, *suggestions: int | None) -> Setting:
    return Setting(limit.value, Kind.NUMBER, suggestions, 1, high, can_be_unlimited=True)


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(Limit.USE.value, Kind.SWITCH, (True, False)),
        _whole_limit(Limit.WAITING, 1_000, 1, 2, 3, 5, 10, 20, 50, None),
        _whole_limit(Limit.RUNNING, 100, 1, 2, 3, 4, None),
        Setting(
            Limit.COOLDOWN.value,
            Kind.SECONDS,
            (0, 10, 30, 60, 120, 300, 600, 1800, 3600),
            0,
            86_400,
        ),
        _budget(Limit.HOURLY_BUDGET, 10**6, 280, 560, 1_120, 2_240, 4_480, None),
        _budget(Limit.DAILY_BUDGET, 10**7, 1_400, 2_800, 5_600, 11_200, 22_400, None),
        Setting(
            Limit.SIZE.value,
            Kind.NUMBER,
            (0.5, 1.0, 1.5, 2.0, 4.0, None),
            0.05,
            64,
            can_be_unlimited=True,
        ),
        _whole_limit(Limit.STEPS, STEPS[1], 15, 20, 28, 30, 40, None),
        _whole_limit(Limit.COUNT, MAX_COUNT, *range(1, MAX_COUNT + 1), None),
        _whole_limit(Limit.CHARACTERS, MAX_CHARACTERS, 1, 2, 3, 4, 8, None),
        _whole_limit(Limit.PROMPT_LENGTH, MAX_PROMPT_BYTES, 500, 1_000, 2_000, 4_000, None),
        Setting(
            Limit.ASSIST.value,
            Kind.MODES,
            (ASSIST_MODES, frozenset(), *(frozenset({mode}) for mode in sorted(ASSIST_MODES))),
        ),
        Setting(Limit.WEIGHT.value, Kind.NUMBER, (0.5, 1.0, 2.0, 3.0, 5.0), 0.1, 10),
        _whole_limit(Limit.CAPACITY, 100_000, 50, 100, 200, 500, 1_000, None, scopes=GUILD_ONLY),
        _whole_limit(
            Limit.TOTAL_CAPACITY,
            1_000_000,
            *(1_000, 5_000, 10_000, 20_000, None),
            scopes=GUILD_ONLY,
            is_operators=True,
        ),
        Setting(
            "rating",
            Kind.CHOICE,
            tuple(Rating),
            scopes=CHANNEL_ONLY,
            options=tuple(Rating),
        ),
        Setting("spoilers", Kind.SWITCH, (True, False), scopes=CHANNEL_ONLY),
    )
}


def names(typed: str = "", scope: Scope | None = None, *, for_operator: bool = False) -> list[str]:
    """Give names of settings for autocomplete: those that begin with what is typed come first."""
    typed = typed.strip().casefold()
    offered = [
        setting.name
        for setting in SETTINGS.values()
        if (scope is None or scope in setting.scopes) and (for_operator or not setting.is_operators)
    ]
    return _best(offered, typed)[:MAX_CHOICES]


def _best(offered: Iterable[str], typed: str) -> list[str]:
    containing = [name for name in offered if typed in name]
    return sorted(containing, key=lambda name: not name.startswith(typed))
