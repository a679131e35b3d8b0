"""`newbie run`: the whole product under one supervisor, until Ctrl-C.

Exit codes: 0 it was asked to stop and nothing is left, 1 a part could not start or died for good.
"""

import argparse
import base64
import binascii
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from newbie_cli.console import Console, JsonLines, Reporter
from newbie_cli.extras import advice, missing

if TYPE_CHECKING:
    from supervisor.stack import Stack, StackOptions

_FIRST_PORT = 8080
_PORTS_TO_TRY = 100
# View channels, send messages (in threads too), embed links, attach files, read history.
_PERMISSIONS = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 38
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `run` command."""
    parser = subparsers.add_parser(
        "run",
        help="start Redis, the playground or Discord, the bot and a worker",
        description="Start everything and print where to look. With DISCORD_TOKEN in the "
        "environment or in .env the bot goes to Discord, otherwise to the playground.",
        epilog="exit codes: 0 asked to stop, 1 a part could not start or died for good",
    )
    parser.add_argument(
        "--data-dir", type=Path, default=Path("data"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--model", metavar="DIR", help="checkpoint; default: NEWBIE_WORKER_MODEL, or the demo model"
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="the playground's port; default: 8080 or the next"
    )
    parser.set_defaults(run=run)


class _Stop:
    """Turns signals into calls: the first asks to stop, any further one to hurry."""

    def __init__(self) -> None:
        self.asked = False
        self.stack: Stack | None = None
        for signum in _STOP_SIGNALS:
            signal.signal(signum, self._take)

    def _take(self, *_: object) -> None:
        if self.stack and self.asked:
            self.stack.hurry()
        elif self.stack:
            self.stack.interrupt()
        self.asked = True


def run(args: argparse.Namespace) -> int:
    """Start the product, wait for the end, and give the exit code."""
    from dotenv import dotenv_values

    from newbie_pipeline.demo.packaged import DEMO
    from supervisor.errors import ChildFailed, Interrupted, SupervisorError
    from supervisor.stack import Stack

    settings = {key: value for key, value in dotenv_values(".env").items() if value} | {
        key: value for key, value in os.environ.items() if value
    }
    log_format = settings.get("NEWBIE_LOG_FORMAT", "auto")
    if log_format == "auto":
        log_format = "console" if sys.stdout.isatty() else "json"
    reporter: Reporter = JsonLines() if log_format == "json" else Console()
    token = settings.get("DISCORD_TOKEN")
    lacking = missing("torch", "discord", *(() if token else ("aiohttp",)))
    if lacking:
        reporter.failure("newbie run", advice(lacking), ())
        return 1
    stop = _Stop()
    try:
        model = args.model or settings.get("NEWBIE_WORKER_MODEL")
        if model is None:
            model = DEMO
            reporter.say("No model is set (NEWBIE_WORKER_MODEL): the small demo model draws.")
        if stop.asked:
            return 0
        options = _options(args, settings, model, log_format, reporter)
        with Stack(options, on_event=reporter.event, on_line=reporter.line) as stack:
            stop.stack = stack
            return _attend(stack, stop, reporter)
    except ChildFailed as failure:
        reporter.failure(failure.name, failure.reason, failure.tail)
    except Interrupted:
        return 0
    except (SupervisorError, OSError) as error:
        reporter.failure("newbie run", str(error), ())
    return 1


def _options(
    args: argparse.Namespace,
    settings: dict[str, str],
    model: str,
    log_format: str,
    reporter: Reporter,
) -> "StackOptions":
    from supervisor.child import Restart
    from supervisor.stack import StackOptions

    token = settings.get("DISCORD_TOKEN")
    if token:
        reporter.say("DISCORD_TOKEN is set: the bot goes to Discord, the playground is left out.")
    return StackOptions(
        data_dir=args.data_dir,
        model=model,
        discord_token=token,
        redis_url=settings.get("REDIS_URL"),
        playground_port=0 if token else args.port or _free_port(reporter),
        log_format=log_format,
        log_dir=args.data_dir / "logs",
        private=False,
        restart=Restart(),
        worker_grace=_worker_grace(settings),
    )


def _worker_grace(settings: dict[str, str]) -> float:
    """Give the worker a little longer to stop than it gives the job in its hands."""
    try:
        return float(settings.get("NEWBIE_WORKER_SHUTDOWN_GRACE", 60)) + 15
    except ValueError:
        return 15.0  # the worker will say what is wrong with the value, and hold no job


def _attend(stack: "Stack", stop: _Stop, reporter: Reporter) -> int:
    """Start the parts and stay until somebody stops us or one is lost."""
    if stop.asked:
        stack.interrupt()
    stack.start()
    if stack.options.discord_token:
        reporter.ready(_invitation(stack.token), "invite the bot to a server")
    else:
        reporter.ready(stack.playground_url + "/", "open this page")
    lost = stack.wait()
    if lost is None:
        reporter.say("Stopping. Press Ctrl-C again to stop at once.")
        return 0
    reporter.failure(lost.name, lost.detail, tuple(stack.tail(lost.name)))
    return 1


def _free_port(reporter: Reporter) -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS_TO_TRY):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        if port != _FIRST_PORT:
            reporter.say(f"Port {_FIRST_PORT} is taken; using {port}.")
        return port
    return 0  # any free one


def _invitation(token: str) -> str | None:
    """Make the link that adds the bot to a server: a token's first part is the bot's id."""
    first = token.partition(".")[0]
    try:
        application = int(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, ValueError):
        return None
    return (
        f"https://discord.com/oauth2/authorize?client_id={application}"
        f"&scope=bot+applications.commands&permissions={_PERMISSIONS}"
    )
