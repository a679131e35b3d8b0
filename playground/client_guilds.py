"""What those who run guilds do in Discord's settings, as calls of the control API."""

from collections.abc import Sequence

from playground.client_connection import ControlConnection, Json


class GuildActions(ControlConnection):
    """Guilds, channels, roles, and who may use which command; without `guild_id` the first one."""

    async def add_guild(self, name: str, owner_id: str, *, guild_id: str | None = None) -> Json:
        """Found a guild with the bot in it; return its `id` and its `channel_id`.

        With the id of a guild that the bot has left, it is that one again.
        """
        body: Json = {"name": name, "owner_id": owner_id, "guild_id": guild_id}
        guild: Json = await self.call("POST", "/guilds", body)
        return guild

    async def leave_guild(self, guild_id: str) -> None:
        """Remove the bot from a guild."""
        await self.call("DELETE", f"/guilds/{guild_id}")

    async def add_channel(
        self, name: str, *, nsfw: bool = False, guild_id: str | None = None
    ) -> str:
        """Add a text channel and return its id."""
        body: Json = {"name": name, "nsfw": nsfw, "guild_id": guild_id}
        return str((await self.call("POST", "/channels", body))["id"])

    async def delete_channel(self, channel_id: str) -> None:
        """Delete a channel."""
        await self.call("DELETE", f"/channels/{channel_id}")

    async def add_role(
        self, name: str, permissions: Sequence[str] = (), *, guild_id: str | None = None
    ) -> str:
        """Add a role with some permissions, by Discord's names, and return its id."""
        body: Json = {"name": name, "permissions": list(permissions), "guild_id": guild_id}
        return str((await self.call("POST", "/roles", body))["id"])

    async def delete_role(self, role_id: str) -> None:
        """Delete a role."""
        await self.call("DELETE", f"/roles/{role_id}")

    async def allow_command(
        self, name: str, targets: Sequence[str], *, guild_id: str | None = None
    ) -> None:
        """Let these roles and members use a command, whatever permissions it asks for."""
        body: Json = {"name": name, "targets": list(targets), "guild_id": guild_id}
        await self.call("POST", "/command-permissions", body)
