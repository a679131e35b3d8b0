"""A prompt is looked at once more where a language model has added to it."""

import pytest

from newbie_pipeline.prompt.assist import Addition, Assisted
from tests.worker.conftest import job, rendered
from worker.errors import ForbiddenPicture
from worker.tasks import _check_additions

MINOR = "<character_1><appearance>loli</appearance></character_1>"
ADDED = Addition("general_tags/other", "nude")


def assisted(prompt: str) -> Assisted:
    return Assisted(prompt, (ADDED,))


def test_additions_that_make_a_prompt_one_that_is_never_drawn_stop_its_picture() -> None:
    whole = MINOR + "<general_tags><other>nude</other></general_tags>"
    with pytest.raises(ForbiddenPicture):
        _check_additions(job(prompt=MINOR), rendered(assisted=assisted(whole)))


def test_other_additions_and_prompts_without_any_pass() -> None:
    whole = MINOR + "<general_tags><background>park</background></general_tags>"
    _check_additions(job(prompt=MINOR), rendered(assisted=assisted(whole)))
    _check_additions(job(prompt=MINOR), rendered())
