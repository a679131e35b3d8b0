"""The events that one member's client shows, as they happen, over a websocket."""

import asyncio
import json

from aiohttp import web

from playground import message_payloads
from playground.errors import ControlError
from playground.events import CommandsChanged, Event, MemberNotice, MessageEvent, PresenceChanged
from playground.model import Json, User
from playground.world import World


class MemberFeed:
    """Serves GET /playground/events."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sockets: set[web.WebSocketResponse] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send a member's events until the client leaves."""
        user = self._world.members.find(request.query.get("user_id", ""))
        if user is None:
            raise ControlError("unknown_user", "There is no such member.", 404)
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=4096)
        queue: asyncio.Queue[Json] = asyncio.Queue()

        def listen(event: Event) -> None:
            shown = self._shown(user, event)
            if shown is not None:
                queue.put_nowait(shown)

        # Listening starts before the handshake ends: a client that is connected misses nothing.
        unsubscribe = self._world.bus.subscribe(listen)
        writer: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            self._sockets.add(socket)
            writer = asyncio.create_task(_write(socket, queue))
            async for _ in socket:
                pass
        finally:
            unsubscribe()
            self._sockets.discard(socket)
            if writer is not None:
                writer.cancel()
        return socket

    async def close_all(self) -> None:
        """Close every feed, for the end of the process."""
        for socket in list(self._sockets):
            await socket.close(code=1001, message=b"Going away.")

    def _shown(self, user: User, event: Event) -> Json | None:
        """Return the event as this member sees it, or None."""
        if isinstance(event, MemberNotice):
            return {"type": event.type, "data": event.data} if event.user_id == user.id else None
        if isinstance(event, CommandsChanged):
            return {"type": "commands_update", "data": {}}
        if isinstance(event, PresenceChanged):
            return {"type": "presence", "data": {"online": event.online}}
        if isinstance(event, MessageEvent):
            return self._shown_message(user, event)
        return None

    def _shown_message(self, user: User, event: MessageEvent) -> Json | None:
        message = event.message
        if message.visible_to not in (None, user.id):
            return None
        channel = self._world.channels[message.channel_id]
        if not self._world.may(user, channel, "VIEW_CHANNEL"):
            return None
        data: Json = {"id": message.id, "channel_id": message.channel_id}
        if event.kind != "delete":
            data = message_payloads.message(self._world, message)
        return {"type": f"message_{event.kind}", "data": data}


async def _write(socket: web.WebSocketResponse, queue: "asyncio.Queue[Json]") -> None:
    while True:
        event = await queue.get()
        try:
            await socket.send_str(json.dumps(event))
        except ConnectionError:
            return
