"""What Discord took on no way waits for its member, within its bounds, and is handed over once."""

import time
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from redis import Redis

from jobs.kept import DAY, Kept, Waiting
from jobs.lifecycle import Lifecycle
from jobs.message_parts import PlainMessage, from_parts, to_parts
from jobs.models import Handover, Job, JobState, Outcome, OutcomeCode
from jobs.outcome_words import outcome_text
from jobs.queue import RenderQueue
from jobs.recovery import Recovery
from jobs.reports import MOST_REPORTS
from jobs.settings import QueueSettings
from jobs.wording import LANGUAGES, catalogue
from tests.jobs.conftest import address, request
from tests.jobs.test_lifecycle import DRAWN, begin_next
from tests.jobs.test_recovery import look_twice

PARTS = to_parts(PlainMessage("done", {"title": "Your picture"}, (("a.png", bytes(range(256))),)))
FAILED = Outcome(code=OutcomeCode.RENDER_FAILED)
HANDOVER = Handover(token=SecretStr("token-of-the-fetch"), message_id="77", at=1.0)


def drawn(queue: RenderQueue, lifecycle: Lifecycle, number: int = 1, **who: object) -> Job:
    """Have a job that is drawn and not posted yet."""
    queue.submit(request(), address(number, **who))
    job = begin_next(queue, lifecycle)
    assert lifecycle.keep(job.id, 0, DRAWN, PARTS)
    lifecycle.release(job)
    return job


def aside(queue: RenderQueue, lifecycle: Lifecycle, number: int = 1, **who: object) -> Job:
    """Have a job whose picture is kept."""
    job = drawn(queue, lifecycle, number, **who)
    assert lifecycle.kept.set_aside(job, DRAWN, PARTS)
    return queue.get(job.id)


def ids(waiting: Waiting) -> list[str]:
    return [job.id for job in waiting.jobs]


def test_a_picture_that_is_set_aside_waits_for_its_member(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = aside(queue, lifecycle)
    assert (job.state, job.outcome) == (JobState.KEPT, DRAWN)
    waiting = lifecycle.kept.of_member("500")
    assert ids(waiting) == [job.id]
    assert waiting.until == pytest.approx(time.time() + 7 * DAY, abs=60)
    parts = lifecycle.kept.result(job.id)
    assert parts
    assert from_parts(parts) == from_parts(PARTS)
    assert lifecycle.kept.of_member("501") == Waiting()
    assert redis.zcard(queue.keys.results) == 0, "it takes no room of those to be posted"


def test_a_kept_job_is_neither_in_line_nor_in_hand(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = aside(queue, lifecycle)
    assert queue.active_ids() == []
    status = queue.status()
    assert (status.waiting, status.running) == (0, 0)
    assert not queue.cancel(job.id, "500")
    look_twice(Recovery(lifecycle), queue)
    assert queue.get(job.id) == job
    assert queue.rq.count == 0


def test_of_a_failure_its_outcome_is_kept_and_the_words_are_made_from_it(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = drawn(queue, lifecycle)
    lifecycle.fail(job.id, 0, OutcomeCode.RENDER_FAILED)
    assert lifecycle.kept.set_aside(job, FAILED, to_parts(PlainMessage("words")))
    assert lifecycle.kept.result(job.id) is None
    kept = lifecycle.kept.of_member("500").jobs[0]
    assert kept.outcome
    assert "error in the model" in outcome_text(kept, kept.outcome, queue.settings)


def test_only_the_attempt_that_has_the_job_sets_it_aside(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = drawn(queue, lifecycle)
    lifecycle.abandon(queue.get(job.id))
    assert not lifecycle.kept.set_aside(job, DRAWN, PARTS)
    assert queue.get(job.id).state is JobState.WAITING
    assert lifecycle.kept.of_member("500") == Waiting()


def test_setting_aside_again_after_a_lost_answer_is_no_contradiction(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = aside(queue, lifecycle)
    assert lifecycle.kept.set_aside(job, DRAWN, PARTS)
    assert ids(lifecycle.kept.of_member("500")) == [job.id]


def test_a_result_is_handed_over_once_and_then_nothing_of_it_is_left(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = aside(queue, lifecycle)
    assert lifecycle.kept.note(job, HANDOVER)
    assert queue.get(job.id).handover == HANDOVER
    shown = DRAWN.model_copy(update={"message_id": "77"})
    assert lifecycle.kept.handed_over(job, shown)
    assert not lifecycle.kept.handed_over(job, shown)
    assert not lifecycle.kept.note(job, HANDOVER)
    ended = queue.get(job.id)
    assert (ended.state, ended.outcome, ended.handover) == (JobState.ENDED, shown, None)
    assert 0 < redis.ttl(queue.keys.job(job.id)) <= queue.settings.keep_ended
    keys = queue.keys
    assert not redis.exists(
        keys.result(job.id), keys.kept, keys.kept_sizes, keys.member_kept("500")
    )


def test_one_at_a_time_hands_a_result_over(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = aside(queue, lifecycle)
    with lifecycle.kept.handover(job.id) as first, lifecycle.kept.handover(job.id) as second:
        assert (first, second) == (True, False)
    with lifecycle.kept.handover(job.id) as third:
        assert third


def test_results_of_a_member_come_in_the_order_in_which_they_were_kept(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    jobs = [aside(queue, lifecycle, number) for number in (3, 1, 2)]
    aside(queue, lifecycle, 4, requester_id="501")
    assert ids(lifecycle.kept.of_member("500")) == [job.id for job in jobs]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Gives a function that sets the clock of `jobs.kept` ahead by so many seconds."""
    now = time.time()

    def set_ahead(seconds: float) -> None:
        monkeypatch.setattr("jobs.kept.time.time", lambda: now + seconds)

    return set_ahead


def test_a_result_whose_time_is_over_is_removed_and_its_member_can_hear_of_it(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis, later: Callable[[float], None]
) -> None:
    job = aside(queue, lifecycle)
    later(7 * DAY - 60)
    assert lifecycle.kept.expire() == 0
    later(7 * DAY + 60)
    assert ids(lifecycle.kept.of_member("500")) == [], "also before anybody has tidied up"
    assert lifecycle.kept.expire() == 1
    assert lifecycle.kept.expire() == 0
    ended = queue.get(job.id)
    assert (ended.state, ended.outcome) == (JobState.ENDED, Outcome(code=OutcomeCode.EXPIRED))
    assert not redis.exists(queue.keys.result(job.id), queue.keys.kept, queue.keys.kept_sizes)
    gone = lifecycle.kept.of_member("500")
    assert gone == Waiting(gone=(job.id,))
    lifecycle.kept.forget("500", gone.gone)
    assert lifecycle.kept.of_member("500") == Waiting()


def test_recovery_removes_what_is_too_old(
    queue: RenderQueue, lifecycle: Lifecycle, later: Callable[[float], None]
) -> None:
    job = aside(queue, lifecycle)
    later(7 * DAY + 60)
    Recovery(lifecycle).look()
    assert queue.get(job.id).state is JobState.ENDED


def test_a_result_that_is_handed_over_at_the_last_moment_is_left_alone(
    queue: RenderQueue, lifecycle: Lifecycle, later: Callable[[float], None]
) -> None:
    job = aside(queue, lifecycle)
    later(7 * DAY + 60)
    with lifecycle.kept.handover(job.id):
        assert lifecycle.kept.expire() == 0
    assert queue.get(job.id).state is JobState.KEPT
    assert lifecycle.kept.expire() == 1


def test_a_kept_job_whose_record_is_lost_is_forgotten(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis, later: Callable[[float], None]
) -> None:
    job = aside(queue, lifecycle)
    redis.delete(queue.keys.job(job.id))
    assert lifecycle.kept.of_member("500") == Waiting(gone=(job.id,))
    later(7 * DAY + 60)
    assert lifecycle.kept.expire() == 0
    assert not redis.exists(queue.keys.kept, queue.keys.kept_sizes)


def test_everything_about_a_kept_result_has_a_lifetime(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = aside(queue, lifecycle)
    keys = queue.keys
    assert 0 < redis.ttl(keys.result(job.id)) <= 7 * DAY
    assert 7 * DAY < redis.ttl(keys.job(job.id)) <= 7 * DAY + queue.settings.keep_ended
    for key in (keys.kept, keys.kept_sizes, keys.member_kept("500")):
        assert 7 * DAY < redis.ttl(key) <= 14 * DAY


def test_pictures_take_no_more_room_than_they_may_and_others_say_so(redis: Redis) -> None:
    queue = RenderQueue(redis, QueueSettings(fetch_mib=1))
    lifecycle = Lifecycle(queue)
    half = to_parts(PlainMessage("", None, (("a.png", bytes(500_000)),)))
    jobs = [drawn(queue, lifecycle, number) for number in range(4)]
    for job in jobs[:3]:
        assert lifecycle.kept.set_aside(job, DRAWN, half)
    codes = [job.outcome.code for job in lifecycle.kept.of_member("500").jobs]
    assert codes == [OutcomeCode.DONE, OutcomeCode.DONE, OutcomeCode.NOT_KEPT]
    lifecycle.kept.handed_over(queue.get(jobs[0].id), DRAWN)
    assert lifecycle.kept.set_aside(jobs[3], DRAWN, half)
    assert queue.get(jobs[3].id).outcome == DRAWN, "there is room again"


def test_a_picture_whose_bytes_were_not_kept_says_so(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = drawn(queue, lifecycle)
    assert lifecycle.kept.set_aside(job, DRAWN, None)
    assert queue.get(job.id).outcome == Outcome(code=OutcomeCode.NOT_KEPT)


def test_after_half_a_day_without_discord_a_picture_waits_for_its_member(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = drawn(queue, lifecycle)
    queue.redis.hset(queue.keys.job(job.id), "reports", MOST_REPORTS)
    lifecycle.enqueue_report(queue.get(job.id))
    assert queue.get(job.id).state is JobState.KEPT
    parts = lifecycle.kept.result(job.id)
    assert parts
    assert from_parts(parts) == from_parts(PARTS)


def test_the_token_of_a_handover_is_not_shown(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = aside(queue, lifecycle)
    lifecycle.kept.note(job, HANDOVER)
    assert "token-of-the-fetch" not in repr(queue.get(job.id))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_outcome_has_words_in_every_language(language: str) -> None:
    for code in OutcomeCode:
        if code is not OutcomeCode.DONE:
            assert catalogue(language)[f"outcome.{code.value}"]


def test_another_members_kept_results_are_not_theirs(redis: Redis) -> None:
    queue = RenderQueue(redis, QueueSettings())
    lifecycle = Lifecycle(queue)
    mine = aside(queue, lifecycle, 1)
    theirs = aside(queue, lifecycle, 2, requester_id="501")
    assert ids(Kept(queue).of_member("500")) == [mine.id]
    assert ids(Kept(queue).of_member("501")) == [theirs.id]
