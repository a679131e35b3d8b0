"""Which messages are refreshed, and how many of them."""

from bot.async_queue import Place
from bot.positions import Board, Shown, plan
from bot.wait_words import SpokenWait
from jobs.models import DeliveryAddress, Job, JobState, RenderRequest

NOW = 1_800_000_000.0


def job(number: int, channel: int = 1) -> Job:
    return Job(
        id=str(number),
        request=RenderRequest(prompt="1girl", seed=1),
        address=DeliveryAddress(
            application_id="1",
            interaction_id=str(number),
            interaction_token="t",
            interaction_at=NOW - 10.0,
            guild_id="1",
            channel_id=str(channel),
            message_id="1",
            requester_id="1",
        ),
        state=JobState.WAITING,
        submitted_at=NOW - 10.0,
    )


SOON, LATER = SpokenWait("queued.soon"), SpokenWait("queued.minutes.range", 2, 3)


def line(jobs: list[Job], wait: SpokenWait | None = SOON) -> list[tuple[Job, Place]]:
    return [(one, Place(position, wait)) for position, one in enumerate(jobs, start=1)]


def chosen(jobs: list[Job], shown: dict[str, Shown], budget: int = 5) -> list[tuple[str, int]]:
    channels = plan(line(jobs), shown, budget)
    return [(row.job.id, row.place.position) for rows in channels.values() for row in rows]


def shown(position: int, at: float = NOW - 5, wait: SpokenWait | None = SOON) -> Shown:
    return Shown(Place(position, wait), at)


def test_only_a_place_that_changed_is_shown_again():
    assert chosen([job(1), job(2)], {"1": shown(1), "2": shown(3)}) == [("2", 2)]


def test_nothing_is_edited_while_nothing_changes():
    assert chosen([job(1), job(2)], {"1": shown(1), "2": shown(2)}) == []


def test_a_worker_that_comes_or_goes_is_a_change():
    assert chosen([job(1)], {"1": shown(1, wait=None)}) == [("1", 1)]


def test_another_wait_in_words_is_a_change_and_the_same_words_are_none():
    assert chosen([job(1)], {"1": shown(1, wait=LATER)}) == [("1", 1)]
    assert chosen([job(1)], {"1": shown(1, wait=SOON)}) == []


def test_a_job_that_is_in_line_again_is_shown_where_it_was_shown_before():
    again = job(1).model_copy(update={"attempt": 1})
    assert chosen([again], {"1": shown(1)}) == [("1", 1)]
    assert chosen([again], {"1": Shown(Place(1, SOON), NOW - 5, attempt=1)}) == []
    assert chosen([again], {"1": Shown(None, NOW - 5)}) == []


def test_what_this_process_has_not_shown_is_shown():
    assert chosen([job(1), job(2)], {}) == [("1", 1), ("2", 2)]


def test_a_message_that_is_gone_is_left_alone():
    assert chosen([job(1), job(2)], {"1": Shown(None, NOW)}) == [("2", 2)]


def test_each_channel_has_its_own_budget():
    jobs = [job(n, channel=1 + n % 2) for n in range(10)]
    result = plan(line(jobs), {}, 2)
    assert {channel: len(rows) for channel, rows in result.items()} == {"1": 2, "2": 2}


def test_who_waited_longest_for_a_refresh_comes_first():
    jobs = [job(n) for n in range(1, 5)]
    before = {str(n): shown(n + 1, at=NOW - n) for n in range(1, 5)}
    assert chosen(jobs, before, budget=2) == [("4", 4), ("3", 3)]


def test_a_long_line_is_refreshed_in_turns():
    jobs = [job(n) for n in range(1, 11)]
    before = {str(n): shown(n + 1, at=NOW - 100) for n in range(1, 11)}
    seen = set()
    for turn in range(5):
        for job_id, position in chosen(jobs, before, budget=2):
            seen.add(job_id)
            before[job_id] = shown(position + 1, at=NOW + turn)
    assert len(seen) == 10


def test_the_board_forgets_what_is_old_and_gone():
    board = Board()
    board.note("old", Place(1, SOON), NOW - 100)
    board.note("waiting", Place(2, SOON), NOW - 100)
    board.note("new", Place(3, SOON), NOW)
    board.forget({"waiting"}, NOW - 60)
    assert set(board.shown) == {"waiting", "new"}
