"""The message that Discord shows as "thinking", by what Redis holds of its promise.

While the interaction's token lives, the message is read and written with it. Later the bot is only
its author: it finds the message in the channel, says what there is to say in a reply that mentions
nobody but the requester, and deletes what would go on "thinking".
"""

from collections.abc import Awaitable
from enum import Enum, auto
from typing import Any

import discord
import structlog

from bot.answers import CONNECTION_ERRORS, NETWORK_ERRORS, ORIGINAL, is_token_over
from jobs.promises import Promise

log = structlog.get_logger("bot")

UNKNOWN_MESSAGE = 10008
# The message follows its interaction, whose id tells the time, within seconds.
SEARCHED = 100


class Found(Enum):
    """What became of a placeholder."""

    THERE = auto()
    GONE = auto()
    # Discord does not say, for now.
    UNKNOWN = auto()


class TokenOver(Exception):
    """Discord does not know the interaction's token any more."""


class Placeholder:
    """The first message of an interaction that another process has answered."""

    def __init__(self, client: discord.Client, promise: Promise) -> None:
        self._client = client
        self._promise = promise
        self._webhook = discord.Webhook.partial(
            int(promise.application_id), promise.interaction_token.get_secret_value(), client=client
        )

    async def look(self, message_id: str | None) -> Found:
        """Tell whether it is there; what nobody can see any more counts as there."""
        try:
            return await self._by_token(self._webhook.fetch_message(ORIGINAL))
        except TokenOver:
            pass
        try:
            if message_id is not None:
                await self._channel.fetch_message(int(message_id))
        except CONNECTION_ERRORS as error:
            return self._unknown(error)
        except discord.HTTPException as error:
            return Found.GONE if error.code == UNKNOWN_MESSAGE else Found.THERE
        return Found.THERE

    async def tell(self, text: str) -> bool:
        """Say why no picture comes, where nobody has; False where it must be tried again."""
        try:
            edit = self._webhook.edit_message(ORIGINAL, content=text)
            return await self._by_token(edit) is not Found.UNKNOWN
        except TokenOver:
            pass
        try:
            await self._tell_beside(f"<@{self._promise.requester_id}> {text}")
        except CONNECTION_ERRORS as error:
            self._unknown(error)
            return False
        except discord.HTTPException as error:
            # No way is left, and trying again opens none.
            log.warning("member_not_told", job_id=self._promise.interaction_id, code=error.code)
        return True

    async def _by_token(self, call: Awaitable[object]) -> Found:
        """Use the interaction's token; raises TokenOver."""
        try:
            await call
        except discord.HTTPException as error:
            if is_token_over(error):
                raise TokenOver from None
            return Found.GONE if isinstance(error, discord.NotFound) else self._unknown(error)
        except NETWORK_ERRORS as error:
            return self._unknown(error)
        return Found.THERE

    async def _tell_beside(self, words: str) -> None:
        """Say it in the channel, or else directly; a bot that may not read there replies to none.

        Raises:
            discord.HTTPException: Discord refused on both ways.
        """
        requester = discord.Object(int(self._promise.requester_id))
        try:
            placeholder = await self._search()
            is_gone = placeholder is None and self._may_search()
            if is_gone or (placeholder is not None and not placeholder.flags.loading):
                return  # somebody has said so, in it or in its stead
            await self._send(self._channel, words, requester, placeholder)
        except (discord.Forbidden, discord.NotFound):
            await self._send(await self._client.create_dm(requester), words, requester, None)
            return
        if placeholder is not None:
            try:
                await placeholder.delete()
            except NETWORK_ERRORS as error:
                job_id = self._promise.interaction_id
                log.info("placeholder_stays", job_id=job_id, error=type(error).__name__)

    async def _search(self) -> discord.Message | None:
        """Look for the message among what was posted after its interaction."""
        interaction = discord.Object(int(self._promise.interaction_id))
        async for message in self._channel.history(limit=SEARCHED, after=interaction):
            metadata = message.interaction_metadata
            if metadata is not None and metadata.id == interaction.id:
                return message
        return None

    def _may_search(self) -> bool:
        """Tell whether what is there would be found: else Discord shows an empty channel."""
        channel = self._client.get_channel(int(self._promise.channel_id))
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return False
        return channel.permissions_for(channel.guild.me).read_message_history

    async def _send(
        self,
        where: discord.abc.Messageable,
        words: str,
        requester: discord.Object,
        answered: discord.Message | None,
    ) -> None:
        options: dict[str, Any] = {}
        if answered is not None:
            options["reference"] = answered.to_reference(fail_if_not_exists=False)
        await where.send(
            words,
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, replied_user=False, users=[requester]
            ),
            # Discord takes it once, should this process die before it knows.
            nonce=self._promise.interaction_id,
            **options,
        )

    @property
    def _channel(self) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(int(self._promise.channel_id))

    def _unknown(self, error: Exception) -> Found:
        job_id = self._promise.interaction_id
        log.warning("promise_not_looked_at", job_id=job_id, error=type(error).__name__)
        return Found.UNKNOWN
