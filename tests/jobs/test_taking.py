"""Which job a worker gets: one that it can draw, of a member who may have another one drawn."""

import pytest

from jobs.capability import Capability, needs_of, someone_can
from jobs.lifecycle import Lifecycle
from jobs.models import Job, Outcome, OutcomeCode, Size
from jobs.queue import RenderQueue
from newbie_pipeline.prompt.assist import AssistMode
from tests.jobs.conftest import address, place, request, terms

SMALL = Capability(max_pixels=1024 * 1024 - 1, assist=False, model="one")


def submit(queue: RenderQueue, number: int, member: str = "500", **options: object) -> Job:
    most = options.pop("running", None)
    wanted = request(**options)
    where = address(number, requester_id=member)
    return queue.submit(wanted, where, terms(wanted, running=most))


def end(lifecycle: Lifecycle, job: Job) -> None:
    lifecycle.end(job.id, job.attempt, Outcome(code=OutcomeCode.DONE, message_id="9"))


@pytest.mark.parametrize(
    ("options", "capability"),
    [
        ({"size": Size.SQUARE}, SMALL),
        ({"assist": AssistMode.COMPLETE}, Capability(assist=False)),
        ({"model": "two"}, Capability(model="one")),
    ],
)
def test_what_a_worker_cannot_do_keeps_its_place_for_one_that_can(
    queue: RenderQueue, lifecycle: Lifecycle, options: dict[str, object], capability: Capability
) -> None:
    special = submit(queue, 1, **options)
    plain = submit(queue, 2, size=Size.PORTRAIT_2_3)
    began = lifecycle.claim("a", capability)
    assert began
    assert began.id == plain.id
    assert lifecycle.claim("b", capability) is None
    assert place(queue, special.id) == 1
    able = Capability(max_pixels=1024 * 1024, assist=True, model="two")
    began = lifecycle.claim("c", able)
    assert began
    assert began.id == special.id


@pytest.mark.parametrize(
    ("options", "can"),
    [
        ({}, False),
        ({"size": Size.PORTRAIT_2_3}, True),
        ({"size": Size.PORTRAIT_2_3, "assist": AssistMode.STRUCTURE}, False),
        ({"size": Size.PORTRAIT_2_3, "model": "one"}, True),
        ({"size": Size.PORTRAIT_2_3, "model": "two"}, False),
    ],
)
def test_the_line_and_the_rule_agree_on_who_can_do_what(
    queue: RenderQueue, lifecycle: Lifecycle, options: dict[str, object], can: bool
) -> None:
    job = submit(queue, 1, **options)
    assert SMALL.can(needs_of(job.request)) is can
    assert someone_can(needs_of(job.request), [SMALL]) is can
    assert someone_can(needs_of(job.request), [SMALL, Capability()])
    assert (lifecycle.claim("a", SMALL) is not None) is can


def test_no_more_of_a_members_jobs_are_drawn_at_once_than_allowed(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    theirs = [submit(queue, number, running=2) for number in range(4)]
    other = submit(queue, 9, "501", running=2)
    began = [lifecycle.claim(f"t{number}") for number in range(5)]
    assert {job.id for job in began if job} == {theirs[0].id, theirs[1].id, other.id}
    assert [place(queue, job.id) for job in theirs[2:]] == [1, 2]
    end(lifecycle, theirs[0])
    again = lifecycle.claim("later")
    assert again
    assert again.id == theirs[2].id
    assert lifecycle.claim("once more") is None


def test_without_that_limit_all_are_drawn_at_once(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    for number in range(4):
        submit(queue, number)
    assert all(lifecycle.claim(f"t{number}") for number in range(4))


def test_what_is_drawn_elsewhere_counts_in_its_own_server(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    wanted = request()
    for number, guild in enumerate(("200", "201", "200")):
        queue.submit(wanted, address(number, guild_id=guild), terms(wanted, running=1))
    began = [lifecycle.claim(f"t{number}") for number in range(3)]
    assert [job and job.address.guild_id for job in began] == ["200", "201", None]


def test_a_job_far_behind_those_that_may_not_begin_is_found(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    for number in range(100):
        submit(queue, number, running=1)
    assert lifecycle.claim("a")
    last = submit(queue, 200, num_inference_steps=60, count=4, member="501")
    for number in range(201, 204):
        submit(queue, number, running=1)
    began = lifecycle.claim("b")
    assert began
    assert began.id == last.id
