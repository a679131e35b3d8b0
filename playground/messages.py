"""The messages of every channel, oldest first, with a bound per channel.

Also the memory for nonces: the same author's same nonce within the window is the
same message.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from playground.model import Message

PER_CHANNEL = 2000
NONCE_WINDOW = 300.0


@dataclass
class MessageStore:
    """Keeps messages by channel and id; `on_drop` is told of each that falls out."""

    on_drop: Callable[[Message], None]
    _channels: dict[str, dict[str, Message]] = field(default_factory=dict)
    _nonces: dict[tuple[str, str], tuple[float, str, str]] = field(default_factory=dict)

    def put(self, message: Message) -> None:
        """Add a message, or replace the one with the same id."""
        channel = self._channels.setdefault(message.channel_id, {})
        channel[message.id] = message
        if len(channel) > PER_CHANNEL:
            oldest = next(iter(channel))
            self.on_drop(channel.pop(oldest))

    def get(self, channel_id: str, message_id: str) -> Message | None:
        """Return a message, or None."""
        return self._channels.get(channel_id, {}).get(message_id)

    def remove(self, message: Message) -> None:
        """Forget a message."""
        self._channels.get(message.channel_id, {}).pop(message.id, None)

    def drop_channel(self, channel_id: str) -> None:
        """Forget every message of a channel."""
        for message in self._channels.pop(channel_id, {}).values():
            self.on_drop(message)

    def visible(self, channel_id: str, viewer_id: str) -> Iterator[Message]:
        """Yield a channel's messages that a viewer may see, oldest first."""
        for message in self._channels.get(channel_id, {}).values():
            if message.visible_to is None or message.visible_to == viewer_id:
                yield message

    def public(self, channel_id: str) -> list[Message]:
        """Return a channel's messages without the ephemeral ones, oldest first."""
        return [m for m in self._channels.get(channel_id, {}).values() if m.visible_to is None]

    def last_public(self, channel_id: str) -> Message | None:
        """Return a channel's newest message that is not ephemeral."""
        newest_first = reversed(self._channels.get(channel_id, {}).values())
        return next((m for m in newest_first if m.visible_to is None), None)

    def by_nonce(self, author_id: str, nonce: str, now: float) -> Message | None:
        """Return the author's message with this nonce of the last minutes, if it still exists."""
        found = self._nonces.get((author_id, nonce))
        if found is None or now - found[0] > NONCE_WINDOW:
            return None
        return self.get(found[1], found[2])

    def remember_nonce(self, nonce: str, message: Message, now: float) -> None:
        """Remember which message carried a nonce."""
        if len(self._nonces) > 4096:
            fresh = {k: v for k, v in self._nonces.items() if now - v[0] <= NONCE_WINDOW}
            self._nonces = fresh
        self._nonces[(message.author_id, nonce)] = (now, message.channel_id, message.id)
