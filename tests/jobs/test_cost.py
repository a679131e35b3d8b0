"""What jobs cost, how fast workers are found to be, and how long a wait is then."""

import pytest

from jobs.cost import ASSUMED, MEGAPIXEL_STEP, Meter, Speed, cost, typical, work_of
from jobs.eta import Load, Wait, forecast
from jobs.models import Size
from tests.jobs.conftest import request

ONE = Speed(job_seconds=2.0, megapixel_step_seconds=0.5, spread=0.0)


def measured(renders: list[tuple[float, float]]) -> Speed:
    """Speed after renders of (megapixel-steps, seconds)."""
    meter = Meter()
    for work, seconds in renders:
        meter = meter.observe(work * MEGAPIXEL_STEP, seconds)
    assert meter.speed
    return meter.speed


def test_work_is_pixels_times_steps_times_pictures() -> None:
    one = work_of(request(num_inference_steps=28))
    assert one == 28 * MEGAPIXEL_STEP
    assert work_of(request(num_inference_steps=28, count=3)) == 3 * one
    assert work_of(request(size=Size.PORTRAIT_5_12, num_inference_steps=16)) == 640 * 1536 // 256


def test_seconds_are_a_part_for_the_job_and_a_part_for_its_work() -> None:
    assert ONE.seconds(1, 10 * MEGAPIXEL_STEP) == 7.0
    assert ONE.seconds(3, 10 * MEGAPIXEL_STEP) == 11.0


def test_cost_counts_what_every_job_takes_besides_its_steps() -> None:
    assert cost(100, [ONE]) == 100 + 4 * MEGAPIXEL_STEP
    assert cost(100, []) == 100 + ASSUMED.job_work


def test_where_steps_take_no_time_all_jobs_cost_about_the_same() -> None:
    flat = Speed(job_seconds=1.0, megapixel_step_seconds=1e-300, spread=0.1)
    small, large = work_of(request(num_inference_steps=1)), work_of(request(count=4))
    assert cost(large, [flat]) / cost(small, [flat]) == pytest.approx(1, abs=0.02)
    # And no more than the line can count: its scores are exact up to 2^53.
    assert cost(large, [flat]) < 2**23


def test_a_meter_finds_both_parts_from_jobs_of_different_sizes() -> None:
    speed = measured([(work, 3 + 0.25 * work) for work in (20, 28, 60, 112, 40, 20, 240)])
    assert speed.job_seconds == pytest.approx(3)
    assert speed.megapixel_step_seconds == pytest.approx(0.25)
    assert speed.spread < 1


def test_equal_jobs_tell_the_whole_but_not_the_parts() -> None:
    speed = measured([(28, 12.0)] * 5)
    assert speed.seconds(1, 28 * MEGAPIXEL_STEP) == pytest.approx(12)
    assert speed.job_seconds / speed.megapixel_step_seconds == pytest.approx(
        ASSUMED.job_seconds / ASSUMED.megapixel_step_seconds
    )


def test_no_part_is_ever_negative() -> None:
    for renders in ([(20, 9.0), (80, 2.0)], [(20, 1.0), (80, 9.0)], [(1, 5.0), (100, 5.0)]):
        speed = measured(renders)
        assert speed.job_seconds >= 0
        assert speed.megapixel_step_seconds > 0


def test_what_was_measured_lately_counts_more() -> None:
    speed = measured([(28, 10.0)] * 20 + [(28, 5.0)] * 20)
    assert speed.seconds(1, 28 * MEGAPIXEL_STEP) == pytest.approx(5.6, rel=0.05)


def test_the_spread_follows_how_far_off_the_guesses_were() -> None:
    steady = measured([(28, 10.0)] * 30)
    shaky = measured([(28, 10.0), (28, 20.0)] * 15)
    assert steady.spread == pytest.approx(0.1, abs=0.02)
    assert shaky.spread > 0.3


def test_an_empty_meter_knows_no_speed_and_nonsense_is_left_out() -> None:
    assert Meter().speed is None
    assert Meter().observe(0, 1.0) == Meter().observe(28, 0.0) == Meter()


def test_an_unmeasured_worker_is_taken_for_the_mean_but_less_sure() -> None:
    other = Speed(job_seconds=4.0, megapixel_step_seconds=1.5, spread=0.2)
    assert typical([ONE, other]) == Speed(job_seconds=3.0, megapixel_step_seconds=1.0, spread=0.5)


def test_without_a_worker_nobody_can_tell() -> None:
    assert forecast(Load(3, 100), Load(1, 10), []) is None


def test_one_worker_takes_what_is_ahead_and_then_the_job() -> None:
    wait = forecast(Load(2, 20 * MEGAPIXEL_STEP), Load(1, 4 * MEGAPIXEL_STEP), [ONE])
    assert wait == Wait(14 + 4, 14 + 4)


def test_two_workers_share_what_is_ahead_and_one_may_be_free_sooner() -> None:
    wait = forecast(Load(4, 40 * MEGAPIXEL_STEP), Load(1, 4 * MEGAPIXEL_STEP), [ONE, ONE])
    assert wait
    assert wait.highest == pytest.approx(14 + 4)
    assert wait.lowest == pytest.approx(14 - 1.5 * 3.5 + 4)


def test_a_slow_worker_helps_as_much_as_it_can() -> None:
    slow = Speed(job_seconds=6.0, megapixel_step_seconds=1.5, spread=0.0)
    wait = forecast(Load(4, 40 * MEGAPIXEL_STEP), Load(1, 4 * MEGAPIXEL_STEP), [ONE, slow])
    assert wait
    assert wait.highest == pytest.approx(28 * 84 / (28 + 84) + 12)


def test_doubt_widens_the_range_both_ways() -> None:
    unsure = ONE.model_copy(update={"spread": 1.0})
    assert forecast(Load(), Load(1, 4 * MEGAPIXEL_STEP), [unsure]) == Wait(2, 8)


def simulate(jobs: list[float], workers: int) -> list[float]:
    """Seconds at which each job of a line is drawn, by workers that take them in order."""
    free, ends = [0.0] * workers, []
    for seconds in jobs:
        at = min(range(workers), key=lambda index: free[index])
        free[at] += seconds
        ends.append(free[at])
    return ends


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_range_holds_when_the_line_is_worked_off(workers: int) -> None:
    works = [20, 28, 28, 112, 40, 60, 28, 20, 28, 80, 28, 36, 28, 28, 48]
    seconds = [ONE.seconds(1, work * MEGAPIXEL_STEP) for work in works]
    sure = ONE.model_copy(update={"spread": 0.2})
    for index, end in enumerate(simulate(seconds, workers)):
        ahead = Load(index, sum(works[:index]) * MEGAPIXEL_STEP)
        wait = forecast(ahead, Load(1, works[index] * MEGAPIXEL_STEP), [sure] * workers)
        assert wait
        assert end <= wait.highest
        assert wait.lowest <= end
