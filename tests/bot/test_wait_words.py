"""A wait in words: honest, coarse, and in whole numbers."""

import pytest

from bot.wait_words import SpokenWait, spoken
from jobs.eta import Wait
from jobs.wording import LANGUAGES, catalogue, say

MINUTE = 60.0


@pytest.mark.parametrize(
    ("lowest", "highest", "words"),
    [
        (0, 59, "In line: position 4, less than a minute."),
        (30, 61, "In line: position 4, about 1 to 2 minutes."),
        (30, 100, "In line: position 4, about 1 to 2 minutes."),
        (118, 122, "In line: position 4, about 2 minutes."),
        (125, 175, "In line: position 4, about 2 to 3 minutes."),
        (9 * MINUTE, 12 * MINUTE, "In line: position 4, about 10 to 15 minutes."),
        (13 * MINUTE, 22 * MINUTE, "In line: position 4, about 10 to 25 minutes."),
        (50 * MINUTE, 89 * MINUTE, "In line: position 4, about 50 to 90 minutes."),
        (80 * MINUTE, 110 * MINUTE, "In line: position 4, about 1 to 2 hours."),
        (300 * MINUTE, 301 * MINUTE, "In line: position 4, about 5 hours."),
    ],
)
def test_waits_are_said_as_a_range(lowest: float, highest: float, words: str):
    wait = spoken(Wait(lowest, highest))
    assert say(wait.key, "en-US", position=4, low=wait.low, high=wait.high) == words


def test_small_changes_change_no_words():
    assert spoken(Wait(125, 170)) == spoken(Wait(130, 175))
    assert spoken(Wait(125, 170)) != spoken(Wait(65, 110))


def test_every_language_has_every_sentence_with_the_same_data():
    keys = [key for key in catalogue("en") if key.startswith("queued.")]
    assert "queued.hours.range" in keys
    for language in LANGUAGES:
        for key in keys:
            assert "4" in catalogue(language)[key].format(position=4, low=1, high=2)
            assert ("{low}" in catalogue(language)[key]) is key.endswith(".range")


def test_the_numbers_are_never_the_wrong_way_round():
    for lowest in range(0, 20_000, 37):
        for width in (0, 20, 400, 5000):
            wait = spoken(Wait(lowest, lowest + width))
            assert wait == SpokenWait("queued.soon") or 1 <= wait.low <= wait.high
