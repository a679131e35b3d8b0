"""The options of a command: from what a client sent to a valid request.

Discord's own clients check options before they send them, and others may not: everything is
checked again here, by the model that the queue stores.
"""

import secrets
import unicodedata
from dataclasses import dataclass

from pydantic import ValidationError

from bot.errors import OptionRefused, Refused
from jobs.models import (
    GUIDANCE,
    MAX_COUNT,
    MAX_MODEL_NAME,
    MAX_NEGATIVE_PROMPT_CHARACTERS,
    MAX_SEED,
    MEMBER_ASSIST,
    STEPS,
    RenderRequest,
    Size,
)
from newbie_pipeline.prompt.assist import AssistMode

# Field of the request: the option's name, and the sentence for a value that cannot be used.
_OPTIONS = {
    "negative_prompt": ("negative_prompt", "option.length"),
    "size": ("size", "option.choice"),
    "num_inference_steps": ("steps", "option.whole"),
    "guidance_scale": ("guidance", "option.number"),
    "seed": ("seed", "option.whole"),
    "count": ("count", "option.whole"),
    "assist": ("assist", "option.choice"),
    "model": ("model", "option.length"),
}
_CHOICES = {
    "size": tuple(size.value for size in Size),
    "assist": tuple(mode.value for mode in MEMBER_ASSIST),
}
_RANGES: dict[str, tuple[float, float]] = {
    "steps": STEPS,
    "guidance": GUIDANCE,
    "seed": (0, MAX_SEED),
    "count": (1, MAX_COUNT),
}
_LENGTHS = {"negative_prompt": MAX_NEGATIVE_PROMPT_CHARACTERS, "model": MAX_MODEL_NAME}
# Stands in for the prompt while only the options are checked.
_ANY_PROMPT = "1girl"


@dataclass(frozen=True)
class Options:
    """What a member gave besides the prompt, unchecked; None where nothing was given.

    A form names a model by its mark (`bot.abilities.model_mark`).
    """

    size: str | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    count: int | None = None
    negative_prompt: str | None = None
    assist: str | None = None
    model: str | None = None
    model_mark: str | None = None


@dataclass(frozen=True)
class Defaults:
    """What is filled in where a member gives nothing."""

    steps: int
    guidance: float


def build_request(prompt: str, options: Options, defaults: Defaults) -> RenderRequest:
    """Join prompt and options; a seed that is not given is drawn at random.

    Raises:
        OptionRefused: a value is out of its range, or not a text.
    """
    if any(map(_is_unreadable, options.negative_prompt or "")):
        raise OptionRefused("option.unreadable", "negative_prompt")
    values = {
        "prompt": prompt,
        "negative_prompt": (options.negative_prompt or "").strip(),
        "size": Size.SQUARE if options.size is None else options.size,
        "num_inference_steps": defaults.steps if options.steps is None else options.steps,
        "guidance_scale": defaults.guidance if options.guidance is None else options.guidance,
        "seed": secrets.randbelow(MAX_SEED + 1) if options.seed is None else options.seed,
        "count": 1 if options.count is None else options.count,
        "assist": AssistMode.OFF if options.assist is None else options.assist,
        "model": options.model,
    }
    try:
        return RenderRequest.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        field = next((str(row["loc"][0]) for row in problems if row["loc"]), "")
        if field not in _OPTIONS:
            raise Refused("internal") from error
        raise _refusal(field, values[field]) from None


def check_options(options: Options, defaults: Defaults) -> RenderRequest:
    """Refuse options that no prompt could make valid; gives a request that lacks only its prompt.

    Raises:
        OptionRefused: a value is out of its range.
    """
    return build_request(_ANY_PROMPT, options, defaults)


def typed_choice(given: str | None) -> str | None:
    """Read what a member typed where a choice was offered: case and blanks mean nothing."""
    if not isinstance(given, str):
        return given
    return given.strip().lower() or None


def _is_unreadable(character: str) -> bool:
    """Tell whether this is a control character or half of one, as no keyboard types it."""
    return unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\r\n"


def _refusal(field: str, given: object) -> OptionRefused:
    option, code = _OPTIONS[field]
    if option in _RANGES:
        low, high = _RANGES[option]
        return OptionRefused(code, option, given=str(given), low=f"{low:.10g}", high=f"{high:.10g}")
    if option in _CHOICES:
        return OptionRefused(code, option, given=str(given), allowed=", ".join(_CHOICES[option]))
    return OptionRefused(code, option, given=len(str(given)), allowed=_LENGTHS[option])
