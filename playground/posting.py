"""Turning a checked body into a message, and changing one.

Files are claimed here, so an upload without a message is deleted with its request.
"""

import datetime as dt
from dataclasses import replace

from playground.errors import ApiError, empty_message
from playground.model import Attachment, Channel, Json, Message, MessageFlag, MessageType, User
from playground.validation.form import FormErrors, invalid
from playground.validation.messages import Mentions, MessageBody, mentions_of
from playground.world import World

SENDABLE_FLAGS = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS


def compose(
    world: World,
    channel: Channel,
    author: User,
    body: MessageBody,
    *,
    kind: MessageType = MessageType.DEFAULT,
    reference: Json | None = None,
    interaction_id: str | None = None,
    visible_to: str | None = None,
    by_webhook: bool = False,
) -> Message:
    """Return a new message from a body; raise Discord's error when it would be empty."""
    message_id = world.snowflakes.next()
    content = (body.content or "").strip()
    flags = body.flags & SENDABLE_FLAGS
    if visible_to is not None:
        flags |= MessageFlag.EPHEMERAL
    if not (content or body.embeds or body.uploads):
        raise empty_message()
    check_embed_files(body, ())
    mentions = _mentions(world, author, channel, content, body)
    return Message(
        id=message_id,
        channel_id=channel.id,
        author_id=author.id,
        content=content,
        timestamp=dt.datetime.now(dt.UTC),
        type=kind,
        flags=int(flags),
        mentions=_with_replied_user(world, mentions, body, kind, reference),
        mention_roles=mentions.roles,
        mention_everyone=mentions.everyone,
        attachments=claim_uploads(world, channel.id, body, ephemeral=visible_to is not None),
        embeds=body.embeds or (),
        components=body.components or (),
        reference=reference,
        interaction_id=interaction_id,
        by_webhook=by_webhook,
        nonce=body.nonce,
        visible_to=visible_to,
        tts=body.tts,
    )


def revise(world: World, message: Message, body: MessageBody) -> Message:
    """Return a message with a body's fields in place of its own; absent ones stay.

    `attachments`, when given, names every file that stays; new files come after them.
    """
    channel = world.channels[message.channel_id]
    author = world.require_user(message.author_id)
    kept = message.attachments
    if body.descriptors is not None:
        named = {descriptor.id for descriptor in body.descriptors}
        kept = tuple(a for a in message.attachments if a.id in named)
    elif "attachments" in body.given:
        kept = ()
    content = message.content
    if "content" in body.given:
        content = (body.content or "").strip()
    embeds = (body.embeds or ()) if "embeds" in body.given else message.embeds
    if not (content or embeds or kept or body.uploads):
        raise empty_message()
    check_embed_files(body, kept)
    added = claim_uploads(world, channel.id, body, ephemeral=message.visible_to is not None)
    dropped = tuple(a for a in message.attachments if a not in kept)
    world.attachments.forget(dropped)
    mentions = _mentions(world, author, channel, content, body)
    flags = (message.flags & ~MessageFlag.LOADING) | (body.flags & SENDABLE_FLAGS)
    return replace(
        message,
        content=content,
        embeds=embeds,
        attachments=kept + added,
        components=(body.components or ()) if "components" in body.given else message.components,
        mentions=_with_replied_user(world, mentions, body, message.type, message.reference),
        mention_roles=mentions.roles,
        mention_everyone=mentions.everyone,
        flags=int(flags),
    )


def claim_uploads(
    world: World, channel_id: str, body: MessageBody, *, ephemeral: bool
) -> tuple[Attachment, ...]:
    """Bind a body's files to a channel with the words that their descriptors give."""
    described = {descriptor.id: descriptor for descriptor in body.descriptors or ()}
    claimed = []
    for upload in body.uploads:
        descriptor = described.get(str(upload.index))
        claimed.append(
            world.attachments.claim(
                upload.attachment,
                channel_id,
                ephemeral=ephemeral,
                description=descriptor.description if descriptor else None,
                title=descriptor.title if descriptor else None,
                filename=descriptor.filename if descriptor else None,
            )
        )
    return tuple(claimed)


def check_embed_files(body: MessageBody, kept: tuple[Attachment, ...]) -> None:
    """Refuse an embed that names a file the message does not carry."""
    described = {d.id: d.filename for d in body.descriptors or () if d.filename}
    names = {described.get(str(u.index)) or u.attachment.filename for u in body.uploads}
    names |= {attachment.filename for attachment in kept}
    errors = FormErrors()
    for index, embed in enumerate(body.embeds or ()):
        for part in ("image", "thumbnail"):
            url = str((embed.get(part) or {}).get("url", ""))
            if url.startswith("attachment://") and url.removeprefix("attachment://") not in names:
                words = f"Referenced attachment {url} not found"
                errors.add(("embeds", str(index), part, "url"), "ATTACHMENT_NOT_FOUND", words)
    errors.raise_if_any()


def resolve_reference(world: World, channel: Channel, wanted: Json | None) -> Json | None:
    """Return the reference of a reply, None when its message is gone and need not exist."""
    if wanted is None:
        return None
    if wanted["channel_id"] not in (None, channel.id):
        words = "Cannot reply to a message in a different channel"
        raise invalid(("message_reference",), "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", words)
    found = world.messages.get(channel.id, wanted["message_id"])
    if found is None or found.visible_to is not None:
        if wanted["fail_if_not_exists"]:
            raise invalid(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None
    if not world.may(world.bot, channel, "READ_MESSAGE_HISTORY"):
        words = "Cannot reply without permission to read message history"
        raise ApiError(400, 160002, words)
    return reference_to(world, found)


def reference_to(world: World, message: Message) -> Json:
    """Return the reference object of a reply to a message."""
    guild_id = world.channels[message.channel_id].guild_id
    return {
        "type": 0,
        "message_id": message.id,
        "channel_id": message.channel_id,
        **({"guild_id": guild_id} if guild_id else {}),
    }


def _mentions(
    world: World, author: User, channel: Channel, content: str, body: MessageBody
) -> Mentions:
    everyone = world.may(author, channel, "MENTION_EVERYONE")
    found = mentions_of(content, body.allowed_mentions, may_mention_everyone=everyone)
    known = tuple(user_id for user_id in found.users if world.members.find(user_id) is not None)
    return replace(found, users=known)


def _with_replied_user(
    world: World, mentions: Mentions, body: MessageBody, kind: MessageType, reference: Json | None
) -> tuple[str, ...]:
    """Add the author of the message that a reply answers, unless the body forbids it."""
    if kind is not MessageType.REPLY or reference is None:
        return mentions.users
    if body.allowed_mentions is not None and not body.allowed_mentions.replied_user:
        return mentions.users
    replied = world.messages.get(reference["channel_id"], reference["message_id"])
    if replied is None or replied.author_id in mentions.users:
        return mentions.users
    return (*mentions.users, replied.author_id)
