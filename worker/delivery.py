"""Posting to Discord from the worker, through its REST API.

The ladder: edit the interaction's own message while its token lives; else reply in the channel;
else write to the requester directly. An edit can be repeated safely. The other two carry the
job's id as their nonce with `enforce_nonce`, so that a repeated call does not post twice. Nobody
but the requester is ever mentioned. Where Discord finds the files too large, the same way is tried
with smaller ones (`worker.shrinking`).

What was posted beside the interaction's message takes its place: that message, which only says how
far the job was, is deleted, so that a member sees one message for one job.

discord.py waits out rate limits and repeats calls that Discord answered with 5xx; what is left
(no connection, an outage, a rate limit that it gave up on) is repeated here with growing pauses.
"""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
import discord
import structlog

from jobs.errors import NothingPromised
from jobs.models import DeliveryAddress
from jobs.settings import DiscordSettings
from worker.errors import DiscordUnreachable, Undeliverable
from worker.presentation import Content
from worker.shrinking import smaller_contents

log = structlog.get_logger("worker")

# Discord ends an interaction's token after 15 minutes; the margin covers the way there.
TOKEN_SECONDS = 15 * 60 - 10
# Seconds between tries while Discord is out of reach; discord.py's own tries come on top.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
TOO_MANY_REQUESTS = 429
TOO_LARGE = 413
UNKNOWN_MESSAGE = 10008
# Discord's name for the interaction's own message; discord.py's annotation knows numbers only.
ORIGINAL = cast(int, "@original")


class Delivery:
    """Writes one job's message. Use as an asynchronous context manager."""

    def __init__(
        self,
        settings: DiscordSettings,
        address: DeliveryAddress,
        job_id: str,
        *,
        is_in_doubt: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare a way; `is_in_doubt` asks whether the job's member may have been refused."""
        self._is_in_doubt = is_in_doubt
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
        """Post the job's one lasting message on the first way that is open.

        Returns:
            The id of the message that shows it.

        Raises:
            NothingPromised: the job's member was told that it is not accepted.
            Undeliverable: Discord refused it on every way.
            DiscordUnreachable: nothing is known about the ways: try again later.
        """
        ways = [self._reply, self._write_directly]
        if not self._token_is_dead():
            ways.insert(0, self._edit)
        versions = _Versions(content)
        for way in ways:
            message_id = await self._try(way, versions)
            if message_id is not None:
                if way != self._edit:
                    await self._delete_placeholder()
                return message_id
        raise Undeliverable("Discord refused the message on every way")

    async def _try(
        self, way: Callable[[Content], Awaitable[str]], versions: "_Versions"
    ) -> str | None:
        """Post on one way, with smaller files where they are too large; None where it is closed."""
        while True:
            try:
                return await _patiently(self._job_id, lambda: way(versions.current))
            except discord.HTTPException as error:
                log.info(
                    "delivery_refused",
                    job_id=self._job_id,
                    way=way.__name__.strip("_"),
                    status=error.status,
                    code=error.code,
                )
                if error.code == UNKNOWN_MESSAGE and await asyncio.to_thread(self._is_in_doubt):
                    raise NothingPromised(self._job_id) from error
                if error.status != TOO_LARGE or not await versions.shrink():
                    return None

    async def _delete_placeholder(self) -> None:
        """Delete the interaction's message; where that fails, it stays and does no harm."""
        address = self._address
        try:
            async with self._client() as client:
                channel = client.get_partial_messageable(int(address.channel_id))
                await channel.get_partial_message(int(address.message_id)).delete()
        except (
            discord.HTTPException,
            aiohttp.ClientError,
            OSError,
            DiscordUnreachable,
        ) as error:
            log.info("placeholder_stays", job_id=self._job_id, reason=type(error).__name__)

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
        async with self._client() as client:
            channel = client.get_partial_messageable(int(self._address.channel_id))
            reference = discord.MessageReference(
                message_id=int(self._address.message_id),
                channel_id=int(self._address.channel_id),
                fail_if_not_exists=False,
            )
            return await self._send(channel, content, reference=reference)

    async def _write_directly(self, content: Content) -> str:
        async with self._client() as client:
            channel = await client.create_dm(discord.Object(int(self._address.requester_id)))
            return await self._send(channel, content)

    async def _send(
        self, channel: discord.abc.Messageable, content: Content, **options: Any
    ) -> str:
        message = await channel.send(
            content.text,
            embeds=[content.embed] if content.embed else [],
            files=_files(content),
            allowed_mentions=self._mentions,
            nonce=self._job_id,
            **options,
        )
        return str(message.id)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[discord.Client]:
        async with discord.Client(intents=discord.Intents.none()) as client:
            try:
                await client.login(self._settings.token.get_secret_value())
            except discord.LoginFailure as error:
                # The operator can mend that: the message is not lost, only late.
                raise DiscordUnreachable("Discord does not know the bot's token") from error
            yield client


class _Versions:
    """A message, and the same with ever smaller files; what was too large once stays so."""

    def __init__(self, content: Content) -> None:
        self.current = content
        self._smaller = smaller_contents(content)

    async def shrink(self) -> bool:
        """Go on to smaller files; False when there are none."""
        smaller = await asyncio.to_thread(next, self._smaller, None)
        if smaller is None:
            return False
        self.current = smaller
        return True


async def _patiently(job_id: str, call: Callable[[], Awaitable[str]]) -> str:
    """Repeat a call while Discord cannot be reached, is down, or wants to be left alone."""
    for pause in (*PAUSES, None):
        try:
            return await call()
        except discord.HTTPException as error:
            if error.status < 500 and error.status != TOO_MANY_REQUESTS:
                raise
            problem: Exception = error
        except (aiohttp.ClientError, OSError) as error:
            problem = error
        # The name only: the text of some of these holds the address, and so the token.
        log.warning("discord_unreachable", job_id=job_id, reason=type(problem).__name__)
        if pause is not None:
            await asyncio.sleep(pause)
    raise DiscordUnreachable("Discord cannot be reached")


def _files(content: Content) -> list[discord.File]:
    # A File is read once: each try needs new ones.
    return [discord.File(io.BytesIO(data), filename=name) for name, data in content.files]
