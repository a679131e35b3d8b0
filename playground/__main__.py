"""python -m playground: start the stand-in, say where it listens, serve until told to stop."""

import argparse
import asyncio
import json
import logging
import secrets
import signal
import sys
from pathlib import Path

import structlog

from playground.server import APPLICATION_ID, ConfigurationError, PlaygroundServer, ServerOptions
from playground.snowflakes import is_snowflake


def main() -> int:
    """Run the server from the command line; return the exit code."""
    arguments = _parser().parse_args()
    _set_up_logging(arguments.log_format, arguments.log_level)
    if not is_snowflake(arguments.application_id):
        print("playground: --application-id is a number", file=sys.stderr)
        return 2
    token = arguments.token or secrets.token_urlsafe(48)
    options = ServerOptions(
        data_dir=arguments.data_dir,
        token=token,
        host=arguments.host,
        port=arguments.port,
        application_id=arguments.application_id,
        allow_remote=arguments.allow_remote,
        public_url=arguments.public_url.rstrip("/") if arguments.public_url else None,
        privileged_intents=arguments.privileged_intents,
        heartbeat_interval=arguments.heartbeat_interval,
    )
    try:
        return asyncio.run(_serve(options, show_token=not arguments.token))
    except ConfigurationError as error:
        print(f"playground: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m playground", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free port")
    parser.add_argument("--data-dir", type=Path, default=Path("data/playground"))
    parser.add_argument("--token", help="the bot's token; made up and printed when left out")
    parser.add_argument("--application-id", default=APPLICATION_ID)
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen where other machines can connect"
    )
    parser.add_argument("--public-url", help="the address under which clients reach this server")
    parser.add_argument(
        "--privileged-intents", action="store_true", help="let the bot ask for privileged intents"
    )
    parser.add_argument("--heartbeat-interval", type=float, default=41.25, help="in seconds")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--log-level", choices=("debug", "info", "warning"), default="info")
    return parser


async def _serve(options: ServerOptions, *, show_token: bool) -> int:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with PlaygroundServer(options) as server:
        line = {
            "event": "listening",
            "url": server.url,
            "api": f"{server.url}/api/v10",
            "gateway": f"{server.url.replace('http', 'ws', 1)}/gateway/",
            "application_id": options.application_id,
        }
        if show_token:
            line["token"] = options.token
        print(json.dumps(line), flush=True)
        await stopping.wait()
    return 0


def _set_up_logging(log_format: str, level: str) -> None:
    """Write one line per event to stderr."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if log_format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


if __name__ == "__main__":
    sys.exit(main())
