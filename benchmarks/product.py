"""The product as a member feels it, measured on the real parts against the playground.

- Acknowledgement: from the moment Discord makes an interaction (the time in its id) to the moment
  Discord has the bot's answer, with many members at once.
- Overhead: from the interaction to the posted picture, without the render itself: bot, queue,
  fork, encoding and delivery.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import Table, add_row, quantile
from jobs.connection import connect
from jobs.models import JobState
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from newbie_pipeline.tiny import make_tiny
from playground.client import PlaygroundClient
from supervisor.stack import Stack, StackOptions

DISCORD_EPOCH = 1_420_070_400.0
MEMBERS = 50
ROUNDS = 5
PICTURES = 20

ACKNOWLEDGEMENT = Table(
    f"From interaction to acknowledgement, {MEMBERS} members at once",
    ("interactions", "p50 (ms)", "p99 (ms)", "largest (ms)"),
    "make bench",
)
OVERHEAD = Table(
    "Overhead of bot, queue and delivery around a render",
    ("pictures", "p50 (ms)", "p99 (ms)", "render p50 (ms)"),
    "make bench",
)


def made_at(snowflake: str) -> float:
    """Read the time in one of Discord's ids, in seconds since 1970."""
    return (int(snowflake) >> 22) / 1000 + DISCORD_EPOCH


async def acknowledgements(client: PlaygroundClient) -> list[float]:
    """Let many members ask at once, several times; gives seconds until each is answered."""
    users = [(await client.add_user(f"bench{n}"))["id"] for n in range(MEMBERS)]
    found: list[float] = []
    for _ in range(ROUNDS):
        journal = await client.requests()
        before = journal[-1]["n"] if journal else 0
        asked = await asyncio.gather(
            *(
                client.command("newbie", {"prompt": "1girl", "steps": 1}, user_id=user)
                for user in users
            )
        )
        answered: dict[str, float] = {}
        async with asyncio.timeout(30):
            while len(answered) < len(asked):
                await asyncio.sleep(0.2)
                answered = answers(await client.requests(before))
        found += [answered[interaction] - made_at(interaction) for interaction in asked]
    return found


def answers(journal: list[dict[str, Any]]) -> dict[str, float]:
    """Find when each interaction was answered."""
    return {
        entry["path"].split("/interactions/")[1].split("/")[0]: float(entry["at"])
        for entry in journal
        if entry["path"].endswith("/callback") and entry["status"] < 300
    }


async def pictures(client: PlaygroundClient, queue: RenderQueue) -> tuple[list[float], list[float]]:
    """Ask for pictures one after the other; gives seconds of overhead and of rendering."""
    overheads, renders = [], []
    for _ in range(PICTURES + 1):
        journal = await client.requests()
        asked = await client.command("newbie", {"prompt": "1girl", "steps": 1})
        await client.wait_for_message(
            lambda m, asked=asked: (  # type: ignore[misc]
                (m.get("interaction_metadata") or {}).get("id") == asked and m["embeds"]
            ),
            timeout=120,
        )
        edits = await client.requests(journal[-1]["n"])
        posted = max(float(e["at"]) for e in edits if e["method"] == "PATCH")
        while (job := queue.get(asked)).state is not JobState.ENDED:
            await asyncio.sleep(0.02)
        seconds = job.outcome.seconds if job.outcome and job.outcome.seconds else 0.0
        renders.append(seconds)
        overheads.append(posted - made_at(asked) - seconds)
    # The first render of a process warms torch up.
    return overheads[1:], renders[1:]


def run() -> list[str]:
    """Measure both and write their rows."""
    with tempfile.TemporaryDirectory(prefix="newbie-bench-") as name:
        directory = Path(name)
        make_tiny(directory / "tiny")
        options = StackOptions(directory / "data", model=str(directory / "tiny"))
        with Stack(options) as stack:
            stack.start("redis", "playground", "bot")
            acknowledged = asyncio.run(_with(stack, acknowledgements))
            queue = RenderQueue(connect(RedisSettings(url=stack.redis_url)), QueueSettings())
            queue.redis.flushall()
            stack.start("worker")
            overheads, renders = asyncio.run(_with(stack, lambda c: pictures(c, queue)))
    return [
        add_row(
            ACKNOWLEDGEMENT,
            (
                str(len(acknowledged)),
                _ms(quantile(acknowledged, 0.5)),
                _ms(quantile(acknowledged, 0.99)),
                _ms(max(acknowledged)),
            ),
        ),
        add_row(
            OVERHEAD,
            (
                str(len(overheads)),
                _ms(quantile(overheads, 0.5)),
                _ms(quantile(overheads, 0.99)),
                _ms(quantile(renders, 0.5)),
            ),
        ),
    ]


async def _with(stack: Stack, measure: Any) -> Any:
    async with PlaygroundClient(stack.playground_url) as client:
        await client.wait_for_bot(60)
        return await measure(client)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
