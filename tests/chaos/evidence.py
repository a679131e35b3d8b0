"""What is there when all is over, gathered from the playground and from Redis as plain records."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.models import Job
from jobs.queue import RenderQueue
from newbie_pipeline.recipe import read_recipe
from playground.client import PlaygroundClient
from tests.chaos.crowd import Asked
from tests.chaos.speech import EPHEMERAL, Message, Said, about, pictures, read

CALLBACK = re.compile(r"^/interactions/(\d+)/([^/]+)/callback$")
PLACEHOLDER = re.compile(r"^/webhooks/\d+/([^/]+)/messages/@original$")
FILE = re.compile(r"^newbie-(\d+)-")
DIRECT = 1


@dataclass(frozen=True)
class Shown:
    """A message of the bot's as members see it at the end; `about` is the interaction.

    A private one is seen by one member alone. `draws` is what its pictures say of themselves.
    """

    id: str
    about: str | None
    is_private: bool
    said: Said
    draws: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All that the verdict on the jobs is made from."""

    asked: tuple[Asked, ...]
    # Interactions to which Discord took the bot's first answer, and when.
    acknowledged: Mapping[str, float]
    messages: tuple[Shown, ...]
    # How often Discord took pictures for an interaction.
    posted: Mapping[str, int]
    # Records of the jobs that Redis has (None: unreadable), and ids of those that have not ended.
    jobs: Mapping[str, Job | None]
    active: tuple[str, ...]
    # Interactions whose placeholder the bot has deleted.
    taken_back: frozenset[str] = frozenset()
    # When a bot was killed.
    bot_deaths: tuple[float, ...] = ()


async def gather(
    discord: PlaygroundClient,
    queue: RenderQueue,
    asked: Iterable[Asked],
    *,
    since: int,
    bot_deaths: Iterable[float],
) -> Evidence:
    """Look at everything; `since` is the number of the journal's last entry before the run."""
    asked = tuple(asked)
    ids = {one.interaction for one in asked}
    journal = await discord.requests(since)
    messages = await _messages_of_bot(discord, {one.member for one in asked})
    shown = [await _shown(discord, message) for message in messages if _is_new(message, asked)]
    return Evidence(
        asked,
        _acknowledged(journal),
        tuple(shown),
        _posted(journal),
        queue.read(sorted(ids)),
        tuple(queue.active_ids()),
        _taken_back(journal),
        tuple(bot_deaths),
    )


async def _messages_of_bot(discord: PlaygroundClient, members: set[str]) -> list[Message]:
    """Read what any of the members sees, in the channel and in their direct messages."""
    found: dict[str, Message] = {}
    for member in sorted(members):
        state = await discord.state(member)
        direct = [channel["id"] for channel in state["channels"] if channel["type"] == DIRECT]
        states = [state, *[await discord.state(member, channel) for channel in direct]]
        for message in (message for one in states for message in one["messages"]):
            if message["author"]["id"] == state["application"]["id"]:
                found[message["id"]] = message
    return list(found.values())


def _is_new(message: Message, asked: tuple[Asked, ...]) -> bool:
    """Tell whether a message is from this run: ids of Discord's grow with time."""
    return bool(asked) and int(message["id"]) > min(int(one.interaction) for one in asked)


async def _shown(discord: PlaygroundClient, message: Message) -> Shown:
    recipes = [read_recipe(await discord.fetch(url)) for url in pictures(message)]
    return Shown(
        message["id"],
        about(message),
        bool(message["flags"] & EPHEMERAL),
        read(message),
        tuple((recipe.prompt, recipe.seed) for recipe in recipes),
    )


def _acknowledged(journal: list[dict[str, Any]]) -> dict[str, float]:
    found = {}
    for entry in journal:
        match = CALLBACK.match(entry["path"])
        if match and entry["status"] < 300:
            found.setdefault(match[1], float(entry["at"]))
    return found


def _taken_back(journal: list[dict[str, Any]]) -> frozenset[str]:
    """Find the interactions whose first message was deleted with their own token."""
    tokens = {match[2]: match[1] for e in journal if (match := CALLBACK.match(e["path"]))}
    deleted = [
        match[1]
        for entry in journal
        if entry["method"] == "DELETE" and entry["status"] < 300 and not entry["planted"]
        if (match := PLACEHOLDER.match(entry["path"]))
    ]
    return frozenset(tokens[token] for token in deleted if token in tokens)


def _posted(journal: list[dict[str, Any]]) -> Counter[str]:
    """Count the calls with pictures that Discord took, by the job that the files are named for."""
    found: Counter[str] = Counter()
    for entry in journal:
        body = entry["body"]
        files = body.get("files", ()) if isinstance(body, dict) else ()
        names = {match[1] for file in files if (match := FILE.match(file["filename"]))}
        if entry["status"] < 300 and not entry["planted"]:
            found.update(names)
    return found
