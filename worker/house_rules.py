"""What the server and the operator have set for the place where a job's picture goes.

Read once, by the process that works on the job, before anything is drawn. Whatever cannot be read
allows nothing. The same rules that the bot looked at the prompt with count for it once more, as
they may have changed while it waited, and for what a language model adds to it.
"""

from dataclasses import dataclass

from jobs.admission import PolicyRefusal, PromptRules, Requester, prompt_rules
from jobs.errors import BadValue, UnreadableSettings
from jobs.guild import EVERY_GUILD, NO_GUILD
from jobs.guild_settings import GuildSettingsStore
from jobs.models import DeliveryAddress, RenderRequest
from jobs.rating import RatingRefusal
from newbie_pipeline.prompt.assist import Assisted
from worker.errors import AdditionsRefused, ForbiddenPicture, PromptRefused, RulesUnreadable


@dataclass(frozen=True)
class HouseRules:
    """What counts where one picture goes."""

    prompt: PromptRules
    posts_spoilers: bool


def read_house_rules(store: GuildSettingsStore, address: DeliveryAddress) -> HouseRules:
    """Read what counts at an address.

    Raises:
        QueueUnavailable: Redis is out of reach.
        RulesUnreadable: another version wrote what this one does not know.
    """
    try:
        guild = store.get(address.guild_id or NO_GUILD)
        everywhere = store.get(EVERY_GUILD)
    except UnreadableSettings as error:
        raise RulesUnreadable("another version wrote the settings of this place") from error
    requester = Requester(
        member=address.requester_id,
        channels=address.places,
        is_age_restricted=address.age_restricted,
    )
    return HouseRules(
        prompt_rules(guild, everywhere, requester), guild.posts_spoilers(address.places)
    )


def check_prompt(rules: PromptRules, request: RenderRequest) -> None:
    """Look at the prompt as its member wrote it by the rules of today.

    Raises:
        PromptRefused: it is not drawn here any more.
        RulesUnreadable: the rules hold a word that cannot be looked for.
    """
    if _refuse(rules, request.prompt, request.negative_prompt) is not None:
        raise PromptRefused("the rules have changed since the prompt was accepted")


def check_additions(rules: PromptRules, request: RenderRequest, assisted: Assisted | None) -> None:
    """Look at the prompt once more where a language model has changed it.

    The renderer has dropped what is not allowed; this is where nothing else gets past.

    Raises:
        ForbiddenPicture: it is one that is never drawn, whatever the settings are.
        AdditionsRefused: it is not allowed here.
    """
    if assisted is None or assisted.prompt == request.prompt:
        return
    refusal = _refuse(rules, assisted.prompt, request.negative_prompt)
    if refusal is None:
        return
    if refusal.code is RatingRefusal.FORBIDDEN:
        raise ForbiddenPicture("additions made the prompt one that is never drawn")
    raise AdditionsRefused("additions made the prompt one that is not drawn here")


def _refuse(rules: PromptRules, prompt: str, negative_prompt: str) -> PolicyRefusal | None:
    try:
        return rules.refuse(prompt, negative_prompt)
    except BadValue as error:
        raise RulesUnreadable("a word of the lists cannot be looked for") from error
