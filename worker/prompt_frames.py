"""What became of a prompt, on its way from the renderer to a job.

A completed prompt may be far longer than a frame's header, so `assisted` carries it as the frame's
payload: JSON in UTF-8 with `prompt`, `additions` and `note`. Of what was cut off only the beginning
is ever shown, and no more of it crosses. The reading side checks everything again.
"""

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from newbie_pipeline.prompt.assist import Assisted, AssistMode
from newbie_pipeline.render import RenderSpec, Truncation
from worker.errors import BadFrame

# A prompt has at most 64 KiB and gains some fields; a megabyte of JSON holds several times that.
MAX_ASSISTED_BYTES = 1 << 20
# A prompt has at most 16 characters of 8 fields each, and some general ones.
MAX_ADDITIONS = 256
MAX_CUT_CHARACTERS = 2_000

_ASSISTED = TypeAdapter(Assisted)
_TRUNCATION = TypeAdapter(Truncation)


def read_spec(fields: dict[str, Any]) -> RenderSpec:
    """Read a request from the fields of its frame; one without `assist` asks for no help.

    Raises:
        KeyError, TypeError, ValueError: the fields are not those of a request.
    """
    assist = AssistMode(fields.get("assist", AssistMode.OFF))
    return RenderSpec(**{**fields, "seeds": tuple(fields["seeds"]), "assist": assist})


def pack_assisted(assisted: Assisted) -> bytes:
    """Write what the language model did as the payload of its frame."""
    data = {
        "prompt": assisted.prompt,
        "additions": [{"place": each.place, "text": each.text} for each in assisted.additions],
        "note": assisted.note,
    }
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")


def read_assisted(payload: bytes) -> Assisted:
    """Read what the language model did.

    Raises:
        BadFrame: the payload is too large, or not what `pack_assisted` writes.
    """
    if len(payload) > MAX_ASSISTED_BYTES:
        raise BadFrame(f"a completed prompt of {len(payload)} bytes")
    try:
        assisted = _ASSISTED.validate_json(payload)
    except ValidationError as error:
        raise BadFrame("not a completed prompt") from error
    if not assisted.prompt.strip() or len(assisted.additions) > MAX_ADDITIONS:
        raise BadFrame("not a completed prompt")
    return assisted


def pack_truncation(truncation: Truncation | None) -> dict[str, Any] | None:
    """Write what was cut off as plain data, with no more of it than is shown."""
    if truncation is None:
        return None
    return {
        "tokens": truncation.tokens,
        "limit": truncation.limit,
        "cut": truncation.cut[:MAX_CUT_CHARACTERS],
    }


def read_truncation(data: object) -> Truncation | None:
    """Read what was cut off.

    Raises:
        BadFrame: the data is not what `pack_truncation` writes.
    """
    if data is None:
        return None
    try:
        truncation = _TRUNCATION.validate_python(data)
    except ValidationError as error:
        raise BadFrame("not a truncation") from error
    is_sound = 0 < truncation.limit < truncation.tokens
    if not is_sound or len(truncation.cut) > MAX_CUT_CHARACTERS:
        raise BadFrame("not a truncation")
    return truncation
