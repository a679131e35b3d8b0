"""The application's registered commands, global and per guild.

A command is kept as the JSON object that Discord answers. Global and guild commands
of the same name and type may both exist; the guild's one is the one members see.
"""

from dataclasses import dataclass, field

from playground.model import Json

CHAT_INPUT, USER, MESSAGE = 1, 2, 3


@dataclass
class CommandStore:
    """Keeps command objects by scope (None is global, else a guild id) and id."""

    _scopes: dict[str | None, dict[str, Json]] = field(default_factory=dict)
    _allowed: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    registered: bool = False

    def all(self, scope: str | None) -> list[Json]:
        """Return the commands of one scope."""
        return list(self._scopes.get(scope, {}).values())

    def get(self, scope: str | None, command_id: str) -> Json | None:
        """Return one command of a scope, or None."""
        return self._scopes.get(scope, {}).get(command_id)

    def named(self, scope: str | None, name: str, kind: int) -> Json | None:
        """Return the command of a scope with this name and type, or None."""
        for command in self._scopes.get(scope, {}).values():
            if command["name"] == name and command["type"] == kind:
                return command
        return None

    def put(self, scope: str | None, command: Json) -> None:
        """Add or replace a command."""
        self._scopes.setdefault(scope, {})[command["id"]] = command
        self.registered = True

    def replace_all(self, scope: str | None, commands: list[Json]) -> None:
        """Make these the only commands of a scope."""
        self._scopes[scope] = {command["id"]: command for command in commands}
        self.registered = True

    def remove(self, scope: str | None, command_id: str) -> bool:
        """Delete a command; tell whether it was there."""
        return self._scopes.get(scope, {}).pop(command_id, None) is not None

    def allow(self, guild_id: str, name: str, target_ids: set[str]) -> None:
        """Let roles and members use a command whatever permissions it asks for; only these.

        A guild's moderators do so under Server Settings, Integrations.
        """
        self._allowed[guild_id, name] = target_ids

    def is_allowed(self, guild_id: str, name: str, ids: set[str]) -> bool:
        """Tell whether a guild lets one of these roles or members use a command."""
        return not ids.isdisjoint(self._allowed.get((guild_id, name), set()))

    def effective(self, guild_id: str | None) -> list[Json]:
        """Return what members have in a guild: its own commands before global ones."""
        merged = {(c["name"], c["type"]): c for c in self.all(None)}
        merged.update({(c["name"], c["type"]): c for c in self.all(guild_id)})
        return list(merged.values())
