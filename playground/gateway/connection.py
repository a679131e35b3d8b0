"""One websocket of the gateway: hello, identify or resume, heartbeats, closing codes."""

import asyncio
import hmac
import json
import secrets
import time
from collections import deque
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from playground import payloads
from playground.events import PresenceChanged
from playground.gateway.compression import compressor_for
from playground.gateway.hub import GatewayHub
from playground.gateway.session import ALL_INTENTS, PRIVILEGED, Intent, Session
from playground.model import Json
from playground.world import World

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME, RECONNECT = 0, 1, 2, 3, 4, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 8, 9, 10, 11
FRAME_LIMIT = 4096
EVENTS_PER_MINUTE = 120
log = structlog.get_logger("playground.gateway")


class CloseConnection(Exception):
    """Ends a connection with one of Discord's close codes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GatewayConnection:
    """Speaks with one bot over one websocket."""

    def __init__(
        self,
        world: World,
        hub: GatewayHub,
        socket: web.WebSocketResponse,
        *,
        compress: str | None,
        resume_url: str,
        heartbeat_interval: float,
    ) -> None:
        self._world = world
        self._hub = hub
        self._socket = socket
        self._compressor = compressor_for(compress)
        self._resume_url = resume_url
        self._interval = heartbeat_interval
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._last_heartbeat = time.monotonic()
        self._received: deque[float] = deque(maxlen=EVENTS_PER_MINUTE)
        self._session: Session | None = None

    @property
    def session(self) -> Session | None:
        """The session that this connection carries."""
        return self._session

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        milliseconds = int(self._interval * 1000)
        self._send({"op": HELLO, "d": {"heartbeat_interval": milliseconds}})
        writer = asyncio.create_task(self._write())
        watch = asyncio.create_task(self._watch_heartbeat())
        try:
            await self._read()
        except CloseConnection as close:
            await self.close(close.code, close.reason)
        finally:
            for task in (writer, watch):
                task.cancel()
            self._leave()

    async def close(self, code: int, reason: str) -> None:
        """Close the websocket with a code."""
        log.info("gateway_close", code=code, reason=reason)
        self._leave()
        await self._socket.close(code=code, message=reason.encode())

    def _leave(self) -> None:
        session, was_online = self._session, self._hub.online
        if session is not None and session.send == self._outgoing.put_nowait:
            session.lose()
            self._hub.announce(was_online)

    # -- sending

    def _send(self, payload: Json) -> None:
        self._outgoing.put_nowait(json.dumps({"t": None, "s": None, **payload}))

    async def _write(self) -> None:
        while not self._socket.closed:
            text = await self._outgoing.get()
            try:
                if self._compressor is None:
                    await self._socket.send_str(text)
                else:
                    await self._socket.send_bytes(self._compressor.frame(text))
            except ConnectionError:
                return

    async def _watch_heartbeat(self) -> None:
        """Close the connection of a bot that stopped sending heartbeats."""
        while True:
            await asyncio.sleep(self._interval / 2)
            if time.monotonic() - self._last_heartbeat > self._interval * 1.5:
                await self.close(4009, "Session timed out.")
                return

    # -- receiving

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                raise CloseConnection(4002, "Error while decoding payload.")
            if len(message.data.encode()) > FRAME_LIMIT:
                raise CloseConnection(4002, "Payload is too large.")
            self._count_event()
            try:
                payload = json.loads(message.data)
                op, data = payload["op"], payload.get("d")
            except (ValueError, TypeError, KeyError, AttributeError):
                raise CloseConnection(4002, "Error while decoding payload.") from None
            self._handle(op, data)

    def _count_event(self) -> None:
        now = time.monotonic()
        full = len(self._received) == EVENTS_PER_MINUTE
        if full and now - self._received[0] < 60:
            raise CloseConnection(4008, "You are being rate limited.")
        self._received.append(now)

    def _handle(self, op: Any, data: Any) -> None:
        if op == HEARTBEAT:
            self._last_heartbeat = time.monotonic()
            self._send({"op": HEARTBEAT_ACK})
        elif op == IDENTIFY:
            self._identify(data)
        elif op == RESUME:
            self._resume(data)
        elif op not in (PRESENCE, VOICE_STATE, REQUEST_MEMBERS):
            raise CloseConnection(4001, "Unknown opcode.")
        elif self._session is None:
            raise CloseConnection(4003, "Not authenticated.")
        elif op == REQUEST_MEMBERS:
            self._request_members(self._session, data)

    def _check_token(self, data: Any) -> Json:
        if not isinstance(data, dict) or not isinstance(data.get("token"), str):
            raise CloseConnection(4002, "Error while decoding payload.")
        given = data["token"].removeprefix("Bot ")
        if not hmac.compare_digest(given.encode(), self._world.application.token.encode()):
            raise CloseConnection(4004, "Authentication failed.")
        return data

    def _identify(self, data: Any) -> None:
        if self._session is not None:
            raise CloseConnection(4005, "Already authenticated.")
        data = self._check_token(data)
        intents = data.get("intents")
        if isinstance(intents, bool) or not isinstance(intents, int):
            raise CloseConnection(4013, "Invalid intent(s).")
        if not 0 <= intents <= ALL_INTENTS:
            raise CloseConnection(4013, "Invalid intent(s).")
        if intents & PRIVILEGED and not self._world.application.privileged_intents:
            raise CloseConnection(4014, "Disallowed intent(s).")
        shard = data.get("shard", [0, 1])
        if shard != [0, 1]:
            raise CloseConnection(4010, "Invalid shard.")
        session = Session(secrets.token_hex(16), intents, self._outgoing.put_nowait)
        self._session = session
        self._hub.add(session)
        session.dispatch("READY", self._ready(session))
        if session.wants(Intent.GUILDS):
            for guild in self._world.guilds.all():
                session.dispatch("GUILD_CREATE", payloads.gateway_guild(self._world, guild))
        # Told even when another bot is online: some wait for this very session.
        self._world.bus.publish(PresenceChanged(online=True))
        log.info("gateway_ready", intents=intents)

    def _ready(self, session: Session) -> Json:
        return {
            "v": 10,
            "user": {
                **payloads.user(self._world.bot),
                "mfa_enabled": True,
                "verified": True,
                "email": None,
            },
            "guilds": [{"id": guild.id, "unavailable": True} for guild in self._world.guilds.all()],
            "private_channels": [],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._resume_url,
            "shard": [0, 1],
            "application": {
                "id": self._world.application.id,
                "flags": payloads.application_flags(self._world),
            },
        }

    def _resume(self, data: Any) -> None:
        if self._session is not None:
            raise CloseConnection(4005, "Already authenticated.")
        data = self._check_token(data)
        session = self._hub.get(str(data.get("session_id")))
        sequence = data.get("seq")
        if session is None or not isinstance(sequence, int):
            self._send({"op": INVALID_SESSION, "d": False})
            return
        if sequence > session.sequence:
            raise CloseConnection(4007, "Invalid seq.")
        if not session.can_replay(sequence):
            self._send({"op": INVALID_SESSION, "d": False})
            return
        was_online = self._hub.online
        for frame in session.replay(sequence):
            self._outgoing.put_nowait(frame)
        session.send = self._outgoing.put_nowait
        self._session = session
        session.dispatch("RESUMED", {"_trace": []})
        self._hub.announce(was_online)
        log.info("gateway_resumed", replayed_after=sequence)

    def _request_members(self, session: Session, data: Any) -> None:
        """Answer a request for members by id or by the start of a name."""
        guild_id = str(data.get("guild_id")) if isinstance(data, dict) else ""
        if self._world.guilds.find(guild_id) is None:
            return
        wanted = data.get("user_ids")
        ids = [str(i) for i in (wanted if isinstance(wanted, list) else [wanted] if wanted else [])]
        if ids:
            found = [user for i in ids if (user := self._world.members.find(i)) is not None]
        else:
            query = str(data.get("query") or "").lower()
            if not query and not session.wants(Intent.GUILD_MEMBERS):
                return
            named = [u for u in self._world.members.all() if u.username.startswith(query)]
            limit = data.get("limit")
            most = 100 if query else len(named)
            found = named[: min(limit, most) if isinstance(limit, int) and limit > 0 else most]
        known = {user.id for user in found}
        chunk: Json = {
            "guild_id": guild_id,
            "members": [payloads.member(self._world, user, guild_id) for user in found],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [i for i in ids if i not in known],
        }
        if data.get("nonce"):
            chunk["nonce"] = data["nonce"]
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)
