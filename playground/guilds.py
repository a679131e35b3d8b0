"""The guilds and their roles: the guild that is always there, and those that a test founds.

Everybody is a member of every guild; what they may do there comes from their roles and from owning
it. A guild's role for everyone has the guild's own id, as on Discord.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from playground import permissions
from playground.model import Guild, Role, User

GUILD_ID = "600000000000000001"
GUILD_NAME = "Newbie Atelier"
MODERATOR_ROLE_ID = "600000000000000002"
BOT_ROLE_ID = "600000000000000003"
HELPER_ROLE_ID = "600000000000000004"
MODERATOR_COLOR = 0x2ECC71


@dataclass
class Guilds:
    """Keeps guilds and roles by id."""

    bot: User
    _guilds: dict[str, Guild] = field(default_factory=dict)
    _roles: dict[str, Role] = field(default_factory=dict)

    def add(self, guild: Guild, bot_role_id: str) -> None:
        """Found a guild with the roles that each has: everyone's and the bot's."""
        self._guilds[guild.id] = guild
        self.add_role(Role(guild.id, guild.id, "@everyone", permissions.EVERYONE, 0))
        name = self.bot.display_name
        self.add_role(Role(bot_role_id, guild.id, name, permissions.BOT, 1, bot_id=self.bot.id))

    def remove(self, guild_id: str) -> Guild | None:
        """Forget a guild and its roles; return it if it was there."""
        self._roles = {key: r for key, r in self._roles.items() if r.guild_id != guild_id}
        return self._guilds.pop(guild_id, None)

    def find(self, guild_id: str) -> Guild | None:
        """Return a guild, or None."""
        return self._guilds.get(guild_id)

    def all(self) -> list[Guild]:
        """Return every guild, the one that is always there first."""
        return list(self._guilds.values())

    def add_role(self, role: Role) -> None:
        """Add a role to its guild."""
        self._roles[role.id] = role

    def remove_role(self, role_id: str) -> Role | None:
        """Delete a role; return it if it was there."""
        return self._roles.pop(role_id, None)

    def roles(self, guild_id: str) -> list[Role]:
        """Return a guild's roles, everyone's first."""
        return [role for role in self._roles.values() if role.guild_id == guild_id]

    def roles_of(self, user: User, guild_id: str) -> list[Role]:
        """Return a member's roles in a guild, without everyone's."""
        named = {*user.roles, *([MODERATOR_ROLE_ID] if user.moderator else [])}
        return [
            role
            for role in self.roles(guild_id)
            if (role.bot_id == user.id if user.bot else role.id in named)
        ]

    def permissions_of(self, user: User, guild_id: str) -> int:
        """Return what a member may do in a guild, channels aside."""
        guild = self.find(guild_id)
        if guild is not None and guild.owner_id == user.id:
            return permissions.EVERYTHING
        value = permissions.EVERYONE
        for role in self.roles_of(user, guild_id):
            value |= role.permissions
        return value


def home(bot: User, owner: User) -> Guilds:
    """Return the guilds of a new world: one, with a role for moderators and one for helpers."""
    guilds = Guilds(bot)
    guilds.add(Guild(GUILD_ID, GUILD_NAME, owner.id), BOT_ROLE_ID)
    for role in HOME_ROLES:
        guilds.add_role(role)
    return guilds


HOME_ROLES: Sequence[Role] = (
    Role(
        MODERATOR_ROLE_ID,
        GUILD_ID,
        "Moderator",
        permissions.MODERATOR,
        3,
        color=MODERATOR_COLOR,
    ),
    Role(HELPER_ROLE_ID, GUILD_ID, "Helper", permissions.EVERYONE, 2),
)
