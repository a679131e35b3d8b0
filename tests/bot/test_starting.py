"""How the bot starts, what it says when it cannot, and what it loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from playground.client import DEFAULT_MODERATOR, PlaygroundClient
from supervisor.stack import Stack

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
        ({"NEWBIE_BOT_DEFAULT_STEPS": "61"}, "NEWBIE_BOT_DEFAULT_STEPS"),
        ({"NEWBIE_BOT_GUILD_ID": "here"}, "NEWBIE_BOT_GUILD_ID"),
        ({"DISCORD_TOKEN": ""}, "DISCORD_TOKEN"),
        ({"REDIS_URL": ""}, "REDIS_URL"),
    ],
)
def test_a_wrong_setting_is_named(
    running: Stack, tmp_path: Path, change: dict[str, str], words: str
):
    result = run_bot(settings_of(running) | change, tmp_path)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_the_bot_ends_cleanly_when_asked(running: Stack):
    running.stop("bot")
    assert running.status("bot").exit_code == 0
    running.start("bot")


async def test_the_commands_are_offered_in_three_languages(discord: PlaygroundClient):
    state = await discord.state(DEFAULT_MODERATOR)
    commands = {command["name"]: command for command in state["commands"]}
    assert set(commands) == {"newbie", "Render this prompt"}
    options = {option["name"]: option for option in commands["newbie"]["options"]}
    assert list(options) == [
        *("prompt", "file", "negative_prompt", "size"),
        *("steps", "guidance", "seed", "count"),
    ]
    assert "Portrait 832 x 1216" in [choice["name"] for choice in options["size"]["choices"]]
    for part in (*commands.values(), *options.values(), *options["size"]["choices"]):
        if part["name"] != "newbie":
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
