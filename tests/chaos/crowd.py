"""Plays the members: they ask for pictures, wait for them, and ask again where they were refused.

A member has a few requests open at once, so that the line is never empty and requests come all the
time. Members know what Discord shows them and nothing else.
"""

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass, field

from playground.client import ActionRefused, PlaygroundClient
from tests.chaos.plans import Sight
from tests.chaos.speech import LAST, Kind, Message, about, read

MEMBERS = 20
WISHES = 10
OPEN = 3
# Who has seen nothing but "thinking" for so long does not wait any longer.
PATIENCE = 60.0
LONGEST_PAUSE = 2.0
LOOK_SECONDS = 0.1
SIGHTS = {
    Kind.THINKING: Sight.ACKNOWLEDGEMENT,
    Kind.PASSING: Sight.PLACE,
    Kind.PICTURE: Sight.PICTURE,
}


@dataclass(frozen=True)
class Asked:
    """One use of /newbie: the interaction, who made it, and what tells its picture from others."""

    interaction: str
    member: str
    prompt: str
    seed: int
    at: float


@dataclass
class Member:
    """One member and what they still want."""

    id: str
    name: str
    dice: random.Random
    wishes: deque[int]
    # What they wait for, with the wish, since when, and whether anything was said.
    open: dict[str, "Waiting"] = field(default_factory=dict)


@dataclass
class Waiting:
    """A request that has no last message yet."""

    wish: int
    since: float
    kind: Kind = Kind.THINKING


class Crowd:
    """Twenty members; `play` returns when each has what they wanted."""

    def __init__(self, discord: PlaygroundClient, seed: int) -> None:
        self.asked: list[Asked] = []
        self.members: list[Member] = []
        self.settled: set[str] = set()
        # Interactions that Discord gave up, since no bot answered in time.
        self.unanswered: set[str] = set()
        self._discord = discord
        self._seed = seed
        self._sights = {sight: asyncio.Event() for sight in Sight}

    async def next(self, sight: Sight) -> None:
        """Return when a member sees such a thing."""
        await self._sights[sight].wait()

    def _saw(self, sight: Sight) -> None:
        self._sights[sight].set()
        self._sights[sight] = asyncio.Event()

    async def join(self) -> None:
        """Come to the server."""
        for number in range(MEMBERS):
            name = f"chaos-{self._seed}-{number}"
            user = await self._discord.add_user(name)
            dice = random.Random(name)
            self.members.append(Member(user["id"], name, dice, deque(range(WISHES))))

    async def play(self) -> None:
        """Ask for all pictures, and wait for them."""
        async with asyncio.TaskGroup() as group:
            for member in self.members:
                group.create_task(self._play(member))

    async def _play(self, member: Member) -> None:
        async with self._discord.feed(member.id) as feed:
            listening = asyncio.create_task(self._listen(member, feed))
            try:
                while member.wishes or member.open:
                    self._lose_patience(member)
                    if member.wishes and len(member.open) < OPEN:
                        await asyncio.sleep(member.dice.uniform(0, LONGEST_PAUSE))
                        await self._ask(member, member.wishes.popleft())
                    await asyncio.sleep(LOOK_SECONDS)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _ask(self, member: Member, wish: int) -> None:
        prompt, seed = f"1girl, {member.name}, wish {wish}", len(self.asked)
        options = {"prompt": prompt, "steps": 1, "guidance": 1.0, "seed": seed}
        at = time.time()
        try:
            interaction = await self._discord.command("newbie", options, user_id=member.id)
        except ActionRefused:  # a bot that has just started has not offered its commands yet
            member.wishes.append(wish)
            return
        self.asked.append(Asked(interaction, member.id, prompt, seed, at))
        member.open[interaction] = Waiting(wish, time.monotonic())
        self._saw(Sight.REQUEST)

    async def _listen(self, member: Member, feed) -> None:
        async for event in feed:
            if event["type"] == "interaction_failed":
                interaction = event["data"]["interaction_id"]
                self.unanswered.add(interaction)
                self._ask_again(member, interaction)
            elif event["type"] in ("message_create", "message_update"):
                self._see(member, event["data"])

    def _see(self, member: Member, message: Message) -> None:
        interaction = about(message)
        if interaction is None or interaction not in member.open:
            return
        said = read(message)
        if said.kind in SIGHTS:
            self._saw(SIGHTS[said.kind])
        member.open[interaction].kind = said.kind
        if said.kind in LAST:
            del member.open[interaction]
            self.settled.add(interaction)
        elif said.kind is Kind.REFUSAL:
            self._ask_again(member, interaction)

    def _lose_patience(self, member: Member) -> None:
        for interaction, waiting in list(member.open.items()):
            is_long = time.monotonic() - waiting.since > PATIENCE
            if waiting.kind is Kind.THINKING and is_long:
                self._ask_again(member, interaction)

    @staticmethod
    def _ask_again(member: Member, interaction: str) -> None:
        waiting = member.open.pop(interaction, None)
        if waiting is not None:
            member.wishes.append(waiting.wish)
