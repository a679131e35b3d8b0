"""What the renderer says of itself, on its way to the worker's other processes.

The first process publishes it (`jobs.presence`), and the slots ask for the jobs that it can draw.
The renderer knows no Redis, and these know no model: a file beside the renderer's socket stands
between them. It is replaced as a whole, so a reader never sees half of it.
"""

from pathlib import Path

from pydantic import ValidationError

from jobs.registration import Description

DESCRIPTION_FILE = "renderer.json"
# Far more than a plan with its measurements takes.
MOST_BYTES = 1 << 16


def write_description(path: Path, description: Description) -> None:
    """Replace the file."""
    part = path.with_suffix(".part")
    part.write_text(description.model_dump_json(), encoding="utf-8")
    part.replace(path)


def read_description(path: Path) -> Description | None:
    """Give what the renderer said last; None where it has said nothing yet."""
    try:
        text = path.read_text(encoding="utf-8")
        return Description.model_validate_json(text) if len(text) <= MOST_BYTES else None
    except (OSError, ValidationError):
        return None
