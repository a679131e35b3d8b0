"""A picture of the demo model says what drew it, and which words that does not know."""

import pytest

from jobs.wording import LANGUAGES, catalogue
from newbie_pipeline.demo.packaged import DEMO_NAME
from tests.worker.conftest import job, rendered
from worker import presentation
from worker.client import Picture
from worker.demo_notes import MOST_TAGS, demo_text

KEYS = ("picture.demo.title", "picture.demo", "picture.demo.unknown", "picture.demo.more")


def shown(prompt: str, model: str, locale: str = "en-US") -> dict[str, str]:
    content = presentation.pictures(job(prompt=prompt, locale=locale), rendered(model=model), "0")
    assert content.embed is not None
    return {field.name: field.value for field in content.embed.fields}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_exists_in_every_language(language: str) -> None:
    assert set(KEYS) <= set(catalogue(language))


def test_a_picture_of_the_demo_model_says_so() -> None:
    assert "small demo model" in shown("1girl, blue hair", DEMO_NAME)["Demo model"]


def test_a_picture_of_another_model_does_not() -> None:
    assert "Demo model" not in shown("1girl, dragon wings", "NewBie-image-Exp0.1")


def test_words_that_it_does_not_know_are_named() -> None:
    text = shown(
        "<character_1><appearance>blue_hair, dragon_wings</appearance></character_1>", DEMO_NAME
    )["Demo model"]
    assert "`dragon_wings`" in text
    assert "blue_hair" not in text


def test_many_unknown_words_are_counted() -> None:
    prompt = ", ".join(f"strange_{number}" for number in range(MOST_TAGS + 5))
    text = demo_text(DEMO_NAME, prompt, "en-US")
    assert text is not None
    assert text.count("`strange_") == MOST_TAGS
    assert "and 5 more" in text
    assert len(text) <= 1024


def test_a_word_cannot_format_the_message() -> None:
    text = demo_text(DEMO_NAME, "a`@everyone`b, " + "x" * 500, "en-US")
    assert text is not None
    assert text.count("`") == 4
    assert len(text) <= 1024


def test_the_size_is_that_of_the_picture() -> None:
    one = rendered(pictures=(Picture(4, 2, bytes(24)),))
    content = presentation.pictures(job(size="1024x1024"), one, "0")
    assert content.embed is not None
    assert content.embed.fields[0].value == "4 × 2"
