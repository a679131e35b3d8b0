"""What applies to whom, and which place it is told to come from."""

import pytest

from bot.admin.limit_words import ceiling_lines, channel_lines, limit_lines
from jobs.admission import Requester
from jobs.guild import GuildSettings
from jobs.limits import Limit
from jobs.settings_table import Rating, Scope
from newbie_pipeline.prompt.assist import AssistMode

NOTHING = GuildSettings()


def lines(guild: GuildSettings, who: Requester, everywhere: GuildSettings = NOTHING) -> dict:
    """The lines by the name of the limit, without it."""
    found = limit_lines(guild, everywhere, who, "en-US")
    return {line.split("`")[1]: line.split("` ")[1] for line in found}


def test_only_the_roles_whose_value_applies_are_named():
    guild = GuildSettings(
        values={
            Scope.ROLE: {
                "1": {"steps": 20, "count": 1},
                "2": {"steps": 30},
                "3": {"steps": 30},
                "4": {"steps": 60},
            }
        }
    )
    found = lines(guild, Requester("9", roles=("1", "2", "3")))
    assert found["steps"] == "**30** (<@&2> <@&3>)"
    assert found["count"] == "**1** (<@&1>)"


def test_of_kinds_of_prompt_help_every_role_adds_its_own():
    guild = GuildSettings(
        values={
            Scope.ROLE: {
                "1": {"assist": frozenset({AssistMode.CAPTION})},
                "2": {"assist": frozenset({AssistMode.STRUCTURE})},
            }
        }
    )
    found = lines(guild, Requester("9", roles=("1", "2")))
    assert found["assist"] == "**caption, structure** (<@&1> <@&2>)"


def test_of_a_thread_and_its_channel_the_one_that_sets_it_is_named():
    guild = GuildSettings(
        values={
            Scope.CHANNEL: {"1": {"count": 1}, "2": {"steps": 10, "count": 2, "rating": "adult"}}
        }
    )
    who = Requester("9", channels=("1", "2"))
    found = lines(guild, who)
    assert (found["count"], found["steps"]) == ("**1** (<#1>)", "**10** (<#2>)")
    assert channel_lines(guild, who.channels, "en-US") == [
        "`rating` **adult** (<#2>)",
        "`spoilers` **no** (default)",
    ]


def test_the_operators_ceiling_is_named_only_where_it_is_lower():
    everywhere = GuildSettings(values={Scope.GUILD: {"": {"steps": 25, "count": 3}}})
    guild = GuildSettings(values={Scope.GUILD: {"": {"steps": 30, "count": 2}}})
    found = lines(guild, Requester("9"), everywhere)
    assert found["steps"] == "**25** (the bot's owner)"
    assert found["count"] == "**2** (this server)"
    assert ceiling_lines(everywhere, "en-US") == [
        "`steps` **25** (the bot's owner)",
        "`count` **3** (the bot's owner)",
    ]


@pytest.mark.parametrize("for_owner", [True, False])
def test_what_the_operator_alone_sets_is_shown_to_the_operator_alone(for_owner: bool):
    found = limit_lines(NOTHING, NOTHING, Requester("9"), "ja", for_owner=for_owner)
    assert any("`total_capacity`" in line for line in found) == for_owner
    assert len(found) == len(Limit) - (not for_owner)
    assert Rating.ADULT not in "".join(found)
