"""What happens in the guild, told to everyone who listens.

The gateway and the members' feeds subscribe; each decides who may hear what.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from playground.model import Channel, Interaction, Json, Message


@dataclass(frozen=True)
class MessageEvent:
    """A message was created, changed or deleted; `kind` is create, update or delete."""

    kind: str
    message: Message


@dataclass(frozen=True)
class InteractionCreated:
    """A member did something with the application."""

    interaction: Interaction


@dataclass(frozen=True)
class MemberNotice:
    """Something only one member's client shows: modal, autocomplete, failed, done."""

    user_id: str
    type: str
    data: Json


@dataclass(frozen=True)
class CommandsChanged:
    """The application's commands are not what they were."""


@dataclass(frozen=True)
class PresenceChanged:
    """A bot came or went."""

    online: bool


@dataclass(frozen=True)
class ChannelChanged:
    """A channel's permissions changed."""

    channel_id: str


@dataclass(frozen=True)
class ChannelAdded:
    """The guild has a new channel."""

    channel_id: str


@dataclass(frozen=True)
class ChannelDeleted:
    """A channel of the guild is no more."""

    channel: Channel


Event = (
    MessageEvent
    | InteractionCreated
    | MemberNotice
    | CommandsChanged
    | PresenceChanged
    | ChannelChanged
    | ChannelAdded
    | ChannelDeleted
)


@dataclass
class Bus:
    """Hands each event to every listener, in order, at once."""

    _listeners: list[Callable[[Event], None]] = field(default_factory=list)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Add a listener and return the function that removes it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Tell every listener."""
        for listener in list(self._listeners):
            listener(event)
