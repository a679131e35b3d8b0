"""What a posted picture says about its prompt, whatever a language model or a member wrote."""

import re
from string import Formatter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.controls import Button
from jobs.models import Outcome, OutcomeCode
from jobs.settings import QueueSettings
from jobs.wording import LANGUAGES, catalogue
from newbie_pipeline.prompt.assist import Addition, Assisted, AssistMode, AssistNote
from newbie_pipeline.recipe import read_recipe
from newbie_pipeline.render import Truncation
from playground.validation.embeds import read_embeds
from playground.validation.form import Form, FormErrors
from tests.worker.conftest import job, rendered
from worker import presentation
from worker.client import Picture
from worker.presentation import Content
from worker.prompt_notes import CUT_UNITS, plain, shorten

LOCALES = ("en-US", "zh-CN", "ja")
WRITTEN = "<character_1><n>miku</n></character_1>"
DRAWN = "<character_1><n>miku</n><clothing>white_dress</clothing></character_1>"
DRESS = Addition("character_1/clothing", "white_dress")
FENCE = "```"
KEYS = {
    *(f"progress.{mode}" for mode in ("complete", "structure")),
    *("assist.added", "assist.structured", "assist.structured.added"),
    *("assist.more", "assist.file"),
    *(f"assist.note.{note.value}" for note in AssistNote if note != AssistNote.NOTHING_TO_ADD),
    *(f"assist.note.nothing_to_add.{mode}" for mode in ("complete", "structure")),
    *("prompt.cut", "prompt.cut.title", "prompt.cut.rest"),
}

FRAGMENTS = (
    *(FENCE, "`", "``", "\n", "\r\n", "\u2028", "\x85", "\v", "\x00", "\x1b[31m", "diff\n", " "),
    *("@everyone", "<@1>", "<@&1>", "<t:1:R>", "https://example.org", "**", "||", "~~", "\\"),
    *("# ", "- ", "+ ", "{0}", "\u202e", "\u2066", "\ud83d", "😀" * 40, "長" * 300),
)
HOSTILE = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=30), max_size=12).map("".join)
ADDITIONS = st.lists(st.builds(Addition, place=HOSTILE, text=HOSTILE), max_size=60).map(tuple)
TRUNCATIONS = st.none() | st.builds(
    Truncation,
    tokens=st.integers(513, 10**9),
    limit=st.integers(1, 512),
    cut=HOSTILE | HOSTILE.map(lambda text: text * 20),
)


def shown(content: Content) -> dict[str, Any]:
    assert content.embed is not None
    return dict(content.embed.to_dict())


def fields(content: Content) -> dict[str, str]:
    return {field["name"]: field["value"] for field in shown(content).get("fields", [])}


def completed(*additions: Addition, mode: str = "complete", locale: str = "en-US") -> Content:
    one = job(prompt=WRITTEN, assist=mode, locale=locale)
    return presentation.pictures(one, rendered(assisted=Assisted(DRAWN, additions)), "0")


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_exists_in_every_language(language: str) -> None:
    sentences = catalogue(language)
    assert KEYS - set(sentences) == set()
    found = {key for key in sentences if key.startswith(("assist.", "prompt.", "progress."))}
    assert found == KEYS
    for key in KEYS:
        names = {name for _, name, _, _ in Formatter().parse(sentences[key]) if name}
        english = {name for _, name, _, _ in Formatter().parse(catalogue("en")[key]) if name}
        assert names == english, key


def test_a_prompt_without_help_is_shown_as_ever() -> None:
    content = presentation.pictures(job(), rendered(), "0")
    assert "description" not in shown(content)
    assert [name for name, _ in content.files] == ["newbie-1001-3.png"]
    assert len(fields(content)) == 5


@pytest.mark.parametrize("locale", LOCALES)
def test_what_was_added_is_marked_line_by_line(locale: str) -> None:
    content = completed(DRESS, Addition("general_tags/lighting", "soft"), locale=locale)
    description = shown(content)["description"]
    assert description == (
        catalogue(locale[:2])["assist.added"]
        + "\n```diff\n+ character_1/clothing: white_dress\n+ general_tags/lighting: soft\n```"
    )
    assert [name for name, _ in content.files] == ["newbie-1001-3.png"]


def test_both_prompts_are_in_the_recipe() -> None:
    recipe = read_recipe(completed(DRESS).files[0][1])
    assert (recipe.prompt, recipe.written_prompt) == (DRAWN, WRITTEN)
    assert recipe.assist is AssistMode.COMPLETE


def test_a_prompt_drawn_as_written_is_in_the_recipe_once() -> None:
    nothing = Assisted(WRITTEN, note=AssistNote.FAILED)
    one = job(prompt=WRITTEN, assist="complete")
    content = presentation.pictures(one, rendered(assisted=nothing), "0")
    recipe = read_recipe(content.files[0][1])
    assert (recipe.prompt, recipe.written_prompt) == (WRITTEN, None)
    assert recipe.assist is AssistMode.COMPLETE


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("note", [note for note in AssistNote if note != AssistNote.NOTHING_TO_ADD])
def test_why_nothing_was_added_is_said_in_words(note: AssistNote, locale: str) -> None:
    one = job(prompt=WRITTEN, assist="complete", locale=locale)
    content = presentation.pictures(one, rendered(assisted=Assisted(WRITTEN, note=note)), "0")
    sentence = catalogue(locale[:2])[f"assist.note.{note.value}"]
    assert shown(content)["description"] == sentence
    assert len(content.files) == 1


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("mode", "other"), [("complete", "structure"), ("structure", "complete")])
def test_where_there_was_nothing_to_add_the_other_mode_is_named(
    mode: str, other: str, locale: str
) -> None:
    one = job(prompt=WRITTEN, assist=mode, locale=locale)
    nothing = Assisted(WRITTEN, note=AssistNote.NOTHING_TO_ADD)
    sentence = shown(presentation.pictures(one, rendered(assisted=nothing), "0"))["description"]
    assert sentence == catalogue(locale[:2])[f"assist.note.nothing_to_add.{mode}"]
    assert other in sentence and mode not in sentence


def test_a_renderer_that_says_nothing_about_help_has_none() -> None:
    content = presentation.pictures(job(prompt=WRITTEN, assist="structure"), rendered(), "0")
    assert shown(content)["description"] == catalogue("en")["assist.note.unavailable"]
    assert read_recipe(content.files[0][1]).written_prompt is None


@pytest.mark.parametrize("additions", [(), (DRESS,)])
def test_a_structured_prompt_comes_along_as_a_file(additions: tuple[Addition, ...]) -> None:
    content = completed(*additions, mode="structure")
    assert content.files[-1] == ("newbie-1001.xml", DRAWN.encode())
    description = shown(content)["description"]
    assert description.startswith("Your prompt was put into XML")
    assert description.endswith("The whole prompt is in `newbie-1001.xml`.")
    assert ("+ character_1/clothing: white_dress" in description) is bool(additions)


def test_what_does_not_fit_is_counted_and_the_whole_prompt_attached() -> None:
    many = [Addition(f"character_{n}/clothing", "x" * 200) for n in range(40)]
    content = completed(*many)
    description = shown(content)["description"]
    lines = [line for line in description.split("\n") if line.startswith("+ ")]
    assert 5 < len(lines) < 40
    assert f"…and {40 - len(lines)} more." in description
    assert content.files[-1] == ("newbie-1001.xml", DRAWN.encode())


def test_a_long_addition_is_cut_and_the_whole_prompt_attached() -> None:
    content = completed(Addition("caption", "word " * 200))
    description = shown(content)["description"]
    assert "…\n```" in description
    assert "more" not in description
    assert content.files[-1][0] == "newbie-1001.xml"


def test_with_several_pictures_the_prompt_comes_after_them() -> None:
    one = job(prompt=WRITTEN, assist="structure", count=2)
    content = presentation.pictures(one, rendered(2, assisted=Assisted(DRAWN)), "0")
    names = [name for name, _ in content.files]
    assert names == ["newbie-1001-3.png", "newbie-1001-4.png", "newbie-1001.xml"]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_prompt_that_was_cut_says_how_long_it_is_and_where_it_ends(locale: str) -> None:
    cut = Truncation(700, 512, "red_eyes, </appearance>")
    content = presentation.pictures(job(locale=locale), rendered(truncation=cut), "0")
    words = catalogue(locale[:2])
    value = fields(content)[words["prompt.cut.title"]]
    assert "700" in value
    assert "512" in value
    assert value.endswith("```\nred_eyes, </appearance>\n```")


def test_a_cut_of_which_nothing_can_be_shown_is_told_without_a_block() -> None:
    cut = Truncation(700, 512, "\n\x00 \u202e")
    content = presentation.pictures(job(), rendered(truncation=cut), "0")
    value = fields(content)[catalogue("en")["prompt.cut.title"]]
    assert FENCE not in value
    assert "700" in value


@settings(deadline=None, max_examples=60)
@given(ADDITIONS, TRUNCATIONS, st.sampled_from(LOCALES), st.sampled_from(["complete", "structure"]))
def test_hostile_text_stays_in_its_block_and_within_discords_limits(
    additions: tuple[Addition, ...], truncation: Truncation | None, locale: str, mode: str
) -> None:
    one = job(prompt=WRITTEN, assist=mode, locale=locale, count=4)
    result = rendered(4, assisted=Assisted(DRAWN, additions), truncation=truncation)
    content = presentation.pictures(one, result, "0")
    embed = shown(content)
    words = catalogue(locale[:2])
    parts = embed["description"].split(FENCE)
    assert len(parts) == (3 if additions else 1)
    lines = parts[1].removesuffix("\n").split("\n")[1:] if additions else []
    assert all(line.startswith("+ ") for line in lines)
    # Outside of the block stand our own words alone.
    outside = "".join(parts[::2])
    allowed = {words["assist.added"], words["assist.structured"], words["assist.structured.added"]}
    allowed |= {words["assist.more"].format(count=len(additions) - len(lines))}
    allowed |= {words["assist.file"].format(file="`newbie-1001.xml`")}
    assert {line for line in outside.split("\n") if line} <= allowed
    has_file = content.files[-1][0].endswith(".xml")
    whole = [f"+ {plain(each.place)}: {plain(each.text)}" for each in additions]
    assert has_file or (lines == whole and mode == "complete")

    cut = fields(content).get(words["prompt.cut.title"], "")
    assert len(cut.split(FENCE)) in (1, 3)
    assert bool(cut) is (truncation is not None)
    _check_limits(embed)
    seen = "".join([embed["description"], cut])
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f\x7f-\x9f]", seen)


def test_pictures_as_spoilers_are_files_that_no_embed_shows() -> None:
    for count in (1, 2):
        one = job(prompt=WRITTEN, assist="structure", count=count)
        result = rendered(count, assisted=Assisted(DRAWN))
        content = presentation.pictures(one, result, "0", as_spoilers=True)
        names = [name for name, _ in content.files]
        assert names[:count] == [f"SPOILER_newbie-1001-{3 + k}.png" for k in range(count)]
        assert names[count:] == ["newbie-1001.xml"], "text is no picture"
        assert "image" not in shown(content)
        assert read_recipe(content.files[0][1]).seed == 3
        openly = presentation.pictures(one, result, "0")
        assert not any("SPOILER" in name for name, _ in openly.files)
    assert shown(presentation.pictures(job(), rendered(), "0"))["image"]["url"] == (
        "attachment://newbie-1001-3.png"
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_pictures_that_were_held_back_are_counted_and_the_others_keep_their_seeds(
    locale: str,
) -> None:
    picture = Picture(2, 2, bytes(12))
    result = rendered(pictures=(None, picture, None, picture))
    content = presentation.pictures(job(count=4, locale=locale), result, "0")
    assert [name for name, _ in content.files] == ["newbie-1001-4.png", "newbie-1001-6.png"]
    assert [read_recipe(data).seed for _, data in content.files] == [4, 6]
    words = catalogue(locale[:2])
    assert shown(content)["title"] == words["pictures.title"].format(count=2)
    assert fields(content)[words["picture.seed"]] == "4\n6"
    assert fields(content)[words["held_back.title"]] == words["held_back"].format(count=2, total=4)
    whole = presentation.pictures(job(locale=locale), rendered(), "0")
    assert words["held_back.title"] not in fields(whole)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [code for code in OutcomeCode if code is not OutcomeCode.DONE])
def test_every_outcome_has_its_sentence(code: OutcomeCode, language: str) -> None:
    said = catalogue(language)[f"outcome.{code.value}"]
    names = {name for _, name, _, _ in Formatter().parse(said) if name}
    assert names <= {"seconds", "attempts", "job_id", "days"}
    english = {name for _, name, _, _ in Formatter().parse(catalogue("en")[f"outcome.{code}"])}
    assert names == {name for name in english if name}


def test_one_picture_that_is_left_is_shown_in_the_embed() -> None:
    result = rendered(pictures=(None, Picture(2, 2, bytes(12))))
    content = presentation.pictures(job(count=2), result, "0")
    assert shown(content)["image"]["url"] == "attachment://newbie-1001-4.png"
    assert shown(content)["title"] == catalogue("en")["picture.title"]


def _check_limits(embed: dict[str, Any]) -> None:
    """Hold an embed against Discord's limits, counted both ways that it may count."""
    texts = [embed["title"], embed["description"], embed["footer"]["text"]]
    texts += [text for field in embed["fields"] for text in (field["name"], field["value"])]
    assert utf16(embed["description"]) <= 4096
    assert all(1 <= utf16(field["value"]) <= 1024 for field in embed["fields"])
    assert sum(map(utf16, texts)) <= 6000
    errors = FormErrors()
    assert read_embeds(Form({"embeds": [embed]}, errors)) is not None
    assert not errors


@given(st.text(max_size=60), st.integers(1, 60))
def test_a_text_is_cut_between_characters(text: str, units: int) -> None:
    cut = shorten(text, units)
    assert utf16(cut) <= units
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("white_dress", "white_dress"),
        ("a\n\tb\u2028c", "a b c"),
        ("```\n@everyone", "ˋˋˋ @everyone"),
        ("\u202eevil\x00\x1b[31m", "evil[31m"),
        ("👩\u200d🎨, 初音ミク", "👩\u200d🎨, 初音ミク"),
    ],
)
def test_foreign_text_becomes_one_harmless_line(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_what_was_cut_off_is_shown_by_its_beginning() -> None:
    cut = Truncation(9_000, 512, "0123456789" * 200)
    content = presentation.pictures(job(), rendered(truncation=cut), "0")
    block = fields(content)[catalogue("en")["prompt.cut.title"]].split(FENCE)[1].strip()
    assert block.startswith("0123456789")
    assert block.endswith("…")
    assert utf16(block) == CUT_UNITS


@pytest.mark.parametrize(
    ("mode", "step", "text"),
    [
        ("complete", 0, "Completing your prompt."),
        ("structure", 0, "Putting your prompt into XML."),
        ("off", 0, "Drawing starts now."),
        ("complete", 1, "Drawing: step 1 of 2."),
    ],
)
def test_while_the_language_model_writes_the_message_says_so(
    mode: str, step: int, text: str
) -> None:
    assert presentation.progress(job(assist=mode), step, 2).text == text


@pytest.mark.parametrize(
    ("locale", "label"), [("en-US", "Cancel"), ("zh-CN", "取消"), ("ja", "キャンセル")]
)
def test_a_passing_state_can_be_cancelled(locale: str, label: str) -> None:
    content = presentation.progress(job(locale=locale), 1, 2)
    assert content.button == Button("newbie:cancel:1001", label)


def test_what_ends_a_job_has_no_button() -> None:
    for outcome in (Outcome(code=code) for code in OutcomeCode if code is not OutcomeCode.DONE):
        assert presentation.failure(job(), outcome, QueueSettings()).button is None
    assert presentation.pictures(job(), rendered(), "1.0").button is None


@pytest.mark.parametrize(("by", "named"), [(None, False), ("500", False), ("501", True)])
@pytest.mark.parametrize("locale", LOCALES)
def test_who_cancelled_a_job_is_named_where_it_was_not_its_owner(
    locale: str, by: str | None, named: bool
) -> None:
    cancelled = job(locale=locale).model_copy(update={"cancelled_by": by})
    outcome = Outcome(code=OutcomeCode.CANCELLED)
    text = presentation.failure(cancelled, outcome, QueueSettings()).text
    assert text.startswith("<@500> ")
    assert ("<@501>" in text) == named
