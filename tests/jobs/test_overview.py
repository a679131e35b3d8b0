"""What members and moderators look at: the right jobs, in order, and where each is."""

import pytest

from jobs.guild import EVERY_GUILD, QueueState
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.overview import View, active_ids, look_at_line, views
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, request

HERE, THERE, MINA, JUN = "200", "201", "500", "501"
WAITING = frozenset({JobState.WAITING})


def submit(queue: RenderQueue, number: int, guild: str | None = HERE, member: str = MINA) -> Job:
    return queue.submit(request(), address(number, guild_id=guild, requester_id=member))


def ids(*jobs: Job) -> list[str]:
    return [job.id for job in jobs]


def seen(queue: RenderQueue, limit: int) -> list[View]:
    look = look_at_line(queue, limit)
    return [*look.front, *look.rest]


def test_a_list_is_of_one_member_one_server_or_all(queue: RenderQueue) -> None:
    here, there = submit(queue, 1), submit(queue, 2, THERE)
    other, alone = submit(queue, 3, HERE, JUN), submit(queue, 4, None, JUN)
    assert active_ids(queue, member=MINA) == ids(here, there)
    assert active_ids(queue, guild=HERE) == ids(here, other)
    assert active_ids(queue, guild="dm") == ids(alone)
    assert active_ids(queue, guild=HERE, member=JUN) == ids(other)
    assert active_ids(queue, guild=THERE, member=JUN) == []
    assert set(active_ids(queue)) == set(ids(here, there, other, alone))


def test_what_is_drawn_posted_or_failing_comes_first_and_can_be_asked_for_alone(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    jobs = [submit(queue, number) for number in range(4)]
    failing, drawn, running = (lifecycle.claim(f"t{number}") for number in range(3))
    assert failing
    assert drawn
    assert running
    lifecycle.fail(failing.id, 0, OutcomeCode.INTERNAL)
    lifecycle.keep(drawn.id, 0, Outcome(code=OutcomeCode.DONE), None)
    for where in ({"guild": HERE}, {"member": MINA}, {}):
        found = active_ids(queue, **where)
        assert set(found[:3]) == set(ids(failing, drawn, running))
        assert found[3:] == ids(jobs[3])
        assert active_ids(queue, **where, states={JobState.RUNNING}) == ids(running)
        assert active_ids(queue, **where, states=WAITING) == ids(jobs[3])
    lifecycle.end(drawn.id, 0, Outcome(code=OutcomeCode.DONE))
    assert drawn.id not in active_ids(queue)


def test_a_view_tells_the_place_only_of_what_waits(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    jobs = [submit(queue, number) for number in range(3)]
    lifecycle.claim("t")
    running, first, second = views(queue, ids(*jobs))
    assert running.job.state is JobState.RUNNING
    assert running.standing is None
    assert [view.standing and view.standing.position for view in (first, second)] == [1, 2]
    assert not any(view.is_paused for view in (running, first, second))
    assert seen(queue, 9) == [first, second]


@pytest.mark.parametrize("guild", [HERE, EVERY_GUILD])
def test_what_is_paused_has_no_place_and_is_listed_still(
    queue: RenderQueue, lifecycle: Lifecycle, guild: str
) -> None:
    jobs = [submit(queue, number) for number in range(3)]
    lifecycle.claim("t")
    queue.set_state(guild, QueueState.PAUSED, by="1")
    running, *waiting = views(queue, ids(*jobs))
    assert not running.is_paused
    assert [(view.is_paused, view.standing) for view in waiting] == [(True, None)] * 2
    assert seen(queue, 9) == waiting
    for where in ({"guild": HERE}, {"member": MINA}, {}):
        assert active_ids(queue, **where) == ids(*jobs)
    assert queue.status().waiting == 2
    assert queue.status().running == 1
    queue.set_state(guild, QueueState.RUNNING, by="1")
    assert [view.is_paused for view in views(queue, ids(*jobs))] == [False] * 3


@pytest.mark.parametrize("guild", [None, HERE, EVERY_GUILD])
def test_turn_by_turn_all_that_waits_is_looked_at(queue: RenderQueue, guild: str | None) -> None:
    jobs = ids(*(submit(queue, number) for number in range(7)))
    if guild is not None:
        queue.set_state(guild, QueueState.PAUSED, by="1")
    looks = [look_at_line(queue, 2, turn) for turn in range(9)]
    assert {look.ids for look in looks} == {frozenset(jobs)}
    assert all(len(look.front) <= 2 and len(look.rest) <= 2 for look in looks)
    [front] = {tuple(view.job.id for view in look.front) for look in looks}
    assert list(front) == ([] if guild == HERE else jobs[:2])
    rest = [[view.job.id for view in look.rest] for look in looks]
    turns = 4 if guild == HERE else 3
    assert [job_id for part in rest[:turns] for job_id in part] == jobs[len(front) :]
    assert rest[turns] == rest[0]
    found = [view for look in looks for view in (*look.front, *look.rest)]
    assert {view.job.id: view for view in found} == dict(zip(jobs, views(queue, jobs), strict=True))


def test_a_pause_of_one_server_leaves_the_others_their_places(queue: RenderQueue) -> None:
    here, there = submit(queue, 1), submit(queue, 2, THERE)
    queue.set_state(HERE, QueueState.PAUSED, by="1")
    paused, waiting = views(queue, ids(here, there))
    assert paused.is_paused
    assert waiting.standing
    assert waiting.standing.position == 1
    assert [view.job.id for view in seen(queue, 9)] == ids(there, here)


def test_what_another_version_wrote_is_left_out(queue: RenderQueue) -> None:
    unreadable, job = submit(queue, 1), submit(queue, 2)
    queue.redis.hset(queue.keys.job(unreadable.id), "state", "levitating")
    assert [view.job.id for view in views(queue, ids(unreadable, job))] == ids(job)
    assert views(queue, ["4711"]) == []
