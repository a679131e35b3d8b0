"""Finds the message of a job that an earlier try may have posted.

A nonce keeps a repeated call from posting twice, but only for a few minutes. Whoever comes later
(Discord was away for long, or the machine of the worker that posted was) looks first.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import discord

from jobs.models import DeliveryAddress
from worker.errors import may_pass
from worker.presentation import Content

# So many of the first messages from the interaction's own on and as many of the latest, since a
# picture may come at once or hours later; and so many of the latest direct ones.
IN_CHANNEL = 300
DIRECT = 50


async def find_earlier(
    client: discord.Client, address: DeliveryAddress, content: Content
) -> str | None:
    """Give the id of a message that shows the same already; None where none is to be seen.

    Raises:
        discord.HTTPException: Discord is down or wants to be left alone, so nobody knows.
        aiohttp.ClientError, OSError: it cannot be reached.
    """
    channel = client.get_partial_messageable(int(address.channel_id))
    before = discord.Object(int(address.message_id) - 1)
    requester = discord.Object(int(address.requester_id))
    with _leaving_out_what_is_closed():
        for is_oldest_first in (True, False):
            async for message in channel.history(
                limit=IN_CHANNEL, after=before, oldest_first=is_oldest_first
            ):
                if _shows(message, client, address, content):
                    return str(message.id)
    with _leaving_out_what_is_closed():
        async for message in (await client.create_dm(requester)).history(limit=DIRECT):
            if _shows(message, client, address, content):
                return str(message.id)
    return None


@contextmanager
def _leaving_out_what_is_closed() -> Iterator[None]:
    """Go on where Discord refuses a look: what is gone or closed to us shows nothing."""
    try:
        yield
    except discord.HTTPException as error:
        if may_pass(error):
            raise


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
