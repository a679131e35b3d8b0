"""From a member's interaction to a job in line.

The order is fixed: what needs no I/O is checked first and refused as the first answer; then the
interaction is acknowledged; then the file is read and checked, the job is stored, and its place is
shown. Whatever is refused leaves nothing in the queue.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import discord
import structlog

from bot.abilities import WorkerBoard, check_needs, with_model
from bot.answers import NETWORK_ERRORS, Interaction, acknowledge, is_too_late, open_form, tell
from bot.async_guilds import AsyncGuilds
from bot.async_queue import AsyncQueue
from bot.channel_rights import missing_rights
from bot.errors import PolicyRefused, Refused
from bot.options import Defaults, Options, build_request, check_options
from bot.positions import Board
from bot.promises import Promises
from bot.prompt_form import build_form
from bot.prompt_text import check_file, unwrap
from bot.refusals import REFUSALS, Refusal, code_of, notes, sentence
from bot.reminders import Reminders
from bot.requester import guild_of, requester_of
from bot.rules import rules_for
from bot.settings import BotSettings
from bot.waiting_message import show_place
from bot.withdrawals import Withdrawals
from jobs.capability import needs_of
from jobs.errors import LimitReached, QueueUnavailable
from jobs.models import DeliveryAddress, Job
from jobs.wording import say
from newbie_pipeline.prompt.errors import PromptWarning
from newbie_pipeline.prompt.parse import parse

log = structlog.get_logger("bot")

DOWNLOAD_SECONDS = 15
# Seconds between looks at a message that the worker is about to edit.
NOTE_WAITS = (1, 2, 4, 8, 15, 30, 60, 120)

# Discord waits three seconds for a form to open.
QUICK_SECONDS = 1.0

NO_OPTIONS = Options()


@dataclass(frozen=True)
class Ask:
    """What a member wants drawn; without a source they get the form to write the prompt in."""

    source: str | discord.Attachment | None
    options: Options = NO_OPTIONS


Reader = Callable[[], Ask]


@dataclass(frozen=True)
class Accepted:
    """A job in line, and what there is to say about its prompt."""

    job: Job
    warnings: tuple[PromptWarning, ...]


class Intake:
    """Takes requests in, until it is closed."""

    def __init__(
        self,
        *,
        queue: AsyncQueue,
        guild_settings: AsyncGuilds,
        board: Board,
        workers: WorkerBoard,
        reminders: Reminders,
        settings: BotSettings,
    ) -> None:
        self.queue = queue
        self.guild_settings = guild_settings
        self.board = board
        self.workers = workers
        self._reminders = reminders
        self.defaults = Defaults(settings.default_steps, settings.default_guidance)
        self.promises = Promises(queue)
        self.withdrawals = Withdrawals(queue)
        self._is_closed = False

    async def take(self, interaction: Interaction, command: str, read: Reader) -> None:
        """Accept one request or tell its sender why not; log which of the two.

        `read` finds out what is asked for and may refuse, like all that follows.
        """
        try:
            await self._take(interaction, command, read)
        finally:
            await self.promises.settle(str(interaction.id))

    async def _take(self, interaction: Interaction, command: str, read: Reader) -> None:
        received = time.monotonic()
        refusal: Refusal | None = None
        accepted: Accepted | None = None
        try:
            accepted = await self._accept(interaction, read)
        except REFUSALS as error:
            refusal = error
        except discord.NotFound as error:
            if not is_too_late(error):
                raise
            self._log(interaction, "too_late", command, "too_late", received)
            return
        if refusal is not None:
            # Outside of the handler: what fails here is logged without the quotes of a prompt.
            await tell(interaction, sentence(refusal, interaction.locale.value))
            self._log(interaction, "refused", command, code_of(refusal), received)
            await self._count(interaction, refusal)
            await self._reminders.tell(interaction)
        elif accepted is None:
            self._log(interaction, "form_opened", command, "form_opened", received)
        else:
            self._log(interaction, "accepted", command, "accepted", received)
            is_shown = await self._show_place(interaction, accepted.job)
            await self._tell_notes(interaction, accepted, is_shown)

    def close(self) -> None:
        """Refuse what comes from now on."""
        self._is_closed = True

    async def _accept(self, interaction: Interaction, read: Reader) -> Accepted | None:
        if self._is_closed:
            raise Refused("restarting")
        ask = read()
        check_options(ask.options, self.defaults)
        _check_rights(interaction)
        if ask.source is None:
            # Nobody should write a long prompt in vain; of the workers, what was seen last will do.
            await self._check_place_quickly(interaction)
            options = with_model(ask.options, self.workers.seen)
            check_needs(needs_of(check_options(options, self.defaults)), self.workers.seen)
            await open_form(interaction, build_form(options, interaction.locale.value))
            return None
        if isinstance(ask.source, discord.Attachment):
            check_file(ask.source)
            message_id = await self._promise(interaction)
            # A large file takes long enough to keep others from their acknowledgement.
            prompt = await asyncio.to_thread(parse, await _download(ask.source))
        else:
            prompt = parse(unwrap(ask.source))
            message_id = await self._promise(interaction)
        rules = await rules_for(self.guild_settings, interaction)
        rules.check_place()
        workers = await self.queue.capabilities()
        options = with_model(ask.options, workers)
        request = build_request(prompt.source, options, self.defaults)
        await asyncio.to_thread(rules.check_prompt, request)
        check_needs(needs_of(request), workers)
        try:
            address = _address(interaction, message_id)
            job = await self.queue.submit(request, address, rules.terms(request, prompt))
        except LimitReached as error:
            raise PolicyRefused(error.refusal) from None
        except QueueUnavailable:
            self.withdrawals.add(str(interaction.id))
            self.promises.leave(str(interaction.id))
            raise
        await self.promises.settle(job.id)
        return Accepted(job, prompt.warnings)

    async def _promise(self, interaction: Interaction) -> int:
        """Acknowledge, once it is noted that we do; gives the id of the placeholder."""
        await self.promises.make(interaction)
        return await acknowledge(interaction)

    async def _check_place_quickly(self, interaction: Interaction) -> None:
        """Refuse who may not draw here before they fill a form in.

        Where Redis does not answer at once the form opens: Discord waits for it, and the rules are
        looked at again when it comes back.

        Raises:
            Refused: they may not draw here and now.
        """
        with contextlib.suppress(QueueUnavailable, TimeoutError):
            async with asyncio.timeout(QUICK_SECONDS):
                rules = await rules_for(self.guild_settings, interaction)
            rules.check_place()

    async def _show_place(self, interaction: Interaction, job: Job) -> bool:
        """Show the place at once; where that fails, the next look at the line makes up for it.

        Tells whether it is shown.
        """
        try:
            place = await show_place(
                self.queue,
                job.id,
                job.address.locale,
                lambda text, view: interaction.edit_original_response(content=text, view=view),
            )
        except (*NETWORK_ERRORS, QueueUnavailable) as error:
            log.warning("place_not_shown", job_id=job.id, error=type(error).__name__)
        except Exception:  # the job is accepted: nothing here may tell its member otherwise
            log.exception("place_not_shown", job_id=job.id)
        else:
            if place is not None:
                self.board.note(job.id, place, time.time())
                return True
        return False

    async def _tell_notes(
        self, interaction: Interaction, accepted: Accepted, is_place_shown: bool
    ) -> None:
        """Tell the sender alone what was repaired, and what waits; the job does not depend on it.

        While Discord shows "thinking", it would put this in the placeholder's stead, for all to
        see. Where the worker has taken the message over, its first edit is waited for.
        """
        message_id = int(accepted.job.address.message_id)
        warnings = accepted.warnings
        try:
            texts = [notes(warnings, interaction.locale.value)] if warnings else []
            texts += await self._reminders.texts(interaction)
            if not texts:
                return
            if not is_place_shown and not await _is_edited(interaction, message_id):
                log.warning("notes_not_told", job_id=accepted.job.id, error="still thinking")
                return
            await interaction.followup.send("\n\n".join(texts), ephemeral=True)
        except NETWORK_ERRORS as error:
            log.warning("notes_not_told", job_id=accepted.job.id, error=type(error).__name__)
        except Exception:  # as above: nothing here may tell its member that the job was refused
            log.exception("notes_not_told", job_id=accepted.job.id)

    async def _count(self, interaction: Interaction, refusal: Refusal) -> None:
        """Count a refusal; without Redis, which may be its reason, it is only in the log."""
        with contextlib.suppress(QueueUnavailable):
            await self.queue.count_refused(guild_of(interaction), code_of(refusal))

    def _log(
        self, interaction: Interaction, event: str, command: str, code: str, received: float
    ) -> None:
        log.info(
            event,
            command=command,
            code=code,
            job_id=str(interaction.id),
            user_id=str(interaction.user.id),
            guild_id=str(interaction.guild_id) if interaction.guild_id else None,
            duration_ms=round((time.monotonic() - received) * 1000),
        )


def _check_rights(interaction: Interaction) -> None:
    """Refuse a request in a channel where its picture could not be posted.

    Raises:
        Refused: the bot lacks a permission there.
    """
    channel_type = None if interaction.channel is None else interaction.channel.type
    missing = missing_rights(interaction.app_permissions, channel_type)
    if missing:
        locale = interaction.locale.value
        rights = ", ".join(f"**{say(f'right.{name}', locale)}**" for name in missing)
        raise Refused("missing_rights", rights=rights)


async def _is_edited(interaction: Interaction, message_id: int) -> bool:
    """Wait until the placeholder became a message; False where that takes too long."""
    for seconds in NOTE_WAITS:
        await asyncio.sleep(seconds)
        message = await interaction.followup.fetch_message(message_id)
        if not message.flags.loading:
            return True
    return False


async def _download(attachment: discord.Attachment) -> bytes:
    """Fetch a file that is known to be small from Discord's own store."""
    try:
        async with asyncio.timeout(DOWNLOAD_SECONDS):
            return await attachment.read()
    except NETWORK_ERRORS as error:
        log.warning("download_failed", error=type(error).__name__)
        raise Refused("file_lost") from error


def _address(interaction: Interaction, message_id: int) -> DeliveryAddress:
    """Note where the result goes.

    Raises:
        Refused: the interaction belongs to no channel.
    """
    if interaction.channel_id is None:
        raise Refused("internal")
    requester = requester_of(interaction)
    return DeliveryAddress(
        application_id=str(interaction.application_id),
        interaction_id=str(interaction.id),
        interaction_token=interaction.token,
        interaction_at=interaction.created_at.timestamp(),
        guild_id=str(interaction.guild_id) if interaction.guild_id else None,
        channel_id=str(interaction.channel_id),
        message_id=str(message_id),
        requester_id=str(interaction.user.id),
        locale=interaction.locale.value,
        channels=requester.channels,
        age_restricted=requester.is_age_restricted,
    )
