"""The whole state of one stand-in: one application, one guild, and what happened in it.

Nothing here does I/O but for attachments; everything changes on one event loop.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from playground import permissions
from playground.attachments import AttachmentStore
from playground.clock import Clock
from playground.commands import CommandStore
from playground.errors import ApiError, missing_access, unknown
from playground.events import Bus, ChannelAdded, ChannelChanged, ChannelDeleted, MessageEvent
from playground.members import ROBIN, Members
from playground.messages import MessageStore
from playground.model import Application, Channel, ChannelType, Interaction, Message, User
from playground.snowflakes import SnowflakeFactory

GUILD_ID = "600000000000000001"
GUILD_NAME = "Newbie Atelier"
MODERATOR_ROLE_ID = "600000000000000002"
BOT_ROLE_ID = "600000000000000003"
CHANNELS = (
    Channel("600000000000000010", "newbie", position=0),
    Channel("600000000000000011", "general", position=1),
    Channel("600000000000000012", "after-dark", nsfw=True, position=2),
)
KEPT_INTERACTIONS = 5000


@dataclass
class World:
    """Everything that exists, and the few changes that more than one route makes."""

    application: Application
    public_url: str
    data_dir: Path
    clock: Clock = field(default_factory=Clock)
    bus: Bus = field(default_factory=Bus)
    snowflakes: SnowflakeFactory = field(default_factory=SnowflakeFactory)
    commands: CommandStore = field(default_factory=CommandStore)

    def __post_init__(self) -> None:
        self.attachments = AttachmentStore(
            self.data_dir / "attachments", self.public_url, self.snowflakes
        )
        self.messages = MessageStore(on_drop=lambda m: self.attachments.forget(m.attachments))
        bot = User(
            self.application.id,
            self.application.name.lower().replace(" ", "-"),
            self.application.name,
            bot=True,
        )
        self.members = Members(bot)
        self.channels: dict[str, Channel] = {channel.id: channel for channel in CHANNELS}
        self.interactions: dict[str, Interaction] = {}
        self.by_token: dict[str, str] = {}

    # -- who and where

    @property
    def bot(self) -> User:
        """The bot's user."""
        return self.members.bot

    @property
    def owner_id(self) -> str:
        """The guild's owner."""
        return ROBIN.id

    def guild_channels(self) -> list[Channel]:
        """Return the guild's channels in order."""
        guild = [c for c in self.channels.values() if c.type is ChannelType.TEXT]
        return sorted(guild, key=lambda channel: channel.position)

    def dm_with(self, user: User) -> Channel:
        """Return the direct message channel of the bot and a user, making it if needed."""
        for channel in self.channels.values():
            if channel.recipient_id == user.id:
                return channel
        channel = Channel(
            self.snowflakes.next(), self.bot.username, ChannelType.DM, recipient_id=user.id
        )
        self.channels[channel.id] = channel
        return channel

    def permissions_in(self, user: User, channel: Channel) -> int:
        """Return what a user may do in a channel."""
        if channel.type is ChannelType.DM:
            parties = (self.bot.id, channel.recipient_id)
            return permissions.EVERYONE if user.id in parties else 0
        base = permissions.EVERYONE
        if user.bot:
            base = permissions.BOT
        elif user.moderator:
            base = permissions.MODERATOR
        return permissions.in_channel(base, channel.denied.get(user.id, 0))

    def may(self, user: User, channel: Channel, name: str) -> bool:
        """Tell whether a user has one permission in a channel."""
        return permissions.has(self.permissions_in(user, channel), name)

    def bot_channel(self, channel_id: str) -> Channel:
        """Return a channel that the bot can see; raise Discord's error otherwise."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise unknown("Channel")
        if not self.may(self.bot, channel, "VIEW_CHANNEL"):
            raise missing_access()
        return channel

    def deny(self, channel: Channel, user_id: str, names: Sequence[str]) -> None:
        """Take the named permissions from a user in a channel; none names gives all back."""
        denied = {**channel.denied, user_id: permissions.bits(names)}
        self.channels[channel.id] = replace(
            channel, denied={key: value for key, value in denied.items() if value}
        )
        self.bus.publish(ChannelChanged(channel.id))

    def add_channel(self, name: str) -> Channel:
        """Add a text channel to the guild, after the others."""
        last = max((channel.position for channel in self.guild_channels()), default=-1)
        channel = Channel(self.snowflakes.next(), name, position=last + 1)
        self.channels[channel.id] = channel
        self.bus.publish(ChannelAdded(channel.id))
        return channel

    def delete_channel(self, channel: Channel) -> None:
        """Remove a channel of the guild with all its messages and files."""
        del self.channels[channel.id]
        self.messages.drop_channel(channel.id)
        self.bus.publish(ChannelDeleted(channel))

    # -- messages

    def post(self, message: Message) -> Message:
        """Store a new message and tell everyone."""
        self.messages.put(message)
        self.bus.publish(MessageEvent("create", message))
        return message

    def change(self, message: Message, *, edited: bool = True) -> Message:
        """Store a changed message and tell everyone."""
        if edited:
            message = replace(message, edited=dt.datetime.now(dt.UTC))
        self.messages.put(message)
        self.bus.publish(MessageEvent("update", message))
        return message

    def delete(self, message: Message) -> None:
        """Remove a message with its files and tell everyone."""
        self.messages.remove(message)
        self.attachments.forget(message.attachments)
        self.bus.publish(MessageEvent("delete", message))

    # -- interactions

    def keep(self, interaction: Interaction) -> Interaction:
        """Store an interaction, new or changed."""
        self.interactions[interaction.id] = interaction
        self.by_token[interaction.token] = interaction.id
        while len(self.interactions) > KEPT_INTERACTIONS:
            oldest = self.interactions.pop(next(iter(self.interactions)))
            self.by_token.pop(oldest.token, None)
            self.attachments.forget(oldest.files)
        return interaction

    def original_of(self, interaction: Interaction) -> Message:
        """Return an interaction's original response; raise Unknown Message when it is gone."""
        message = None
        if interaction.original_id is not None:
            message = self.messages.get(interaction.channel_id, interaction.original_id)
        if message is None:
            raise unknown("Message")
        return message

    def require_message(self, channel_id: str, message_id: str) -> Message:
        """Return a message that everyone in the channel can see, or raise Unknown Message."""
        message = self.messages.get(channel_id, message_id)
        if message is None or message.visible_to is not None:
            raise unknown("Message")
        return message

    def require_user(self, user_id: str) -> User:
        """Return a user, or raise Unknown User."""
        user = self.members.find(user_id)
        if user is None:
            raise unknown("User")
        return user

    def require_guild(self, guild_id: str) -> None:
        """Raise Unknown Guild unless this is the guild."""
        if guild_id != GUILD_ID:
            raise unknown("Guild")

    def require_application(self, application_id: str) -> None:
        """Refuse another application's id as Discord does."""
        if application_id == "@me":
            return
        if application_id != self.application.id:
            raise ApiError(
                403, 20012, "You are not authorized to perform this action on this application"
            )
