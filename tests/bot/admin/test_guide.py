"""The moderators' guide says what is so."""

import re
from pathlib import Path

import pytest

from bot.admin.word_trial import try_text
from jobs.admission import Denial, Requester
from jobs.guild import GuildSettings, WordKind
from jobs.limits import ASSIST_MODES, DEFAULTS, Limit
from jobs.models import OutcomeCode
from jobs.rating import RatingRefusal
from jobs.settings_table import SETTINGS
from playground.client import PlaygroundClient
from tests.bot.admin.conftest import leaves, offered

GUIDE = (Path(__file__).parents[3] / "docs" / "moderators.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """Rows of the table whose first line begins so."""
    _, _, rest = GUIDE.partition(f"| {heading} ")
    assert rest, heading
    table = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def names_in(cells: list[str]) -> set[str]:
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_setting_is_in_the_table_with_its_default():
    found = {row[0].strip("`"): row[-1] for row in rows("name | what it is")}
    assert set(found) == {name for name, each in SETTINGS.items() if not each.is_operators}
    for name, default in found.items():
        if name in list(Limit):
            value = getattr(DEFAULTS, name)
            shown = "all" if value == ASSIST_MODES else SETTINGS[name].format(value)
            assert default == shown, name


def test_every_reason_is_explained():
    refusals = names_in([row[0] for row in rows("code | a request was refused")])
    assert refusals == {each.value for each in (*Denial, *RatingRefusal)}
    outcomes = names_in([row[0] for row in rows("code | a job ended")])
    assert outcomes == set(OutcomeCode) - {OutcomeCode.DONE}


async def test_every_command_is_described(discord: PlaygroundClient):
    for leaf in leaves(await offered(discord)):
        assert f"`{leaf.path}" in GUIDE or f"newbie-admin {leaf.path}" in GUIDE, leaf.path


@pytest.mark.parametrize(
    ("text", "is_matched"),
    [
        ("a tea pot", True),
        ("tea_pot, 1girl", True),
        ("TEA-POT", True),
        ("teapot", True),
        ("ｔｅａｐｏｔ", True),
        ("t.e.a.p.o.t", True),
        ("t e a p o t", True),
        ("teeeapot", True),
        ("t3apot", True),
        ("<n>miku</n><action>teapot</action>", True),
        ("tea", False),
        ("teapots", False),
        ("steapot", False),
        ("green tea, a pot", False),
    ],
)
def test_what_the_guide_says_of_words_is_so(text: str, is_matched: bool):
    guild = GuildSettings(words={WordKind.BLOCKED: ("tea pot",)})
    refusal = try_text(guild, GuildSettings(), Requester("1"), text).refusal
    assert (refusal is not None) == is_matched
