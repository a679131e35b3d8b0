"""A client of the control API: acts as members for the smoke test, the tests, the benchmark.

Waiting is done on the event feed, so nothing polls and nothing is missed: a feed is
open before the state is read.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from playground.client_connection import ActionRefused, Files, Json
from playground.client_guilds import GuildActions

__all__ = ["ActionRefused", "PlaygroundClient"]
DEFAULT_USER = "500000000000000001"
DEFAULT_MODERATOR = "500000000000000003"
DEFAULT_CHANNEL = "600000000000000010"


class PlaygroundClient(GuildActions):
    """Acts through the control API of the server at `base_url`; an async context manager."""

    async def _act(self, kind: str, fields: Json, files: Files = ()) -> str:
        """Post an interaction and return its id."""
        body = {"kind": kind, **{k: v for k, v in fields.items() if v is not None}}
        body.setdefault("user_id", DEFAULT_USER)
        body.setdefault("channel_id", DEFAULT_CHANNEL)
        answer = await self.call("POST", "/interactions", body, files)
        return str(answer["interaction_id"])

    # -- what a member does

    async def command(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        files: Files = (),
        *,
        user_id: str | None = None,
        channel_id: str | None = None,
        unchecked: bool = False,
    ) -> str:
        """Use a slash command and return the interaction's id.

        `options` maps names to values; a mapping as a value nests a sub-command. The value of
        an attachment option is the index of its file.
        """
        fields: Json = {
            "name": name,
            "options": _options(options or {}),
            "user_id": user_id,
            "channel_id": channel_id,
            "unchecked": unchecked,
        }
        return await self._act("command", fields, files)

    async def message_command(
        self,
        name: str,
        target_message_id: str,
        *,
        user_id: str | None = None,
        channel_id: str | None = None,
    ) -> str:
        """Use a message context command on a message and return the interaction's id."""
        fields: Json = {
            "name": name,
            "target_message_id": target_message_id,
            "user_id": user_id,
            "channel_id": channel_id,
        }
        return await self._act("message_command", fields)

    async def user_command(
        self,
        name: str,
        target_user_id: str,
        *,
        user_id: str | None = None,
        channel_id: str | None = None,
    ) -> str:
        """Use a user context command on a member and return the interaction's id."""
        fields: Json = {
            "name": name,
            "target_user_id": target_user_id,
            "user_id": user_id,
            "channel_id": channel_id,
        }
        return await self._act("user_command", fields)

    async def press(
        self,
        message_id: str,
        custom_id: str,
        values: Sequence[str] | None = None,
        *,
        user_id: str | None = None,
        channel_id: str | None = None,
    ) -> str:
        """Press a button, or choose `values` in a select; return the interaction's id."""
        fields: Json = {
            "message_id": message_id,
            "custom_id": custom_id,
            "values": list(values) if values is not None else None,
            "user_id": user_id,
            "channel_id": channel_id,
        }
        return await self._act("component", fields)

    async def submit_modal(
        self,
        interaction_id: str,
        values: Mapping[str, Any],
        files: Files = (),
        *,
        custom_id: str | None = None,
        user_id: str | None = None,
        channel_id: str | None = None,
        unchecked: bool = False,
    ) -> str:
        """Submit the modal that an interaction opened; return the new interaction's id."""
        fields: Json = {
            "interaction_id": interaction_id,
            "custom_id": custom_id,
            "values": dict(values),
            "user_id": user_id,
            "channel_id": channel_id,
            "unchecked": unchecked,
        }
        return await self._act("modal_submit", fields, files)

    async def autocomplete(
        self,
        name: str,
        options: Mapping[str, Any],
        focused: str,
        *,
        user_id: str | None = None,
        channel_id: str | None = None,
        timeout: float = 5.0,  # noqa: ASYNC109 - a caller reads better with it
    ) -> list[Json]:
        """Ask for the suggestions of the option `focused`, and return the choices."""
        fields: Json = {
            "name": name,
            "options": _options(options, focused),
            "user_id": user_id,
            "channel_id": channel_id,
        }
        async with self.feed(user_id or DEFAULT_USER) as feed, asyncio.timeout(timeout):
            interaction_id = await self._act("autocomplete", fields)
            async for event in feed:
                if event["data"].get("interaction_id") != interaction_id:
                    continue
                if event["type"] == "autocomplete":
                    return list(event["data"]["choices"])
                if event["type"] == "interaction_failed":
                    raise ActionRefused(504, "no_answer", event["data"]["message"])
        raise ActionRefused(504, "no_answer", "The feed ended.")

    async def post_message(
        self,
        content: str = "",
        files: Files = (),
        *,
        user_id: str | None = None,
        channel_id: str | None = None,
    ) -> Json:
        """Post as a member and return the message."""
        body: Json = {
            "user_id": user_id or DEFAULT_USER,
            "channel_id": channel_id or DEFAULT_CHANNEL,
            "content": content,
        }
        message: Json = await self.call("POST", "/messages", body, files)
        return message

    async def delete_message(self, message_id: str, *, channel_id: str | None = None) -> None:
        """Delete a message as a moderator."""
        wanted = channel_id or DEFAULT_CHANNEL
        await self.call("DELETE", f"/messages/{message_id}", channel_id=wanted)

    # -- what a test does

    async def add_user(
        self, username: str, *, moderator: bool = False, roles: Sequence[str] = ()
    ) -> Json:
        """Add a member to the guilds and return it; `roles` are ids."""
        body: Json = {"username": username, "moderator": moderator, "roles": list(roles)}
        user: Json = await self.call("POST", "/users", body)
        return user

    async def advance_clock(self, seconds: float) -> float:
        """Move the clock of tokens and deadlines; return the new time."""
        answer = await self.call("POST", "/clock", {"advance_seconds": seconds})
        return float(answer["now"])

    async def add_fault(
        self,
        method: str,
        path_regex: str,
        status: int = 500,
        times: int = 1,
        *,
        body: Any = None,
        retry_after: float | None = None,
        after_accept: bool = False,
        drop: bool = False,
        is_global: bool = False,
    ) -> None:
        """Let the next matching REST calls fail.

        `drop` cuts the connection before the call is performed, `after_accept` after it.
        """
        fault: Json = {
            "method": method,
            "path_regex": path_regex,
            "status": status,
            "times": times,
            "body": body,
            "retry_after": retry_after,
            "after_accept": after_accept,
            "drop": drop,
            "global": is_global,
        }
        await self.call("POST", "/faults", fault)

    async def clear_faults(self) -> None:
        """Remove every planted fault."""
        await self.call("DELETE", "/faults")

    async def set_permissions(
        self, deny: Sequence[str], *, target: str = "bot", channel_id: str | None = None
    ) -> None:
        """Take permissions from the bot or a member in a channel; none gives all back."""
        body: Json = {
            "channel_id": channel_id or DEFAULT_CHANNEL,
            "target": target,
            "deny": list(deny),
        }
        await self.call("POST", "/permissions", body)

    async def disconnect_bot(self, *, resumable: bool = True) -> int:
        """Cut the bot's gateway connections and return how many there were."""
        answer = await self.call("POST", "/disconnect", {"resumable": resumable})
        return int(answer["disconnected"])

    # -- what a member sees

    async def state(self, user_id: str | None = None, channel_id: str | None = None) -> Json:
        """Return what a member's client shows of a channel."""
        state: Json = await self.call(
            "GET", "/state", user_id=user_id or DEFAULT_USER, channel_id=channel_id
        )
        return state

    async def requests(self, since: int = 0) -> list[Json]:
        """Return the journal of the bots' REST calls after number `since`."""
        entries: list[Json] = await self.call("GET", "/requests", since=since)
        return entries

    async def events(self, user_id: str | None = None) -> AsyncIterator[Json]:
        """Yield a member's events as they happen."""
        async with self.feed(user_id or DEFAULT_USER) as feed:
            async for event in feed:
                yield event

    async def wait_for_bot(
        self,
        timeout: float = 30.0,  # noqa: ASYNC109
        *,
        after_sessions: int = 0,
    ) -> None:
        """Return once a bot is online and its commands are registered.

        `after_sessions` is for a bot that is started again: the `sessions` of the state before
        it, so that the session of the one that just ended is not taken for the new one.
        """
        async with self.feed(DEFAULT_USER) as feed, asyncio.timeout(timeout):
            while not await self._bot_is_ready(after_sessions):
                async for event in feed:
                    if event["type"] in ("presence", "commands_update"):
                        break

    async def _bot_is_ready(self, after_sessions: int) -> bool:
        state = await self.state(DEFAULT_MODERATOR)
        application = state["application"]
        is_new = application["sessions"] > after_sessions
        return bool(application["online"] and is_new and state["commands"])

    async def wait_for_message(
        self,
        predicate: Callable[[Json], object],
        user_id: str | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109
        *,
        channel_id: str | None = None,
    ) -> Json:
        """Return the first message that fits: one that is there, or one to come or change.

        Looks in the default channel, or the one given. Raises TimeoutError after `timeout`
        seconds.
        """
        user, channel = user_id or DEFAULT_USER, channel_id or DEFAULT_CHANNEL
        async with self.feed(user) as feed, asyncio.timeout(timeout):
            for message in (await self.state(user, channel))["messages"]:
                if predicate(message):
                    return dict(message)
            async for event in feed:
                if event["type"] not in ("message_create", "message_update"):
                    continue
                if event["data"]["channel_id"] == channel and predicate(event["data"]):
                    return dict(event["data"])
        raise TimeoutError("the feed ended before the message came")

    async def wait_for_event(
        self,
        predicate: Callable[[Json], object],
        act: Callable[[], Any],
        user_id: str | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109
    ) -> Json:
        """Await `act()` with the feed open, and return the first event that fits."""
        async with self.feed(user_id or DEFAULT_USER) as feed, asyncio.timeout(timeout):
            await act()
            async for event in feed:
                if predicate(event):
                    return event
        raise TimeoutError("the feed ended before the event came")

    async def fetch(self, url: str) -> bytes:
        """Download a file from the CDN."""
        async with self.http.get(url) as response:
            response.raise_for_status()
            return await response.read()


def _options(options: Mapping[str, Any], focused: str | None = None) -> list[Json]:
    """Turn names and values into the option list of the control API."""
    result: list[Json] = []
    for name, value in options.items():
        if isinstance(value, Mapping):
            result.append({"name": name, "options": _options(value, focused)})
            continue
        option: Json = {"name": name, "value": value}
        if name == focused:
            option["focused"] = True
        result.append(option)
    return result
