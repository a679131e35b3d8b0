"""Each sentence of ours is understood as what it is."""

import pytest

from jobs.models import OutcomeCode
from jobs.wording import say
from tests.chaos.speech import EPHEMERAL, LOADING, Kind, Message, Said, about, read


def message(text: str = "", *, flags: int = 0, **more: object) -> Message:
    return {"content": text, "flags": flags, "embeds": [], "attachments": [], **more}


@pytest.mark.parametrize("code", [code for code in OutcomeCode if code is not OutcomeCode.DONE])
def test_a_reason_is_one_when_its_requester_is_mentioned(code: OutcomeCode) -> None:
    key = f"outcome.{code.value}"
    sentence = say(key, "en-US", seconds=1800, attempts=3, job_id=7, days=7)
    assert read(message(f"<@500> {sentence}")) == Said(Kind.REASON, key)
    assert read(message(sentence)).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("queued.soon", {"position": 3}),
        ("queued.minutes.range", {"position": 12, "low": 2, "high": 5}),
        ("queued.no_worker", {"position": 1}),
        ("started", {}),
        ("progress", {"step": 3, "total": 28}),
    ],
)
def test_what_another_message_follows_is_passing(key: str, data: dict[str, int]) -> None:
    assert read(message(say(key, "en-US", **data))).kind is Kind.PASSING


@pytest.mark.parametrize("key", ["error.queue_unavailable", "error.restarting", "error.internal"])
def test_a_refusal_is_one_to_all_and_to_one(key: str) -> None:
    sentence = say(key, "en-US", job_id=7)
    for flags in (0, EPHEMERAL):
        assert read(message(sentence, flags=flags)) == Said(Kind.REFUSAL, key)


def test_only_a_refusal_that_comes_late_mentions_somebody() -> None:
    late = say("error.interrupted", "en-US")
    for text in (late, f"<@500> {late}"):
        assert read(message(text)) == Said(Kind.REFUSAL, "error.interrupted")
    assert read(message(f"<@500> {say('error.restarting', 'en-US')}")).kind is Kind.UNKNOWN


def test_pictures_and_thinking_need_no_words() -> None:
    assert read(message(flags=LOADING)).kind is Kind.THINKING
    assert read(message("<@500>", attachments=[{"url": "a.png"}])).kind is Kind.PICTURE
    assert read(message("<@500>", embeds=[{"image": {"url": "a.png"}}])).kind is Kind.PICTURE
    assert read(message("hello")) == Said(Kind.UNKNOWN, "hello")


def test_a_message_is_about_an_interaction_by_its_origin_or_by_its_nonce() -> None:
    assert about(message(interaction_metadata={"id": "7"})) == "7"
    assert about(message(nonce="7")) == "7"
    assert about(message("hello")) is None
