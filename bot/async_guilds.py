"""What moderators set, for coroutines: each call runs on one of `bot.threads`."""

from bot.threads import Threads
from jobs import audit
from jobs.guild import EVERY_GUILD, GuildSettings
from jobs.guild_edits import Edit, Stored
from jobs.guild_settings import ANYTHING, Anything, Change, GuildSettingsStore
from jobs.settings_table import Scope


class AsyncGuilds:
    """Settings of servers and the audit of their changes. Raises what the store raises."""

    def __init__(self, store: GuildSettingsStore, threads: Threads) -> None:
        self._store = store
        self._run = threads.run

    async def get(self, guild: str) -> GuildSettings:
        """Read what is set for a server."""
        return await self._run(self._store.get, guild)

    async def everywhere(self) -> GuildSettings:
        """Read what the operator set for all servers."""
        return await self._run(self._store.get, EVERY_GUILD)

    async def change(
        self,
        guild: str,
        edit: Edit,
        *,
        by: str,
        reason: str = "",
        expected: Stored | Anything = ANYTHING,
    ) -> Change:
        """Make a change and write down who made it."""
        return await self._run(
            self._store.change, guild, edit, by=by, reason=reason, expected=expected
        )

    async def forget(
        self, guild: str, scope: Scope, target: str, *, by: str, reason: str = ""
    ) -> list[Change]:
        """Remove what is set for a role, channel or member that is no more."""
        return await self._run(self._store.forget, guild, scope, target, by=by, reason=reason)

    async def leave(self, guild: str) -> None:
        """Let a server's settings end in a month."""
        await self._run(self._store.leave, guild)

    async def join(self, guild: str) -> None:
        """Keep a server's settings."""
        await self._run(self._store.join, guild)

    async def settle(self, present: set[str]) -> None:
        """Do for all servers what `leave` and `join` do, at a start."""
        await self._run(self._store.settle, present)

    async def changes(self, guild: str, before: str | None = None) -> audit.Page:
        """Read the newest entries of a server's audit, or those before one."""
        return await self._run(self._store.changes, guild, before)
