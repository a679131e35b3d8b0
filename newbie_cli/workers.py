"""`newbie workers`: the living workers, each with what it says of itself.

Exit codes: 0 at least one worker is there, 1 none is or Redis cannot be reached, 2 a wrong setting
or command line.
"""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.registration import Registration

GIB = 2**30
MEGAPIXEL = 2**20
# What the shown speed is for: a picture of one megapixel with the steps that are usual.
STEPS = 28
UNKNOWN = "not said"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `workers` command."""
    parser = subparsers.add_parser(
        "workers",
        help="list the workers that are there, and what each can draw",
        description="List the living workers of the queue that REDIS_URL and NEWBIE_QUEUE_NAME "
        "name: device, model, memory plan, speed, what each can draw, last sign of life.",
        epilog="exit codes: 0 a worker is there, 1 none is or no Redis, 2 usage",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the registrations, print them, and give the exit code."""
    from jobs import presence
    from jobs.connection import connect
    from jobs.errors import QueueUnavailable, SettingsError
    from jobs.keys import Keys
    from jobs.settings import QueueSettings, RedisSettings, read

    try:
        redis, name = connect(read(RedisSettings)), read(QueueSettings).name
    except SettingsError as error:
        return _fail(2, str(error))
    try:
        workers = presence.registrations(redis, Keys(name))
    except QueueUnavailable as error:
        return _fail(1, str(error))
    finally:
        redis.close()
    if args.json:
        print(json.dumps([as_data(worker) for worker in workers], ensure_ascii=False, indent=2))
    elif workers:
        print("\n\n".join("\n".join(as_lines(worker, time.time())) for worker in workers))
    else:
        print(f"No worker of the queue {name} has given a sign of life lately.")
    return 0 if workers else 1


def as_data(worker: "Registration") -> dict[str, Any]:
    """Write what a worker says as plain data; sizes in bytes, times in seconds since 1970."""
    return worker.model_dump(mode="json")


def as_lines(worker: "Registration", now: float) -> list[str]:
    """Write what a worker says for people; `now` is in seconds since 1970."""
    rows = {
        "device": _device(worker),
        "model": _model(worker),
        "plan": _plan(worker.plan),
        "speed": _speed(worker),
        "draws": _draws(worker),
    }
    seen = max(0, round(now - worker.seen_at))
    head = f"{worker.name}, last sign of life {seen} s ago"
    return [head, *(f"  {name:<7} {text}" for name, text in rows.items())]


def _device(worker: "Registration") -> str:
    if worker.device is None:
        return UNKNOWN
    memory = worker.device.memory
    return worker.device.name + ("" if memory is None else f", {memory / GIB:.1f} GiB")


def _model(worker: "Registration") -> str:
    if worker.model is None:
        return UNKNOWN
    return worker.model + ("" if worker.model_hash is None else f" ({worker.model_hash})")


def _plan(plan: dict[str, Any] | None) -> str:
    """Tell where each part lies; a plan of another version may look otherwise."""
    if plan is None:
        return UNKNOWN
    try:
        parts = ", ".join(
            f"{part} {row['placement']}" + (f" {row['quantization']}" * bool(row["quantization"]))
            for part, row in plan["components"].items()
        )
        return f"{plan['peak_bytes'] / GIB:.1f} GiB on the {plan['device']}: {parts}"
    except (KeyError, TypeError, AttributeError):
        return "of another version: see --json"


def _speed(worker: "Registration") -> str:
    from jobs.cost import MEGAPIXEL_STEP

    if worker.speed is None:
        return "not measured yet: the first picture only warms it up"
    seconds, doubt = worker.speed.seconds(1, STEPS * MEGAPIXEL_STEP), 1 + worker.speed.spread
    between = f"{seconds / doubt:.1f} and {seconds * doubt:.1f}"
    return f"{seconds:.1f} s for a picture of 1 megapixel and {STEPS} steps (between {between})"


def _draws(worker: "Registration") -> str:
    most = worker.capability.max_pixels
    sizes = "every size" if most is None else f"up to {most / MEGAPIXEL:.2f} megapixels"
    return f"{sizes}, {'with' if worker.capability.assist else 'without'} help for prompts"


def _fail(exit_code: int, reason: str) -> int:
    print(f"newbie workers: {reason}", file=sys.stderr)
    return exit_code
