"""The verdict finds what must not be, and finds nothing where all is well."""

from dataclasses import replace

import pytest

from jobs.connection import connect
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from tests.chaos.crowd import Asked
from tests.chaos.evidence import Evidence, Shown
from tests.chaos.leftovers import leftovers
from tests.chaos.speech import Kind, Said
from tests.chaos.verdict import judge
from tests.jobs.conftest import address, request

ASKED = Asked("1001", "500", "1girl, wish 1", 7, at=100.0)
PICTURE = Shown("2001", "1001", False, Said(Kind.PICTURE), ((ASKED.prompt, ASKED.seed),))
REASON = Shown("2001", "1001", False, Said(Kind.REASON, "outcome.worker_lost"))
THINKING = Shown("2001", "1001", False, Said(Kind.THINKING))
REFUSAL = Shown("2002", "1001", True, Said(Kind.REFUSAL, "error.queue_unavailable"))


def job(code: OutcomeCode = OutcomeCode.DONE, message_id: str = "2001", **changes: object) -> Job:
    made = Job(
        id="1001",
        request=request(),
        address=address(1),
        state=JobState.ENDED,
        submitted_at=100.0,
        outcome=Outcome(code=code, message_id=message_id),
    )
    return made.model_copy(update=changes)


def drawn(**changes: object) -> Evidence:
    """A picture was asked for, promised, drawn and shown."""
    evidence = Evidence(
        asked=(ASKED,),
        acknowledged={"1001": 100.1},
        messages=(PICTURE,),
        posted={"1001": 1},
        jobs={"1001": job()},
        active=(),
    )
    return replace(evidence, **changes)


def unanswered(**changes: object) -> Evidence:
    return drawn(**{"acknowledged": {}, "messages": (), "posted": {}, "jobs": {}} | changes)


def refused(**changes: object) -> Evidence:
    return drawn(**{"messages": (REFUSAL,), "posted": {}, "jobs": {}} | changes)


def failed(**changes: object) -> Evidence:
    record = {"1001": job(OutcomeCode.WORKER_LOST)}
    return drawn(**{"messages": (REASON,), "posted": {}, "jobs": record} | changes)


def test_a_picture_is_the_good_end() -> None:
    verdict = judge(drawn())
    assert (verdict.asked, verdict.accepted, verdict.pictures) == (1, 1, 1)
    assert verdict.problems == []


def test_a_reason_is_a_good_end_too() -> None:
    verdict = judge(failed())
    assert (verdict.accepted, verdict.pictures) == (1, 0)
    assert verdict.reasons == {"outcome.worker_lost": 1}
    assert verdict.problems == []


def test_who_got_no_answer_or_a_refusal_was_promised_nothing() -> None:
    for evidence, counted in ((unanswered(), "unanswered"), (refused(), "refused")):
        verdict = judge(evidence)
        assert getattr(verdict, counted) == 1
        assert verdict.accepted == 0
        assert verdict.problems == []


def test_a_placeholder_that_the_bot_took_away_is_a_refusal_without_words() -> None:
    taken_back = frozenset({"1001"})
    verdict = judge(refused(messages=(), taken_back=taken_back))
    assert (verdict.refused, verdict.problems) == (1, [])
    assert judge(refused(messages=())).lost == 1
    # A picture that was posted in its stead is as good.
    assert judge(drawn(taken_back=taken_back)).problems == []


def test_the_same_picture_twice_in_one_message_is_counted_and_no_problem() -> None:
    verdict = judge(drawn(posted={"1001": 3}))
    assert verdict.repeated == 2
    assert verdict.problems == []


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        # A bot that dies after its acknowledgement, before Redis heard of it.
        (drawn(messages=(THINKING,), posted={}, jobs={}), "lost"),
        (drawn(messages=(), posted={}), "lost"),
        (failed(messages=(THINKING,)), "lost"),
        (drawn(messages=(PICTURE, replace(PICTURE, id="2002"))), "2 messages"),
        (drawn(messages=(PICTURE, replace(THINKING, id="2002"))), "2 messages"),
        (drawn(messages=(PICTURE, replace(REASON, id="2002"))), "2 messages"),
        (failed(posted={"1001": 1}), "took the place"),
        (drawn(messages=(replace(PICTURE, draws=(("1boy", 7),)),)), "instead of"),
        (drawn(messages=(replace(PICTURE, draws=((ASKED.prompt, 8),)),)), "instead of"),
        (drawn(jobs={}), "record"),
        (drawn(jobs={"1001": job(state=JobState.RUNNING)}), "record"),
        (drawn(jobs={"1001": job(message_id="2002")}), "names message"),
        (drawn(jobs={"1001": job(OutcomeCode.WORKER_LOST)}), "its record says"),
        (failed(jobs={"1001": job(OutcomeCode.INTERNAL)}), "its record says"),
        (drawn(active=("1001",)), "not ended"),
        (unanswered(messages=(PICTURE,)), "not answered"),
        (unanswered(jobs={"1001": job()}), "not answered"),
        (unanswered(posted={"1001": 1}), "not answered"),
        (refused(messages=(REFUSAL, PICTURE)), "refused"),
        (refused(messages=(REFUSAL, THINKING)), "refused"),
        (refused(jobs={"1001": job()}), "refused"),
        (refused(posted={"1001": 1}), "refused"),
        (drawn(messages=(), taken_back=frozenset({"1001"})), "refused"),
        (drawn(messages=(PICTURE, replace(PICTURE, id="2002", about="1002"))), "nobody's"),
        (drawn(messages=(PICTURE, replace(THINKING, id="2002", about=None))), "nobody's"),
    ],
)
def test_what_must_not_be_is_found(evidence: Evidence, words: str) -> None:
    problems = judge(evidence).problems
    assert problems
    assert any(words in problem.what for problem in problems)


def test_lost_and_double_ones_are_counted() -> None:
    assert judge(drawn(messages=())).lost == 1
    assert judge(drawn(messages=(PICTURE, replace(REASON, id="2002")))).duplicates == 1


def test_a_key_that_stays_is_found_and_one_that_goes_is_not(redis_url: str) -> None:
    queue = RenderQueue(connect(RedisSettings(url=redis_url)), QueueSettings(name="chaos"))
    queue.redis.flushdb()
    queue.redis.set("rq:something", 1, ex=60)
    queue.redis.zadd(queue.keys.workers, {"host-1": 1.0})
    assert leftovers(queue) == []
    for name in ("rq:something:else", "newbie:chaos:something", "rq:job:ticket-1-0"):
        queue.redis.hset(name, "a", 1)
        assert any(name in problem.what for problem in leftovers(queue))
        queue.redis.delete(name)
    queue.submit(request(), address(1))
    assert any(queue.keys.job("1001") in problem.what for problem in leftovers(queue))
