"""What is wrong, in the reader's language: the one place that turns error codes into words.

Nothing of a prompt is repeated but the short quotes that PromptError and PromptWarning hold, and
they stand in code marks where they can neither mention anyone nor format anything.
"""

from collections.abc import Sequence

from bot.errors import OptionRefused, PolicyRefused, Refused
from jobs.errors import (
    BadValue,
    QueueUnavailable,
    SettingChanged,
    TooManySettings,
    UnreadableSettings,
)
from jobs.refusals import refusal_sentence, setting_sentence
from jobs.wording import FALLBACK, catalogue, language_of, say
from newbie_pipeline.prompt.errors import CATALOGUE, Code, PromptError, PromptWarning

QUOTE_LENGTH = 24
# A message holds 2,000 characters; five notes take at most 1,600 of them in any language.
MAX_NOTES = 5
# Values of a PromptError that are our own words, not the member's.
_OWN_WORDS = ("kind", "section")
_CODES: dict[type[Exception], str] = {
    QueueUnavailable: "queue_unavailable",
    UnreadableSettings: "settings_of_another_version",
    BadValue: "bad_value",
    SettingChanged: "setting_changed",
    TooManySettings: "too_many_settings",
}

NotChanged = BadValue | SettingChanged | TooManySettings
Refusal = Refused | PromptError | QueueUnavailable | UnreadableSettings | NotChanged
REFUSALS = (Refused, PromptError, QueueUnavailable)
# ... and why a moderator's change was not made.
NOT_CHANGED = (BadValue, SettingChanged, TooManySettings)
FORESEEN = (*REFUSALS, UnreadableSettings, *NOT_CHANGED)


def code_of(refusal: Refusal) -> str:
    """Give the short code that the log shows."""
    if isinstance(refusal, PromptError):
        return refusal.code.value
    if isinstance(refusal, Refused):
        return refusal.code
    return _CODES[type(refusal)]


def sentence(refusal: Refusal, locale: str) -> str:
    """Say in the member's language what is wrong and what is allowed."""
    if isinstance(refusal, PromptError):
        return _prompt_sentence(refusal, locale)
    if isinstance(refusal, PolicyRefused):
        return refusal_sentence(refusal.refusal).say(locale)
    if isinstance(refusal, NOT_CHANGED):
        return setting_sentence(refusal).say(locale)
    data = {
        key: quote(value) if isinstance(value, str) and key == "given" else value
        for key, value in (refusal.data if isinstance(refusal, Refused) else {}).items()
    }
    if isinstance(refusal, OptionRefused):
        data["option"] = say(f"bot.option.{refusal.option}", locale)
    return say(f"error.{code_of(refusal)}", locale, **data)


def notes(warnings: Sequence[PromptWarning], locale: str) -> str:
    """Say in the member's language what was repaired or is hardly meant in an accepted prompt."""
    lines = [say("bot.notes", locale)]
    lines += [f"- {_prompt_sentence(warning, locale)}" for warning in warnings[:MAX_NOTES]]
    if len(warnings) > MAX_NOTES:
        lines.append(say("bot.notes.more", locale, count=len(warnings) - MAX_NOTES))
    return "\n".join(lines)


def quote(text: str, length: int = QUOTE_LENGTH) -> str:
    """Show a piece of foreign text as code, cut short and on one line.

    A mark of its own kind would end the code, so it is shown as a similar character.
    """
    line = " ".join(text.replace("`", "ˋ").split())
    if len(line) > length:
        line = line[: length - 1] + "…"
    return f"`{line}`" if line else "` `"


def prompt_wording(code: Code, locale: str) -> tuple[str, str]:
    """Give the two sentences for a code of the prompt language: what was found, what to write.

    English is the prompt language's own catalogue; other languages stand with our other words.
    """
    language = language_of(locale)
    words = {} if language == FALLBACK else catalogue(language)
    entry = CATALOGUE[code]
    key = f"error.prompt.{code.value}"
    return words.get(key, entry.message), words.get(f"{key}.hint", entry.hint)


def _prompt_sentence(error: PromptError | PromptWarning, locale: str) -> str:
    values = {
        key: quote(value) if isinstance(value, str) and key not in _OWN_WORDS else value
        for key, value in error.values.items()
    }
    message, hint = (text.format_map(values) for text in prompt_wording(error.code, locale))
    if error.line is not None:
        message = say(
            "error.prompt.place",
            locale,
            sentence=message.rstrip(".。"),
            line=error.line,
            column=error.column,
        )
    return f"{message} {hint}" if language_of(locale) == FALLBACK else f"{message}{hint}"
