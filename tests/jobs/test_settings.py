"""Where settings come from, and what is said of wrong ones."""

from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.settings import DiscordSettings, QueueSettings, RedisSettings, read


@pytest.fixture(autouse=True)
def no_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for key in ("DISCORD_TOKEN", "REDIS_URL", "REDIS_PASSWORD"):
        monkeypatch.delenv(key, raising=False)
    return tmp_path / ".env"


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWBIE_QUEUE_JOB_TIMEOUT", "77")
    assert read(QueueSettings).job_timeout == 77


def test_values_come_from_a_dotenv_file(no_dotenv: Path) -> None:
    no_dotenv.write_text("DISCORD_TOKEN=from-file\nNEWBIE_BOT_GUILD_ID=5\nOTHER=1\n")
    assert read(DiscordSettings).token.get_secret_value() == "from-file"


def test_an_unknown_key_names_the_nearest_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWBIE_QUEUE_JOB_TIMEOT", "77")
    with pytest.raises(SettingsError, match="NEWBIE_QUEUE_JOB_TIMEOUT"):
        read(QueueSettings)


def test_an_unknown_key_in_the_dotenv_file_is_found_too(no_dotenv: Path) -> None:
    no_dotenv.write_text("NEWBIE_QUEUE_LEESE=3\n")
    with pytest.raises(SettingsError, match="NEWBIE_QUEUE_LEASE"):
        read(QueueSettings)


def test_a_key_of_no_room_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWBIE_WORKR_MODEL", "x")
    with pytest.raises(SettingsError, match="NEWBIE_WORKER_"):
        read(QueueSettings)


def test_a_key_of_another_room_is_left_to_that_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", "x")
    assert read(QueueSettings)


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        read(RedisSettings)


def test_a_wrong_value_is_named_and_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWBIE_QUEUE_LEASE", "hunter2")
    with pytest.raises(SettingsError, match="NEWBIE_QUEUE_LEASE") as caught:
        read(QueueSettings)
    assert "hunter2" not in str(caught.value)


def test_a_token_never_shows_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "hunter2")
    assert "hunter2" not in repr(read(DiscordSettings))
