"""Serves the page: static/index.html at the root, the rest under /static/."""

import mimetypes
from pathlib import Path

from aiohttp import web

from playground.control.security import RequestGuard
from playground.errors import ControlError

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_TEXTUAL = ("text/", "application/json", "application/manifest", "image/svg")


class Page:
    """The files of the page."""

    def __init__(self, guard: RequestGuard) -> None:
        self._guard = guard

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register the page's addresses."""
        router.add_get("/", self._index)
        router.add_get("/static/{path:.+}", self._static)

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return self._file(request, "index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return self._file(request, request.match_info["path"])

    def _file(self, request: web.Request, name: str) -> web.StreamResponse:
        """Answer with a file below the static directory, or 404."""
        try:
            self._guard.check(request.host, None, None)
        except ControlError as error:
            return web.Response(status=error.status, text=error.message)
        path = (STATIC / name).resolve()
        if not path.is_relative_to(STATIC.resolve()) or not path.is_file():
            return web.Response(status=404, text="There is no such file.")
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        kind = kind or "application/octet-stream"
        if kind.startswith(_TEXTUAL):
            kind += "; charset=utf-8"
        headers = {
            "Content-Type": kind,
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
            # Another site must not lead clicks here through a frame.
            "Content-Security-Policy": "frame-ancestors 'none'",
        }
        return web.FileResponse(path, headers=headers)
