"""The words of moderators' commands: there in every language, and none for nothing."""

import ast
from pathlib import Path

import pytest

import bot.admin
from bot.admin.queue import STATES
from jobs.guild import Access, QueueState, WordKind
from jobs.limit_layers import Source
from jobs.moderation import CANCELLED, FRONT
from jobs.wording import LANGUAGES, catalogue
from tests.bot.test_refusals import strings_passed_to

FILES = sorted(Path(bot.admin.__path__[0]).glob("*.py"))


def made_of(*parts: tuple[str, ...]) -> set[str]:
    """All keys that are put together of one of each of these parts."""
    keys = {"admin"}
    for part in parts:
        keys = {f"{key}.{each}" for key in keys for each in part}
    return keys


def used() -> set[str]:
    keys = strings_passed_to("say") | strings_passed_to("words") | strings_passed_to("Turn")
    keys |= {key for name in option_names() for key in name}
    kinds, places = tuple(WordKind), ("here", "everywhere")
    keys |= made_of(("words",), kinds)
    keys |= made_of(("words",), ("list",), (*kinds, "none"), places)
    keys |= made_of(("words",), ("test",), kinds, ("own", "operator"))
    keys |= made_of(("words",), ("test",), ("forbidden", "minors_in_adult_channel"))
    keys |= made_of(("entry",), ("words",), kinds)
    keys |= made_of(("entry",), ("added", "removed", "moderators"))
    keys |= made_of(("access",), (*Access, "none"))
    keys |= made_of(("queue",), tuple(QueueState))
    keys |= made_of(("queue",), ("note",), tuple(QueueState))
    keys |= made_of(("queue",), ("heading",), places)
    keys |= made_of(("state",), tuple(STATES))
    keys |= made_of(("entry",), ("job",), (CANCELLED, FRONT))
    keys |= made_of(("origin",), tuple(Source)) - {"admin.origin.role", "admin.origin.channel"}
    keys |= made_of(("channel",), ("list",), ("open", "closed"))
    keys |= made_of(("block",), places)
    keys |= made_of(("stats",), ("today", "week"))
    keys |= made_of(("stats",), ("heading",), ("today", "week"), places)
    return {key for key in keys if key.startswith("admin.")}


def option_names() -> list[tuple[str, str]]:
    """Keys of all options that commands name."""
    found = []
    for path in FILES:
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "described":
                for name in call.args:
                    assert isinstance(name, ast.Constant)
                    key = f"admin.option.{name.value}"
                    found.append((key, f"{key}.description"))
                for other in call.keywords:
                    assert isinstance(other.value, ast.Constant)
                    found.append((f"admin.option.{other.arg}", str(other.value.value)))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_that_are_used_are_those_that_are_there(language: str):
    ours = {key for key in catalogue(language) if key.startswith("admin.")}
    assert len(ours) > 100
    assert used() - ours == set()
    assert ours - used() == set()
