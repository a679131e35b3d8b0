"""The journal of REST calls, in a form that Discord's description can judge later."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from playground.attachments import Upload
from playground.model import Json

KEPT = 20_000
_SECRET_HEADERS = {"authorization"}


class Journal:
    """Keeps the newest calls; `n` counts from 1 and never repeats."""

    def __init__(self) -> None:
        self._entries: deque[Json] = deque(maxlen=KEPT)
        self._count = 0

    def add(
        self,
        *,
        method: str,
        path: str,
        route: str | None,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        content_type: str,
        body: Any,
        uploads: tuple[Upload, ...],
        status: int,
        response: Any,
        planted: bool,
    ) -> None:
        """Add one call with its answer."""
        self._count += 1
        if content_type == "multipart/form-data":
            body = {"payload_json": body, "files": [_file(upload) for upload in uploads]}
        shown = {
            name: "(hidden)" if name.lower() in _SECRET_HEADERS else value
            for name, value in headers.items()
        }
        self._entries.append(
            {
                "n": self._count,
                "at": time.time(),
                "method": method,
                "path": path,
                "route": route,
                "query": dict(query),
                "headers": shown,
                "content_type": content_type,
                "body": body,
                "status": status,
                "response": response,
                "planted": planted,
            }
        )

    def since(self, n: int) -> list[Json]:
        """Return the calls after number `n`, oldest first."""
        return [entry for entry in self._entries if entry["n"] > n]


def _file(upload: Upload) -> Json:
    return {
        "name": upload.field,
        "filename": upload.attachment.filename,
        "content_type": upload.sent_content_type,
        "size": upload.attachment.size,
    }
