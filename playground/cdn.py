"""Serves attachments under /attachments/, as Discord's CDN does.

Files come from members, and share this origin with the page: only pictures, sound and
video are shown inline, and nothing served here may run.
"""

from urllib.parse import quote

from aiohttp import web

from playground.world import World

_INLINE = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4", "video/webm", "audio/mpeg"}
)


class Cdn:
    """The CDN of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register the attachment address."""
        router.add_get("/attachments/{channel_id}/{attachment_id}/{filename}", self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        params = request.match_info
        found = self._world.attachments.find(params["channel_id"], params["attachment_id"])
        if found is None or found[0].filename != params["filename"]:
            return web.Response(status=404, text="This content is no longer available.")
        attachment, path = found
        kind = attachment.content_type.split(";")[0]
        disposition = "inline" if kind in _INLINE else "attachment"
        shown_name = quote(attachment.filename)
        return web.FileResponse(
            path,
            headers={
                "Content-Type": attachment.content_type,
                "Content-Disposition": f"{disposition}; filename*=UTF-8''{shown_name}",
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "private, max-age=31536000, immutable",
            },
        )
