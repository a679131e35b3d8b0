"""What the stand-in knows: users, channels, messages, interactions, as frozen records.

Ids are strings. A change replaces the record in its store.
"""

import datetime as dt
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

Json = dict[str, Any]


class ChannelType(IntEnum):
    """The kinds of channels that exist here."""

    TEXT = 0
    DM = 1


class InteractionType(IntEnum):
    """Discord's kinds of interactions."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


class CallbackType(IntEnum):
    """Discord's kinds of answers to an interaction."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE_MESSAGE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


class MessageType(IntEnum):
    """Discord's kinds of messages that occur here."""

    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    CONTEXT_MENU_COMMAND = 23


class MessageFlag(IntFlag):
    """Discord's message flags that mean something here."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


@dataclass(frozen=True)
class User:
    """A member of the guild, or the bot."""

    id: str
    username: str
    display_name: str
    moderator: bool = False
    bot: bool = False
    avatar_color: str = "#5865f2"
    joined_at: str = "2024-01-01T00:00:00+00:00"
    accepts_dms: bool = True
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guild:
    """A server, as its members call it."""

    id: str
    name: str
    owner_id: str


@dataclass(frozen=True)
class Role:
    """A role of a guild; `bot_id` is of the role that Discord made for a bot."""

    id: str
    guild_id: str
    name: str
    permissions: int
    position: int
    color: int = 0
    bot_id: str = ""


@dataclass(frozen=True)
class Channel:
    """A text channel of a guild, or a direct message channel with the bot."""

    id: str
    name: str
    type: ChannelType = ChannelType.TEXT
    nsfw: bool = False
    position: int = 0
    recipient_id: str | None = None
    guild_id: str | None = None
    denied: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Attachment:
    """A stored file; its name is only ever shown, never a path."""

    id: str
    filename: str
    size: int
    content_type: str
    width: int | None = None
    height: int | None = None
    description: str | None = None
    title: str | None = None
    channel_id: str = ""
    ephemeral: bool = False


@dataclass(frozen=True)
class Message:
    """A message; `embeds` keep their `attachment://` addresses, rendering resolves them."""

    id: str
    channel_id: str
    author_id: str
    content: str
    timestamp: dt.datetime
    type: MessageType = MessageType.DEFAULT
    flags: int = 0
    edited: dt.datetime | None = None
    mentions: tuple[str, ...] = ()
    mention_roles: tuple[str, ...] = ()
    mention_everyone: bool = False
    attachments: tuple[Attachment, ...] = ()
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    reference: Json | None = None
    interaction_id: str | None = None
    by_webhook: bool = False
    nonce: str | int | None = None
    visible_to: str | None = None
    tts: bool = False


# Seconds for which the bot can use an interaction's token.
TOKEN_LIFE = 900.0


@dataclass(frozen=True)
class Interaction:
    """One thing a member did with the application, and what became of it."""

    id: str
    token: str
    type: InteractionType
    user_id: str
    channel_id: str
    data: Json
    created_at: float
    name: str | None = None
    message_id: str | None = None
    opened_by: str | None = None
    files: tuple[Attachment, ...] = ()
    answered: CallbackType | None = None
    failed: bool = False
    original_id: str | None = None
    loading: bool = False
    ephemeral: bool = False
    modal: Json | None = None


@dataclass(frozen=True)
class Application:
    """The bot's application."""

    id: str
    name: str
    token: str
    owner_id: str
    privileged_intents: bool = False
