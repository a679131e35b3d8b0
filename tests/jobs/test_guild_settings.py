"""What moderators set, on a real Redis: read, changed at once by several, and told in the audit."""

import threading
import time

import pytest
from redis import Redis

from jobs import audit
from jobs.connection import connect
from jobs.errors import QueueUnavailable, SettingChanged, TooManySettings, UnreadableSettings
from jobs.guild import EVERY_GUILD, NO_GUILD, Access, Block, GuildSettings, WordKind
from jobs.guild_edits import MISSING, add_words, block, reset_value, set_access, set_value, unblock
from jobs.guild_settings import MAX_FIELDS, GuildSettingsStore
from jobs.limits import Limit
from jobs.settings import RedisSettings
from jobs.settings_table import Scope

GUILD = "200"
NOW = 1_800_000_000.0


@pytest.fixture
def store(redis: Redis) -> GuildSettingsStore:
    return GuildSettingsStore(redis, "newbie", clock=lambda: NOW)


@pytest.fixture
def other(redis: Redis) -> GuildSettingsStore:
    """The same settings in another process."""
    return GuildSettingsStore(redis, "newbie", clock=lambda: NOW)


def entries(store: GuildSettingsStore, redis: Redis) -> list[audit.Entry]:
    return list(audit.page(redis, store.keys(GUILD), count=100).entries)


def test_a_server_that_nobody_set_anything_for_has_the_defaults(store: GuildSettingsStore) -> None:
    assert store.get(GUILD) == GuildSettings()


def test_a_change_tells_old_and_new_and_is_in_the_audit(
    store: GuildSettingsStore, redis: Redis
) -> None:
    store.change(GUILD, set_value("steps", 40), by="1", reason="busy")
    change = store.change(GUILD, set_value("steps", None), by="2")
    assert (change.field, change.old, change.new, change.is_made) == ("set:steps", 40, None, True)
    newest, oldest = entries(store, redis)
    assert (newest.by, newest.what, newest.old, newest.new) == ("2", "set:steps", 40, None)
    assert (oldest.by, oldest.old, oldest.new, oldest.reason) == ("1", MISSING, 40, "busy")
    assert abs(newest.at - time.time()) < 60


def test_setting_what_is_set_changes_nothing_and_is_not_in_the_audit(
    store: GuildSettingsStore, redis: Redis
) -> None:
    store.change(GUILD, set_value("steps", 40), by="1")
    version = store.get(GUILD).version
    assert not store.change(GUILD, set_value("steps", 40), by="2").is_made
    assert not store.change(GUILD, reset_value("count"), by="2").is_made
    assert store.get(GUILD).version == version
    assert len(entries(store, redis)) == 1


def test_who_saw_an_old_value_changes_nothing_and_is_told(
    store: GuildSettingsStore, other: GuildSettingsStore, redis: Redis
) -> None:
    store.change(GUILD, set_value("steps", 40), by="1")
    other.change(GUILD, set_value("steps", 20), by="2", expected=40)
    with pytest.raises(SettingChanged) as refused:
        store.change(GUILD, set_value("steps", 50), by="1", expected=40)
    assert refused.value.current == 20
    assert store.get(GUILD).limits(Scope.GUILD) == {Limit.STEPS: 20}
    assert len(entries(store, redis)) == 2
    assert store.change(GUILD, set_value("count", 2), by="1", expected=MISSING).is_made


def test_words_that_many_add_at_once_are_all_kept(
    redis: Redis, redis_settings: RedisSettings
) -> None:
    def add(number: int) -> None:
        own = GuildSettingsStore(connect(redis_settings), "newbie")
        for k in range(5):
            word = "".join(chr(97 + int(digit)) for digit in f"{number}{k}0")
            own.change(GUILD, add_words(WordKind.BLOCKED, [word]), by=str(number))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = GuildSettingsStore(redis, "newbie")
    assert len(store.get(GUILD).words[WordKind.BLOCKED]) == 20
    # No change without its entry, and no entry without its change.
    told = [entry.new for entry in entries(store, redis)]
    assert sorted(word for (word,) in told) == sorted(store.get(GUILD).words[WordKind.BLOCKED])


def test_a_server_has_a_limited_number_of_fields(store: GuildSettingsStore, redis: Redis) -> None:
    keys = store.keys(GUILD)
    redis.hset(keys.settings, mapping={f"access:{k}": '"deny"' for k in range(MAX_FIELDS - 1)})
    store.change(GUILD, set_value("steps", 40), by="1")
    with pytest.raises(TooManySettings):
        store.change(GUILD, set_value("count", 2), by="1")
    assert store.change(GUILD, set_value("steps", 41), by="1").is_made


def test_changes_count_at_once_whoever_made_them(
    store: GuildSettingsStore, other: GuildSettingsStore
) -> None:
    store.change(GUILD, set_value("steps", 40), by="1")
    assert store.get(GUILD).limits(Scope.GUILD) == {Limit.STEPS: 40}
    other.change(GUILD, set_value("steps", 20), by="2")
    assert other.get(GUILD).limits(Scope.GUILD) == {Limit.STEPS: 20}
    assert store.get(GUILD).limits(Scope.GUILD) == {Limit.STEPS: 20}


def test_settings_that_ended_and_began_anew_are_not_taken_for_the_old_ones(
    redis: Redis,
) -> None:
    clock = [1000.0]
    store = GuildSettingsStore(redis, "newbie", clock=lambda: NOW + clock[0])
    store.change(GUILD, set_value("steps", 40), by="1")
    assert store.get(GUILD).limits(Scope.GUILD) == {Limit.STEPS: 40}
    redis.delete(store.keys(GUILD).settings)
    clock[0] += 60
    other = GuildSettingsStore(redis, "newbie", clock=lambda: NOW + clock[0])
    other.change(GUILD, set_value("count", 2), by="1")
    assert store.get(GUILD).limits(Scope.GUILD) == {Limit.COUNT: 2}


def test_an_unchanged_server_is_not_read_again(store: GuildSettingsStore) -> None:
    store.change(GUILD, set_value("steps", 40), by="1")
    first = store.get(GUILD)
    assert store.get(GUILD) is first


def test_a_block_that_ended_is_no_block_and_goes_with_the_next_change(
    redis: Redis,
) -> None:
    now = [NOW]
    store = GuildSettingsStore(redis, "newbie", clock=lambda: now[0])
    store.change(GUILD, block("9", Block(by="1", at=NOW, until=NOW + 60)), by="1")
    store.change(GUILD, block("8", Block(by="1", at=NOW)), by="1")
    assert store.get(GUILD).block_of("9", NOW + 59) is not None
    assert store.get(GUILD).block_of("9", NOW + 60) is None
    assert store.get(GUILD).block_of("8", NOW + 10**9) is not None
    now[0] += 60
    store.change(GUILD, set_value("steps", 40), by="1")
    assert set(store.get(GUILD).blocked) == {"8"}
    store.change(GUILD, unblock("8"), by="1")
    assert store.get(GUILD).blocked == {}


def test_what_was_set_for_a_deleted_channel_goes_and_blocks_stay(
    store: GuildSettingsStore, redis: Redis
) -> None:
    store.change(GUILD, set_value("steps", 40, Scope.CHANNEL, "10"), by="1")
    store.change(GUILD, set_value("steps", 30, Scope.CHANNEL, "110"), by="1")
    store.change(GUILD, set_access("10", Access.DENY), by="1")
    store.change(GUILD, block("10", Block(by="1", at=NOW)), by="1")
    changes = store.forget(GUILD, Scope.CHANNEL, "10", by="99", reason="deleted")
    assert {change.field for change in changes} == {"set:steps:channel:10", "access:10"}
    settings = store.get(GUILD)
    assert settings.limits(Scope.CHANNEL, "10") == {}
    assert settings.limits(Scope.CHANNEL, "110") == {Limit.STEPS: 30}
    assert settings.access == {}
    assert settings.block_of("10", NOW) is not None
    assert {entry.reason for entry in entries(store, redis)[:2]} == {"deleted"}
    assert store.forget(GUILD, Scope.CHANNEL, "10", by="99") == []


def test_settings_end_a_month_after_the_bot_left_and_stay_if_it_comes_back(
    store: GuildSettingsStore, redis: Redis
) -> None:
    keys = store.keys(GUILD)
    store.change(GUILD, set_value("steps", 40), by="1")
    assert redis.ttl(keys.settings) == redis.ttl(keys.audit) == -1
    store.leave(GUILD)
    assert 0 < redis.ttl(keys.settings) <= 30 * 86_400
    assert 0 < redis.ttl(keys.audit) <= 30 * 86_400
    store.join(GUILD)
    assert redis.ttl(keys.settings) == redis.ttl(keys.audit) == -1


def test_at_a_start_servers_that_were_left_meanwhile_are_found(
    store: GuildSettingsStore, redis: Redis
) -> None:
    for guild in (GUILD, "201", EVERY_GUILD):
        store.change(guild, set_value("steps", 40), by="1")
    store.settle({GUILD, EVERY_GUILD, NO_GUILD})
    assert redis.ttl(store.keys("201").settings) > 0
    assert redis.ttl(store.keys(GUILD).settings) == -1
    assert redis.ttl(store.keys(EVERY_GUILD).settings) == -1
    store.settle({GUILD, "201", EVERY_GUILD})
    assert redis.ttl(store.keys("201").settings) == -1


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("queue", '"asleep"'),
        ("set:steps", '"many"'),
        ("blocked:9", '{"by": "x"}'),
        ("words:blocked", "7"),
        ("access:1", "{"),
    ],
)
def test_what_this_version_cannot_read_is_an_error_and_no_default(
    store: GuildSettingsStore, redis: Redis, field: str, text: str
) -> None:
    redis.hset(store.keys(GUILD).settings, field, text)
    with pytest.raises(UnreadableSettings):
        store.get(GUILD)


def test_settings_that_another_version_put_beside_ours_are_passed_over(
    store: GuildSettingsStore, redis: Redis
) -> None:
    redis.hset(store.keys(GUILD).settings, mapping={"set:mood": '"sunny"', "weather": "1"})
    store.change(GUILD, set_value("steps", 40), by="1")
    assert store.get(GUILD).limits(Scope.GUILD) == {Limit.STEPS: 40}
    assert redis.hget(store.keys(GUILD).settings, "weather") == b"1"


def test_without_redis_nothing_is_read_or_changed_and_the_error_is_ours() -> None:
    nowhere = connect(RedisSettings(url="unix:///nonexistent/redis.sock", timeout=0.2))
    store = GuildSettingsStore(nowhere, "newbie")
    with pytest.raises(QueueUnavailable):
        store.get(GUILD)
    with pytest.raises(QueueUnavailable):
        store.change(GUILD, set_value("steps", 40), by="1")
