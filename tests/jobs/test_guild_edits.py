"""The changes that moderators can make, stored in a real Redis and read back."""

import pytest
from redis import Redis

from jobs.errors import BadValue, TooManySettings
from jobs.guild import Access, Block, GuildSettings, QueueState, WordKind
from jobs.guild_edits import (
    MAX_WORDS,
    MISSING,
    add_moderators,
    add_words,
    block,
    remove_moderators,
    remove_words,
    reset_value,
    set_access,
    set_audit_channel,
    set_queue,
    set_value,
)
from jobs.guild_settings import GuildSettingsStore
from jobs.limits import ASSIST_MODES, Limit
from jobs.settings_table import Rating, Scope

GUILD = "200"
NOW = 1_800_000_000.0


@pytest.fixture
def store(redis: Redis) -> GuildSettingsStore:
    return GuildSettingsStore(redis, "newbie", clock=lambda: NOW)


def test_what_is_set_is_read_back_for_its_target_only(store: GuildSettingsStore) -> None:
    store.change(GUILD, set_value("steps", 40), by="1")
    store.change(GUILD, set_value("steps", None, Scope.ROLE, "7"), by="1")
    store.change(GUILD, set_value("assist", ASSIST_MODES, Scope.CHANNEL, "8"), by="1")
    store.change(GUILD, set_value("use", False, Scope.MEMBER, "9"), by="1")
    settings = store.get(GUILD)
    assert settings.limits(Scope.GUILD) == {Limit.STEPS: 40}
    assert settings.limits(Scope.ROLE, "7") == {Limit.STEPS: None}
    assert settings.limits(Scope.CHANNEL, "8") == {Limit.ASSIST: ASSIST_MODES}
    assert settings.limits(Scope.MEMBER, "9") == {Limit.USE: False}
    assert settings.limits(Scope.ROLE, "8") == {}
    assert store.get("201") == GuildSettings()


def test_everything_else_is_read_back_too(store: GuildSettingsStore) -> None:
    details = Block(by="1", at=NOW, until=NOW + 60, reason="spam")
    for edit in (
        set_access("10", Access.ALLOW),
        set_value("rating", Rating.ADULT, Scope.CHANNEL, "10"),
        set_value("spoilers", True, Scope.CHANNEL, "10"),
        block("9", details),
        add_words(WordKind.BLOCKED, ["Red  Hat", "帽子"]),
        add_moderators(["3", "2"]),
        set_audit_channel("11"),
        set_queue(QueueState.PAUSED),
    ):
        assert store.change(GUILD, edit, by="1").is_made
    settings = store.get(GUILD)
    assert settings.access == {"10": Access.ALLOW}
    assert settings.rating(["10"]) is Rating.ADULT
    assert settings.posts_spoilers(["10"])
    assert settings.block_of("9", NOW) == details
    assert settings.words == {WordKind.BLOCKED: ("Red Hat", "帽子")}
    assert settings.moderators == {"2", "3"}
    assert settings.audit_channel == "11"
    assert settings.queue is QueueState.PAUSED


def test_what_is_reset_is_as_if_it_had_never_been_set(store: GuildSettingsStore) -> None:
    store.change(GUILD, set_value("steps", 40), by="1")
    store.change(GUILD, set_queue(QueueState.DRAINING), by="1")
    store.change(GUILD, set_access("10", Access.DENY), by="1")
    store.change(GUILD, set_audit_channel("11"), by="1")
    store.change(GUILD, reset_value("steps"), by="1")
    store.change(GUILD, set_queue(QueueState.RUNNING), by="1")
    store.change(GUILD, set_access("10", None), by="1")
    change = store.change(GUILD, set_audit_channel(None), by="1")
    assert (change.old, change.new) == ("11", MISSING)
    settings = store.get(GUILD)
    assert settings == GuildSettings(version=settings.version)


def test_a_word_is_in_a_list_once_however_it_is_written(store: GuildSettingsStore) -> None:
    store.change(GUILD, add_words(WordKind.BLOCKED, ["Hat"]), by="1")
    change = store.change(GUILD, add_words(WordKind.BLOCKED, ["ＨＡＴ", "hát", "coat"]), by="1")
    assert (change.old, change.new) == (MISSING, ["coat"])
    assert set(store.get(GUILD).words[WordKind.BLOCKED]) == {"Hat", "coat"}
    change = store.change(GUILD, remove_words(WordKind.BLOCKED, ["HAT", "scarf"]), by="1")
    assert (change.old, change.new) == (["Hat"], MISSING)
    store.change(GUILD, remove_words(WordKind.BLOCKED, ["coat"]), by="1")
    assert store.get(GUILD).words == {}


def test_moderator_roles_are_added_and_removed(store: GuildSettingsStore) -> None:
    store.change(GUILD, add_moderators(["3"]), by="1")
    store.change(GUILD, add_moderators(["4", "3"]), by="1")
    store.change(GUILD, remove_moderators(["3", "5"]), by="1")
    assert store.get(GUILD).moderators == {"4"}


def test_more_than_there_may_be_is_refused_and_the_last_that_fits_is_not(
    store: GuildSettingsStore,
) -> None:
    letters = "abcdefghij"
    words = [letters[k // 100] + letters[k // 10 % 10] + letters[k % 10] for k in range(MAX_WORDS)]
    store.change(GUILD, add_words(WordKind.ADULT, words), by="1")
    with pytest.raises(TooManySettings):
        store.change(GUILD, add_words(WordKind.ADULT, ["hat"]), by="1")
    assert len(store.get(GUILD).words[WordKind.ADULT]) == MAX_WORDS
    with pytest.raises(TooManySettings):
        store.change(GUILD, add_moderators(map(str, range(26))), by="1")
    store.change(GUILD, add_moderators(map(str, range(25))), by="1")


@pytest.mark.parametrize(
    ("name", "value", "scope", "target"),
    [
        ("steps", 0, Scope.GUILD, ""),
        ("steps", "40", Scope.GUILD, ""),
        ("capacity", 10, Scope.ROLE, "7"),
        ("rating", Rating.ADULT, Scope.GUILD, ""),
    ],
)
def test_what_cannot_be_set_is_refused(name: str, value: object, scope: Scope, target: str) -> None:
    with pytest.raises(BadValue):
        set_value(name, value, scope, target)


def test_a_channel_is_open_by_its_most_specific_rule() -> None:
    denied = GuildSettings(access={"10": Access.DENY})
    assert denied.is_open(["11"])
    assert not denied.is_open(["10"])
    assert not denied.is_open(["12", "10"])
    allowed = GuildSettings(access={"10": Access.ALLOW, "12": Access.DENY})
    assert allowed.is_open(["11", "10"])
    assert not allowed.is_open(["11"])
    assert not allowed.is_open(["12", "10"])
    assert GuildSettings().is_open([])
