"""Every REST route of the stand-in, with its rate limit and whether it needs the token.

Templates are relative to /api/v10 and use the parameter names of Discord's own
description. A route's fixed path comes before the pattern that would swallow it.
"""

from playground import ratelimits as limits
from playground.rest import commands, guilds, interactions, messages, users, webhooks
from playground.rest.call import Endpoint

_APP = "/applications/{application_id}"
_GUILD_APP = "/applications/{application_id}/guilds/{guild_id}"
_CHANNEL = "/channels/{channel_id}"
_HOOK = "/webhooks/{webhook_id}/{webhook_token}"


def _command_routes(prefix: str) -> tuple[Endpoint, ...]:
    many, one = f"{prefix}/commands", f"{prefix}/commands/{{command_id}}"
    return (
        Endpoint("GET", many, commands.list_all, limits.COMMANDS),
        Endpoint("POST", many, commands.create, limits.COMMANDS),
        Endpoint("PUT", many, commands.replace_all, limits.COMMANDS),
        Endpoint("GET", one, commands.get, limits.COMMANDS),
        Endpoint("PATCH", one, commands.edit, limits.COMMANDS),
        Endpoint("DELETE", one, commands.delete, limits.COMMANDS),
    )


def _webhook_routes() -> tuple[Endpoint, ...]:
    routes = [Endpoint("POST", _HOOK, webhooks.followup, limits.WEBHOOK, auth=False)]
    for last in ("@original", "{message_id}"):
        template = f"{_HOOK}/messages/{last}"
        for method, handler in (
            ("GET", webhooks.get_message),
            ("PATCH", webhooks.edit_message),
            ("DELETE", webhooks.delete_message),
        ):
            routes.append(Endpoint(method, template, handler, limits.WEBHOOK, auth=False))
    return tuple(routes)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/gateway", guilds.get_gateway, limits.READ, auth=False),
    Endpoint("GET", "/gateway/bot", guilds.get_gateway_bot, limits.READ),
    Endpoint("GET", "/users/@me", users.get_me, limits.READ),
    Endpoint("GET", "/users/@me/guilds", users.list_guilds, limits.READ),
    Endpoint("POST", "/users/@me/channels", users.create_dm, limits.WRITE),
    Endpoint("GET", "/users/{user_id}", users.get_user, limits.READ),
    Endpoint("GET", "/applications/@me", users.get_application, limits.READ),
    Endpoint("GET", "/oauth2/applications/@me", users.get_application, limits.READ),
    *_command_routes(_APP),
    *_command_routes(_GUILD_APP),
    Endpoint(
        "POST",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        interactions.callback,
        limits.CALLBACK,
        auth=False,
    ),
    *_webhook_routes(),
    Endpoint("GET", _CHANNEL, guilds.get_channel, limits.READ),
    Endpoint("POST", f"{_CHANNEL}/typing", guilds.trigger_typing, limits.WRITE),
    Endpoint("GET", f"{_CHANNEL}/messages", messages.list_all, limits.READ),
    Endpoint("POST", f"{_CHANNEL}/messages", messages.create, limits.CREATE_MESSAGE),
    Endpoint("GET", f"{_CHANNEL}/messages/{{message_id}}", messages.get, limits.READ),
    Endpoint("PATCH", f"{_CHANNEL}/messages/{{message_id}}", messages.edit, limits.EDIT_MESSAGE),
    Endpoint(
        "DELETE", f"{_CHANNEL}/messages/{{message_id}}", messages.delete, limits.DELETE_MESSAGE
    ),
    Endpoint("GET", "/guilds/{guild_id}", guilds.get_guild, limits.READ),
    Endpoint("GET", "/guilds/{guild_id}/channels", guilds.list_channels, limits.READ),
    Endpoint("GET", "/guilds/{guild_id}/roles", guilds.list_roles, limits.READ),
    Endpoint("GET", "/guilds/{guild_id}/members", guilds.list_members, limits.READ),
    Endpoint("GET", "/guilds/{guild_id}/members/{user_id}", guilds.get_member, limits.READ),
)
