"""The control API's addresses: reads requests, calls the actions, writes answers."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from playground.attachments import Upload
from playground.control import actions
from playground.control.feed import MemberFeed
from playground.control.security import RequestGuard
from playground.errors import ApiError, ControlError
from playground.gateway.hub import GatewayHub
from playground.gateway.server import GatewayServer
from playground.interactions.acts import perform
from playground.members import MIKA
from playground.model import Json
from playground.rest.body import BodyReader
from playground.rest.faults import Faults
from playground.rest.journal import Journal
from playground.world import World

PREFIX = "/playground"
log = structlog.get_logger("playground.control")
Body = tuple[Json, tuple[Upload, ...]]


class ControlApi:
    """What the page, the tests and the benchmark call."""

    def __init__(
        self,
        world: World,
        *,
        gateway: GatewayServer,
        hub: GatewayHub,
        journal: Journal,
        faults: Faults,
        guard: RequestGuard,
    ) -> None:
        self._world = world
        self._gateway = gateway
        self._hub = hub
        self._journal = journal
        self._faults = faults
        self._guard = guard
        self.feed = MemberFeed(world)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register every address of the control API."""
        for method, path, handler in (
            ("GET", "/state", self._state),
            ("GET", "/events", self.feed.serve),
            ("POST", "/interactions", self._interactions),
            ("POST", "/messages", self._messages),
            ("DELETE", "/messages/{message_id}", self._delete_message),
            ("POST", "/users", self._users),
            ("POST", "/channels", self._add_channel),
            ("DELETE", "/channels/{channel_id}", self._delete_channel),
            ("POST", "/clock", self._clock),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", self._clear_faults),
            ("POST", "/permissions", self._permissions),
            ("POST", "/disconnect", self._disconnect),
            ("GET", "/requests", self._requests),
        ):
            router.add_route(method, PREFIX + path, self._guarded(handler))

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Check who asks, and turn refusals into JSON."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                self._guard.check(
                    request.host,
                    request.headers.get("Origin"),
                    request.headers.get("Sec-Fetch-Site"),
                )
                return await handler(request)
            except ControlError as error:
                log.info("refused", path=request.path, code=error.code)
                return web.json_response(error.body(), status=error.status)

        return guarded

    async def _read(self, request: web.Request) -> tuple[Json, BodyReader]:
        reader = BodyReader(request, self._world.attachments)
        try:
            body = await reader.read()
        except ApiError as error:
            await self._world.attachments.discard_unclaimed(reader.uploads)
            code = "too_large" if error.status == 413 else "bad_body"
            words = "Your files are too powerful." if error.status == 413 else error.message
            raise ControlError(code, words, error.status) from error
        if not isinstance(body, dict):
            raise ControlError("bad_body", "The body must be a JSON object.")
        return body, reader

    async def _state(self, request: web.Request) -> web.StreamResponse:
        user_id = request.query.get("user_id", MIKA.id)
        channel_id = request.query.get("channel_id")
        shown = actions.state(self._world, user_id, channel_id, self._hub)
        return web.json_response(shown)

    async def _interactions(self, request: web.Request) -> web.StreamResponse:
        fields, reader = await self._read(request)
        try:
            interaction = perform(self._world, fields, reader.uploads)
        finally:
            await self._world.attachments.discard_unclaimed(reader.uploads)
        log.info("interaction", id=interaction.id, kind=fields.get("kind"))
        return web.json_response({"interaction_id": interaction.id})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        fields, reader = await self._read(request)
        try:
            message = actions.post_message(self._world, fields, reader.uploads)
        finally:
            await self._world.attachments.discard_unclaimed(reader.uploads)
        return web.json_response(message)

    async def _delete_message(self, request: web.Request) -> web.StreamResponse:
        channel_id = request.query.get("channel_id", "")
        actions.delete_message(self._world, request.match_info["message_id"], channel_id)
        return web.json_response({})

    async def _users(self, request: web.Request) -> web.StreamResponse:
        fields, _ = await self._read(request)
        return web.json_response(actions.add_user(self._world, fields))

    async def _add_channel(self, request: web.Request) -> web.StreamResponse:
        fields, _ = await self._read(request)
        return web.json_response(actions.add_channel(self._world, fields))

    async def _delete_channel(self, request: web.Request) -> web.StreamResponse:
        actions.delete_channel(self._world, request.match_info["channel_id"])
        return web.json_response({})

    async def _clock(self, request: web.Request) -> web.StreamResponse:
        fields, _ = await self._read(request)
        seconds: Any = fields.get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise ControlError("bad_clock", "advance_seconds is a number of seconds, 0 or more.")
        now = self._world.clock.advance(seconds)
        log.info("clock_moved", seconds=seconds)
        return web.json_response({"now": now})

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        fields, _ = await self._read(request)
        self._faults.add(fields)
        return web.json_response({})

    async def _clear_faults(self, request: web.Request) -> web.StreamResponse:
        self._faults.clear()
        return web.json_response({})

    async def _permissions(self, request: web.Request) -> web.StreamResponse:
        fields, _ = await self._read(request)
        return web.json_response(actions.set_permissions(self._world, fields))

    async def _disconnect(self, request: web.Request) -> web.StreamResponse:
        fields, _ = await self._read(request)
        resumable = bool(fields.get("resumable", True))
        count = await self._gateway.disconnect(resumable=resumable)
        return web.json_response({"disconnected": count})

    async def _requests(self, request: web.Request) -> web.StreamResponse:
        since = request.query.get("since", "0")
        entries = self._journal.since(int(since) if since.isdecimal() else 0)
        return web.json_response(entries, dumps=json.dumps)
