"""Settings that bot and worker share, read from the environment, `.env` and `/run/secrets`.

Each settings class owns one prefix. A key under an owned prefix that no field reads is an error
that names the nearest known key, so a typing mistake is never silently ignored. Build the
classes once, with `read`, at the start of a process, and hand them down.
"""

import difflib
import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.errors import SettingsError

DOTENV = Path(".env")
# Where container engines mount secret files: one file a setting, its name in lower case.
SECRETS_DIRECTORY = Path("/run/secrets")
# The rooms that own a prefix. A process reads its own rooms' settings, but a key of another
# room may stand in the same `.env` file.
ROOM_PREFIXES = (
    "NEWBIE_DISCORD_",
    "NEWBIE_REDIS_",
    "NEWBIE_QUEUE_",
    "NEWBIE_LOG_",
    "NEWBIE_BOT_",
    "NEWBIE_WORKER_",
)


class RoomSettings(BaseSettings):
    """Base of all settings classes: where values come from, and in which order."""

    model_config = SettingsConfigDict(
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        secrets_dir=SECRETS_DIRECTORY if SECRETS_DIRECTORY.is_dir() else None,
    )


class DiscordSettings(RoomSettings):
    """How to reach Discord, or the playground that stands in for it."""

    model_config = SettingsConfigDict(env_prefix="NEWBIE_DISCORD_")

    token: SecretStr = Field(
        validation_alias="DISCORD_TOKEN", description="The bot's token from Discord's portal."
    )
    api_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] = Field(
        "https://discord.com/api/v10", description="Base address of Discord's REST API."
    )
    gateway_url: str = Field(
        "wss://gateway.discord.gg/", description="Address of Discord's gateway."
    )


def _redis_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("write redis://host:port/0, rediss://... or unix:///path")
    return url


class RedisSettings(RoomSettings):
    """How to reach Redis."""

    model_config = SettingsConfigDict(env_prefix="NEWBIE_REDIS_")

    url: Annotated[SecretStr, AfterValidator(_redis_url)] = Field(
        validation_alias="REDIS_URL",
        description="Address of the Redis server: redis://, rediss:// or unix://.",
    )
    password: SecretStr | None = Field(
        None,
        validation_alias="REDIS_PASSWORD",
        description="Password for Redis, where the address does not hold it.",
    )
    timeout: float = Field(
        2.0, gt=0, le=60, description="Seconds to wait for Redis before giving up on a command."
    )


class QueueSettings(RoomSettings):
    """How jobs are kept."""

    model_config = SettingsConfigDict(env_prefix="NEWBIE_QUEUE_")

    name: str = Field("newbie", pattern=r"^[a-z0-9_-]{1,40}$", description="Name of the queue.")
    job_timeout: int = Field(
        1800, ge=10, le=86_400, description="Seconds that one job may take on a worker."
    )
    keep_ended: int = Field(
        86_400, ge=60, description="Seconds that an ended job's record stays in Redis."
    )
    max_attempts: int = Field(
        3, ge=1, le=10, description="How often a job is begun before it is given up."
    )
    lease: int = Field(
        15,
        ge=2,
        le=600,
        description="Seconds without a sign of life after which a running job is taken back.",
    )
    keep_result: int = Field(
        86_400,
        ge=60,
        description="Seconds that a finished picture waits in Redis where Discord is out of reach.",
    )
    results_mib: int = Field(
        256,
        ge=0,
        description="MiB of finished pictures that may wait in Redis; others are drawn again.",
    )
    fetch_days: int = Field(
        7,
        ge=1,
        le=365,
        description="Days that a result which could not be posted waits for /newbie-fetch.",
    )
    fetch_mib: int = Field(
        256, ge=0, description="MiB of pictures that may wait in Redis for /newbie-fetch."
    )


class LogSettings(RoomSettings):
    """What the log shows and how."""

    model_config = SettingsConfigDict(env_prefix="NEWBIE_LOG_")

    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: readable on a terminal, JSON otherwise."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is shown."
    )


Settings = TypeVar("Settings", bound=RoomSettings)


def read(settings_class: type[Settings]) -> Settings:
    """Read one settings class and refuse keys that nobody reads.

    Raises:
        SettingsError: one sentence a problem, each naming the key and what to write.
    """
    refuse_unknown_keys(settings_class, {*os.environ, *dotenv_values(DOTENV)})
    try:
        return settings_class()
    except ValidationError as error:
        raise SettingsError("; ".join(_sentences(settings_class, error))) from None


def environment_keys(settings_class: type[RoomSettings]) -> dict[str, str]:
    """Map each field's name to the environment variable that sets it."""
    prefix = settings_class.model_config["env_prefix"]
    return {
        name: str(field.validation_alias or f"{prefix}{name}".upper())
        for name, field in settings_class.model_fields.items()
    }


def refuse_unknown_keys(settings_class: type[RoomSettings], keys: set[str]) -> None:
    """Raise SettingsError for a `NEWBIE_` key that no room reads."""
    prefix = str(settings_class.model_config["env_prefix"])
    known = set(environment_keys(settings_class).values())
    for key in sorted(key.upper() for key in keys):
        foreign = key.startswith("NEWBIE_") and not key.startswith(ROOM_PREFIXES)
        if foreign or (key.startswith(prefix) and key not in known):
            names = [prefix + "..." for prefix in ROOM_PREFIXES] if foreign else sorted(known)
            nearest = difflib.get_close_matches(key, names, n=1, cutoff=0) or names[:1]
            raise SettingsError(
                f"{key} is not a setting; the nearest known one is {nearest[0]}. "
                "README.md lists all settings."
            )


def _sentences(settings_class: type[RoomSettings], error: ValidationError) -> list[str]:
    """Turn pydantic's findings into sentences that never repeat a value: it may be a secret."""
    names = environment_keys(settings_class)
    return [
        f"{names.get(str(problem['loc'][0]), problem['loc'][0]) if problem['loc'] else 'settings'}:"
        f" {problem['msg'].lower()}"
        for problem in error.errors(include_input=False, include_url=False)
    ]
