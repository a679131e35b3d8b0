"""Posting to Discord from the worker, through its REST API.

The ladder: edit the interaction's own message while its token lives; else reply in the channel;
else write to the requester directly. An edit can be repeated safely. The other two carry the
job's id as their nonce with `enforce_nonce`, so that a repeated call does not post twice; a later
try looks first for what was posted (`worker.earlier_message`). Nobody but the requester is ever
mentioned. Where Discord finds the files too large, the same way is tried with smaller ones
(`worker.shrinking`).

What was posted beside the interaction's message takes its place: that message, which only says how
far the job was, is deleted, so that a member sees one message for one job. Where every way is
closed, that message says how to get the result (`Delivery.point_to_fetch`).

discord.py waits out rate limits and repeats calls that Discord answered with 5xx; what is left
(no connection, an outage, a rate limit that it gave up on) is repeated here with growing pauses.
"""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import aiohttp
import discord
import structlog

from jobs.errors import NothingPromised
from jobs.models import DeliveryAddress
from jobs.settings import DiscordSettings
from jobs.wording import say
from worker.earlier_message import find_earlier
from worker.errors import DiscordUnreachable, Undeliverable, may_pass
from worker.presentation import Content
from worker.shrinking import smaller_contents

log = structlog.get_logger("worker")

# Discord ends an interaction's token after 15 minutes; the margin covers the way there.
TOKEN_SECONDS = 15 * 60 - 10
# Seconds between tries while Discord is out of reach; discord.py's own tries come on top.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
# The lasting message is posted by then, and shall soon be known to be.
PLACEHOLDER_PAUSES = 5
TOO_LARGE = 413
# A reply needs Read Message History, a message does not.
MAY_NOT_REPLY = 160002
UNKNOWN_MESSAGE = 10008
# Discord's name for the interaction's own message; discord.py's annotation knows numbers only.
ORIGINAL = cast(int, "@original")

Result = TypeVar("Result")


class Delivery:
    """Writes one job's message. Use as an asynchronous context manager."""

    def __init__(
        self,
        settings: DiscordSettings,
        address: DeliveryAddress,
        job_id: str,
        *,
        is_repeat: bool = False,
        is_in_doubt: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare a way; `is_in_doubt` asks whether the job's member may have been refused."""
        self._is_in_doubt = is_in_doubt
        self._settings = settings
        self._address = address
        self._job_id = job_id
        self._is_repeat = is_repeat
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
        if self._is_repeat and (earlier := await self._find_earlier(content)):
            return earlier
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
        raise Undeliverable("Discord refused the message on every way", versions.current)

    async def _find_earlier(self, content: Content) -> str | None:
        """Find what an earlier try has posted, and tidy up as that try should have done."""

        async def find() -> str | None:
            async with self._client() as client:
                return await find_earlier(client, self._address, content)

        # Who cannot look must not post: it may be there.
        earlier = await _patiently(self._job_id, find)
        if earlier is not None:
            log.info("posted_before", job_id=self._job_id, message_id=earlier)
            if earlier != self._address.message_id:
                await self._delete_placeholder()
        return earlier

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
        """Delete the interaction's message; where Discord does not let us, it stays."""

        async def delete() -> None:
            async with self._client() as client:
                await self._placeholder(client).delete()

        with self._leaving_placeholder():
            await _patiently(self._job_id, delete, PLACEHOLDER_PAUSES)

    async def point_to_fetch(self) -> None:
        """Say in the interaction's message how to get a kept result, as far as Discord lets us."""
        address = self._address
        words = f"<@{address.requester_id}> {say('kept.pointer', address.locale)}"

        async def edit() -> None:
            async with self._client() as client:
                # Its token is over, or did not help: as its author we may edit it all the same.
                placeholder = self._placeholder(client)
                mentions = self._mentions
                await placeholder.edit(content=words, allowed_mentions=mentions, view=None)

        with self._leaving_placeholder():
            await _patiently(self._job_id, edit, PLACEHOLDER_PAUSES)

    def _placeholder(self, client: discord.Client) -> discord.PartialMessage:
        channel = client.get_partial_messageable(int(self._address.channel_id))
        return channel.get_partial_message(int(self._address.message_id))

    @contextmanager
    def _leaving_placeholder(self) -> Iterator[None]:
        """Go on where the interaction's message cannot be changed."""
        try:
            yield
        except (discord.HTTPException, aiohttp.ClientError, OSError, DiscordUnreachable) as error:
            log.info("placeholder_stays", job_id=self._job_id, reason=type(error).__name__)

    def _token_is_dead(self) -> bool:
        return time.time() > self._address.interaction_at + TOKEN_SECONDS

    async def _edit(self, content: Content) -> str:
        message = await self._webhook.edit_message(
            ORIGINAL,
            content=content.text,
            embeds=[content.embed] if content.embed else [],
            attachments=_files(content),
            view=_view(content),
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
            try:
                return await self._send(channel, content, reference=reference)
            except discord.HTTPException as error:
                if error.code != MAY_NOT_REPLY:
                    raise
                return await self._send(channel, content)

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


async def _patiently(
    job_id: str, call: Callable[[], Awaitable[Result]], most_pauses: int | None = None
) -> Result:
    """Repeat a call while Discord cannot be reached, is down, or wants to be left alone."""
    for pause in (*PAUSES[:most_pauses], None):
        try:
            return await call()
        except discord.HTTPException as error:
            if not may_pass(error):
                raise
            problem: Exception = error
        except (aiohttp.ClientError, OSError) as error:
            problem = error
        # The name only: the text of some of these holds the address, and so the token.
        log.warning("discord_unreachable", job_id=job_id, reason=type(problem).__name__)
        if pause is not None:
            await asyncio.sleep(pause)
    raise DiscordUnreachable("Discord cannot be reached")


class _DrawnView(discord.ui.View):
    """Buttons that another process answers: nobody here listens for them."""

    def is_dispatchable(self) -> bool:
        """Tell the library that it need not wait for presses, which it could not do here."""
        return False


def _view(content: Content) -> discord.ui.View | None:
    """Draw the button under a message; None takes away what an earlier state had."""
    if content.button is None:
        return None
    view = _DrawnView(timeout=None)
    button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
        label=content.button.label, custom_id=content.button.custom_id
    )
    return view.add_item(button)


def _files(content: Content) -> list[discord.File]:
    # A File is read once: each try needs new ones.
    return [discord.File(io.BytesIO(data), filename=name) for name, data in content.files]
