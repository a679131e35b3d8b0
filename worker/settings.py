"""Settings of the worker."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from jobs.errors import SettingsError
from jobs.limits import MEGAPIXEL
from jobs.models import Size
from jobs.settings import RoomSettings
from newbie_pipeline.checkpoints.sources import parse_source
from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.expansion.writing import DEFAULT_SECONDS, DEFAULT_TOKENS
from newbie_pipeline.lora.adapter_file import parse_adapter_files
from newbie_pipeline.memory.budget import parse_max_memory, parse_memory
from newbie_pipeline.memory.quantization import parse_quantize
from newbie_pipeline.prompt.passages import CharacterEncoding

# Whoever takes less can draw nothing that members can ask for.
SMALLEST_MEGAPIXELS = min(size.width * size.height for size in Size) / MEGAPIXEL


class WorkerSettings(RoomSettings):
    """How this worker renders and posts."""

    model_config = SettingsConfigDict(env_prefix="NEWBIE_WORKER_")

    model: str = Field(
        description="The checkpoint: demo, a folder, a file, or parts as transformer=FILE,vae=FILE."
    )
    device: str | None = Field(
        None, description="Device of the renderer, such as cuda:0; unset: the first GPU, or cpu."
    )
    dtype: Literal["bfloat16", "float16", "float32"] | None = Field(
        None, description="Precision of the weights; unset: bfloat16 on a GPU, float32 on a CPU."
    )
    attention: str | None = Field(
        None, description="Attention backend of diffusers; unset: flash-attn where it runs."
    )
    solver: Literal["euler", "heun", "dpmpp_2m", "unipc"] = Field(
        "euler", description="Solver: euler, heun (runs the model twice), dpmpp_2m or unipc."
    )
    loras: str | None = Field(
        None, description="LoRA and LoKr files with their weights: PATH:0.8,PATH."
    )
    text_encoder: Literal["full", "clip_only"] = Field(
        "full", description="Text encoders: full, or clip_only, which leaves Gemma out."
    )
    prompt_weights: bool = Field(
        True, description="Read weights such as (tag:1.2); false: prompts exactly as written."
    )
    character_encoding: CharacterEncoding = Field(
        "whole", description="Several characters: whole, or per_character, each on its own."
    )
    quantize: str | None = Field(
        None,
        description="What may be quantised where nothing else fits: gemma:nf4,transformer:int8.",
    )
    memory: str | None = Field(
        None, description="Most memory to use on the device, such as 16GiB; unset: what is free."
    )
    max_memory: str | None = Field(
        None, description='Limits as accelerate writes them: {0: "10GiB", "cpu": "30GiB"}.'
    )
    assist: bool = Field(
        True, description="Load Gemma's last layer, so that it can write what prompts leave open."
    )
    assist_seconds: float = Field(
        DEFAULT_SECONDS, ge=1.0, description="Seconds that Gemma may write for one request."
    )
    assist_tokens: int = Field(
        DEFAULT_TOKENS, ge=1, description="Tokens that Gemma may write for one request."
    )
    classifier: str | None = Field(
        None,
        description="A model of transformers that looks at pictures: a folder, or a hub's id.",
    )
    classifier_adult_labels: str | None = Field(
        None,
        validate_default=True,
        description="The labels of that model that mean adult: nsfw,porn.",
    )
    classifier_threshold: float = Field(
        0.5, gt=0, le=1, description="From which probability of these labels on it is adult."
    )
    max_megapixels: float | None = Field(
        None,
        ge=SMALLEST_MEGAPIXELS,
        allow_inf_nan=False,
        description="Largest picture that this worker takes, in megapixels; unset: what it holds.",
    )
    slots: int = Field(
        2,
        ge=1,
        le=8,
        description="Jobs in hand at once: one renders while another is encoded and posted.",
    )
    runtime_dir: Path | None = Field(
        None, description="Directory of the renderer's socket; unset: a new one in private."
    )
    progress_interval: float = Field(
        3.0, ge=1.0, le=60.0, description="Seconds between two edits that show progress."
    )
    renderer_wait: float = Field(
        300.0, ge=1.0, description="Seconds that a job waits for a renderer that is starting."
    )
    shutdown_grace: float = Field(
        60.0, ge=0.0, description="Seconds that a running job may take to finish on SIGTERM."
    )

    @field_validator("model")
    @classmethod
    def _names_a_checkpoint(cls, value: str) -> str:
        try:
            parse_source(value)
        except CheckpointError as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("loras")
    @classmethod
    def _names_adapters(cls, value: str | None) -> str | None:
        parse_adapter_files(value or "")
        return value

    @field_validator("quantize", "memory", "max_memory")
    @classmethod
    def _can_be_read(cls, value: str | None, info: ValidationInfo) -> str | None:
        reader = {
            "quantize": parse_quantize,
            "memory": parse_memory,
            "max_memory": parse_max_memory,
        }[str(info.field_name)]
        if value is not None:
            reader(value)
        return value

    @field_validator("classifier_adult_labels")
    @classmethod
    def _says_what_is_adult(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("classifier") is not None and not split_labels(value):
            raise ValueError("name the classifier's labels that mean adult, such as nsfw,porn")
        return value

    @property
    def adult_labels(self) -> tuple[str, ...]:
        """Labels of the classifier that mean adult."""
        return split_labels(self.classifier_adult_labels)

    @property
    def max_pixels(self) -> int | None:
        """Pixels of the largest picture that is wanted here; None: whatever the memory holds."""
        return None if self.max_megapixels is None else int(self.max_megapixels * MEGAPIXEL)

    @property
    def socket(self) -> Path:
        """Unix socket of the renderer.

        Raises:
            SettingsError: no directory is set; the worker sets one for the processes it starts.
        """
        if self.runtime_dir is None:
            raise SettingsError("NEWBIE_WORKER_RUNTIME_DIR: field required")
        return self.runtime_dir / "renderer.sock"


def split_labels(text: str | None) -> tuple[str, ...]:
    """Read labels with commas between them."""
    return tuple(label.strip() for label in (text or "").split(",") if label.strip())
