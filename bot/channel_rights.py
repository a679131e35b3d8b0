"""What the bot must be allowed to do in a channel before it takes a request there; no I/O.

A picture may come after the interaction's token has died: then it is an ordinary message with a
file and an embed, and what is missing would be noticed only when it is drawn already.
"""

import discord

NEEDED = ("view_channel", "send_messages", "embed_links", "attach_files")
NEEDED_IN_THREADS = ("view_channel", "send_messages_in_threads", "embed_links", "attach_files")
THREADS = (
    discord.ChannelType.news_thread,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
)


def missing_rights(
    permissions: discord.Permissions, channel_type: discord.ChannelType | None
) -> tuple[str, ...]:
    """Name the permissions that a picture's message needs and the bot lacks, as discord.py does."""
    needed = NEEDED_IN_THREADS if channel_type in THREADS else NEEDED
    return tuple(name for name in needed if not getattr(permissions, name))
