"""What a job is: the request, where its result goes, how far it is and how it ended.

All models are frozen and validated, cross Redis as JSON, and hold nothing but plain data.
Ids of Discord are strings: they are 64-bit numbers that a float would round.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

from newbie_pipeline.prompt.assist import AssistMode

MAX_PROMPT_BYTES = 65_536
MAX_NEGATIVE_PROMPT_CHARACTERS = 4_000
MAX_COUNT = 4
MAX_MODEL_NAME = 100
MAX_SEED = 2**32 - 1
STEPS = (1, 60)
GUIDANCE = (1.0, 20.0)
# What members may ask the language model for; the other modes are for programs.
MEMBER_ASSIST = (AssistMode.OFF, AssistMode.COMPLETE, AssistMode.STRUCTURE)
WEIGHTS = (0.01, 100.0)

Snowflake = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class Size(StrEnum):
    """Aspect buckets around one megapixel; both sides are multiples of 64 pixels."""

    SQUARE = "1024x1024"
    PORTRAIT_4_5 = "896x1152"
    PORTRAIT_2_3 = "832x1216"
    PORTRAIT_9_16 = "768x1344"
    PORTRAIT_5_12 = "640x1536"
    LANDSCAPE_5_4 = "1152x896"
    LANDSCAPE_3_2 = "1216x832"
    LANDSCAPE_16_9 = "1344x768"
    LANDSCAPE_12_5 = "1536x640"

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.value.split("x")[0])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.value.split("x")[1])


class Frozen(BaseModel):
    """A model that cannot be changed and refuses fields it does not know."""

    # Errors never repeat the value: it may be a prompt or a token, and errors are logged.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RenderRequest(Frozen):
    """What a member asked for. Picture k of `count` is drawn from seed `seed + k`.

    `model` is the name of the model that is to draw it; None is any. Records of versions that knew
    no `assist` are read as off.
    """

    prompt: str = Field(min_length=1)
    negative_prompt: str = Field("", max_length=MAX_NEGATIVE_PROMPT_CHARACTERS)
    size: Size = Size.SQUARE
    num_inference_steps: int = Field(28, ge=STEPS[0], le=STEPS[1])
    guidance_scale: float = Field(4.0, ge=GUIDANCE[0], le=GUIDANCE[1], allow_inf_nan=False)
    seed: int = Field(ge=0, le=MAX_SEED)
    count: int = Field(1, ge=1, le=MAX_COUNT)
    assist: AssistMode = AssistMode.OFF
    model: str | None = Field(None, max_length=MAX_MODEL_NAME)

    @field_validator("assist")
    @classmethod
    def _is_for_members(cls, mode: AssistMode) -> AssistMode:
        if mode not in MEMBER_ASSIST:
            raise ValueError(f"assist is one of {', '.join(MEMBER_ASSIST)}")
        return mode

    @model_validator(mode="after")
    def _prompt_fits(self) -> "RenderRequest":
        if len(self.prompt.encode("utf-8", "surrogatepass")) > MAX_PROMPT_BYTES:
            raise ValueError(f"prompt is larger than {MAX_PROMPT_BYTES} bytes")
        return self

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed a picture; they wrap around at the largest seed."""
        return tuple((self.seed + k) % (MAX_SEED + 1) for k in range(self.count))

    @property
    def total_steps(self) -> int:
        """Steps over all pictures of the job."""
        return self.num_inference_steps * self.count


class DeliveryAddress(Frozen):
    """Where the result goes: the interaction's message, and what to fall back to.

    `interaction_token` opens the message for 15 minutes after the interaction
    (`interaction_at`, seconds since 1970), then only the bot's own token can post. `channels` are
    the channel and what it lies in, the most specific first; `age_restricted` tells whether Discord
    showed it to adults only. Records of versions that knew neither count as open to all.
    """

    application_id: Snowflake
    interaction_id: Snowflake
    interaction_token: SecretStr
    interaction_at: float
    guild_id: Snowflake | None
    channel_id: Snowflake
    message_id: Snowflake
    requester_id: Snowflake
    locale: str = Field("en-US", max_length=10)
    channels: tuple[Snowflake, ...] = ()
    age_restricted: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Ids that channels' settings are looked up by."""
        return self.channels or (self.channel_id,)

    @field_serializer("interaction_token", when_used="json")
    def _store_token(self, token: SecretStr) -> str:
        # Redis has to hold it: the worker edits the message with it.
        return token.get_secret_value()


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    # Its pictures are drawn, and the message that shows them is being posted.
    RENDERED = "rendered"
    # The result is known to be a failure, and the message that says so is not posted yet.
    FAILING = "failing"
    # Discord took the result on no way: it waits until its member comes for it.
    KEPT = "kept"
    ENDED = "ended"


class OutcomeCode(StrEnum):
    """How a job ended. Codes and plain data cross Redis, never the text of an exception."""

    DONE = "done"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    RENDERER_LOST = "renderer_lost"
    WORKER_LOST = "worker_lost"
    MODEL_UNAVAILABLE = "model_unavailable"
    RENDER_REFUSED = "render_refused"
    RENDER_FAILED = "render_failed"
    OUT_OF_MEMORY = "out_of_memory"
    # What the language model added makes the prompt one that is never drawn.
    FORBIDDEN = "forbidden"
    # What it added is not allowed in this place.
    ADDITIONS_REFUSED = "additions_refused"
    # The rules of the place changed while the job waited.
    PROMPT_REFUSED = "prompt_refused"
    SETTINGS_UNREADABLE = "settings_unreadable"
    # The classifier found all pictures adult, in a place that is not open for that.
    PICTURE_REFUSED = "picture_refused"
    # The classifier could not be loaded, or broke: nothing is posted unseen.
    CLASSIFIER_FAILED = "classifier_failed"
    UNDELIVERABLE = "undeliverable"
    # The picture could not be posted, and there was no room to keep it for its member.
    NOT_KEPT = "not_kept"
    # Nobody came for the result in time.
    EXPIRED = "expired"
    INTERNAL = "internal"


class Outcome(Frozen):
    """How a job ended, and the message that shows it (None where none could be posted)."""

    code: OutcomeCode
    message_id: Snowflake | None = None
    seconds: float | None = Field(None, ge=0)


class Handover(Frozen):
    """The private message in which a kept result was last handed over, or was about to be.

    Whether it got there may be unknown. While the token of its interaction lives (`at` is when that
    was made, seconds since 1970), the message can be removed and the result handed over anew.
    """

    token: SecretStr
    message_id: Snowflake
    at: float

    @field_serializer("token", when_used="json")
    def _store_token(self, token: SecretStr) -> str:
        return token.get_secret_value()


class Progress(Frozen):
    """Steps done of all steps of the job."""

    step: int = Field(0, ge=0)
    total: int = Field(0, ge=0)


class Job(Frozen):
    """One job as Redis holds it. Times are seconds since 1970."""

    id: Snowflake
    request: RenderRequest
    address: DeliveryAddress
    state: JobState
    # Share of its member in the line, relative to others.
    weight: float = Field(1.0, ge=WEIGHTS[0], le=WEIGHTS[1])
    # How many of its member's jobs may be drawn at once in its server; None is no limit.
    most_running: int | None = Field(None, ge=1)
    attempt: int = Field(0, ge=0)
    # How many attempts were handed back, by workers that stopped before the job was drawn.
    handed_back: int = Field(0, ge=0)
    # RQ's job that began the last attempt: what RQ's stop command wants to know.
    ticket: str | None = None
    # Who wants the attempt that runs now to stop.
    cancelled_by: Snowflake | None = None
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    progress: Progress = Progress()
    # The message that shows the picture. Stored before the job is closed, so that an attempt
    # that comes after a crash in between knows that nothing is left to post.
    delivered: Snowflake | None = None
    # Tries to tell the owner what became of the job, and when the next one may be.
    reports: int = Field(0, ge=0)
    report_after: float = 0.0
    handover: Handover | None = None
    outcome: Outcome | None = None

    @property
    def lost_attempts(self) -> int:
        """How many attempts before this one went wrong; one that was handed back did not."""
        return self.attempt - self.handed_back


class QueueStatus(Frozen):
    """The queue at one moment."""

    waiting: int = Field(ge=0)
    running: int = Field(ge=0)
    workers: int = Field(ge=0)
