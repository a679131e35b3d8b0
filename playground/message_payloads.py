"""Discord's JSON for messages, attachments, embeds and their components."""

import datetime as dt
import time
from typing import Any

from playground import payloads
from playground.commands import MESSAGE, USER
from playground.model import (
    TOKEN_LIFE,
    Attachment,
    Interaction,
    InteractionType,
    Json,
    Message,
    MessageFlag,
    MessageType,
)
from playground.world import World

_ATTACHMENT_SCHEME = "attachment://"
_MEDIA_PARTS = ("image", "thumbnail")


def timestamp(moment: dt.datetime) -> str:
    """Return a time the way Discord writes it."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def attachment(world: World, record: Attachment) -> Json:
    """Return an attachment object."""
    url = world.attachments.url(record)
    payload: Json = {
        "id": record.id,
        "filename": record.filename,
        "size": record.size,
        "url": url,
        "proxy_url": url,
        "content_type": record.content_type,
    }
    if record.width is not None and record.height is not None:
        payload |= {"width": record.width, "height": record.height}
    if record.description is not None:
        payload["description"] = record.description
    if record.title is not None:
        payload["title"] = record.title
    if record.ephemeral:
        payload["ephemeral"] = True
    return payload


def embedded_filenames(embeds: tuple[Json, ...]) -> set[str]:
    """Return the names of the attachments that embeds show.

    Discord leaves those out of a message's `attachments`.
    """
    names = set()
    for embed in embeds:
        for part in _MEDIA_PARTS:
            url = (embed.get(part) or {}).get("url", "")
            if url.startswith(_ATTACHMENT_SCHEME):
                names.add(url.removeprefix(_ATTACHMENT_SCHEME))
    return names


def embed(world: World, record: Json, attachments: tuple[Attachment, ...]) -> Json:
    """Return an embed with its `attachment://` addresses resolved."""
    rendered = {"type": "rich", **{k: v for k, v in record.items() if v is not None}}
    for part in _MEDIA_PARTS:
        media = rendered.get(part)
        if not media:
            rendered.pop(part, None)
            continue
        rendered[part] = _media(world, media, attachments)
    for part in ("footer", "author"):
        piece = rendered.get(part)
        if piece and str(piece.get("icon_url", "")).startswith(_ATTACHMENT_SCHEME):
            rendered[part] = {
                **piece,
                "icon_url": _media(world, {"url": piece["icon_url"]}, attachments)["url"],
            }
    return rendered


def _media(world: World, media: Json, attachments: tuple[Attachment, ...]) -> Json:
    url = str(media.get("url", ""))
    if not url.startswith(_ATTACHMENT_SCHEME):
        return {**media, "proxy_url": url}
    name = url.removeprefix(_ATTACHMENT_SCHEME)
    for file in attachments:
        if file.filename == name:
            address = world.attachments.url(file)
            resolved: Json = {"url": address, "proxy_url": address}
            resolved["content_type"] = file.content_type
            if file.width is not None and file.height is not None:
                resolved |= {"width": file.width, "height": file.height}
            return resolved
    return {"url": url}


def interaction_metadata(world: World, interaction: Interaction) -> Json:
    """Return who did what to cause a message."""
    metadata: Json = {
        "id": interaction.id,
        "type": int(interaction.type),
        "user": payloads.user(world.require_user(interaction.user_id)),
        "authorizing_integration_owners": {"0": _guild_of(world, interaction)},
    }
    if interaction.type is InteractionType.COMMAND:
        metadata |= {"name": interaction.name, "command_type": interaction.data.get("type", 1)}
        target = interaction.data.get("target_id")
        if target and interaction.data["type"] == MESSAGE:
            metadata["target_message_id"] = target
        if target and interaction.data["type"] == USER:
            metadata["target_user"] = payloads.user(world.require_user(target))
    elif interaction.type is InteractionType.COMPONENT:
        metadata["interacted_message_id"] = interaction.message_id
    elif interaction.type is InteractionType.MODAL_SUBMIT:
        opener = world.interactions.get(interaction.opened_by or "")
        if opener is not None:
            metadata["triggering_interaction_metadata"] = interaction_metadata(world, opener)
    return metadata


def _guild_of(world: World, interaction: Interaction) -> str:
    channel = world.channels.get(interaction.channel_id)
    return "0" if channel is None or channel.guild_id is None else channel.guild_id


def message(world: World, record: Message, *, nested: bool = False) -> Json:
    """Return a message object; a nested one does not carry the message it replies to."""
    author = world.require_user(record.author_id)
    hidden = embedded_filenames(record.embeds)
    payload: Json = {
        "type": int(record.type),
        "content": record.content,
        "mentions": [payloads.user(world.require_user(u)) for u in record.mentions],
        "mention_roles": list(record.mention_roles),
        "attachments": [
            attachment(world, a) for a in record.attachments if a.filename not in hidden
        ],
        "embeds": [embed(world, e, record.attachments) for e in record.embeds],
        "timestamp": timestamp(record.timestamp),
        "edited_timestamp": timestamp(record.edited) if record.edited else None,
        "flags": record.flags,
        "components": list(record.components),
        "id": record.id,
        "channel_id": record.channel_id,
        "author": payloads.user(author),
        "pinned": False,
        "mention_everyone": record.mention_everyone,
        "tts": record.tts,
    }
    if record.nonce is not None:
        payload["nonce"] = record.nonce
    if record.by_webhook:
        payload |= {"webhook_id": world.application.id, "application_id": world.application.id}
    interaction = world.interactions.get(record.interaction_id or "")
    if interaction is not None:
        payload["interaction_metadata"] = interaction_metadata(world, interaction)
        if interaction.type is InteractionType.COMMAND:
            payload["interaction"] = {
                "id": interaction.id,
                "type": int(interaction.type),
                "name": interaction.name,
                "user": payloads.user(world.require_user(interaction.user_id)),
            }
    if record.reference is not None:
        payload["message_reference"] = record.reference
        if record.type is MessageType.REPLY and not nested:
            payload["referenced_message"] = _referenced(world, record.reference)
    return payload


def for_member(world: World, record: Message) -> Json:
    """Return a message as the page shows it: with the time when nobody can answer it any more.

    That is by the wall clock, which the page knows: an interaction's token lives by our own.
    """
    payload = message(world, record)
    interaction = world.interactions.get(record.interaction_id or "")
    if record.flags & MessageFlag.LOADING and interaction is not None:
        left = interaction.created_at + TOKEN_LIFE - world.clock.now()
        payload["loading_until"] = time.time() + left
    return payload


def _referenced(world: World, reference: Json) -> Json | None:
    found = world.messages.get(reference["channel_id"], reference["message_id"])
    return message(world, found, nested=True) if found is not None else None


def for_bot(world: World, record: Message) -> Json:
    """Return a message as the bot may read it: others' words only with the content intent."""
    return conceal(world, record, message(world, record))


def conceal(world: World, record: Message, payload: Json, *, always: bool = False) -> Json:
    """Empty what a bot without the message content intent may not read.

    `always` is for a session that did not ask for the intent, whatever the application has.
    """
    nested, reference = payload.get("referenced_message"), record.reference
    if nested is not None and reference is not None:
        answered = world.messages.get(reference["channel_id"], reference["message_id"])
        if answered is not None:
            shown = conceal(world, answered, nested, always=always)
            payload = {**payload, "referenced_message": shown}
    intent_granted = world.application.privileged_intents and not always
    if may_read_content(world, record) or intent_granted:
        return payload
    emptied: dict[str, Any] = {"content": "", "attachments": [], "embeds": [], "components": []}
    return {**payload, **emptied}


def may_read_content(world: World, record: Message) -> bool:
    """Tell whether a message is one that every bot may read: its own, to it, or about it."""
    channel = world.channels[record.channel_id]
    return (
        record.author_id == world.bot.id
        or world.bot.id in record.mentions
        or channel.recipient_id is not None
    )
