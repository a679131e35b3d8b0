"""What is set for a place counts when a job begins, and for what is added to its prompt."""

from collections.abc import Iterator

import pytest

from jobs.admission import PromptRules
from jobs.connection import connect
from jobs.errors import QueueUnavailable
from jobs.guild import EVERY_GUILD, NO_GUILD, WordKind
from jobs.guild_edits import add_words, set_value
from jobs.guild_settings import GuildSettingsStore
from jobs.models import DeliveryAddress, RenderRequest
from jobs.settings import RedisSettings
from jobs.settings_table import Rating, Scope
from newbie_pipeline.prompt.assist import Addition, Assisted
from tests.worker.conftest import job
from worker.errors import AdditionsRefused, ForbiddenPicture, PromptRefused, RulesUnreadable
from worker.house_rules import HouseRules, check_additions, check_prompt, read_house_rules

MINOR = "<character_1><appearance>loli</appearance></character_1>"
ADULT = PromptRules(Rating.ADULT)
GENERAL = PromptRules()


@pytest.fixture
def store(redis_url: str) -> Iterator[GuildSettingsStore]:
    with connect(RedisSettings(url=redis_url)) as redis:
        redis.flushdb()
        yield GuildSettingsStore(redis, "newbie")


def address(**changes: object) -> DeliveryAddress:
    values = {"channels": ("300", "30"), "age_restricted": True, **changes}
    return job().address.model_copy(update=values)


def request(prompt: str, **changes: object) -> RenderRequest:
    return job(prompt=prompt, **changes).request


def assisted(prompt: str) -> Assisted:
    return Assisted(prompt, (Addition("general_tags/other", "nude"),))


def test_words_of_the_server_and_the_operator_are_read_with_the_rating_of_the_place(
    store: GuildSettingsStore,
) -> None:
    store.change("200", add_words(WordKind.BLOCKED, ["hat"]), by="1")
    store.change("200", add_words(WordKind.ADULT, ["maid"]), by="1")
    store.change(EVERY_GUILD, add_words(WordKind.BLOCKED, ["coat"]), by="1")
    store.change("200", set_value("rating", Rating.ADULT, Scope.CHANNEL, "30"), by="1")
    store.change("200", set_value("spoilers", True, Scope.CHANNEL, "300"), by="1")
    rules = read_house_rules(store, address())
    assert rules == HouseRules(PromptRules(Rating.ADULT, ("coat", "hat"), ("maid",)), True)
    elsewhere = read_house_rules(store, address(channels=("301", "31")))
    assert elsewhere == HouseRules(PromptRules(Rating.GENERAL, ("coat", "hat"), ("maid",)), False)


def test_a_place_without_settings_is_general(store: GuildSettingsStore) -> None:
    assert read_house_rules(store, address()) == HouseRules(GENERAL, False)


def test_nothing_but_what_discord_restricts_by_age_is_open_for_adults(
    store: GuildSettingsStore,
) -> None:
    store.change("200", set_value("rating", Rating.ADULT, Scope.CHANNEL, "30"), by="1")
    assert read_house_rules(store, address()).prompt.allowed is Rating.ADULT
    closed = read_house_rules(store, address(age_restricted=False))
    assert closed.prompt.allowed is Rating.GENERAL


def test_a_record_from_before_channels_is_looked_up_by_its_channel_alone(
    store: GuildSettingsStore,
) -> None:
    store.change("200", set_value("spoilers", True, Scope.CHANNEL, "300"), by="1")
    store.change("200", set_value("rating", Rating.ADULT, Scope.CHANNEL, "300"), by="1")
    rules = read_house_rules(store, job().address)
    assert rules == HouseRules(GENERAL, True)


def test_direct_messages_have_settings_of_their_own(store: GuildSettingsStore) -> None:
    store.change(NO_GUILD, add_words(WordKind.BLOCKED, ["hat"]), by="1")
    rules = read_house_rules(store, address(guild_id=None, channels=("7",)))
    assert rules.prompt == PromptRules(blocked=("hat",))


@pytest.mark.parametrize("guild", ["200", EVERY_GUILD])
def test_settings_that_cannot_be_read_allow_nothing(store: GuildSettingsStore, guild: str) -> None:
    nobody = connect(RedisSettings(url="redis://127.0.0.1:9/0"))
    with pytest.raises(QueueUnavailable):
        read_house_rules(GuildSettingsStore(nobody, "newbie"), address())
    store.change(guild, add_words(WordKind.BLOCKED, ["hat"]), by="1")
    store._redis.hset(store.keys(guild).settings, "words:blocked", "no json")
    with pytest.raises(RulesUnreadable):
        read_house_rules(GuildSettingsStore(store._redis, "newbie"), address())


def test_a_word_that_cannot_be_looked_for_allows_nothing() -> None:
    rules = PromptRules(blocked=("a",))
    with pytest.raises(RulesUnreadable):
        check_prompt(rules, request("1girl"))
    with pytest.raises(RulesUnreadable):
        check_additions(rules, request("1girl"), assisted("1girl, smile"))


@pytest.mark.parametrize(
    ("rules", "prompt"),
    [
        (PromptRules(blocked=("hat",)), "1girl, h4t"),
        (PromptRules(adult=("maid",)), "1girl, maid"),
        (GENERAL, "1girl, nude"),
        (ADULT, "child, park"),
        (ADULT, "loli, nude"),
    ],
)
def test_a_prompt_that_todays_rules_refuse_is_not_drawn(rules: PromptRules, prompt: str) -> None:
    with pytest.raises(PromptRefused):
        check_prompt(rules, request(prompt))


@pytest.mark.parametrize(
    ("rules", "prompt"),
    [
        (PromptRules(blocked=("hat",)), "1girl, chat"),
        (PromptRules(adult=("maid",)), "1girl, skirt"),
        (ADULT, "1girl, nude"),
        (GENERAL, "child, park"),
    ],
)
def test_a_prompt_that_they_allow_is_drawn(rules: PromptRules, prompt: str) -> None:
    check_prompt(rules, request(prompt))


def test_additions_that_make_a_prompt_one_that_is_never_drawn_stop_its_picture() -> None:
    for rules in (GENERAL, PromptRules(blocked=("nude",)), PromptRules(adult=("nude",))):
        with pytest.raises(ForbiddenPicture):
            check_additions(rules, request(MINOR), assisted(MINOR + "<other>nude</other>"))


@pytest.mark.parametrize(
    ("rules", "whole"),
    [
        (PromptRules(blocked=("hat",)), "<n>a</n><other>h4t</other>"),
        (PromptRules(adult=("maid",)), "<n>a</n><other>maid</other>"),
        (GENERAL, "<n>a</n><other>nude</other>"),
        (ADULT, "<n>a</n><other>child</other>"),
    ],
)
def test_additions_that_the_place_does_not_allow_stop_the_picture(
    rules: PromptRules, whole: str
) -> None:
    with pytest.raises(AdditionsRefused):
        check_additions(rules, request("<n>a</n>"), assisted(whole))


def test_a_prompt_that_was_only_put_into_another_form_is_looked_at_too() -> None:
    with pytest.raises(ForbiddenPicture):
        check_additions(GENERAL, request("lo, 1girl, li, nude"), Assisted("loli, 1girl, nude"))


@pytest.mark.parametrize(
    ("rules", "whole"),
    [
        (PromptRules(blocked=("hat",)), "<n>a</n><other>chat</other>"),
        (ADULT, "<n>a</n><other>nude</other>"),
        (GENERAL, MINOR + "<background>park</background>"),
    ],
)
def test_other_additions_pass(rules: PromptRules, whole: str) -> None:
    check_additions(rules, request("<n>a</n>"), assisted(whole))


def test_what_nobody_helped_with_is_not_looked_at_twice() -> None:
    rules = PromptRules(blocked=("a", "hat"))
    check_additions(rules, request("hat"), None)
    check_additions(rules, request("hat"), Assisted("hat"))
