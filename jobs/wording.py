"""The words that members see, in their own language, in one place.

Bot and worker both write into the same message, so the catalogues lie in the room that they
share: `locales/{language}.json`, one sentence a key. English has every key; a key or a language
that is missing elsewhere falls back to it. Data is put in with `str.format`, never the other
way round: text of members is data and cannot name a field.
"""

import json
from functools import cache
from importlib import resources

FALLBACK = "en"
LANGUAGES = ("en", "zh", "ja")


@cache
def catalogue(language: str) -> dict[str, str]:
    """Read one language's sentences."""
    text = resources.files("jobs").joinpath(f"locales/{language}.json").read_text("utf-8")
    return {str(key): str(value) for key, value in json.loads(text).items()}


def language_of(locale: str) -> str:
    """Choose the catalogue for one of Discord's locales, such as `zh-TW`."""
    language = locale.split("-", maxsplit=1)[0].lower()
    return language if language in LANGUAGES else FALLBACK


def say(key: str, locale: str, **data: object) -> str:
    """Give the sentence for a key, with data filled in.

    Raises:
        KeyError: no catalogue holds the key; tests check that each used key exists.
    """
    sentences = catalogue(language_of(locale))
    sentence = sentences.get(key) or catalogue(FALLBACK)[key]
    return sentence.format(**data)
