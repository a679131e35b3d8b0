"""How much memory a plan may use, and how people write that down; loads no torch."""

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from newbie_pipeline.errors import MemoryPlanError

GIB = 1024**3
# Of a card's nominal size the driver and a desktop keep some: ESTIMATE, on the careful side. Some
# "16 GB" cards show 15 GiB in all (with error correction), others nearly 16.
CARD_SHARE = 0.9
# Left alone on a card whose free memory is known.
CARD_MARGIN = 256 * 1024**2

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": GIB,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?i?B|)\s*", re.IGNORECASE)
MaxMemory = Mapping[int | str, int | str]


@dataclass(frozen=True)
class Budget:
    """Bytes that a plan may use; no device means that the CPU computes, no host limit none."""

    device_bytes: int | None
    host_bytes: int | None = None


def parse_memory(value: int | str) -> int:
    """Read bytes, or text such as 16GiB, 14.5 GiB or 16000MB; raises MemoryPlanError."""
    if isinstance(value, int):
        if value < 0:
            raise MemoryPlanError(f"{value} is no amount of memory")
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise MemoryPlanError(f"{value!r} is no amount of memory; write for example 16GiB")
    amount = float(match[1]) * _UNITS[match[2].upper()]
    if not math.isfinite(amount):
        raise MemoryPlanError(f"{value!r} is no amount of memory; write for example 16GiB")
    return int(amount)


def parse_max_memory(text: str) -> int | dict[int | str, int | str]:
    """Read one amount, or accelerate's dictionary: {0: "10GiB", "cpu": "30GiB"}."""
    if not text.strip().startswith("{"):
        return parse_memory(text)
    advice = f'{text!r}: write it as {{0: "10GiB", "cpu": "30GiB"}}'
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise MemoryPlanError(advice) from error
    if not isinstance(found, dict):
        raise MemoryPlanError(advice)
    for key, value in found.items():
        kinds = {type(key), type(value)}
        if not kinds <= {int, str}:  # True is a number to Python, and no amount
            raise MemoryPlanError(advice)
        parse_memory(value)
    return found


def card_budget(nominal_gib: float) -> int:
    """Give the bytes that can be used of a card sold as so many gigabytes."""
    return int(nominal_gib * CARD_SHARE * GIB)


def free_budget(free_bytes: int) -> int:
    """Give the bytes that can be used of what a card reports as free before anything runs."""
    return max(free_bytes - CARD_MARGIN, 0)


def capped(
    budget: Budget,
    memory: int | str | None = None,
    max_memory: MaxMemory | None = None,
    device_index: int = 0,
) -> Budget:
    """Lower a budget to what the operator wrote; a cap never raises it.

    `max_memory` is accelerate's: a device that it does not name gets nothing, host memory that it
    does not name has no cap. Raises MemoryPlanError.
    """
    device, host = budget.device_bytes, budget.host_bytes
    if memory is not None and device is not None:
        device = min(device, parse_memory(memory))
    elif memory is not None:
        host = _lower(host, parse_memory(memory))
    if max_memory is not None:
        limits = {str(key): parse_memory(value) for key, value in max_memory.items()}
        if unknown := [key for key in limits if key != "cpu" and not key.isdecimal()]:
            raise MemoryPlanError(f"max_memory names {unknown[0]!r}, which is no GPU and not cpu")
        if device is not None and str(device_index) not in limits:
            raise MemoryPlanError(
                f"max_memory leaves out GPU {device_index}; add {device_index}, or choose the CPU"
            )
        if device is not None:
            device = min(device, limits[str(device_index)])
        if "cpu" in limits:
            host = _lower(host, limits["cpu"])
    return Budget(device, host)


def limited(
    budget: Budget,
    memory: str | None = None,
    max_memory: str | None = None,
    device_index: int = 0,
) -> Budget:
    """Lower a budget to limits as they are written in settings and on command lines.

    `memory` caps the device (the host where the CPU computes), `max_memory` is one amount or
    accelerate's dictionary. Raises MemoryPlanError for text that is no amount.
    """
    limit = None if max_memory is None else parse_max_memory(max_memory)
    if isinstance(limit, int):
        budget = capped(budget, memory=limit)
        limit = None
    limits: MaxMemory | None = limit
    return capped(budget, memory, limits, device_index)


def _lower(limit: int | None, cap: int) -> int:
    return cap if limit is None else min(limit, cap)
