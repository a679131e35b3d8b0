"""The renderer's memory plan, on its way to the worker's first process, which publishes it.

With it goes whether the renderer can help with prompts (`jobs.presence`).

The renderer knows no Redis, and the worker's first process no model: a file beside the renderer's
socket stands between them. It is replaced as a whole, so a reader never sees half of it.
"""

import json
from pathlib import Path
from typing import Any

PLAN_FILE = "plan.json"
# Far more than a plan with its measurements takes.
MOST_BYTES = 1 << 16


def write_plan(path: Path, plan: dict[str, Any]) -> None:
    """Replace the file."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(plan), encoding="utf-8")
    part.replace(path)


def read_plan(path: Path) -> str | None:
    """Give the plan as JSON text; None where there is none yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    return text if len(text) <= MOST_BYTES else None
