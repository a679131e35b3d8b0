"""What one member has in hand in a server and used lately, read at once for moderators.

Uses no keys of its own.
"""

from dataclasses import dataclass

from jobs import usage
from jobs.connection import redis_errors
from jobs.guild import guild_of
from jobs.keys import GuildKeys
from jobs.queue import RenderQueue


@dataclass(frozen=True)
class MemberState:
    """A member's jobs in one server, and what their requests of the last day cost there.

    `waiting` has the ids of jobs in line in the order of their turns, `running` counts those that
    are drawn.
    """

    waiting: tuple[str, ...]
    running: int
    usage: usage.Usage


def read_member_state(queue: RenderQueue, guild: str, member: str) -> MemberState:
    """Read a member's state.

    Raises:
        QueueUnavailable: Redis is out of reach.
    """
    keys = GuildKeys(queue.settings.name, guild)
    with redis_errors(), queue.redis.pipeline() as pipe:
        # What is watched is answered at once; nothing is written.
        pipe.watch(keys.use(member))
        used = usage.read(pipe, keys, member)
        in_hand = queue.line.usage(pipe, member, guild)
    jobs = queue.read(queue.waiting_of(member)).items()
    waiting = tuple(id_ for id_, job in jobs if job and guild_of(job.address) == guild)
    return MemberState(waiting, in_hand.running, used)
