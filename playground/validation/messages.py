"""The body of a message: content, embeds, components, files, mentions, references.

The same reader serves channel messages, interaction answers and webhook messages;
the caller says which fields its route has.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from playground.attachments import FILES_PER_MESSAGE, Upload
from playground.model import Json, MessageFlag
from playground.validation.components import read_components
from playground.validation.embeds import read_embeds
from playground.validation.form import Form

CONTENT_LIMIT = 2000
NONCE_LIMIT = 25
_USER_MENTION = re.compile(r"<@!?([1-9][0-9]{5,19})>")
_ROLE_MENTION = re.compile(r"<@&([1-9][0-9]{5,19})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True)
class FileDescriptor:
    """An entry of a body's `attachments`: a new file by its n, or one to keep by its id."""

    id: str
    filename: str | None = None
    description: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class AllowedMentions:
    """Whom a message may mention; None as a whole means Discord's default."""

    parse: frozenset[str]
    users: frozenset[str]
    roles: frozenset[str]
    replied_user: bool


@dataclass(frozen=True)
class MessageBody:
    """A checked message body; None in a field means that it was absent or null."""

    given: frozenset[str] = frozenset()
    content: str | None = None
    embeds: tuple[Json, ...] | None = None
    components: tuple[Json, ...] | None = None
    descriptors: tuple[FileDescriptor, ...] | None = None
    flags: int = 0
    allowed_mentions: AllowedMentions | None = None
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: Json | None = None
    tts: bool = False
    uploads: tuple[Upload, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Mentions:
    """Whom a message does mention."""

    users: tuple[str, ...]
    roles: tuple[str, ...]
    everyone: bool


def read_message(form: Form, uploads: tuple[Upload, ...]) -> MessageBody:
    """Read a message body; mistakes go to the form's errors."""
    flags = form.integer("flags", minimum=0) or 0
    if flags & MessageFlag.COMPONENTS_V2:
        words = "Components V2 is not part of this stand-in"
        form.fail("flags", "MESSAGE_FLAGS_UNSUPPORTED", words)
    if len(uploads) > FILES_PER_MESSAGE:
        words = f"Must be {FILES_PER_MESSAGE} or fewer in length."
        form.fail("attachments", "BASE_TYPE_MAX_LENGTH", words)
    return MessageBody(
        given=frozenset(form.data),
        content=form.text("content", maximum=CONTENT_LIMIT),
        embeds=read_embeds(form),
        components=read_components(form),
        descriptors=_read_descriptors(form, uploads),
        flags=flags,
        allowed_mentions=_read_allowed_mentions(form),
        nonce=_read_nonce(form),
        enforce_nonce=form.boolean("enforce_nonce") or False,
        reference=_read_reference(form),
        tts=form.boolean("tts") or False,
        uploads=uploads,
    )


def _read_descriptors(form: Form, uploads: tuple[Upload, ...]) -> tuple[FileDescriptor, ...] | None:
    entries = form.forms("attachments", maximum=FILES_PER_MESSAGE)
    if entries is None:
        return None
    indexes = {str(upload.index) for upload in uploads}
    descriptors = []
    for entry in entries:
        file_id = entry.snowflake("id", required=True)
        if file_id is None:
            continue
        is_new = int(file_id) < 1000
        if is_new and file_id not in indexes:
            words = f"No file was uploaded for attachment {file_id}"
            entry.fail("id", "ATTACHMENT_NOT_FOUND", words)
        descriptors.append(
            FileDescriptor(
                file_id,
                entry.text("filename", minimum=1, maximum=1024),
                entry.text("description", maximum=1024),
                entry.text("title", maximum=1024),
            )
        )
    return tuple(descriptors)


def _read_nonce(form: Form) -> str | int | None:
    value: Any = form.data.get("nonce")
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return form.text("nonce", maximum=NONCE_LIMIT)


def _read_reference(form: Form) -> Json | None:
    reference = form.form("message_reference")
    if reference is None:
        return None
    must_exist = reference.boolean("fail_if_not_exists")
    return {
        "message_id": reference.snowflake("message_id", required=True),
        "channel_id": reference.snowflake("channel_id"),
        "fail_if_not_exists": True if must_exist is None else must_exist,
    }


def _read_allowed_mentions(form: Form) -> AllowedMentions | None:
    allowed = form.form("allowed_mentions")
    if allowed is None:
        return None
    parse = allowed.items("parse") or []
    for kind in parse:
        if kind not in ("users", "roles", "everyone"):
            words = "Value must be one of {'everyone', 'roles', 'users'}."
            allowed.fail("parse", "BASE_TYPE_CHOICES", words)
    users = allowed.items("users", maximum=100) or []
    roles = allowed.items("roles", maximum=100) or []
    for kind, listed in (("users", users), ("roles", roles)):
        if listed and kind in parse:
            words = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            allowed.errors.add(allowed.path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words)
    return AllowedMentions(
        frozenset(str(kind) for kind in parse),
        frozenset(str(user_id) for user_id in users),
        frozenset(str(role_id) for role_id in roles),
        allowed.boolean("replied_user") or False,
    )


def mentions_of(
    content: str, allowed: AllowedMentions | None, *, may_mention_everyone: bool
) -> Mentions:
    """Work out whom a content mentions, given whom it may."""
    users = tuple(dict.fromkeys(_USER_MENTION.findall(content)))
    roles = tuple(dict.fromkeys(_ROLE_MENTION.findall(content)))
    everyone = bool(_EVERYONE.search(content)) and may_mention_everyone
    if allowed is None:
        return Mentions(users, roles if may_mention_everyone else (), everyone)
    if "users" not in allowed.parse:
        users = tuple(user_id for user_id in users if user_id in allowed.users)
    if "roles" not in allowed.parse:
        roles = tuple(role_id for role_id in roles if role_id in allowed.roles)
    return Mentions(users, roles, everyone and "everyone" in allowed.parse)
