"""The gateway's address: opens a connection per websocket, and can cut them all."""

import asyncio

import structlog
from aiohttp import web

from playground.gateway.connection import GatewayConnection
from playground.gateway.hub import GatewayHub
from playground.rest.guilds import gateway_url
from playground.world import World

# How long a peer that does not answer a close may keep the process from ending.
CLOSE_TIMEOUT = 1.0
log = structlog.get_logger("playground.gateway")


class GatewayServer:
    """Accepts bots."""

    def __init__(self, world: World, hub: GatewayHub, heartbeat_interval: float) -> None:
        self._world = world
        self._hub = hub
        self._heartbeat_interval = heartbeat_interval
        self._connections: set[GatewayConnection] = set()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register the gateway with and without its last slash."""
        router.add_get("/gateway/", self._accept)
        router.add_get("/gateway", self._accept)

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20, timeout=CLOSE_TIMEOUT)
        await socket.prepare(request)
        if request.query.get("v", "10") != "10":
            await socket.close(code=4012, message=b"Invalid API version.")
            return socket
        if request.query.get("encoding", "json") != "json":
            await socket.close(code=4002, message=b"Only JSON is spoken here.")
            return socket
        try:
            connection = GatewayConnection(
                self._world,
                self._hub,
                socket,
                compress=request.query.get("compress"),
                resume_url=gateway_url(f"{request.scheme}://{request.host}"),
                heartbeat_interval=self._heartbeat_interval,
            )
        except ValueError as error:
            log.warning("gateway_compression", reason=str(error))
            await socket.close(code=4002, message=str(error).encode())
            return socket
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
        return socket

    async def disconnect(self, *, resumable: bool) -> int:
        """Cut every bot's connection and return how many there were.

        A session that is not resumable gets Invalid Session when the bot tries.
        """
        connections = [c for c in self._connections if c.session is not None]
        for connection in connections:
            if connection.session is not None:
                connection.session.resumable = resumable
            await connection.close(4000, "Unknown error.")
        return len(connections)

    async def close_all(self) -> None:
        """Close every connection, for the end of the process."""
        await asyncio.gather(*(c.close(1001, "Going away.") for c in list(self._connections)))
