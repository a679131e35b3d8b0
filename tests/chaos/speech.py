"""Understands what a message of the bot says, by the catalogue that its words come from."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from jobs.wording import FALLBACK, catalogue

Message = dict[str, Any]

EPHEMERAL, LOADING = 64, 128
MENTION = re.compile(r"^<@\d+>\s*")


class Kind(StrEnum):
    """What a message is to the member who reads it."""

    THINKING = "thinking"
    # In line, or being drawn: another message follows in its place.
    PASSING = "passing"
    PICTURE = "picture"
    # Why there is no picture, of a job that was accepted.
    REASON = "reason"
    REFUSAL = "refusal"
    UNKNOWN = "unknown"


# Refusals that come when the interaction's token is over.
LATE = frozenset({"error.interrupted"})
LAST = (Kind.PICTURE, Kind.REASON)
KINDS = {
    "queued.": Kind.PASSING,
    "started": Kind.PASSING,
    "progress": Kind.PASSING,
    "outcome.": Kind.REASON,
    "error.": Kind.REFUSAL,
    "refused.": Kind.REFUSAL,
}


@dataclass(frozen=True)
class Said:
    """What a message says; `key` is the catalogue's where it is a sentence of ours."""

    kind: Kind
    key: str = ""


def read(message: Message) -> Said:
    """Understand a message of the bot."""
    if message["flags"] & LOADING:
        return Said(Kind.THINKING)
    if pictures(message):
        return Said(Kind.PICTURE)
    text = message["content"]
    words = MENTION.sub("", text)
    for key, kind, pattern in _sentences():
        # A reason is told to its requester, who is mentioned for it; else only what comes late is.
        is_mentioned = words != text
        if pattern.fullmatch(words) and (
            is_mentioned == (kind is Kind.REASON) or (is_mentioned and key in LATE)
        ):
            return Said(kind, key)
    return Said(Kind.UNKNOWN, text)


def about(message: Message) -> str | None:
    """Tell which interaction a message is about: our own messages beside it have it as nonce."""
    metadata = message.get("interaction_metadata") or {}
    found = metadata.get("id") or message.get("nonce")
    return None if found is None else str(found)


def pictures(message: Message) -> list[str]:
    """List the addresses of a message's pictures."""
    shown = [embed["image"]["url"] for embed in message["embeds"] if embed.get("image")]
    return shown + [file["url"] for file in message["attachments"]]


@cache
def _sentences() -> tuple[tuple[str, Kind, re.Pattern[str]], ...]:
    found = []
    for key, sentence in catalogue(FALLBACK).items():
        kind = next((kind for start, kind in KINDS.items() if key.startswith(start)), None)
        if kind is not None:
            parts = map(re.escape, re.split(r"\{[a-z_]+\}", sentence))
            found.append((key, kind, re.compile(".+?".join(parts), re.DOTALL)))
    return tuple(found)
