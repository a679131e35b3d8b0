"""What the lists of words would do to a text, for the moderators who keep them; no I/O.

Moderators may see what their own lists match, as they own them. What the operator's lists or ours
match is told to nobody, least of all what the list matches that nothing opens.
"""

from dataclasses import dataclass

from bot.refusals import quote
from jobs.admission import (
    Denial,
    PolicyRefusal,
    Requester,
    allowed_rating,
    refuse_prompt,
)
from jobs.guild import GuildSettings, WordKind
from jobs.rating import RatingRefusal, look
from jobs.settings_table import Rating
from jobs.wording import say
from jobs.words import MAX_ENTRY, WordLists, find


@dataclass(frozen=True)
class Trial:
    """What became of a text.

    Attributes:
        refusal: Why it would be refused; None where it would be drawn.
        word: The piece of the text that the server's own list matched.
        is_operators: Whether the operator's list, not the server's, is what refuses it.
        is_adult: Whether it needs a channel that is open for adult pictures.
    """

    refusal: PolicyRefusal | None
    word: str | None = None
    is_operators: bool = False
    is_adult: bool = False


def try_text(
    guild: GuildSettings, everywhere: GuildSettings, requester: Requester, text: str
) -> Trial:
    """Hold a text against all lists, as if it were a prompt; takes up to half a second."""
    refusal = refuse_prompt(guild, everywhere, requester, text)
    code = None if refusal is None else refusal.code
    if code is RatingRefusal.FORBIDDEN or code is RatingRefusal.MINORS_IN_ADULT_CHANNEL:
        return Trial(refusal)
    kind = WordKind.BLOCKED if code is Denial.WORD else WordKind.ADULT
    word = _found(guild, kind, text)
    is_operators = word is None and _found(everywhere, kind, text) is not None
    if code is Denial.WORD:
        return Trial(refusal, word, is_operators)
    is_adult = refusal is not None or _is_adult(guild, everywhere, requester, text)
    return Trial(refusal, word, is_operators, is_adult)


def trial_sentences(trial: Trial, locale: str) -> list[str]:
    """Say whether a text would be drawn, and which rule says so."""
    if trial.refusal is None:
        sentences = [say("admin.words.test.passes", locale)]
    else:
        sentences = [say("admin.words.test.refused", locale)]
    if trial.refusal is not None or trial.is_adult:
        sentences.append(_reason(trial, locale))
    return sentences


def _reason(trial: Trial, locale: str) -> str:
    code = None if trial.refusal is None else trial.refusal.code
    if code is RatingRefusal.FORBIDDEN or code is RatingRefusal.MINORS_IN_ADULT_CHANNEL:
        return say(f"admin.words.test.{code.value}", locale)
    rule = "blocked" if code is Denial.WORD else "adult"
    if trial.word is not None:
        return say(f"admin.words.test.{rule}.own", locale, word=quote(trial.word, MAX_ENTRY))
    if trial.is_operators:
        return say(f"admin.words.test.{rule}.operator", locale)
    return say("admin.words.test.adult", locale)


def _found(settings: GuildSettings, kind: WordKind, text: str) -> str | None:
    """Give the piece of a text that a list matches first."""
    match = find(text, WordLists({"": settings.words.get(kind, ())}))
    return None if match is None else text[match.start : match.end]


def _is_adult(
    guild: GuildSettings, everywhere: GuildSettings, requester: Requester, text: str
) -> bool:
    """Tell whether a text passes only because its channel is open for adult pictures."""
    if allowed_rating(guild, requester) is Rating.GENERAL:
        return False
    entries = (*everywhere.words.get(WordKind.ADULT, ()), *guild.words.get(WordKind.ADULT, ()))
    return look(text, adult_words=WordLists({"": entries})).is_adult
