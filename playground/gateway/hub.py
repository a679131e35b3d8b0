"""All gateway sessions: which events each may hear, and who is online."""

from playground import message_payloads, payloads
from playground.events import (
    ChannelAdded,
    ChannelChanged,
    ChannelDeleted,
    Event,
    InteractionCreated,
    MessageEvent,
    PresenceChanged,
)
from playground.gateway.session import Intent, Session
from playground.interactions import payload as interaction_payload
from playground.model import Channel, ChannelType, Json, Message
from playground.world import GUILD_ID, World


class GatewayHub:
    """Keeps the sessions and hands the world's events to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sessions: dict[str, Session] = {}
        self.sessions_started = 0
        world.bus.subscribe(self._on_event)

    @property
    def online(self) -> bool:
        """Tell whether a bot is connected."""
        return any(session.send is not None for session in self._sessions.values())

    def add(self, session: Session) -> None:
        """Take in an identified session."""
        self._drop_finished()
        self._sessions[session.id] = session
        self.sessions_started += 1

    def get(self, session_id: str) -> Session | None:
        """Return a session that can still be resumed."""
        self._drop_finished()
        return self._sessions.get(session_id)

    def connected(self) -> list[Session]:
        """Return the sessions that have a connection."""
        return [session for session in self._sessions.values() if session.send is not None]

    def announce(self, was_online: bool) -> None:
        """Tell the members when the bot came or went."""
        if self.online != was_online:
            self._world.bus.publish(PresenceChanged(self.online))

    def _drop_finished(self) -> None:
        self._sessions = {key: s for key, s in self._sessions.items() if not s.over}

    def _on_event(self, event: Event) -> None:
        if isinstance(event, MessageEvent):
            self._on_message(event)
        elif isinstance(event, InteractionCreated):
            data = interaction_payload.interaction(self._world, event.interaction)
            for session in self._live():
                session.dispatch("INTERACTION_CREATE", data)
        elif isinstance(event, ChannelAdded):
            self._on_channel("CHANNEL_CREATE", self._world.channels[event.channel_id])
        elif isinstance(event, ChannelChanged):
            self._on_channel("CHANNEL_UPDATE", self._world.channels[event.channel_id])
        elif isinstance(event, ChannelDeleted):
            self._on_channel("CHANNEL_DELETE", event.channel)

    def _on_channel(self, name: str, channel: Channel) -> None:
        data = payloads.channel(self._world, channel)
        for session in self._live():
            if session.wants(Intent.GUILDS):
                session.dispatch(name, data)

    def _live(self) -> list[Session]:
        return [session for session in self._sessions.values() if not session.over]

    def _on_message(self, event: MessageEvent) -> None:
        message = event.message
        # Ephemeral messages travel to their addressee alone.
        if message.visible_to is not None:
            return
        channel = self._world.channels[message.channel_id]
        in_guild = channel.type is ChannelType.TEXT
        if not self._world.may(self._world.bot, channel, "VIEW_CHANNEL"):
            return
        intent = Intent.GUILD_MESSAGES if in_guild else Intent.DIRECT_MESSAGES
        listeners = [session for session in self._live() if session.wants(intent)]
        if not listeners:
            return
        if event.kind == "delete":
            data: Json = {"id": message.id, "channel_id": message.channel_id}
            data |= {"guild_id": GUILD_ID} if in_guild else {}
            for session in listeners:
                session.dispatch("MESSAGE_DELETE", data)
            return
        name = "MESSAGE_CREATE" if event.kind == "create" else "MESSAGE_UPDATE"
        for session in listeners:
            session.dispatch(name, self._message_data(session, message, in_guild))

    def _message_data(self, session: Session, message: Message, in_guild: bool) -> Json:
        data = message_payloads.message(self._world, message)
        if not session.wants(Intent.MESSAGE_CONTENT):
            data = message_payloads.conceal(self._world, message, data, always=True)
        if in_guild:
            author = self._world.require_user(message.author_id)
            data |= {"guild_id": GUILD_ID, "member": payloads.partial_member(author)}
        return data
