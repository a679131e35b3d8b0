"""Finds the message of a job that an earlier try may have posted.

A nonce keeps a repeated call from posting twice, but only for a few minutes. Whoever comes later
(Discord was away for long, or the machine of the worker that posted was) looks first.
"""

import aiohttp
import discord

from jobs.models import DeliveryAddress
from worker.presentation import Content

# So many messages after the interaction's own, and so many of the latest direct ones.
IN_CHANNEL = 300
DIRECT = 50


async def find_earlier(
    client: discord.Client, address: DeliveryAddress, content: Content
) -> str | None:
    """Give the id of a message that shows the same already; None where none is to be seen."""
    channel = client.get_partial_messageable(int(address.channel_id))
    placeholder = discord.Object(int(address.message_id) - 1)
    requester = discord.Object(int(address.requester_id))
    try:
        async for message in channel.history(limit=IN_CHANNEL, after=placeholder):
            if _shows(message, client, address, content):
                return str(message.id)
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        pass  # it is gone or closed to us, or Discord is away: posting finds out
    try:
        async for message in (await client.create_dm(requester)).history(limit=DIRECT):
            if _shows(message, client, address, content):
                return str(message.id)
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        pass
    return None


def _shows(
    message: discord.Message, client: discord.Client, address: DeliveryAddress, content: Content
) -> bool:
    if client.user is None or message.author.id != client.user.id:
        return False
    if content.files:
        urls = [file.url for file in message.attachments]
        urls += [embed.image.url or "" for embed in message.embeds]
        # Smaller files have another ending. The job's id is in the name.
        names = [f"/{name.rpartition('.')[0]}." for name, _ in content.files]
        return any(name in url for name in names for url in urls)
    placeholder = int(address.message_id)
    answered = message.reference.message_id if message.reference else None
    return placeholder in (message.id, answered) and message.content == content.text
