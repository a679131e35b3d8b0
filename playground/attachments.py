"""Uploaded files: stored under an id that we made, shown under the name they came with.

A file is written as soon as it has arrived and kept only when a message or an
interaction claims it. Paths are made of ids alone.
"""

import asyncio
import mimetypes
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from playground.images import image_size
from playground.model import Attachment
from playground.snowflakes import SnowflakeFactory, is_snowflake

UPLOAD_LIMIT = 10 * 1024 * 1024
FILES_PER_MESSAGE = 10
# Python's own table alone: the machine's mime.types must not change what a bot sees.
_TYPES = mimetypes.MimeTypes()
_TYPES.add_type("image/webp", ".webp")
_UNSAFE = re.compile(r"[^\w.\-]+", re.UNICODE)


@dataclass(frozen=True)
class Upload:
    """A file that arrived with a request: `field` is its form name, `index` its n in files[n]."""

    field: str
    index: int
    attachment: Attachment
    sent_content_type: str


def safe_filename(name: str) -> str:
    """Return a name that is safe to show and to put in a URL, as Discord does it."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = _UNSAFE.sub("_", base).strip("._") or "unknown"
    stem, dot, suffix = cleaned.rpartition(".")
    if not dot:
        return cleaned[:120]
    return f"{stem[:100]}.{suffix[:16]}"


class AttachmentStore:
    """Keeps the bytes of attachments in one directory."""

    def __init__(self, directory: Path, public_url: str, snowflakes: SnowflakeFactory) -> None:
        self._directory = directory
        self._public_url = public_url
        self._snowflakes = snowflakes
        self._claimed: dict[str, Attachment] = {}
        directory.mkdir(parents=True, exist_ok=True)
        # Messages live in memory: files of an earlier run belong to nothing any more.
        for left in directory.iterdir():
            if is_snowflake(left.name) and left.is_file():
                left.unlink()

    async def receive(self, filename: str, content: bytes) -> Attachment:
        """Write an uploaded file and return its record, not yet claimed by anything."""
        name = safe_filename(filename)
        attachment_id = self._snowflakes.next()
        size = image_size(content[: 256 * 1024])
        attachment = Attachment(
            id=attachment_id,
            filename=name,
            size=len(content),
            content_type=content_type_of(name),
            width=size[0] if size else None,
            height=size[1] if size else None,
        )
        await asyncio.to_thread(self._path(attachment_id).write_bytes, content)
        return attachment

    def claim(
        self,
        attachment: Attachment,
        channel_id: str,
        *,
        ephemeral: bool,
        description: str | None = None,
        title: str | None = None,
        filename: str | None = None,
    ) -> Attachment:
        """Bind an uploaded file to a channel, so that the CDN serves it."""
        claimed = replace(
            attachment,
            channel_id=channel_id,
            ephemeral=ephemeral,
            description=description,
            title=title,
            filename=safe_filename(filename) if filename else attachment.filename,
        )
        self._claimed[claimed.id] = claimed
        return claimed

    async def discard_unclaimed(self, uploads: tuple[Upload, ...]) -> None:
        """Delete the files of a request that nothing kept."""
        for upload in uploads:
            if upload.attachment.id not in self._claimed:
                path = self._path(upload.attachment.id)
                await asyncio.to_thread(path.unlink, missing_ok=True)

    def find(self, channel_id: str, attachment_id: str) -> tuple[Attachment, Path] | None:
        """Return a claimed attachment and the path of its bytes."""
        attachment = self._claimed.get(attachment_id)
        if attachment is None or attachment.channel_id != channel_id:
            return None
        return attachment, self._path(attachment_id)

    def forget(self, attachments: tuple[Attachment, ...]) -> None:
        """Stop serving attachments and delete their bytes."""
        for attachment in attachments:
            if self._claimed.pop(attachment.id, None) is not None:
                self._path(attachment.id).unlink(missing_ok=True)

    def url(self, attachment: Attachment) -> str:
        """Return the address under which the CDN serves an attachment."""
        name = quote(attachment.filename)
        return f"{self._public_url}/attachments/{attachment.channel_id}/{attachment.id}/{name}"

    def _path(self, attachment_id: str) -> Path:
        if not is_snowflake(attachment_id):
            raise ValueError("an attachment id is a snowflake")
        return self._directory / attachment_id


def content_type_of(filename: str) -> str:
    """Return the content type that Discord derives from a file's name."""
    guessed, _ = _TYPES.guess_type(filename)
    if guessed is None:
        return "application/octet-stream"
    if guessed.startswith("text/") or guessed in ("application/json", "application/xml"):
        return f"{guessed}; charset=utf-8"
    return guessed
