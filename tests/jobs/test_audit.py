"""The audit stream, on a real Redis: pages, newest first, and never without bounds."""

import pytest
from redis import Redis

from jobs import audit
from jobs.connection import connect
from jobs.errors import QueueUnavailable
from jobs.guild import MAX_REASON
from jobs.guild_edits import MISSING
from jobs.keys import GuildKeys
from jobs.settings import RedisSettings

KEYS = GuildKeys("newbie", "200")


def record(redis: Redis, number: int, **fields: object) -> None:
    with redis.pipeline() as pipe:
        audit.record(pipe, KEYS, by="1", what=f"job:{number}", **fields)
        pipe.execute()


def test_pages_go_from_the_newest_entry_to_the_oldest(redis: Redis) -> None:
    for number in range(25):
        record(redis, number)
    seen, before = [], None
    for size in (10, 10, 5):
        page = audit.page(redis, KEYS, before)
        assert len(page.entries) == size
        seen += [entry.what for entry in page.entries]
        before = page.before
    assert before is None
    assert seen == [f"job:{number}" for number in reversed(range(25))]


def test_a_full_last_page_is_the_last(redis: Redis) -> None:
    for number in range(4):
        record(redis, number)
    assert audit.page(redis, KEYS, count=4).before is None
    assert audit.page(redis, KEYS, count=3).before is not None
    assert audit.page(redis, GuildKeys("newbie", "201")) == audit.Page((), None)


def test_an_entry_is_read_as_it_was_written(redis: Redis) -> None:
    record(redis, 7, old=["甲"], new=None, reason="なぜなら")
    (entry,) = audit.page(redis, KEYS).entries
    assert (entry.by, entry.what, entry.old, entry.new) == ("1", "job:7", ["甲"], None)
    assert entry.reason == "なぜなら"


def test_nothing_is_not_the_same_as_none(redis: Redis) -> None:
    record(redis, 7, new=False)
    (entry,) = audit.page(redis, KEYS).entries
    assert (entry.old, entry.new) == (MISSING, False)


def test_the_stream_keeps_its_newest_entries_only(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MAX_ENTRIES", 5)
    for number in range(9):
        record(redis, number)
    assert [entry.what for entry in audit.page(redis, KEYS).entries] == [
        f"job:{number}" for number in (8, 7, 6, 5, 4)
    ]


def test_a_long_reason_is_cut(redis: Redis) -> None:
    record(redis, 7, reason="x" * (MAX_REASON + 1))
    assert audit.page(redis, KEYS).entries[0].reason == "x" * MAX_REASON


def test_an_entry_is_part_of_its_transaction(redis: Redis) -> None:
    with redis.pipeline() as pipe:
        audit.record(pipe, KEYS, by="1", what="job:1")
        pipe.reset()
    assert audit.page(redis, KEYS).entries == ()


def test_without_redis_the_error_is_ours() -> None:
    nowhere = connect(RedisSettings(url="unix:///nonexistent/redis.sock", timeout=0.2))
    with pytest.raises(QueueUnavailable):
        audit.page(nowhere, KEYS)
