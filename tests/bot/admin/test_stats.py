"""`/newbie-admin stats`: numbers of a server, today and in a week."""

import time

import pytest

from bot.admin.stats import MAX_REASONS, summary_lines
from jobs.lifecycle import Lifecycle
from jobs.models import Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.stats import Summary
from jobs.wording import LANGUAGES
from tests.bot.admin.conftest import Server
from tests.jobs.conftest import address, request

DAY = 86_400


async def test_what_happened_in_this_server_is_counted(server: Server, queue: RenderQueue):
    lifecycle = Lifecycle(queue)
    for number in range(3):
        at = address(number, guild_id=server.id, requester_id=str(500 + number // 2))
        queue.submit(request(), at)
    queue.submit(request(), address(9, guild_id="201", requester_id="502"))
    job = lifecycle.claim("ticket")
    assert job is not None
    lifecycle.end(job.id, job.attempt, Outcome(code=OutcomeCode.OUT_OF_MEMORY))
    queue.statistics.refused(server.id, "cooldown", time.time())
    queue.statistics.refused(server.id, "steps", time.time() - 3 * DAY)
    said = await server.moderator.admin("stats")
    assert said.splitlines()[:3] == [
        "**This server today** (UTC)",
        "Jobs accepted: **3**, of **2** members",
        "Jobs ended: **0** with pictures, **1** without",
    ]
    assert "Why without: `out_of_memory` 1" in said
    assert "Requests refused: **1**: `cooldown` 1" in said
    said = await server.moderator.admin("stats", period="week")
    assert "in the last seven days" in said
    assert "Requests refused: **2**: `cooldown` 1, `steps` 1" in said
    said = await server.owner.admin("stats", everywhere=True)
    assert "**All servers today** (UTC)" in said
    assert "Jobs accepted: **4**, of **3** members" in said


async def test_of_a_server_where_nothing_happened_there_are_zeros(server: Server):
    said = await server.moderator.admin("stats", period="week")
    assert said.splitlines()[1:] == [
        "Jobs accepted: **0**, of **0** members",
        "Jobs ended: **0** with pictures, **0** without",
    ]


def test_waiting_times_are_told_where_there_are_any():
    summary = Summary(accepted=9, members=2, done=9, waited=61.4, half_waited=30)
    lines = summary_lines(summary, "en-US")
    assert lines[2:] == [
        "Waiting time: **61s** on average",
        "Half of the jobs waited 30s at most.",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_many_reasons_are_cut_and_the_most_frequent_come_first(language: str):
    refusals = {f"code{number:02}": number for number in range(1, 31)}
    lines = summary_lines(Summary(refusals=refusals), language)
    assert "`code30` 30, `code29` 29" in lines[-1]
    assert lines[-1].count("`code") == MAX_REASONS
    assert lines[-1].endswith("…")
    assert "465" in lines[-1]
