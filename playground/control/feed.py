"""The events that each member's client shows, as they happen, over a websocket.

An event is rendered and encoded once, however many members watch.
"""

import asyncio
import json
from dataclasses import dataclass, field

from aiohttp import web

from playground import message_payloads
from playground.errors import ControlError
from playground.events import CommandsChanged, Event, MemberNotice, MessageEvent, PresenceChanged
from playground.model import Json, User
from playground.world import World


@dataclass(eq=False)
class Watcher:
    """One open feed and what it has yet to send."""

    user: User
    queue: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)


class MemberFeed:
    """Serves GET /playground/events."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._watchers: set[Watcher] = set()
        self._sockets: set[web.WebSocketResponse] = set()
        world.bus.subscribe(self._on_event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send a member's events until the client leaves."""
        user = self._world.members.find(request.query.get("user_id", ""))
        if user is None:
            raise ControlError("unknown_user", "There is no such member.", 404)
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=4096, compress=False, timeout=1.0)
        watcher = Watcher(user)
        # Watching starts before the handshake ends: a client that is connected misses nothing.
        self._watchers.add(watcher)
        writer: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            self._sockets.add(socket)
            writer = asyncio.create_task(_write(socket, watcher.queue))
            async for _ in socket:
                pass
        finally:
            self._watchers.discard(watcher)
            self._sockets.discard(socket)
            if writer is not None:
                writer.cancel()
        return socket

    async def close_all(self) -> None:
        """Close every feed, for the end of the process."""
        sockets = list(self._sockets)
        await asyncio.gather(*(s.close(code=1001, message=b"Going away.") for s in sockets))

    def _on_event(self, event: Event) -> None:
        watchers = [w for w in self._watchers if self._may_see(w.user, event)]
        if not watchers:
            return
        shown = self._shown(event)
        if shown is None:
            return
        text = json.dumps(shown)
        for watcher in watchers:
            watcher.queue.put_nowait(text)

    def _may_see(self, user: User, event: Event) -> bool:
        if isinstance(event, MemberNotice):
            return event.user_id == user.id
        if isinstance(event, MessageEvent):
            message = event.message
            if message.visible_to not in (None, user.id):
                return False
            return self._world.may(user, self._world.channels[message.channel_id], "VIEW_CHANNEL")
        return True

    def _shown(self, event: Event) -> Json | None:
        """Return an event as the page receives it, or None for one it does not show."""
        if isinstance(event, MemberNotice):
            return {"type": event.type, "data": event.data}
        if isinstance(event, CommandsChanged):
            return {"type": "commands_update", "data": {}}
        if isinstance(event, PresenceChanged):
            return {"type": "presence", "data": {"online": event.online}}
        if not isinstance(event, MessageEvent):
            return None
        message = event.message
        data: Json = {"id": message.id, "channel_id": message.channel_id}
        if event.kind != "delete":
            data = message_payloads.for_member(self._world, message)
        return {"type": f"message_{event.kind}", "data": data}


async def _write(socket: web.WebSocketResponse, queue: "asyncio.Queue[str]") -> None:
    while True:
        text = await queue.get()
        try:
            await socket.send_str(text)
        except ConnectionError:
            return
