"""The rules that apply to one request: what moderators and operator set, held against who asks.

They are read when the request comes, so a change counts at once. Where they cannot be read nothing
is accepted.
"""

import time
from dataclasses import dataclass

from bot.answers import Interaction
from bot.async_guilds import AsyncGuilds
from bot.errors import PolicyRefused, Refused
from bot.requester import guild_of, requester_of
from jobs.admission import PolicyRefusal, Requester, facts_of, limits_for
from jobs.admission import refuse_place as place_refusal
from jobs.admission import refuse_prompt as prompt_refusal
from jobs.errors import UnreadableSettings
from jobs.guild import GuildSettings
from jobs.limits import Terms
from jobs.models import RenderRequest
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.prompt.model import Prompt


@dataclass(frozen=True)
class Rules:
    """What is set for a server and for all of them, and who asks where."""

    guild: GuildSettings
    everywhere: GuildSettings
    requester: Requester

    def check_place(self) -> None:
        """Refuse who may not draw here and now.

        Raises:
            PolicyRefused: they are blocked, or the queue or the channel is closed.
        """
        _raise(place_refusal(self.guild, self.everywhere, self.requester, time.time()))

    def check_prompt(self, request: RenderRequest) -> None:
        """Refuse a request by its words; a prompt of 64 KiB takes a third of a second.

        Raises:
            PolicyRefused: a list holds one of its words, or the channel is not for such pictures.
        """
        _raise(
            prompt_refusal(
                self.guild,
                self.everywhere,
                self.requester,
                request.prompt,
                request.negative_prompt,
            )
        )

    def terms(self, request: RenderRequest, prompt: Prompt) -> Terms:
        """Give the limits that apply and what the request costs; `prompt` is its own, parsed."""
        assist = frozenset({request.assist} - {AssistMode.OFF})
        facts = facts_of(request, prompt, assist)
        return Terms(facts, limits_for(self.guild, self.everywhere, self.requester))


async def rules_for(store: AsyncGuilds, interaction: Interaction) -> Rules:
    """Read the rules that apply to an interaction.

    Raises:
        Refused: another version of the bot wrote what this one does not know.
        QueueUnavailable: Redis is out of reach.
    """
    try:
        return Rules(
            await store.get(guild_of(interaction)),
            await store.everywhere(),
            requester_of(interaction),
        )
    except UnreadableSettings as error:
        raise Refused("settings_unreadable") from error


def _raise(refusal: PolicyRefusal | None) -> None:
    if refusal is not None:
        raise PolicyRefused(refusal)
