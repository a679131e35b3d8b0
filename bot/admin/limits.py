"""`/newbie-admin limits`: what is set by name and value, for the server or a part of it.

Names and values are those of `jobs.settings_table`; nothing here knows one of them but `rating`,
which needs Discord's own restriction of the channel beside it.
"""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.admin.changes import change, place_of
from bot.admin.entries import mark
from bot.admin.gate import Interaction
from bot.admin.limit_words import ceiling_lines, channel_lines, has_no_effect, limit_lines
from bot.admin.options import Reason, described
from bot.admin.replies import reply
from bot.admin.targets import ChannelOption, Target, is_age_restricted, path_of, target_of
from bot.errors import Refused
from bot.requester import guild_of
from bot.translation import words
from jobs.admission import Requester
from jobs.guild import EVERY_GUILD
from jobs.guild_edits import reset_value, set_value
from jobs.limit_layers import least_generous
from jobs.limits import Limit, LimitValue
from jobs.settings_table import SETTINGS, Rating, Scope, Setting, names
from jobs.wording import say

# More than any value is long; what is no value is refused with its range.
Value = Range[str, 1, 100]


class Limits(app_commands.Group):
    """Shows and sets."""

    def __init__(self) -> None:
        super().__init__(name=words("admin.limits"), description=words("admin.limits.description"))

    @app_commands.command(
        name=words("admin.show"), description=words("admin.limits.show.description")
    )
    @described("role", "channel", "member", "everywhere")
    async def show(
        self,
        interaction: Interaction,
        *,
        role: discord.Role | None = None,
        channel: ChannelOption | None = None,
        member: discord.User | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Show what applies, and who set it."""
        locale, bot = interaction.locale.value, interaction.client
        place = await place_of(interaction, everywhere)
        ceilings = await bot.guild_settings.everywhere()
        if place == EVERY_GUILD:
            lines = ceiling_lines(ceilings, locale) or [say("admin.limits.no_ceiling", locale)]
            await reply(interaction, "\n".join([say("admin.limits.ceilings", locale), *lines]))
            return
        settings = await bot.guild_settings.get(place)
        who = _requester(interaction, role, channel, member)
        is_owner = await bot.is_owner(interaction.user)
        lines = [_heading(role, channel, member, locale)]
        lines += limit_lines(settings, ceilings, who, locale, for_owner=is_owner)
        if channel is not None:
            lines += channel_lines(settings, who.channels, locale)
            if note := _rating_note(channel, settings.rating(who.channels), locale):
                lines.append(note)
        await reply(interaction, "\n".join(lines))

    @app_commands.command(
        name=words("admin.set"), description=words("admin.limits.set.description")
    )
    @described("name", "value", "role", "channel", "member", "reason", "everywhere")
    async def set(
        self,
        interaction: Interaction,
        *,
        name: Value,
        value: Value,
        role: discord.Role | None = None,
        channel: ChannelOption | None = None,
        member: discord.User | None = None,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Set a value for the server, or for one role, channel or member."""
        target = target_of(role, channel, member)
        setting = await _meant(interaction, name, target, everywhere)
        parsed = setting.parse(value)
        edit = set_value(setting.name, parsed, target.scope, target.id)
        locale, note = interaction.locale.value, None
        if channel is not None and setting.name == "rating":
            note = _rating_note(channel, parsed, locale)
        elif not everywhere:
            note = await _ceiling_note(interaction, setting, parsed)
        await change(interaction, edit, reason=reason, everywhere=everywhere, note=note)

    @app_commands.command(
        name=words("admin.reset"), description=words("admin.limits.reset.description")
    )
    @described("name", "role", "channel", "member", "reason", "everywhere")
    async def reset(
        self,
        interaction: Interaction,
        *,
        name: Value,
        role: discord.Role | None = None,
        channel: ChannelOption | None = None,
        member: discord.User | None = None,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Take a value back, so that what is set more widely applies."""
        target = target_of(role, channel, member)
        setting = await _meant(interaction, name, target, everywhere)
        edit = reset_value(setting.name, target.scope, target.id)
        await change(interaction, edit, reason=reason, everywhere=everywhere)

    @set.autocomplete("name")
    @reset.autocomplete("name")
    async def suggest_name(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer the names of settings that can be set where the other options say."""
        is_owner = await interaction.client.is_owner(interaction.user)
        found = names(str(typed), _scope_named(interaction), for_operator=is_owner)
        return [Choice(name=name, value=name) for name in found]

    @set.autocomplete("value")
    async def suggest_value(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer values of the setting that was chosen."""
        setting = SETTINGS.get(_named(getattr(interaction.namespace, "name", None)))
        if setting is None:
            return []
        return [Choice(name=value, value=value) for value in setting.choices(str(typed))]


def _named(name: object) -> str:
    return str(name or "").strip().casefold()


def _scope_named(interaction: Interaction) -> Scope | None:
    """Tell for whom something is about to be set, as far as it was typed."""
    given = interaction.namespace
    for scope in (Scope.ROLE, Scope.CHANNEL, Scope.MEMBER):
        if getattr(given, scope.value, None) is not None:
            return scope
    return None


async def _meant(
    interaction: Interaction, name: str, target: Target, everywhere: bool | None
) -> Setting:
    """Find out what is to be changed.

    Raises:
        Refused: there is no such setting, or it is not the sender's to change there.
    """
    place = await place_of(interaction, everywhere)
    setting = SETTINGS.get(_named(name))
    if setting is None:
        raise Refused("unknown_setting", given=name)
    if place == EVERY_GUILD and target.id:
        raise Refused("everywhere_target")
    if place != EVERY_GUILD and setting.is_operators:
        raise Refused("operators_setting", setting=setting.name)
    return setting


def _requester(
    interaction: Interaction,
    role: discord.Role | None,
    channel: ChannelOption | None,
    member: discord.User | None,
) -> Requester:
    """Give whom limits are shown for: one with these roles, in this channel.

    Everybody has the role that has the server's own id.
    """
    roles = [guild_of(interaction)]
    if isinstance(member, discord.Member):
        roles += [str(one.id) for one in member.roles]
    if role is not None:
        roles.append(str(role.id))
    return Requester(
        member="" if member is None else str(member.id),
        roles=tuple(dict.fromkeys(roles)),
        channels=() if channel is None else path_of(channel),
        is_age_restricted=channel is not None and is_age_restricted(channel),
    )


def _heading(
    role: discord.Role | None,
    channel: ChannelOption | None,
    member: discord.User | None,
    locale: str,
) -> str:
    marks = [
        mark(scope, str(found.id))
        for scope, found in (
            (Scope.MEMBER, member),
            (Scope.ROLE, role),
            (Scope.CHANNEL, channel),
        )
        if found is not None
    ]
    if not marks:
        return say("admin.limits.heading", locale)
    return say("admin.limits.heading.of", locale, targets=" · ".join(marks))


def _rating_note(channel: ChannelOption, rating: Rating, locale: str) -> str | None:
    """Say that a channel which Discord does not restrict by age draws nothing adult."""
    if channel.type is discord.ChannelType.category:
        is_adult = rating is Rating.ADULT
        return say("admin.limits.adult_category", locale) if is_adult else None
    if not has_no_effect(rating, is_restricted=is_age_restricted(channel)):
        return None
    return say("admin.limits.not_restricted", locale, channel=mark("channel", str(channel.id)))


async def _ceiling_note(
    interaction: Interaction, setting: Setting, value: LimitValue
) -> str | None:
    """Say that the bot's owner allows less than a moderator has set."""
    ceilings = (await interaction.client.guild_settings.everywhere()).limits(Scope.GUILD)
    limit = next((one for one in Limit if one.value == setting.name), None)
    if limit is None or limit not in ceilings:
        return None
    allowed = least_generous(limit, [value, ceilings[limit]])
    if allowed == value:
        return None
    shown = setting.format(allowed)
    return say("admin.limits.capped", interaction.locale.value, value=shown)
