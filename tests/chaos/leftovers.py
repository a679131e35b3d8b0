"""What may be in Redis when all jobs have ended: whatever goes by itself, or has an owner."""

import re
from typing import cast

from jobs import keys as keys_module
from jobs.queue import RenderQueue
from jobs.records import as_text
from tests.chaos.verdict import Problem

RQ_JOB = re.compile(r"^rq:job:(.+)$")
# What moderators set stays as long as the bot is in their server.
OF_GUILDS = re.compile(r"^newbie:[^:]+:guild:[^:]+:(settings|audit)$")


def leftovers(queue: RenderQueue) -> list[Problem]:
    """Name the keys that stay for ever, and those of ours that are not documented."""
    redis = queue.redis
    names = [as_text(key) for key in cast(list[bytes], redis.keys("*"))]
    found = []
    for name in names:
        lifetime = redis.ttl(name)
        if name.startswith("newbie:") and not _is_documented(name):
            found.append(Problem(f"key {name} is not documented"))
        if lifetime == -1 and not _has_owner(queue, name):
            found.append(Problem(f"key {name} has neither a lifetime nor an owner"))
    return found


def _is_documented(name: str) -> bool:
    tables = f"{keys_module.__doc__}{keys_module.GuildKeys.__doc__}"
    rows = re.findall(r"^ *\| `(newbie:[^`]+)` \|", tables, re.MULTILINE)
    patterns = (re.sub(r"\\\{\w+\\\}", "[^:]+", re.escape(row)) for row in rows)
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def _has_owner(queue: RenderQueue, name: str) -> bool:
    """Tell whether somebody removes a key in time, or what is in it.

    Workers leave the sets of workers. RQ looks through its registries every few minutes, and what
    a killed process has left in them it gives a lifetime when its time limit is over.
    """
    rq = queue.rq
    own = {
        queue.keys.workers,
        "rq:queues",
        "rq:workers",
        f"rq:workers:{rq.name}",
        f"rq:failed:{rq.name}",
        f"rq:wip:{rq.name}",
        rq.intermediate_queue_key,
    }
    if name in own or OF_GUILDS.match(name):
        return True
    job = RQ_JOB.match(name)
    return bool(job) and job[1] in _in_rqs_hands(queue)


def _in_rqs_hands(queue: RenderQueue) -> set[str]:
    rq = queue.rq
    started = rq.started_job_registry.get_job_ids(cleanup=False)
    between = [as_text(row) for row in queue.redis.lrange(rq.intermediate_queue_key, 0, -1)]
    failed = rq.failed_job_registry.get_job_ids(cleanup=False)
    return {*started, *between, *failed}
