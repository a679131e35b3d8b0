"""What a picture of the demo model says about itself, and about the words that it does not know."""

from jobs.wording import say
from newbie_pipeline.demo.packaged import DEMO_NAME
from newbie_pipeline.demo.vocabulary import unknown_tags
from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.parse import parse
from worker.prompt_notes import plain, shorten

MOST_TAGS = 12
TAG_UNITS = 40


def demo_text(model: str, prompt: str, locale: str) -> str | None:
    """Say what the demo model is and which of a prompt's tags it does not know.

    None for every other model.
    """
    if model != DEMO_NAME:
        return None
    text = say("picture.demo", locale)
    tags = [name for tag in _unknown(prompt) if (name := shorten(plain(tag), TAG_UNITS))]
    if not tags:
        return text
    shown = [f"`{name}`" for name in tags[:MOST_TAGS]]
    if left := len(tags) - len(shown):
        shown.append(say("picture.demo.more", locale, count=left))
    return f"{text}\n{say('picture.demo.unknown', locale, tags=', '.join(shown))}"


def _unknown(prompt: str) -> tuple[str, ...]:
    try:
        return unknown_tags(parse(prompt))
    except PromptError:
        return ()  # what help with a prompt made is drawn as it is
