"""How the bot starts, what it says when it cannot, and what it loads."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import BotSettings
from jobs.errors import SettingsError
from jobs.settings import read
from playground.client import DEFAULT_MODERATOR, PlaygroundClient
from supervisor.stack import Stack, StackOptions

ROOT = Path(__file__).parents[2]


def run_bot(environment: dict[str, str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "bot"),
        env={"PYTHONPATH": str(ROOT), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def settings_of(stack: Stack) -> dict[str, str]:
    return {key: value for key, value in stack.environment("bot").items() if value is not None}


def test_a_wrong_token_is_said_in_one_sentence(running: Stack, tmp_path: Path):
    result = run_bot(settings_of(running) | {"DISCORD_TOKEN": "not.the.token"}, tmp_path)
    assert result.returncode == 1
    assert "DISCORD_TOKEN" in result.stderr
    assert "Traceback" not in result.stderr
    assert "not.the.token" not in result.stderr


def test_an_unreachable_discord_is_said_in_one_sentence(running: Stack, tmp_path: Path):
    url = "http://127.0.0.1:9/api/v10"
    result = run_bot(settings_of(running) | {"NEWBIE_DISCORD_API_URL": url}, tmp_path)
    assert result.returncode == 1
    assert url in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"NEWBIE_BOT_DEFAULT_STEP": "5"}, "NEWBIE_BOT_DEFAULT_STEPS"),
    ],
)
def test_a_wrong_setting_is_named(
    running: Stack, tmp_path: Path, change: dict[str, str], words: str
):
    result = run_bot(settings_of(running) | change, tmp_path)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEWBIE_BOT_DEFAULT_STEPS", "61"),
        ("NEWBIE_BOT_DEFAULT_GUIDANCE", "nan"),
        ("NEWBIE_BOT_GUILD_ID", "here"),
        ("NEWBIE_BOT_POSITION_INTERVAL", "0"),
    ],
)
def test_a_value_out_of_range_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        read(BotSettings)


def test_values_in_range_are_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEWBIE_BOT_DEFAULT_STEPS", "60")
    monkeypatch.setenv("NEWBIE_BOT_GUILD_ID", "18446744073709551615")
    settings = read(BotSettings)
    assert (settings.default_steps, settings.guild_id) == (60, 2**64 - 1)


async def test_commands_can_be_offered_in_one_server_only(running: Stack, tmp_path: Path):
    async with PlaygroundClient(running.playground_url) as client:
        guild_id = (await client.state())["guild"]["id"]
    options = StackOptions(
        tmp_path,
        parts=("playground", "bot"),
        redis_url=running.redis_url,
        settings={"NEWBIE_BOT_GUILD_ID": guild_id},
    )
    with Stack(options) as stack:
        await asyncio.to_thread(stack.start)
        async with PlaygroundClient(stack.playground_url) as client:
            paths = [row["path"] for row in await client.requests() if row["method"] == "PUT"]
        stack.stop("bot")
        assert stack.status("bot").exit_code == 0
        result = run_bot(settings_of(stack) | {"NEWBIE_BOT_GUILD_ID": "1"}, tmp_path)
    assert [path.split("/")[-3:] for path in paths] == [["guilds", guild_id, "commands"]]
    assert result.returncode == 1
    assert "NEWBIE_BOT_GUILD_ID" in result.stderr


async def test_the_commands_are_offered_in_three_languages(discord: PlaygroundClient):
    state = await discord.state(DEFAULT_MODERATOR)
    commands = {command["name"]: command for command in state["commands"]}
    assert set(commands) == {
        *("newbie", "newbie-admin", "newbie-fetch", "queue"),
        "Render this prompt",
    }
    options = {option["name"]: option for option in commands["newbie"]["options"]}
    assert list(options) == [
        *("prompt", "file", "negative_prompt", "size"),
        *("steps", "guidance", "seed", "count", "assist", "model"),
    ]
    assert "Portrait 832 x 1216" in [choice["name"] for choice in options["size"]["choices"]]
    for part in (*commands.values(), *options.values(), *options["size"]["choices"]):
        if part["name"] not in ("newbie", "newbie-admin", "newbie-fetch", "queue"):
            assert set(part["name_localizations"]) == {"zh-CN", "zh-TW", "ja"}
    assert (options["count"]["min_value"], options["count"]["max_value"]) == (1, 4)


def test_the_bot_loads_neither_torch_nor_the_worker():
    script = (
        "import pkgutil, sys, importlib, bot\n"
        "for module in pkgutil.walk_packages(bot.__path__, 'bot.'):\n"
        "    importlib.import_module(module.name)\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'torch', 'transformers', 'diffusers', 'worker', 'playground'}))"
    )
    result = subprocess.run(
        (sys.executable, "-c", script), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
