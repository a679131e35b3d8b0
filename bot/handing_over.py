"""Hands over what waits for a member: each result in a private message of its own.

Discord knows no nonce for private messages, so creating one cannot be repeated safely; editing one
can. Hence each result gets a message first, that message is noted in Redis, and then it is edited
to show the result. Whoever has to hand the result over again, since nobody knows whether that
edit arrived, removes the noted message before. Once its interaction's token is over that is not
possible: then the result is shown again, since twice in private is better than never.
"""

import asyncio
import io
import time

import discord
import structlog

from bot.answers import CONNECTION_ERRORS, NETWORK_ERRORS, TOKEN_SECONDS, Interaction
from bot.async_kept import AsyncKept
from bot.reminders import gone_text
from jobs.errors import QueueUnavailable
from jobs.message_parts import PlainMessage
from jobs.models import Handover, Job, Outcome
from jobs.wording import say

log = structlog.get_logger("bot")

# Both together are less than the lock's lifetime (`jobs.kept.HANDOVER_SECONDS`).
SHOW_SECONDS = 60.0
RECORD_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
EDIT_PAUSES = (0.5, 1.0, 2.0)
PLACEHOLDER_SECONDS = 10.0
TOO_LARGE = 413
# The message is gone already, or nothing can be done about it any more.
GONE_CODES = frozenset({10008, 10015, 50027})


async def hand_over_all(interaction: Interaction, kept: AsyncKept, original_id: int) -> None:
    """Hand over all that waits for the sender, and say what else there is to say."""
    member, locale = str(interaction.user.id), interaction.locale.value
    desk = Desk(interaction, kept, original_id)
    try:
        waiting = await kept.of_member(member)
        words = gone_text(waiting, locale)
        served = [
            await desk.serve(job.id, number, len(waiting.jobs))
            for number, job in enumerate(waiting.jobs, start=1)
        ]
        if not all(served):
            words.append(say("kept.busy", locale))
        if words or desk.is_open:
            await desk.say("\n".join(words) or say("kept.nothing", locale))
        await kept.forget(member, waiting.gone)
    except QueueUnavailable:
        log.warning("queue_unavailable", user_id=member)
        await desk.say(say("kept.unreachable", locale))


class Desk:
    """The private messages of one interaction."""

    def __init__(self, interaction: Interaction, kept: AsyncKept, original_id: int) -> None:
        self._interaction = interaction
        self._kept = kept
        self._locale = interaction.locale.value
        # A message that shows nothing yet. None is used for a second result, whatever became of
        # the first: it may be shown there after all.
        self._open: int | None = original_id

    @property
    def is_open(self) -> bool:
        """Tell whether a message is left that shows nothing."""
        return self._open is not None

    async def say(self, text: str) -> None:
        """Say something in the open message, or else in a new one."""
        message_id, self._open = self._open, None
        if message_id is None:
            await self._interaction.followup.send(text, ephemeral=True)
        else:
            await self._edit(message_id, PlainMessage(text))

    async def serve(self, job_id: str, number: int, count: int) -> bool:
        """Hand one result over; False where it is handed over in another message just now."""
        async with self._kept.handover(job_id) as held:
            if not held:
                return False
            job = await self._kept.read(job_id)
            if job is None:
                return True
            try:
                async with asyncio.timeout(SHOW_SECONDS):
                    shown = await self._show(job, number, count)
            except (*NETWORK_ERRORS, ValueError, KeyError) as error:
                await self._put_off(job, error)
                return True
            if shown is not None:
                await self._close(job, shown)
        return True

    async def _show(self, job: Job, number: int, count: int) -> Outcome | None:
        """Show a result in a message; None when it is not kept any more."""
        message, outcome = await self._kept.result(job)
        if job.handover is not None:
            await self._take_back(job.handover)
        if self._open is None:
            words = say("kept.next", self._locale, number=number, count=count)
            self._open = (
                await self._interaction.followup.send(words, ephemeral=True, wait=True)
            ).id
        message_id = self._open
        noted = Handover(
            token=self._interaction.token,
            message_id=str(message_id),
            at=self._interaction.created_at.timestamp(),
        )
        if not await self._kept.note(job, noted):
            return None
        await self._edit(message_id, message)
        self._open = None
        return outcome.model_copy(update={"message_id": str(message_id)})

    async def _edit(self, message_id: int, message: PlainMessage) -> None:
        """Edit a message; a broken connection is tried again, since that can do no harm."""
        embed = discord.Embed.from_dict(message.embed) if message.embed else None
        for pause in (*EDIT_PAUSES, None):
            try:
                await self._interaction.followup.edit_message(
                    message_id,
                    content=message.text,
                    embeds=[embed] if embed else [],
                    attachments=[
                        discord.File(io.BytesIO(data), filename=name)
                        for name, data in message.files
                    ],
                )
                return
            except CONNECTION_ERRORS:
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    async def _take_back(self, handover: Handover) -> None:
        """Remove the message in which a result may be shown already."""
        if time.time() >= handover.at + TOKEN_SECONDS:
            return
        webhook = discord.Webhook.partial(
            self._interaction.application_id,
            handover.token.get_secret_value(),
            client=self._interaction.client,
        )
        try:
            await webhook.delete_message(int(handover.message_id))
        except discord.HTTPException as error:
            if error.code not in GONE_CODES:
                raise

    async def _put_off(self, job: Job, error: Exception) -> None:
        """Say that a result goes on waiting, as far as that can be said."""
        log.warning("not_handed_over", job_id=job.id, error=type(error).__name__)
        is_too_large = isinstance(error, discord.HTTPException) and error.status == TOO_LARGE
        key = "kept.too_large" if is_too_large else "kept.later"
        try:
            await self.say(say(key, self._locale))
        except NETWORK_ERRORS as second:
            log.warning("member_not_told", job_id=job.id, error=type(second).__name__)

    async def _close(self, job: Job, outcome: Outcome) -> None:
        """Record that a result was handed over; else it is offered again."""
        for pause in (*RECORD_PAUSES, None):
            try:
                await self._kept.handed_over(job, outcome)
                break
            except QueueUnavailable:
                if pause is None:
                    log.warning("handover_not_recorded", job_id=job.id)
                    return
                await asyncio.sleep(pause)
        user_id = str(self._interaction.user.id)
        log.info("handed_over", job_id=job.id, user_id=user_id, code=outcome.code.value)
        await self._delete_placeholder(job)

    async def _delete_placeholder(self, job: Job) -> None:
        """Delete the message that said how to get the result; where that fails, it stays."""
        channel = self._interaction.client.get_partial_messageable(int(job.address.channel_id))
        try:
            async with asyncio.timeout(PLACEHOLDER_SECONDS):
                await channel.get_partial_message(int(job.address.message_id)).delete()
        except NETWORK_ERRORS as error:
            log.info("placeholder_stays", job_id=job.id, error=type(error).__name__)
