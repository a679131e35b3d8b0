"""`newbie smoke PROMPT.xml --out picture.png`: does the whole way work?

Starts the product in private, sends the file as a member's attachment, and takes the picture that
the bot's side posts. Exit codes: 0 the picture came back through Discord's API, 1 it did not (the
message says which step did not happen), 2 bad usage.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newbie_cli.extras import advice, missing

if TYPE_CHECKING:
    from playground.client import PlaygroundClient
    from supervisor.stack import Stack

_PNG = b"\x89PNG\r\n\x1a\n"
_EPHEMERAL = 1 << 6  # message flag: only its addressee sees it
_LOOK_AT_PARTS = 0.2
_TAIL = 20
# What of the caller's settings also holds here: how the worker holds its model and computes.
_KEPT_SETTINGS = (
    "NEWBIE_WORKER_DEVICE",
    "NEWBIE_WORKER_DTYPE",
    "NEWBIE_WORKER_ATTENTION",
    "NEWBIE_WORKER_SOLVER",
    "NEWBIE_WORKER_LORAS",
    "NEWBIE_WORKER_TEXT_ENCODER",
    "NEWBIE_WORKER_QUANTIZE",
    "NEWBIE_WORKER_MEMORY",
    "NEWBIE_WORKER_MAX_MEMORY",
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `smoke` command."""
    parser = subparsers.add_parser(
        "smoke",
        help="send one prompt file all the way and save the picture that comes back",
        description="Start everything in private, send a prompt file as a member would, save the "
        "picture that is posted, and stop everything.",
        epilog="exit codes: 0 the picture came back, 1 it did not, 2 usage",
    )
    parser.add_argument("prompt", type=Path, metavar="PROMPT", help="an .xml or .txt file")
    parser.add_argument("--out", type=Path, required=True, metavar="PNG", help="where to save it")
    parser.add_argument("--json", action="store_true", help="print one line of JSON on stdout")
    parser.add_argument(
        "--model", metavar="DIR", help="checkpoint; default: NEWBIE_WORKER_MODEL, or the demo model"
    )
    parser.add_argument("--steps", type=int, default=28, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="for loading the model, and again for the picture; default: %(default)g",
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="keep data and logs here; default: nowhere"
    )
    parser.set_defaults(run=run)


class SmokeFailed(Exception):
    """A step that did not happen, and the part whose log says why."""

    def __init__(self, step: str, part: str, tail: tuple[str, ...] = ()) -> None:
        super().__init__(step)
        self.step = step
        self.part = part
        self.tail = tail


@dataclass(frozen=True)
class Picture:
    """What came back: the file, the message it was posted with, and the seconds it took."""

    content: bytes
    url: str
    message: dict[str, Any]
    seconds: float


def run(args: argparse.Namespace) -> int:
    """Go the whole way once, and give the exit code."""
    try:
        prompt = args.prompt.read_bytes()
    except OSError as error:
        print(f"newbie smoke: {args.prompt}: {error.strerror}", file=sys.stderr)
        return 2
    if not args.out.resolve().parent.is_dir():
        print(f"newbie smoke: {args.out.parent} is not a directory", file=sys.stderr)
        return 2
    if lacking := missing("torch", "discord", "aiohttp"):
        print(f"newbie smoke: {advice(lacking)}", file=sys.stderr)
        return 1
    # So that SIGTERM and a closed terminal end us as Ctrl-C does: everything is stopped.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="newbie-smoke-") as temporary:
            return _smoke(args, prompt, args.data_dir or Path(temporary))
    except KeyboardInterrupt:
        print("newbie smoke: interrupted", file=sys.stderr)
        return 1


def _smoke(args: argparse.Namespace, prompt: bytes, data_dir: Path) -> int:
    from newbie_pipeline.demo.packaged import DEMO
    from supervisor.errors import ChildFailed, SupervisorError
    from supervisor.stack import Stack, StackOptions

    begun = time.monotonic()
    try:
        model = args.model or os.environ.get("NEWBIE_WORKER_MODEL") or DEMO
        options = StackOptions(
            data_dir,
            model=model,
            log_dir=data_dir / "logs",
            worker_ready_timeout=args.timeout,
            settings={key: os.environ[key] for key in _KEPT_SETTINGS if os.environ.get(key)},
        )
        with Stack(options) as stack:
            stack.start()
            started = time.monotonic() - begun
            picture = asyncio.run(_watched(stack, args, prompt))
        args.out.write_bytes(picture.content)
    except ChildFailed as error:
        failure = SmokeFailed(str(error), error.name, error.tail)
        return _fail(args, failure)
    except SmokeFailed as failure:
        return _fail(args, failure)
    except (SupervisorError, OSError) as error:
        return _fail(args, SmokeFailed(str(error), "newbie smoke"))
    _report(args, picture, started)
    return 0


async def _watched(stack: "Stack", args: argparse.Namespace, prompt: bytes) -> Picture:
    """Go the members' way, and give up as soon as a part dies."""
    from playground.client import PlaygroundClient

    async with PlaygroundClient(stack.playground_url) as client:
        way = asyncio.create_task(_go(client, stack, args, prompt))
        while not way.done():
            await asyncio.wait([way], timeout=_LOOK_AT_PARTS)
            dead = stack.wait(0)
            if dead and not way.done():
                way.cancel()
                await asyncio.wait([way])
                raise SmokeFailed(
                    f"{dead.name} {dead.detail}", dead.name, tuple(stack.tail(dead.name, _TAIL))
                )
        return way.result()


async def _go(
    client: "PlaygroundClient", stack: "Stack", args: argparse.Namespace, prompt: bytes
) -> Picture:
    from playground.client import ActionRefused

    def failed(step: str, part: str) -> SmokeFailed:
        return SmokeFailed(step, part, tuple(stack.tail(part, _TAIL)))

    try:
        await client.wait_for_bot(timeout=30.0)
    except TimeoutError:
        raise failed("the bot did not come online with its commands", "bot") from None
    sent = time.monotonic()
    try:
        await client.command(
            "newbie", {"file": 0, "steps": args.steps}, files=[(args.prompt.name, prompt)]
        )
    except ActionRefused as error:
        raise failed(f"the command was not accepted: {error.message}", "playground") from None
    try:
        message = await client.wait_for_message(_is_the_end, timeout=args.timeout)
    except TimeoutError:
        shown = await _what_is_shown(client)
        step = f"no picture was posted within {args.timeout:g} seconds; {shown}"
        raise failed(step, "worker" if "no answer" not in shown else "bot") from None
    url = _picture_url(message)
    if url is None:
        part = "bot" if message.get("flags", 0) & _EPHEMERAL else "worker"
        raise failed(f"instead of a picture came: {message['content']}", part)
    content = await client.fetch(url)
    if not content.startswith(_PNG):
        raise failed("what was posted is not a PNG file", "worker")
    return Picture(content, url, message, time.monotonic() - sent)


def _picture_url(message: dict[str, Any]) -> str | None:
    """Return the first picture's address; one that an embed shows is no attachment any more."""
    shown = [embed["image"]["url"] for embed in message["embeds"] if embed.get("image")]
    return next(iter([*shown, *(file["url"] for file in message["attachments"])]), None)


def _is_the_end(message: dict[str, Any]) -> bool:
    """Tell a picture, a refusal or a failure from the messages on the way there.

    A refusal is seen by its addressee alone, a failure addresses the member; the messages about
    place and progress do neither and have no picture. Notes on a prompt that was accepted are seen
    by its sender alone too.
    """
    from jobs.wording import FALLBACK, say

    is_note = message["content"].startswith(say("bot.notes", FALLBACK))
    if is_note or not message["author"].get("bot"):
        return False
    ephemeral = bool(message.get("flags", 0) & _EPHEMERAL)
    addressed = str(message["content"]).startswith("<@")
    return _picture_url(message) is not None or ephemeral or addressed


async def _what_is_shown(client: "PlaygroundClient") -> str:
    messages = [m for m in (await client.state())["messages"] if m["author"].get("bot")]
    if not messages:
        return "the bot gave no answer at all"
    return f"the last thing that was shown is: {messages[-1]['content'] or 'a placeholder'}"


def _report(args: argparse.Namespace, picture: Picture, started: float) -> None:
    if not args.json:
        print(f"{args.out}: {len(picture.content)} bytes, {picture.seconds:.1f} s after /newbie")
        return
    embeds = picture.message.get("embeds", [])
    report = {
        "ok": True,
        "out": str(args.out),
        "bytes": len(picture.content),
        "width": int.from_bytes(picture.content[16:20], "big"),
        "height": int.from_bytes(picture.content[20:24], "big"),
        "message_id": picture.message["id"],
        "url": picture.url,
        "shown": {f["name"]: f["value"] for e in embeds for f in e.get("fields", [])},
        "seconds_to_start": round(started, 3),
        "seconds_to_picture": round(picture.seconds, 3),
    }
    print(json.dumps(report, ensure_ascii=False))


def _fail(args: argparse.Namespace, failure: SmokeFailed) -> int:
    if args.json:
        report = {"ok": False, "step": failure.step, "part": failure.part}
        print(json.dumps({**report, "log": list(failure.tail)}, ensure_ascii=False))
    print(f"newbie smoke: {failure.step}", file=sys.stderr)
    if failure.tail:
        print(f"The last lines of {failure.part}:", file=sys.stderr)
        for line in failure.tail:
            print(f"    {line}", file=sys.stderr)
    return 1
