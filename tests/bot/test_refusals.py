"""Every refusal has words in every language, and they repeat nothing that could do harm."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import bot
from bot.errors import OptionRefused, Refused
from bot.options import Defaults, Options, check_options
from bot.refusals import MAX_NOTES, code_of, notes, prompt_wording, quote, sentence
from jobs.errors import QueueUnavailable
from jobs.wording import LANGUAGES, catalogue
from newbie_pipeline.prompt.errors import CATALOGUE, Code, PromptError, PromptWarning
from newbie_pipeline.prompt.parse import check_prompt, parse

BOT = Path(bot.__path__[0])
LOCALES = ("en-US", "zh-CN", "zh-TW", "ja", "pt-BR")
OPTIONS = (
    *("prompt", "file", "negative_prompt", "size", "steps", "guidance", "seed", "count"),
    *("assist", "model"),
)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def strings_passed_to(name: str) -> set[str]:
    """Literal first arguments of all calls of that name in the room."""
    return {
        call.args[0].value
        for path in BOT.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", getattr(call.func, "attr", None)) == name
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


def used_keys() -> set[str]:
    keys = strings_passed_to("say") | strings_passed_to("words")
    keys |= {f"error.{code}" for code in strings_passed_to("Refused")}
    keys |= {
        f"error.option.{kind}" for kind in ("whole", "number", "choice", "length", "unreadable")
    }
    keys |= {f"bot.option.{option}" for option in OPTIONS}
    keys |= {f"bot.option.{option}.description" for option in OPTIONS}
    keys |= {"bot.assist.off"}
    keys |= {
        f"bot.assist.{mode}{end}"
        for mode in ("complete", "structure")
        for end in ("", ".unavailable")
    }
    keys |= {f"bot.size.{shape}" for shape in ("square", "portrait", "landscape")}
    return keys | {
        "error.queue_unavailable",
        "error.settings_of_another_version",
        "error.unknown_command",
        "error.internal",
        "queued.soon",
        "queued.no_worker",
    }


def test_each_key_that_the_bot_uses_exists_in_every_language():
    used = used_keys()
    assert len(used) > 30
    for language in LANGUAGES:
        assert used - set(catalogue(language)) == set()


def test_no_sentence_of_the_bot_is_left_unused():
    ours = {key for key in catalogue("en") if key.startswith(("bot.", "error."))}
    assert ours - used_keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_agree_with_english(language: str):
    english = catalogue("en")
    for key, text in catalogue(language).items():
        if key in english:
            assert placeholders(text) == placeholders(english[key]), key


@pytest.mark.parametrize("locale", ["zh-CN", "ja"])
@pytest.mark.parametrize("code", list(Code))
def test_each_prompt_error_is_translated(code: Code, locale: str):
    entry = CATALOGUE[code]
    message, hint = prompt_wording(code, locale)
    assert message != entry.message
    assert hint != entry.hint
    # A language may leave out what it cannot say well, but knows nothing more.
    assert placeholders(message) <= placeholders(entry.message) | {"line", "column"}
    assert placeholders(hint) <= placeholders(entry.hint)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", [code for code in Code if not code.is_warning])
def test_each_prompt_error_is_said_in_one_short_message(code: Code, locale: str):
    with pytest.raises(PromptError) as refused:
        check_prompt(CATALOGUE[code].example)
    text = sentence(refused.value, locale)
    assert 10 < len(text) < 400
    assert not re.search(r"[{}]", text)
    assert code_of(refused.value) == code.value
    if refused.value.line is not None:
        assert str(refused.value.line) in text
        assert str(refused.value.column) in text


def test_a_broken_prompt_is_answered_with_line_and_column():
    with pytest.raises(PromptError) as refused:
        check_prompt("<a>\n  <n>miku</a>\n and luka</n>")
    assert sentence(refused.value, "en-US") == (
        "`</a>` comes before `</n>`, so the two elements cross (line 2, column 10). "
        "Close the element that was opened last first: `</n>`, then `</a>`."
    )


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", [code for code in Code if code.is_warning])
def test_each_warning_is_said_in_one_short_line(code: Code, locale: str):
    warnings = [each for each in parse(CATALOGUE[code].example).warnings if each.code is code][:1]
    head, line = notes(warnings, locale).split("\n")
    assert 10 < len(line) < 320
    assert head
    assert not re.search(r"[{}]", line)
    if warnings[0].line is not None:
        assert str(warnings[0].line) in line


@pytest.mark.parametrize("locale", LOCALES)
def test_many_warnings_fit_into_one_message(locale: str):
    longest = "<" + "w" * 60
    values = dict.fromkeys(("tag", "parent", "found", "expected", "end", "read"), longest)
    values |= {"encoding": longest, "other": longest, "declared": longest, "attribute": longest}
    values |= {"nearest": longest, "first": longest, "second": longest, "given": longest}
    values |= {"code": "W306", "count": 9, "limit": 9, "tokens": 9, "girls": 9, "boys": 9}
    for code in (code for code in Code if code.is_warning):
        text = notes([PromptWarning(code, 99_999, 99_999, values)] * (MAX_NOTES + 4), locale)
        assert len(text) < 2000
        assert text.count("\n") == MAX_NOTES + 1
        assert "4" in text.split("\n")[-1]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "options",
    [
        Options(steps=0),
        Options(guidance=99.0),
        Options(seed=-1),
        Options(count=5),
        Options(size="huge"),
        Options(negative_prompt="x" * 4001),
        Options(assist="interaction"),
    ],
)
def test_a_refused_option_is_named_with_what_was_given_and_what_is_allowed(
    options: Options, locale: str
):
    with pytest.raises(OptionRefused) as refused:
        check_options(options, Defaults(28, 4.0))
    text = sentence(refused.value, locale)
    language = "en" if locale == "pt-BR" else locale[:2]
    assert catalogue(language)[f"bot.option.{refused.value.option}"] in text
    assert str(refused.value.data["given"]) in text
    for limit in ("low", "high", "allowed"):
        assert str(refused.value.data.get(limit, "")) in text


def test_an_unreachable_queue_is_said_plainly():
    assert "not accepted" in sentence(QueueUnavailable(), "en-US")
    assert code_of(QueueUnavailable()) == "queue_unavailable"
    assert code_of(Refused("file_type")) == "file_type"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("</n>", "`</n>`"),
        ("`**x**`", "`ˋ**x**ˋ`"),
        ("a\nb", "`a b`"),
        ("", "` `"),
        ("x" * 100, "`" + "x" * 23 + "…`"),
    ],
)
def test_foreign_text_stays_inside_its_code_marks(text: str, shown: str):
    assert quote(text) == shown


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "prompt",
    [
        "<n>&everyone;</n>",
        "<@&1></b>",
        "<a>**bold**`</`b>",
        "<https://x.y></https:>",
        "<t:1:R>",
        "<n><@123></n>x</n>",
        "<n a=<@1>>x</n>",
        "<n x>`</n>",
        "<lora:<@1>:1>",
    ],
)
def test_a_refused_prompt_can_neither_mention_nor_format(prompt: str, locale: str):
    with pytest.raises(PromptError) as refused:
        check_prompt(prompt)
    text = sentence(refused.value, locale)
    assert text.count("`") % 2 == 0
    outside = re.sub(r"`[^`]*`", "", text)
    assert not re.search(r"<@|@everyone|https?:|\*\*|<t:", outside)
