"""The README lists every setting, as it is in the code."""

from pathlib import Path

import pytest

from bot.settings import BotSettings
from jobs.settings import (
    DiscordSettings,
    LogSettings,
    QueueSettings,
    RedisSettings,
    RoomSettings,
    environment_keys,
)
from worker.settings import WorkerSettings

README = (Path(__file__).parents[2] / "README.md").read_text()
CLASSES = (
    DiscordSettings,
    RedisSettings,
    QueueSettings,
    LogSettings,
    BotSettings,
    WorkerSettings,
)


@pytest.mark.parametrize("settings", CLASSES)
def test_every_setting_stands_in_the_readme_with_its_default(settings: type[RoomSettings]) -> None:
    for name, key in environment_keys(settings).items():
        field = settings.model_fields[name]
        default = "" if field.default is None else f"`{field.default}`"
        default = "required" if field.is_required() else default
        assert f"| `{key}` | {default} | {field.description} |" in README
