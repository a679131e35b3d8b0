"""Serves /api/v10: token, planted faults, rate limits, the handler, the journal.

Handlers are plain functions on the world; everything HTTP is here.
"""

import hmac
import json
import math
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiohttp import web

from playground.errors import ApiError, method_not_allowed, not_found, unauthorized
from playground.ratelimits import RateLimiter
from playground.rest.body import BodyReader
from playground.rest.call import Call, Endpoint, Reply
from playground.rest.faults import Fault, Faults
from playground.rest.journal import Journal
from playground.rest.routes import ENDPOINTS
from playground.world import World

PREFIX = "/api/v10"
log = structlog.get_logger("playground.rest")


@dataclass
class Outcome:
    """What goes back: status, JSON body, headers, and whether the answer is to be lost."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    planted: bool = False


class RestApi:
    """Discord's REST API on a world."""

    def __init__(self, world: World, journal: Journal, faults: Faults) -> None:
        self._world = world
        self._journal = journal
        self._faults = faults
        self._limiter = RateLimiter()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register every route, and Discord's 404 and 405 for what is left."""
        templates: dict[str, web.Resource] = {}
        for endpoint in ENDPOINTS:
            path = PREFIX + endpoint.template
            if path not in templates:
                templates[path] = router.add_resource(path)
            templates[path].add_route(endpoint.method, self._serve(endpoint))
        for resource in templates.values():
            resource.add_route("*", self._refuse(method_not_allowed()))
        router.add_route("*", "/api/{rest:.*}", self._refuse(not_found()))

    def _refuse(self, error: ApiError) -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            outcome = Outcome(error.status, error.body())
            return self._finish(request, None, None, None, outcome)

        return handler

    def _serve(self, endpoint: Endpoint) -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            reader = BodyReader(request, self._world.attachments)
            body: Any = None
            try:
                body = await reader.read()
                outcome = self._decide(endpoint, request, body, reader)
            except ApiError as error:
                outcome = Outcome(error.status, error.body())
            except Exception:
                # The edge of the process: a mistake of ours is answered as Discord answers its own.
                log.exception("rest_failed", method=request.method, route=endpoint.template)
                outcome = Outcome(500, {"message": "500: Internal Server Error", "code": 0})
            await self._world.attachments.discard_unclaimed(reader.uploads)
            return self._finish(request, endpoint, body, reader, outcome)

        return handler

    def _decide(
        self, endpoint: Endpoint, request: web.Request, body: Any, reader: BodyReader
    ) -> Outcome:
        """Apply a planted fault, or let the call take its course and lose the answer."""
        fault = self._faults.take(request.method, request.path.removeprefix(PREFIX))
        if fault is None:
            return self._perform(endpoint, request, body, reader)
        if fault.drop:
            return Outcome(fault.status, None, lost=True, planted=True)
        if not fault.after_accept:
            return _fault_outcome(fault)
        outcome = self._perform(endpoint, request, body, reader)
        outcome.lost = True
        return outcome

    def _perform(
        self, endpoint: Endpoint, request: web.Request, body: Any, reader: BodyReader
    ) -> Outcome:
        """Check token and rate limit, then call the handler."""
        if endpoint.auth and not self._authorized(request):
            error = unauthorized()
            return Outcome(error.status, error.body())
        params = dict(request.match_info)
        counts_globally = not endpoint.template.startswith(("/interactions", "/webhooks"))
        verdict = self._limiter.check(endpoint.bucket, endpoint.major(params), counts_globally)
        if not verdict.allowed:
            limited = _limited_body(verdict.retry_after, verdict.is_global)
            return Outcome(429, limited, verdict.headers)
        call = Call(params, request.query, body, reader.uploads, _base_url(request))
        try:
            reply: Reply = endpoint.handler(self._world, call)
        except ApiError as refusal:
            return Outcome(refusal.status, refusal.body(), verdict.headers)
        return Outcome(reply.status, reply.body, verdict.headers)

    def _authorized(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        wanted = f"Bot {self._world.application.token}"
        return hmac.compare_digest(given.encode(), wanted.encode())

    def _finish(
        self,
        request: web.Request,
        endpoint: Endpoint | None,
        body: Any,
        reader: BodyReader | None,
        outcome: Outcome,
    ) -> web.StreamResponse:
        """Write the journal and the log, and make the HTTP answer."""
        route = endpoint.template if endpoint else None
        self._journal.add(
            method=request.method,
            path=request.path.removeprefix(PREFIX),
            route=route,
            query=request.query,
            headers=request.headers,
            content_type=request.content_type if "Content-Type" in request.headers else "",
            body=body,
            uploads=reader.uploads if reader else (),
            status=outcome.status,
            response=outcome.body,
            planted=outcome.planted,
        )
        log.info("rest", method=request.method, route=route, status=outcome.status)
        if outcome.lost and request.transport is not None:
            request.transport.abort()
        # Clients take a 429 without Via for a ban by the proxy in front of Discord.
        headers = {"Via": "1.1 playground", **outcome.headers}
        if outcome.body is None:
            return web.Response(status=outcome.status, headers=headers)
        return web.Response(
            status=outcome.status,
            body=json.dumps(outcome.body).encode(),
            headers={**headers, "Content-Type": "application/json"},
        )


def _limited_body(retry_after: float, is_global: bool) -> dict[str, Any]:
    return {
        "message": "You are being rate limited.",
        "retry_after": round(retry_after, 3),
        "global": is_global,
        "code": 0,
    }


def _fault_outcome(fault: Fault) -> Outcome:
    """Return the answer that a planted fault gives instead of the call's own."""
    if fault.status == 429:
        retry_after = 1.0 if fault.retry_after is None else fault.retry_after
        headers = {
            "Retry-After": str(math.ceil(retry_after)),
            "X-RateLimit-Scope": "global" if fault.is_global else "user",
        }
        if fault.is_global:
            headers["X-RateLimit-Global"] = "true"
        body = fault.body or _limited_body(retry_after, fault.is_global)
        return Outcome(429, body, headers, planted=True)
    body = fault.body
    if body is None:
        body = {"message": f"{fault.status}: Planted fault", "code": 0}
    return Outcome(fault.status, body, planted=True)


def _base_url(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
