"""`newbie doctor` asks a real Redis and the playground, and never shows a secret."""

import asyncio

import pytest
from redis import Redis

from newbie_cli.doctor import services
from newbie_cli.doctor.findings import Status
from newbie_cli.doctor.services import check_discord, check_redis
from playground.client import PlaygroundClient
from supervisor.stack import Stack, StackOptions


def by_name(findings):
    return {finding.name: finding for finding in findings}


@pytest.fixture
def own_redis(redis_url, monkeypatch):
    """The tests' Redis, with its configuration put back afterwards."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    client = Redis.from_url(redis_url)
    before = {key: client.config_get(key)[key] for key in ("appendonly", "maxmemory-policy")}
    yield client
    for key, value in before.items():
        client.config_set(key, value)


def test_a_redis_that_keeps_its_data_is_fine(own_redis):
    own_redis.config_set("appendonly", "yes")
    findings = by_name(check_redis())
    assert {finding.status for finding in findings.values()} == {Status.OK}


def test_a_redis_that_forgets_is_a_warning(own_redis):
    own_redis.config_set("appendonly", "no")
    finding = by_name(check_redis())["Redis on disk"]
    assert finding.status is Status.WARNING
    assert "appendonly yes" in finding.fix


def test_a_redis_that_throws_keys_away_is_a_warning(own_redis):
    own_redis.config_set("maxmemory-policy", "allkeys-lru")
    assert by_name(check_redis())["Redis memory"].status is Status.WARNING


def test_a_redis_out_of_reach_is_a_failure_and_shows_no_password(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    (finding,) = check_redis()
    assert finding.status is Status.FAILURE
    assert "hunter2" not in f"{finding.detail}{finding.fix}"


def test_a_redis_with_another_password_says_so(own_redis, redis_url, monkeypatch):
    monkeypatch.setenv("REDIS_PASSWORD", "wrong")
    own_redis.config_set("requirepass", "right")
    own_redis.execute_command("AUTH", "right")
    try:
        (finding,) = check_redis()
    finally:
        own_redis.config_set("requirepass", "")
    assert finding.status is Status.FAILURE
    assert "password" in finding.detail


def test_without_discord_py_there_is_nobody_to_ask(monkeypatch):
    monkeypatch.setenv("DISCORD_TOKEN", "abc.def.ghi")
    monkeypatch.setattr(services, "find_spec", lambda _name: None)
    (finding,) = check_discord()
    assert finding.status is Status.SKIPPED


def test_without_settings_both_are_left_alone():
    assert [finding.status for finding in (*check_redis(), *check_discord())] == [
        Status.SKIPPED,
        Status.SKIPPED,
    ]


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    options = StackOptions(tmp_path_factory.mktemp("doctor"), parts=("playground",))
    with Stack(options) as stack:
        stack.start("playground")
        yield stack


@pytest.fixture
def token(playground, monkeypatch):
    monkeypatch.setenv("NEWBIE_DISCORD_API_URL", f"{playground.playground_url}/api/v10")
    monkeypatch.setenv("DISCORD_TOKEN", playground.token)
    return playground.token


def test_a_good_token_shows_the_bot_and_its_channels(token):
    findings = check_discord()
    names = by_name(findings)
    assert names["Discord"].status is Status.OK
    assert names["intents"].status is Status.OK
    (guild,) = [finding for finding in findings if finding.name.startswith("in ")]
    assert "text channels" in guild.detail
    assert all(token not in f"{one.detail}{one.fix}" for one in findings)


def test_a_wrong_token_is_a_failure_that_says_where_to_copy_it(token, monkeypatch):
    wrong = token[:-4] + "AAAA"
    monkeypatch.setenv("DISCORD_TOKEN", wrong)
    (finding,) = check_discord()
    assert finding.status is Status.FAILURE
    assert "discord.com/developers" in finding.fix
    assert wrong not in f"{finding.detail}{finding.fix}"


def test_discord_out_of_reach_is_a_failure(token, monkeypatch):
    monkeypatch.setenv("NEWBIE_DISCORD_API_URL", "http://127.0.0.1:9/api/v10")
    (finding,) = check_discord()
    assert finding.status is Status.FAILURE
    assert "cannot be reached" in finding.detail


def test_a_setting_with_a_typing_mistake_is_a_failure(token, monkeypatch):
    monkeypatch.setenv("NEWBIE_DISCORD_API_ULR", "x")
    (finding,) = check_discord()
    assert finding.status is Status.FAILURE
    assert "NEWBIE_DISCORD_API_URL" in finding.detail


def test_a_channel_where_the_bot_may_not_attach_files_is_named(playground, token):
    async def deny(names):
        async with PlaygroundClient(playground.playground_url) as client:
            await client.set_permissions(names)

    asyncio.run(deny(["ATTACH_FILES"]))
    try:
        (guild,) = [finding for finding in check_discord() if finding.name.startswith("in ")]
    finally:
        asyncio.run(deny([]))
    assert guild.status is Status.WARNING
    assert "lacks attach files" in guild.detail
    (guild,) = [finding for finding in check_discord() if finding.name.startswith("in ")]
    assert guild.status is Status.OK
