"""Posting to Discord from the worker, through its REST API.

The ladder: edit the interaction's own message while its token lives; else reply in the channel.
An edit can be repeated safely. A reply carries the job's id as its nonce with `enforce_nonce`,
so that a repeated call does not post twice. Nobody but the requester is ever mentioned.

discord.py waits out rate limits and repeats calls that Discord answered with 5xx; what is left
(no connection at all) is repeated here with growing pauses.
"""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, cast

import aiohttp
import discord
import structlog

from jobs.models import DeliveryAddress
from jobs.settings import DiscordSettings
from worker.errors import Undeliverable
from worker.presentation import Content

log = structlog.get_logger("worker")

# Discord ends an interaction's token after 15 minutes; the margin covers the way there.
TOKEN_SECONDS = 15 * 60 - 10
# About two minutes in all.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
INVALID_WEBHOOK_TOKEN = 401
# Discord's name for the interaction's own message; discord.py's annotation knows numbers only.
ORIGINAL = cast(int, "@original")


class Delivery:
    """Writes one job's message. Use as an asynchronous context manager."""

    def __init__(self, settings: DiscordSettings, address: DeliveryAddress, job_id: str) -> None:
        self._settings = settings
        self._address = address
        self._job_id = job_id
        self._mentions = discord.AllowedMentions(
            everyone=False,
            roles=False,
            replied_user=False,
            users=[discord.Object(int(address.requester_id))],
        )

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        self._webhook = discord.Webhook.partial(
            int(self._address.application_id),
            self._address.interaction_token.get_secret_value(),
            session=self._session,
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def show(self, content: Content) -> None:
        """Show a passing state in the message; if that fails, the next state follows anyway."""
        if self._token_is_dead():
            return
        try:
            await self._edit(content)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.info("progress_not_shown", job_id=self._job_id, reason=type(error).__name__)

    async def post(self, content: Content) -> str:
        """Post the job's one lasting message.

        Returns:
            The id of the message that shows it.

        Raises:
            Undeliverable: neither way is open.
        """
        if not self._token_is_dead():
            try:
                return await self._patiently(lambda: self._edit(content))
            except (discord.NotFound, discord.Forbidden) as error:
                log.info("edit_refused", job_id=self._job_id, status=error.status, code=error.code)
            except discord.HTTPException as error:
                if error.status != INVALID_WEBHOOK_TOKEN:
                    raise Undeliverable(f"Discord refused the edit ({error.code})") from error
                log.info("edit_refused", job_id=self._job_id, status=error.status, code=error.code)
        try:
            return await self._patiently(lambda: self._reply(content))
        except discord.HTTPException as error:
            raise Undeliverable(f"Discord refused the message ({error.code})") from error

    def _token_is_dead(self) -> bool:
        return time.time() > self._address.interaction_at + TOKEN_SECONDS

    async def _edit(self, content: Content) -> str:
        message = await self._webhook.edit_message(
            ORIGINAL,
            content=content.text,
            embeds=[content.embed] if content.embed else [],
            attachments=_files(content),
            allowed_mentions=self._mentions,
        )
        return str(message.id)

    async def _reply(self, content: Content) -> str:
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(self._settings.token.get_secret_value())
            channel = client.get_partial_messageable(int(self._address.channel_id))
            message = await channel.send(
                content.text,
                embeds=[content.embed] if content.embed else [],
                files=_files(content),
                allowed_mentions=self._mentions,
                nonce=self._job_id,
                reference=discord.MessageReference(
                    message_id=int(self._address.message_id),
                    channel_id=int(self._address.channel_id),
                    fail_if_not_exists=False,
                ),
            )
            return str(message.id)

    async def _patiently(self, call: Callable[[], Awaitable[str]]) -> str:
        """Repeat a call while Discord cannot be reached or answers with 5xx."""
        for pause in PAUSES:
            try:
                return await call()
            except (discord.DiscordServerError, aiohttp.ClientError, OSError) as error:
                log.warning("discord_unreachable", job_id=self._job_id, reason=str(error)[:200])
                await asyncio.sleep(pause)
        try:
            return await call()
        except (discord.DiscordServerError, aiohttp.ClientError, OSError) as error:
            raise Undeliverable("Discord cannot be reached") from error


def _files(content: Content) -> list[discord.File]:
    # A File is read once: each try needs new ones.
    return [discord.File(io.BytesIO(data), filename=name) for name, data in content.files]
