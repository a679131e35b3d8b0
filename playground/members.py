"""The members of the guilds: three who are always there, the bot, and any that a test adds.

Every id in GENERATED_IDS is a member too, made on first use, for load tests.
"""

from dataclasses import dataclass, field, replace

from playground.model import User
from playground.snowflakes import is_snowflake

GENERATED_IDS = range(700_000_000_000_000_000, 700_000_000_000_100_000)
_COLORS = ("#e07a5f", "#3d9a8b", "#8a6fd1", "#c9a227", "#4f86c6", "#b5577f", "#6a994e")

MIKA = User("500000000000000001", "mika", "Mika", avatar_color="#e07a5f")
JUN = User("500000000000000002", "jun", "Jun", avatar_color="#3d9a8b")
ROBIN = User("500000000000000003", "robin", "Robin", moderator=True, avatar_color="#c9a227")


@dataclass
class Members:
    """Keeps users by id."""

    bot: User
    _users: dict[str, User] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for user in (self.bot, MIKA, JUN, ROBIN):
            self._users[user.id] = user

    def find(self, user_id: str) -> User | None:
        """Return a user, making a generated member on first use."""
        user = self._users.get(user_id)
        if user is None and is_snowflake(user_id) and int(user_id) in GENERATED_IDS:
            number = int(user_id) - GENERATED_IDS.start
            user = self.add(user_id, f"member{number}", moderator=False)
        return user

    def add(
        self, user_id: str, username: str, *, moderator: bool, roles: tuple[str, ...] = ()
    ) -> User:
        """Add a member; `roles` are ids."""
        color = _COLORS[len(self._users) % len(_COLORS)]
        user = User(
            user_id, username, username, moderator=moderator, avatar_color=color, roles=roles
        )
        self._users[user_id] = user
        return user

    def set_accepts_dms(self, user_id: str, accepts: bool) -> None:
        """Let a member accept direct messages or not."""
        self._users[user_id] = replace(self._users[user_id], accepts_dms=accepts)

    def all(self) -> list[User]:
        """Return everybody, the bot too."""
        return list(self._users.values())
