"""One line per event: readable on a terminal, JSON for machines.

Standard library loggers (discord.py, RQ) pass through the same formatter. No secret and, above
debug level, no prompt text is ever handed to a logger; bot and worker log ids, durations and
outcome codes only.
"""

import logging
import sys

import structlog

from jobs.settings import LogSettings

# Chatty at info; their warnings and errors are kept.
QUIET_LOGGERS = ("discord", "rq.worker", "rq", "asyncio", "PIL", "httpx", "filelock")


def configure(settings: LogSettings, process: str) -> None:
    """Send every log line of this process to standard error, marked with the process's name."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.CallsiteParameterAdder([]),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # Where `rich` is installed the default prints local variables: prompts and tokens.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    final: list[structlog.types.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *([structlog.processors.format_exc_info] if as_json else []),
        renderer,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(process=process)
