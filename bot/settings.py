"""Settings of the bot alone, prefix `NEWBIE_BOT_`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobs.models import GUIDANCE, STEPS
from jobs.settings import RoomSettings


class BotSettings(RoomSettings):
    """How the bot presents itself and what it fills in where a member gives nothing."""

    model_config = SettingsConfigDict(env_prefix="NEWBIE_BOT_")

    guild_id: int | None = Field(
        None,
        ge=0,
        lt=2**64,
        description="Offer the commands in this one server only; else in all servers.",
    )
    default_steps: int = Field(
        28, ge=STEPS[0], le=STEPS[1], description="Steps where a member gives none."
    )
    default_guidance: float = Field(
        4.0,
        ge=GUIDANCE[0],
        le=GUIDANCE[1],
        allow_inf_nan=False,
        description="Guidance where a member gives none.",
    )
    position_interval: float = Field(
        5.0, ge=0.2, le=300, description="Seconds between two looks at the line."
    )
