"""Puts the rooms of the stand-in together and listens."""

import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from playground.cdn import Cdn
from playground.control.security import LOOPBACK_NAMES, RequestGuard, is_loopback
from playground.control.views import ControlApi
from playground.errors import PlaygroundError
from playground.gateway.hub import GatewayHub
from playground.gateway.server import GatewayServer
from playground.interactions.deadline import Deadlines
from playground.members import ROBIN
from playground.model import Application
from playground.page import Page
from playground.rest.api import RestApi
from playground.rest.faults import Faults
from playground.rest.journal import Journal
from playground.world import World

APPLICATION_ID = "800000000000000001"
REQUEST_LIMIT = 128 * 1024 * 1024


class ConfigurationError(PlaygroundError):
    """The server cannot start with these options."""


@dataclass(frozen=True)
class ServerOptions:
    """How to start a server; port 0 takes a free one."""

    data_dir: Path
    token: str
    host: str = "127.0.0.1"
    port: int = 0
    application_id: str = APPLICATION_ID
    application_name: str = "NewBie"
    allow_remote: bool = False
    public_url: str | None = None
    privileged_intents: bool = False
    heartbeat_interval: float = 41.25


class PlaygroundServer:
    """A running stand-in; `url` is where it listens."""

    def __init__(self, options: ServerOptions) -> None:
        if not options.allow_remote and not is_loopback(options.host):
            raise ConfigurationError(
                f"{options.host} is reachable from other machines; --allow-remote permits that"
            )
        self.options = options
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Start to listen."""
        # The handlers need the address, which needs the port: routes are added once it is known.
        sock = _bind(self.options.host, self.options.port)
        port = sock.getsockname()[1]
        shown = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        self.url = self.options.public_url or f"http://{shown}:{port}"
        app = self._application()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        await web.SockSite(self._runner, sock).start()

    def _application(self) -> web.Application:
        options = self.options
        world = World(
            Application(
                options.application_id,
                options.application_name,
                options.token,
                ROBIN.id,
                options.privileged_intents,
            ),
            self.url,
            options.data_dir,
        )
        hub = GatewayHub(world)
        gateway = GatewayServer(world, hub, options.heartbeat_interval)
        journal, faults = Journal(), Faults()
        guard = RequestGuard(None if options.allow_remote else LOOPBACK_NAMES | {options.host})
        control = ControlApi(
            world, gateway=gateway, hub=hub, journal=journal, faults=faults, guard=guard
        )
        deadlines = Deadlines(world)

        async def close_sockets(_: web.Application) -> None:
            deadlines.close()
            await gateway.close_all()
            await control.feed.close_all()

        app = web.Application(client_max_size=REQUEST_LIMIT)
        app.on_shutdown.append(close_sockets)
        RestApi(world, journal, faults).add_routes(app.router)
        gateway.add_routes(app.router)
        control.add_routes(app.router)
        Cdn(world).add_routes(app.router)
        Page(guard).add_routes(app.router)
        return app

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address; raise ConfigurationError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error}") from error
    return sock
