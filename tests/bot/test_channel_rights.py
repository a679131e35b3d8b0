"""Which of the bot's permissions a picture needs."""

import discord
import pytest

from bot.channel_rights import NEEDED, NEEDED_IN_THREADS, missing_rights

THREAD, CHANNEL = discord.ChannelType.public_thread, discord.ChannelType.text


@pytest.mark.parametrize("name", NEEDED)
def test_each_needed_right_is_missed_in_a_channel(name: str) -> None:
    rights = discord.Permissions.all()
    assert missing_rights(rights, CHANNEL) == ()
    rights.update(**{name: False})
    assert missing_rights(rights, CHANNEL) == (name,)


@pytest.mark.parametrize("name", NEEDED_IN_THREADS)
def test_each_needed_right_is_missed_in_a_thread(name: str) -> None:
    rights = discord.Permissions.all()
    rights.update(**{name: False})
    assert missing_rights(rights, THREAD) == (name,)


def test_a_thread_and_a_channel_have_rights_to_speak_of_their_own() -> None:
    rights = discord.Permissions.all()
    rights.update(send_messages=False)
    assert missing_rights(rights, THREAD) == ()
    rights.update(send_messages=True, send_messages_in_threads=False)
    assert missing_rights(rights, CHANNEL) == ()


def test_a_channel_of_unknown_kind_is_taken_for_an_ordinary_one() -> None:
    assert missing_rights(discord.Permissions.none(), None) == NEEDED
