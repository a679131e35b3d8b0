"""What a prompt is: general, adult, or forbidden.

The rules, in the order in which they refuse:

1. Forbidden, whatever is set: sexualised minors. That is a term that says it by itself
   (`forbidden.txt`), or a term or age for minors (`minor.txt`, `jobs.ages`) anywhere in a prompt
   that also has a word of nudity or sex anywhere (`adult.txt`, `suggestive.txt`, the server's own
   adult words). So an adult prompt has no minors in it at all, whoever else is in the picture.
2. A channel for adult pictures draws no minors either, not even in a general prompt: what stands
   around a picture there says about it what the prompt leaves out.
3. An adult prompt is refused where the channel is not open for it.

Ordinary children are welcome in general channels. Adult is what `adult.txt` or the server's own
list says; `suggestive.txt` alone makes no prompt adult.

The lists match strictly (see `jobs.words`), and nothing that a moderator can set shortens them.
Negative prompts say what is left out, so what is named there is not asked for. Two things are all
the same: with minors in the prompt, leaving out clothes, and with sex in the prompt, leaving out
adults, are forbidden.

A prompt is looked at as its member wrote it and again with what the language model added: `look` is
to be called with each text that the image model may be shown.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from jobs.ages import is_under_age
from jobs.settings_table import Rating
from jobs.word_cells import fold
from jobs.words import WordLists, read


class RatingRefusal(StrEnum):
    """Why a prompt is not drawn, as code of a sentence. It never says which word it was."""

    FORBIDDEN = "forbidden"
    MINORS_IN_ADULT_CHANNEL = "minors_in_adult_channel"
    ADULT = "adult"


@dataclass(frozen=True)
class Findings:
    """What a prompt says, without any of its words."""

    has_minors: bool = False
    is_adult: bool = False
    is_forbidden: bool = False

    @property
    def rating(self) -> Rating:
        """What kind of channel the prompt needs."""
        return Rating.ADULT if self.is_adult else Rating.GENERAL


def look(prompt: str, negative_prompt: str = "", adult_words: WordLists | None = None) -> Findings:
    """Find out what a prompt says; `adult_words` are the server's own.

    Takes XML, tags and sentences. Time is linear in the length of the texts.
    """
    lists = {match.list_name for match in _lists().matches(prompt)}
    if adult_words is not None and next(adult_words.matches(prompt), None):
        lists.add("adult")
    left_out = {match.list_name for match in _left_out_lists().matches(negative_prompt)}
    has_minors = "minor" in lists or _has_age(prompt) or _says_nina(prompt)
    is_sexual = not lists.isdisjoint(("adult", "suggestive"))
    return Findings(
        has_minors=has_minors or "forbidden" in lists,
        is_adult="adult" in lists or "forbidden" in lists,
        is_forbidden="forbidden" in lists
        or (has_minors and (is_sexual or "unclothed_by" in left_out))
        or (is_sexual and "rejuvenated_by" in left_out),
    )


def refuse(findings: Findings, allowed: Rating) -> RatingRefusal | None:
    """Hold a prompt against what its channel is open for.

    `allowed` may be ADULT only where Discord itself restricts the channel by age.
    """
    if findings.is_forbidden:
        return RatingRefusal.FORBIDDEN
    if allowed is Rating.ADULT and findings.has_minors:
        return RatingRefusal.MINORS_IN_ADULT_CHANNEL
    if allowed is Rating.GENERAL and findings.is_adult:
        return RatingRefusal.ADULT
    return None


# Without its tilde it is a name: Nina.
_NINA = re.compile("ni\u00f1[ao]s?\\b", re.IGNORECASE)


def _has_age(prompt: str) -> bool:
    # Once more as it stands: a number in `(girl, age: 9)` reads as a weight and as an age.
    return any(
        is_under_age(text)
        for cells in (*read(prompt), fold(prompt))
        for text in {cells.plain, cells.spelled}
    )


def _says_nina(prompt: str) -> bool:
    return _NINA.search(unicodedata.normalize("NFC", prompt)) is not None


@cache
def _lists() -> WordLists:
    names = ("minor", "adult", "suggestive", "forbidden")
    return WordLists({name: entries(name) for name in names}, entries("exceptions"), is_strict=True)


@cache
def _left_out_lists() -> WordLists:
    names = ("unclothed_by", "rejuvenated_by")
    return WordLists({name: entries(name) for name in names}, is_strict=True)


def entries(name: str) -> list[str]:
    """Read one of our lists: entries between commas and line ends; lines with # are for people."""
    text = resources.files("jobs").joinpath(f"wordlists/{name}.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return [entry.strip() for line in lines for entry in line.split(",") if entry.strip()]
