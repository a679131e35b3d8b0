"""Reading request bodies: JSON, or multipart with `payload_json` and files.

A file over the limit is read to its end but not kept, so that the client hears the
refusal instead of a broken pipe.
"""

import json
import re
from typing import Any

from aiohttp import BodyPartReader, web

from playground.attachments import UPLOAD_LIMIT, AttachmentStore, Upload
from playground.errors import ApiError, too_large

JSON_LIMIT = 4 * 1024 * 1024
FILES_LIMIT = 20
_FILE_FIELD = re.compile(r"files\[([0-9]{1,2})\]")


class BodyReader:
    """Reads one request's body; `uploads` holds the files that arrived so far."""

    def __init__(self, request: web.Request, store: AttachmentStore) -> None:
        self._request = request
        self._store = store
        self._uploads: list[Upload] = []

    @property
    def uploads(self) -> tuple[Upload, ...]:
        """Return the files in the order of their numbers."""
        return tuple(sorted(self._uploads, key=lambda upload: upload.index))

    async def read(self) -> Any:
        """Return the JSON body, or None when there is none; raise ApiError for a bad one."""
        if self._request.content_type == "multipart/form-data":
            return await self._read_multipart()
        if not self._request.can_read_body:
            return None
        raw = await self._read_limited()
        if not raw:
            return None
        if self._request.content_type != "application/json":
            words = "Expected \"Content-Type\" header to be one of {'application/json'}."
            raise ApiError(
                400,
                50035,
                "Invalid Form Body",
                {"_errors": [{"code": "CONTENT_TYPE_INVALID", "message": words}]},
            )
        return _parse(raw)

    async def _read_limited(self) -> bytes:
        raw = bytearray()
        async for chunk in self._request.content.iter_chunked(65536):
            if len(raw) <= JSON_LIMIT:
                raw += chunk
        if len(raw) > JSON_LIMIT:
            raise too_large()
        return bytes(raw)

    async def _read_multipart(self) -> Any:
        body: Any = None
        oversized = False
        try:
            reader = await self._request.multipart()
            while (part := await reader.next()) is not None:
                if not isinstance(part, BodyPartReader):
                    continue
                limit = JSON_LIMIT if part.name == "payload_json" else UPLOAD_LIMIT
                content = await _read_part(part, limit)
                if content is None:
                    oversized = True
                elif part.name == "payload_json":
                    body = _parse(content)
                elif part.filename is not None and not oversized:
                    await self._keep(part, content)
        except (ValueError, KeyError) as error:
            raise ApiError(400, 50035, "Invalid Form Body") from error
        if oversized:
            raise too_large()
        return {} if body is None else body

    async def _keep(self, part: BodyPartReader, content: bytes) -> None:
        name = part.name or ""
        matched = _FILE_FIELD.fullmatch(name)
        if len(self._uploads) >= FILES_LIMIT:
            raise too_large()
        attachment = await self._store.receive(part.filename or "unknown", content)
        self._uploads.append(
            Upload(
                field=name,
                index=int(matched.group(1)) if matched else len(self._uploads),
                attachment=attachment,
                sent_content_type=part.headers.get("Content-Type", ""),
            )
        )


async def _read_part(part: BodyPartReader, limit: int) -> bytes | None:
    """Return a part's content, or None when it is over the limit."""
    content = bytearray()
    size = 0
    while chunk := await part.read_chunk(65536):
        size += len(chunk)
        if size <= limit:
            content += chunk
    return bytes(content) if size <= limit else None


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, UnicodeDecodeError) as error:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from error
