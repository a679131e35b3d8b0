"""The GPUs of this machine that a renderer may choose among, by their driver's ids.

The driver's own program is asked, so that this process never touches CUDA.
"""

import os
import subprocess
from collections.abc import Mapping

QUERY = ("nvidia-smi", "--query-gpu=uuid,mig.mode.current", "--format=csv,noheader")
SECONDS = 20
# CUDA then sees that card alone.
VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible_cards(environment: Mapping[str, str] = os.environ) -> list[str]:
    """List the cards; none where there is no driver, or where the operator has chosen already.

    A card that is divided into instances is chosen by its operator, too.
    """
    if VARIABLE in environment:
        return []
    try:
        answer = subprocess.run(
            QUERY, capture_output=True, text=True, timeout=SECONDS, check=True, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return read_answer(answer.stdout)


def read_answer(answer: str) -> list[str]:
    """Read lines of an id and whether the card is divided."""
    rows = [[part.strip() for part in line.split(",")] for line in answer.splitlines()]
    cards = [row for row in rows if len(row) == 2 and row[0].startswith("GPU-")]
    if any(row[1] == "Enabled" for row in cards):
        return []
    return [row[0] for row in cards]
