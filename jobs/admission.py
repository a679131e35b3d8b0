"""Whether a request is taken in, apart from counting: who asks, where, and with which words.

Pure. The order of questions is: is the member blocked, is the queue open, is the channel open;
then the prompt. What is counted (`jobs.limits.decide`) comes last, inside of the transaction that
submits the job, with the limits that `limits_for` gives.

What the operator set for all servers (`everywhere`) counts beside what the server set.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from jobs import rating
from jobs.guild import GuildSettings, QueueState, WordKind
from jobs.limit_layers import Layers, resolve
from jobs.limits import Limits, RequestFacts
from jobs.models import RenderRequest
from jobs.rating import RatingRefusal
from jobs.settings_table import Rating, Scope
from jobs.words import WordLists, find
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.prompt.model import Prompt

# Two for each server that is drawn in at the moment: its own list and the operator's in one.
_COMPILED_LISTS = 64


@dataclass(frozen=True)
class Requester:
    """Who asks and where.

    Attributes:
        member: The user's id.
        roles: Ids of their roles in the server.
        channels: Ids of the channel and of what it lies in, the most specific first: a thread, its
            channel, their category.
        is_age_restricted: Whether Discord shows the channel to adults only.
    """

    member: str
    roles: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    is_age_restricted: bool = False


class Denial(StrEnum):
    """Why somebody may not draw here and now, as code of a sentence."""

    BLOCKED = "blocked"
    PAUSED = "paused"
    DRAINING = "draining"
    CHANNEL = "channel"
    WORD = "word"


@dataclass(frozen=True)
class PolicyRefusal:
    """Why a request is not taken in; `until` (seconds since 1970) and `reason` are of blocks."""

    code: Denial | RatingRefusal
    until: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class PromptRules:
    """What decides about the words of a prompt in one place; plain data, so that it can travel.

    `blocked` and `adult` are the words of the operator and the server, beside our own lists.
    """

    allowed: Rating = Rating.GENERAL
    blocked: tuple[str, ...] = ()
    adult: tuple[str, ...] = ()

    def refuse(self, prompt: str, negative_prompt: str = "") -> PolicyRefusal | None:
        """Refuse a prompt by its words: as a member wrote it, or with what was added to it.

        Raises:
            BadValue: another version stored a word that this one cannot look for.
        """
        findings = rating.look(prompt, negative_prompt, _compiled(self.adult))
        refusal = rating.refuse(findings, self.allowed)
        if refusal is RatingRefusal.FORBIDDEN:
            return PolicyRefusal(refusal)
        if find(prompt, _compiled(self.blocked)):
            return PolicyRefusal(Denial.WORD)
        return None if refusal is None else PolicyRefusal(refusal)


def refuse_place(
    guild: GuildSettings, everywhere: GuildSettings, requester: Requester, now: float
) -> PolicyRefusal | None:
    """Refuse who may not draw, and where and while nobody may; `now` is seconds since 1970."""
    for settings in (everywhere, guild):
        if block := settings.block_of(requester.member, now):
            return PolicyRefusal(Denial.BLOCKED, block.until, block.reason)
    states = {everywhere.queue, guild.queue}
    if QueueState.PAUSED in states:
        return PolicyRefusal(Denial.PAUSED)
    if QueueState.DRAINING in states:
        return PolicyRefusal(Denial.DRAINING)
    if not guild.is_open(requester.channels):
        return PolicyRefusal(Denial.CHANNEL)
    return None


def prompt_rules(
    guild: GuildSettings, everywhere: GuildSettings, requester: Requester
) -> PromptRules:
    """Give the rules for prompts of a requester."""
    return PromptRules(
        allowed_rating(guild, requester),
        _words(everywhere, WordKind.BLOCKED) + _words(guild, WordKind.BLOCKED),
        _words(everywhere, WordKind.ADULT) + _words(guild, WordKind.ADULT),
    )


def refuse_prompt(
    guild: GuildSettings,
    everywhere: GuildSettings,
    requester: Requester,
    prompt: str,
    negative_prompt: str = "",
) -> PolicyRefusal | None:
    """Refuse a prompt by its words, see `PromptRules.refuse`."""
    return prompt_rules(guild, everywhere, requester).refuse(prompt, negative_prompt)


def allowed_rating(guild: GuildSettings, requester: Requester) -> Rating:
    """Tell what may be drawn: adult only where moderators say so and Discord restricts by age."""
    return guild.rating(requester.channels) if requester.is_age_restricted else Rating.GENERAL


def limits_for(guild: GuildSettings, everywhere: GuildSettings, requester: Requester) -> Limits:
    """Give the limits that apply to a requester."""
    return resolve(layers_for(guild, everywhere, requester))


def layers_for(guild: GuildSettings, everywhere: GuildSettings, requester: Requester) -> Layers:
    """Give what each place sets for a requester, for `jobs.limit_layers.trace` to explain."""
    return Layers(
        guild=guild.limits(Scope.GUILD),
        roles=[guild.limits(Scope.ROLE, role) for role in requester.roles],
        channels=[guild.limits(Scope.CHANNEL, channel) for channel in requester.channels],
        member=guild.limits(Scope.MEMBER, requester.member),
        operator=everywhere.limits(Scope.GUILD),
    )


def facts_of(
    request: RenderRequest, prompt: Prompt, assist: frozenset[AssistMode] = frozenset()
) -> RequestFacts:
    """Give what the limits look at; `prompt` is the request's, parsed."""
    return RequestFacts(
        width=request.size.width,
        height=request.size.height,
        steps=request.num_inference_steps,
        count=request.count,
        characters=len(prompt.characters),
        prompt_length=len(request.prompt),
        assist=assist,
    )


def _words(settings: GuildSettings, kind: WordKind) -> tuple[str, ...]:
    return settings.words.get(kind, ())


@lru_cache(maxsize=_COMPILED_LISTS)
def _compiled(entries: tuple[str, ...]) -> WordLists:
    return WordLists({"": entries})
