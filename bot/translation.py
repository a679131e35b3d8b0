"""Names and descriptions of commands in the languages of `jobs.wording`."""

import discord
from discord import app_commands
from discord.app_commands import locale_str

from jobs.wording import FALLBACK, catalogue, language_of, say


def words(key: str, **data: object) -> locale_str:
    """Give the English text for a key, marked so that the translator finds the others."""
    return locale_str(say(key, FALLBACK, **data), key=key, data=data)


class CatalogueTranslator(app_commands.Translator):
    """Looks marked strings up in our catalogues."""

    async def translate(
        self,
        string: locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Give the text in that language; None where Discord should show the English one."""
        key = string.extras.get("key")
        language = language_of(locale.value)
        if key is None or language == FALLBACK or key not in catalogue(language):
            return None
        return say(key, locale.value, **string.extras["data"])
