"""Whom a command is about: what a channel or thread lies in, and whether Discord restricts it."""

import discord
import pytest
from discord.app_commands import AppCommandChannel, AppCommandThread

from bot.admin.targets import Target, is_age_restricted, path_of, target_of
from bot.errors import Refused
from jobs.settings_table import Scope

CATEGORY, TALK, NIGHT = "2", "3", "4"


@pytest.fixture
def state() -> discord.state.ConnectionState:
    """What a client that knows one server keeps in memory."""
    client = discord.Client(intents=discord.Intents.none())
    channels = [
        {"id": CATEGORY, "type": 4, "name": "all", "position": 0, "permission_overwrites": []},
        *(
            {
                "id": id_,
                "type": 0,
                "name": "one",
                "position": 1,
                "permission_overwrites": [],
                "parent_id": CATEGORY,
                "nsfw": id_ == NIGHT,
            }
            for id_ in (TALK, NIGHT)
        ),
    ]
    data = {"id": "1", "name": "Server", "channels": channels}
    client._connection._add_guild(discord.Guild(data=data, state=client._connection))
    return client._connection


def channel(state: discord.state.ConnectionState, id_: str) -> AppCommandChannel:
    data = {"id": id_, "type": 0, "name": "one", "permissions": "0", "parent_id": CATEGORY}
    return AppCommandChannel(state=state, data=data, guild_id=1)


def thread(state: discord.state.ConnectionState, parent: str) -> AppCommandThread:
    data = {
        "id": "9",
        "type": 11,
        "name": "t",
        "permissions": "0",
        "parent_id": parent,
        "owner_id": "5",
        "member_count": 1,
        "message_count": 1,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 60,
            "archive_timestamp": "2026-01-01T00:00:00+00:00",
        },
    }
    return AppCommandThread(state=state, data=data, guild_id=1)


def test_a_channel_lies_in_its_category_and_a_thread_in_its_channel(state):
    assert path_of(channel(state, TALK)) == (TALK, CATEGORY)
    assert path_of(thread(state, NIGHT)) == ("9", NIGHT, CATEGORY)
    assert path_of(thread(state, "77")) == ("9", "77")


def test_a_thread_is_as_restricted_as_its_channel(state):
    assert is_age_restricted(channel(state, NIGHT))
    assert is_age_restricted(thread(state, NIGHT))
    assert not is_age_restricted(channel(state, TALK))
    assert not is_age_restricted(thread(state, TALK))
    # What nobody knows to be restricted is open to all.
    assert not is_age_restricted(thread(state, "77"))


def test_one_target_or_none(state):
    assert target_of(None, None, None) == Target(Scope.GUILD)
    found = target_of(None, channel(state, TALK), None)
    assert found == Target(Scope.CHANNEL, TALK)
    assert found.mark == f"<#{TALK}>"
    with pytest.raises(Refused, match="several_targets"):
        target_of(None, channel(state, TALK), discord.Object(5))
