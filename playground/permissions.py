"""Discord's permission bits and who has which in a channel."""

from collections.abc import Iterable

BITS: dict[str, int] = {
    "CREATE_INSTANT_INVITE": 1 << 0,
    "KICK_MEMBERS": 1 << 1,
    "BAN_MEMBERS": 1 << 2,
    "ADMINISTRATOR": 1 << 3,
    "MANAGE_CHANNELS": 1 << 4,
    "MANAGE_GUILD": 1 << 5,
    "ADD_REACTIONS": 1 << 6,
    "VIEW_CHANNEL": 1 << 10,
    "SEND_MESSAGES": 1 << 11,
    "MANAGE_MESSAGES": 1 << 13,
    "EMBED_LINKS": 1 << 14,
    "ATTACH_FILES": 1 << 15,
    "READ_MESSAGE_HISTORY": 1 << 16,
    "MENTION_EVERYONE": 1 << 17,
    "USE_EXTERNAL_EMOJIS": 1 << 18,
    "USE_APPLICATION_COMMANDS": 1 << 31,
    "MODERATE_MEMBERS": 1 << 40,
}


def bits(names: Iterable[str]) -> int:
    """Return the named permissions as one number; raise KeyError for an unknown name."""
    value = 0
    for name in names:
        value |= BITS[name]
    return value


EVERYONE = bits(
    [
        "ADD_REACTIONS",
        "VIEW_CHANNEL",
        "SEND_MESSAGES",
        "EMBED_LINKS",
        "ATTACH_FILES",
        "READ_MESSAGE_HISTORY",
        "USE_EXTERNAL_EMOJIS",
        "USE_APPLICATION_COMMANDS",
    ]
)
MODERATOR = EVERYONE | bits(
    ["MANAGE_GUILD", "MANAGE_MESSAGES", "MENTION_EVERYONE", "MODERATE_MEMBERS"]
)
BOT = EVERYONE
EVERYTHING = sum(BITS.values())


def in_channel(base: int, denied: int) -> int:
    """Return what is left of `base` in a channel; who cannot see it can do nothing there."""
    if base & BITS["ADMINISTRATOR"]:
        return EVERYTHING
    left = base & ~denied
    return left if left & BITS["VIEW_CHANNEL"] else 0


def has(value: int, name: str) -> bool:
    """Tell whether a permission number holds the named permission."""
    return bool(value & (BITS[name] | BITS["ADMINISTRATOR"]))
