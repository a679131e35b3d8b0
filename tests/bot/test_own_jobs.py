"""The list of a member's jobs fits into a message and says the truth of each state."""

from string import Formatter

import pytest

from bot.cancelling import Verdict
from bot.job_words import state_text
from bot.own_jobs import ROWS, list_text, list_view
from jobs.eta import Standing, Wait
from jobs.models import Job, JobState, Progress, QueueStatus, Size
from jobs.overview import Page, View
from jobs.wording import LANGUAGES, catalogue
from tests.jobs.conftest import address, request

LOCALES = ("en-US", "zh-CN", "ja")
LONGEST = str(2**64 - 1)
STATUS = QueueStatus(waiting=10_000, running=1_000, workers=100)


def job(state: JobState = JobState.WAITING, **changes: object) -> Job:
    where = {"guild_id": LONGEST, "channel_id": LONGEST, "message_id": LONGEST}
    asked = request(prompt="`" * 100, size=Size.LANDSCAPE_12_5, num_inference_steps=60, count=4)
    values = {"id": LONGEST, "state": state, "submitted_at": 1_700_000_000.0, **changes}
    return Job(request=asked, address=address(**where), **values)


WAITS = (None, Wait(0, 30), Wait(8 * 60, 100 * 60), Wait(50 * 3600, 9_000 * 3600))
VIEWS = (
    *(View(job(), Standing(10_000, wait)) for wait in WAITS),
    View(job(), is_paused=True),
    View(job()),
    *(View(job(state)) for state in JobState),
    View(job(JobState.RUNNING, progress=Progress(step=239, total=240))),
    View(job(JobState.RUNNING, cancelled_by="1")),
)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("view", VIEWS)
def test_five_of_the_longest_rows_fit_into_a_message(view: View, locale: str) -> None:
    page = Page((view,) * ROWS, 9_998, ROWS, 49_996)
    assert len(list_text(page, STATUS, locale)) <= 2_000


def test_each_state_is_said() -> None:
    said = [state_text(view, "en-US") for view in VIEWS]
    assert "position 10000" in said[0]
    assert "paused" in said[4]
    assert state_text(VIEWS[-2], "en-US") == "Drawing: step 239 of 240."
    assert "stops at the next step" in said[-1]


@pytest.mark.parametrize(
    ("view", "buttons"),
    [
        (View(job(), Standing(1, None)), 1),
        (View(job(), is_paused=True), 1),
        (View(job(JobState.RUNNING)), 1),
        (View(job(JobState.RUNNING, cancelled_by="1")), 0),
        (View(job(JobState.RENDERED)), 0),
        (View(job(JobState.FAILING)), 0),
    ],
)
async def test_what_can_be_cancelled_has_a_button(view: View, buttons: int) -> None:
    drawn = list_view(Page((view,), 0, ROWS, 1), "en-US")
    assert len(drawn.children) == buttons + 1


@pytest.mark.parametrize(
    ("number", "count", "labels"),
    [
        (0, 0, ["Refresh"]),
        (0, 5, ["Refresh"]),
        (0, 6, ["Refresh", "Next"]),
        (1, 11, ["Previous", "Refresh", "Next"]),
        (2, 11, ["Previous", "Refresh"]),
    ],
)
async def test_pages_can_be_turned_where_there_are_others(
    number: int, count: int, labels: list[str]
) -> None:
    drawn = list_view(Page((), number, ROWS, count), "en-US")
    assert [child.to_component_dict()["label"] for child in drawn.children] == labels


KEYS = [
    key
    for key in catalogue("en")
    if key.startswith(("cancel.", "own.", "job.", "line.", "outcome.cancelled", "admin.job."))
    or key.startswith(("admin.queue.", "admin.state.", "admin.entry.job."))
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_sentence_with_the_same_data(language: str) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert {f"cancel.{verdict.value}" for verdict in Verdict} <= set(KEYS)
    assert {f"job.{state.value}" for state in JobState} <= set(KEYS)
    for key in KEYS:
        assert fields(catalogue(language)[key]) == fields(catalogue("en")[key]), key
